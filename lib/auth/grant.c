/* SPDX-License-Identifier: Apache-2.0 */
#include "grant.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "lifecycle.h"
#include "locality.h"
#include "text.h"

enum err grant_make(const struct auth_call *c, const struct who *w, int64_t card, const char *factors)
{
	struct grant_row g = {
		.person = w->person.id, .card = card, .uid = c->peer->ruid,
		.audit_session = c->peer->audit_session, .host_pid = c->peer->pid, .host_start = c->peer->start,
		.parent_pid = c->peer->parent, .parent_start = c->peer->parent_start,
		.through_root = c->peer->root_socket, .used_at = -1,
	};
	enum err e = clock_now(&g.at);

	if (e != ERR_OK)
		return e;
	if (!text_copy(g.factors, sizeof(g.factors), factors) ||
	    !text_copy(g.class_name, sizeof(g.class_name), w->class_of->name) ||
	    !text_copy(g.service, sizeof(g.service), c->request->service) ||
	    !text_copy(g.origin, sizeof(g.origin), w->origin))
		return fail(ERR_PROTOCOL, "a name is too long for a grant");
	/* Outside of every login session: "". */
	(void)locality_session_of(c->peer->cgroup, g.logind_session, sizeof(g.logind_session));
	return store_grant_add(c->store, &g);
}

enum err grant_card_good(struct store *s, int64_t card)
{
	struct card_row row;
	enum err e;

	if (card < 0)
		return ERR_OK;
	e = store_card_by_id(s, card, &row);
	return e == ERR_OK ? lifecycle_usable(&row, clock_real_s()) : e;
}

/*
 * A process that authenticated by itself through the user socket may become a root host by exec, with the same
 * pid and start time: the two kinds of grant never meet.
 */
static enum err newest_of_host(const struct auth_call *c, const struct who *w, const char *boot_id, struct grant_row *ret)
{
	enum err e = store_grant_of_host(c->store, boot_id, c->peer->pid, c->peer->start, w->person.id,
					 c->request->service, c->peer->root_socket, w->ssh, ret);

	return e == ERR_NOT_FOUND ? ERR_NO_GRANT : e;
}

static enum err withdraw(struct store *s, void *arg)
{
	const struct grant_row *g = arg;

	return store_grant_withdraw(s, g->id);
}

enum err grant_withdraw(const struct auth_call *c, const struct who *w)
{
	struct grant_row g;
	struct moment now;
	enum err e = clock_now(&now);

	if (e == ERR_OK)
		e = newest_of_host(c, w, now.boot_id, &g);
	if (e != ERR_OK || g.withdrawn)
		return e == ERR_NO_GRANT ? ERR_OK : e;
	return store_transaction(c->store, true, withdraw, &g);
}

enum err grant_of_host(const struct auth_call *c, const struct who *w, struct grant_row *ret)
{
	struct grant_row g;
	struct moment now;
	enum err e = clock_now(&now);

	if (e != ERR_OK)
		return e;
	if (!w->known)
		return ERR_NOT_A_PERSON;
	if (w->person.state != PERSON_ACTIVE)
		return ERR_LOCKED;
	e = newest_of_host(c, w, now.boot_id, &g);
	if (e != ERR_OK)
		return e;
	if (g.withdrawn || clock_elapsed_ms(&g.at, &now, GRANT_AGE_MS) >= GRANT_AGE_MS)
		return ERR_NO_GRANT;
	e = grant_card_good(c->store, g.card);
	if (e == ERR_OK)
		*ret = g;
	return e;
}
