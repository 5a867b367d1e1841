/* SPDX-License-Identifier: Apache-2.0 */
/* How an authentication ends: one transaction for the verdict, one for a refusal. */
#include "login.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "clock.h"
#include "event.h"
#include "grant.h"
#include "l10n.h"
#include "lifecycle.h"
#include "log.h"
#include "paths.h"
#include "text.h"

#define STALE_EVENT_S 600
#define NO_LOGINUID 4294967295LL

/* Where from, for people: an address, else a terminal's name. */
static void describe_place(const struct login *l, char *dst, size_t size)
{
	const char *tty = l->c->request->tty;

	if (!strncmp(tty, "/dev/", 5))
		tty += 5;
	if (l->who.address[0])
		tty = l->who.address;
	else if (!tty[0] || strlen(tty) > 32 || strspn(tty, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/") != strlen(tty))
		tty = who_from(&l->who);
	text_copy_or_none(dst, size, tty);
}

/* The rows as they are now, not as they were when the card was recognised. */
static enum err read_again(const struct login *l, struct person *p)
{
	struct card_row card;
	enum err e = store_person_by_id(l->c->store, l->who.person.id, p);

	if (e != ERR_OK)
		return e;
	if (p->state != PERSON_ACTIVE || p->uid != l->who.uid)
		return ERR_LOCKED;
	if (l->in_session)
		e = login_session_again(l);
	if (e != ERR_OK || !l->proved)
		return e;
	e = store_card_by_id(l->c->store, l->card.id, &card);
	if (e != ERR_OK)
		return e;
	if (card.person != p->id || memcmp(card.spki_sha256, l->card.spki_sha256, sizeof(card.spki_sha256)))
		return fail(ERR_STORE_CORRUPT, "card %s changed hands during a login", l->card.card_id.text);
	return lifecycle_usable(&card, clock_real_s());
}

/* What runs for a person already (sudo, a locker) begins nothing, and may show nothing of what is told. */
static bool begins_session(const struct login *l)
{
	static const char users[] = "/user.slice/";

	return strncmp(l->c->peer->cgroup, users, sizeof(users) - 1) != 0;
}

/* What the person is told at the next login. */
static enum err write_stat(struct login *l, const struct person *now, struct login_stat *before)
{
	struct login_stat st = { .person = now->id, .last_at = clock_real_s(), .failure_at = -1 };
	enum err e;

	if (!begins_session(l))
		return ERR_OK;
	e = store_login_stat_get(l->c->store, now->id, before);
	describe_place(l, st.last_from, sizeof(st.last_from));
	return e == ERR_OK ? store_login_stat_put(l->c->store, &st) : e;
}

struct granting {
	struct login *login;
	const struct event *ev;
	struct login_stat before;
	int64_t seq;
};

static enum err write_grant(struct store *s, void *arg)
{
	struct granting *g = arg;
	struct login *l = g->login;
	struct person now;
	enum err e = read_again(l, &now);

	if (e == ERR_OK && l->n_answers)
		e = lockout_succeeded(s, &l->ticket);
	if (e == ERR_OK)
		e = write_stat(l, &now, &g->before);
	if (e == ERR_OK && l->proved)
		e = store_card_used(s, l->card.id, clock_real_s());
	if (e == ERR_OK && l->renew)
		e = store_password_put(s, &l->password);
	if (e == ERR_OK)
		e = grant_make(l->c, &l->who, login_card_of(l), l->factors);
	if (e == ERR_OK)
		e = event_record(s, g->ev, &g->seq);
	return e;
}

/* What describe_place() wrote; a terminal's name has neither. */
static bool is_address(const char *place)
{
	return strpbrk(place, ".:") != NULL;
}

/* Who came without terminal and address: who_from(). */
static const char *failure_place(const char *place)
{
	if (!strcmp(place, "local"))
		return _("this machine");
	if (!strcmp(place, "remote"))
		return _("the network");
	return place[0] ? place : "?";
}

static void last_login(char *dst, size_t size, const char *when, const char *place, const char *tries)
{
	if (!strcmp(place, "local"))
		snprintf(dst, size, _("Last login %s at this machine.%s"), when, tries);
	else if (!strcmp(place, "remote"))
		snprintf(dst, size, _("Last login %s over the network.%s"), when, tries);
	else
		snprintf(dst, size, is_address(place) ? _("Last login %s from %s.%s") : _("Last login %s on %s.%s"), when,
			 place[0] ? place : "?", tries);
}

static void tell_history(const struct login *l, const struct login_stat *st)
{
	char when[32], text[WIRE_TEXT_MAX], tries[400] = "";

	if (st->failures > 0)
		snprintf(tries, sizeof(tries),
			 ngettext(" %lld failed try since, the last from %s. If it was not yours, tell the systems section.",
				  " %lld failed tries since, the last from %s. If these were not yours, tell the systems section.",
				  (unsigned long)st->failures),
			 (long long)st->failures, failure_place(st->failure_from));
	if (st->last_at < 0)
		snprintf(text, sizeof(text), "%s%s", _("This is your first login."), tries);
	else
		last_login(text, sizeof(text), text_local_time(when, sizeof(when), st->last_at), st->last_from, tries);
	if (l->c->io->tell(l->c->io->arg, false, text) != ERR_OK)
		log_line(LOG_INFO, "the last login could not be shown");
}

/* `cardtool try`: root himself types, through the root socket, and wants to find it in the log. */
static bool is_tried(const struct login *l)
{
	return l->c->peer->root_socket && l->c->peer->ruid == 0 && !strcmp(l->c->peer->exe, PATH_CARDTOOL);
}

static int64_t actor_of(const struct login *l)
{
	const struct wire_peer *p = l->c->peer;

	return is_tried(l) && p->loginuid >= 0 && p->loginuid < NO_LOGINUID ? p->loginuid : p->ruid;
}

static struct event_field tried_field(const struct login *l)
{
	return (struct event_field){ "tried_with", is_tried(l) ? "cardtool" : NULL };
}

/* Of a card over ssh it was not seen here that its PIN was asked for: the label says so. */
static const char *name_factors(struct login *l)
{
	char text[129];

	snprintf(l->factors, sizeof(l->factors), "%s%s", l->who.ssh && l->proved ? "ssh-" : "",
		 alternative_text(&l->who.class_of->alternatives[l->chosen], text, sizeof(text)));
	return l->factors;
}

enum err login_end_grant(struct login *l)
{
	const struct event ev = {
		.type = EVENT_LOGIN, .result = ERR_OK, .person = l->who.person.login, .actor = actor_of(l),
		.card = login_card_of(l) != -1 ? l->card.card_id.text : NULL, .service = l->c->request->service,
		.origin = l->who.origin, .address = l->who.address,
		.fields = {
			{ "factors", name_factors(l) },
			{ "class", l->who.class_of->name },
			{ "target", who_target(l->c, &l->who) },
			tried_field(l),
		},
	};
	struct granting g = { .login = l, .ev = &ev, .before = { .last_at = -1 } };
	enum err e = store_transaction(l->c->store, l->who.class_of->when_full, write_grant, &g);

	if (e != ERR_OK)
		return e;
	event_publish(&ev, g.seq);
	if (begins_session(l))
		tell_history(l, &g.before);
	return ERR_OK;
}

struct recent {
	const struct login *l;
	bool found;
};

/*
 * Only what a card, a proved person or root bounds by itself gets an event of its own: a flood fills nothing. A key over ssh signs
 * without its holder, from an agent, and a login session is there for any program in it: then the guesses that were counted are the bound.
 */
static bool has_event(const struct login *l)
{
	const bool unasked = l->who.ssh || l->in_session;

	return (login_is_proved(l) && (!unasked || l->verified)) || l->pin_tried || is_tried(l);
}

static enum err note_recent(const struct event_row *e, void *arg)
{
	struct recent *r = arg;

	r->found |= !strcmp(e->result, err_name(r->l->stale));
	return ERR_OK;
}

/* A revoked card that somebody tries is worth knowing of, but not every time: one event a card in ten minutes. */
static enum err record_stale_card(const struct login *l, const struct event *ev, int64_t *seq)
{
	const struct event_filter last = {
		.card = l->stale_card.text, .type = event_name(EVENT_LOGIN), .since = clock_real_s() - STALE_EVENT_S,
	};
	struct recent recent = { .l = l };
	enum err e;

	if (l->stale == ERR_OK || l->face == FACE_KNOWN)
		return ERR_OK;
	e = store_event_each(l->c->store, &last, note_recent, &recent);
	return e == ERR_OK && !recent.found ? event_record(l->c->store, ev, seq) : e;
}

static enum err count_for_person(const struct login *l)
{
	struct login_stat st;
	enum err e;

	if (!l->who.known)
		return ERR_OK;
	e = store_login_stat_get(l->c->store, l->who.person.id, &st);
	if (e != ERR_OK)
		return e;
	st.failures++;
	st.failure_at = clock_real_s();
	describe_place(l, st.failure_from, sizeof(st.failure_from));
	return store_login_stat_put(l->c->store, &st);
}

struct refusing {
	const struct login *login;
	const struct event *ev;
	bool full;
	int64_t seq;            /* 0: no event */
};

static enum err write_refusal(struct store *s, void *arg)
{
	struct refusing *r = arg;
	const struct login *l = r->login;
	enum err e = ERR_OK;

	r->seq = 0;
	if (l->ticket.try_id)
		e = l->verified || l->ticket.person == 0 ? lockout_failed(s, &l->ticket, &l->limits, &r->full) : lockout_returned(s, &l->ticket);
	if (e == ERR_OK)
		e = count_for_person(l);
	if (e == ERR_OK && has_event(l))
		e = event_record(s, r->ev, &r->seq);
	else if (e == ERR_OK)
		e = store_unproved_add(s, l->who.remote ? "remote" : "local", l->who.address, clock_real_s());
	return e == ERR_OK ? record_stale_card(l, r->ev, &r->seq) : e;
}

static void record_lockout(const struct login *l, const struct event *refusal)
{
	struct event ev = *refusal;

	ev.type = EVENT_LOCKOUT;
	ev.result = ERR_LOCKED;
	if (event_alone(l->c->store, &ev) != ERR_OK)
		log_line(LOG_ERR, "the lockout of %s could not be recorded", l->who.person.login);
}

/* Those that a verifier judged, or found wrong, by name: "totp", "password,totp". dst is "" before. */
static const char *list_answers(const struct login *l, bool only_wrong, char *dst, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < l->n_answers && len < size; i++)
		if (only_wrong ? l->answers[i].wrong : l->answers[i].judged)
			len += (size_t)snprintf(dst + len, size - len, "%s%s", len ? "," : "",
						factor_name(l->answers[i].factor));
	return dst;
}

/* What the one face of all refusals hides, told to root who tried; ERR_OK: nothing. */
static enum err hidden_reason(const struct login *l)
{
	if (!l->who.known)
		return ERR_NOT_A_PERSON;
	if (l->who.person.state != PERSON_ACTIVE)
		return ERR_LOCKED;
	if (l->face == FACE_STRANGER)
		return l->stale != ERR_OK ? l->stale : ERR_CARD_UNKNOWN;
	return l->hopeless ? ERR_NO_FACTOR : ERR_OK;
}

/* Service and address are what somebody outside says: each is one word of the line. */
static void log_without_row(const struct login *l, const char *what, enum err why)
{
	const struct wire_request *r = l->c->request;
	char service[TEXT_WORD_SIZE(sizeof(r->service))], origin[TEXT_WORD_SIZE(sizeof(l->who.origin))],
	     address[TEXT_WORD_SIZE(sizeof(l->who.address))];

	log_line(LOG_NOTICE, "%s: %s service=%s origin=%s address=%s", what, err_name(why),
		 text_word(service, sizeof(service), r->service), text_word(origin, sizeof(origin), l->who.origin),
		 text_word(address, sizeof(address), l->who.address));
}

enum err login_end_refuse(struct login *l, enum err why)
{
	const bool stale = l->stale != ERR_OK && l->face != FACE_KNOWN;
	const enum err hidden = is_tried(l) ? hidden_reason(l) : ERR_OK;
	char wrong[64] = "", judged[64] = "";
	const struct event ev = {
		.type = EVENT_LOGIN, .result = stale ? l->stale : why, .person = l->who.known ? l->who.person.login : NULL,
		.card = l->face == FACE_KNOWN || login_card_of(l) != -1 ? l->card.card_id.text : stale ? l->stale_card.text : NULL, .actor = actor_of(l),
		.service = l->c->request->service, .origin = l->who.origin, .address = l->who.address,
		.fields = {
			{ "class", l->who.class_of->name },
			{ "target", who_target(l->c, &l->who) },
			{ "wrong", list_answers(l, true, wrong, sizeof(wrong)) },
			{ "judged", is_tried(l) ? list_answers(l, false, judged, sizeof(judged)) : NULL },
			{ "because", hidden != ERR_OK ? err_name(hidden) : NULL },
			tried_field(l),
		},
	};
	struct refusing r = { .login = l, .ev = &ev };
	enum err e;

	/* Nobody answered, or the machinery failed before anything was tried: no failure of a person. */
	if (!l->ticket.try_id && !l->pin_tried && (why >= ERR_UNAVAILABLE || why == ERR_NO_CARD)) {
		log_without_row(l, "no login", why);
		return why;
	}
	e = store_transaction(l->c->store, true, write_refusal, &r);
	if (e != ERR_OK)
		return e;
	if (r.seq)
		event_publish(&ev, r.seq);
	else
		log_without_row(l, "login refused", why);
	if (r.full)
		record_lockout(l, &ev);
	return why;
}
