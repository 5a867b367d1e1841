/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"
#include "sqlite_schema.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x434D4641       /* "CMFA" */
#define HEAP_MAX (64LL * 1024 * 1024)
#define VALUE_MAX 65536

struct db {
	sqlite3 *handle;
};

struct db_query {
	struct db *db;
	sqlite3_stmt *statement;
};

static const struct {
	int id, value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH,              VALUE_MAX },
	{ SQLITE_LIMIT_SQL_LENGTH,          16384 },
	{ SQLITE_LIMIT_COLUMN,              64 },
	{ SQLITE_LIMIT_EXPR_DEPTH,          50 },
	{ SQLITE_LIMIT_COMPOUND_SELECT,     4 },
	{ SQLITE_LIMIT_VDBE_OP,             25000 },
	{ SQLITE_LIMIT_FUNCTION_ARG,        8 },
	{ SQLITE_LIMIT_ATTACHED,            0 },
	{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER,     DB_ARGS_MAX },
	{ SQLITE_LIMIT_TRIGGER_DEPTH,       2 },
	{ SQLITE_LIMIT_WORKER_THREADS,      0 },
};

static const struct {
	int id, value;
} switches[] = {
	{ SQLITE_DBCONFIG_DEFENSIVE,             1 },
	{ SQLITE_DBCONFIG_TRUSTED_SCHEMA,        0 },
	{ SQLITE_DBCONFIG_ENABLE_FKEY,           1 },
	{ SQLITE_DBCONFIG_ENABLE_TRIGGER,        1 },
	{ SQLITE_DBCONFIG_ENABLE_VIEW,           0 },
	{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	{ SQLITE_DBCONFIG_WRITABLE_SCHEMA,       0 },
	{ SQLITE_DBCONFIG_DQS_DDL,               0 },
	{ SQLITE_DBCONFIG_DQS_DML,               0 },
};

static const struct {
	int code;
	enum err err;
} errors[] = {
	/* extended codes first */
	{ SQLITE_CONSTRAINT_UNIQUE,     ERR_EXISTS },
	{ SQLITE_CONSTRAINT_PRIMARYKEY, ERR_EXISTS },
	{ SQLITE_CONSTRAINT_ROWID,      ERR_EXISTS },
	{ SQLITE_CONSTRAINT_FOREIGNKEY, ERR_NOT_FOUND },
	{ SQLITE_CONSTRAINT_TRIGGER,    ERR_BAD_STATE },
	{ SQLITE_IOERR_NOMEM,           ERR_MEMORY },
	{ SQLITE_IOERR_CORRUPTFS,       ERR_STORE_CORRUPT },
	{ SQLITE_BUSY,                  ERR_TIMEOUT },
	{ SQLITE_LOCKED,                ERR_TIMEOUT },
	{ SQLITE_PROTOCOL,              ERR_TIMEOUT },
	{ SQLITE_FULL,                  ERR_STORE_FULL },
	{ SQLITE_CORRUPT,               ERR_STORE_CORRUPT },
	{ SQLITE_NOTADB,                ERR_STORE_CORRUPT },
	{ SQLITE_NOMEM,                 ERR_MEMORY },
	{ SQLITE_CONSTRAINT,            ERR_INVALID },
	/* What we write is short: only a value read can be so long. */
	{ SQLITE_TOOBIG,                ERR_STORE_CORRUPT },
};

static bool no_space(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static enum err map_code(const struct db *db, int code)
{
	/* SQLite says FULL for ENOSPC on a write only, and keeps the errno of some failures only. */
	if ((code & 0xff) == SQLITE_IOERR &&
	    (no_space(errno) || no_space(sqlite3_system_errno(db->handle))))
		return ERR_STORE_FULL;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == code)
			return errors[i].err;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].code == (code & 0xff))
			return errors[i].err;
	return ERR_STORE;
}

static enum err failed(const struct db *db, int code)
{
	return fail(map_code(db, code), "store: %s (SQLite %d)",
		    db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code), code);
}

