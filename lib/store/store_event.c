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
	struct db_value args[8];
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
	struct filter f = { .len = 0 };

	narrow_text(&f, "person =", filter->person);
	narrow_text(&f, "card =", filter->card);
	narrow_text(&f, "type =", filter->type);
	narrow_text(&f, "result !=", filter->failed ? "OK" : NULL);
	narrow_number(&f, "at >=", filter->since);
	narrow_number(&f, "at <=", filter->until);
	if (filter->last > 0) {
		f.args[f.count++] = DB_ARG_INT(filter->last);
		snprintf(rest, sizeof(rest), "WHERE seq IN (SELECT seq FROM event %s"
					     " ORDER BY seq DESC LIMIT $%zu) ORDER BY seq",
			 f.text, f.count);
	} else {
		snprintf(rest, sizeof(rest), "%s ORDER BY seq", f.text);
	}
	return row_each(s, &event_table, rest, f.args, f.count, hand_event, &each);
}
