/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store_internal.h"
#include "text.h"

#define UNPROVED_KEPT 10000

/* A row of unproved: failures of nobody in particular in one minute. */
struct unproved_row {
	int64_t minute;
	char origin[STORE_ORIGIN_SIZE];
	int64_t failed;
	char address[STORE_ADDRESS_SIZE];
};

static const struct column bucket_columns[] = {
	COLUMN_NUMBER(struct bucket_row, person, "person", 0, INT64_MAX),
	COLUMN_STRING(struct bucket_row, origin, "origin", row_is_plain),
	COLUMN_NUMBER(struct bucket_row, failed, "failed", 0, INT32_MAX),
	COLUMN_MOMENT(struct bucket_row, last),
};

const struct table bucket_table = {
	.name = "bucket", .key = "person, origin",
	TABLE_COLUMNS(bucket_columns, struct bucket_row),
};

static const struct column try_columns[] = {
	COLUMN_NUMBER(struct try_row, id, "id", 1, INT64_MAX),
	COLUMN_NUMBER(struct try_row, person, "person", 0, INT64_MAX),
	COLUMN_STRING(struct try_row, origin, "origin", row_is_plain),
	COLUMN_OPTIONAL_STRING(struct try_row, address, "address", row_is_plain),
	COLUMN_PROCESS(struct try_row, pid, "pid", start, "start"),
	COLUMN_MOMENT(struct try_row, at),
};

const struct table try_table = {
	.name = "try", .key = "id",
	TABLE_COLUMNS(try_columns, struct try_row),
};

static const struct column stat_columns[] = {
	COLUMN_NUMBER(struct login_stat, person, "person", 1, INT64_MAX),
	COLUMN_OPTIONAL_NUMBER(struct login_stat, last_at, "last_at", ROW_TIME_MAX),
	COLUMN_OPTIONAL_STRING(struct login_stat, last_from, "last_from", row_is_plain),
	COLUMN_NUMBER(struct login_stat, failures, "failures", 0, INT32_MAX),
	COLUMN_OPTIONAL_NUMBER(struct login_stat, failure_at, "failure_at", ROW_TIME_MAX),
	COLUMN_OPTIONAL_STRING(struct login_stat, failure_from, "failure_from", row_is_plain),
};

const struct table login_stat_table = {
	.name = "login_stat", .key = "person",
	TABLE_COLUMNS(stat_columns, struct login_stat),
};

static const struct column unproved_columns[] = {
	COLUMN_NUMBER(struct unproved_row, minute, "minute", 0, ROW_TIME_MAX),
	COLUMN_STRING(struct unproved_row, origin, "origin", row_is_plain),
	COLUMN_NUMBER(struct unproved_row, failed, "failed", 1, INT64_MAX),
	COLUMN_OPTIONAL_STRING(struct unproved_row, address, "address", row_is_plain),
};

const struct table unproved_table = {
	.name = "unproved", .key = "minute, origin",
	TABLE_COLUMNS(unproved_columns, struct unproved_row),
};

/* -- buckets -- */

enum err store_bucket_get(struct store *s, int64_t person, const char *origin, struct bucket_row *ret)
{
	struct db_value args[] = { DB_ARG_INT(person), DB_ARG_TEXT(origin) };
	struct bucket_row none = { .person = person };
	enum err e = row_one(s, &bucket_table, "WHERE person = $1 AND origin = $2", args, 2, ret);

	if (e != ERR_NOT_FOUND)
		return e;
	if (!text_copy(none.origin, sizeof(none.origin), origin))
		return fail(ERR_INVALID, "store: the origin is too long");
	*ret = none;
	return ERR_OK;
}

enum err store_bucket_put(struct store *s, const struct bucket_row *b)
{
	struct db_value args[] = { DB_ARG_INT(b->person), DB_ARG_TEXT(b->origin) };

	if (b->failed != 0)
		return row_put(s, &bucket_table, b);
	return store_run(s, "DELETE FROM bucket WHERE person = $1 AND origin = $2", args, 2, NULL);
}

struct bucket_each {
	store_bucket_cb cb;
	void *arg;
};

static enum err hand_bucket(const void *row, void *arg)
{
	struct bucket_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_bucket_each(struct store *s, int64_t person, store_bucket_cb cb, void *arg)
{
	struct db_value args[] = { DB_ARG_INT(person) };
	struct bucket_each each = { .cb = cb, .arg = arg };