#ifdef CARDMFA_TEST_HOOKS
static int hook_nth, hook_code, hook_seen;

void db_hook_fail(int nth, int code)
{
	hook_nth = nth;
	hook_code = code;
	hook_seen = 0;
}

int db_hook_count(void)
{
	return hook_seen;
}

static int step(sqlite3_stmt *statement)
{
	errno = 0;
	if (++hook_seen == hook_nth)
		return hook_code;
	return sqlite3_step(statement);
}
#else
static int step(sqlite3_stmt *statement)
{
	errno = 0;
	return sqlite3_step(statement);
}
#endif

static enum err exec(struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? ERR_OK : failed(db, code);
}

static enum err bind(struct db_query *q, int at, const struct db_value *v)
{
	int code;

	switch (v->type) {
	case DB_NULL:
		code = sqlite3_bind_null(q->statement, at);
		break;
	case DB_INT:
		code = sqlite3_bind_int64(q->statement, at, v->number);
		break;
	case DB_TEXT:
		code = sqlite3_bind_text64(q->statement, at, v->bytes, v->len, SQLITE_TRANSIENT,
					   SQLITE_UTF8);
		break;
	case DB_BLOB:
		code = sqlite3_bind_blob64(q->statement, at, v->bytes, v->len, SQLITE_TRANSIENT);
		break;
	default:
		return fail(ERR_STORE, "store: unknown type of value %d", (int)v->type);
	}
	return code == SQLITE_OK ? ERR_OK : failed(q->db, code);
}

/* To SQLite $1 is a name, numbered as it appears: looked up, so that SQL may use any order. */
static enum err bind_all(struct db_query *q, const struct db_value *args, size_t count)
{
	if (count != (size_t)sqlite3_bind_parameter_count(q->statement))
		return fail(ERR_STORE, "store: %zu values for %d places", count,
			    sqlite3_bind_parameter_count(q->statement));
	for (size_t i = 0; i < count; i++) {
		char name[24];
		int at;
		enum err e;

		snprintf(name, sizeof(name), "$%zu", i + 1);
		at = sqlite3_bind_parameter_index(q->statement, name);
		if (at == 0)
			return fail(ERR_STORE, "store: the statement lacks %s", name);
		e = bind(q, at, &args[i]);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err db_query(struct db *db, const char *sql, const struct db_value *args, size_t count,
		  struct db_query **ret)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = calloc(1, sizeof(*q));
	const char *rest = NULL;
	enum err e;
	int code;

	if (!q)
		return fail(ERR_MEMORY, "store: out of memory");
	q->db = db;
	code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_NO_VTAB, &q->statement, &rest);
	if (code != SQLITE_OK)
		return failed(db, code);
	if (!q->statement || *rest != '\0')
		return fail(ERR_STORE, "store: not one statement");
	e = bind_all(q, args, count);
	if (e != ERR_OK)
		return e;
	*ret = q;
	q = NULL;
	return ERR_OK;
}

enum err db_next(struct db_query *q, bool *more)
{
	int code = step(q->statement);

	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return failed(q->db, code);
	*more = code == SQLITE_ROW;
	return ERR_OK;
}

enum err db_column(struct db_query *q, int i, struct db_value *ret)
{
	struct db_value v = { .type = DB_NULL };

	if (i >= sqlite3_data_count(q->statement))
		return fail(ERR_STORE, "store: no column %d", i);
	switch (sqlite3_column_type(q->statement, i)) {
	case SQLITE_NULL:
		break;
	case SQLITE_INTEGER:
		v.type = DB_INT;
		v.number = sqlite3_column_int64(q->statement, i);
		break;
	case SQLITE_TEXT:
		v.type = DB_TEXT;
		v.bytes = sqlite3_column_text(q->statement, i);
		v.len = (size_t)sqlite3_column_bytes(q->statement, i);
		break;
	case SQLITE_BLOB:
		v.type = DB_BLOB;
		v.bytes = sqlite3_column_blob(q->statement, i);
		v.len = (size_t)sqlite3_column_bytes(q->statement, i);
		break;
	default:
		return fail(ERR_STORE_CORRUPT, "store: column %s is of no type that is used",
			    sqlite3_column_name(q->statement, i));
	}
	/* SQLite gives NULL for an empty BLOB, and for anything when memory is out. */
	if (!v.bytes && (v.type == DB_TEXT || v.len > 0))
		return fail(ERR_MEMORY, "store: out of memory");
	*ret = v;
	return ERR_OK;
}

