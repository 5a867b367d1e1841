/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry point relayed to the daemon. MUST NOT: decide, read the environment, open files, keep anything between calls,
 * touch signals of the host, leave a descriptor open.
 */
#ifndef CARDMFA_RELAY_H
#define CARDMFA_RELAY_H

#include <security/pam_modules.h>

#include "wire.h"

/* The PAM code for the host. Every failure of ours is a refusal. */
int relay_run(pam_handle_t *pamh, enum wire_op op, int flags);

/* The only argument there is stands on the session line behind pam_systemd. PAM_SUCCESS, else PAM_SERVICE_ERR (logged). */
int relay_arguments(pam_handle_t *pamh, int argc, const char **argv, int *confirm);

#endif
