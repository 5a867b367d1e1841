/* SPDX-License-Identifier: Apache-2.0 */
/* What one is told of oneself: all of it, nothing of others, and nothing is changed by asking. */
#include "../../lib/auth/status.h"

#include "stage_fault.h"

static enum err status_of(int64_t uid)
{
	stage_as_user("", uid);
	memset(&stage.request, 0, sizeof(stage.request));
	return stage_run(WIRE_STATUS);
}

static void fill_bucket(int64_t person, const char *origin, int64_t failed)
{
	struct bucket_row b = { .person = person, .failed = failed };

	assert_int_equal(clock_now(&b.last), ERR_OK);
	stage_text(b.origin, sizeof(b.origin), origin);
	rules_begin();
	assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	rules_commit();
}

static void one_is_told_all_of_oneself(void **state)
{
	const struct wire_record *r;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	fill_bucket(taro, "remote", 3);
	assert_int_equal(status_of(1001), ERR_OK);
	r = stage_told(WIRE_RECORD_PERSON, 0);
	assert_non_null(r);
	assert_ptr_equal(r, &stage.records[0]);
	assert_string_equal(r->person.login, "taro");
	assert_string_equal(r->person.state, "active");
	assert_true(r->person.app_at > 0 && r->person.password_at > 0 && r->person.last_at > 0);
	assert_string_equal(r->person.last_from, "tty1");
	assert_int_equal(r->person.failures, 1);
	assert_string_equal(r->person.failure_from, "tty1");
	r = stage_told(WIRE_RECORD_CARD, 0);
	assert_string_equal(r->card.id, taros.row.card_id.text);
	assert_string_equal(r->card.state, "active");
	assert_string_equal(r->card.usable, "OK");
	assert_true(r->card.last_used_at > 0);
	/* How the card is recognised is no business of programs of his. */
	assert_int_equal(r->card.guid_len, 0);
	assert_null(stage_told(WIRE_RECORD_CARD, 1));
	r = stage_told(WIRE_RECORD_COUNT, 0);
	assert_string_equal(r->count.origin, "local");
	assert_int_equal(r->count.failed, 1);
	assert_int_equal(r->count.locked_until, -1);
	r = stage_told(WIRE_RECORD_COUNT, 1);
	assert_string_equal(r->count.origin, "remote");
	assert_true(r->count.locked_until > clock_real_s());
	assert_int_equal(stage.n_records, 4);
}

static void who_has_nothing_is_told_so(void **state)
{
	const struct wire_record *r;

	(void)state;
	rules_begin();
	assert_int_equal(store_login_stat_put(rules_store, &(struct login_stat){ .person = taro, .last_at = -1, .failure_at = -1 }), ERR_OK);
	rules_commit();
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(status_of(1001), ERR_OK);
	r = stage_told(WIRE_RECORD_PERSON, 0);
	assert_int_equal(r->person.app_at, -1);
	assert_int_equal(r->person.password_at, -1);
	assert_int_equal(r->person.last_at, -1);
	r = stage_told(WIRE_RECORD_CARD, 0);
	assert_string_equal(r->card.state, "revoked");
	assert_string_equal(r->card.usable, "REVOKED");
}

static void others_are_not_told_of(void **state)
{
	static const int64_t uids[] = { 0, 1, 1003, 65534, -1, INT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		assert_int_equal(status_of(uids[i]), ERR_NOT_A_PERSON);
		assert_int_equal(stage.n_records, 0);
	}
	stage_set_state(taro, PERSON_REMOVED);
	assert_int_equal(status_of(1001), ERR_NOT_A_PERSON);
	assert_int_equal(stage.n_records, 0);
	/* Nor of who had the uid before. */
	host.vanished = "hanako";
	assert_int_equal(status_of(1002), ERR_NOT_A_PERSON);
	assert_int_equal(stage.n_records, 0);
	host.vanished = NULL;
	/* The effective uid is not who asks. */
	stage_as_user("", 1002);
	memset(&stage.request, 0, sizeof(stage.request));
	stage.peer.euid = 1001;
	assert_int_equal(stage_run(WIRE_STATUS), ERR_OK);
	assert_string_equal(stage_told(WIRE_RECORD_PERSON, 0)->person.login, "hanako");
}

/* Names, places and flags in the message are refused, those of the asker too: nothing can come of them. */
static void a_message_that_names_anything_is_refused(void **state)
{
	char *const fields[] = { stage.request.user, stage.request.service, stage.request.rhost, stage.request.tty,
				 stage.request.auth_info };

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		stage_as_user("", 1001);
		memset(&stage.request, 0, sizeof(stage.request));
		strcpy(fields[i], i ? "x" : "hanako");
		assert_int_equal(stage_run(WIRE_STATUS), ERR_NOT_ALLOWED);
		assert_int_equal(stage.n_records, 0);
	}
	memset(&stage.request, 0, sizeof(stage.request));
	stage.request.flags = 1;
	assert_int_equal(stage_run(WIRE_STATUS), ERR_NOT_ALLOWED);
}

/* In no table anything is written: groups and classes that were seen, too. */
static void asking_changes_nothing(void **state)
{
	static const char changes[] = "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM known_group) + "
				      "(SELECT count(*) FROM person WHERE last_class IS NOT NULL) + (SELECT count(*) FROM unproved)";
	int64_t before;

	(void)state;
	stage_policy(STAGE_CHEAP "[class staff]\ngroup = staff\nfactors = card,totp\n[default]\nfactors = password,totp\n");
	host.groups[0] = (struct stage_group){ .name = "staff", .gid = 50, .members = { "taro" } };
	fill_bucket(taro, "local", 9);
	before = stage_count(changes);
	assert_int_equal(status_of(1001), ERR_OK);
	assert_int_equal(status_of(1003), ERR_NOT_A_PERSON);
	assert_int_equal(stage_count(changes), before);
}

static void a_listener_that_went_away_ends_it(void **state)
{
	(void)state;
	for (stage.record_fails_at = 1; stage.record_fails_at <= 2; stage.record_fails_at++)
		assert_int_equal(status_of(1001), ERR_UNAVAILABLE);
}

static void a_fault_at_any_step_is_no_answer(void **state)
{
	enum err e;

	(void)state;
	fill_bucket(taro, "local", 1);
	status_of(1001);
	for (size_t i = 0; i < fault_n_codes(); i++) {
		int n = 1;

		for (; fault_run(WIRE_STATUS, n, fault_codes[i], &e); n++)
			assert_true(e >= ERR_UNAVAILABLE);
		assert_int_equal(e, ERR_OK);
		assert_true(n > 3);
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST_SECRETS(one_is_told_all_of_oneself),
		STAGE_TEST(who_has_nothing_is_told_so),
		STAGE_TEST(others_are_not_told_of),
		STAGE_TEST(a_message_that_names_anything_is_refused),
		STAGE_TEST(asking_changes_nothing),
		STAGE_TEST(a_listener_that_went_away_ends_it),
		STAGE_TEST(a_fault_at_any_step_is_no_answer),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
