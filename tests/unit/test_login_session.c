/* SPDX-License-Identifier: Apache-2.0 */
/* sudo and su within a login session: what its login proved is not asked again, and everything else is as strict as ever. */
#include "stage_session.h"

#define ONLY_SESSION STAGE_CHEAP SESSION_SWITCH "factors = session,totp session,password\n" SESSION_DEFAULT
#define POSSESSION SESSION_POLICY "ssh-card = possession\n"
#define CALLER STAGE_CHEAP SESSION_SWITCH "factors = session,totp session,password card,totp\nsu = caller\n" SESSION_DEFAULT
#define REVOKE "UPDATE card SET state = 'revoked', revoked_at = 1, reason = 'lost' WHERE id = 1"
#define CLOSE "UPDATE session SET state = 'closed', closed_at = 5 WHERE id = 1"
#define WRONG "not the password"

static int setup(void **state)
{
	int rc = stage_setup_secrets(state);

	stage_policy(SESSION_POLICY);
	host.boot_s = 86400;
	return rc;
}

#define SESSION_TEST(function) cmocka_unit_test_setup_teardown(function, setup, stage_teardown)

static void at_console(void)
{
	session_at_console(STAGE_PASSWORD);
	session_runs("sudo", 1001, "taro");
}

static void over_ssh(const char *secret)
{
	session_over_ssh(secret);
	session_runs("sudo", 1001, "taro");
}

static int64_t events(const char *result)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM event WHERE type = 'login' AND result = '%s'", result);
	return stage_count(sql);
}

/* -- what is asked -- */

static void only_code_or_password_is_asked(void **state)
{
	(void)state;
	at_console();
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_EITHER);
	assert_int_equal(stage.exchanges, 0);
	assert_int_equal(taros.signatures, 1);
	session_runs("sudo-i", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_NEXT_EITHER);
	assert_int_equal(stage.exchanges, 0);
}

/* The first of the list asks for a card; who is within the session is not looked for one. */
static void wherever_it_stands_in_the_list(void **state)
{
	(void)state;
	at_console();
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = card,totp session,totp card,password\n" SESSION_DEFAULT);
	stage.cards[0] = &taros;
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_CODE);
	assert_int_equal(stage.exchanges, 0);
}

static void over_ssh_too(void **state)
{
	(void)state;
	over_ssh(stage_code());
	stage_pass(60);
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_EITHER);
	/* The reader is the server's. */
	assert_int_equal(stage.exchanges, 0);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_NEXT_EITHER TELL(SECRET_WRONG));
}

static void the_grant_and_the_record(void **state)
{
	struct event_row ev;
	char sql[512];

	(void)state;
	at_console();
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.person, "taro");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_int_equal(ev.actor, 1001);
	assert_string_equal(ev.service, "sudo");
	assert_string_equal(ev.origin, "uid:1001");
	assert_string_equal(ev.detail, "{\"class\":\"switch\",\"factors\":\"session,totp\"}");
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM login_grant WHERE id = 2 AND person = %lld AND card = %lld AND "
		 "factors = 'session,totp' AND class = 'switch' AND service = 'sudo' AND origin = 'uid:1001' AND uid = 1001 AND "
		 "audit_session = 12 AND logind_session = '12' AND host_pid = %lld AND through_root = 1 AND withdrawn = 0",
		 (long long)taro, (long long)taros.row.id, (long long)stage.peer.pid);
	assert_int_equal(stage_count(sql), 1);
	/* The card was not used by it. */
	stage_raw("UPDATE card SET last_used_at = 5");
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_count("SELECT last_used_at FROM card WHERE id = 1"), 5);
	/* It falls with the card of the login. */
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_REVOKED);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_REVOKED);
}

static void a_login_without_card_leaves_none_here(void **state)
{
	struct event_row ev;

	(void)state;
	at_console();
	stage_raw("UPDATE session SET card = NULL; UPDATE login_grant SET card = NULL, factors = 'password,totp'");
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.card, "");
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE id = 2 AND card IS NULL AND factors = 'session,totp'"), 1);
}

