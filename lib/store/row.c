/* SPDX-License-Identifier: Apache-2.0 */
#include "row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "card_id.h"
#include "store_internal.h"
#include "text.h"

#define SQL_SIZE 2048

struct sql {
	char text[SQL_SIZE];
	size_t len;
	bool cut;
};

static PRINTF_LIKE(2, 3) void add(struct sql *q, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(q->text + q->len, sizeof(q->text) - q->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(q->text) - q->len)
		q->cut = true;
	else
		q->len += (size_t)n;
}

static enum err whole(const struct sql *q)
{
	return q->cut ? fail(ERR_STORE, "store: a statement is too long") : ERR_OK;
}

/* -- rules -- */

bool row_is_plain(const char *text)
{
	return text_is_label(text, 128);
}

bool row_is_label(const char *text)
{
	return text_is_label(text, 64);
}

bool row_is_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return text_is_label(text, 32);
}

bool row_is_key_id(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

	return len >= 1 && len <= 16 && text[len] == '\0';
}

bool row_is_boot_id(const char *text)
{
	static const char shape[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	return true;
}

bool row_is_card_id(const char *text)
{
	struct card_id id;

	return card_id_parse(text, &id) == ERR_OK && strcmp(id.text, text) == 0;
}

bool row_is_object(const char *text)
{
	size_t len = strlen(text);

	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return len >= 2 && text[0] == '{' && text[len - 1] == '}' && text_is_utf8(text, len);
}

int row_name_value(const char *const *names, const char *name)
{
	for (int i = 1; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

/* -- from the database -- */

static void set(void *row, size_t at, const void *value, size_t size)
{
	memcpy((char *)row + at, value, size);
}

static bool read_number(const struct column *c, const struct db_value *v, void *row)
{
	unsigned small = (unsigned)v->number;
	bool truth = v->number == 1;

	if (v->type != DB_INT || v->number < c->min || v->number > c->max)
		return false;
	if (c->kind == COLUMN_INT)
		set(row, c->at, &v->number, sizeof(v->number));
	else if (c->kind == COLUMN_UNSIGNED)
		set(row, c->at, &small, sizeof(small));
	else
		set(row, c->at, &truth, sizeof(truth));
	return true;
}

static bool read_text(const struct column *c, const struct db_value *v, void *row)
{
	char *dst = (char *)row + c->at;

	return v->type == DB_TEXT && text_copy_n(dst, c->size, v->bytes, v->len) && c->valid(dst);
}

static bool read_name(const struct column *c, const struct db_value *v, void *row)
{
	char name[32];
	int value;

	if (v->type != DB_TEXT || !text_copy_n(name, sizeof(name), v->bytes, v->len))
		return false;
	if (c->kind == COLUMN_FIXED)
		return strcmp(name, c->names[0]) == 0;
	value = row_name_value(c->names, name);
	set(row, c->at, &value, sizeof(value));
	return value != 0;
}

static bool read_bytes(const struct column *c, const struct db_value *v, void *row)
{
	bool there = true;

	if (v->type != DB_BLOB || v->len > c->size)
		return false;
	if (c->kind == COLUMN_BYTES ? v->len != c->size
				    : (int64_t)v->len < c->min || (int64_t)v->len > c->max)
		return false;
	set(row, c->at, v->bytes, v->len);
	if (c->kind == COLUMN_BLOB)
		set(row, c->beside, &v->len, sizeof(v->len));
	else if (c->optional)
		set(row, c->beside, &there, sizeof(there));
	return true;
}

/* The struct is all zero before: only a number needs more to say "none". */
static bool read_null(const struct column *c, void *row)
{
	int64_t none = -1;

	if (c->optional && c->kind == COLUMN_INT)
		set(row, c->at, &none, sizeof(none));
	return c->optional;
}

static bool read_column(const struct column *c, const struct db_value *v, void *row)
{
	if (v->type == DB_NULL)
		return read_null(c, row);
	switch (c->kind) {
	case COLUMN_INT:
	case COLUMN_UNSIGNED:
	case COLUMN_BOOL:
		return read_number(c, v, row);
	case COLUMN_TEXT:
		return read_text(c, v, row);
	case COLUMN_NAME:
	case COLUMN_FIXED:
		return read_name(c, v, row);
	case COLUMN_BLOB:
	case COLUMN_BYTES:
		return read_bytes(c, v, row);
	}
	return false;
}

static enum err read_row(struct db_query *q, const struct table *t, void *row)
{
	memset(row, 0, t->size);
	for (size_t i = 0; i < t->count; i++) {
		struct db_value v;
		enum err e = db_column(q, (int)i, &v);

		if (e != ERR_OK)
			return e;
		if (!read_column(&t->columns[i], &v, row))
			return fail(ERR_STORE_CORRUPT, "store: bad value in %s.%s", t->name,
				    t->columns[i].name);
	}
	if (t->valid && !t->valid(row))
		return fail(ERR_STORE_CORRUPT, "store: a row of %s contradicts itself", t->name);
	return ERR_OK;
}

static void add_names(struct sql *q, const struct table *t, bool with_key)
{
	const char *comma = "";

	for (size_t i = 0; i < t->count; i++) {
		if (!with_key && strcmp(t->columns[i].name, t->key) == 0)
			continue;
		add(q, "%s%s", comma, t->columns[i].name);
		comma = ", ";
	}
}

enum err row_each(struct store *s, const struct table *t, const char *rest,
		  const struct db_value *args, size_t count, row_cb cb, void *arg)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *query = NULL;
	_Alignas(max_align_t) unsigned char row[ROW_SIZE_MAX];
	struct sql q = { .len = 0 };
	bool more = false;
	enum err e;

	if (t->size > sizeof(row))
		return fail(ERR_STORE, "store: rows of %s are too large", t->name);
	add(&q, "SELECT ");
	add_names(&q, t, true);
	add(&q, " FROM %s %s", t->name, rest);
	e = whole(&q);
	if (e == ERR_OK)
		e = store_noted(s, db_query(s->db, q.text, args, count, &query));
	while (e == ERR_OK) {
		e = store_noted(s, db_next(query, &more));
		if (e != ERR_OK || !more)
			break;
		e = store_noted(s, read_row(query, t, row));
		if (e == ERR_OK)
			e = cb(row, arg);
	}
	explicit_bzero(row, sizeof(row));
	return e;
}

struct first {
	void *ret;
	size_t size;
	bool found;
};

static enum err keep_first(const void *row, void *arg)
{
	struct first *f = arg;

	if (f->found)
		return fail(ERR_STORE_CORRUPT, "store: two rows where one may be");
	memcpy(f->ret, row, f->size);
	f->found = true;
	return ERR_OK;
}

enum err row_one(struct store *s, const struct table *t, const char *rest,
		 const struct db_value *args, size_t count, void *ret)
{
	_Alignas(max_align_t) unsigned char row[ROW_SIZE_MAX];
	struct first f = { .ret = row, .size = t->size, .found = false };
	enum err e = row_each(s, t, rest, args, count, keep_first, &f);

	if (e == ERR_OK && !f.found)
		return ERR_NOT_FOUND;
	if (e == ERR_OK)
		memcpy(ret, row, t->size);
	explicit_bzero(row, sizeof(row));
	return e;
}

/* -- to the database -- */

static bool write_number(const struct column *c, const void *row, struct db_value *v)
{
	int64_t number = 0;
	unsigned small;
	bool truth;

	if (c->kind == COLUMN_INT) {
		memcpy(&number, (const char *)row + c->at, sizeof(number));
	} else if (c->kind == COLUMN_UNSIGNED) {
		memcpy(&small, (const char *)row + c->at, sizeof(small));
		number = small;
	} else {
		memcpy(&truth, (const char *)row + c->at, sizeof(truth));
		number = truth;
	}
	if (c->optional && number == -1)
		return true;
	*v = DB_ARG_INT(number);
	return number >= c->min && number <= c->max;
}

static bool write_text(const struct column *c, const void *row, struct db_value *v)
{
	const char *text = (const char *)row + c->at;

	if (!memchr(text, '\0', c->size))
		return false;
	if (c->optional && text[0] == '\0')
		return true;
	*v = DB_ARG_TEXT(text);
	return c->valid(text);
}

static bool write_name(const struct column *c, const void *row, struct db_value *v)
{
	int value, count = 1;

	memcpy(&value, (const char *)row + c->at, sizeof(value));
	if (c->optional && value == 0)
		return true;
	while (c->names[count])
		count++;
	if (value < 1 || value >= count)
		return false;
	*v = DB_ARG_TEXT(c->names[value]);
	return true;
}

static bool write_bytes(const struct column *c, const void *row, struct db_value *v)
{
	size_t len = c->size;
	bool there = true;

	if (c->kind == COLUMN_BLOB)
		memcpy(&len, (const char *)row + c->beside, sizeof(len));
	else if (c->optional)
		memcpy(&there, (const char *)row + c->beside, sizeof(there));
	if (!there)
		return true;
	if (len > c->size)
		return false;
	if (c->kind == COLUMN_BLOB && ((int64_t)len < c->min || (int64_t)len > c->max))
		return false;
	*v = DB_ARG_BLOB((const char *)row + c->at, len);
	return true;
}

static bool write_column(const struct column *c, const void *row, struct db_value *v)
{
	*v = DB_ARG_NULL;
	switch (c->kind) {
	case COLUMN_INT:
	case COLUMN_UNSIGNED:
	case COLUMN_BOOL:
		return write_number(c, row, v);
	case COLUMN_TEXT:
		return write_text(c, row, v);
	case COLUMN_NAME:
		return write_name(c, row, v);
	case COLUMN_FIXED:
		*v = DB_ARG_TEXT(c->names[0]);
		return true;
	case COLUMN_BLOB:
	case COLUMN_BYTES:
		return write_bytes(c, row, v);
	}
	return false;
}

static enum err write_row(const struct table *t, const void *row, bool with_key, struct db_value *args,
			  size_t *count)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (!with_key && strcmp(t->columns[i].name, t->key) == 0)
			continue;
		if (n == DB_ARGS_MAX)
			return fail(ERR_STORE, "store: %s has too many columns", t->name);
		if (!write_column(&t->columns[i], row, &args[n++]))
			return fail(ERR_INVALID, "store: bad value for %s.%s", t->name,
				    t->columns[i].name);
	}
	if (t->valid && !t->valid(row))
		return fail(ERR_INVALID, "store: a row for %s contradicts itself", t->name);
	*count = n;
	return ERR_OK;
}

