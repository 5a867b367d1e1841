/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store_internal.h"

#define AUDIT_SESSION_NONE INT64_C(4294967295)

static const char *const state_names[] = { "", "pending", "open", "closed", NULL };

static const struct column grant_columns[] = {
	COLUMN_NUMBER(struct grant_row, id, "id", 1, INT64_MAX),
	COLUMN_NUMBER(struct grant_row, person, "person", 1, INT64_MAX),
	COLUMN_OPTIONAL_NUMBER(struct grant_row, card, "card", INT64_MAX),
	COLUMN_STRING(struct grant_row, factors, "factors", row_is_plain),
	COLUMN_STRING(struct grant_row, class_name, "class", row_is_name),
	COLUMN_STRING(struct grant_row, service, "service", row_is_plain),
	COLUMN_STRING(struct grant_row, origin, "origin", row_is_plain),
	COLUMN_NUMBER(struct grant_row, uid, "uid", 0, ROW_UID_MAX),
	COLUMN_MOMENT(struct grant_row, at),
	COLUMN_NUMBER(struct grant_row, audit_session, "audit_session", 0, AUDIT_SESSION_NONE),
	COLUMN_OPTIONAL_STRING(struct grant_row, logind_session, "logind_session", row_is_plain),
	COLUMN_PROCESS(struct grant_row, host_pid, "host_pid", host_start, "host_start"),
	COLUMN_NUMBER(struct grant_row, parent_pid, "parent_pid", 0, INT64_MAX),
	COLUMN_NUMBER(struct grant_row, parent_start, "parent_start", 0, INT64_MAX),
	{ .name = "through_root", .kind = COLUMN_BOOL, COLUMN_AT(struct grant_row, through_root), .max = 1 },
	{ .name = "withdrawn", .kind = COLUMN_BOOL, COLUMN_AT(struct grant_row, withdrawn), .max = 1 },
	COLUMN_OPTIONAL_NUMBER(struct grant_row, used_at, "used_at", ROW_TIME_MAX),
};

const struct table grant_table = {
	.name = "login_grant", .key = "id",
	TABLE_COLUMNS(grant_columns, struct grant_row),
};

static const struct column session_columns[] = {
	COLUMN_NUMBER(struct session_row, id, "id", 1, INT64_MAX),
	COLUMN_NUMBER(struct session_row, person, "person", 1, INT64_MAX),
	COLUMN_OPTIONAL_NUMBER(struct session_row, card, "card", INT64_MAX),
	COLUMN_OPTIONAL_NUMBER(struct session_row, grant, "login_grant", INT64_MAX),
	COLUMN_STRING(struct session_row, service, "service", row_is_plain),
	COLUMN_OPTIONAL_STRING(struct session_row, tty, "tty", row_is_plain),
	COLUMN_OPTIONAL_STRING(struct session_row, address, "address", row_is_plain),
	COLUMN_MOMENT(struct session_row, at),
	COLUMN_PROCESS(struct session_row, host_pid, "host_pid", host_start, "host_start"),
	COLUMN_OPTIONAL_STRING(struct session_row, logind_session, "logind_session", row_is_plain),
	COLUMN_ENUM(struct session_row, state, "state", state_names),
	COLUMN_OPTIONAL_NUMBER(struct session_row, closed_at, "closed_at", ROW_TIME_MAX),
};

static bool session_agrees(const void *row)
{
	const struct session_row *r = row;

	return (r->state == SESSION_CLOSED) == (r->closed_at != -1);
}

const struct table session_table = {
	.name = "session", .key = "id",
	TABLE_COLUMNS(session_columns, struct session_row),
	.valid = session_agrees,
};

enum err store_grant_add(struct store *s, struct grant_row *g)
{
	int64_t id;
	enum err e = row_add(s, &grant_table, g, &id);

	if (e == ERR_OK)
		g->id = id;
	return e;
}

enum err store_grant_of_host(struct store *s, const char *boot_id, int64_t pid, int64_t start, int64_t person,
			     const char *service, bool through_root, bool of_child, struct grant_row *ret)
{
	struct db_value args[] = {
		DB_ARG_INT(pid), DB_ARG_INT(start), DB_ARG_TEXT(boot_id), DB_ARG_INT(person),
		DB_ARG_TEXT(service), DB_ARG_INT(through_root), DB_ARG_INT(of_child),
	};

	return row_one(s, &grant_table, "WHERE (host_pid = $1 AND host_start = $2 OR"
					" $7 AND parent_pid = $1 AND parent_start = $2)"
					" AND boot_id = $3 AND person = $4 AND service = $5 AND through_root = $6"
					" ORDER BY id DESC LIMIT 1",
		       args, 7, ret);
}