/* Not of whom su names: what the caller's login proved, and the record names both. */
static void su_of_who_is_asked_himself(void **state)
{
	struct event_row ev;

	(void)state;
	stage_policy(CALLER);
	at_console();
	session_runs("su", 1001, "hanako");
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_EITHER);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.person, "taro");
	assert_string_equal(ev.detail, "{\"class\":\"switch\",\"factors\":\"session,totp\",\"target\":\"hanako\"}");
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE id = 2 AND person = 1 AND service = 'su'"), 1);
	/* Whom nobody knows, too: it is the caller who is asked. */
	session_runs("su-l", 1001, "root");
	assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	assert_string_equal(stage_last_event(&ev), "login SECRET_WRONG");
	assert_string_equal(ev.detail, "{\"class\":\"switch\",\"target\":\"root\",\"wrong\":\"password\"}");
	assert_int_equal(stage_failed(taro, "uid:1001"), 1);
	assert_int_equal(stage_failed(hanako, "uid:1001"), 0);
}

/* A name that the system writes otherwise is nobody else's. */
static void a_name_written_otherwise_is_no_target(void **state)
{
	struct event_row ev;

	(void)state;
	at_console();
	host.canonical = "taro@city.example";
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.detail, "{\"class\":\"switch\",\"factors\":\"session,totp\"}");
	stage_policy(CALLER);
	session_runs("su", 1001, "hanako");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_non_null(strstr(ev.detail, "\"target\":\"hanako\""));
}

/* Of su where the class asks the other: hanako's factors, whoever's session it is. */
static void su_of_whom_it_names_asks_for_everything(void **state)
{
	(void)state;
	stage_password(hanako, "hanako's own");
	at_console();
	session_runs("su", 1001, "hanako");
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PIN, "hanako's own"), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER);
	/* From the shell of another within it, the session's own person too. */
	session_runs("su", 1002, "taro");
	stage.cards[0] = &taros;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER);
}

/* Beside a password only the length of the person's own app is a code's: who is within the session is known. */
static void the_persons_own_digits_count(void **state)
{
	(void)state;
	at_console();
	stage_raw("DELETE FROM totp");
	stage_app(taro, 8);
	assert_int_equal(stage_login(stage_code_of(8, 0)), ERR_OK);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(stage_code_of(8, 0)), ERR_CODE_REPLAYED);
	assert_string_equal(stage.shown, PROMPT_NEXT_EITHER TELL(CODE_REPLAYED));
}

/* A locker or polkit's agent that runs as its user: its own counting, and a grant that no root host redeems. */
static void through_the_users_own_socket(void **state)
{
	(void)state;
	at_console();
	stage_policy(STAGE_CHEAP "[class lock]\nservice = swaylock\nfactors = session,password\nattempts = 3\n" SESSION_DEFAULT);
	session_runs("swaylock", 1001, "taro");
	stage.peer.root_socket = false;
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE id = 2 AND through_root = 0"), 1);
	stage_request(user, "hanako");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_UNAVAILABLE);
	assert_int_equal(stage.asked, 0);
}

/* -- who counts for what -- */

static void a_card_over_ssh_may_be_possession_alone(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp session,password\nssh-card = possession\n"
		     "[default]\nfactors = card,totp card,password\n");
	over_ssh(stage_code());
	/* A code is what one has, once more. */
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD);
	stage_pass(60);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(stage_code()), ERR_SECRET_WRONG);
	/* Where the PIN is counted, either will do. */
	stage_policy(SESSION_POLICY);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	/* With a password the login has both kinds by itself. */
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp\nssh-card = possession\n[default]\nfactors = card,totp card,password\n");
	stage_raw("UPDATE login_grant SET factors = 'ssh-card,password' WHERE id = 1");
	stage_pass(60);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_CODE);
}

