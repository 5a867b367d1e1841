/* SPDX-License-Identifier: Apache-2.0 */
/* How often a body is called, what is committed and what undone, wherever begin, body or commit fails. */
#include "store_fixture.h"

#include <dlfcn.h>

static struct {
	int begins, commits, rollbacks;
} calls;

static enum err counted_begin(struct store *s)
{
	calls.begins++;
	return store_begin(s);
}

static enum err counted_commit(struct store *s)
{
	calls.commits++;
	return store_commit(s);
}

static void counted_rollback(struct store *s)
{
	calls.rollbacks++;
	store_rollback(s);
}

#define store_begin counted_begin
#define store_commit counted_commit
#define store_rollback counted_rollback
#include "../../lib/store/store_transaction.c"
#undef store_begin
#undef store_commit
#undef store_rollback

/* The statement that begins so answers this, so many times. */
static struct {
	const char *sql;
	int code, times;
} fault;

int sqlite3_step(sqlite3_stmt *statement)
{
	static int (*real)(sqlite3_stmt *statement);
	const char *sql = sqlite3_sql(statement);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
	if (fault.times > 0 && sql && !strncmp(sql, fault.sql, strlen(fault.sql))) {
		fault.times--;
		return fault.code;
	}
	return real(statement);
}

/* What the steps of a transaction say to the database, and how far one gets in which it fails. */
static const struct {
	const char *sql;
	int bodies, commits, rollbacks;
} steps[] = {
	{ "BEGIN IMMEDIATE", 0, 0, 0 },
	{ "INSERT", 1, 0, 1 },
	{ "COMMIT", 1, 1, 0 },
};

#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

static char dir[256];
static struct store *store;

static int setup(void **state)
{
	(void)state;
	fixture_dir(dir);
	store = fixture_create(dir);
	memset(&calls, 0, sizeof(calls));
	memset(&fault, 0, sizeof(fault));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fault.times = 0;
	store_close(store);
	fixture_remove(dir);
	return 0;
}

struct body {
	int called;
	enum err answers[2];    /* of the first call and the second, once the row is written */
	bool swallows;          /* says its answer whatever the store said */
};

static enum err write_row(struct store *s, void *arg)
{
	struct body *b = arg;
	enum err e;

	assert_ptr_equal(s, store);
	assert_in_range(b->called, 0, 1);
	e = store_group_add(s, "staff");
	if (e == ERR_OK || b->swallows)
		e = b->answers[b->called];
	b->called++;
	return e;
}

static int64_t rows(void)
{
	return fixture_count(dir, "SELECT count(*) FROM known_group");
}

static void check_calls(int begins, int commits, int rollbacks)
{
	assert_int_equal(calls.begins, begins);
	assert_int_equal(calls.commits, commits);
	assert_int_equal(calls.rollbacks, rollbacks);
	memset(&calls, 0, sizeof(calls));
	/* Nothing is left open. */
	assert_int_equal(store_begin(store), ERR_OK);
	store_rollback(store);
}

static void what_succeeds_is_committed_once(void **state)
{
	(void)state;
	for (int by_reserve = 0; by_reserve < 2; by_reserve++) {
		struct body b = { .called = 0 };

		assert_int_equal(store_transaction(store, by_reserve, write_row, &b), ERR_OK);
		assert_int_equal(b.called, 1);
		check_calls(1, 1, 0);
		assert_int_equal(rows(), 1);
		fixture_raw(dir, "DELETE FROM known_group");
	}
	assert_false(store_reserve_used(store));
}

static void a_body_that_fails_is_undone(void **state)
{
	static const enum err failures[] = {
		ERR_DENIED, ERR_LOCKED, ERR_NOT_FOUND, ERR_SECRET_WRONG, ERR_NO_GRANT, ERR_BUSY, ERR_TIMEOUT, ERR_STORE, ERR_MEMORY,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct body b = { .answers = { failures[i] } };

		assert_int_equal(store_transaction(store, true, write_row, &b), failures[i]);
		assert_int_equal(b.called, 1);
		check_calls(1, 0, 1);
		assert_int_equal(rows(), 0);
	}
}

