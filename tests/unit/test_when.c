/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "unit.h"
#include "when.h"

/* 2026-11-20 14:07:12 in Tokyo */
#define NOW INT64_C(1795151232)

static void times_as_people_type_them(void **state)
{
	static const struct {
		const char *typed;
		int64_t back;           /* seconds before NOW */
	} good[] = {
		{ "14:05", 132 },
		{ "14:07", 12 },
		{ "0:00", 14 * 3600 + 7 * 60 + 12 },
		{ "2026-11-20T14:05", 132 },
		{ "2026-11-20 14:05", 132 },
		{ "2026-11-20", 14 * 3600 + 7 * 60 + 12 },
		{ "2026-11-19T14:07", 86412 },
		{ "23:59", -(9 * 3600 + 51 * 60 + 48) },
	};
	static const char *const bad[] = {
		"",
		"now",
		"25:00",
		"14:60",
		"14",
		"14:05:00",
		"2026-13-01",
		"2026-02-30",
		"2026-11-31T10:00",
		"20-11-2026",
		"2026-11-20T14:05Z",
		"14:05 ",
		"1970-01-01",
	};
	int64_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(when_parse(good[i].typed, NOW, &at));
		assert_int_equal(NOW - at, good[i].back);
	}
	at = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(when_parse(bad[i], NOW, &at));
	assert_int_equal(at, 7);
}

static void lengths_of_time_too(void **state)
{
	int64_t at;

	(void)state;
	assert_true(when_parse_since("2h", NOW, &at));
	assert_int_equal(NOW - at, 7200);
	assert_true(when_parse_since("7d", NOW, &at));
	assert_int_equal(NOW - at, 7 * 86400);
	assert_true(when_parse_since("2026-11-20", NOW, &at));
	assert_true(when_parse_since("36500d", NOW, &at));
	assert_int_equal(at, 1);
	assert_false(when_parse_since("-2h", NOW, &at));
	assert_false(when_parse_since("2w", NOW, &at));
	assert_false(when_parse_since("30", NOW, &at));
}

static void a_day_that_ends_something_is_whole(void **state)
{
	int64_t at = 7;

	(void)state;
	assert_true(when_parse_until("2026-11-20", NOW, &at));
	assert_int_equal(at - NOW, 9 * 3600 + 52 * 60 + 47);
	assert_true(when_parse_until("14:05", NOW, &at));
	assert_int_equal(NOW - at, 132);
	assert_true(when_parse_until("2026-11-20T14:05", NOW, &at));
	assert_int_equal(NOW - at, 132);
	assert_true(when_parse_until("2h", NOW, &at));
	assert_int_equal(NOW - at, 7200);
	assert_true(when_parse_ahead("2h", NOW, &at));
	assert_int_equal(at - NOW, 7200);
	assert_true(when_parse_ahead("36500d", NOW, &at));
	assert_int_equal(at - NOW, INT64_C(36500) * 86400);
	assert_true(when_parse_ahead("2026-11-20", NOW, &at));
	assert_int_equal(at - NOW, 9 * 3600 + 52 * 60 + 47);
	at = 7;
	assert_false(when_parse_until("2026-02-30", NOW, &at));
	assert_false(when_parse_ahead("2026-02-30", NOW, &at));
	assert_false(when_parse_ahead("-2h", NOW, &at));
	assert_false(when_parse_ahead("2w", NOW, &at));
	assert_false(when_parse_ahead("30", NOW, &at));
	assert_false(when_parse_ahead("", NOW, &at));
	assert_int_equal(at, 7);
}

static void times_as_events_hold_them(void **state)
{
	static const char *const bad[] = { "", "2026-11-20 05:07:12", "2026-11-20T05:07:12",
					   "2026-11-20T05:07:12Z ", "lost",
					   "2026-02-31T00:00:00Z", "2026-1-2T3:4:5Z",
					   " 2026-11-20T05:07:12Z", "2026-11-20T05:07:60Z" };
	int64_t at = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(when_parse_utc(bad[i], &at));
	assert_int_equal(at, 7);
	assert_true(when_parse_utc("2026-11-20T05:07:12Z", &at));
	assert_int_equal(at, NOW);
}

static void the_clock_of_a_moment(void **state)
{
	char text[16];

	(void)state;
	assert_string_equal(when_clock(text, sizeof(text), NOW), "14:07:12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_as_people_type_them), cmocka_unit_test(lengths_of_time_too),
		cmocka_unit_test(a_day_that_ends_something_is_whole),
		cmocka_unit_test(times_as_events_hold_them),
		cmocka_unit_test(the_clock_of_a_moment),
	};

	setenv("TZ", "JST-9", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