void db_query_free(struct db_query *q)
{
	if (!q)
		return;
	/* The error of the last step, said already. */
	(void)sqlite3_finalize(q->statement);
	free(q);
}

void db_query_freep(struct db_query **q)
{
	db_query_free(*q);
}

enum err db_run(struct db *db, const char *sql, const struct db_value *args, size_t count,
		int64_t *changed)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	bool more = false;
	enum err e = db_query(db, sql, args, count, &q);

	if (e != ERR_OK)
		return e;
	e = db_next(q, &more);
	if (e != ERR_OK)
		return e;
	if (more)
		return fail(ERR_STORE, "store: rows where none are read");
	if (changed)
		*changed = sqlite3_changes64(db->handle);
	return ERR_OK;
}

enum err db_begin(struct db *db)
{
	return db_run(db, "BEGIN IMMEDIATE", NULL, 0, NULL);
}

enum err db_commit(struct db *db)
{
	return db_run(db, "COMMIT", NULL, 0, NULL);
}

void db_rollback(struct db *db)
{
	if (!db_in_transaction(db))
		return;
	/* A rollback that fails leaves the transaction open: db_close ends it then. */
	if (sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		(void)fail(ERR_STORE, "store: rollback: %s", sqlite3_errmsg(db->handle));
}

bool db_in_transaction(const struct db *db)
{
	/* Without memory sqlite3_open_v2() gives no handle. */
	return db->handle && sqlite3_get_autocommit(db->handle) == 0;
}

static enum err pragma_int(struct db *db, const char *sql, int64_t *ret)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	struct db_value v;
	enum err e = sqlite_schema_first(db, sql, &q, &v);

	if (e != ERR_OK)
		return e;
	if (v.type != DB_INT)
		return fail(ERR_STORE_CORRUPT, "store: \"%s\" gives no number", sql);
	*ret = v.number;
	return ERR_OK;
}

static enum err use_wal(struct db *db)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	struct db_value v;
	enum err e = sqlite_schema_first(db, "PRAGMA journal_mode = WAL", &q, &v);

	if (e != ERR_OK)
		return e;
	if (!sqlite_schema_is_text(&v, "wal"))
		return fail(ERR_STORE, "store: this file system has no write-ahead log");
	return ERR_OK;
}

/*
 * The first to open a store cuts -shm to almost nothing and lets it grow again: zeroed in place it is as
 * good, and nobody who fills the disk gets its blocks. SQLite cuts nothing else below a page.
 */
static int cut_in_place(int fd, off_t length)
{
	static const char zeros[4096];
	struct stat st;

	if (length >= (off_t)sizeof(zeros) || fstat(fd, &st) != 0)
		return ftruncate(fd, length);
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), at) != (ssize_t)sizeof(zeros))
			return ftruncate(fd, length);
	return 0;
}

/*
 * What is written every day needs no new blocks: -wal and -shm outlive the last connection, and the
 * log is moved into the file long before it grows out of what it has.
 */
static enum err keep_blocks(struct db *db)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
	int persist = 1;
	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);

	/* A VFS without this door only loses what it is for. */
	if (code == SQLITE_OK && vfs && vfs->iVersion >= 3 && vfs->xSetSystemCall)
		code = vfs->xSetSystemCall(vfs, "ftruncate", (sqlite3_syscall_ptr)cut_in_place);
	return code == SQLITE_OK ? exec(db, "PRAGMA wal_autocheckpoint = 64") : failed(db, code);
}

