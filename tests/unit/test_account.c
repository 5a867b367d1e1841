/* SPDX-License-Identifier: Apache-2.0 */
/* The account check without an authentication before it: one table of services, who asks, and whose name it is. */
#include "../../lib/auth/account.h"

#include "stage_fault.h"

#define BATCH STAGE_POLICY "batch = yes\n"

static enum err account(const char *user, const char *service, int64_t ruid)
{
	stage_at_console(user);
	stage_request(service, service);
	stage.peer.ruid = ruid;
	return stage_run(WIRE_ACCOUNT);
}

static const char *const batch[] = { "cron", "crond", "atd" };
static const char *const from_root[] = { "su", "su-l", "runuser", "runuser-l", "sudo", "sudo-i" };
static const char *const others[] = {
	"login", "sshd", "gdm-password", "polkit-1", "swaylock", "other", "", "CRON", "cron2", "cro", "su-", "sudo-l",
};

#define EACH(i, list) for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)

static void a_person_without_login_is_refused_where_one_is_due(void **state)
{
	(void)state;
	stage_policy(BATCH);
	EACH(i, others) {
		struct event_row ev;

		assert_int_equal(account("taro", others[i], 0), ERR_NO_GRANT);
		assert_string_equal(stage_last_event(&ev), "account NO_GRANT");
		assert_string_equal(ev.person, "taro");
		assert_string_equal(ev.service, others[i]);
		assert_string_equal(ev.origin, ev.origin[0] == 'l' ? "local" : "remote");
	}
}

static void jobs_run_where_the_class_says_so(void **state)
{
	(void)state;
	EACH(i, batch)
		assert_int_equal(account("taro", batch[i], 0), ERR_NO_GRANT);
	stage_policy(BATCH);
	EACH(i, batch)
		assert_int_equal(account("taro", batch[i], 0), ERR_OK);
	/* By the class of this service. */
	stage_policy(STAGE_CHEAP "[class jobs]\nservice = cron\nfactors = password,totp\nbatch = yes\n[default]\nfactors = card,totp\n");
	assert_int_equal(account("taro", "cron", 0), ERR_OK);
	assert_int_equal(account("taro", "atd", 0), ERR_NO_GRANT);
}

static void su_is_for_who_is_root_already(void **state)
{
	(void)state;
	EACH(i, from_root) {
		assert_int_equal(account("taro", from_root[i], 0), ERR_OK);
		assert_int_equal(account("taro", from_root[i], 1), ERR_NO_GRANT);
		assert_int_equal(account("taro", from_root[i], 1001), ERR_NO_GRANT);
		assert_int_equal(account("taro", from_root[i], -1), ERR_NO_GRANT);
	}
	assert_int_equal(account("taro", "systemd-user", 0), ERR_OK);
	assert_int_equal(account("taro", "systemd-user", 1001), ERR_OK);
}

static void A5_a_locked_person_passes_nowhere(void **state)
{
	(void)state;
	stage_policy(BATCH);
	stage_set_state(taro, PERSON_LOCKED);
	EACH(i, batch)
		assert_int_equal(account("taro", batch[i], 0), ERR_LOCKED);
	EACH(i, from_root)
		assert_int_equal(account("taro", from_root[i], 0), ERR_LOCKED);
	EACH(i, others)
		assert_int_equal(account("taro", others[i], 0), ERR_LOCKED);
	assert_int_equal(account("taro", "systemd-user", 0), ERR_LOCKED);
	assert_string_equal(stage_last_event(NULL), "account LOCKED");
	assert_int_equal(account("alias", "systemd-user", 0), ERR_LOCKED);
	assert_int_equal(account("hanako", "systemd-user", 0), ERR_OK);
	/* A removed one is nobody, and his uid none of the system's. */
	stage_set_state(taro, PERSON_REMOVED);
	assert_int_equal(account("taro", "systemd-user", 0), ERR_NOT_A_PERSON);
}

/* Asked by itself, as the session's lines do, the table knows the state too. */
static void the_table_knows_the_state(void **state)
{
	struct auth_call c = stage_call();
	struct who w;
	int64_t card = 7;

	(void)state;
	stage_request(service, "systemd-user");
	assert_int_equal(who_find(&c, &w), ERR_OK);
	assert_int_equal(account_without_grant(&c, &w, &card), ERR_OK);
	assert_int_equal(card, -1);
	w.person.state = PERSON_LOCKED;
	assert_int_equal(account_without_grant(&c, &w, &card), ERR_LOCKED);
	w.person.state = (enum person_state)0;
	assert_int_equal(account_without_grant(&c, &w, &card), ERR_LOCKED);
}

