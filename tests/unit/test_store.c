/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, the directory, versions, transactions, the reserve, a full disk, damage. */
#include "store_fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

static bool was_root;
static enum err root_verdict;
static char root_planted[256];          /* a store with a -wal that belongs to root */
static char small[256], read_only[256]; /* mounts; "" without root */

struct context {
	char dir[256];
	struct store *s;
};

static int setup(void **state)
{
	struct context *c = fixture_begin(state, sizeof(*c));

	c->s = fixture_create(c->dir);
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;

	store_close(c->s);
	return fixture_end(state);
}

static void shut(struct context *c)
{
	store_close(c->s);
	c->s = NULL;
}

/* Closed, with a copy beside it to go back to. */
static void shut_and_save(struct context *c, char path[512], char saved[512])
{
	shut(c);
	snprintf(saved, 512, "%s/saved", c->dir);
	snprintf(path, 512, "%s/store.db", c->dir);
	fixture_copy(path, saved);
}

static enum err try_open(const char *dir)
{
	struct store *s = NULL;
	enum err e = store_open(dir, STORE_USE, 200, &s);

	if (e != ERR_OK)
		assert_null(s);
	store_close(s);
	return e;
}

static void created_store_is_whole(void **state)
{
	static const char *const files[] = { "store.db", "lock", "reserve" };
	struct context *c = *state;
	char value[64];
	struct stat st;

	assert_int_equal(store_meta_get(c->s, "host_id", value, sizeof(value)), ERR_OK);
	assert_int_equal(strlen(value), 32);
	assert_int_equal(strspn(value, "0123456789abcdef"), 32);
	assert_int_equal(store_meta_get(c->s, "created", value, sizeof(value)), ERR_OK);
	assert_int_equal(store_meta_get(c->s, "nothing", value, sizeof(value)), ERR_NOT_FOUND);
	assert_int_equal(store_meta_get(c->s, "host_id", value, 32), ERR_INVALID);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(lstat(fixture_path(c->dir, files[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	assert_true(st.st_blocks * 512 >= 1024 * 1024);
	assert_false(store_reserve_missing(c->s));
	shut(c);
	assert_int_not_equal(access(fixture_path(c->dir, "store.new"), F_OK), 0);
	assert_int_equal(fixture_verdict(c->dir), ERR_OK);
	assert_int_equal(fixture_count(c->dir, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
}

static void second_creation_is_refused(void **state)
{
	struct context *c = *state;
	struct store *s = NULL;

	assert_int_equal(store_open(c->dir, STORE_CREATE, LOCK_MS, &s), ERR_EXISTS);
	assert_null(s);
	assert_int_equal(fixture_verdict(c->dir), ERR_OK);
}

static void missing_store_is_an_error(void **state)
{
	struct context *c = *state;

	shut(c);
	assert_int_equal(unlink(fixture_path(c->dir, "store.db")), 0);
	assert_int_equal(try_open(c->dir), ERR_STORE);
	assert_int_not_equal(access(fixture_path(c->dir, "store.db"), F_OK), 0);
}

static void interrupted_creation_is_taken_up(void **state)
{
	struct context *c = *state;
	struct store *s = NULL;
	char from[512];

	shut(c);
	snprintf(from, sizeof(from), "%s/store.db", c->dir);
	assert_int_equal(rename(from, fixture_path(c->dir, "store.new")), 0);
	assert_int_equal(try_open(c->dir), ERR_STORE);
	assert_int_equal(store_open(c->dir, STORE_CREATE, LOCK_MS, &s), ERR_OK);
	store_close(s);
	assert_int_equal(fixture_verdict(c->dir), ERR_OK);
}

static void uid_0_is_refused(void **state)
{
	(void)state;
	if (!was_root)
		skip();
	assert_int_equal(root_verdict, ERR_NOT_ALLOWED);
}

static void file_of_another_owner_is_refused(void **state)
{
	(void)state;
	if (!was_root)
		skip();
	assert_int_equal(try_open(root_planted), ERR_STORE);
	assert_int_equal(unlink(fixture_path(root_planted, "store.db-wal")), 0);
	assert_int_equal(try_open(root_planted), ERR_OK);
}

static void directory_is_checked(void **state)
{
	struct context *c = *state;
	char link[300], under[600];

	shut(c);
	assert_int_equal(chmod(c->dir, 0750), 0);
	assert_int_equal(try_open(c->dir), ERR_STORE);
	assert_int_equal(chmod(c->dir, 0500), 0);
	assert_int_equal(try_open(c->dir), ERR_STORE);
	assert_int_equal(chmod(c->dir, 0700), 0);
	assert_int_equal(try_open(c->dir), ERR_OK);
	assert_int_equal(try_open("/usr"), ERR_STORE);
	assert_int_equal(try_open("relative"), ERR_STORE);
	assert_int_equal(try_open(""), ERR_STORE);
	assert_int_equal(try_open("/nonexistent/store"), ERR_STORE);
	snprintf(under, sizeof(under), "%s/../%s", c->dir, strrchr(c->dir, '/') + 1);
	assert_int_equal(try_open(under), ERR_STORE);
	snprintf(link, sizeof(link), "%s.link", c->dir);
	assert_int_equal(symlink(c->dir, link), 0);
	assert_int_equal(try_open(link), ERR_STORE);
	assert_int_equal(mkdir(fixture_path(c->dir, "inner"), 0700), 0);
	snprintf(under, sizeof(under), "%s/inner", link);
	assert_int_equal(try_open(under), ERR_STORE);
	assert_int_equal(unlink(link), 0);
}

/* Each name of ours as symlink, hard link, directory, FIFO, and with another mode. */
static void planted_files_are_refused(void **state)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "lock", "reserve" };
	struct context *c = *state;
	char saved[512], path[512];

	shut(c);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(saved, sizeof(saved), "%s/saved", c->dir);
		snprintf(path, sizeof(path), "%s/%s", c->dir, names[i]);
		if (rename(path, saved) != 0)
			close(creat(saved, 0600));
		assert_int_equal(symlink(saved, path), 0);
		assert_int_equal(try_open(c->dir), ERR_STORE);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(link(saved, path), 0);
		assert_int_equal(try_open(c->dir), ERR_STORE);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(try_open(c->dir), ERR_STORE);
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(try_open(c->dir), ERR_STORE);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(rename(saved, path), 0);
		assert_int_equal(chmod(path, 0640), 0);
		assert_int_equal(try_open(c->dir), ERR_STORE);
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(try_open(c->dir), ERR_OK);
	}
}

static void planted_journal_is_refused(void **state)
{
	struct context *c = *state;

	shut(c);
	close(creat(fixture_path(c->dir, "store.db-journal"), 0600));
	assert_int_equal(try_open(c->dir), ERR_STORE_CORRUPT);
	assert_int_equal(unlink(fixture_path(c->dir, "store.db-journal")), 0);
	assert_int_equal(try_open(c->dir), ERR_OK);
}

static void read_only_file_system_is_refused(void **state)
{
	(void)state;
	if (!was_root)
		skip();
	assert_int_equal(try_open(read_only), ERR_STORE);
}

static void other_versions_are_refused(void **state)
{
	static const char *const sql[] = {
		"PRAGMA user_version = 0", "PRAGMA user_version = 3", "PRAGMA user_version = 5", "PRAGMA user_version = -1",
		"PRAGMA user_version = 4; PRAGMA application_id = 0", "PRAGMA application_id = 1",
	};
	struct context *c = *state;

	shut(c);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		fixture_raw(c->dir, sql[i]);
		assert_int_equal(try_open(c->dir), ERR_STORE_VERSION);
	}
}

static void strange_schema_is_refused(void **state)
{
	static const char *const sql[] = {
		"CREATE TABLE extra (a)",
		"CREATE VIEW extra AS SELECT * FROM person",
		"CREATE TRIGGER extra AFTER INSERT ON try BEGIN DELETE FROM bucket; END",
		"CREATE INDEX extra ON person (name)",
		"CREATE VIRTUAL TABLE extra USING fts5(a)",
		"DROP TRIGGER event_no_delete",
		"DROP TRIGGER card_no_return",
		"DROP INDEX person_login",
		"DROP TABLE known_group",
		"ALTER TABLE person ADD COLUMN extra TEXT",
		"UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'bucket'",
		("UPDATE sqlite_schema SET sql = 'CREATE VIEW bucket AS SELECT 1 AS person, 2 AS origin',"
		 " type = 'view', rootpage = 0 WHERE name = 'bucket'"),
		"DELETE FROM sqlite_schema WHERE name = 'person'",
		"UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'person'",
	};
	struct context *c = *state;
	char saved[512], path[512];

	shut_and_save(c, path, saved);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		fixture_raw(c->dir, sql[i]);
		print_message("%s\n", sql[i]);
		assert_int_equal(try_open(c->dir), ERR_STORE_CORRUPT);
		fixture_restore(c->dir, saved);
		assert_int_equal(try_open(c->dir), ERR_OK);
	}
}

static void empty_and_foreign_files_are_refused(void **state)
{
	struct context *c = *state;
	int fd;

	shut(c);
	fd = open(fixture_path(c->dir, "store.db"), O_WRONLY | O_TRUNC);
	assert_int_equal(try_open(c->dir), ERR_STORE_VERSION);
	for (int i = 0; i < 512; i++)
		assert_int_equal(write(fd, "not a database", 14), 14);
	close(fd);
	assert_int_equal(try_open(c->dir), ERR_STORE_CORRUPT);
}

static void add_people(struct store *s, int count)
{
	assert_int_equal(store_begin(s), ERR_OK);
	for (int i = 0; i < count; i++) {
		char login[16];
		struct person p;

		snprintf(login, sizeof(login), "p%d", i);
		p = fixture_person(login, 1000 + i);
		assert_int_equal(store_person_add(s, &p), ERR_OK);
	}
	assert_int_equal(store_commit(s), ERR_OK);
}

static bool page_is_free(int fd, off_t at)
{
	static const char zeros[4096];
	char page[4096];

	assert_int_equal(pread(fd, page, sizeof(page), at - at % 4096), 4096);
	return memcmp(page, zeros, sizeof(page)) == 0;
}

/* Every page in turn filled with rubbish, or cut off: said, never believed. Of the free ones, in which nothing stands, every 16th. */
static void damaged_pages_are_found(void **state)
{
	struct context *c = *state;
	char saved[512], path[512], rubbish[4096];
	int in_use = 0;
	struct stat st;

	add_people(c->s, 200);
	shut_and_save(c, path, saved);
	fixture_void_log(c->dir);
	assert_int_equal(stat(path, &st), 0);
	memset(rubbish, 0xC3, sizeof(rubbish));
	for (off_t at = 0; at < st.st_size; at += 4096) {
		int fd = open(path, O_RDWR);
		const bool is_free = page_is_free(fd, at);

		in_use += !is_free;
		if (is_free && at / 4096 % 16 != 0) {
			close(fd);
			continue;
		}
		assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), at), 4096);
		close(fd);
		assert_int_equal(fixture_verdict(c->dir), is_free ? ERR_OK : ERR_STORE_CORRUPT);
		fixture_restore(c->dir, saved);
		assert_int_equal(truncate(path, at + 100), 0);
		assert_int_equal(fixture_verdict(c->dir), is_free && at + 4096 == st.st_size ? ERR_OK : ERR_STORE_CORRUPT);
		fixture_restore(c->dir, saved);
	}
	assert_true(in_use > 20);
	assert_int_equal(fixture_verdict(c->dir), ERR_OK);
}

