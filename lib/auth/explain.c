/* SPDX-License-Identifier: Apache-2.0 */
#include "explain.h"

#include <string.h>

#include "clock.h"
#include "event.h"
#include "lifecycle.h"
#include "status.h"
#include "text.h"
#include "who.h"

_Static_assert((CONDITION_SERVICE | CONDITION_WHERE | CONDITION_FROM | CONDITION_PERSON | CONDITION_GROUP) == WIRE_CONDITIONS,
	       "conditions travel as bits");

/* What of a person's could take part in a login here. */
struct has {
	const struct who *who;
	bool card, card_nopin, app, password;
};

static enum err tell_place(const struct auth_call *c, const struct who *w)
{
	struct wire_record r = { .kind = WIRE_RECORD_PLACE };

	r.place.remote = w->remote;
	r.place.fallback = c->peer->config_fallback;
	r.place.full = c->store_full;
	text_copy_or_none(r.place.origin, sizeof(r.place.origin), w->origin);
	text_copy_or_none(r.place.address, sizeof(r.place.address), w->address);
	return c->io->record(c->io->arg, &r);
}

static enum err tell_class(const struct auth_call *c, const struct who *w, const struct policy_class *k)
{
	struct wire_record r = { .kind = WIRE_RECORD_CLASS };
	struct wire_class *told = &r.class_of;

	text_copy_or_none(told->name, sizeof(told->name), k->name);
	told->line = k->line;
	told->attempts = k->attempts;
	told->lock_s = k->lock_s;
	told->stated = (uint8_t)policy_stated(k);
	told->unmet = (uint8_t)who_unmet(c, w, k);
	told->applies = !told->unmet;
	return c->io->record(c->io->arg, &r);
}

static enum err tell_classes(const struct auth_call *c, const struct who *w)
{
	const struct policy_class *k = c->policy->classes;
	enum err e = tell_class(c, w, k);

	while (e == ERR_OK && k < w->class_of)
		e = tell_class(c, w, ++k);
	return e;
}

static enum err note_card(const struct card_row *row, void *arg)
{
	struct has *h = arg;

	if (lifecycle_usable(row, clock_real_s()) != ERR_OK)
		return ERR_OK;
	h->card |= row->pin_proved;
	h->card_nopin |= !row->pin_proved;
	return ERR_OK;
}

static enum err there_is(enum err found, bool *ret)
{
	*ret = found == ERR_OK;
	return found == ERR_NOT_FOUND ? ERR_OK : found;
}

static enum err find_what_is_there(const struct auth_call *c, struct has *h)
{
	struct totp_row app;
	struct password_row password;
	enum err e = store_card_each(c->store, h->who->person.id, note_card, h);

	if (e == ERR_OK)
		e = there_is(store_totp_get(c->store, h->who->person.id, &app), &h->app);
	if (e == ERR_OK)
		e = there_is(store_password_get(c->store, h->who->person.id, &password), &h->password);
	return e;
}

static enum wire_obstacle what_lacks(const struct has *h, enum factor f)
{
	switch (f) {
	case FACTOR_CARD:
		return h->card ? WIRE_WAY_OPEN : WIRE_WAY_NO_CARD;
	case FACTOR_CARD_NOPIN:
		return h->card_nopin ? WIRE_WAY_OPEN : WIRE_WAY_NO_CARD;
	case FACTOR_TOTP:
		return h->app ? WIRE_WAY_OPEN : WIRE_WAY_NO_APP;
	case FACTOR_PASSWORD:
		return h->password ? WIRE_WAY_OPEN : WIRE_WAY_NO_PASSWORD;
	case FACTOR_SESSION:
		break;
	}
	return WIRE_WAY_SESSION;
}

static enum wire_obstacle obstacle_of(const struct has *h, const struct alternative *a)
{
	enum wire_obstacle o = WIRE_WAY_OPEN;

	if (!alternative_offered(a, (struct login_place){ h->who->remote, h->who->ssh, false }))
		return alternative_has_card(a) && h->who->remote ? WIRE_WAY_REMOTE : WIRE_WAY_SESSION;
	for (size_t i = 0; i < a->n && o == WIRE_WAY_OPEN; i++)
		o = what_lacks(h, a->factors[i]);
	return o;
}

static enum err tell_way(const struct auth_call *c, const struct has *h, const struct alternative *a)
{
	struct wire_record r = { .kind = WIRE_RECORD_WAY, .way = { .obstacle = obstacle_of(h, a) } };

	alternative_text(a, r.way.factors, sizeof(r.way.factors));
	return c->io->record(c->io->arg, &r);
}

static enum err tell_ways(const struct auth_call *c, const struct who *w)
{
	struct has h = { .who = w };
	enum err e = w->known ? find_what_is_there(c, &h) : ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < w->class_of->n_alternatives; i++)
		e = tell_way(c, &h, &w->class_of->alternatives[i]);
	return e;
}

static enum err keep_event(const struct event_row *row, void *arg)
{
	struct event_row *newest = arg;

	*newest = *row;
	return ERR_OK;
}

static enum err tell_event(const struct auth_call *c, const struct event_row *row)
{
	struct wire_record r = { .kind = WIRE_RECORD_EVENT };

	r.event.seq = row->seq;
	r.event.at = row->at;
	text_copy_or_none(r.event.type, sizeof(r.event.type), row->type);
	text_copy_or_none(r.event.result, sizeof(r.event.result), row->result);
	text_copy_or_none(r.event.card, sizeof(r.event.card), row->card);
	text_copy_or_none(r.event.service, sizeof(r.event.service), row->service);
	text_copy_or_none(r.event.detail, sizeof(r.event.detail), row->detail);
	return c->io->record(c->io->arg, &r);
}

static enum err tell_newest(const struct auth_call *c, const struct who *w)
{
	const struct event_filter newest = { .person = w->person.login, .type = event_name(EVENT_LOGIN), .last = 1 };
	struct event_row row = { .seq = 0 };
	enum err e = store_event_each(c->store, &newest, keep_event, &row);

	return e == ERR_OK && row.seq ? tell_event(c, &row) : e;
}

enum err explain_run(const struct auth_call *c, struct wire_result *ret)
{
	struct who w;
	enum err e = who_find(c, &w);

	if (e == ERR_OK)
		e = tell_place(c, &w);
	if (e == ERR_OK && w.known)
		e = status_tell(c, &w, true);
	if (e == ERR_OK)
		e = tell_classes(c, &w);
	if (e == ERR_OK)
		e = tell_ways(c, &w);
	if (e == ERR_OK && w.known)
		e = tell_newest(c, &w);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}
