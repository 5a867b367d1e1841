/* SPDX-License-Identifier: Apache-2.0 */
#include "proved.h"

#include <string.h>

#include "clock.h"
#include "grant.h"
#include "locality.h"

#define SSH "ssh-"
#define BIT(f) (1u << (f))

/* "ssh-card,totp": as login_end.c writes it. False: something else stands there. p has no factors before. */
static bool read_factors(const char *text, struct proved *p)
{
	p->ssh = !strncmp(text, SSH, sizeof(SSH) - 1);
	text += p->ssh ? sizeof(SSH) - 1 : 0;
	for (;;) {
		size_t len = strcspn(text, ",");
		enum factor f = factor_find(text, len);

		if (!f)
			return false;
		p->factors |= BIT(f);
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool is_recent(const struct grant_row *g, const struct moment *now, const struct policy_class *k)
{
	const int64_t limit = k->reuse_s * 1000;

	return clock_elapsed_ms(&g->at, now, limit) < limit;
}

/*
 * The session of logind this process stands in, if it is this person's own and stands. Who became another there is no longer its
 * person: the process is that other's.
 */
static bool own_session(const struct auth_call *c, const struct who *w, char *session, size_t size, char *service,
			size_t service_size)
{
	return w->known && c->peer->ruid == w->uid && locality_session_of(c->peer->cgroup, session, size) &&
	       locality_session_stands(c->peer, c->request->op, session, service, service_size);
}

struct place {
	char session[65], service[65];
	struct moment now;
	bool recent;            /* the login counts still */
	bool elsewhere;         /* no login of ours began the session */
};

/* The kernel gives its numbers once; those that logind gives come again after its restart. */
static bool has_kernels_number(const char *session)
{
	return !session[strspn(session, "0123456789")];
}

static enum err begin_of(const struct auth_call *c, const struct who *w, struct place *at, struct grant_row *ret)
{
	struct session_row row;
	enum err e = store_session_of_logind(c->store, at->now.boot_id, at->session, at->service, &row);

	at->elsewhere = e == ERR_NOT_FOUND && has_kernels_number(at->session);
	if (e == ERR_NOT_FOUND)
		return ERR_NO_GRANT;
	if (e != ERR_OK)
		return e;
	if (row.state != SESSION_OPEN || row.person != w->person.id || row.grant == -1)
		return ERR_NO_GRANT;
	e = store_grant_by_id(c->store, row.grant, ret);
	return e == ERR_OK && (ret->person != w->person.id || ret->withdrawn) ? ERR_NO_GRANT : e;
}

static enum err find(const struct auth_call *c, const struct who *w, struct place *at, struct proved *ret)
{
	struct proved p = { .factors = 0 };
	struct grant_row g;
	enum err e = clock_now(&at->now);

	if (e != ERR_OK)
		return e;
	if (!own_session(c, w, at->session, sizeof(at->session), at->service, sizeof(at->service)))
		return ERR_NO_GRANT;
	if (w->person.state != PERSON_ACTIVE)
		return ERR_LOCKED;
	e = begin_of(c, w, at, &g);
	if (e == ERR_OK)
		e = grant_card_good(c->store, g.card);
	if (e != ERR_OK)
		return e;
	at->recent = is_recent(&g, &at->now, w->class_of);
	if (!read_factors(g.factors, &p))
		return fail(ERR_STORE_CORRUPT, "grant %lld: factors", (long long)g.id);
	p.grant = g.id;
	p.card = g.card;
	*ret = p;
	return ERR_OK;
}

enum err proved_find(const struct auth_call *c, const struct who *w, struct proved *ret)
{
	struct place at = { .recent = false };
	struct proved p;
	enum err e = find(c, w, &at, &p);

	if (e == ERR_OK && !at.recent)
		e = ERR_NO_GRANT;
	if (e == ERR_OK)
		*ret = p;
	return e;
}

/* What a factor counts for; the PIN of a card over ssh was not seen here. */
static unsigned kinds_of(enum factor f, bool ssh, const struct policy_class *k)
{
	return f == FACTOR_CARD && ssh && k->ssh_card == SSH_CARD_POSSESSION ? KIND_POSSESSION : factor_kinds(f);
}

static unsigned kinds_of_login(const struct proved *p, const struct policy_class *k)
{
	unsigned kinds = 0;

	for (enum factor f = FACTOR_CARD; f < FACTOR_SESSION; f++)
		if (p->factors & BIT(f))
			kinds |= kinds_of(f, p->ssh, k);
	return kinds;
}

/* ssh: the card of the alternative itself proved itself over ssh. */
static bool joins(const struct proved *login, const struct policy_class *k, const struct alternative *a, bool ssh)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < a->n; i++)
		kinds |= a->factors[i] == FACTOR_SESSION ? kinds_of_login(login, k) : kinds_of(a->factors[i], ssh, k);
	return (kinds & (kinds - 1)) != 0;
}