static void add_insert(struct sql *q, const struct table *t, bool with_key, size_t count)
{
	add(q, "INSERT INTO %s (", t->name);
	add_names(q, t, with_key);
	add(q, ") VALUES (");
	for (size_t i = 1; i <= count; i++)
		add(q, "%s$%zu", i == 1 ? "" : ", ", i);
	add(q, ")");
}

enum err row_add(struct store *s, const struct table *t, const void *row, int64_t *id)
{
	struct db_value args[DB_ARGS_MAX];
	struct sql q = { .len = 0 };
	size_t count = 0;
	enum err e = store_writable(s);

	if (e == ERR_OK)
		e = write_row(t, row, false, args, &count);
	if (e != ERR_OK)
		return e;
	add_insert(&q, t, false, count);
	add(&q, " RETURNING %s", t->key);
	e = whole(&q);
	return e == ERR_OK ? store_number(s, q.text, args, count, id) : e;
}

enum err row_put(struct store *s, const struct table *t, const void *row)
{
	struct db_value args[DB_ARGS_MAX];
	struct sql q = { .len = 0 };
	size_t count = 0;
	enum err e = store_writable(s);

	if (e == ERR_OK)
		e = write_row(t, row, true, args, &count);
	if (e != ERR_OK)
		return e;
	add_insert(&q, t, true, count);
	add(&q, " ON CONFLICT (%s) DO UPDATE SET ", t->key);
	for (size_t i = 0; i < t->count; i++)
		add(&q, "%s%s = excluded.%s", i ? ", " : "", t->columns[i].name, t->columns[i].name);
	e = whole(&q);
	return e == ERR_OK ? store_run(s, q.text, args, count, NULL) : e;
}