/* Nothing is joined by a session of the same kind: the card is looked for as by anybody. */
static void where_it_joins_nothing_another_card_may_be_asked_for(void **state)
{
	struct event_row ev;

	(void)state;
	at_console();
	stage_raw("UPDATE session SET card = NULL; UPDATE login_grant SET card = 2, factors = 'card-nopin' WHERE id = 1");
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp card,totp\n" SESSION_DEFAULT);
	stage.cards[0] = &taros;
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_CODE);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_int_equal(stage_count("SELECT card FROM login_grant WHERE id = 2"), taros.row.id);
	/* Nor does a refusal name what was not counted. */
	session_runs("sudo", 1001, "taro");
	stage.cards[0] = NULL;
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp password,totp\n" SESSION_DEFAULT);
	assert_int_equal(stage_login(WRONG, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	assert_string_equal(stage_last_event(&ev), "login OK");
	/* Nor a grant. */
	stage_pass(60);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE id = 3 AND card IS NULL AND factors = 'password,totp'"), 1);
}

/* A class may want it before the card: that one is asked for, and must be good. */
static void a_card_beside_the_session(void **state)
{
	struct stage_card second = stage_new_card(1, 0x55);
	struct event_row ev;

	(void)state;
	stage_enrol(&second, taro);
	at_console();
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = card,session\n" SESSION_DEFAULT);
	stage.cards[0] = &second;
	assert_int_equal(stage_login(STAGE_PIN), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.card, second.row.card_id.text);
	assert_int_equal(stage_count("SELECT card FROM login_grant WHERE id = 2"), second.row.id);
	session_runs("sudo", 1001, "taro");
	stage.cards[0] = &hanakos;
	assert_int_not_equal(stage_login(STAGE_PIN, STAGE_PIN), ERR_OK);
}

/* -- who has none -- */

/* At the console the card is asked for then. */
static void without_it_the_card_is_asked_for(void **state)
{
	static const char *const sql[] = {
		CLOSE, "UPDATE session SET state = 'pending'", "UPDATE session SET login_grant = NULL", "UPDATE session SET person = 2",
		"UPDATE session SET service = 'gdm-password'", "UPDATE session SET logind_session = '13'", "DELETE FROM session",
		"UPDATE login_grant SET person = 2", "UPDATE login_grant SET withdrawn = 1",
		"UPDATE login_grant SET boot_ms = boot_ms - 36000000",
		/* Another card of his own, lost since. */
		"UPDATE card SET person = 1 WHERE id = 2; UPDATE login_grant SET card = 2; "
		"UPDATE card SET state = 'suspended' WHERE id = 2",
	};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		at_console();
		stage_raw(sql[i]);
		stage.cards[0] = &taros;
		assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
		assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER);
		assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE factors = 'card,totp'"), 1);
		if (i + 1 < sizeof(sql) / sizeof(sql[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
}

/* Over ssh there is no other way: the same prompt as for anybody, and a refusal. */
static void over_ssh_nobody_is_let_in_without_it(void **state)
{
	static const char *const sql[] = {
		CLOSE, REVOKE, "UPDATE card SET state = 'suspended' WHERE id = 1", "UPDATE card SET not_after = 100 WHERE id = 1",
		"UPDATE person SET state = 'locked' WHERE id = 1", "UPDATE person SET state = 'removed' WHERE id = 1",
		"UPDATE login_grant SET withdrawn = 1", "DELETE FROM session",
	};
	char face[sizeof(stage.shown)];

	(void)state;
	over_ssh(STAGE_PASSWORD);
	session_runs("sudo", 1003, "jiro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
	strcpy(face, stage.shown);
	assert_string_equal(face, PROMPT_EITHER TELL_REFUSED);
	assert_int_equal(stage_teardown(state), 0);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		if (i > 0)
			assert_int_equal(stage_teardown(state), 0);
		assert_int_equal(setup(state), 0);
		over_ssh(STAGE_PASSWORD);
		stage_raw(sql[i]);
		assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
		assert_string_equal(stage.shown, face);
		assert_int_equal(stage.exchanges, 0);
		assert_int_equal(stage.hashed, 1);
		assert_int_equal(stage_failed(taro, "uid:1001"), 0);
		assert_int_equal(stage_grants(), 1);
	}
}

/* Rows that nobody of ours wrote are no absence. */
static void a_row_out_of_order_asks_nobody(void **state)
{
	(void)state;
	at_console();
	stage_raw("UPDATE login_grant SET factors = 'what'");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_STORE_CORRUPT);
	assert_int_equal(stage.asked, 0);
	stage_raw("UPDATE login_grant SET factors = 'card,password'; DELETE FROM card WHERE id = 1");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_NOT_FOUND);
	assert_int_equal(stage.asked, 0);
	/* A class that asks for no session does not care. */
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = password,totp\n" SESSION_DEFAULT);
	stage_raw("UPDATE login_grant SET factors = 'what'");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
}

/* Of a class that has no other way nobody outside is asked anything, whoever he is. */
static void a_class_of_sessions_alone_has_one_face(void **state)
{
	static const char *const names[] = { "taro", "hanako", "jiro", "root", "nobody-at-all", "" };

	(void)state;
	stage_policy(ONLY_SESSION);
	stage_at_console("taro");
	stage_request(service, "su");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		stage_request(user, names[i]);
		assert_int_equal(stage_login(STAGE_PASSWORD), ERR_DENIED);
		assert_string_equal(stage.shown, TELL_REFUSED);
		assert_int_equal(stage.hashed, 0);
		assert_int_equal(stage.exchanges, 0);
	}
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM bucket"), 0);
	/* Within one there is one. */
	at_console();
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
}