/* One bit at a time in a sample of places: never a crash, and what opens still reads or says so. */
static void flipped_bits_do_not_crash(void **state)
{
	struct context *c = *state;
	char saved[512], path[512];
	struct stat st;
	int fd;

	add_people(c->s, 20);
	shut_and_save(c, path, saved);
	fixture_void_log(c->dir);
	assert_int_equal(stat(path, &st), 0);
	fd = open(path, O_RDWR);
	for (off_t at = 16; at < st.st_size; at += getenv("CARDMFA_LONG") ? 37 : 397) {
		unsigned char byte, flipped;

		if (page_is_free(fd, at))
			continue;
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		flipped = (unsigned char)(byte ^ (1u << (at % 8)));
		assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
		(void)fixture_verdict(c->dir);
		close(fd);
		fixture_restore(c->dir, saved);
		fd = open(path, O_RDWR);
	}
	close(fd);
	assert_int_equal(fixture_verdict(c->dir), ERR_OK);
}

static void writing_needs_a_transaction(void **state)
{
	struct context *c = *state;
	struct person p = fixture_person("taro", 1000), read;
	struct event_row e = fixture_event("taro");

	assert_int_equal(store_person_add(c->s, &p), ERR_STORE);
	assert_int_equal(store_event_add(c->s, &e), ERR_STORE);
	assert_int_equal(store_unproved_add(c->s, "remote", "", NOW), ERR_STORE);
	assert_int_equal(store_totp_consume(c->s, 1, 5), ERR_STORE);
	assert_int_equal(store_commit(c->s), ERR_STORE);
	store_rollback(c->s);
	assert_int_equal(store_begin(c->s), ERR_OK);
	assert_int_equal(store_begin(c->s), ERR_STORE);
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	assert_int_equal(store_person_by_login(c->s, "taro", &read), ERR_OK);
	store_rollback(c->s);
	assert_int_equal(store_person_by_login(c->s, "taro", &read), ERR_NOT_FOUND);
	assert_int_equal(store_begin(c->s), ERR_OK);
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	shut(c);
	c->s = fixture_open(c->dir);
	assert_int_equal(store_person_by_login(c->s, "taro", &read), ERR_NOT_FOUND);
}

