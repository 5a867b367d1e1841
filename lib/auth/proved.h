/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was proved in the login session that a host process runs in: the factor `session`, and the account of a sudo that asks
 * nothing. The session is told by the kernel's cgroup and by logind, never by the environment.
 */
#ifndef CARDMFA_PROVED_H
#define CARDMFA_PROVED_H

#include "auth.h"
#include "who.h"

struct proved {
	int64_t grant;          /* of the login that began the session */
	int64_t card;           /* -1: none */
	unsigned factors;       /* bits of enum factor */
	bool ssh;               /* its card was proved over ssh */
};

/*
 * Of the login that began this session, if it was this person's, who is the host's real uid, and the session stands: person active, card good, not older than
 * `reuse` of the class in w. ERR_NO_GRANT: there is none; ERR_LOCKED, ERR_REVOKED, ERR_SUSPENDED, ERR_EXPIRED; the store's errors.
 */
MUST_USE enum err proved_find(const struct auth_call *c, const struct who *w, struct proved *ret);

/* With it (or of itself, where it needs none) this alternative joins two kinds, as they count in the class. */
bool proved_joins(const struct proved *p, const struct policy_class *k, const struct alternative *a);

/*
 * That login, or an authentication since within the session, satisfies the class in w: nothing is left to ask. Each is not older than
 * `reuse`; one since outlives the login as far as it does not build on that. *card: with which that falls, of what was asked since,
 * else of the login, -1: none. Errors as of proved_find().
 */
MUST_USE enum err proved_enough(const struct auth_call *c, const struct who *w, int64_t *card);

#endif