/* A store that fails: how far it got, and never once more. */
static void nothing_is_repeated_after_another_failure(void **state)
{
	static const int codes[] = { SQLITE_IOERR, SQLITE_BUSY, SQLITE_READONLY, SQLITE_CORRUPT, SQLITE_NOMEM };
	static const enum err errors[] = { ERR_STORE, ERR_TIMEOUT, ERR_STORE, ERR_STORE_CORRUPT, ERR_MEMORY };

	(void)state;
	for (size_t i = 0; i < N_STEPS; i++)
		for (size_t k = 0; k < sizeof(codes) / sizeof(codes[0]); k++) {
			struct body b = { .called = 0 };

			fault.sql = steps[i].sql;
			fault.code = codes[k];
			fault.times = 1;
			assert_int_equal(store_transaction(store, true, write_row, &b), errors[k]);
			assert_int_equal(fault.times, 0);
			assert_int_equal(b.called, steps[i].bodies);
			check_calls(1, steps[i].commits, steps[i].rollbacks);
			assert_int_equal(rows(), 0);
		}
	assert_false(store_reserve_used(store));
}

/* A body may forget what the store told it: the store does not. */
static void a_failure_that_is_not_passed_on_commits_nothing(void **state)
{
	struct body b = { .swallows = true };

	(void)state;
	fault.sql = "INSERT";
	fault.code = SQLITE_IOERR;
	fault.times = 1;
	assert_int_equal(store_transaction(store, true, write_row, &b), ERR_STORE);
	assert_int_equal(b.called, 1);
	check_calls(1, 1, 0);
	assert_int_equal(rows(), 0);
}

static void run_without_space(size_t step, int times, bool by_reserve, struct body *b, enum err expected)
{
	fault.sql = steps[step].sql;
	fault.code = SQLITE_FULL;
	fault.times = times;
	assert_int_equal(store_transaction(store, by_reserve, write_row, b), expected);
	assert_int_equal(fault.times, 0);
	assert_true(store_reserve_used(store));
}

static void by_the_reserve_all_is_done_once_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_STEPS; i++) {
		struct body b = { .called = 0 };

		assert_false(store_reserve_used(store));
		run_without_space(i, 1, true, &b, ERR_OK);
		assert_int_equal(b.called, steps[i].bodies + 1);
		check_calls(2, steps[i].commits + 1, steps[i].rollbacks);
		assert_int_equal(rows(), 1);
		fixture_raw(dir, "DELETE FROM known_group");
		assert_int_equal(store_reserve_make(store), ERR_OK);
	}
}

/* Where even the reserve is not enough, the second time is the last. */
static void no_more_than_once_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_STEPS; i++) {
		struct body b = { .called = 0 };

		run_without_space(i, 2, true, &b, ERR_STORE_FULL);
		assert_int_equal(b.called, 2 * steps[i].bodies);
		check_calls(2, 2 * steps[i].commits, 2 * steps[i].rollbacks);
		assert_int_equal(rows(), 0);
	}
}

/* What was right the first time may be wrong the second. */
static void the_second_answer_counts(void **state)
{
	(void)state;
	for (size_t i = 1; i < N_STEPS; i++) {
		struct body b = { .answers = { ERR_OK, ERR_LOCKED } };

		run_without_space(i, 1, true, &b, ERR_LOCKED);
		assert_int_equal(b.called, 2);
		check_calls(2, steps[i].commits, steps[i].rollbacks + 1);
		assert_int_equal(rows(), 0);
	}
}

static void a_reserve_given_up_serves_who_may_use_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_STEPS; i++) {
		struct body others = { .called = 0 }, again = { .called = 0 }, marked = { .called = 0 };

		run_without_space(i, 1, false, &others, ERR_STORE_FULL);
		assert_int_equal(others.called, steps[i].bodies);
		check_calls(1, steps[i].commits, steps[i].rollbacks);
		assert_int_equal(store_transaction(store, false, write_row, &again), ERR_STORE_FULL);
		assert_int_equal(again.called, 0);
		check_calls(0, 0, 0);
		assert_int_equal(rows(), 0);
		assert_int_equal(store_transaction(store, true, write_row, &marked), ERR_OK);
		assert_int_equal(marked.called, 1);
		check_calls(1, 1, 0);
		assert_int_equal(rows(), 1);
		fixture_raw(dir, "DELETE FROM known_group");
		assert_int_equal(store_reserve_make(store), ERR_OK);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_succeeds_is_committed_once),
		T(a_body_that_fails_is_undone),
		T(nothing_is_repeated_after_another_failure),
		T(a_failure_that_is_not_passed_on_commits_nothing),
		T(by_the_reserve_all_is_done_once_more),
		T(no_more_than_once_more),
		T(the_second_answer_counts),
		T(a_reserve_given_up_serves_who_may_use_it),
	};

	fixture_drop();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
