/* SPDX-License-Identifier: Apache-2.0 */
/* The nth step of the database fails, for every n, with every kind of failure. Only in hooks builds. */
#include "store_fixture.h"

#include "../../lib/store/db.h"

static const struct {
	int code;
	enum err err;
} faults[] = {
	{ SQLITE_BUSY,           ERR_TIMEOUT },
	{ SQLITE_LOCKED,         ERR_TIMEOUT },
	{ SQLITE_FULL,           ERR_STORE_FULL },
	{ SQLITE_IOERR,          ERR_STORE },
	{ SQLITE_IOERR_READ,     ERR_STORE },
	{ SQLITE_IOERR_WRITE,    ERR_STORE },
	{ SQLITE_IOERR_FSYNC,    ERR_STORE },
	{ SQLITE_IOERR_SHMSIZE,  ERR_STORE },
	{ SQLITE_IOERR_NOMEM,    ERR_MEMORY },
	{ SQLITE_READONLY,       ERR_STORE },
	{ SQLITE_CANTOPEN,       ERR_STORE },
	{ SQLITE_PERM,           ERR_STORE },
	{ SQLITE_INTERRUPT,      ERR_STORE },
	{ SQLITE_CORRUPT,        ERR_STORE_CORRUPT },
	{ SQLITE_CORRUPT_INDEX,  ERR_STORE_CORRUPT },
	{ SQLITE_NOTADB,         ERR_STORE_CORRUPT },
	{ SQLITE_NOMEM,          ERR_MEMORY },
	{ SQLITE_PROTOCOL,       ERR_TIMEOUT },
	{ 12345,                 ERR_STORE },
};

static char dir[256];
static struct store *s;
static int64_t person;

static int setup(void **state)
{
	struct person p = fixture_person("taro", 1000);
	struct totp_row t;

	(void)state;
	fixture_dir(dir);
	s = fixture_create(dir);
	assert_int_equal(store_begin(s), ERR_OK);
	assert_int_equal(store_person_add(s, &p), ERR_OK);
	t = fixture_totp(p.id);
	assert_int_equal(store_totp_put(s, &t), ERR_OK);
	assert_int_equal(store_commit(s), ERR_OK);
	person = p.id;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	db_hook_fail(0, 0);
	store_close(s);
	fixture_remove(dir);
	return 0;
}

/* What a login writes: the try, then the code, the count and the event in one. */
static enum err reserve(struct try_row *t)
{
	enum err e = store_begin(s);

	*t = (struct try_row){ .person = person, .origin = "local", .pid = 7, .start = 8 };
	t->at = fixture_moment();
	if (e == ERR_OK)
		e = store_try_add(s, t);
	if (e == ERR_OK)
		e = store_commit(s);
	store_rollback(s);
	return e;
}

static enum err consume(const struct try_row *t, int64_t step)
{
	struct event_row row = fixture_event("taro");
	struct bucket_row b;
	enum err e = store_begin(s);

	if (e == ERR_OK)
		e = store_try_remove(s, t->id);
	if (e == ERR_OK)
		e = store_bucket_get(s, person, "local", &b);
	if (e == ERR_OK) {
		b.failed++;
		b.last = fixture_moment();
		e = store_bucket_put(s, &b);
	}
	if (e == ERR_OK)
		e = store_totp_consume(s, person, step);
	if (e == ERR_OK)
		e = store_event_add(s, &row);
	if (e == ERR_OK)
		e = store_commit(s);
	store_rollback(s);
	return e;
}

struct state {
	int64_t tries, failed, step, events;
};

static enum err count_try(const struct try_row *t, void *n)
{
	(void)t;
	++*(int64_t *)n;
	return ERR_OK;
}

static enum err count_event(const struct event_row *e, void *n)
{
	(void)e;
	++*(int64_t *)n;
	return ERR_OK;
}

/* Through a store of its own: what is durable, not what this one believes. */
static struct state look(void)
{
	struct event_filter all = { .last = 0 };
	struct store *other = fixture_open(dir);
	struct state st = { .tries = 0 };
	struct bucket_row b;
	struct totp_row t;

	assert_int_equal(store_try_each(other, 0, NULL, count_try, &st.tries), ERR_OK);
	assert_int_equal(store_bucket_get(other, person, "local", &b), ERR_OK);
	assert_int_equal(store_totp_get(other, person, &t), ERR_OK);
	assert_int_equal(store_event_each(other, &all, count_event, &st.events), ERR_OK);
	st.failed = b.failed;
	st.step = t.last_step;
	store_close(other);
	return st;
}