static const struct column *column_named(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return &t->columns[i];
	return NULL;
}

enum err row_update(struct store *s, const struct table *t, const void *row, int64_t id,
		    const char *const *names, const char *guard, const char *expected, bool *changed)
{
	struct db_value args[DB_ARGS_MAX];
	struct sql q = { .len = 0 };
	int64_t rows = 0;
	size_t n = 0;
	enum err e = store_writable(s);

	if (e != ERR_OK)
		return e;
	add(&q, "UPDATE %s SET ", t->name);
	for (; names[n]; n++) {
		const struct column *c = column_named(t, names[n]);

		if (!c || n + 2 >= DB_ARGS_MAX)
			return fail(ERR_STORE, "store: %s can't be updated so", t->name);
		if (!write_column(c, row, &args[n]))
			return fail(ERR_INVALID, "store: bad value for %s.%s", t->name, c->name);
		add(&q, "%s%s = $%zu", n ? ", " : "", c->name, n + 1);
	}
	args[n++] = DB_ARG_INT(id);
	add(&q, " WHERE id = $%zu", n);
	if (guard) {
		args[n++] = DB_ARG_TEXT(expected);
		add(&q, " AND %s = $%zu", guard, n);
	}
	e = whole(&q);
	if (e == ERR_OK)
		e = store_run(s, q.text, args, n, &rows);
	if (e == ERR_OK)
		*changed = rows > 0;
	return e;
}