/* -- while it lasts -- */

static const char *changed_sql;

static void change_now(void)
{
	fault_apart(changed_sql);
}

static void end_session(void)
{
	host.session_ends = true;
}

static void wait_long(void)
{
	host.boot_s += 36000;
}

static void A78_changes_between_prompt_and_verdict(void **state)
{
	static const struct {
		const char *sql;
		void (*change)(void);
		enum err e;
		const char *told, *event;
	} rows[] = {
		{ REVOKE, change_now, ERR_REVOKED, TELL(REVOKED), "login REVOKED" },
		{ "UPDATE card SET state = 'suspended' WHERE id = 1", change_now, ERR_SUSPENDED, TELL(SUSPENDED), "login SUSPENDED" },
		{ "UPDATE card SET not_after = 100 WHERE id = 1", change_now, ERR_EXPIRED, TELL(EXPIRED), "login EXPIRED" },
		{ CLOSE, change_now, ERR_NO_GRANT, TELL_REFUSED, "login NO_GRANT" },
		{ "UPDATE login_grant SET withdrawn = 1 WHERE id = 1", change_now, ERR_NO_GRANT, TELL_REFUSED, "login NO_GRANT" },
		{ "UPDATE login_grant SET person = 2 WHERE id = 1", change_now, ERR_NO_GRANT, TELL_REFUSED, "login NO_GRANT" },
		/* Another login in its place, and the same login with another card. */
		{ "UPDATE session SET login_grant = 9 WHERE id = 1", change_now, ERR_NO_GRANT, TELL_REFUSED, "login NO_GRANT" },
		{ "UPDATE login_grant SET card = 2 WHERE id = 1", change_now, ERR_NO_GRANT, TELL_REFUSED, "login NO_GRANT" },
		{ "UPDATE login_grant SET factors = 'what' WHERE id = 1", change_now, ERR_STORE_CORRUPT, TELL_REFUSED, "login STORE_CORRUPT" },
		{ "DELETE FROM card WHERE id = 1", change_now, ERR_NOT_FOUND, TELL_REFUSED, NULL },
		{ "UPDATE person SET state = 'locked' WHERE id = 1", change_now, ERR_LOCKED, TELL(LOCKED), "login LOCKED" },
		{ "UPDATE person SET state = 'removed' WHERE id = 1", change_now, ERR_LOCKED, TELL(LOCKED), "login LOCKED" },
		{ "UPDATE person SET uid = 1003 WHERE id = 1", change_now, ERR_LOCKED, TELL(LOCKED), "login LOCKED" },
		{ "", end_session, ERR_NO_GRANT, TELL_REFUSED, "login NO_GRANT" },
		{ "", wait_long, ERR_TIMEOUT, TELL(TIMEOUT), NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event_row ev;

		if (i > 0)
			assert_int_equal(setup(state), 0);
		if (i % 2)
			over_ssh(STAGE_PASSWORD);
		else
			at_console();
		stage_raw("INSERT INTO login_grant SELECT 9, person, card, factors, class, service, origin, uid, boot_id, boot_ms, real_s, "
			  "audit_session, logind_session, host_pid, host_start, parent_pid, parent_start, through_root, withdrawn, used_at "
			  "FROM login_grant");
		changed_sql = rows[i].sql;
		stage_type(stage_code());
		stage.answers[0].before = rows[i].change;
		assert_int_equal(stage_run(WIRE_AUTH), rows[i].e);
		assert_string_equal(stage.shown + strlen(PROMPT_EITHER), rows[i].told);
		if (rows[i].event) {
			assert_string_equal(stage_last_event(&ev), rows[i].event);
			assert_string_equal(ev.card, taros.row.card_id.text);
			assert_string_equal(ev.service, "sudo");
			assert_int_equal(events("OK"), 1);
		}
		/* A code was verified: it counts, and is used up. */
		if (rows[i].e != ERR_TIMEOUT)
			assert_true(stage_count("SELECT last_step FROM totp WHERE person = 1") > 0);
		assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE service = 'sudo'"), 0);
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
}

/* Read within the transaction that writes the grant: what another process wrote just before counts. */
static void the_verdict_reads_it_again(void **state)
{
	static const struct {
		const char *sql;
		enum err e;
	} rows[] = { { REVOKE, ERR_REVOKED }, { CLOSE, ERR_NO_GRANT }, { "UPDATE person SET state = 'locked' WHERE id = 1", ERR_LOCKED } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		at_console();
		stage_type(STAGE_PASSWORD);
		stage.before_hash = change_now;
		changed_sql = rows[i].sql;
		assert_int_equal(stage_run(WIRE_AUTH), rows[i].e);
		assert_int_equal(stage_grants(), 1);
		assert_int_equal(stage_failed(taro, "uid:1001"), 1);
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
}

/* -- counting -- */

static void wrong_tries_are_the_persons_at_his_uid(void **state)
{
	struct event_row ev;

	(void)state;
	over_ssh(STAGE_PASSWORD);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
		assert_int_equal(stage_failed(taro, "uid:1001"), i);
		assert_int_equal(events("SECRET_WRONG"), i);
	}
	assert_int_equal(stage_failed(taro, "local"), 0);
	assert_int_equal(stage_failed(taro, "remote"), 0);
	assert_int_equal(stage_failed(hanako, "uid:1001"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'lockout'"), 1);
	/* The right one comes too late: he hears of the lock, and nothing is asked any more. */
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_DENIED);
	assert_memory_equal(stage.shown, "e Locked after too many failures until 2", 40);
	assert_int_equal(stage.asked, 0);
	assert_int_equal(stage_failed(taro, "uid:1001"), 3);
	(void)stage_last_event(&ev);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'lockout'"), 1);
	/* His login at the console is another matter. */
	stage_at_console("taro");
	stage.cards[0] = &taros;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_failed(taro, "uid:1001"), 3);
}

/* A process of his could ask without end: what a lock refuses fills nothing. */
static void a_flood_behind_the_lock_makes_no_rows(void **state)
{
	int64_t before;

	(void)state;
	over_ssh(STAGE_PASSWORD);
	for (int i = 0; i < 3; i++)
		assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	before = stage_count("SELECT count(*) FROM event");
	for (int i = 0; i < 30; i++)
		assert_int_equal(stage_login("000000"), ERR_DENIED);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), before);
	assert_int_equal(stage_count("SELECT sum(failed) FROM unproved"), 30);
}