/* "Locked" is an administrator's word: a full bucket stops no job. */
static void a_full_bucket_stops_no_job(void **state)
{
	struct bucket_row b = { .person = taro, .origin = "local", .failed = 9 };

	(void)state;
	stage_policy(BATCH);
	assert_int_equal(clock_now(&b.last), ERR_OK);
	rules_begin();
	assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	rules_commit();
	assert_int_equal(account("taro", "cron", 0), ERR_OK);
	assert_int_equal(account("taro", "systemd-user", 0), ERR_OK);
	assert_int_equal(stage_failed(taro, "local"), 9);
}

static void the_machines_own_accounts_have_their_services(void **state)
{
	static const char *const own[] = { "root", "machine" }, *const none[] = { "first", "jiro", "nobody-at-all", "" };

	(void)state;
	EACH(i, own) {
		EACH(j, batch)
			assert_int_equal(account(own[i], batch[j], 1001), ERR_OK);
		EACH(j, from_root) {
			assert_int_equal(account(own[i], from_root[j], 0), ERR_OK);
			assert_int_equal(account(own[i], from_root[j], 1001), ERR_NOT_A_PERSON);
		}
		EACH(j, others)
			assert_int_equal(account(own[i], others[j], 0), ERR_NOT_A_PERSON);
		assert_int_equal(account(own[i], "systemd-user", 0), ERR_OK);
	}
	EACH(i, none) {
		EACH(j, batch)
			assert_int_equal(account(none[i], batch[j], 0), ERR_NOT_A_PERSON);
		EACH(j, from_root)
			assert_int_equal(account(none[i], from_root[j], 0), ERR_NOT_A_PERSON);
		assert_int_equal(account(none[i], "systemd-user", 0), ERR_NOT_A_PERSON);
	}
	host.vanished = "root";
	assert_int_equal(account("root", "cron", 0), ERR_NOT_A_PERSON);
	host.vanished = NULL;
	host.account_rc = EIO;
	assert_int_equal(account("root", "cron", 0), ERR_UNAVAILABLE);
	assert_int_equal(account("taro", "systemd-user", 0), ERR_UNAVAILABLE);
	/* Names that are no persons are on no record. */
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
	/* root as a registered person is one. */
	host.account_rc = 0;
	(void)rules_person("root", 0);
	assert_int_equal(account("root", "cron", 0), ERR_NO_GRANT);
	assert_int_equal(account("root", "su", 0), ERR_OK);
}

/* What [machine] says of an account, exactly, whatever its uid; who is registered is a person all the same. */
static void accounts_of_the_configuration_have_their_services(void **state)
{
	(void)state;
	stage_policy(STAGE_POLICY);
	assert_int_equal(account("first", "sshd", 0), ERR_NOT_A_PERSON);
	stage_policy(STAGE_CHEAP "[machine]\nfirst = sshd cron\nmachine = sudo\ntaro = sshd\n[default]\nfactors = card,totp\n");
	assert_int_equal(account("first", "sshd", 0), ERR_OK);
	assert_int_equal(account("first", "cron", 0), ERR_OK);
	/* A job's or a login's own manager. */
	assert_int_equal(account("first", "systemd-user", 0), ERR_OK);
	assert_int_equal(account("first", "atd", 0), ERR_NOT_A_PERSON);
	assert_int_equal(account("first", "su", 0), ERR_NOT_A_PERSON);
	assert_int_equal(account("first", "ssh", 0), ERR_NOT_A_PERSON);
	assert_int_equal(account("jiro", "sshd", 0), ERR_NOT_A_PERSON);
	/* Beside what every system account may; others' sudo is not theirs. */
	assert_int_equal(account("machine", "sudo", 999), ERR_OK);
	assert_int_equal(account("machine", "cron", 0), ERR_OK);
	assert_int_equal(account("machine", "sudo-i", 999), ERR_NOT_A_PERSON);
	assert_int_equal(account("taro", "sshd", 0), ERR_NO_GRANT);
	host.vanished = "first";
	assert_int_equal(account("first", "sshd", 0), ERR_NOT_A_PERSON);
}

static void others_than_root_ask_about_themselves_only(void **state)
{
	(void)state;
	stage_as_user("taro", 1001);
	stage_request(service, "systemd-user");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	stage_as_user("taro", 1002);
	stage_request(service, "systemd-user");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_UNAVAILABLE);
	stage_as_user("machine", 1002);
	stage_request(service, "systemd-user");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_UNAVAILABLE);
	stage_as_user("nobody-at-all", -1);
	stage_request(service, "systemd-user");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_UNAVAILABLE);
	/* What he may ask without end is kept nowhere. */
	stage_as_user("taro", 1001);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
}

