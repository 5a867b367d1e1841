/* SPDX-License-Identifier: Apache-2.0 */
/* A grant belongs to one host process, one person, one service, one kind of socket, one boot and ten minutes. */
#include "../../lib/auth/grant.h"

#include "stage_fault.h"

static enum err of_host(struct grant_row *ret)
{
	struct auth_call c = stage_call();
	struct who w;

	assert_int_equal(who_find(&c, &w), ERR_OK);
	return grant_of_host(&c, &w, ret);
}

static void log_in(void)
{
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
}

static void the_process_that_logged_in_has_it(void **state)
{
	struct grant_row g;

	(void)state;
	log_in();
	assert_int_equal(of_host(&g), ERR_OK);
	assert_int_equal(g.person, taro);
	assert_int_equal(g.card, taros.row.id);
	assert_string_equal(g.factors, "card,password");
	assert_string_equal(g.class_name, "default");
	assert_string_equal(g.service, "login");
	assert_string_equal(g.origin, "local");
	assert_string_equal(g.logind_session, "");
	assert_int_equal(g.audit_session, STAGE_NONE);
	assert_int_equal(g.used_at, -1);
	assert_true(g.through_root);
}

static void nobody_else_has_it(void **state)
{
	struct grant_row g;

	(void)state;
	log_in();
	stage.peer.pid++;
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
	stage.peer.pid--;
	stage.peer.start++;
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
	stage.peer.start--;
	stage_request(service, "su");
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
	stage_request(service, "login");
	stage_request(user, "hanako");
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
	stage_request(user, "jiro");
	assert_int_equal(of_host(&g), ERR_NOT_A_PERSON);
	stage_request(user, "taro");
	assert_int_equal(of_host(&g), ERR_OK);
	stage_raw("UPDATE login_grant SET boot_id = '0f3b4d8e-7a61-4c52-9d0e-1b2a3c4d5e6f'");
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
}

/* A process that proved itself as a user may become a root host by exec. */
static void the_two_sockets_do_not_meet(void **state)
{
	struct grant_row g;

	(void)state;
	stage_policy(STAGE_BOTH);
	stage_as_user("taro", 1001);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_int_equal(of_host(&g), ERR_OK);
	assert_false(g.through_root);
	assert_int_equal(g.uid, 1001);
	assert_string_equal(g.logind_session, "7");
	assert_int_equal(g.card, -1);
	stage.peer.root_socket = true;
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
	/* And the other way round. */
	stage_at_console("taro");
	stage_policy(STAGE_POLICY);
	log_in();
	stage.peer.root_socket = false;
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
}

static void it_lives_ten_minutes(void **state)
{
	struct grant_row g;

	(void)state;
	log_in();
	host.boot_s += 598;
	assert_int_equal(of_host(&g), ERR_OK);
	host.boot_s += 2;
	assert_int_equal(of_host(&g), ERR_NO_GRANT);
	host.boot_s -= 2;
	/* Another time of day changes nothing. */
	host.real_s += 86400;
	assert_int_equal(of_host(&g), ERR_OK);
	host.real_s -= 2 * 86400;
	assert_int_equal(of_host(&g), ERR_OK);
}

static void it_is_worth_what_card_and_person_are(void **state)
{
	struct grant_row g = { .id = -7 };

	(void)state;
	log_in();
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(of_host(&g), ERR_SUSPENDED);
	stage_move_card(&taros, CARD_ACTIVE);
	assert_int_equal(of_host(&g), ERR_OK);
	g.id = -7;
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(of_host(&g), ERR_LOCKED);
	stage_set_state(taro, PERSON_ACTIVE);
	stage_raw("UPDATE card SET not_after = 100");
	assert_int_equal(of_host(&g), ERR_EXPIRED);
	stage_raw("UPDATE card SET not_after = NULL");
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(of_host(&g), ERR_REVOKED);
	stage_raw("DELETE FROM card");
	assert_int_equal(of_host(&g), ERR_NOT_FOUND);
	/* Untouched by failures. */
	assert_int_equal(g.id, -7);
	stage_raw("UPDATE login_grant SET card = NULL");
	assert_int_equal(of_host(&g), ERR_OK);
	stage_raw("UPDATE login_grant SET factors = ''");
	assert_int_equal(of_host(&g), ERR_STORE_CORRUPT);
}

static void the_newest_counts(void **state)
{
	struct grant_row first, second;

	(void)state;
	log_in();
	assert_int_equal(of_host(&first), ERR_OK);
	log_in();
	assert_int_equal(of_host(&second), ERR_OK);
	assert_true(second.id > first.id);
}

