/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "schema.sql.h"
#include "store_internal.h"
#include "text.h"

#define META_KEY_SIZE 33

/* -- transactions -- */

static void leave(struct store *s)
{
	s->in_transaction = false;
	if (s->ticket)
		store_lock_release(s->lock, s->ticket);
	s->ticket = 0;
}

static bool is_machinery(enum err e)
{
	return e == ERR_STORE || e == ERR_STORE_FULL || e == ERR_STORE_CORRUPT || e == ERR_TIMEOUT ||
	       e == ERR_MEMORY;
}

static void give_up_reserve(struct store *s)
{
	if (s->looks)
		return;
	if (!s->reserve_used && !s->reserve_missing)
		(void)fail(ERR_STORE_FULL, "store: the reserve is given up");
	store_reserve_drop(s->dir);
	s->reserve_used = true;
	s->reserve_missing = true;
	if (s->db)
		db_move_log(s->db);
}

enum err store_noted(struct store *s, enum err e)
{
	if (!is_machinery(e))
		return e;
	if (s->in_transaction) {
		s->broken = e;
		db_rollback(s->db);
		leave(s);
	}
	if (e == ERR_STORE_FULL)
		give_up_reserve(s);
	return e;
}

enum err store_writable(struct store *s)
{
	if (s->broken != ERR_OK)
		return fail(s->broken, "store: the transaction was ended by a failure");
	/* SQLite ends one by itself after some errors; a write would then commit alone. */
	if (!s->in_transaction || !db_in_transaction(s->db))
		return fail(ERR_STORE, "store: written outside a transaction");
	return ERR_OK;
}

enum err store_begin(struct store *s)
{
	enum err e;

	if (s->in_transaction)
		return fail(ERR_STORE, "store: a transaction in a transaction");
	if (s->looks)
		return fail(ERR_STORE, "store: opened to look at only");
	s->broken = ERR_OK;
	e = store_lock_take(s->lock, s->lock_ms, &s->ticket);
	if (e == ERR_OK)
		e = db_begin(s->db);
	if (e != ERR_OK) {
		db_rollback(s->db);
		leave(s);
		return store_noted(s, e);
	}
	s->in_transaction = true;
	return ERR_OK;
}

enum err store_commit(struct store *s)
{
	enum err e = store_writable(s);

	s->broken = ERR_OK;
	if (e != ERR_OK)
		return e;
	e = db_commit(s->db);
	if (e != ERR_OK) {
		db_rollback(s->db);
		leave(s);
		return store_noted(s, e);
	}
	leave(s);
	return ERR_OK;
}

void store_rollback(struct store *s)
{
	s->broken = ERR_OK;
	if (!s->in_transaction)
		return;
	db_rollback(s->db);
	leave(s);
}

enum err store_run(struct store *s, const char *sql, const struct db_value *args, size_t count,
		   int64_t *changed)
{
	enum err e = store_writable(s);

	return e == ERR_OK ? store_noted(s, db_run(s->db, sql, args, count, changed)) : e;
}

static enum err read_number(struct db_query *q, int64_t *ret)
{
	struct db_value v = { .type = DB_NULL };
	bool more = false;
	enum err e = db_next(q, &more);

	if (e == ERR_OK && !more)
		return ERR_NOT_FOUND;
	if (e == ERR_OK)
		e = db_column(q, 0, &v);
	if (e == ERR_OK && v.type != DB_INT)
		e = fail(ERR_STORE_CORRUPT, "store: a number was expected");
	/* To the end, so that a statement that writes is finished. */
	if (e == ERR_OK)
		e = db_next(q, &more);
	if (e == ERR_OK)
		*ret = v.number;
	return e;
}

enum err store_number(struct store *s, const char *sql, const struct db_value *args, size_t count,
		      int64_t *ret)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	enum err e = db_query(s->db, sql, args, count, &q);

	if (e == ERR_OK)
		e = read_number(q, ret);
	return store_noted(s, e);
}

/* -- the reserve -- */

bool store_reserve_used(const struct store *s)
{
	return s->reserve_used;
}

bool store_reserve_missing(const struct store *s)
{
	return s->reserve_missing;
}

enum err store_reserve_make(struct store *s)
{
	enum err e = store_reserve_fill(s->dir);

	if (e != ERR_OK)
		return e;
	s->reserve_used = false;
	s->reserve_missing = false;
	return ERR_OK;
}

/* -- the room: what is written while the disk is full goes into blocks that are the store's already -- */

static enum err room_is_short(struct store *s, bool *ret)
{
	int64_t pages = 0;
	enum err e = store_noted(s, db_room(s->db, &pages));

	*ret = pages < DB_ROOM_PAGES / 2 || !store_dir_is_long(s->dir, STORE_LOG, STORE_LOG_SIZE);
	return e;
}

static enum err make_room(struct store *s)
{
	bool still;
	enum err e = store_begin(s);

	if (e != ERR_OK)
		return e;
	/* Many that open at once see it short; one fills it. */
	e = room_is_short(s, &still);
	if (e == ERR_OK && still)
		e = store_noted(s, db_room_make(s->db));
	if (e == ERR_OK && still)
		return store_commit(s);
	store_rollback(s);
	return e;
}

static enum err keep_room(struct store *s)
{
	bool is_short;
	enum err e = room_is_short(s, &is_short);

	if (e != ERR_OK || !is_short || !store_reserve_fits(s->dir))
		return e;
	e = make_room(s);
	/* Noted: without it the store is full, not broken. */
	return e == ERR_STORE_FULL ? ERR_OK : e;
}

/* -- meta -- */

