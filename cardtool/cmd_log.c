/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cardtool.h"
#include "clock.h"
#include "event.h"
#include "find.h"
#include "login_name.h"
#include "output.h"
#include "person_fields.h"
#include "when.h"
#include "words.h"

#define LAST_DEFAULT 50
#define LAST_MAX 1000000
#define PAGE_ROWS 256

static const struct option_row options[] = {
	{ "user", "USER", N_("only events about this person") },
	{ "card", "CARD", N_("only events about this card") },
	{ "type", "EVENT", N_("only events of this kind: login, card-revoke ... (a wrong one lists all)") },
	{ "since", "TIME", N_("from then on: 2026-11-20, 2026-11-20T14:05, 14:05, 2h, 7d") },
	{ "until", "TIME", N_("up to then; a day alone means its end") },
	{ "failed", NULL, N_("only what did not succeed") },
	{ "last", "N", N_("the newest N (default 50 without --since and --json, else all)") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct logging {
	struct table *table;
	int64_t limit, n;               /* limit 0: none */
	bool json, more;
};

/* ---- what is asked for ---- */

static enum exit_code take_type(const char *typed, struct event_filter *f)
{
	f->type = word_to_event(typed);
	if (f->type)
		return EXIT_DONE;
	complain(_("there is no event \"%s\". The events are:"), ESCAPED(typed));
	for (enum event_type e = EVENT_NONE + 1; e < EVENT_N; e++)
		advise("  %-15s  %s", event_name(e), word_event(event_name(e)));
	return EXIT_USAGE;
}

/*
 * A person who was removed still has a log; a name that never was gets the nearest ones when
 * nothing is found.
 */
static enum exit_code take_filter(struct tool *t, struct event_filter *f, struct card_row *card,
				  int64_t *limit)
{
	const char *id = option_value(&t->args, "card"), *since = option_value(&t->args, "since");
	const char *last = option_value(&t->args, "last"), *type = option_value(&t->args, "type");
	const char *until = option_value(&t->args, "until");
	enum exit_code code = EXIT_DONE;

	f->person = option_value(&t->args, "user");
	if (id)
		code = find_card(t, id, card);
	if (!code && type)
		code = take_type(type, f);
	if (code)
		return code;
	if (id)
		f->card = card->card_id.text;
	f->failed = option_given(&t->args, "failed");
	if (since && !when_parse_since(since, clock_real_s(), &f->since)) {
		complain(_("--%s is a time like 2026-11-20, 2026-11-20T14:05, 14:05, 2h or 7d"), "since");
		return EXIT_USAGE;
	}
	if (until && !when_parse_until(until, clock_real_s(), &f->until)) {
		complain(_("--%s is a time like 2026-11-20, 2026-11-20T14:05, 14:05, 2h or 7d"), "until");
		return EXIT_USAGE;
	}
	*limit = since || t->json ? 0 : LAST_DEFAULT;
	if (last && !text_to_i64(last, 1, LAST_MAX, limit)) {
		complain(_("--last is a number from 1 to %d"), LAST_MAX);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* ---- output ---- */

static const char *local_time_of(char *dst, size_t size, const char *value)
{
	int64_t at;

	return when_parse_utc(value, &at) ? text_local_time(dst, size, at) : value;
}

/* What others wrote: quoted where it could be taken for more than one value. */
static const char *quote(char *dst, size_t size, const char *value)
{
	if (!strpbrk(value, " =\""))
		return value;
	snprintf(dst, size, "\"");
	for (size_t len = 1; len + 3 < size; value++) {
		if (*value == '"' || *value == '\\')
			dst[len++] = '\\';
		dst[len++] = *value ? *value : '"';
		dst[len] = '\0';
		if (!*value)
			break;
	}
	return dst;
}

/* Words that cardtool wrote. */
static const char *translate_word(char *dst, size_t size, const char *value)
{
	static const struct {
		const char *value, *shown;
	} words[] = {
		{ "proved", N_("proved") },
		{ "not-needed", N_("not-needed") },
		{ "locked", N_("locked") },
		{ "active", N_("active") },
	};
	enum card_reason reason = card_reason_from_name(value);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].value, value) == 0)
			return gettext(words[i].shown);
	return reason == REASON_NONE ? quote(dst, size, value) : word_reason(reason);
}

static const char *result_word(char *dst, size_t size, const char *value)
{
	(void)dst;
	(void)size;
	return word_result(value);
}

static const char *algorithm_word(char *dst, size_t size, const char *value)
{
	for (enum key_algorithm a = KEY_RSA2048; a <= KEY_P384; a++)
		if (strcmp(key_algorithm_name(a), value) == 0)
			return word_algorithm(a);
	return quote(dst, size, value);
}

/* "staff-number,section": as the options are called. */
static const char *changed_words(char *dst, size_t size, const char *value)
{
	char words[ESCAPED_SIZE] = "";
	size_t len = 0;

	for (const char *at = value; *at && len < sizeof(words);) {
		size_t n = strcspn(at, ",");
		const char *word = NULL;

		for (size_t i = 0; i < PERSON_FIELDS; i++)
			if (strlen(person_fields[i].option) == n && memcmp(person_fields[i].option, at, n) == 0)
				word = gettext(person_fields[i].word);
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%.*s", len ? "," : "", word ? (int)strlen(word) : (int)n,
					word ? word : at);
		at += n + (at[n] == ',');
	}
	/* What needs no quotes is what stands there. */
	if (quote(dst, size, words) == words)
		snprintf(dst, size, "%s", words);
	return dst;
}

