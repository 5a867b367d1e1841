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

/* The N-th card of somebody's life, after the one of stage_setup(). */
static void add_card(int64_t person, size_t n)
{
	const unsigned char values[7] = { (unsigned char)(n % 31), (unsigned char)(n / 31), 30, 1, 2, 3, 4 };
	struct card_row row = taros.row;

	row.person = person;
	snprintf(row.label, sizeof(row.label), "card %zu", n);
	row.spki[row.spki_len - 1] ^= (unsigned char)n;
	row.spki[row.spki_len - 2] ^= 1;
	memset(row.spki_sha256, (int)n, sizeof(row.spki_sha256));
	assert_int_equal(card_id_make(values, &row.card_id), ERR_OK);
	rules_begin();
	assert_int_equal(store_card_add(rules_store, &row), ERR_OK);
	rules_commit();
}

static void one_is_told_all_of_oneself(void **state)
{
	const struct wire_record *r;

	(void)state;
	stage_raw("UPDATE card SET label = 'blue'");
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
	assert_true(r->person.failure_at >= r->person.last_at);
	assert_string_equal(r->person.failure_from, "tty1");
	r = stage_told(WIRE_RECORD_CARD, 0);
	assert_string_equal(r->card.id, taros.row.card_id.text);
	assert_string_equal(r->card.label, "blue");
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
	assert_int_equal(r->person.failure_at, -1);
	r = stage_told(WIRE_RECORD_CARD, 0);
	assert_string_equal(r->card.state, "revoked");
	assert_string_equal(r->card.usable, "REVOKED");
}

/* The uid was taken from the person whose name it was: neither of the two is told about the other. */
static void a_name_that_went_to_another_uid_is_told_nothing(void **state)
{
	(void)state;
	stage_raw("UPDATE person SET uid = 1003 WHERE login = 'taro'");
	assert_int_equal(status_of(1003), ERR_NOT_A_PERSON);
	assert_int_equal(stage.n_records, 0);
	assert_int_equal(status_of(1001), ERR_NOT_A_PERSON);
	assert_int_equal(stage.n_records, 0);
}

/* Nobody asks at a service: what locks at the console and over ssh is what there is to say. */
static void locks_are_those_of_console_and_ssh(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[class desk]\nservice = login\nfactors = card,password\nattempts = 2\n"
				 "[class far]\nservice = sshd\nfactors = password,totp\nattempts = 3\n"
				 "[default]\nfactors = card,password\nattempts = 9\n");
	fill_bucket(taro, "local", 1);
	fill_bucket(taro, "remote", 2);
	assert_int_equal(status_of(1001), ERR_OK);
	assert_int_equal(stage_told(WIRE_RECORD_COUNT, 0)->count.locked_until, -1);
	assert_int_equal(stage_told(WIRE_RECORD_COUNT, 1)->count.locked_until, -1);
	fill_bucket(taro, "local", 2);
	fill_bucket(taro, "remote", 3);
	assert_int_equal(status_of(1001), ERR_OK);
	assert_true(stage_told(WIRE_RECORD_COUNT, 0)->count.locked_until > clock_real_s());
	assert_true(stage_told(WIRE_RECORD_COUNT, 1)->count.locked_until > clock_real_s());
	/* Whoever explains a login elsewhere is told the limits of there, for the same origin. */
	stage_at_console("taro");
	stage_request(service, "gdm-password");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_int_equal(stage_told(WIRE_RECORD_COUNT, 0)->count.locked_until, -1);
	assert_true(stage_told(WIRE_RECORD_COUNT, 1)->count.locked_until > clock_real_s());
}

