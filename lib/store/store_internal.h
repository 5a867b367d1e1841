/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share. */
#ifndef CARDMFA_STORE_INTERNAL_H
#define CARDMFA_STORE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "row.h"
#include "store.h"

#define STORE_FILE "store.db"
#define STORE_FILE_NEW "store.new"
#define STORE_LOCK "lock"
#define STORE_RESERVE "reserve"
#define STORE_RESERVE_SIZE (1024 * 1024)
#define STORE_LOG STORE_FILE "-wal"
#define STORE_LOG_SIZE (1024 * 1024)
#define STORE_PATH_SIZE 1024

struct store {
	struct db *db;
	int dir, lock;          /* descriptors */
	int lock_ms;
	bool looks;             /* STORE_LOOK */
	int64_t ticket;         /* in the writers' queue; 0: none */
	bool in_transaction;
	enum err broken;        /* why the transaction was ended before commit; ERR_OK: it was not */
	bool reserve_used, reserve_missing;
};

/* -- store.c -- */

/*
 * Every result of the database passes here. A failure of the machinery ends the transaction at
 * once (its lock is freed, nothing after it can be written); a full disk gives up the reserve.
 */
enum err store_noted(struct store *s, enum err e);
/* ERR_STORE outside a transaction, or in one that was ended by a failure. */
MUST_USE enum err store_writable(struct store *s);
MUST_USE enum err store_run(struct store *s, const char *sql, const struct db_value *args, size_t count,
			    int64_t *changed);
/* The one number that a statement gives. ERR_NOT_FOUND (not logged) without a row. */
MUST_USE enum err store_number(struct store *s, const char *sql, const struct db_value *args,
			       size_t count, int64_t *ret);

/* -- store_dir.c: names, owners and modes -- */

/* Absolute, no symlink in any component, ours, 0700, a local file system. */
MUST_USE enum err store_dir_open(const char *path, int *ret);
/* Whatever lies there under a name of ours is a plain file of ours, 0600, with one link. */
MUST_USE enum err store_dir_check(int dir);
MUST_USE bool store_dir_has(int dir, const char *name);
/* Opens or makes a file of ours, 0600. */
MUST_USE enum err store_dir_file(int dir, const char *name, int *ret);
/* Removes what an interrupted creation left, and makes the empty file to fill. */
MUST_USE enum err store_dir_fresh(int dir);
/* The filled file takes its name, durably. ERR_EXISTS. */
MUST_USE enum err store_dir_publish(int dir);

/* The file has so many blocks of its own. */
bool store_dir_holds(int dir, const char *name, int64_t bytes);
/* The file has such a length, whatever its blocks: few where the file system compresses. */
bool store_dir_is_long(int dir, const char *name, int64_t bytes);

MUST_USE enum err store_reserve_fill(int dir);
/* Enough is left for a reserve that does not itself starve the store. */
bool store_reserve_fits(int dir);
void store_reserve_drop(int dir);
/* So little is left that SQLite's shared memory could not be written (SIGBUS). */
bool store_reserve_needed(int dir);

/* -- store_lock.c: the writers' queue -- */

/* In order of arrival; ERR_TIMEOUT after ms. Freed by the death of its holder. */
MUST_USE enum err store_lock_take(int fd, int ms, int64_t *ticket);
void store_lock_release(int fd, int64_t ticket);

/* -- tables, for store_check -- */
extern const struct table meta_table, person_table, card_table, totp_table, password_table, bucket_table,
	try_table, login_stat_table, unproved_table, grant_table, session_table, event_table, group_table;

#endif