/* Every step of one login: all of a transaction or nothing of it, the right error, and the next login works. */
static void each_step(int code, enum err expected)
{
	for (int nth = 1;; nth++) {
		struct state before = look(), after;
		struct try_row t;
		enum err reserved, consumed = ERR_OK;
		bool over;

		db_hook_fail(nth, code);
		reserved = reserve(&t);
		if (reserved == ERR_OK)
			consumed = consume(&t, before.step + 1);
		over = db_hook_count() < nth;
		db_hook_fail(0, 0);
		after = look();
		if (over) {
			assert_int_equal(reserved, ERR_OK);
			assert_int_equal(consumed, ERR_OK);
			assert_true(nth > 10);
			return;
		}
		assert_int_equal(reserved == ERR_OK ? consumed : reserved, expected);
		assert_int_equal(store_reserve_used(s), expected == ERR_STORE_FULL);
		assert_int_equal(after.tries, before.tries + (reserved == ERR_OK));
		assert_int_equal(after.failed, before.failed);
		assert_int_equal(after.step, before.step);
		assert_int_equal(after.events, before.events);
		if (store_reserve_used(s))
			assert_int_equal(store_reserve_make(s), ERR_OK);
		assert_int_equal(reserve(&t), ERR_OK);
		assert_int_equal(consume(&t, before.step + 1), ERR_OK);
	}
}

static void every_fault_at_every_step_leaves_the_old_state(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		print_message("SQLite %d\n", faults[i].code);
		each_step(faults[i].code, faults[i].err);
	}
}

/* A caller that goes on after a failure can't commit what is left. */
static void ignored_failure_is_not_committed(void **state)
{
	struct event_row row = fixture_event("taro");
	struct person p = fixture_person("jiro", 2000), read;

	(void)state;
	assert_int_equal(store_begin(s), ERR_OK);
	assert_int_equal(store_person_add(s, &p), ERR_OK);
	db_hook_fail(1, SQLITE_IOERR_WRITE);
	assert_int_equal(store_event_add(s, &row), ERR_STORE);
	db_hook_fail(0, 0);
	assert_int_equal(store_event_add(s, &row), ERR_STORE);
	assert_int_equal(store_commit(s), ERR_STORE);
	assert_int_equal(store_person_by_login(s, "jiro", &read), ERR_NOT_FOUND);
}

static void every_fault_while_opening_is_an_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		for (int nth = 1;; nth++) {
			struct store *other = NULL;
			enum err e;

			db_hook_fail(nth, faults[i].code);
			e = store_open(dir, STORE_USE, 100, &other);
			if (db_hook_count() < nth) {
				assert_int_equal(e, ERR_OK);
				store_close(other);
				break;
			}
			assert_int_equal(e, faults[i].err);
			assert_null(other);
			db_hook_fail(0, 0);
			assert_int_equal(store_reserve_make(s), ERR_OK);
		}
	}
	db_hook_fail(0, 0);
	assert_int_equal(fixture_verdict(dir), ERR_OK);
}

/* On a full disk the log is moved at each open; where that fails it stays, and nothing else is worse. */
static void a_log_that_stays_hinders_no_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct store *other = NULL;
		int steps;

		db_hook_fail(0, 0);
		store_close(fixture_open(dir));
		steps = db_hook_count();
		assert_int_equal(unlink(fixture_path(dir, "reserve")), 0);
		/* Before the last step, which is the look at the room. */
		db_hook_fail(steps, faults[i].code);
		assert_int_equal(store_open(dir, STORE_USE, 100, &other), ERR_OK);
		assert_int_equal(db_hook_count(), steps + 1);
		db_hook_fail(0, 0);
		assert_int_equal(store_reserve_make(other), ERR_OK);
		store_close(other);
	}
	assert_int_equal(fixture_verdict(dir), ERR_OK);
}

/* An init that failed leaves no store, and can be done again. */
static void every_fault_while_creating_leaves_no_store(void **state)
{
	char fresh[256];

	(void)state;
	fixture_dir(fresh);
	for (int nth = 1;; nth++) {
		struct store *other = NULL;
		enum err e;

		db_hook_fail(nth, SQLITE_IOERR_WRITE);
		e = store_open(fresh, STORE_CREATE, 100, &other);
		if (db_hook_count() < nth) {
			assert_int_equal(e, ERR_OK);
			store_close(other);
			break;
		}
		assert_int_equal(e, ERR_STORE);
		assert_null(other);
		db_hook_fail(0, 0);
		if (access(fixture_path(fresh, "store.db"), F_OK) == 0) {
			assert_int_equal(fixture_verdict(fresh), ERR_OK);
			assert_int_equal(unlink(fixture_path(fresh, "store.db")), 0);
		}
	}
	db_hook_fail(0, 0);
	assert_int_equal(fixture_verdict(fresh), ERR_OK);
	fixture_remove(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(every_fault_at_every_step_leaves_the_old_state),
		T(ignored_failure_is_not_committed),
		T(every_fault_while_opening_is_an_error),
		T(a_log_that_stays_hinders_no_open),
		T(every_fault_while_creating_leaves_no_store),
#undef T
	};

	fixture_drop();
	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