/* A refused row leaves the transaction usable, and only its own row out. */
static void refused_row_does_not_end_the_transaction(void **state)
{
	struct context *c = *state;
	struct person p = fixture_person("taro", 1000), q = fixture_person("taro", 1001), read;

	assert_int_equal(store_begin(c->s), ERR_OK);
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	assert_int_equal(store_person_add(c->s, &q), ERR_EXISTS);
	assert_int_equal(store_commit(c->s), ERR_OK);
	assert_int_equal(store_person_by_login(c->s, "taro", &read), ERR_OK);
	assert_int_equal(read.uid, 1000);
}

static void damage_met_in_a_transaction_ends_it(void **state)
{
	struct context *c = *state;
	struct person p = fixture_person("taro", 1000), read;

	add_people(c->s, 1);
	shut(c);
	fixture_raw(c->dir, "UPDATE person SET login = 'a b'");
	c->s = fixture_open(c->dir);
	assert_int_equal(store_begin(c->s), ERR_OK);
	assert_int_equal(store_person_add(c->s, &p), ERR_EXISTS);
	assert_int_equal(store_person_by_uid(c->s, 1000, &read), ERR_STORE_CORRUPT);
	assert_int_equal(store_person_add(c->s, &p), ERR_STORE_CORRUPT);
	assert_int_equal(store_commit(c->s), ERR_STORE_CORRUPT);
	assert_int_equal(store_begin(c->s), ERR_OK);
	store_rollback(c->s);
}