/* However the new try ends, and before it has ended. */
static void asking_anew_withdraws_it(void **state)
{
	static const struct {
		const char *pin, *secret;
		enum err result;
	} rows[] = {
		{ STAGE_PIN, "wrong", ERR_DENIED }, { STAGE_PIN, NULL, ERR_CONVERSATION }, { NULL, NULL, ERR_CONVERSATION },
	};
	struct grant_row g;
	enum err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_in();
		assert_int_equal(of_host(&g), ERR_OK);
		assert_int_not_equal(stage_login(rows[i].pin, rows[i].secret), ERR_OK);
		assert_int_equal(of_host(&g), ERR_NO_GRANT);
	}
	/* Nothing but its own: another service of the process, another process. */
	log_in();
	stage_request(service, "su");
	assert_int_not_equal(stage_login(STAGE_PIN, "wrong"), ERR_OK);
	stage_request(service, "login");
	stage.peer.pid++;
	assert_int_not_equal(stage_login(STAGE_PIN, "wrong"), ERR_OK);
	stage.peer.pid--;
	assert_int_equal(of_host(&g), ERR_OK);
	/* Once: who goes on asking for a name writes nothing before an answer is there. */
	assert_int_not_equal(stage_login(NULL), ERR_OK);
	fault.writes_only = true;
	stage_type(NULL);
	(void)fault_run(WIRE_AUTH, 0, 0, &e);
	fault.writes_only = false;
	assert_int_equal(e, ERR_CONVERSATION);
	assert_int_equal(fault.steps, 0);
	log_in();
	/* Where it can't be withdrawn nobody is asked. */
	stage_raw("UPDATE login_grant SET factors = ''");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_STORE_CORRUPT);
	assert_int_equal(stage.asked, 0);
}

static void new_process(void)
{
	stage.peer.pid++;
	stage_type(STAGE_PIN, STAGE_PASSWORD);
}

/* Whose boot is not known, nobody's grant is either. */
static void without_a_clock_there_is_none(void **state)
{
	struct grant_row g;

	(void)state;
	assert_int_equal(stage_without_clock(WIRE_AUTH, new_process), 5);
	assert_int_equal(of_host(&g), ERR_OK);
	host.moment_fails_at = host.moments + 1;
	assert_int_equal(of_host(&g), ERR_CLOCK);
}

/* Whatever fails: who was asked has no older grant left, and nobody is asked while it can't be withdrawn. */
static void a_fault_at_any_step_withdraws_it_or_asks_nobody(void **state)
{
	enum err e = ERR_OK;

	(void)state;
	log_in();
	for (int n = 1;; n++) {
		bool met;

		fault_apart("UPDATE login_grant SET withdrawn = 0; DELETE FROM bucket; DELETE FROM try");
		stage_type(STAGE_PIN, "wrong");
		met = fault_run(WIRE_AUTH, n, SQLITE_IOERR, &e);
		assert_int_not_equal(e, ERR_OK);
		assert_true(stage.asked == 0 || stage_count("SELECT count(*) FROM login_grant WHERE withdrawn = 0") == 0);
		if (!met)
			break;
	}
	assert_int_equal(e, ERR_SECRET_WRONG);
}

/* The store gives its reserve up at the first write that finds no space: the second one goes on. */
static void a_full_disk_does_not_keep_it_from_being_withdrawn(void **state)
{
	enum err e = ERR_OK;
	int withdrawn = 0;

	(void)state;
	log_in();
	fault.writes_only = true;
	for (int n = 1;; n++) {
		bool met;

		fault_apart("UPDATE login_grant SET withdrawn = 0; DELETE FROM bucket; DELETE FROM try");
		stage_type(STAGE_PIN, "wrong");
		met = fault_run(WIRE_AUTH, n, SQLITE_FULL, &e);
		assert_true(stage.asked > 0);
		withdrawn += stage_count("SELECT count(*) FROM login_grant WHERE withdrawn = 0") == 0;
		if (!met)
			break;
	}
	fault.writes_only = false;
	assert_true(withdrawn > 3);
	assert_int_equal(e, ERR_SECRET_WRONG);
}

static void the_card_of_none_is_good(void **state)
{
	(void)state;
	assert_int_equal(grant_card_good(rules_store, -1), ERR_OK);
	assert_int_equal(grant_card_good(rules_store, taros.row.id), ERR_OK);
	assert_int_equal(grant_card_good(rules_store, 0), ERR_NOT_FOUND);
	assert_int_equal(grant_card_good(rules_store, 99), ERR_NOT_FOUND);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(grant_card_good(rules_store, taros.row.id), ERR_REVOKED);
	assert_int_equal(grant_card_good(rules_store, hanakos.row.id), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST_SECRETS(the_process_that_logged_in_has_it),
		STAGE_TEST_SECRETS(nobody_else_has_it),
		STAGE_TEST_SECRETS(the_two_sockets_do_not_meet),
		STAGE_TEST_SECRETS(it_lives_ten_minutes),
		STAGE_TEST_SECRETS(it_is_worth_what_card_and_person_are),
		STAGE_TEST_SECRETS(the_newest_counts),
		STAGE_TEST_SECRETS(asking_anew_withdraws_it),
		STAGE_TEST_SECRETS(without_a_clock_there_is_none),
		STAGE_TEST_SECRETS(a_fault_at_any_step_withdraws_it_or_asks_nobody),
		STAGE_TEST_SECRETS(a_full_disk_does_not_keep_it_from_being_withdrawn),
		STAGE_TEST(the_card_of_none_is_good),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
