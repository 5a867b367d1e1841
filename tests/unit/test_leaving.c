/* SPDX-License-Identifier: Apache-2.0 */
#include "../../cardmfad/leaving.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "card_link.h"
#include "unit.h"

static int64_t now;
static pid_t told[8];
static int with[8];
static size_t n_told;

int64_t __wrap_deadline_in(int64_t ms);
int __wrap_deadline_left(int64_t deadline);
int __wrap_kill(pid_t pid, int sig);

int64_t __wrap_deadline_in(int64_t ms)
{
	return now + ms;
}

int __wrap_deadline_left(int64_t deadline)
{
	return deadline > now ? (int)(deadline - now) : 0;
}

int __wrap_kill(pid_t pid, int sig)
{
	told[n_told] = pid;
	with[n_told++] = sig;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	now = 1000;
	n_told = 0;
	return 0;
}

static void one_that_goes_is_told_once(void **state)
{
	struct leaving l = { .n = 0 };

	(void)state;
	assert_int_equal(leaving_left(&l), -1);
	leaving_add(&l, 77, true);
	assert_true(leaving_left(&l) > CARD_LEAVE_MS);
	now += CARD_LEAVE_MS;
	leaving_enforce(&l);
	assert_int_equal(leaving_of_users(&l), 1);
	assert_true(leaving_reaped(&l, 77));
	assert_false(leaving_reaped(&l, 77));
	assert_int_equal(leaving_of_users(&l), 0);
	assert_int_equal(leaving_left(&l), -1);
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0], 77);
	assert_int_equal(with[0], SIGTERM);
}

static void one_that_stays_is_killed_and_keeps_its_place_until_it_is_gone(void **state)
{
	struct leaving l = { .n = 0 };

	(void)state;
	leaving_add(&l, 77, true);
	now += 100;
	leaving_add(&l, 78, false);
	now += leaving_left(&l);
	for (int i = 0; i < 3; i++)
		leaving_enforce(&l);
	assert_int_equal(n_told, 3);
	assert_int_equal(told[2], 77);
	assert_int_equal(with[2], SIGKILL);
	assert_int_equal(leaving_left(&l), 100);
	now += 100;
	leaving_enforce(&l);
	assert_int_equal(n_told, 4);
	assert_int_equal(told[3], 78);
	assert_int_equal(leaving_left(&l), -1);
	assert_int_equal(leaving_of_users(&l), 1);
	assert_true(leaving_reaped(&l, 77));
	assert_true(leaving_reaped(&l, 78));
	assert_int_equal(l.n, 0);
}

static void all_places_may_be_leaving(void **state)
{
	struct leaving l = { .n = 0 };

	(void)state;
	for (pid_t i = 0; i < BOUNDS_CARDS; i++) {
		n_told = 0;
		leaving_add(&l, 1000 + i, i % 2);
	}
	assert_int_equal(leaving_of_users(&l), BOUNDS_CARDS / 2);
	for (pid_t i = BOUNDS_CARDS; i > 0; i--)
		assert_true(leaving_reaped(&l, 1000 + i - 1));
	assert_int_equal(l.n, 0);
}

static void wait_ends_when_all_are_gone(void **state)
{
	struct leaving l = { .n = 0 };
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	leaving_add(&l, pid, false);
	leaving_wait(&l);
	assert_int_equal(l.n, 0);
	leaving_wait(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_that_goes_is_told_once, set_up),
		cmocka_unit_test_setup(one_that_stays_is_killed_and_keeps_its_place_until_it_is_gone, set_up),
		cmocka_unit_test_setup(all_places_may_be_leaving, set_up),
		cmocka_unit_test_setup(wait_ends_when_all_are_gone, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
