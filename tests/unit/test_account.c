/* SPDX-License-Identifier: Apache-2.0 */
/* The account check without an authentication before it: one table of services, who asks, and whose name it is. */
#include "../../lib/auth/account.h"

#include "stage_session.h"

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

/* So many others of taro's. */
#define FILL(n) "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < " n ") " \
	"INSERT INTO event (at, type, result, person, detail) SELECT 1795000000, 'login', 'OK', 'taro', '{}' FROM n"

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
	assert_null(strstr(stage.log, "again"));
	/* Among the newest sixteen of that person. */
	stage_raw(FILL("15"));
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_non_null(strstr(stage.log, "again"));
	assert_null(strstr(stage.log, "could not be recorded"));
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 20);
	stage_raw(FILL("1"));
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 22);
	/* What a login left behind is another thing; so is what can't be read. */
	stage_raw("UPDATE event SET type = 'login'");
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 23);
	stage_raw("UPDATE event SET at = -5 WHERE seq = (SELECT max(seq) FROM event)");
	assert_int_equal(account("taro", "cron", 0), ERR_LOCKED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 24);
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

/* -- sudo that asks nothing -- */

static enum err sudo(const char *service, const char *user)
{
	session_runs(service, 1001, user);
	return stage_run(WIRE_ACCOUNT);
}

static void within_a_login_session_its_login_is_enough(void **state)
{
	struct event_row ev;

	(void)state;
	stage_policy(SESSION_POLICY);
	session_at_console(STAGE_PASSWORD);
	assert_int_equal(sudo("sudo", "taro"), ERR_OK);
	assert_int_equal(sudo("sudo-i", "taro"), ERR_OK);
	assert_int_equal(sudo("sudo", "alias"), ERR_OK);
	/* Nobody else's, and no other service's that nobody asked. */
	assert_int_equal(sudo("sudo", "hanako"), ERR_NO_GRANT);
	assert_int_equal(sudo("sudo", "jiro"), ERR_NOT_A_PERSON);
	assert_int_equal(sudo("sudo", "root"), ERR_NOT_A_PERSON);
	assert_int_equal(sudo("su", "taro"), ERR_NO_GRANT);
	assert_int_equal(sudo("su-l", "taro"), ERR_NO_GRANT);
	assert_int_equal(sudo("runuser", "taro"), ERR_NO_GRANT);
	assert_int_equal(sudo("runuser-l", "taro"), ERR_NO_GRANT);
	assert_int_equal(sudo("polkit-1", "taro"), ERR_NO_GRANT);
	assert_int_equal(sudo("sudo-l", "taro"), ERR_NO_GRANT);
	/* Where its class wants more than that login proved. */
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp\n" SESSION_DEFAULT);
	assert_int_equal(sudo("sudo", "taro"), ERR_NO_GRANT);
	assert_string_equal(stage_last_event(&ev), "account NO_GRANT");
	assert_string_equal(ev.origin, "uid:1001");
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_int_equal(sudo("sudo", "taro"), ERR_OK);
	/* From outside of it nothing of that counts. */
	assert_int_equal(account("taro", "sudo", 1001), ERR_NO_GRANT);
	assert_int_equal(account("taro", "sudo", 0), ERR_OK);
}

#define ALLOWED "SELECT count(*) FROM event WHERE type = 'account' AND result = 'OK'"

