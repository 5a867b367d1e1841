/* SPDX-License-Identifier: Apache-2.0 */
/* What root is told of a login before it begins: the very class and ways that it gets, and nothing is changed by asking. */
#include "../../lib/auth/explain.h"

#include "stage_fault.h"

#define CLASSES \
	STAGE_CHEAP "[class admin]\nperson = hanako\nservice = login\nfactors = card,totp\n" \
		    "[class far]\nwhere = remote\nfrom = 192.0.2.0/24\nfactors = password,totp\n" \
		    "[default]\nfactors = card,totp card,password password,totp\nattempts = 4\n"

static void expect_way(size_t n, const char *factors, enum wire_obstacle obstacle)
{
	const struct wire_record *r = stage_told(WIRE_RECORD_WAY, n);

	assert_non_null(r);
	assert_string_equal(r->way.factors, factors);
	assert_int_equal(r->way.obstacle, obstacle);
}

static const struct wire_class *class_told(size_t n)
{
	const struct wire_record *r = stage_told(WIRE_RECORD_CLASS, n);

	assert_non_null(r);
	return &r->class_of;
}

static void the_class_and_what_kept_the_others_out(void **state)
{
	(void)state;
	stage_policy(CLASSES);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_string_equal(class_told(0)->name, "admin");
	assert_int_equal(class_told(0)->line, 4);
	assert_int_equal(class_told(0)->stated, CONDITION_PERSON | CONDITION_SERVICE);
	assert_int_equal(class_told(0)->unmet, CONDITION_PERSON);
	assert_int_equal(class_told(1)->unmet, CONDITION_WHERE | CONDITION_FROM);
	assert_string_equal(class_told(2)->name, "default");
	assert_true(class_told(2)->applies);
	assert_int_equal(class_told(2)->attempts, 4);
	assert_null(stage_told(WIRE_RECORD_CLASS, 3));
	assert_false(stage_told(WIRE_RECORD_PLACE, 0)->place.remote);

	stage_at_console("hanako");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_true(class_told(0)->applies);
	assert_null(stage_told(WIRE_RECORD_CLASS, 1));

	stage_from("taro", "192.0.2.7");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_true(class_told(1)->applies);
	assert_true(stage_told(WIRE_RECORD_PLACE, 0)->place.remote);
	assert_string_equal(stage_told(WIRE_RECORD_PLACE, 0)->place.address, "192.0.2.7");
}

static void ways_and_what_stands_in_them(void **state)
{
	const struct wire_record *card;

	(void)state;
	stage_policy(CLASSES);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_OPEN);
	expect_way(1, "card,password", WIRE_WAY_OPEN);
	card = stage_told(WIRE_RECORD_CARD, 0);
	assert_int_equal(card->card.guid_len, 16);

	stage_from("taro", "198.51.100.1");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_REMOTE);
	expect_way(2, "password,totp", WIRE_WAY_OPEN);

	stage_at_console("taro");
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_NO_CARD);

	stage_at_console("hanako");
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card,password session,password card-nopin,password\n");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_NO_APP);
	expect_way(1, "card,password", WIRE_WAY_NO_PASSWORD);
	expect_way(2, "session,password", WIRE_WAY_SESSION);
	expect_way(3, "card-nopin,password", WIRE_WAY_NO_CARD);
}

static void who_is_no_person_has_a_class_and_no_records(void **state)
{
	static const char *const names[] = { "jiro", "nobody-at-all", "root" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		stage_at_console(names[i]);
		assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
		assert_null(stage_told(WIRE_RECORD_PERSON, 0));
		assert_null(stage_told(WIRE_RECORD_CARD, 0));
		assert_null(stage_told(WIRE_RECORD_EVENT, 0));
		assert_true(class_told(0)->applies);
		expect_way(0, "card,totp", WIRE_WAY_NO_CARD);
	}
}

static void the_newest_event_is_told(void **state)
{
	const struct wire_record *r;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	r = stage_told(WIRE_RECORD_EVENT, 0);
	assert_string_equal(r->event.type, "login");
	assert_string_equal(r->event.result, "SECRET_WRONG");
	assert_string_equal(r->event.service, "login");
	assert_string_equal(r->event.card, taros.row.card_id.text);
	assert_string_equal(r->event.detail, "{\"class\":\"default\",\"wrong\":\"password\"}");
}

/* Nothing is asked, counted, remembered or granted; and the user socket gets nothing. */
static void asking_changes_nothing(void **state)
{
	static const char rows[] = "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM known_group) + "
				   "(SELECT count(*) FROM person WHERE last_class IS NOT NULL) + (SELECT count(*) FROM unproved) + "
				   "(SELECT count(*) FROM try) + (SELECT count(*) FROM bucket)";
	int64_t before = stage_count(rows);

	(void)state;
	stage_policy(STAGE_CHEAP "[class staff]\ngroup = staff\nfactors = card,totp\n[default]\nfactors = password,totp\n");
	host.groups[0] = (struct stage_group){ .name = "staff", .gid = 50, .members = { "taro" } };
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_string_equal(class_told(0)->name, "staff");
	assert_true(class_told(0)->applies);
	assert_int_equal(stage_count(rows), before);
	assert_string_equal(stage.shown, "");
	stage_as_user("taro", 1001);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_NOT_ALLOWED);
	assert_int_equal(stage.n_records, 0);
}

static void a_fault_at_any_step_is_no_answer(void **state)
{
	enum err e;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	for (size_t i = 0; i < fault_n_codes(); i++) {
		int n = 1;

		for (; fault_run(WIRE_EXPLAIN, n, fault_codes[i], &e); n++)
			assert_true(e >= ERR_UNAVAILABLE);
		assert_int_equal(e, ERR_OK);
		assert_true(n > 5);
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST(the_class_and_what_kept_the_others_out),
		STAGE_TEST_SECRETS(ways_and_what_stands_in_them),
		STAGE_TEST(who_is_no_person_has_a_class_and_no_records),
		STAGE_TEST_SECRETS(the_newest_event_is_told),
		STAGE_TEST(asking_changes_nothing),
		STAGE_TEST_SECRETS(a_fault_at_any_step_is_no_answer),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
