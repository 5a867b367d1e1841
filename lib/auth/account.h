/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARDMFA_ACCOUNT_H
#define CARDMFA_ACCOUNT_H

#include "auth.h"
#include "grant.h"
#include "who.h"

/*
 * May this host go on for this person without having authenticated in this transaction? One table: service ×
 * who asks. ERR_OK, ERR_NO_GRANT, ERR_LOCKED, ERR_NOT_A_PERSON; where it goes by what the login session proved, the errors of
 * proved_enough(). *card (always set): with which that falls, -1: none.
 */
MUST_USE enum err account_without_grant(const struct auth_call *c, const struct who *w, int64_t *card);

/* pam_acct_mgmt. */
MUST_USE enum err account_run(const struct auth_call *c, struct wire_result *ret);

#endif