static void of_many_cards_the_newest_are_told(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 63; n++)
		add_card(taro, n);
	assert_int_equal(status_of(1001), ERR_OK);
	assert_string_equal(stage_told(WIRE_RECORD_CARD, 0)->card.id, taros.row.card_id.text);
	assert_string_equal(stage_told(WIRE_RECORD_CARD, 63)->card.label, "card 63");
	for (size_t newest = 64; newest <= 66; newest++) {
		add_card(taro, newest);
		assert_int_equal(status_of(1001), ERR_OK);
		for (size_t n = 0; n < 64; n++) {
			char label[16];

			snprintf(label, sizeof(label), "card %zu", newest - 63 + n);
			assert_string_equal(stage_told(WIRE_RECORD_CARD, n)->card.label, label);
		}
		assert_null(stage_told(WIRE_RECORD_CARD, 64));
	}
}

/* Those of the machine and the network are told before those of programs. */
static void of_many_counts_the_first_are_told(void **state)
{
	(void)state;
	for (int n = 0; n < 66; n++) {
		char origin[16];

		snprintf(origin, sizeof(origin), "uid:%d", 2000 + n);
		fill_bucket(taro, origin, 1);
	}
	fill_bucket(taro, "remote", 1);
	fill_bucket(taro, "local", 1);
	assert_int_equal(status_of(1001), ERR_OK);
	assert_string_equal(stage_told(WIRE_RECORD_COUNT, 0)->count.origin, "local");
	assert_string_equal(stage_told(WIRE_RECORD_COUNT, 1)->count.origin, "remote");
	assert_string_equal(stage_told(WIRE_RECORD_COUNT, 63)->count.origin, "uid:2061");
	assert_null(stage_told(WIRE_RECORD_COUNT, 64));
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
		strcpy(fields[i], "x");
		assert_int_equal(stage_run(WIRE_STATUS), ERR_NOT_ALLOWED);
		assert_int_equal(stage.n_records, 0);
	}
	memset(&stage.request, 0, sizeof(stage.request));
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_STATUS), ERR_NOT_ALLOWED);
	assert_int_equal(stage.n_records, 0);
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

/* The other end may take its time. */
static void no_query_is_open_while_one_is_told(void **state)
{
	(void)state;
	fill_bucket(taro, "local", 2);
	fill_bucket(taro, "remote", 2);
	add_card(taro, 5);
	stage.log_moves = true;
	assert_int_equal(status_of(1001), ERR_OK);
	assert_non_null(stage_told(WIRE_RECORD_CARD, 1));
	assert_non_null(stage_told(WIRE_RECORD_COUNT, 1));
}

static void a_listener_that_went_away_ends_it(void **state)
{
	(void)state;
	for (stage.record_fails_at = 1; stage.record_fails_at <= 2; stage.record_fails_at++)
		assert_int_equal(status_of(1001), ERR_UNAVAILABLE);
}

/* Of its own accord too, before auth_run() looks at both. */
static void the_verdict_stands_on_no_when_it_fails(void **state)
{
	struct wire_result r = { .verdict = VERDICT_DENY };
	struct auth_call c;

	(void)state;
	stage_as_user("", 1003);
	memset(&stage.request, 0, sizeof(stage.request));
	stage.request.op = WIRE_STATUS;
	c = stage_call();
	assert_int_equal(status_run(&c, &r), ERR_NOT_A_PERSON);
	assert_int_equal(r.verdict, VERDICT_DENY);
}

static void a_fault_at_any_step_is_no_answer(void **state)
{
	enum err e;

	(void)state;
	fill_bucket(taro, "local", 1);
	status_of(1001);
	for (size_t i = 0; i < FAULT_N_CODES; i++) {
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
		STAGE_TEST(a_name_that_went_to_another_uid_is_told_nothing),
		STAGE_TEST(locks_are_those_of_console_and_ssh),
		STAGE_TEST(of_many_cards_the_newest_are_told),
		STAGE_TEST(of_many_counts_the_first_are_told),
		STAGE_TEST(others_are_not_told_of),
		STAGE_TEST(a_message_that_names_anything_is_refused),
		STAGE_TEST(asking_changes_nothing),
		STAGE_TEST(no_query_is_open_while_one_is_told),
		STAGE_TEST(a_listener_that_went_away_ends_it),
		STAGE_TEST(the_verdict_stands_on_no_when_it_fails),
		STAGE_TEST(a_fault_at_any_step_is_no_answer),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