struct meta_row {
	char key[META_KEY_SIZE];
	char value[STORE_LABEL_SIZE];
};

static const struct column meta_columns[] = {
	COLUMN_STRING(struct meta_row, key, "key", row_is_name),
	COLUMN_STRING(struct meta_row, value, "value", row_is_plain),
};

const struct table meta_table = {
	.name = "meta", .key = "key",
	TABLE_COLUMNS(meta_columns, struct meta_row),
};

enum err store_meta_get(struct store *s, const char *key, char *dst, size_t size)
{
	struct db_value args[] = { DB_ARG_TEXT(key) };
	struct meta_row row;
	enum err e = row_one(s, &meta_table, "WHERE key = $1", args, 1, &row);

	if (e != ERR_OK)
		return e;
	if (strlen(row.value) >= size)
		return fail(ERR_INVALID, "store: no room for the value of %s", key);
	memcpy(dst, row.value, strlen(row.value) + 1);
	return ERR_OK;
}

static enum err put_meta(struct store *s, const char *key, const char *value)
{
	struct meta_row row = { .key = "" };

	if (!text_copy(row.key, sizeof(row.key), key) || !text_copy(row.value, sizeof(row.value), value))
		return fail(ERR_INVALID, "store: %s is too long", key);
	return row_put(s, &meta_table, &row);
}

static enum err put_first_meta(struct store *s)
{
	unsigned char id[16];
	char text[33];
	enum err e;

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return fail(ERR_SYSTEM, "store: getrandom: %s", strerror(errno));
	text_hex(text, id, sizeof(id));
	e = put_meta(s, "host_id", text);
	if (e != ERR_OK)
		return e;
	return put_meta(s, "created", text_utc_time(text, sizeof(text), clock_real_s()));
}

/* -- open and close -- */

static enum err file_path(const char *dir, const char *name, char dst[STORE_PATH_SIZE])
{
	int n = snprintf(dst, STORE_PATH_SIZE, "%s/%s", dir, name);

	if (n < 0 || n >= STORE_PATH_SIZE)
		return fail(ERR_STORE, "store: the path \"%s\" is too long", dir);
	return ERR_OK;
}

/* Filled under another name: an interrupted init leaves no half-made store behind. */
static enum err fill(struct store *s, const char *dir)
{
	char path[STORE_PATH_SIZE];
	enum err e = file_path(dir, STORE_FILE_NEW, path);

	if (e == ERR_OK)
		e = store_dir_fresh(s->dir);
	if (e == ERR_OK)
		e = store_reserve_fill(s->dir);
	if (e == ERR_OK)
		e = db_create(path, schema_sql, s->lock_ms, &s->db);
	if (e != ERR_OK)
		return e;
	e = db_begin(s->db);
	s->in_transaction = e == ERR_OK;
	if (e == ERR_OK)
		e = put_first_meta(s);
	if (e == ERR_OK)
		e = db_commit(s->db);
	s->in_transaction = false;
	db_close(s->db);
	s->db = NULL;
	return e;
}

static enum err create(struct store *s, const char *dir)
{
	int64_t ticket = 0;
	enum err e = store_lock_take(s->lock, s->lock_ms, &ticket);

	if (e != ERR_OK)
		return e;
	if (store_dir_has(s->dir, STORE_FILE))
		e = fail(ERR_EXISTS, "store: %s/" STORE_FILE " exists already", dir);
	if (e == ERR_OK)
		e = fill(s, dir);
	if (e == ERR_OK)
		e = store_dir_publish(s->dir);
	store_lock_release(s->lock, ticket);
	return e;
}

static enum err open_files(struct store *s, const char *dir, enum store_mode mode)
{
	char path[STORE_PATH_SIZE];
	enum err e = store_dir_open(dir, &s->dir);

	if (e == ERR_OK)
		e = store_dir_check(s->dir);
	if (e == ERR_OK && mode != STORE_CREATE && !store_dir_has(s->dir, STORE_FILE))
		e = fail(ERR_STORE, "store: %s/" STORE_FILE " is missing", dir);
	if (e == ERR_OK && !store_dir_holds(s->dir, STORE_RESERVE, STORE_RESERVE_SIZE))
		s->reserve_missing = true;
	if (e == ERR_OK && mode == STORE_USE && store_reserve_needed(s->dir))
		give_up_reserve(s);
	if (e == ERR_OK)
		e = store_dir_file(s->dir, STORE_LOCK, &s->lock);
	if (e == ERR_OK && mode == STORE_CREATE)
		e = create(s, dir);
	if (e == ERR_OK)
		e = file_path(dir, STORE_FILE, path);
	if (e == ERR_OK)
		e = store_noted(s, db_open(path, schema_sql, s->lock_ms, &s->db));
	if (e == ERR_OK && mode == STORE_CREATE)
		s->reserve_missing = false;
	if (e != ERR_OK || s->looks)
		return e;
	/* What is written next must not go to the end of a long log. */
	if (s->reserve_missing)
		db_move_log(s->db);
	return keep_room(s);
}

enum err store_open(const char *dir, enum store_mode mode, int lock_ms, struct store **ret)
{
	struct store *s;
	enum err e;

	if (geteuid() == 0)
		return fail(ERR_NOT_ALLOWED, "store: not to be opened by uid 0");
	s = calloc(1, sizeof(*s));
	if (!s)
		return fail(ERR_MEMORY, "store: out of memory");
	s->dir = -1;
	s->lock = -1;
	s->lock_ms = lock_ms;
	s->looks = mode == STORE_LOOK;
	e = open_files(s, dir, mode);
	if (e != ERR_OK) {
		store_close(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->db)
		store_rollback(s);
	db_close(s->db);
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}
