/* SPDX-License-Identifier: Apache-2.0 */
/* A grant: what was proved, by whom, for which host process. Bound to kernel facts, never to what a host carries along. */
#ifndef CARDMFA_GRANT_H
#define CARDMFA_GRANT_H

#include "auth.h"
#include "who.h"

#define GRANT_AGE_MS 600000     /* from authentication to account and session of the same host */

/*
 * In the verdict's transaction. card: what it falls with, -1: none was proved. factors: "card,totp"; "ssh-card,totp" where sshd
 * verified the card's key.
 */
MUST_USE enum err grant_make(const struct auth_call *c, const struct who *w, int64_t card, const char *factors);

/*
 * The grant this very host process (pid, start time, boot) got for this person and service, its person active and its card
 * still good. Of sshd: or a child of this process, in which it runs authentication. ERR_NO_GRANT: there is none, or it is too
 * old; ERR_LOCKED, ERR_REVOKED, ERR_SUSPENDED, ERR_EXPIRED.
 */
MUST_USE enum err grant_of_host(const struct auth_call *c, const struct who *w, struct grant_row *ret);

/*
 * Authentication begins anew: what this host process got before for this person and service is worth nothing, however it ends.
 * Writes only where there is something to withdraw. The store's errors.
 */
MUST_USE enum err grant_withdraw(const struct auth_call *c, const struct who *w);

/* ERR_OK while the card of a grant or session (-1: none) is usable. */
MUST_USE enum err grant_card_good(struct store *s, int64_t card);

#endif
