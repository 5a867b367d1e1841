/* SPDX-License-Identifier: Apache-2.0 */
#include "revoke.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card_json.h"
#include "clock.h"
#include "output.h"
#include "when.h"
#include "words.h"

void revocation_free(struct revocation *r)
{
	free(r->cards);
}

enum err revocation_add(struct revocation *r, const struct card_row *c, const char *login)
{
	struct revoked *more = reallocarray(r->cards, r->n + 1, sizeof(*more));

	if (!more)
		return fail(ERR_MEMORY, "revocation");
	r->cards = more;
	r->cards[r->n] = (struct revoked){ .card = *c };
	if (!text_copy(r->cards[r->n].login, sizeof(r->cards[r->n].login), login))
		return fail(ERR_INVALID, "login");
	r->n++;
	return ERR_OK;
}

struct of_person {
	struct revocation *revocation;
	const struct person *person;
};

static enum err add_each(const struct card_row *c, void *arg)
{
	const struct of_person *o = arg;

	return revocation_add(o->revocation, c, o->person->login);
}

enum err revocation_add_person(struct revocation *r, struct store *s, const struct person *p)
{
	struct of_person o = { .revocation = r, .person = p };

	return store_card_each(s, p->id, add_each, &o);
}

static enum err revoke_one(struct change *c, struct revocation *r, struct revoked *one)
{
	enum err e = store_card_by_id(change_store(c), one->card.id, &one->card);

	one->changed = false;
	/* Found, collected and destroyed cards were revoked before. */
	if (e || one->card.state >= CARD_REVOKED)
		return e;
	e = lifecycle_move(change_store(c), &one->card, &r->step, &one->changed);
	if (e || !one->changed)
		return e;

	struct event event = {
		.type = EVENT_CARD_REVOKE, .person = one->login, .card = one->card.card_id.text,
		.fields = {
			{ "reason", card_reason_name(r->step.reason) },
			{ "reported_by", r->step.reported_by },
			{ "reported_at", r->reported_at },
		},
	};

	return change_event(c, &event);
}

enum err revocation_work(struct change *c, struct revocation *r)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < r->n; i++)
		e = revoke_one(c, r, &r->cards[i]);
	return e;
}

static void say_one(const struct revocation *r, const struct revoked *one)
{
	const struct card_row *c = &one->card;
	char at[24], late[64];

	if (!one->changed) {
		say(_("Card %s of %s was revoked already, on %s (%s). Nothing was changed."),
		    c->card_id.text, one->login, word_time(at, sizeof(at), c->revoked_at),
		    word_reason(c->reason));
		return;
	}
	when_clock(at, sizeof(at), c->revoked_at);
	if (r->step.reported_at >= 0)
		say(_("Revoked card %s of %s at %s (%s after the report). Logins with it are refused from now on."),
		    c->card_id.text, one->login, at,
		    word_duration(late, sizeof(late), c->revoked_at - r->step.reported_at));
	else
		say(_("Revoked card %s of %s at %s. Logins with it are refused from now on."),
		    c->card_id.text, one->login, at);
}

void revocation_say(const struct revocation *r)
{
	for (size_t i = 0; i < r->n; i++)
		say_one(r, &r->cards[i]);
}

json_t *revocation_card(const struct card_row *c, const struct person *p, bool changed)
{
	json_t *value = card_json(c, p);

	if (value && !json_object_set_new(value, "changed", json_boolean(changed)))
		return value;
	json_decref(value);
	return NULL;
}

void revocation_print(const struct tool *t, int64_t at, json_t *cards, json_t *sessions)
{
	json_print(json_pack("{s:s, s:o, s:o, s:o?}", "action", t->command->name, "at", json_time(at), "cards", cards, "sessions",
			     sessions));
}

/* ---- sessions ---- */

struct open_sessions {
	int64_t card;
	struct moment now;
	size_t n;
	struct session_row *rows;
};

static void free_sessions(struct open_sessions *o)
{
	free(o->rows);
}

/* Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets. */
static bool start_of(int64_t pid, int64_t *ret)
{
	char path[40], text[512];

	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';

	char *rest = strrchr(text, ')');

	for (int field = 2; rest && field < 22; field++)
		rest = strchr(rest + 1, ' ');
	return rest && sscanf(rest, " %" SCNd64, ret) == 1;
}

/*
 * Surely gone: another boot, or its host process is no more. A /proc that hides processes proves
 * nothing.
 */
static bool surely_gone(const struct session_row *s, const struct moment *now)
{
	int64_t start, of_init;

	if (strcmp(s->at.boot_id, now->boot_id) != 0)
		return true;
	if (start_of(s->host_pid, &start))
		return start != s->host_start;
	return start_of(1, &of_init);
}

static void say_session(const struct session_row *s)
{
	char at[24];

	advise(_("  %s since %s, on %s%s%s"), ESCAPED(s->service),
	       word_time(at, sizeof(at), s->at.real_s), *s->tty ? ESCAPED(s->tty) : "-",
	       *s->address ? _(" from ") : "", ESCAPED(s->address));
}

static bool is_same(const struct session_row *a, const struct session_row *b)
{
	return *a->logind_session && strcmp(a->logind_session, b->logind_session) == 0;
}

static bool is_said(const struct open_sessions *o, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_same(&o->rows[i], &o->rows[k]))
			return true;
	return false;
}

/* A login and each sudo within it are one session of logind, and end with it. */
static void say_sessions(const struct open_sessions *o)
{
	if (o->n)
		complain(_(
			"sessions that were opened before are still open; this version does not end them by itself:"));
	for (size_t i = 0; i < o->n; i++) {
		const struct session_row *s = &o->rows[i];
		size_t n = 1;

		if (is_said(o, i))
			continue;
		say_session(s);
		for (size_t k = i + 1; k < o->n; k++)
			if (is_same(s, &o->rows[k])) {
				say_session(&o->rows[k]);
				n++;
			}
		if (!*s->logind_session)
			advise(_("    to end it: kill -HUP %" PRId64), s->host_pid);
		else if (n == 1)
			advise(_("    to end it: loginctl terminate-session %s"), ESCAPED(s->logind_session));
		else
			advise(_("    to end these together: loginctl terminate-session %s"), ESCAPED(s->logind_session));
	}
}

static enum err list_sessions(const struct open_sessions *o, json_t *list)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct session_row *s = &o->rows[i];
		json_t *value = json_pack("{s:s, s:o, s:o, s:o, s:o, s:I}",
					  "service", s->service,
					  "since", json_time(s->at.real_s),
					  "tty", json_text(s->tty),
					  "address", json_text(s->address),
					  "logind_session", json_text(s->logind_session),
					  "pid", (json_int_t)s->host_pid);

		if (json_array_append_new(list, value))
			return fail(ERR_MEMORY, "sessions");
	}
	return ERR_OK;
}

static enum err each_session(const struct session_row *s, void *arg)
{
	struct open_sessions *o = arg;
	struct session_row *more;

	if ((o->card && s->card != o->card) || surely_gone(s, &o->now))
		return ERR_OK;
	more = reallocarray(o->rows, o->n + 1, sizeof(*more));
	if (!more)
		return fail(ERR_MEMORY, "sessions");
	o->rows = more;
	o->rows[o->n++] = *s;
	return ERR_OK;
}

enum exit_code revocation_sessions(struct tool *t, int64_t person, int64_t card, json_t **list)
{
	struct open_sessions o __attribute__((cleanup(free_sessions))) = { .card = card };
	enum err e = clock_now(&o.now);

	if (!e)
		e = store_session_each(t->store, person, each_session, &o);
	if (!e && list)
		e = list_sessions(&o, *list);
	else if (!e)
		say_sessions(&o);
	if (!e)
		return o.n ? EXIT_PARTLY : EXIT_DONE;
	complain_err(e);
	complain(_("it is not known whether sessions are still open: see `loginctl`"));
	if (list) {
		json_decref(*list);
		*list = NULL;
	}
	return EXIT_PARTLY;
}
