/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <limits.h>
#include <string.h>

#include "unit.h"

#define BOOT_A "11111111-2222-3333-4444-555555555555"
#define BOOT_B "99999999-2222-3333-4444-555555555555"

static struct moment at(const char *boot, int64_t boot_ms, int64_t real_s)
{
	struct moment m = { .boot_ms = boot_ms, .real_s = real_s };

	strcpy(m.boot_id, boot);
	return m;
}

static void the_same_boot_counts_boottime(void **state)
{
	static const int64_t walls[] = { 0, -86400, 86400, 2147483648, 4294967296 };
	const struct moment then = at(BOOT_A, 1000, 1000000);

	(void)state;
	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
		const struct moment now = at(BOOT_A, 61000, 1000000 + walls[i]);

		assert_int_equal(clock_elapsed_ms(&then, &now, 900000), 60000);
	}
}

static void another_boot_counts_the_wall_clipped(void **state)
{
	const struct moment then = at(BOOT_A, 5000000, 1000000);
	const struct moment later = at(BOOT_B, 10, 1000060), before = at(BOOT_B, 10, 5), far = at(BOOT_B, 10, INT64_MAX);

	(void)state;
	assert_int_equal(clock_elapsed_ms(&then, &later, 900000), 60000);
	assert_int_equal(clock_elapsed_ms(&then, &before, 900000), 0);
	assert_int_equal(clock_elapsed_ms(&then, &far, 900000), 0);
	assert_int_equal(clock_elapsed_ms(&(struct moment){ .boot_id = BOOT_B, .boot_ms = INT64_MIN },
					  &(struct moment){ .boot_id = BOOT_B, .boot_ms = 1 }, 900000), 0);
	assert_int_equal(clock_elapsed_ms(&then, &(struct moment){ .boot_id = BOOT_B, .real_s = 9000000 }, 900000), 900000);
}

static void the_present_is_a_whole_moment(void **state)
{
	struct moment m;

	(void)state;
	assert_int_equal(clock_now(&m), ERR_OK);
	assert_int_equal(strlen(m.boot_id), CLOCK_BOOT_ID_LEN);
	assert_true(m.boot_ms > 0 && m.real_s > 1577836800);
}

static void deadlines(void **state)
{
	(void)state;
	assert_int_equal(deadline_left(clock_boot_ms() - 1), 0);
	assert_in_range(deadline_left(deadline_in(1000)), 1, 1000);
	assert_int_equal(deadline_left(deadline_in(INT64_C(1) << 40)), INT_MAX);
	assert_int_equal(deadline_left(INT64_MIN), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_boot_counts_boottime), cmocka_unit_test(another_boot_counts_the_wall_clipped),
		cmocka_unit_test(the_present_is_a_whole_moment), cmocka_unit_test(deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
