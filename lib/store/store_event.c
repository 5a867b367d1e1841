/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "store_internal.h"
#include "text.h"

/* Every piece of the filter, ") AS newest" and the order fit. */
#define FILTER_SIZE 512

static const struct column columns[] = {
	COLUMN_NUMBER(struct event_row, seq, "seq", 1, INT64_MAX),
	COLUMN_TIME(struct event_row, at, "at"),
	COLUMN_STRING(struct event_row, type, "type", row_is_plain),
	COLUMN_STRING(struct event_row, result, "result", row_is_name),
	COLUMN_OPTIONAL_STRING(struct event_row, person, "person", text_is_login),
	COLUMN_OPTIONAL_STRING(struct event_row, card, "card", row_is_card_id),
	COLUMN_OPTIONAL_NUMBER(struct event_row, actor, "actor", ROW_UID_MAX),
	COLUMN_OPTIONAL_STRING(struct event_row, service, "service", row_is_plain),
	COLUMN_OPTIONAL_STRING(struct event_row, origin, "origin", row_is_plain),
	COLUMN_OPTIONAL_STRING(struct event_row, address, "address", row_is_plain),
	COLUMN_STRING(struct event_row, detail, "detail", row_is_object),
};

const struct table event_table = {
	.name = "event", .key = "seq",
	TABLE_COLUMNS(columns, struct event_row),
};

enum err store_event_add(struct store *s, struct event_row *e)
{
	int64_t seq;
	enum err result = row_add(s, &event_table, e, &seq);

	if (result == ERR_OK)
		e->seq = seq;
	return result;
}

struct filter {
	char text[FILTER_SIZE];
	size_t len, count;
	struct db_value args[10];
};

static void narrow(struct filter *f, const char *condition, struct db_value value)
{
	f->args[f->count++] = value;
	f->len += (size_t)snprintf(f->text + f->len, sizeof(f->text) - f->len, "%s %s $%zu",
				   f->count == 1 ? "WHERE" : " AND", condition, f->count);
}

static void narrow_text(struct filter *f, const char *condition, const char *value)
{
	if (value)
		narrow(f, condition, DB_ARG_TEXT(value));
}

static void narrow_number(struct filter *f, const char *condition, int64_t value)
{
	if (value != 0)
		narrow(f, condition, DB_ARG_INT(value));
}

/* From a number on it is the order of numbers that is walked: by time each piece would be sorted anew. */
static struct filter filter_of(const struct event_filter *w)
{
	struct filter f = { .len = 0 };

	narrow_text(&f, "person =", w->person);
	narrow_text(&f, "card =", w->card);
	narrow_text(&f, "type =", w->type);
	narrow_text(&f, "result !=", w->failed ? "OK" : NULL);
	narrow_number(&f, w->from ? "+at >=" : "at >=", w->since);
	narrow_number(&f, w->from ? "+at <=" : "at <=", w->until);
	narrow_number(&f, "seq >=", w->from);
	narrow_number(&f, "seq <=", w->to);
	return f;
}

/* $n behind the filter's own values. */
static size_t add_value(struct filter *f, int64_t value)
{
	f->args[f->count] = DB_ARG_INT(value);
	return ++f->count;
}

struct event_each {
	store_event_cb cb;
	void *arg;
};

static enum err hand_event(const void *row, void *arg)
{
	struct event_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_event_each(struct store *s, const struct event_filter *filter, store_event_cb cb,
			  void *arg)
{
	struct event_each each = { .cb = cb, .arg = arg };
	char rest[FILTER_SIZE + 128];
	struct filter f = filter_of(filter);

	if (filter->last > 0)
		snprintf(rest, sizeof(rest), "WHERE seq IN (SELECT seq FROM event %s"
					     " ORDER BY seq DESC LIMIT $%zu) ORDER BY seq",
			 f.text, add_value(&f, filter->last));
	else if (filter->first > 0)
		snprintf(rest, sizeof(rest), "%s ORDER BY seq LIMIT $%zu", f.text, add_value(&f, filter->first));
	else
		snprintf(rest, sizeof(rest), "%s ORDER BY seq", f.text);
	return row_each(s, &event_table, rest, f.args, f.count, hand_event, &each);
}

enum err store_event_ends(struct store *s, const struct event_filter *filter, int64_t *from, int64_t *to)
{
	struct event_filter seen = *filter;
	struct filter f = filter_of(&seen);
	char sql[FILTER_SIZE + 128];
	enum err e;

	snprintf(sql, sizeof(sql), "SELECT coalesce(max(seq), 0) FROM event %s", f.text);
	e = store_number(s, sql, f.args, f.count, &seen.to);
	if (e != ERR_OK)
		return e;
	if (seen.to == 0) {
		*from = *to = 0;
		return ERR_OK;
	}
	/* Others write on. */
	f = filter_of(&seen);
	if (seen.last > 0)
		snprintf(sql, sizeof(sql), "SELECT coalesce(min(seq), 0) FROM (SELECT seq FROM event %s"
					   " ORDER BY seq DESC LIMIT $%zu)", f.text, add_value(&f, seen.last));
	else    /* by the filter's own index, not by walking all numbers up to the first that is right */
		snprintf(sql, sizeof(sql), "SELECT coalesce(min(+seq), 0) FROM event %s", f.text);
	e = store_number(s, sql, f.args, f.count, from);
	if (e == ERR_OK)
		*to = seen.to;
	return e;
}
