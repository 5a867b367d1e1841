/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions as the store knows them: pending before pam_systemd, open after it, closed. The store alone is believed.
 *
 * Of a host that is killed, or that a session line behind ours stops, the row stays pending or open: none of these calls close. The module
 * does not close it at pam_end() either: it keeps nothing between calls, hosts run pam_end() in children too, and a killed one never does.
 * Nothing is proved by such a row: what counts within a session is asked of logind as well (proved.h).
 */
#ifndef CARDMFA_SESSION_H
#define CARDMFA_SESSION_H

#include "auth.h"

MUST_USE enum err session_open(const struct auth_call *c, struct wire_result *ret);
MUST_USE enum err session_confirm(const struct auth_call *c, struct wire_result *ret);
MUST_USE enum err session_close(const struct auth_call *c, struct wire_result *ret);

#endif