/* sudo -e, and one without our lines in its session, leave no other record. */
static void a_sudo_that_asks_nothing_is_on_record(void **state)
{
	struct auth_call c;
	struct event_row ev;

	(void)state;
	stage_policy(SESSION_POLICY);
	session_at_console(STAGE_PASSWORD);
	/* With an authentication before it, that is the record. */
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	assert_int_equal(account("taro", "systemd-user", 0), ERR_OK);
	assert_int_equal(stage_count(ALLOWED), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(sudo("sudo", "taro"), ERR_OK);
		assert_int_equal(strstr(stage.log, "account OK person=taro service=sudo origin=uid:1001 actor=1001") != NULL, i == 0);
	}
	assert_string_equal(stage_last_event(&ev), "account OK");
	assert_string_equal(ev.person, "taro");
	assert_string_equal(ev.service, "sudo");
	assert_int_equal(ev.actor, 1001);
	assert_int_equal(stage_count(ALLOWED), 1);
	assert_non_null(strstr(stage.log, "account allowed again: OK person=taro service=sudo"));
	stage_pass(600);
	assert_int_equal(sudo("sudo", "taro"), ERR_OK);
	assert_int_equal(stage_count(ALLOWED), 2);
	/* root's own asks nobody. */
	session_runs("sudo", 0, "taro");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	assert_int_equal(stage_count(ALLOWED), 2);
	/* Nothing passes that can't be written down. */
	stage_pass(600);
	session_runs("sudo", 1001, "taro");
	stage.request.op = WIRE_ACCOUNT;
	c = stage_call();
	rules_begin();
	assert_int_not_equal(auth_run(&c, &stage.result), ERR_OK);
	store_rollback(rules_store);
	assert_int_equal(stage.result.verdict, VERDICT_DENY);
	for (int recorded = 0; recorded < 2; recorded++) {
		stage.store_full = true;
		assert_int_equal(sudo("sudo", "taro"), ERR_STORE_FULL);
		stage.store_full = false;
		assert_int_equal(sudo("sudo", "taro"), ERR_OK);
	}
	stage.store_full = true;
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp session,password\nwhen-full = yes\n" SESSION_DEFAULT);
	assert_int_equal(sudo("sudo", "taro"), ERR_OK);
}

