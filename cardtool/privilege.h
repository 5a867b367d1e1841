/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cardtool is while it runs. MUST: refuse to run set-uid, start from an environment of its
 * own, drop root for good before the store is opened, and see that it has. MUST NOT: believe
 * SUDO_USER or any other variable.
 */
#ifndef CARDMFA_PRIVILEGE_H
#define CARDMFA_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/*
 * First thing in main: AT_SECURE and CARDTOOL_* variables are refused (ERR_NOT_ALLOWED, ERR_USAGE),
 * descriptors 0 to 2 exist, the environment keeps terminal, language and time zone only (checked),
 * umask 077, SIGPIPE is ignored.
 */
MUST_USE enum err privilege_begin(void);

/* Real and effective uid 0. */
bool privilege_is_root(void);

/*
 * Who stands behind this process for the log: /proc/self/loginuid, else (a boot script, a rescue
 * shell) its real uid. Needs no root; must be asked before dropping.
 */
int64_t privilege_actor(void);

/*
 * Becomes this user with its primary group alone, for good. ERR_NOT_FOUND: no such user;
 * ERR_SYSTEM: then the caller must end.
 */
MUST_USE enum err privilege_drop(const char *user);

/*
 * Runs work(arg) in a child that has dropped to the user (NULL: it stays what it is), and returns its result, err_detail()
 * included. ERR_TIMEOUT: killed at the deadline (clock.h).
 */
MUST_USE enum err privilege_run_as(const char *user, enum err (*work)(void *arg), void *arg,
				   int64_t deadline);

#endif
