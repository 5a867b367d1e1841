/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "login_name.h"
#include "unit.h"
#include "words.h"

static void lengths_of_time_have_two_units(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
		{ -5, "0 s" }, { 0, "0 s" }, { 59, "59 s" }, { 60, "1 min 0 s" }, { 3599, "59 min 59 s" },
		{ 3600, "1 h 0 min" }, { 86399, "23 h 59 min" }, { 86400, "1 d 0 h" }, { 183600, "2 d 3 h" },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(word_duration(text, sizeof(text), rows[i].seconds), rows[i].text);
}

static void no_point_in_time_is_a_dash(void **state)
{
	char text[64];

	(void)state;
	assert_string_equal(word_time(text, sizeof(text), -1), "-");
	assert_string_equal(word_date(text, sizeof(text), -1), "-");
	assert_string_equal(word_date(text, sizeof(text), 1795151232), "2026-11-20");
	assert_string_equal(word_time(text, sizeof(text), 1795151232), "2026-11-20 05:07");
}

static void a_card_that_has_ended_is_not_called_active(void **state)
{
	static const struct {
		enum card_state state;
		int64_t not_after;
		const char *word;
	} rows[] = {
		{ CARD_ACTIVE, -1, "active" }, { CARD_ACTIVE, 100, "active" }, { CARD_ACTIVE, 99, "expired" },
		{ CARD_SUSPENDED, 99, "suspended" }, { CARD_REVOKED, 99, "revoked" }, { CARD_ISSUED, 99, "issued" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_row c = { .state = rows[i].state, .not_after = rows[i].not_after };

		assert_string_equal(word_card(&c, 100), rows[i].word);
	}
}

static void an_origin_is_told_by_name(void **state)
{
	static const struct {
		const char *origin, *word;
	} rows[] = {
		{ "local", "local" }, { "remote", "remote" }, { "", "" },
		{ "uid:0", "session of root" }, { "uid:4294900001", "session of uid 4294900001" },
		{ "uid:4294967295", "session of uid 4294967295" },
		{ "uid:", "uid:" }, { "uid:-1", "uid:-1" }, { "uid:1x", "uid:1x" }, { "uid:4294967296", "uid:4294967296" },
		{ "addr:192.0.2.1", "addr:192.0.2.1" },
	};
	char text[96];

	(void)state;
	/* Twice: the second time they are remembered. */
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(word_origin(text, sizeof(text), rows[i / 2].origin), rows[i / 2].word);
	for (int64_t uid = 4294900000; uid < 4294900040; uid++)
		assert_int_equal(strtoll(login_name(uid) + strlen("uid "), NULL, 10), uid);
	assert_string_equal(login_name(0), "root");
}

/* A log may hold events and results of a later version. */
static void unknown_names_stay_as_they_are(void **state)
{
	enum card_state card = 0;
	enum person_state person = 0;

	(void)state;
	assert_string_equal(word_event("quantum-enrol"), "quantum-enrol");
	assert_string_equal(word_result("QUANTUM"), "QUANTUM");
	assert_null(word_to_event("quantum-enrol"));
	assert_int_equal(word_to_reason("quantum"), REASON_NONE);
	assert_false(word_to_card_state("", &card));
	assert_false(word_to_card_state("quantum", &card));
	assert_false(word_to_person_state("quantum", &person));
	assert_int_equal(card, 0);
	assert_int_equal(person, 0);
	assert_string_equal(word_algorithm(KEY_P256), "P-256");
}

static void words_are_understood_again(void **state)
{
	(void)state;
	for (enum event_type e = EVENT_NONE + 1; e < EVENT_N; e++) {
		assert_string_equal(word_to_event(event_name(e)), event_name(e));
		assert_string_equal(word_to_event(word_event(event_name(e))), event_name(e));
	}
	for (enum card_reason r = REASON_LOST; r <= REASON_TRANSFERRED; r++) {
		assert_int_equal(word_to_reason(card_reason_name(r)), r);
		assert_int_equal(word_to_reason(word_reason(r)), r);
	}
	assert_int_equal(word_to_reason("紛失"), REASON_LOST);
	for (enum card_state c = CARD_ISSUED; c <= CARD_DESTROYED; c++) {
		enum card_state again = 0;

		assert_true(word_to_card_state(card_state_name(c), &again));
		assert_int_equal(again, c);
		assert_true(word_to_card_state(word_card_state(c), &again));
		assert_int_equal(again, c);
	}
	for (enum person_state p = PERSON_ACTIVE; p <= PERSON_REMOVED; p++) {
		enum person_state again = 0;

		assert_true(word_to_person_state(person_state_name(p), &again));
		assert_int_equal(again, p);
		assert_true(word_to_person_state(word_person_state(p), &again));
		assert_int_equal(again, p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_time_have_two_units),
		cmocka_unit_test(no_point_in_time_is_a_dash),
		cmocka_unit_test(a_card_that_has_ended_is_not_called_active), cmocka_unit_test(unknown_names_stay_as_they_are),
		cmocka_unit_test(an_origin_is_told_by_name),
		cmocka_unit_test(words_are_understood_again),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
