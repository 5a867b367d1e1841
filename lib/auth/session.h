/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as the store knows them: pending before pam_systemd, open after it, closed. The store alone is believed. */
#ifndef CARDMFA_SESSION_H
#define CARDMFA_SESSION_H

#include "auth.h"

MUST_USE enum err session_open(const struct auth_call *c, struct wire_result *ret);
MUST_USE enum err session_confirm(const struct auth_call *c, struct wire_result *ret);
MUST_USE enum err session_close(const struct auth_call *c, struct wire_result *ret);

#endif
