/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver of db.h without a database, in the place of db_sqlite.c: a query has the rows of values
 * that the target gives, a statement keeps what it was given.
 */
#ifndef CARDMFA_FUZZ_DB_H
#define CARDMFA_FUZZ_DB_H

#include "../../lib/store/store_internal.h"
#include "fuzz.h"

#define FUZZ_ROWS_MAX 8

struct db {
	size_t n_rows;
	const struct db_value *rows[FUZZ_ROWS_MAX];     /* n_values of each */
	size_t n_values;
	size_t n_args;          /* of the last statement */
	struct db_value args[DB_ARGS_MAX];
	char bytes[DB_ARGS_MAX][4096];
};

struct db_query {
	struct db *db;
	size_t next;            /* row */
};

static inline void keep_args(struct db *db, const struct db_value *args, size_t count)
{
	must(count <= DB_ARGS_MAX);
	db->n_args = count;
	for (size_t i = 0; i < count; i++) {
		db->args[i] = args[i];
		if (args[i].type != DB_TEXT && args[i].type != DB_BLOB)
			continue;
		must(args[i].len < sizeof(db->bytes[i]));
		memcpy(db->bytes[i], args[i].bytes, args[i].len);
		db->bytes[i][args[i].len] = '\0';
		db->args[i].bytes = db->bytes[i];
	}
}

enum err db_open(const char *path, const char *schema, int busy_ms, struct db **ret)
{
	(void)path;
	(void)schema;
	(void)busy_ms;
	(void)ret;
	return ERR_STORE;
}

enum err db_create(const char *path, const char *schema, int busy_ms, struct db **ret)
{
	return db_open(path, schema, busy_ms, ret);
}

void db_close(struct db *db)
{
	(void)db;
}

enum err db_begin(struct db *db)
{
	(void)db;
	return ERR_OK;
}

enum err db_commit(struct db *db)
{
	(void)db;
	return ERR_OK;
}

void db_rollback(struct db *db)
{
	(void)db;
}

bool db_in_transaction(const struct db *db)
{
	(void)db;
	return true;
}

enum err db_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
		  struct db_query **ret)
{
	must(*sql);
	if (count)
		keep_args(db, args, count);
	*ret = calloc(1, sizeof(**ret));
	must(*ret != NULL);
	(*ret)->db = db;
	return ERR_OK;
}

enum err db_next(struct db_query *q, bool *more)
{
	*more = q->next < q->db->n_rows;
	q->next += *more;
	return ERR_OK;
}

enum err db_column(struct db_query *q, int i, struct db_value *ret)
{
	must(q->next > 0 && i >= 0 && (size_t)i < q->db->n_values);
	*ret = q->db->rows[q->next - 1][i];
	return ERR_OK;
}

void db_query_free(struct db_query *q)
{
	free(q);
}

void db_query_freep(struct db_query **q)
{
	db_query_free(*q);
}

enum err db_run(struct db *db, const char *sql, const struct db_value *args, size_t count,
		int64_t *changed)
{
	must(*sql);
	keep_args(db, args, count);
	if (changed)
		*changed = 1;
	return ERR_OK;
}

enum err db_room(struct db *db, int64_t *pages)
{
	(void)db;
	*pages = DB_ROOM_PAGES;
	return ERR_OK;
}

enum err db_room_make(struct db *db)
{
	(void)db;
	return ERR_OK;
}

void db_move_log(struct db *db)
{
	(void)db;
}

enum err db_integrity(struct db *db)
{
	(void)db;
	return ERR_OK;
}

#endif
