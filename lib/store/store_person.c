/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "clock.h"
#include "store_internal.h"
#include "text.h"

static const char *const state_names[] = { "", "active", "locked", "removed", NULL };

static bool is_language(const char *text)
{
	return strcmp(text, "ja") == 0 || strcmp(text, "en") == 0;
}

static const struct column columns[] = {
	COLUMN_NUMBER(struct person, id, "id", 1, INT64_MAX),
	COLUMN_STRING(struct person, login, "login", text_is_login),
	COLUMN_NUMBER(struct person, uid, "uid", 0, ROW_UID_MAX),
	COLUMN_OPTIONAL_STRING(struct person, staff_number, "staff_number", row_is_name),
	COLUMN_OPTIONAL_STRING(struct person, name, "name", row_is_label),
	COLUMN_OPTIONAL_STRING(struct person, section, "section", row_is_label),
	COLUMN_ENUM(struct person, state, "state", state_names),
	COLUMN_OPTIONAL_STRING(struct person, class_name, "class", row_is_name),
	COLUMN_OPTIONAL_STRING(struct person, last_class, "last_class", row_is_name),
	COLUMN_OPTIONAL_STRING(struct person, language, "language", is_language),
	COLUMN_TIME(struct person, created_at, "created_at"),
	COLUMN_TIME(struct person, changed_at, "changed_at"),
};

const struct table person_table = {
	.name = "person", .key = "id",
	TABLE_COLUMNS(columns, struct person),
};

const char *person_state_name(enum person_state state)
{
	return state >= PERSON_ACTIVE && state <= PERSON_REMOVED ? state_names[state] : "";
}

enum err store_person_add(struct store *s, struct person *p)
{
	struct person row = *p;
	enum err e;

	row.created_at = clock_real_s();
	row.changed_at = row.created_at;
	e = row_add(s, &person_table, &row, &row.id);
	if (e == ERR_OK)
		*p = row;
	return e;
}

enum err store_person_update(struct store *s, struct person *p)
{
	static const char *const names[] = {
		"login", "uid", "staff_number", "name", "section", "state", "class", "last_class", "language",
		"changed_at", NULL,
	};
	struct person row = *p;
	bool changed = false;
	enum err e;

	row.changed_at = clock_real_s();
	e = row_update(s, &person_table, &row, row.id, names, NULL, NULL, &changed);
	if (e == ERR_OK && !changed)
		return ERR_NOT_FOUND;
	if (e == ERR_OK)
		*p = row;
	return e;
}

enum err store_person_by_login(struct store *s, const char *login, struct person *ret)
{
	struct db_value args[] = { DB_ARG_TEXT(login) };

	return row_one(s, &person_table, "WHERE login = $1 AND state <> 'removed'", args, 1, ret);
}

enum err store_person_by_uid(struct store *s, int64_t uid, struct person *ret)
{
	struct db_value args[] = { DB_ARG_INT(uid) };

	return row_one(s, &person_table, "WHERE uid = $1 AND state <> 'removed'", args, 1, ret);
}

enum err store_person_by_staff_number(struct store *s, const char *number, struct person *ret)
{
	struct db_value args[] = { DB_ARG_TEXT(number) };

	return row_one(s, &person_table, "WHERE staff_number = $1 AND state <> 'removed'", args, 1, ret);
}

enum err store_person_by_id(struct store *s, int64_t id, struct person *ret)
{
	struct db_value args[] = { DB_ARG_INT(id) };

	return row_one(s, &person_table, "WHERE id = $1", args, 1, ret);
}

struct person_each {
	store_person_cb cb;
	void *arg;
};

static enum err hand_person(const void *row, void *arg)
{
	struct person_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_person_each(struct store *s, bool with_removed, store_person_cb cb, void *arg)
{
	struct person_each each = { .cb = cb, .arg = arg };

	return row_each(s, &person_table, with_removed ? "ORDER BY state = 'removed', login, id"
						       : "WHERE state <> 'removed' ORDER BY login",
			NULL, 0, hand_person, &each);
}

enum err store_person_set_last_class(struct store *s, int64_t id, const char *class_name)
{
	static const char *const names[] = { "last_class", NULL };
	struct person row = { .id = id };
	bool changed = false;
	enum err e;

	if (!text_copy(row.last_class, sizeof(row.last_class), class_name))
		return fail(ERR_INVALID, "store: the name of a class is too long");
	e = row_update(s, &person_table, &row, id, names, NULL, NULL, &changed);
	return e == ERR_OK && !changed ? ERR_NOT_FOUND : e;
}
