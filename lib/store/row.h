/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows between C structs and the database, described by tables of columns. Each value is checked in
 * both directions: a bad one in a struct is ERR_INVALID, in the database ERR_STORE_CORRUPT.
 */
#ifndef CARDMFA_ROW_H
#define CARDMFA_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "error.h"

#define ROW_TIME_MAX INT64_C(253402300799)      /* 9999-12-31T23:59:59Z, X.509's "no end" */
#define ROW_UID_MAX INT64_C(4294967294)
#define ROW_SIZE_MAX 4096                       /* no struct of a row is larger */

struct store;

enum column_kind {
	COLUMN_INT,             /* int64_t */
	COLUMN_UNSIGNED,        /* unsigned */
	COLUMN_BOOL,            /* bool, 0 or 1 */
	COLUMN_NAME,            /* enum from 1, kept as names[value] */
	COLUMN_TEXT,            /* char[size] with NUL */
	COLUMN_BLOB,            /* unsigned char[size], length in the size_t at `beside` */
	COLUMN_BYTES,           /* unsigned char[size]; optional: there if the bool at `beside` */
	COLUMN_FIXED,           /* names[0] in every row, no member */
};

struct column {
	const char *name;
	enum column_kind kind;
	bool optional;          /* NULL in the row; -1, "", 0 or false in the struct */
	size_t at, size, beside;
	int64_t min, max;       /* of numbers; of a BLOB's length */
	const char *const *names;       /* ends with NULL; names[0] of COLUMN_NAME is not used */
	bool (*valid)(const char *text);
};

struct table {
	const char *name;
	const char *key;        /* columns that say which row; of row_add: given by the database */
	const struct column *columns;
	size_t count, size;     /* size of the struct */
	bool (*valid)(const void *row);         /* what several columns must agree on; NULL: nothing */
};

#define TABLE_COLUMNS(list, type) \
	.columns = (list), .count = sizeof(list) / sizeof((list)[0]), .size = sizeof(type)
#define COLUMN_AT(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define COLUMN_NUMBER(type, member, column, least, most) \
	{ .name = (column), .kind = COLUMN_INT, COLUMN_AT(type, member), .min = (least), \
	  .max = (most) }
#define COLUMN_TIME(type, member, column) COLUMN_NUMBER(type, member, column, 0, ROW_TIME_MAX)
#define COLUMN_STRING(type, member, column, rule) \
	{ .name = (column), .kind = COLUMN_TEXT, COLUMN_AT(type, member), .valid = (rule) }
#define COLUMN_OPTIONAL_NUMBER(type, member, column, most) \
	{ .name = (column), .kind = COLUMN_INT, .optional = true, COLUMN_AT(type, member), \
	  .max = (most) }
#define COLUMN_OPTIONAL_STRING(type, member, column, rule) \
	{ .name = (column), .kind = COLUMN_TEXT, .optional = true, COLUMN_AT(type, member), \
	  .valid = (rule) }
#define COLUMN_ENUM(type, member, column, list) \
	{ .name = (column), .kind = COLUMN_NAME, COLUMN_AT(type, member), .names = (list) }
#define COLUMN_MOMENT(type, member) \
	COLUMN_STRING(type, member.boot_id, "boot_id", row_is_boot_id), \
	COLUMN_NUMBER(type, member.boot_ms, "boot_ms", 0, INT64_C(1) << 53), \
	COLUMN_TIME(type, member.real_s, "real_s")
#define COLUMN_PROCESS(type, pid_member, pid_column, start_member, start_column) \
	COLUMN_NUMBER(type, pid_member, pid_column, 1, INT32_MAX), \
	COLUMN_NUMBER(type, start_member, start_column, 0, INT64_MAX)

/* Rules of texts; all refuse "". */
bool row_is_plain(const char *text);    /* a text_is_label() of 128 characters */
bool row_is_label(const char *text);    /* of 64 characters */
bool row_is_name(const char *text);     /* printable ASCII, 32 bytes */
bool row_is_key_id(const char *text);
bool row_is_boot_id(const char *text);
bool row_is_card_id(const char *text);
bool row_is_object(const char *text);   /* looks like a JSON object */

/* Value of a name in a list of COLUMN_NAME; 0 when it is in none. */
int row_name_value(const char *const *names, const char *name);

/* Rows that `rest` ("WHERE ...", fixed text) selects. ERR_NOT_FOUND (not logged) when there is none. */
MUST_USE enum err row_one(struct store *s, const struct table *t, const char *rest,
			  const struct db_value *args, size_t count, void *ret);
typedef enum err (*row_cb)(const void *row, void *arg);
MUST_USE enum err row_each(struct store *s, const struct table *t, const char *rest,
			   const struct db_value *args, size_t count, row_cb cb, void *arg);

/* A new row of a table whose key the database gives; *id is that. */
MUST_USE enum err row_add(struct store *s, const struct table *t, const void *row, int64_t *id);
/* A row of any other table; replaces the one with its key. */
MUST_USE enum err row_put(struct store *s, const struct table *t, const void *row);
/*
 * Writes the named columns (NULL ends) of the row `id`, if the column `guard` (NULL: none) still is
 * `expected`. *changed false: there is no such row.
 */
MUST_USE enum err row_update(struct store *s, const struct table *t, const void *row, int64_t id,
			     const char *const *names, const char *guard, const char *expected,
			     bool *changed);

#endif