/* Fields of events that have a name for people; the others', and all in --json, are as recorded. */
static const struct field {
	const char *name, *shown;
	const char *(*value)(char *dst, size_t size, const char *value);
} fields[] = {
	{ "reason", N_("reason"), translate_word },
	{ "reported_at", N_("reported-at"), local_time_of },
	{ "reported_by", N_("reported-by"), quote },
	{ "staff_number", N_("staff-number"), quote },
	{ "class", N_("class"), quote },
	{ "changed", N_("changed"), changed_words },
	{ "class_before", N_("class-before"), quote },
	{ "staff_number_before", N_("staff-number-before"), quote },
	{ "factors", N_("factors"), quote },
	{ "label", N_("label"), quote },
	{ "reader", N_("reader"), quote },
	{ "pin", N_("pin"), translate_word },
	{ "was", N_("before"), translate_word },
	{ "buckets", N_("counters"), quote },
	{ "algorithm", N_("algorithm"), algorithm_word },
	{ "key", N_("key"), quote },
	{ "logind_session", N_("session"), quote },
	{ "fault", N_("fault"), quote },
	{ "wrong", N_("wrong-answers"), quote },
	{ "judged", N_("judged-answers"), quote },
	{ "because", N_("because"), result_word },
	{ "tried_with", N_("tried-with"), quote },
	{ "target", N_("becomes"), quote },
};

static const struct field *field_of(const char *name)
{
	static const struct field other = { .value = quote };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return &other;
}

#define DETAIL_SIZE (4 * ESCAPED_SIZE)

/* {"reason":"lost","reported_by":"Tanaka"} -> reason=lost reported-by=Tanaka */
static void flatten(const char *detail, char *dst, size_t size)
{
	json_t *object = json_loads(detail, 0, NULL), *value;
	const char *name;
	size_t len = 0;

	dst[0] = '\0';
	json_object_foreach(object, name, value) {
		const char *text = json_string_value(value);
		const struct field *f = field_of(name);
		char made[2 * ESCAPED_SIZE];

		if (!text || len >= size)
			continue;
		int n = snprintf(dst + len, size - len, "%s%s=%s", len ? " " : "",
				 f->shown ? gettext(f->shown) : name,
				 f->value(made, sizeof(made), text));

		len += n > 0 ? (size_t)n : 0;
	}
	json_decref(object);
}

static void print_line(struct logging *l, const struct event_row *e)
{
	char at[24], from[96], detail[DETAIL_SIZE];

	flatten(e->detail, detail, sizeof(detail));

	const char *const cells[] = {
		word_time(at, sizeof(at), e->at),
		word_event(e->type),
		word_result(e->result),
		e->person,
		e->card,
		e->actor < 0 ? "" : login_name(e->actor),
		e->service,
		*e->address ? e->address : word_origin(from, sizeof(from), e->origin),
		detail,
	};

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		table_add(l->table, cells[i]);
}

/* One object a line inside of one array: nothing of a long log is kept in memory. */
static enum err print_object(const struct logging *l, const struct event_row *e)
{
	json_t *detail = *e->detail ? json_loads(e->detail, 0, NULL) : NULL;
	json_t *actor = e->actor < 0 ? json_null() : json_integer(e->actor);
	json_t *value = json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				  "seq", (json_int_t)e->seq,
				  "at", json_time(e->at),
				  "type", e->type,
				  "result", e->result,
				  "user", json_text(e->person),
				  "card", json_text(e->card),
				  "actor_uid", actor,
				  "service", json_text(e->service),
				  "origin", json_text(e->origin),
				  "address", json_text(e->address),
				  "detail", detail ? detail : json_object());
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

	json_decref(value);
	if (!text)
		return fail(ERR_MEMORY, "event");
	printf("%s\n%s", l->n > 1 ? "," : "", text);
	free(text);
	return ferror(stdout) ? ERR_CANCELLED : ERR_OK;
}

