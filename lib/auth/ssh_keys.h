/* SPDX-License-Identifier: Apache-2.0 */
/* What sshd is told of keys: those that it may take, before any login, and those that it must refuse. */
#ifndef CARDMFA_SSH_KEYS_H
#define CARDMFA_SSH_KEYS_H

#include "auth.h"

/*
 * WIRE_SSH_KEYS. No record for whom or what sshd may take no key of: unknown, locked and removed people, cards that no login would take,
 * another key than the one that was asked about. ERR_OK all the same.
 */
MUST_USE enum err ssh_keys_run(const struct auth_call *c, struct wire_result *ret);

/* WIRE_SSH_STOPPED. ERR_OK only when every such card was told. */
MUST_USE enum err ssh_keys_run_stopped(const struct auth_call *c, struct wire_result *ret);

#endif
