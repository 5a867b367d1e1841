/* SPDX-License-Identifier: Apache-2.0 */
/* Stores in temporary directories, for the tests of lib/store. Included by one .c of a program. */
#ifndef CARDMFA_STORE_FIXTURE_H
#define CARDMFA_STORE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "card_id.h"
#include "clock.h"
#include "log.h"
#include "store.h"
#include "unit.h"

#define NOBODY 65534
#define LOCK_MS 5000
#define NOW INT64_C(1795000000)
#define BOOT "0f3b4d8e-7a61-4c52-9d0e-1b2a3c4d5e6f"

/* TEST_LOG=1 shows what the store says. */
static inline void fixture_quiet(void)
{
	if (!getenv("TEST_LOG"))
		log_set_sink(NULL);
}

/* The store refuses uid 0, so a test that root starts goes on as nobody. */
static inline void fixture_drop(void)
{
	if (geteuid() == 0 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
		abort();
	fixture_quiet();
}

static inline void fixture_dir(char dir[256])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, 256, "%s/cardmfa-store-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
	if (!mkdtemp(dir) && snprintf(dir, 256, "/tmp/cardmfa-store-XXXXXX") > 0 && !mkdtemp(dir))
		abort();
}

static inline int fixture_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

static inline void fixture_remove(const char *dir)
{
	(void)chmod(dir, 0700);
	(void)nftw(dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A test's context of that size, zero but for the path of a new directory in its first member, a char[256]. */
static inline void *fixture_begin(void **state, size_t size)
{
	*state = calloc(1, size);
	assert_non_null(*state);
	fixture_dir(*state);
	return *state;
}

/* When all in it is closed. */
static inline int fixture_end(void **state)
{
	fixture_remove(*state);
	free(*state);
	return 0;
}

static inline struct store *fixture_create(const char *dir)
{
	struct store *s = NULL;

	assert_int_equal(store_open(dir, STORE_CREATE, LOCK_MS, &s), ERR_OK);
	return s;
}

static inline struct store *fixture_open(const char *dir)
{
	struct store *s = NULL;

	assert_int_equal(store_open(dir, STORE_USE, LOCK_MS, &s), ERR_OK);
	return s;
}

/* What a look at the store says: open, check everything, close. */
static inline enum err fixture_verdict(const char *dir)
{
	struct store *s = NULL;
	enum err e = store_open(dir, STORE_USE, LOCK_MS, &s);

	if (e == ERR_OK)
		e = store_check(s);
	store_close(s);
	return e;
}

static inline const char *fixture_path(const char *dir, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* What someone with sqlite3 in his hand could do: no constraint, trigger or type is kept. */
static inline void fixture_raw(const char *dir, const char *sql)
{
	sqlite3 *db = NULL;
	char *error = NULL;

	assert_int_equal(sqlite3_open(fixture_path(dir, "store.db"), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
	sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
		print_error("%s: %s\n", sql, error);
		assert_null(error);
	}
	sqlite3_close(db);
}

static inline int64_t fixture_count(const char *dir, const char *sql)
{
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;
	int64_t n;

	assert_int_equal(sqlite3_open(fixture_path(dir, "store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

/* By cp(1): a descriptor of the database closed in this process would drop SQLite's locks. */
static inline void fixture_copy(const char *from, const char *to)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execlp("cp", "cp", "-p", "--", from, to, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A log without its header is none; it keeps its blocks. What is read then is the file, which holds all once every store is closed. */
static inline void fixture_void_log(const char *dir)
{
	int fd = open(fixture_path(dir, "store.db-wal"), O_WRONLY);

	if (fd >= 0)
		assert_int_equal(pwrite(fd, (char[32]){ 0 }, 32, 0), 32);
	assert_int_equal(fd < 0 ? errno : close(fd), fd < 0 ? ENOENT : 0);
}

/* As one brings back a backup: what the log says of later is not of this file. */
static inline void fixture_restore(const char *dir, const char *saved)
{
	fixture_void_log(dir);
	fixture_copy(saved, fixture_path(dir, "store.db"));
}

/* Waits for a child; its exit status, or 128 + signal. */
static inline int fixture_wait(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline struct moment fixture_moment(void)
{
	return (struct moment){ .boot_id = BOOT, .boot_ms = 123456, .real_s = NOW };
}

static inline struct person fixture_person(const char *login, int64_t uid)
{
	struct person p = { .uid = uid, .state = PERSON_ACTIVE };

	snprintf(p.login, sizeof(p.login), "%s", login);
	return p;
}

static inline struct card_row fixture_card(int64_t person, unsigned char n)
{
	unsigned char values[7] = { n % 31, (unsigned char)(n / 31), 3, 4, 5, 6, 7 };
	struct card_row c = {
		.person = person, .key_ref = 0x9A, .algorithm = KEY_P256, .spki_len = 91, .pin_proved = true,
		.state = CARD_ACTIVE, .not_after = -1, .enrolled_at = NOW, .changed_at = NOW, .revoked_at = -1,
		.reported_at = -1, .last_used_at = -1,
	};

	if (card_id_make(values, &c.card_id) != ERR_OK)
		abort();
	memset(c.spki, n, sizeof(c.spki));
	c.spki[0] = 0x30;
	c.spki[1] = 89;
	memset(c.spki_sha256, n, sizeof(c.spki_sha256));
	return c;
}

static inline struct totp_row fixture_totp(int64_t person)
{
	struct totp_row t = {
		.person = person, .key_id = "k1", .sealed_len = 48, .algorithm = TOTP_SHA1, .digits = 6, .period = 30,
		.last_step = 100, .created_at = NOW,
	};

	memset(t.sealed, 0xA5, sizeof(t.sealed));
	return t;
}

static inline struct event_row fixture_event(const char *person)
{
	struct event_row e = { .at = NOW, .type = "login", .result = "OK", .actor = -1, .detail = "{}" };

	snprintf(e.person, sizeof(e.person), "%s", person);
	return e;
}

#endif