bool proved_joins(const struct proved *p, const struct policy_class *k, const struct alternative *a)
{
	return joins(p, k, a, false);
}

/* By itself: what one authentication asked for, and what the login had proved before where it built on that. */
static bool satisfies(const struct proved *login, const struct proved *one, const struct policy_class *k)
{
	for (size_t i = 0; i < k->n_alternatives; i++) {
		const struct alternative *a = &k->alternatives[i];
		size_t have = 0;

		for (size_t j = 0; j < a->n; j++)
			have += (one->factors & BIT(a->factors[j])) != 0;
		if (have == a->n && joins(login, k, a, one->ssh))
			return true;
	}
	return false;
}

struct search {
	const struct auth_call *call;
	const struct policy_class *class_of;
	const struct place *at;
	const struct proved *login;
	enum err result;        /* ERR_OK: found; else why not, of the newest that a card spoilt, ERR_NO_GRANT without one */
	int64_t card;           /* of what was found */
};

/* A card that is not good any more spoils its own authentication, no other. */
static enum err look_at(const struct grant_row *g, void *arg)
{
	struct search *s = arg;
	struct proved p = { .factors = 0 };
	enum err e;

	if (s->result == ERR_OK || !g->through_root || g->withdrawn || !is_recent(g, &s->at->now, s->class_of))
		return ERR_OK;
	if (!read_factors(g->factors, &p))
		return fail(ERR_STORE_CORRUPT, "grant %lld: factors", (long long)g->id);
	if (!satisfies(s->login, &p, s->class_of))
		return ERR_OK;
	e = grant_card_good(s->call->store, g->card);
	if (e >= ERR_UNAVAILABLE)
		return e;
	if (e == ERR_OK || s->result == ERR_NO_GRANT)
		s->result = e;
	s->card = g->card != -1 ? g->card : s->login->card;
	return ERR_OK;
}

enum err proved_enough(const struct auth_call *c, const struct who *w, int64_t *card)
{
	struct place at = { .recent = false };
	struct proved login = { .card = -1 }, whole;
	struct search s = { .call = c, .class_of = w->class_of, .at = &at, .login = &login };
	enum err e = find(c, w, &at, &login);

	if (e == ERR_NO_GRANT && at.elsewhere)
		e = ERR_OK;
	if (e != ERR_OK)
		return e;
	/* Without one, or of an older one: only what was asked since, and does not build on it. */
	if (!at.recent)
		login.factors = 0;
	/* A login stands for `session` too. */
	whole = login;
	whole.factors |= BIT(FACTOR_SESSION);
	s.result = satisfies(&login, &whole, w->class_of) ? ERR_OK : ERR_NO_GRANT;
	s.card = login.card;
	if (s.result != ERR_OK)
		e = store_grant_each_inside(c->store, at.now.boot_id, at.session, w->person.id, login.grant, look_at, &s);
	if (e == ERR_OK)
		e = s.result;
	if (e == ERR_OK)
		*card = s.card;
	return e;
}