static enum err show(struct logging *l, const struct event_row *e)
{
	l->n++;
	if (l->json)
		return print_object(l, e);
	print_line(l, e);
	return ERR_OK;
}

/* ---- rows first: no query stays open while a pager takes its time ---- */

struct page {
	size_t n;
	struct event_row rows[PAGE_ROWS];
};

static void free_page(struct page **p)
{
	free(*p);
}

static enum err keep(const struct event_row *e, void *arg)
{
	struct page *p = arg;

	p->rows[p->n++] = *e;
	return ERR_OK;
}

static enum err show_page(struct logging *l, const struct page *p)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < p->n; i++)
		e = show(l, &p->rows[i]);
	return e;
}

/* Those that were there at the beginning: what is written meanwhile stands behind the last of them. */
static enum err show_all(struct tool *t, const struct event_filter *f, struct logging *l)
{
	__attribute__((cleanup(free_page))) struct page *p = malloc(sizeof(*p));
	struct event_filter piece = *f;
	enum err e = p ? store_event_ends(t->store, f, &piece.from, &piece.to) : fail(ERR_MEMORY, "events");

	piece.last = 0;
	piece.first = PAGE_ROWS;
	while (!e && piece.to) {
		p->n = 0;
		e = store_event_each(t->store, &piece, keep, p);
		if (!e)
			e = show_page(l, p);
		if (p->n < PAGE_ROWS || p->rows[p->n - 1].seq == piece.to)
			break;
		piece.from = p->rows[p->n - 1].seq + 1;
	}
	return e;
}

static enum err count(const struct event_row *e, void *arg)
{
	int64_t *n = arg;

	(void)e;
	++*n;
	return ERR_OK;
}

/* Asks for one more than is shown, only to know whether there is one. */
static enum err look_for_more(struct tool *t, const struct event_filter *f, struct logging *l)
{
	struct event_filter one_more = *f;
	int64_t n = 0;

	if (!l->limit || l->json)
		return ERR_OK;
	one_more.last = l->limit + 1;

	enum err e = store_event_each(t->store, &one_more, count, &n);

	l->more = n > l->limit;
	return e;
}

static void header(struct table *t)
{
	const char *const names[] = { _("TIME"), _("EVENT"),   _("RESULT"), _("USER"),	_("CARD"),
				      _("BY"),	 _("SERVICE"), _("FROM"),   _("DETAIL") };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		table_add(t, names[i]);
}

static enum exit_code nothing_found(struct tool *t, const struct event_filter *f)
{
	struct person p;

	if (f->person && store_person_by_login(t->store, f->person, &p) == ERR_NOT_FOUND)
		return find_person(t, f->person, &p);
	say(_("There are no such events."));
	return EXIT_DONE;
}

static enum exit_code print_log(struct tool *t, const struct event_filter *f, struct logging *l)
{
	if (l->json)
		printf("[");
	else
		header(l->table = table_new(9));

	enum err e = look_for_more(t, f, l);

	if (!e)
		e = show_all(t, f, l);
	if (l->json)
		printf("\n]\n");
	/* A closed pipe is said once, at the end. */
	if (e == ERR_CANCELLED)
		return EXIT_DONE;
	if (e)
		return complain_err(e);
	if (l->json)
		return EXIT_DONE;
	if (l->n == 0)
		return nothing_found(t, f);
	if (l->more)
		say(ngettext("The newest %lld event (--last N shows more, --since TIME those from then on):",
			     "The newest %lld events (--last N shows more, --since TIME those from then on):",
			     (unsigned long)l->limit),
		    (long long)l->limit);
	table_print(l->table);
	return EXIT_DONE;
}

static enum exit_code show_log(struct tool *t)
{
	struct event_filter f = { .last = 0 };
	struct card_row card;
	struct logging l = { .json = t->json };
	enum exit_code code = take_filter(t, &f, &card, &l.limit);

	if (code)
		return code;
	f.last = l.limit;
	return print_log(t, &f, &l);
}

const struct command cmd_log = {
	.name = "log",
	.usage = "[--user USER] [--card CARD] [--type EVENT] [--since TIME] [--until TIME] [--failed] [--last N] [--json]",
	.brief = N_("show what happened: logins, cards, changes, and by whom"),
	.example = "  sudo cardtool log --user taro --since 7d\n"
		   "  sudo cardtool log --failed --since 2026-11-01 --until 2026-11-30",
	.options = options,
	.needs = NEED_STORE,
	.run = show_log,
};