	return row_each(s, &bucket_table, "WHERE person = $1 ORDER BY origin", args, 1, hand_bucket, &each);
}

enum err store_bucket_prune(struct store *s, int64_t keep)
{
	struct db_value args[] = { DB_ARG_INT(keep) };

	if (keep < 0)
		return fail(ERR_INVALID, "store: a negative number of buckets");
	return store_run(s, "DELETE FROM bucket WHERE person = 0 AND (real_s, origin) <="
			    " (SELECT real_s, origin FROM bucket WHERE person = 0"
			    " ORDER BY real_s DESC, origin DESC LIMIT 1 OFFSET $1)", args, 1, NULL);
}

/* -- tries -- */

enum err store_try_add(struct store *s, struct try_row *t)
{
	int64_t id;
	enum err e = row_add(s, &try_table, t, &id);

	if (e == ERR_OK)
		t->id = id;
	return e;
}

enum err store_try_remove(struct store *s, int64_t id)
{
	struct db_value args[] = { DB_ARG_INT(id) };
	int64_t changed = 0;
	enum err e = store_run(s, "DELETE FROM try WHERE id = $1", args, 1, &changed);

	return e == ERR_OK && changed == 0 ? ERR_NOT_FOUND : e;
}

struct try_each {
	store_try_cb cb;
	void *arg;
};

static enum err hand_try(const void *row, void *arg)
{
	struct try_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_try_each(struct store *s, int64_t person, const char *origin, store_try_cb cb, void *arg)
{
	struct try_each each = { .cb = cb, .arg = arg };

	if (!origin)
		return row_each(s, &try_table, "ORDER BY id", NULL, 0, hand_try, &each);

	struct db_value args[] = { DB_ARG_INT(person), DB_ARG_TEXT(origin) };

	return row_each(s, &try_table, "WHERE person = $1 AND origin = $2 ORDER BY id", args, 2, hand_try,
			&each);
}

/* -- what a person is told at the next login -- */

enum err store_login_stat_get(struct store *s, int64_t person, struct login_stat *ret)
{
	struct db_value args[] = { DB_ARG_INT(person) };
	enum err e = row_one(s, &login_stat_table, "WHERE person = $1", args, 1, ret);

	if (e != ERR_NOT_FOUND)
		return e;
	*ret = (struct login_stat){ .person = person, .last_at = -1, .failure_at = -1 };
	return ERR_OK;
}

enum err store_login_stat_put(struct store *s, const struct login_stat *st)
{
	return row_put(s, &login_stat_table, st);
}

/* -- failures of nobody in particular -- */

static enum err check_unproved(const char *origin, const char *address, int64_t real_s)
{
	if (strlen(origin) >= STORE_ORIGIN_SIZE || !row_is_plain(origin) || real_s < 0 ||
	    real_s > ROW_TIME_MAX)
		return fail(ERR_INVALID, "store: bad origin or time of a failure");
	if (address[0] != '\0' && (strlen(address) >= STORE_ADDRESS_SIZE || !row_is_plain(address)))
		return fail(ERR_INVALID, "store: bad address of a failure");
	return ERR_OK;
}

enum err store_unproved_add(struct store *s, const char *origin, const char *address, int64_t real_s)
{
	const char *known = address ? address : "";
	struct db_value args[] = {
		DB_ARG_INT(real_s / 60), DB_ARG_TEXT(origin), known[0] ? DB_ARG_TEXT(known) : DB_ARG_NULL,
	};
	struct db_value kept[] = { DB_ARG_INT(UNPROVED_KEPT) };
	int64_t failed = 0;
	enum err e = check_unproved(origin, known, real_s);

	if (e == ERR_OK)
		e = store_writable(s);
	if (e == ERR_OK)
		e = store_number(s, "INSERT INTO unproved (minute, origin, failed, address)"
				    " VALUES ($1, $2, 1, $3) ON CONFLICT (minute, origin)"
				    " DO UPDATE SET failed = unproved.failed + 1,"
				    " address = excluded.address RETURNING failed", args, 3, &failed);
	if (e != ERR_OK || failed > 1)
		return e;
	return store_run(s, "DELETE FROM unproved WHERE (minute, origin) <="
			    " (SELECT minute, origin FROM unproved"
			    " ORDER BY minute DESC, origin DESC LIMIT 1 OFFSET $1)", kept, 1, NULL);
}