/* Between what was read first and the record: it is judged once more where it is written down. */
static void what_ends_before_it_is_recorded_counts(void **state)
{
	static const struct {
		const char *sql;
		enum err e;
	} rows[] = {
		{ "UPDATE card SET state = 'revoked', revoked_at = 1, reason = 'lost' WHERE id = 1", ERR_REVOKED },
		{ "UPDATE card SET state = 'suspended' WHERE id = 1", ERR_SUSPENDED },
		{ "UPDATE card SET not_after = 100 WHERE id = 1", ERR_EXPIRED },
		{ "UPDATE person SET state = 'locked' WHERE id = 1", ERR_LOCKED },
		{ "UPDATE person SET state = 'removed' WHERE id = 1", ERR_LOCKED },
		{ "UPDATE person SET uid = 1003 WHERE id = 1", ERR_LOCKED },
		{ "DELETE FROM person WHERE id = 1", ERR_NOT_A_PERSON },
		{ "UPDATE person SET state = 'what' WHERE id = 1", ERR_STORE_CORRUPT },
		{ "UPDATE session SET state = 'closed', closed_at = 5", ERR_NO_GRANT },
		{ "UPDATE login_grant SET withdrawn = 1", ERR_NO_GRANT },
	};
	char event[64];

	EACH(i, rows) {
		if (i > 0)
			assert_int_equal(stage_setup_secrets(state), 0);
		stage_policy(SESSION_POLICY);
		session_at_console(STAGE_PASSWORD);
		fault.on_begin = rows[i].sql;
		assert_int_equal(sudo("sudo", "taro"), rows[i].e);
		assert_null(fault.on_begin);
		snprintf(event, sizeof(event), "account %s", err_name(rows[i].e));
		assert_string_equal(stage_last_event(NULL), event);
		assert_int_equal(stage_count(ALLOWED), 0);
		assert_null(strstr(stage.log, "account OK"));
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
}

/* Space ends at any write: by the reserve a marked class goes on, in the same call. */
static void a_sudo_that_asks_nothing_goes_on_by_the_reserve(void **state)
{
	enum err e;
	bool met = true;

	(void)state;
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp session,password\nwhen-full = yes\n" SESSION_DEFAULT);
	session_at_console(STAGE_PASSWORD);
	fault.writes_only = true;
	for (int n = 1; met; n++) {
		session_runs("sudo", 1001, "taro");
		met = fault_run(WIRE_ACCOUNT, n, SQLITE_FULL, &e);
		assert_int_equal(e, ERR_OK);
		assert_int_equal(store_reserve_used(rules_store), met);
		assert_int_equal(stage_count(ALLOWED), n);
		assert_int_equal(store_reserve_make(rules_store), ERR_OK);
		stage_pass(600);
		assert_true(n < 20);
	}
	/* Other classes leave it to them. */
	stage_policy(SESSION_POLICY);
	met = true;
	for (int n = 1; met; n++) {
		int64_t before = stage_count(ALLOWED);

		session_runs("sudo", 1001, "taro");
		met = fault_run(WIRE_ACCOUNT, n, SQLITE_FULL, &e);
		assert_int_equal(e, met ? ERR_STORE_FULL : ERR_OK);
		assert_int_equal(stage_count(ALLOWED) - before, !met);
		assert_int_equal(store_reserve_make(rules_store), ERR_OK);
		stage_pass(600);
	}
	fault.writes_only = false;
}

static void what_is_told_of_it_falls_with_its_card(void **state)
{
	struct auth_call c;
	struct who w;
	int64_t card = 7;

	(void)state;
	stage_policy(SESSION_POLICY);
	session_over_ssh(STAGE_PASSWORD);
	session_runs("sudo", 1001, "taro");
	c = stage_call();
	assert_int_equal(who_find(&c, &w), ERR_OK);
	assert_int_equal(account_without_grant(&c, &w, &card), ERR_OK);
	assert_int_equal(card, taros.row.id);
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp\n" SESSION_DEFAULT);
	c = stage_call();
	assert_int_equal(who_find(&c, &w), ERR_OK);
	assert_int_equal(account_without_grant(&c, &w, &card), ERR_NO_GRANT);
	assert_int_equal(card, -1);
	stage_policy(SESSION_POLICY);
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(sudo("sudo", "taro"), ERR_SUSPENDED);
	assert_string_equal(stage_last_event(NULL), "account SUSPENDED");
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(sudo("sudo", "taro"), ERR_REVOKED);
	/* From root nobody is asked about cards. */
	session_runs("sudo", 0, "taro");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
}

/* A ticket or NOPASSWD asks for nothing: the account does. */
static void A5_sudo_of_a_locked_person_is_refused(void **state)
{
	(void)state;
	stage_policy(SESSION_POLICY);
	session_at_console(STAGE_PASSWORD);
	assert_int_equal(sudo("sudo", "taro"), ERR_OK);
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(sudo("sudo", "taro"), ERR_LOCKED);
	assert_int_equal(sudo("sudo-i", "taro"), ERR_LOCKED);
	assert_string_equal(stage_last_event(NULL), "account LOCKED");
	stage_set_state(taro, PERSON_ACTIVE);
	assert_int_equal(sudo("sudo", "taro"), ERR_OK);
	stage_raw("UPDATE session SET state = 'closed', closed_at = 5");
	assert_int_equal(sudo("sudo", "taro"), ERR_NO_GRANT);
}

/* Whoever authenticated, the one who is named is judged, by what is his own. */
static void A9_account_of_another_than_who_authenticated(void **state)
{
	(void)state;
	stage_policy(SESSION_POLICY);
	session_at_console(STAGE_PASSWORD);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	stage_request(user, "root");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NOT_A_PERSON);
	stage_request(user, "taro");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	/* What he proved for himself is no login of whom su makes of him. */
	session_runs("su", 1001, "hanako");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
}

/* -- [machine] -- */

#define MACHINES "[machine]\njiro = sshd cron\nfirst = sudo\ntaro = sshd login\nmachine = sshd\nnobody-at-all = sshd\n"