static void reserve_is_kept_given_up_and_remade(void **state)
{
	struct context *c = *state;

	assert_false(store_reserve_used(c->s));
	assert_false(store_reserve_missing(c->s));
	shut(c);
	assert_int_equal(unlink(fixture_path(c->dir, "reserve")), 0);
	c->s = fixture_open(c->dir);
	assert_true(store_reserve_missing(c->s));
	assert_int_equal(store_reserve_make(c->s), ERR_OK);
	assert_false(store_reserve_missing(c->s));
	shut(c);
	assert_int_equal(truncate(fixture_path(c->dir, "reserve"), 100), 0);
	c->s = fixture_open(c->dir);
	assert_true(store_reserve_missing(c->s));
}

static enum err add_event(struct store *s)
{
	struct event_row row = fixture_event("taro");
	enum err e = store_begin(s);

	memset(row.detail, 'x', sizeof(row.detail) - 1);
	row.detail[0] = '{';
	row.detail[sizeof(row.detail) - 2] = '}';
	row.detail[sizeof(row.detail) - 1] = '\0';
	for (int i = 0; e == ERR_OK && i < 8; i++)
		e = store_event_add(s, &row);
	if (e == ERR_OK)
		return store_commit(s);
	store_rollback(s);
	return e;
}

static struct stat stat_of(const char *dir, const char *name)
{
	struct stat st;

