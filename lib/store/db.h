/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database driver gives the store; db_sqlite.c is the one for SQLite. SQL is fixed text with
 * $1, $2, ... for values; values never become SQL. Errors: ERR_STORE, ERR_STORE_FULL,
 * ERR_STORE_CORRUPT, ERR_STORE_VERSION, ERR_TIMEOUT (busy), ERR_MEMORY, and of a constraint
 * ERR_EXISTS (unique), ERR_NOT_FOUND (the row referred to is missing), ERR_BAD_STATE (a trigger
 * refused), ERR_INVALID (a check).
 */
#ifndef CARDMFA_DB_H
#define CARDMFA_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define DB_SCHEMA_VERSION 4
#define DB_ARGS_MAX 32

struct db;
struct db_query;

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

/* A value in either direction; bytes belong to the caller, or to the query until its next step. */
struct db_value {
	enum db_type type;
	int64_t number;
	const void *bytes;
	size_t len;
};

#define DB_ARG_INT(n)     ((struct db_value){ .type = DB_INT, .number = (n) })
#define DB_ARG_TEXT(s)    ((struct db_value){ .type = DB_TEXT, .bytes = (s), .len = strlen(s) })
#define DB_ARG_BLOB(p, l) ((struct db_value){ .type = DB_BLOB, .bytes = (p), .len = (l) })
#define DB_ARG_NULL       ((struct db_value){ .type = DB_NULL })

/*
 * Opens an existing store and compares its application, version and whole schema with `schema`:
 * ERR_STORE_VERSION, or ERR_STORE_CORRUPT when a table, view or trigger is not ours. busy_ms bounds
 * each wait for another process.
 */
MUST_USE enum err db_open(const char *path, const char *schema, int busy_ms, struct db **ret);
/* Fills the empty file `path` (0600) with the schema; durable and closed for others to open. */
MUST_USE enum err db_create(const char *path, const char *schema, int busy_ms, struct db **ret);
void db_close(struct db *db);           /* NULL is allowed; rolls back */

MUST_USE enum err db_begin(struct db *db);      /* for writing, at once */
MUST_USE enum err db_commit(struct db *db);     /* durable on ERR_OK */
void db_rollback(struct db *db);
/* False also when the database itself ended the transaction after an error. */
bool db_in_transaction(const struct db *db);

/* A statement whose rows are wanted, closed by db_query_free (NULL is allowed). */
MUST_USE enum err db_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
			   struct db_query **ret);
/* ERR_OK: a row stands ready; *more false: no row is left. */
MUST_USE enum err db_next(struct db_query *q, bool *more);
/* Column i, from 0, of the row that stands ready; text may hold any bytes. */
MUST_USE enum err db_column(struct db_query *q, int i, struct db_value *ret);
void db_query_free(struct db_query *q);
void db_query_freep(struct db_query **q);

/* A statement without rows; *changed (NULL: not wanted) is the number of rows it wrote. */
MUST_USE enum err db_run(struct db *db, const char *sql, const struct db_value *args, size_t count,
			 int64_t *changed);

/*
 * Pages that are the database's already and hold nothing: what is written later takes them first, and needs
 * no space of the file system. db_room_make, in a transaction: DB_ROOM_PAGES of 4 KiB are free afterwards, and
 * as many stand in the log.
 */
#define DB_ROOM_PAGES 256
MUST_USE enum err db_room(struct db *db, int64_t *pages);
MUST_USE enum err db_room_make(struct db *db);
/*
 * What stands in the log goes into the file, so that the log begins anew in the blocks it has. Tried: others may
 * still read it, and it is written on then.
 */
void db_move_log(struct db *db);

/* The database's own check of its pages, indexes and references. */
MUST_USE enum err db_integrity(struct db *db);

#ifdef CARDMFA_TEST_HOOKS
/*
 * Fails the nth step (1: the next) of this process with a result code of the driver, without doing
 * it; 0 ends the hook. Steps are rows, statements, begin and commit; rollback and open are none.
 */
void db_hook_fail(int nth, int code);
/* Steps since the last db_hook_fail. */
int db_hook_count(void);
#endif

#endif
