/* SPDX-License-Identifier: Apache-2.0 */
/* The writers' queue alone: what is in its file and who else locks it. Its crowds: test_store_parallel. */
#include "store_fixture.h"

#include <sys/resource.h>

#include "../../lib/store/store_internal.h"

#define GATE (INT64_C(1) << 61)

struct context {
	char dir[256];
	int first, second;      /* the same file, opened twice: strangers to each other */
};

static int open_lock(const char *dir)
{
	int fd = open(fixture_path(dir, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int setup(void **state)
{
	struct context *c = fixture_begin(state, sizeof(*c));

	c->first = open_lock(c->dir);
	c->second = open_lock(c->dir);
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;

	close(c->first);
	close(c->second);
	return fixture_end(state);
}

static void tickets_count_up_and_wait_for_each_other(void **state)
{
	struct context *c = *state;
	int64_t first = 0, second = 0;

	assert_int_equal(store_lock_take(c->first, 0, &first), ERR_OK);
	assert_int_equal(store_lock_take(c->second, 0, &second), ERR_TIMEOUT);
	assert_int_equal(second, 0);
	store_lock_release(c->first, first);
	assert_int_equal(store_lock_take(c->second, 0, &second), ERR_OK);
	assert_true(second > first);
	store_lock_release(c->second, second);
}

/* A counter that was lost, or never written, gives no ticket that somebody holds. */
static void a_counter_that_went_back_is_no_second_turn(void **state)
{
	static const int64_t counters[] = { 0, 1, -1, INT64_MAX };
	struct context *c = *state;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		int64_t first = 0, second = 0;

		assert_int_equal(ftruncate(c->first, 0), 0);
		assert_int_equal(store_lock_take(c->first, 0, &first), ERR_OK);
		assert_int_equal(first, 1);
		assert_int_equal(pwrite(c->first, &counters[i], sizeof(counters[i]), 0), sizeof(counters[i]));
		assert_int_equal(store_lock_take(c->second, 0, &second), ERR_TIMEOUT);
		store_lock_release(c->first, first);
		assert_int_equal(store_lock_take(c->second, 0, &second), ERR_OK);
		store_lock_release(c->second, second);
	}
}

static void a_closed_gate_is_waited_for_no_longer_than_asked(void **state)
{
	struct context *c = *state;
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = GATE, .l_len = 1 };
	int64_t ticket = 0;

	assert_int_equal(fcntl(c->second, F_OFD_SETLK, &l), 0);
	assert_int_equal(store_lock_take(c->first, 5, &ticket), ERR_TIMEOUT);
	assert_int_equal(ticket, 0);
	l.l_type = F_UNLCK;
	assert_int_equal(fcntl(c->second, F_OFD_SETLK, &l), 0);
	assert_int_equal(store_lock_take(c->first, 5, &ticket), ERR_OK);
	store_lock_release(c->first, ticket);
}

static void what_can_not_be_locked_is_an_error(void **state)
{
	struct context *c = *state;
	int64_t ticket = 0;
	int fd = open(fixture_path(c->dir, "lock"), O_RDONLY | O_CLOEXEC);

	assert_int_equal(store_lock_take(-1, 0, &ticket), ERR_STORE);
	assert_int_equal(store_lock_take(fd, 0, &ticket), ERR_STORE);
	assert_int_equal(ticket, 0);
	close(fd);
}

/* The caller's limit on files: nothing stays locked behind a ticket that was not counted. */
static void a_counter_that_can_not_be_written_frees_its_ticket(void **state)
{
	struct context *c = *state;
	struct rlimit was, none;
	int64_t ticket = 0;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = was.rlim_max };
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(store_lock_take(c->first, 0, &ticket), ERR_STORE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(ticket, 0);
	assert_int_equal(store_lock_take(c->second, 0, &ticket), ERR_OK);
	assert_int_equal(ticket, 1);
	store_lock_release(c->second, ticket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tickets_count_up_and_wait_for_each_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_counter_that_went_back_is_no_second_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(a_closed_gate_is_waited_for_no_longer_than_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(what_can_not_be_locked_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_counter_that_can_not_be_written_frees_its_ticket, setup, teardown),
	};

	fixture_drop();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