	assert_int_equal(stat(fixture_path(dir, name), &st), 0);
	return st;
}

/* What only looks fills up neither room nor log, gives nothing up, and writes nothing. */
static void looking_changes_nothing(void **state)
{
	static const char *const names[] = { "store.db", "reserve", "lock" };
	struct context *c = *state;
	struct stat before[3], after;
	struct store *s = NULL;
	struct person p;

	shut(c);
	/* SQLite's own tools take -wal and -shm away, which STORE_USE makes good. */
	assert_int_equal(fixture_count(c->dir, "SELECT count(*) FROM person"), 0);
	for (size_t i = 0; i < 3; i++)
		before[i] = stat_of(c->dir, names[i]);
	assert_int_equal(store_open(c->dir, STORE_LOOK, LOCK_MS, &s), ERR_OK);
	assert_int_equal(store_check(s), ERR_OK);
	assert_int_equal(store_person_by_login(s, "nobody", &p), ERR_NOT_FOUND);
	assert_int_not_equal(add_event(s), ERR_OK);
	store_close(s);
	for (size_t i = 0; i < 3; i++) {
		after = stat_of(c->dir, names[i]);
		assert_int_equal(after.st_size, before[i].st_size);
		assert_memory_equal(&after.st_mtim, &before[i].st_mtim, sizeof(after.st_mtim));
	}
}

/* A file system that compresses keeps a log of zeros in no block at all; each open would write it anew. */
static void a_compressed_log_is_not_written_at_each_open(void **state)
{
	struct context *c = *state;
	struct stat before, after;
	int fd;

	shut(c);
	fd = open(fixture_path(c->dir, "store.db-wal"), O_WRONLY);
	assert_true(fd >= 0);
	before = stat_of(c->dir, "store.db-wal");
	assert_true(before.st_size >= 1024 * 1024);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, before.st_size), 0);
	close(fd);
	before = stat_of(c->dir, "store.db-wal");
	assert_true(before.st_blocks * 512 < before.st_size / 2);
	c->s = fixture_open(c->dir);
	after = stat_of(c->dir, "store.db-wal");
	assert_int_equal(after.st_blocks, before.st_blocks);
	assert_int_equal(after.st_size, before.st_size);
}

static bool keeps_no_blocks;    /* what is allocated and not written */

int posix_fallocate(int fd, off_t at, off_t len)
{
	if (keeps_no_blocks)
		return ftruncate(fd, at + len) == 0 ? 0 : errno;
	return fallocate(fd, 0, at, len) == 0 ? 0 : errno;
}

/* Nor does it keep any for what was allocated there: a reserve that takes no space gives none back, and each open would find none. */
static void a_reserve_takes_its_space_where_allocation_does_not(void **state)
{
	struct context *c = *state;

	shut(c);
	assert_int_equal(unlink(fixture_path(c->dir, "reserve")), 0);
	keeps_no_blocks = true;
	c->s = fixture_open(c->dir);
	assert_true(store_reserve_missing(c->s));
	assert_int_equal(store_reserve_make(c->s), ERR_OK);
	keeps_no_blocks = false;
	assert_true(stat_of(c->dir, "reserve").st_blocks * 512 >= 1024 * 1024);
	assert_int_equal(stat_of(c->dir, "reserve").st_size, 1024 * 1024);
	shut(c);
	c->s = fixture_open(c->dir);
	assert_false(store_reserve_missing(c->s));
}