static void a_right_answer_clears_its_own_origin(void **state)
{
	(void)state;
	over_ssh(STAGE_PASSWORD);
	assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_failed(taro, "uid:1001"), 0);
	/* No answer is no guess. */
	assert_int_equal(stage_login(NULL), ERR_CONVERSATION);
	assert_int_equal(stage_login(""), ERR_CANCELLED);
	assert_int_equal(stage_failed(taro, "uid:1001"), 0);
}

/* Three tries of one process are three; none builds on an earlier one's success. */
static void A8_tries_of_one_process_are_their_own(void **state)
{
	(void)state;
	over_ssh(STAGE_PASSWORD);
	assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	assert_int_equal(stage_login("000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "uid:1001"), 2);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	/* Asked anew: the grant of before is worth nothing, and what the login proved still is. */
	assert_int_equal(stage_login(WRONG), ERR_SECRET_WRONG);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE service = 'sudo' AND withdrawn = 0"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE id = 1 AND withdrawn = 0"), 1);
}

/* -- whatever fails -- */

static void a_fault_at_any_step_opens_nothing_by_halves(void **state)
{
	enum err e;

	(void)state;
	at_console();
	for (size_t i = 0; i < 4; i++) {
		/* Its reserve would be gone then. */
		if (fault_codes[i] == SQLITE_FULL)
			continue;
		for (int n = 1;; n++) {
			bool met;

			fault_apart("DELETE FROM login_grant WHERE id > 1; DELETE FROM bucket; DELETE FROM try");
			stage_type(STAGE_PASSWORD);
			met = fault_run(WIRE_AUTH, n, fault_codes[i], &e);
			assert_int_equal(stage_grants(), e == ERR_OK ? 2 : 1);
			if (!met)
				break;
			assert_true(e == ERR_OK || e >= ERR_UNAVAILABLE || e == ERR_SECRET_WRONG);
			assert_true(n < 400);
		}
		assert_int_equal(e, ERR_OK);
	}
}

