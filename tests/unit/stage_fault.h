/* SPDX-License-Identifier: Apache-2.0 */
/* A store that fails at any step of a call, in the place of SQLite's own. Included by one .c of a program. */
#ifndef CARDMFA_STAGE_FAULT_H
#define CARDMFA_STAGE_FAULT_H

#include <dlfcn.h>

#include "stage.h"

static struct {
	bool armed;
	int at, code;           /* the at-th step answers this */
	int steps;
	bool writes_only;       /* count no step that writes nothing */
	const char *on_begin;   /* SQL of another process, once, just before the next transaction */
	const char *behind;     /* the same, just before the one that follows the fault */
} fault;

static inline void fault_apart(const char *sql);

/* SQLite's own statements have no text. */
static inline bool fault_is_begin(sqlite3_stmt *statement)
{
	const char *sql = sqlite3_sql(statement);

	return sql && strcmp(sql, "BEGIN IMMEDIATE") == 0;
}

/* To SQLite a COMMIT is none. */
static inline bool fault_is_write(sqlite3_stmt *statement)
{
	const char *sql = sqlite3_sql(statement);

	return sql && (!sqlite3_stmt_readonly(statement) || strcmp(sql, "COMMIT") == 0);
}

int sqlite3_step(sqlite3_stmt *statement)
{
	static int (*real)(sqlite3_stmt *statement);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
	if (fault.on_begin && fault_is_begin(statement)) {
		const char *sql = fault.on_begin;

		fault.on_begin = NULL;
		fault_apart(sql);
	}
	if (fault.armed && (!fault.writes_only || fault_is_write(statement)) && ++fault.steps == fault.at) {
		if (fault.behind)
			fault.on_begin = fault.behind;
		return fault.code;
	}
	return real(statement);
}

/* Behind the back of the call that runs. */
static inline void fault_apart(const char *sql)
{
	bool armed = fault.armed;

	fault.armed = false;
	fixture_raw(rules_dir, sql);
	fault.armed = armed;
}

/* One call with a fault at the n-th step; false: none was met. */
static inline bool fault_run(enum wire_op op, int n, int code, enum err *ret)
{
	struct auth_call c;

	fault.steps = 0;
	fault.at = n;
	fault.code = code;
	stage_reset_call();
	stage.request.op = op;
	c = stage_call();
	fault.armed = true;
	*ret = auth_run(&c, &stage.result);
	fault.armed = false;
	assert_int_equal(stage.result.verdict, *ret == ERR_OK ? VERDICT_ALLOW : VERDICT_DENY);
	assert_int_equal(stage.hashing, 0);
	assert_false(stage.card_process);
	/* No transaction is left open. */
	assert_int_equal(store_begin(rules_store), ERR_OK);
	store_rollback(rules_store);
	return fault.steps >= n;
}

static const int fault_codes[] = {
	SQLITE_IOERR, SQLITE_FULL, SQLITE_BUSY, SQLITE_READONLY, SQLITE_CORRUPT, SQLITE_NOMEM, SQLITE_MISUSE,
	SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_CORRUPTFS, SQLITE_BUSY_SNAPSHOT,
	SQLITE_READONLY_DBMOVED,
};

#define FAULT_N_CODES (sizeof(fault_codes) / sizeof(fault_codes[0]))

#endif