static void fill_file_system(const char *dir)
{
	char block[4096] = "";
	int fd = open(fixture_path(dir, "ballast"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		continue;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void full_file_system_takes_the_reserve(void **state)
{
	struct store *s = NULL, *late = NULL;
	enum err e = ERR_OK;
	char dir[300];

	(void)state;
	if (!was_root)
		skip();
	snprintf(dir, sizeof(dir), "%s/store", small);
	assert_int_equal(mkdir(dir, 0700), 0);
	s = fixture_create(dir);
	assert_int_equal(add_event(s), ERR_OK);
	fill_file_system(dir);
	for (int i = 0; e == ERR_OK && i < 200; i++)
		e = add_event(s);
	assert_int_equal(e, ERR_STORE_FULL);
	assert_true(store_reserve_used(s));
	assert_true(store_reserve_missing(s));
	assert_int_equal(add_event(s), ERR_OK);
	assert_int_equal(store_reserve_make(s), ERR_STORE_FULL);
	assert_int_equal(store_check(s), ERR_OK);
	assert_int_equal(store_open(dir, STORE_USE, LOCK_MS, &late), ERR_OK);
	assert_true(store_reserve_missing(late));
	assert_int_equal(add_event(late), ERR_OK);
	store_close(late);
	store_close(s);
	assert_int_equal(unlink(fixture_path(dir, "ballast")), 0);
	s = fixture_open(dir);
	assert_int_equal(store_reserve_make(s), ERR_OK);
	assert_false(store_reserve_used(s));
	store_close(s);
	fixture_remove(dir);
}

/* Somebody takes every block as soon as it is free, before each open, and after the reserve was given up. */
static void kept_full_it_takes_what_is_written_every_day(void **state)
{
	struct store *s = NULL;
	char dir[300];
	int64_t pages;

	(void)state;
	if (!was_root)
		skip();
	snprintf(dir, sizeof(dir), "%s/store", small);
	assert_int_equal(mkdir(dir, 0700), 0);
	store_close(fixture_create(dir));
	pages = fixture_count(dir, "SELECT freelist_count FROM pragma_freelist_count");
	assert_true(pages >= 256);
	/* Whoever looks with SQLite's own tools takes -wal and -shm away: the next open brings them back. */
	assert_int_equal(access(fixture_path(dir, "store.db-wal"), F_OK), -1);
	store_close(fixture_open(dir));
	for (int i = 0; i < 30; i++) {
		fill_file_system(dir);
		s = fixture_open(dir);
		assert_true(store_reserve_missing(s));
		fill_file_system(dir);
		assert_int_equal(add_event(s), ERR_OK);
		store_close(s);
	}
	/* Used up: nothing by halves, and what is there can be read. */
	for (s = fixture_open(dir); add_event(s) == ERR_OK;)
		continue;
	assert_int_equal(add_event(s), ERR_STORE_FULL);
	store_close(s);
	assert_int_equal(fixture_verdict(dir), ERR_OK);
	assert_int_equal(unlink(fixture_path(dir, "ballast")), 0);
	s = fixture_open(dir);
	assert_int_equal(store_reserve_make(s), ERR_OK);
	assert_int_equal(add_event(s), ERR_OK);
	store_close(s);
	assert_int_equal(fixture_count(dir, "SELECT count(*) % 8 FROM event"), 0);
	assert_true(fixture_count(dir, "SELECT freelist_count FROM pragma_freelist_count") > 128);
	fixture_remove(dir);
}

/* The first to open a store on a full disk, when SQLite has yet to write its shared memory. */
static void store_opens_on_a_full_file_system(void **state)
{
	struct store *s = NULL;
	char dir[300];

	(void)state;
	if (!was_root)
		skip();
	snprintf(dir, sizeof(dir), "%s/store", small);
	assert_int_equal(mkdir(dir, 0700), 0);
	store_close(fixture_create(dir));
	fill_file_system(dir);
	s = fixture_open(dir);
	assert_true(store_reserve_used(s));
	assert_int_equal(add_event(s), ERR_OK);
	store_close(s);
	fixture_remove(dir);
}

/* Without a mount of our own: the size of a file is bounded instead. */
static void file_that_may_not_grow_is_full(void **state)
{
	struct context *c = *state;
	pid_t pid;

	assert_int_equal(add_event(c->s), ERR_OK);
	shut(c);
	pid = fork();
	if (pid == 0) {
		struct rlimit r = { .rlim_cur = 220 * 1024, .rlim_max = 220 * 1024 };
		struct store *s = NULL;
		enum err e = ERR_OK;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &r) || store_open(c->dir, STORE_USE, LOCK_MS, &s) != ERR_OK)
			_exit(2);
		for (int i = 0; e == ERR_OK && i < 200; i++)
			e = add_event(s);
		_exit(e == ERR_STORE_FULL && store_reserve_used(s) ? 0 : 1);
	}
	assert_int_equal(fixture_wait(pid), 0);
	assert_int_equal(fixture_verdict(c->dir), ERR_OK);
	assert_int_equal(fixture_count(c->dir, "SELECT count(*) % 8 FROM event"), 0);
}

/* -- what root can prepare -- */

static void become_nobody_and(void (*work)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		fixture_drop();
		work();
		_exit(0);
	}
	if (fixture_wait(pid) != 0)
		abort();
}

