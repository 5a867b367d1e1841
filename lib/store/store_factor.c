/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store_internal.h"

static const char *const algorithm_names[] = { "", "sha1", "sha256", "sha512", NULL };

static bool is_hash(const char *text)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return false;
	return len >= 32 && len < STORE_HASH_SIZE;
}

static const struct column totp_columns[] = {
	COLUMN_NUMBER(struct totp_row, person, "person", 1, INT64_MAX),
	COLUMN_STRING(struct totp_row, key_id, "key_id", row_is_key_id),
	{ .name = "sealed", .kind = COLUMN_BLOB, COLUMN_AT(struct totp_row, sealed),
	  .beside = offsetof(struct totp_row, sealed_len), .min = 28, .max = STORE_SEALED_MAX },
	COLUMN_ENUM(struct totp_row, algorithm, "algorithm", algorithm_names),
	{ .name = "digits", .kind = COLUMN_UNSIGNED, COLUMN_AT(struct totp_row, digits),
	  .min = 6, .max = 8 },
	{ .name = "period", .kind = COLUMN_UNSIGNED, COLUMN_AT(struct totp_row, period),
	  .min = 15, .max = 120 },
	COLUMN_NUMBER(struct totp_row, last_step, "last_step", 0, INT64_MAX),
	COLUMN_TIME(struct totp_row, created_at, "created_at"),
};

const struct table totp_table = {
	.name = "totp", .key = "person",
	TABLE_COLUMNS(totp_columns, struct totp_row),
};

static const struct column password_columns[] = {
	COLUMN_NUMBER(struct password_row, person, "person", 1, INT64_MAX),
	COLUMN_STRING(struct password_row, key_id, "key_id", row_is_key_id),
	COLUMN_STRING(struct password_row, hash, "hash", is_hash),
	COLUMN_TIME(struct password_row, set_at, "set_at"),
};

const struct table password_table = {
	.name = "password", .key = "person",
	TABLE_COLUMNS(password_columns, struct password_row),
};

static enum err remove_of(struct store *s, const char *sql, int64_t person)
{
	struct db_value args[] = { DB_ARG_INT(person) };
	int64_t changed = 0;
	enum err e = store_run(s, sql, args, 1, &changed);

	return e == ERR_OK && changed == 0 ? ERR_NOT_FOUND : e;
}

enum err store_totp_get(struct store *s, int64_t person, struct totp_row *ret)
{
	struct db_value args[] = { DB_ARG_INT(person) };

	return row_one(s, &totp_table, "WHERE person = $1", args, 1, ret);
}

enum err store_totp_put(struct store *s, const struct totp_row *t)
{
	return row_put(s, &totp_table, t);
}

enum err store_totp_remove(struct store *s, int64_t person)
{
	return remove_of(s, "DELETE FROM totp WHERE person = $1", person);
}

enum err store_totp_consume(struct store *s, int64_t person, int64_t step)
{
	struct db_value args[] = { DB_ARG_INT(person), DB_ARG_INT(step) };
	int64_t changed = 0;
	struct totp_row row;
	enum err e = store_run(s, "UPDATE totp SET last_step = $2 WHERE person = $1 AND last_step < $2",
			       args, 2, &changed);

	if (e != ERR_OK || changed > 0)
		return e;
	e = store_totp_get(s, person, &row);
	return e == ERR_OK ? ERR_CODE_REPLAYED : e;
}

enum err store_password_get(struct store *s, int64_t person, struct password_row *ret)
{
	struct db_value args[] = { DB_ARG_INT(person) };

	return row_one(s, &password_table, "WHERE person = $1", args, 1, ret);
}

enum err store_password_put(struct store *s, const struct password_row *p)
{
	return row_put(s, &password_table, p);
}

enum err store_password_remove(struct store *s, int64_t person)
{
	return remove_of(s, "DELETE FROM password WHERE person = $1", person);
}