/* With an authentication before it: its grant, its card and its person decide, whatever the service. */
static void a_login_is_redeemed(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'account'"), 0);
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_SUSPENDED);
	assert_string_equal(stage_last_event(NULL), "account SUSPENDED");
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_REVOKED);
}

/* Where a service of the table has its own login, a bad card is not passed over. */
static void a_revoked_card_is_not_passed_over(void **state)
{
	(void)state;
	stage_local_session();
	stage_request(service, "su");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_REVOKED);
	stage.peer.pid++;
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
}

/* Jobs, sudo without a password and keys without a card ask as often as somebody likes: said once in ten minutes, each kind of it. */
static void refusals_without_end_fill_no_log(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(account("taro", "cron", 0), ERR_NO_GRANT);
		assert_int_equal(account("taro", "sudo", 1001), ERR_NO_GRANT);
		assert_int_equal(account("hanako", "cron", 0), ERR_NO_GRANT);
	}
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 3);
	assert_non_null(strstr(stage.log, "account refused again: NO_GRANT person=hanako service=cron origin=remote address=\"\"\n"));
	stage_set_state(taro, PERSON_LOCKED);
	for (int i = 0; i < 5; i++)
		assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 4);
	stage_pass(599);
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 4);
	stage_pass(1);
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 5);
	/* What a login left behind is another thing. */
	stage_raw("UPDATE event SET type = 'login'");
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 6);
}

static void a_refusal_that_cannot_be_recorded_is_one(void **state)
{
	struct auth_call c;

	(void)state;
	stage_reset_call();
	stage.request.op = WIRE_ACCOUNT;
	c = stage_call();
	rules_begin();
	assert_int_equal(auth_run(&c, &stage.result), ERR_NO_GRANT);
	store_rollback(rules_store);
	assert_int_equal(stage.result.verdict, VERDICT_DENY);
	assert_non_null(strstr(stage.log, "STORE: an account refusal could not be recorded"));
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	assert_null(strstr(stage.log, "could not be recorded"));
}

/* Jobs and sudo of others ask without end: on a full disk they use up nothing. */
static void a_full_store_keeps_no_refusals_of_other_classes(void **state)
{
	(void)state;
	stage_reset_call();
	stage.store_full = true;
	for (int i = 0; i < 3; i++)
		assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'account'"), 0);
	stage_policy(STAGE_POLICY "when-full = yes\n");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'account'"), 1);
}

static void a_store_that_fails_refuses(void **state)
{
	(void)state;
	stage_policy(BATCH);
	stage_raw("UPDATE person SET state = 'what' WHERE id = 1");
	assert_int_equal(account("taro", "cron", 0), ERR_STORE_CORRUPT);
}

/* Whatever step fails: no service is let through without its row having been read. */
static void a_fault_at_any_step_refuses(void **state)
{
	enum err e;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	for (size_t i = 0; i < FAULT_N_CODES; i++) {
		int n = 1;

		for (; fault_run(WIRE_ACCOUNT, n, fault_codes[i], &e); n++)
			assert_true(e >= ERR_UNAVAILABLE);
		assert_int_equal(e, ERR_OK);
		assert_true(n > 3);
		/* Without a login: the refusal stands. */
		stage.peer.pid++;
		for (n = 1; fault_run(WIRE_ACCOUNT, n, fault_codes[i], &e); n++)
			assert_int_not_equal(e, ERR_OK);
		assert_int_equal(e, ERR_NO_GRANT);
		stage.peer.pid--;
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST(a_person_without_login_is_refused_where_one_is_due),
		STAGE_TEST(jobs_run_where_the_class_says_so),
		STAGE_TEST(su_is_for_who_is_root_already),
		STAGE_TEST(A5_a_locked_person_passes_nowhere),
		STAGE_TEST(the_table_knows_the_state),
		STAGE_TEST(a_full_bucket_stops_no_job),
		STAGE_TEST(the_machines_own_accounts_have_their_services),
		STAGE_TEST(accounts_of_the_configuration_have_their_services),
		STAGE_TEST(others_than_root_ask_about_themselves_only),
		STAGE_TEST_SECRETS(a_login_is_redeemed),
		STAGE_TEST_SECRETS(a_revoked_card_is_not_passed_over),
		STAGE_TEST(refusals_without_end_fill_no_log),
		STAGE_TEST(a_refusal_that_cannot_be_recorded_is_one),
		STAGE_TEST(a_full_store_keeps_no_refusals_of_other_classes),
		STAGE_TEST(a_store_that_fails_refuses),
		STAGE_TEST_SECRETS(a_fault_at_any_step_refuses),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