static void make_planted(void)
{
	struct store *s = NULL;

	if (store_open(root_planted, STORE_CREATE, LOCK_MS, &s) != ERR_OK)
		_exit(1);
	store_close(s);
}

static void make_read_only(void)
{
	struct store *s = NULL;

	if (store_open(read_only, STORE_CREATE, LOCK_MS, &s) != ERR_OK)
		_exit(1);
	store_close(s);
}

static void prepare_as_root(void)
{
	struct store *s = NULL;

	fixture_quiet();
	fixture_dir(root_planted);
	root_verdict = store_open(root_planted, STORE_CREATE, LOCK_MS, &s);
	fixture_dir(small);
	fixture_dir(read_only);
	if (chown(root_planted, NOBODY, NOBODY) || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", small, "tmpfs", 0, "size=8m,mode=0755,uid=65534") ||
	    mount("none", read_only, "tmpfs", 0, "size=6m,mode=0700,uid=65534"))
		abort();
	become_nobody_and(make_planted);
	if (chown(fixture_path(root_planted, "store.db-wal"), 0, 0))
		abort();
	become_nobody_and(make_read_only);
	if (mount("none", read_only, NULL, MS_REMOUNT | MS_RDONLY, NULL))
		abort();
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(created_store_is_whole),
		T(second_creation_is_refused),
		T(missing_store_is_an_error),
		T(interrupted_creation_is_taken_up),
		cmocka_unit_test(uid_0_is_refused),
		cmocka_unit_test(file_of_another_owner_is_refused),
		T(directory_is_checked),
		T(planted_files_are_refused),
		T(planted_journal_is_refused),
		cmocka_unit_test(read_only_file_system_is_refused),
		T(other_versions_are_refused),
		T(strange_schema_is_refused),
		T(empty_and_foreign_files_are_refused),
		T(damaged_pages_are_found),
		T(flipped_bits_do_not_crash),
		T(writing_needs_a_transaction),
		T(refused_row_does_not_end_the_transaction),
		T(damage_met_in_a_transaction_ends_it),
		T(reserve_is_kept_given_up_and_remade),
		T(looking_changes_nothing),
		T(a_compressed_log_is_not_written_at_each_open),
		T(a_reserve_takes_its_space_where_allocation_does_not),
		cmocka_unit_test(full_file_system_takes_the_reserve),
		cmocka_unit_test(kept_full_it_takes_what_is_written_every_day),
		cmocka_unit_test(store_opens_on_a_full_file_system),
		T(file_that_may_not_grow_is_full),
#undef T
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

/* The tests run in a child as nobody; root stays behind to clear the mount points away. */
int main(void)
{
	int status;
	pid_t pid;

	was_root = geteuid() == 0;
	if (was_root)
		prepare_as_root();
	pid = fork();
	if (pid == 0) {
		fixture_drop();
		exit(run());
	}
	status = fixture_wait(pid);
	if (was_root) {
		umount2(small, MNT_DETACH);
		umount2(read_only, MNT_DETACH);
		fixture_remove(root_planted);
		fixture_remove(small);
		fixture_remove(read_only);
	}
	return status;
}