static void accounts_that_are_listed_have_their_services(void **state)
{
	(void)state;
	stage_policy(MACHINES STAGE_POLICY);
	for (int64_t ruid = 0; ruid <= 1001; ruid += 1001) {
		assert_int_equal(account("jiro", "sshd", ruid), ERR_OK);
		assert_int_equal(account("jiro", "cron", ruid), ERR_OK);
		assert_int_equal(account("jiro", "systemd-user", ruid), ERR_OK);
		assert_int_equal(account("jiro", "crond", ruid), ERR_NOT_A_PERSON);
		assert_int_equal(account("jiro", "login", ruid), ERR_NOT_A_PERSON);
		assert_int_equal(account("jiro", "su", ruid), ERR_NOT_A_PERSON);
		assert_int_equal(account("jiro", "", ruid), ERR_NOT_A_PERSON);
		assert_int_equal(account("first", "sudo", ruid), ERR_OK);
		assert_int_equal(account("first", "sudo-i", ruid), ERR_NOT_A_PERSON);
		assert_int_equal(account("first", "sshd", ruid), ERR_NOT_A_PERSON);
		/* A system's account has what is listed beside what it has anyway. */
		assert_int_equal(account("machine", "sshd", ruid), ERR_OK);
		assert_int_equal(account("machine", "cron", ruid), ERR_OK);
		assert_int_equal(account("machine", "login", ruid), ERR_NOT_A_PERSON);
		/* A name that no account has. */
		assert_int_equal(account("nobody-at-all", "sshd", ruid), ERR_NOT_A_PERSON);
		/* A person is one, whatever stands there. */
		assert_int_equal(account("taro", "sshd", ruid), ERR_NO_GRANT);
		assert_int_equal(account("taro", "login", ruid), ERR_NO_GRANT);
	}
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(account("taro", "sshd", 0), ERR_LOCKED);
	/* Since he is none any more, what is listed is his. */
	stage_set_state(taro, PERSON_REMOVED);
	assert_int_equal(account("taro", "sshd", 0), ERR_OK);
	assert_int_equal(account("alias", "sshd", 0), ERR_NOT_A_PERSON);
	host.vanished = "jiro";
	assert_int_equal(account("jiro", "sshd", 0), ERR_NOT_A_PERSON);
	host.vanished = NULL;
	host.account_rc = EIO;
	assert_int_equal(account("jiro", "sshd", 0), ERR_UNAVAILABLE);
}

/* They never authenticate. */
static void accounts_that_are_listed_have_no_way_to_log_in(void **state)
{
	(void)state;
	stage_policy("[machine]\njiro = login sshd su\n" STAGE_CHEAP "[default]\nfactors = password,totp\nattempts = 3\n");
	stage_at_console("jiro");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
}

/* A name that the system writes in another way is looked for as it writes it. */
static void the_systems_own_name_is_listed(void **state)
{
	(void)state;
	stage_policy("[machine]\ngit.city = sshd\njiro = cron\n" STAGE_POLICY);
	host.canonical = "git.city";
	assert_int_equal(account("jiro", "sshd", 0), ERR_OK);
	assert_int_equal(account("jiro", "cron", 0), ERR_NOT_A_PERSON);
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
		STAGE_TEST_SECRETS(within_a_login_session_its_login_is_enough),
		STAGE_TEST_SECRETS(what_is_told_of_it_falls_with_its_card),
		STAGE_TEST_SECRETS(a_sudo_that_asks_nothing_is_on_record),
		STAGE_TEST_SECRETS(what_ends_before_it_is_recorded_counts),
		STAGE_TEST_SECRETS(a_sudo_that_asks_nothing_goes_on_by_the_reserve),
		STAGE_TEST_SECRETS(A5_sudo_of_a_locked_person_is_refused),
		STAGE_TEST_SECRETS(A9_account_of_another_than_who_authenticated),
		STAGE_TEST(accounts_that_are_listed_have_their_services),
		STAGE_TEST_SECRETS(accounts_that_are_listed_have_no_way_to_log_in),
		STAGE_TEST(the_systems_own_name_is_listed),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
