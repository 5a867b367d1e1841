/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel lets cardmfa-card do once its libraries are loaded. */
#ifndef CARDMFA_CARD_SANDBOX_H
#define CARDMFA_CARD_SANDBOX_H

#include "error.h"

/*
 * For good: every system call but the listed ones fails with EPERM: among them open, openat, openat2,
 * execve, execveat, fork, ptrace, and socket of any family but AF_UNIX. Needs no_new_privs. ERR_SYSTEM.
 */
MUST_USE enum err card_sandbox_enter(void);

#endif