static void new_process(void)
{
	session_runs("sudo", 1001, "taro");
	stage_type(STAGE_PASSWORD);
}

static void without_a_clock_nobody_is_let_in(void **state)
{
	(void)state;
	at_console();
	assert_int_equal(stage_without_clock(WIRE_AUTH, new_process), 6);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		SESSION_TEST(only_code_or_password_is_asked),
		SESSION_TEST(wherever_it_stands_in_the_list), SESSION_TEST(over_ssh_too),
		SESSION_TEST(the_grant_and_the_record),
		SESSION_TEST(a_login_without_card_leaves_none_here),
		SESSION_TEST(su_of_who_is_asked_himself),
		SESSION_TEST(a_name_written_otherwise_is_no_target),
		SESSION_TEST(su_of_whom_it_names_asks_for_everything),
		SESSION_TEST(the_persons_own_digits_count),
		SESSION_TEST(through_the_users_own_socket),
		SESSION_TEST(a_card_over_ssh_may_be_possession_alone),
		SESSION_TEST(where_it_joins_nothing_another_card_may_be_asked_for),
		SESSION_TEST(a_card_beside_the_session),
		SESSION_TEST(without_it_the_card_is_asked_for),
		SESSION_TEST(over_ssh_nobody_is_let_in_without_it),
		SESSION_TEST(a_row_out_of_order_asks_nobody),
		SESSION_TEST(a_class_of_sessions_alone_has_one_face),
		SESSION_TEST(A78_changes_between_prompt_and_verdict),
		SESSION_TEST(the_verdict_reads_it_again),
		SESSION_TEST(wrong_tries_are_the_persons_at_his_uid),
		SESSION_TEST(a_flood_behind_the_lock_makes_no_rows),
		SESSION_TEST(a_right_answer_clears_its_own_origin),
		SESSION_TEST(A8_tries_of_one_process_are_their_own),
		SESSION_TEST(a_fault_at_any_step_opens_nothing_by_halves),
		SESSION_TEST(without_a_clock_nobody_is_let_in),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