static enum err configure(struct db *db, int busy_ms, bool keeps)
{
	int code = sqlite3_busy_timeout(db->handle, busy_ms);

	if (code != SQLITE_OK)
		return failed(db, code);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		(void)sqlite3_limit(db->handle, limits[i].id, limits[i].value);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		int now = -1;

		code = sqlite3_db_config(db->handle, switches[i].id, switches[i].value, &now);
		if (code != SQLITE_OK || now != switches[i].value)
			return fail(ERR_STORE, "store: SQLite switch %d can't be set", switches[i].id);
	}
	/* Before anything is read, which opens -shm. */
	if (keeps) {
		enum err e = keep_blocks(db);

		if (e != ERR_OK)
			return e;
	}
	return exec(db, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
		    " PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON");
}

static enum err open_handle(const char *path, int busy_ms, bool keeps, struct db **ret)
{
	struct db *db = calloc(1, sizeof(*db));
	enum err e;
	int code;

	if (!db)
		return fail(ERR_MEMORY, "store: out of memory");
	(void)sqlite3_hard_heap_limit64(HEAP_MAX);
	/* The file exists (store_dir.c checked it), so CREATE is never given. */
	code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW |
			       SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, "unix");
	e = code == SQLITE_OK ? configure(db, busy_ms, keeps) : failed(db, code);
	if (e == ERR_OK && sqlite3_db_readonly(db->handle, "main") != 0)
		e = fail(ERR_STORE, "store: %s is read-only", path);
	if (e != ERR_OK) {
		db_close(db);
		return e;
	}
	*ret = db;
	return ERR_OK;
}

static enum err check_version(struct db *db)
{
	int64_t application = 0, version = 0;
	enum err e = pragma_int(db, "PRAGMA application_id", &application);

	if (e == ERR_OK)
		e = pragma_int(db, "PRAGMA user_version", &version);
	if (e != ERR_OK)
		return e;
	if (application != APPLICATION_ID)
		return fail(ERR_STORE_VERSION, "store: not a database of cardmfa");
	if (version != DB_SCHEMA_VERSION)
		return fail(ERR_STORE_VERSION, "store: schema version %lld, this program knows %d",
			    (long long)version, DB_SCHEMA_VERSION);
	return ERR_OK;
}

enum err db_open(const char *path, const char *schema, int busy_ms, struct db **ret)
{
	struct db *db = NULL;
	enum err e = open_handle(path, busy_ms, true, &db);

	if (e != ERR_OK)
		return e;
	e = check_version(db);
	if (e == ERR_OK)
		e = use_wal(db);
	if (e == ERR_OK)
		e = sqlite_schema_check(db, schema);
	if (e != ERR_OK) {
		db_close(db);
		return e;
	}
	*ret = db;
	return ERR_OK;
}

enum err db_create(const char *path, const char *schema, int busy_ms, struct db **ret)
{
	char stamp[96];
	struct db *db = NULL;
	enum err e = open_handle(path, busy_ms, false, &db);

	if (e != ERR_OK)
		return e;
	snprintf(stamp, sizeof(stamp), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION_ID, DB_SCHEMA_VERSION);
	e = use_wal(db);
	if (e == ERR_OK)
		e = db_begin(db);
	if (e == ERR_OK)
		e = exec(db, schema);
	if (e == ERR_OK)
		e = exec(db, stamp);
	if (e == ERR_OK)
		e = db_commit(db);
	if (e != ERR_OK) {
		db_close(db);
		return e;
	}
	*ret = db;
	return ERR_OK;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_rollback(db);
	if (sqlite3_close(db->handle) != SQLITE_OK) {
		(void)fail(ERR_STORE, "store: close: %s", sqlite3_errmsg(db->handle));
		(void)sqlite3_close_v2(db->handle);
	}
	free(db);
}
