/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The factor `session`: sudo and su within a login session ask for less, and two kinds are still joined. MUST: go by the grant that
 * opened this very session, read again with the verdict.
 */
#include "login.h"

/* Nobody of these is within a session that counts: the other ways stay, as for anybody. */
static bool is_none(enum err e)
{
	return e == ERR_NO_GRANT || e == ERR_LOCKED || e == ERR_REVOKED || e == ERR_SUSPENDED || e == ERR_EXPIRED;
}

static bool is_asked_for(const struct policy_class *k)
{
	for (size_t i = 0; i < k->n_alternatives; i++)
		if (alternative_has(&k->alternatives[i], FACTOR_SESSION))
			return true;
	return false;
}

enum err login_session_find(struct login *l)
{
	struct proved p;
	enum err e = is_asked_for(l->who.class_of) ? proved_find(l->c, &l->who, &p) : ERR_NO_GRANT;

	if (e == ERR_OK && p.card != -1)
		e = store_card_by_id(l->c->store, p.card, &l->card);
	if (e != ERR_OK)
		return is_none(e) ? ERR_OK : e;
	l->session = p;
	l->in_session = true;
	return ERR_OK;
}

enum err login_session_again(const struct login *l)
{
	struct proved now;
	enum err e = proved_find(l->c, &l->who, &now);

	if (e == ERR_OK && (now.grant != l->session.grant || now.card != l->session.card))
		e = ERR_NO_GRANT;
	return e;
}

bool login_is_proved(const struct login *l)
{
	return l->proved || l->in_session;
}

int64_t login_card_of(const struct login *l)
{
	return l->proved ? l->card.id : l->in_session ? l->session.card : -1;
}
