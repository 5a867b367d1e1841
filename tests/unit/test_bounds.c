/* SPDX-License-Identifier: Apache-2.0 */
#include "../../cardmfad/bounds.h"

#include "unit.h"

static void places_are_not_exceeded(void **state)
{
	struct bounds_queue q = { .places = 2 };
	struct bounds_waiter w[3] = { { 0 } };
	const struct bounds_waiter *list[3] = { &w[0], &w[1], &w[2] };

	(void)state;
	for (int i = 0; i < 3; i++)
		bounds_wait(&q, &w[i], i);
	for (int i = 0; i < 2; i++) {
		int next = bounds_next(&q, list, 3);

		assert_int_equal(next, i);
		w[next].waiting = false;
		bounds_take(&q, w[next].group);
	}
	assert_int_equal(bounds_next(&q, list, 3), -1);
	bounds_release(&q);
	assert_int_equal(bounds_next(&q, list, 3), 2);
}

/* One origin with a hundred in the queue does not keep another's single one waiting. */
static void a_crowd_of_one_origin_does_not_shut_out_others(void **state)
{
	struct bounds_queue q = { .places = 1 };
	struct bounds_waiter w[101] = { { 0 } };
	const struct bounds_waiter *list[101];
	int place = -1;

	(void)state;
	for (int i = 0; i < 100; i++)
		bounds_wait(&q, &w[i], 7);
	bounds_wait(&q, &w[100], 8);
	for (int i = 0; i < 101; i++)
		list[i] = &w[i];
	for (int turn = 0; turn < 101 && place < 0; turn++) {
		int next = bounds_next(&q, list, 101);

		w[next].waiting = false;
		bounds_take(&q, w[next].group);
		bounds_release(&q);
		if (next == 100)
			place = turn;
	}
	assert_in_range(place, 0, 1);
}

/* Whose turn was longer ago, wherever he stands in the list; nobody waits: nobody's turn. */
static void who_was_served_last_waits(void **state)
{
	struct bounds_queue q = { .places = 1 };
	struct bounds_waiter w[2] = { { 0 } };
	const struct bounds_waiter *list[2] = { &w[0], &w[1] };

	(void)state;
	assert_int_equal(bounds_next(&q, list, 2), -1);
	for (int last = 0; last < 2; last++) {
		bounds_take(&q, !last);
		bounds_release(&q);
		bounds_take(&q, last);
		bounds_release(&q);
		for (int first = 0; first < 2; first++) {
			bounds_wait(&q, &w[first], first);
			bounds_wait(&q, &w[!first], !first);
			assert_int_equal(bounds_next(&q, list, 2), !last);
		}
	}
}

/* A place that was never taken is none more. */
static void a_release_too_much_makes_no_place(void **state)
{
	struct bounds_queue q = { .places = 1 };
	struct bounds_waiter w = { 0 };
	const struct bounds_waiter *list[1] = { &w };

	(void)state;
	bounds_release(&q);
	bounds_wait(&q, &w, 1);
	assert_int_equal(bounds_next(&q, list, 1), 0);
	bounds_take(&q, 1);
	assert_int_equal(bounds_next(&q, list, 1), -1);
}

static void one_origin_is_served_in_order(void **state)
{
	struct bounds_queue q = { .places = 1 };
	struct bounds_waiter w[10] = { { 0 } };
	const struct bounds_waiter *list[10];

	(void)state;
	for (int i = 0; i < 10; i++) {
		bounds_wait(&q, &w[9 - i], 3);
		list[9 - i] = &w[9 - i];
	}
	for (int i = 0; i < 10; i++) {
		int next = bounds_next(&q, list, 10);

		assert_int_equal(next, 9 - i);
		w[next].waiting = false;
		bounds_take(&q, 3);
		bounds_release(&q);
	}
}

static void who_is_not_allowed_is_passed_over(void **state)
{
	struct bounds_queue q = { .places = 1 };
	struct bounds_waiter w[2] = { { 0 } };
	const struct bounds_waiter *list[2] = { NULL, &w[1] };

	(void)state;
	bounds_wait(&q, &w[0], 1);
	bounds_wait(&q, &w[1], 1);
	assert_int_equal(bounds_next(&q, list, 2), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_not_exceeded),
		cmocka_unit_test(a_crowd_of_one_origin_does_not_shut_out_others),
		cmocka_unit_test(who_was_served_last_waits),
		cmocka_unit_test(a_release_too_much_makes_no_place),
		cmocka_unit_test(one_origin_is_served_in_order),
		cmocka_unit_test(who_is_not_allowed_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