enum err store_grant_by_id(struct store *s, int64_t id, struct grant_row *ret)
{
	struct db_value args[] = { DB_ARG_INT(id) };

	return row_one(s, &grant_table, "WHERE id = $1", args, 1, ret);
}

struct grant_each {
	store_grant_cb cb;
	void *arg;
};

static enum err hand_grant(const void *row, void *arg)
{
	struct grant_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_grant_each_inside(struct store *s, const char *boot_id, const char *logind_session, int64_t person,
				 int64_t after, store_grant_cb cb, void *arg)
{
	struct db_value args[] = {
		DB_ARG_TEXT(logind_session), DB_ARG_TEXT(boot_id), DB_ARG_INT(person), DB_ARG_INT(after),
	};
	struct grant_each each = { .cb = cb, .arg = arg };

	return row_each(s, &grant_table, "WHERE logind_session = $1 AND boot_id = $2 AND person = $3 AND id > $4"
					 " ORDER BY id DESC LIMIT 64", args, 4, hand_grant, &each);
}

static enum err grant_update(struct store *s, const struct grant_row *row, const char *const *names)
{
	bool changed = false;
	enum err e = row_update(s, &grant_table, row, row->id, names, NULL, NULL, &changed);

	return e == ERR_OK && !changed ? ERR_NOT_FOUND : e;
}

enum err store_grant_used(struct store *s, int64_t id, int64_t at)
{
	static const char *const names[] = { "used_at", NULL };
	const struct grant_row row = { .id = id, .used_at = at };

	return grant_update(s, &row, names);
}

enum err store_grant_withdraw(struct store *s, int64_t id)
{
	static const char *const names[] = { "withdrawn", NULL };
	const struct grant_row row = { .id = id, .withdrawn = true };

	return grant_update(s, &row, names);
}

enum err store_session_add(struct store *s, struct session_row *r)
{
	int64_t id;
	enum err e = row_add(s, &session_table, r, &id);

	if (e == ERR_OK)
		r->id = id;
	return e;
}

enum err store_session_of_host(struct store *s, const char *boot_id, int64_t pid, int64_t start,
			       int64_t person, struct session_row *ret)
{
	struct db_value args[] = {
		DB_ARG_INT(pid), DB_ARG_INT(start), DB_ARG_TEXT(boot_id), DB_ARG_INT(person),
	};

	return row_one(s, &session_table, "WHERE host_pid = $1 AND host_start = $2 AND boot_id = $3"
					  " AND person = $4 AND state <> 'closed' ORDER BY id DESC LIMIT 1",
		       args, 4, ret);
}

enum err store_session_of_logind(struct store *s, const char *boot_id, const char *logind_session, const char *service,
				 struct session_row *ret)
{
	struct db_value args[] = { DB_ARG_TEXT(logind_session), DB_ARG_TEXT(boot_id), DB_ARG_TEXT(service) };

	return row_one(s, &session_table, "WHERE logind_session = $1 AND boot_id = $2 AND service = $3"
					  " ORDER BY id DESC LIMIT 1", args, 3, ret);
}

enum err store_session_update(struct store *s, const struct session_row *r)
{
	static const char *const names[] = { "state", "logind_session", "closed_at", NULL };
	bool changed = false;
	enum err e;

	if (!session_agrees(r))
		return fail(ERR_INVALID, "store: a session is closed with a time, or neither");
	e = row_update(s, &session_table, r, r->id, names, NULL, NULL, &changed);
	return e == ERR_OK && !changed ? ERR_NOT_FOUND : e;
}

struct session_each {
	store_session_cb cb;
	void *arg;
};

static enum err hand_session(const void *row, void *arg)
{
	struct session_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_session_each(struct store *s, int64_t person, store_session_cb cb, void *arg)
{
	struct db_value args[] = { DB_ARG_INT(person) };
	struct session_each each = { .cb = cb, .arg = arg };

	/* "+": sorted at the end. The few that are open are found by their index, not among all in order. */
	if (person == 0)
		return row_each(s, &session_table, "WHERE state <> 'closed' ORDER BY +id", NULL, 0,
				hand_session, &each);
	return row_each(s, &session_table, "WHERE state <> 'closed' AND person = $1 ORDER BY +id", args, 1,
			hand_session, &each);
}
