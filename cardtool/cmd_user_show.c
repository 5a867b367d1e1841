/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card_json.h"
#include "cardtool.h"
#include "clock.h"
#include "find.h"
#include "lockout.h"
#include "output.h"
#include "told.h"
#include "who.h"
#include "words.h"

static const struct option_row options[] = {
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct view {
	struct tool *tool;
	struct person person;
	bool has_totp, has_password;
	struct totp_row totp;
	struct password_row password;
	struct login_stat stat;
	size_t n_counted;
	struct bucket_row *counted;
	struct table *table;
	size_t cards_left;              /* not revoked */
	json_t *cards, *buckets;
};

static void free_view(struct view *v)
{
	free(v->counted);
}

/* ---- reading ---- */

static enum err maybe(enum err e, bool *has)
{
	*has = e == ERR_OK;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err keep_bucket(const struct bucket_row *b, void *arg)
{
	struct view *v = arg;
	struct bucket_row *more = reallocarray(v->counted, v->n_counted + 1, sizeof(*more));

	if (!more)
		return fail(ERR_MEMORY, "counts");
	v->counted = more;
	v->counted[v->n_counted++] = *b;
	return ERR_OK;
}

/* Counts first, then the groups that their limits depend on, which may be slow: no query stays open meanwhile. */
static enum err read_view(struct view *v)
{
	struct store *s = v->tool->store;
	enum err e = maybe(store_totp_get(s, v->person.id, &v->totp), &v->has_totp);

	if (!e)
		e = maybe(store_password_get(s, v->person.id, &v->password), &v->has_password);
	if (!e)
		e = store_login_stat_get(s, v->person.id, &v->stat);
	if (!e)
		e = store_bucket_each(s, v->person.id, keep_bucket, v);
	return e;
}

/* Until when the bucket refuses, -1 when it does not or it is not known. */
static int64_t locked_until(const struct view *v, const struct bucket_row *b)
{
	static const struct wire_request request = { .op = WIRE_EXPLAIN };
	static const struct wire_peer peer = { .root_socket = true };
	const struct auth_call call = {
		.store = v->tool->store, .policy = v->tool->policy, .request = &request, .peer = &peer,
	};
	int64_t until = -1;
	struct who w;

	if (!call.policy || who_of_uid(&call, v->person.uid, &w) != ERR_OK || !w.known ||
	    who_locked_until(&call, &w, b->origin, &until) != ERR_OK)
		return -1;
	return until;
}

/* ---- as text ---- */

static void field(struct table *t, const char *name, const char *value)
{
	table_add(t, name);
	table_add(t, value);
}

static enum err card_line(const struct card_row *c, void *arg)
{
	struct view *v = arg;
	char line[2 * ESCAPED_SIZE], until[24];

	/* TRANSLATORS: card, its state, the end of its certificate, its label */
	snprintf(line, sizeof(line), _("%s: %s, certificate until %s, %s"), c->card_id.text,
		 word_card(c, clock_real_s()), word_date(until, sizeof(until), c->not_after),
		 *c->label ? c->label : _("no label"));
	v->cards_left += c->state < CARD_REVOKED;
	field(v->table, _("Card"), line);
	return ERR_OK;
}

static void bucket_line(struct view *v, const struct bucket_row *b)
{
	char line[ESCAPED_SIZE], last[24], end[24], place[TOLD_ORIGIN_SIZE];
	int64_t until = locked_until(v, b);

	snprintf(line, sizeof(line),
		 ngettext("%s: %" PRId64 " try, at %s", "%s: %" PRId64 " tries, the last at %s",
			  (unsigned long)b->failed),
		 told_origin(place, b->origin), b->failed, word_time(last, sizeof(last), b->last.real_s));
	field(v->table, _("Failed tries"), line);
	if (until < 0)
		return;
	snprintf(line, sizeof(line), _("until %s; `cardtool unlock %s` ends it"),
		 word_time(end, sizeof(end), until), v->person.login);
	field(v->table, _("LOCKED"), line);
}

static void last_login(struct view *v)
{
	char line[ESCAPED_SIZE], at[ESCAPED_SIZE / 2];
	const struct login_stat *s = &v->stat;

	field(v->table, _("Last login"),
	      s->last_at < 0 ? _("never") :
			       told_moment(at, sizeof(at), s->last_at, s->last_from));
	if (s->failures <= 0)
		return;
	snprintf(line, sizeof(line),
		 ngettext("%" PRId64 " failed try, %s", "%" PRId64 " failed tries, the last %s",
			  (unsigned long)s->failures),
		 s->failures, told_moment(at, sizeof(at), s->failure_at, s->failure_from));
	field(v->table, _("Since then"), line);
}

static const char *enrolled_text(char *dst, size_t size, int64_t at)
{
	char text[24];

	snprintf(dst, size, _("enrolled %s"), word_time(text, sizeof(text), at));
	return dst;
}

static const char *set_text(char *dst, size_t size, int64_t at)
{
	char text[24];

	snprintf(dst, size, _("set %s"), word_time(text, sizeof(text), at));
	return dst;
}

static enum exit_code show_text(struct view *v)
{
	const struct person *p = &v->person;
	char uid[24], at[24], line[64];

	v->table = table_new(2);
	snprintf(uid, sizeof(uid), "%" PRId64, p->uid);
	field(v->table, _("User"), p->login);
	field(v->table, _("Uid"), uid);
	field(v->table, _("Name"), p->name);
	field(v->table, _("Section"), p->section);
	field(v->table, _("Staff number"), p->staff_number);
	field(v->table, _("State"), word_person_state(p->state));
	field(v->table, _("Class"), *p->class_name ? p->class_name : _("by the configuration"));
	field(v->table, _("Language"), *p->language ? p->language : _("by the configuration"));
	field(v->table, _("Registered"), word_time(at, sizeof(at), p->created_at));

	size_t rows = table_rows(v->table);
	enum err e = store_card_each(v->tool->store, p->id, card_line, v);

	if (!e && table_rows(v->table) == rows)
		field(v->table, _("Card"), _("none"));
	field(v->table, _("App for codes"),
	      v->has_totp ? enrolled_text(line, sizeof(line), v->totp.created_at) : _("none"));
	field(v->table, _("Password"),
	      v->has_password ? set_text(line, sizeof(line), v->password.set_at) : _("none"));
	last_login(v);
	for (size_t i = 0; i < v->n_counted; i++)
		bucket_line(v, &v->counted[i]);
	if (v->cards_left)
		say(_("To stop all cards of %s at once: `cardtool revoke --user %s --reason lost`\n"
		      "For one that may turn up: `cardtool suspend --user %s`\n"),
		    p->login, p->login, p->login);
	table_print(v->table);
	return complain_err(e);
}

/* ---- as JSON ---- */

static enum err card_value(const struct card_row *c, void *arg)
{
	struct view *v = arg;

	return json_array_append_new(v->cards, card_json(c, &v->person)) ?
		       fail(ERR_MEMORY, "cards") :
		       ERR_OK;
}

static enum err bucket_value(struct view *v, const struct bucket_row *b)
{
	json_t *value = json_pack("{s:s, s:I, s:o, s:o}", "origin", b->origin, "failed",
				  (json_int_t)b->failed, "last_at", json_time(b->last.real_s),
				  "locked_until", json_time(locked_until(v, b)));

	return json_array_append_new(v->buckets, value) ? fail(ERR_MEMORY, "buckets") : ERR_OK;
}

static enum exit_code show_json(struct view *v)
{
	json_t *value = person_json(&v->person);
	const struct login_stat *s = &v->stat;
	enum err e;

	v->cards = json_array();
	v->buckets = json_array();
	e = store_card_each(v->tool->store, v->person.id, card_value, v);
	for (size_t i = 0; !e && i < v->n_counted; i++)
		e = bucket_value(v, &v->counted[i]);

	json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
				 "cards", v->cards,
				 "counted", v->buckets,
				 "totp_at", json_time(v->has_totp ? v->totp.created_at : -1),
				 "password_at", json_time(v->has_password ? v->password.set_at : -1),
				 "last_login_at", json_time(s->last_at),
				 "last_login_from", json_text(s->last_from),
				 "failures_since", (json_int_t)s->failures,
				 "failure_at", json_time(s->failure_at),
				 "failure_from", json_text(s->failure_from));

	if (!e && (!value || !more || json_object_update(value, more)))
		e = fail(ERR_MEMORY, "person");
	json_decref(more);
	if (!e)
		return json_print(value);
	json_decref(value);
	return complain_err(e);
}

static enum exit_code user_show(struct tool *t)
{
	__attribute__((cleanup(free_view))) struct view v = { .tool = t };
	enum exit_code code = find_person(t, t->args.words[0], &v.person);

	if (!code)
		code = complain_err(read_view(&v));
	if (code)
		return code;
	return t->json ? show_json(&v) : show_text(&v);
}

const struct command cmd_user_show = {
	.name = "user show",
	.usage = "USER [--json]",
	.brief = N_("show a person: cards, factors, last login, failures"),
	.example = "  sudo cardtool user show taro",
	.options = options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE | NEED_POLICY_MAYBE,
	.run = user_show,
};
