/* SPDX-License-Identifier: Apache-2.0 */
/* Pending before pam_systemd, open behind it, closed: for the process that logged in, while person and card are good. */
#include "../../lib/auth/session.h"

#include "stage_session.h"

static void log_in(void)
{
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
}

/* pam_systemd has done its part. */
static void enter_scope(void)
{
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), SESSION_SCOPE);
	host.session = "12";
	host.session_active = true;
	host.session_service = "login";
}

static int64_t in_state(const char *name)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM session WHERE state = '%s'", name);
	return stage_count(sql);
}

static void a_session_is_opened_confirmed_and_closed(void **state)
{
	struct event_row ev;
	char sql[512];

	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage.result.runtime_max_s, 0);
	assert_string_equal(stage.log, "");
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM session WHERE person = %lld AND card = %lld AND login_grant = 1 AND "
		 "service = 'login' AND tty = '/dev/tty1' AND address IS NULL AND host_pid = 4242 AND host_start = 77 AND "
		 "logind_session IS NULL AND state = 'pending' AND closed_at IS NULL", (long long)taro, (long long)taros.row.id);
	assert_int_equal(stage_count(sql), 1);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE used_at IS NOT NULL"), 1);
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE state = 'open' AND logind_session = '12'"), 1);
	assert_string_equal(stage_last_event(&ev), "session-open OK");
	assert_string_equal(ev.person, "taro");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_string_equal(ev.detail, "{\"logind_session\":\"12\"}");
	assert_non_null(strstr(stage.log, "session-open OK"));
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE state = 'closed' AND closed_at IS NOT NULL"), 1);
	assert_string_equal(stage_last_event(&ev), "session-close OK");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_string_equal(ev.detail, "{\"logind_session\":\"12\"}");
	/* What is sent to the journal after the commit is the same. */
	assert_non_null(strstr(stage.log, "session-close OK"));
	assert_non_null(strstr(stage.log, "logind_session=12 "));
	/* Again: nothing left to do. */
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'session-close'"), 1);
}

/* -- open -- */

static void without_a_login_none_is_opened(void **state)
{
	(void)state;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	log_in();
	stage.peer.pid++;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	stage.peer.pid--;
	stage_pass(601);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 0);
}

/* What space the store still has is for the marked class. */
static void a_full_store_opens_none_for_other_classes(void **state)
{
	(void)state;
	log_in();
	stage.store_full = true;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_STORE_FULL);
	assert_int_equal(in_state("pending"), 0);
	stage_policy(STAGE_POLICY "when-full = yes\n");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	enter_scope();
	stage_policy(STAGE_POLICY "when-full = no\n");
	/* What is open already goes its way. */
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(in_state("closed"), 1);
}

static void services_without_login_have_sessions_without_grant(void **state)
{
	(void)state;
	stage_request(service, "systemd-user");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE card IS NULL AND login_grant IS NULL AND "
				     "service = 'systemd-user'"), 1);
	stage_request(service, "cron");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	stage_request(service, "su");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage.peer.ruid = 1002;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_int_equal(in_state("pending"), 2);
}

static void a_session_without_a_card_names_none(void **state)
{
	struct event_row ev;

	(void)state;
	stage_request(service, "systemd-user");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "session-open OK");
	assert_string_equal(ev.card, "");
}

/* Whoever opens again asks again. */
static void of_a_login_one_session_comes(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 1);
	stage_at_console("taro");
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE login_grant = 2"), 1);
	/* What needs no login has no such bound. */
	stage_request(service, "systemd-user");
	for (int i = 0; i < 2; i++)
		assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
}

/* runuser asks for nothing but a session, and says nothing of a refusal to the log. */
static void a_refused_session_is_in_the_log_and_nobodys_is_counted(void **state)
{
	(void)state;
	stage_request(user, "jiro");
	stage_request(service, "runuser");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	assert_non_null(strstr(stage.log, "session refused: NOT_A_PERSON account=jiro service=runuser origin=remote address=\"\"\n"));
	enter_scope();
	stage_request(service, "ru n=x\n");
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NOT_A_PERSON);
	assert_non_null(strstr(stage.log, "session refused: NOT_A_PERSON account=jiro service=\"ru n=x\\x0A\" "));
	assert_int_equal(stage_count("SELECT sum(failed) FROM unproved WHERE origin = 'remote'"), 1);
	/* A name that is no account's may be anything that was typed. */
	stage_at_console("nobody-at-all");
	stage.log[0] = '\0';
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	assert_non_null(strstr(stage.log, "session refused: NOT_A_PERSON account=\"\" service=login"));
	assert_null(strstr(stage.log, "nobody-at-all"));
	assert_int_equal(stage_count("SELECT sum(failed) FROM unproved WHERE origin = 'local'"), 1);
	/* No space is used up by it. */
	stage.store_full = true;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	stage.store_full = false;
	assert_int_equal(stage_count("SELECT sum(failed) FROM unproved"), 2);
	/* Of a person it is that person's, and counts as no failure of anybody. */
	stage_request(user, "taro");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_non_null(strstr(stage.log, "session refused: NO_GRANT person=taro service=login"));
	assert_int_equal(stage_count("SELECT sum(failed) FROM unproved"), 2);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
}

static void the_machines_accounts_have_no_rows(void **state)
{
	(void)state;
	stage_request(user, "root");
	stage_request(service, "cron");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	/* logind makes none for jobs. */
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	/* They write nothing: a full disk stops none of the machine's own work. */
	stage.store_full = true;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage.store_full = false;
	stage_request(service, "login");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NOT_A_PERSON);
	stage_request(service, "cron");
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	stage_request(user, "jiro");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
}

static void what_changed_since_the_login_counts(void **state)
{
	(void)state;
	log_in();
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_SUSPENDED);
	stage_move_card(&taros, CARD_ACTIVE);
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_LOCKED);
	stage_set_state(taro, PERSON_ACTIVE);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_REVOKED);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE used_at IS NOT NULL"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type LIKE 'session%'"), 0);
}

static void a_session_from_afar_has_its_address(void **state)
{
	(void)state;
	stage_policy(STAGE_BOTH);
	stage_from("taro", "192.0.2.5");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE address = '192.0.2.5' AND card IS NULL"), 1);
}

static void hostile_terminals_are_escaped(void **state)
{
	(void)state;
	stage_request(tty, "tty\x1b[2J");
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE tty = 'tty\\x1B[2J'"), 1);
}

/* -- confirm -- */

static void without_logind_there_is_no_session(void **state)
{
	static const char *const places[] = { "", STAGE_GETTY, "/user.slice/user-1001.slice/user@1001.service/x.service" };

	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		enter_scope();
		stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), places[i]);
		assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	}
	enter_scope();
	host.session = "13";
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	host.session = NULL;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	assert_int_equal(in_state("pending"), 1);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'session-open'"), 0);
}

/* An sshd that somebody started within a login: ending that session would end the other's login. */
static void over_ssh_the_session_is_the_logins_own(void **state)
{
	(void)state;
	session_over_ssh(STAGE_PASSWORD);
	stage_raw("UPDATE session SET state = 'pending', logind_session = NULL");
	host.session_service = "login";
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	host.session_service = NULL;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	host.session_service = "sshd";
	host.session_uid = 1002;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	assert_int_equal(in_state("pending"), 1);
	host.session_uid = 1001;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
}

static void what_changed_since_the_first_line_counts(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	enter_scope();
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_LOCKED);
	stage_set_state(taro, PERSON_ACTIVE);
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_SUSPENDED);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_REVOKED);
	stage_set_state(taro, PERSON_REMOVED);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NOT_A_PERSON);
	assert_int_equal(in_state("open"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'session-open'"), 0);
}

static void only_what_this_process_opened_is_confirmed(void **state)
{
	(void)state;
	log_in();
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NO_GRANT);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage.peer.start++;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NO_GRANT);
	stage.peer.start--;
	stage.peer.pid++;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NO_GRANT);
	stage.peer.pid--;
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NO_GRANT);
	stage_request(user, "taro");
	stage_raw("UPDATE session SET boot_id = '0f3b4d8e-7a61-4c52-9d0e-1b2a3c4d5e6f'");
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NO_GRANT);
	assert_int_equal(in_state("pending"), 1);
}

/* -- close -- */

static void only_its_own_session_is_closed(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage.peer.pid++;
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	stage.peer.pid--;
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	stage_request(user, "nobody-at-all");
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(in_state("pending"), 1);
	/* A lock keeps nobody from leaving. */
	stage_request(user, "taro");
	stage_set_state(taro, PERSON_LOCKED);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(in_state("closed"), 1);
}

static void a_store_that_fails_says_so(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage_raw("UPDATE session SET state = 'what'");
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_STORE_CORRUPT);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_STORE_CORRUPT);
	stage_raw("UPDATE person SET state = 'what' WHERE id = 1");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_STORE_CORRUPT);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_STORE_CORRUPT);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_STORE_CORRUPT);
}

/* -- a store that fails at any step -- */

static void check_step(enum wire_op op, int code, const char *before, const char *after, const char *undo)
{
	const char *line = op == WIRE_CONFIRM ? "session-open OK" : op == WIRE_CLOSE ? "session-close OK" : "none";
	int64_t rows = stage_count("SELECT count(*) FROM session");
	enum err e;
	int n = 1;

	while (fault_run(op, n, code, &e)) {
		if (e == ERR_OK) {
			assert_int_equal(in_state(after), 1);
			fixture_raw(rules_dir, undo);
		} else {
			assert_true(e >= ERR_UNAVAILABLE);
			assert_null(strstr(stage.log, line));
			assert_int_equal(stage_count("SELECT count(*) FROM session"), rows);
			assert_int_equal(in_state(before), rows);
			assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE used_at IS NOT NULL"), rows);
		}
		assert_int_equal(store_reserve_make(rules_store), ERR_OK);
		assert_true(n++ < 200);
	}
	assert_int_equal(e, ERR_OK);
	assert_true(n > 5);
	assert_int_equal(in_state(after), 1);
}

static void a_fault_at_any_step_changes_nothing(void **state)
{
	(void)state;
	log_in();
	for (size_t i = 0; i < FAULT_N_CODES; i++) {
		fixture_raw(rules_dir, "DELETE FROM session; UPDATE login_grant SET used_at = NULL");
		stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), STAGE_GETTY);
		check_step(WIRE_OPEN, fault_codes[i], "pending", "pending",
			   "DELETE FROM session; UPDATE login_grant SET used_at = NULL");
		enter_scope();
		check_step(WIRE_CONFIRM, fault_codes[i], "pending", "open",
			   "UPDATE session SET state = 'pending', logind_session = NULL");
		check_step(WIRE_CLOSE, fault_codes[i], "open", "closed", "UPDATE session SET state = 'open', closed_at = NULL");
	}
}

/* Space ends at any write: by the reserve a marked class opens its session, and what is open goes its way in every class. */
static void write_without_space(enum wire_op op, enum err end, const char *undo)
{
	enum err e;
	bool met = true;

	fault.writes_only = true;
	for (int n = 1; met; n++) {
		fixture_raw(rules_dir, undo);
		met = fault_run(op, n, SQLITE_FULL, &e);
		assert_int_equal(e, met ? end : ERR_OK);
		assert_int_equal(store_reserve_used(rules_store), met);
		assert_int_equal(store_reserve_make(rules_store), ERR_OK);
		assert_true(n < 20);
	}
	fault.writes_only = false;
}

/* Between a full disk and the second try another process closed it: no event of the first is published. */
static void an_event_that_was_undone_is_not_published(void **state)
{
	bool met = true;
	enum err e;

	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	fault.writes_only = true;
	for (int n = 1; met; n++) {
		fixture_raw(rules_dir, "UPDATE session SET state = 'open', closed_at = NULL");
		fault.behind = "UPDATE session SET state = 'closed', closed_at = 1";
		met = fault_run(WIRE_CLOSE, n, SQLITE_FULL, &e);
		fault.behind = NULL;
		assert_int_equal(e, ERR_OK);
		assert_int_equal(strstr(stage.log, "session-close OK") == NULL, met);
		assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'session-close'"), !met);
		assert_int_equal(store_reserve_make(rules_store), ERR_OK);
		assert_true(n < 20);
	}
	fault.writes_only = false;
}

static void the_reserve_serves_sessions(void **state)
{
	(void)state;
	log_in();
	for (int marked = 0; marked < 2; marked++) {
		stage_policy(marked ? STAGE_POLICY "when-full = yes\n" : STAGE_POLICY);
		stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), STAGE_GETTY);
		write_without_space(WIRE_OPEN, marked ? ERR_OK : ERR_STORE_FULL, "DELETE FROM session; UPDATE login_grant SET used_at = NULL");
		assert_int_equal(in_state("pending"), 1);
		enter_scope();
		write_without_space(WIRE_CONFIRM, ERR_OK, "UPDATE session SET state = 'pending', logind_session = NULL");
		assert_int_equal(in_state("open"), 1);
		write_without_space(WIRE_CLOSE, ERR_OK, "UPDATE session SET state = 'open', closed_at = NULL");
		assert_int_equal(in_state("closed"), 1);
	}
}

static void forget_sessions(void)
{
	fixture_raw(rules_dir, "DELETE FROM session; UPDATE login_grant SET used_at = NULL");
}

static void pend_again(void)
{
	fixture_raw(rules_dir, "UPDATE session SET state = 'pending', logind_session = NULL");
}

static void nothing(void)
{
}

/* As if nobody of that name had one. */
static void a_source_of_accounts_that_fails_closes_nothing(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	enter_scope();
	host.account_rc = EIO;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_UNAVAILABLE);
	assert_int_equal(in_state("pending"), 1);
	host.account_rc = 0;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	host.account_rc = EIO;
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_UNAVAILABLE);
	assert_int_equal(in_state("open"), 1);
	host.account_rc = 0;
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_int_equal(in_state("closed"), 1);
}

/* Whose boot is not known, nobody's session is either. */
static void without_a_clock_no_session(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_without_clock(WIRE_OPEN, forget_sessions), 2);
	assert_int_equal(in_state("pending"), 1);
	enter_scope();
	assert_int_equal(stage_without_clock(WIRE_CONFIRM, pend_again), 1);
	assert_int_equal(stage_without_clock(WIRE_CLOSE, nothing), 1);
	assert_int_equal(in_state("closed"), 1);
}

/* Removed from the store between the first question and the transaction. */
static void a_person_who_vanishes_meanwhile_has_none(void **state)
{
	(void)state;
	log_in();
	fault.on_begin = "DELETE FROM person WHERE id = 1";
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
}

/* Closed before logind had made one: nothing to name. */
static void a_pending_session_is_closed_without_a_name(void **state)
{
	struct event_row ev;

	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "session-close OK");
	assert_string_equal(ev.detail, "{}");
	assert_null(strstr(stage.log, "logind_session"));
}

/* The user's own socket opens no session (auth.c), nor does its grant open one for root. */
static void a_proof_through_the_users_socket_opens_none(void **state)
{
	(void)state;
	stage_policy(STAGE_BOTH);
	stage_as_user("taro", 1001);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_ALLOWED);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NOT_ALLOWED);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_NOT_ALLOWED);
	stage.peer.root_socket = true;
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
}

/* Its record would name another card than it falls with, or none. */
static void a_session_whose_card_is_not_found_stays_as_it_is(void **state)
{
	(void)state;
	log_in();
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	enter_scope();
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	stage_raw("DELETE FROM card");
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_NOT_FOUND);
	assert_int_equal(in_state("open"), 1);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE type = 'session-close'"), 0);
}

/* -- sudo within a login session -- */

static int64_t newest(const char *column)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT coalesce(%s, -1) FROM session ORDER BY id DESC LIMIT 1", column);
	return stage_count(sql);
}

/* Nobody was asked: the session is the caller's, falls with the card of his login, and stands in its place. */
static void a_tickets_session_is_its_callers(void **state)
{
	struct event_row ev;

	(void)state;
	stage_policy(SESSION_POLICY);
	session_at_console(STAGE_PASSWORD);
	session_runs("sudo", 1001, "root");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(newest("person"), taro);
	assert_int_equal(newest("card"), taros.row.id);
	assert_int_equal(newest("login_grant"), -1);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "session-open OK");
	assert_string_equal(ev.person, "taro");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_string_equal(ev.service, "sudo");
	assert_int_equal(ev.actor, 1001);
	assert_string_equal(ev.detail, "{\"logind_session\":\"12\",\"target\":\"root\"}");
	assert_int_equal(in_state("open"), 2);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	assert_string_equal(stage_last_event(&ev), "session-close OK");
	assert_string_equal(ev.detail, "{\"logind_session\":\"12\",\"target\":\"root\"}");
	assert_int_equal(in_state("open"), 1);
	assert_int_equal(newest("id"), 2);
	assert_int_equal(stage_count("SELECT count(*) FROM session WHERE id = 2 AND state = 'closed'"), 1);
	/* Revoked between its two lines, and before the first. */
	session_runs("sudo", 1001, "root");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_REVOKED);
	session_runs("sudo", 1001, "root");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_REVOKED);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 3);
}

/* Who was asked has it by what he answered, whomever the session names. */
static void the_session_of_who_was_asked(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = session,totp\n" SESSION_DEFAULT);
	session_over_ssh(STAGE_PASSWORD);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(newest("person"), taro);
	assert_int_equal(newest("card"), taros.row.id);
	assert_int_equal(newest("login_grant"), 2);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	/* Another process has it not: its own account must be good. */
	session_runs("sudo", 1001, "hanako");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage_raw("UPDATE login_grant SET withdrawn = 1 WHERE id = 2");
	session_runs("sudo", 1001, "hanako");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	/* root's names a person, and has no card to fall with. */
	session_runs("sudo", 0, "hanako");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(newest("person"), hanako);
	assert_int_equal(newest("card"), -1);
	/* Whoever has no login here has no session, whomever he names. */
	session_runs("sudo", 1002, "taro");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	session_runs("sudo", 1003, "taro");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	session_runs("sudo", 1234, "taro");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
}

/* The card is of what was asked since where the login had none. */
static void a_tickets_session_falls_with_what_was_asked_since(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP SESSION_SWITCH "factors = card,totp\n" SESSION_DEFAULT);
	session_at_console(STAGE_PASSWORD);
	stage_raw("UPDATE session SET card = NULL; UPDATE login_grant SET card = NULL, factors = 'password,totp'");
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	session_runs("sudo", 1001, "root");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(newest("card"), taros.row.id);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	stage_move_card(&taros, CARD_REVOKED);
	session_runs("sudo", 1001, "root");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_REVOKED);
}

/* logind has none for them, and nothing is kept of theirs. */
static void listed_accounts_need_no_logind(void **state)
{
	(void)state;
	stage_policy("[machine]\njiro = cron sshd\n" STAGE_POLICY);
	stage_at_console("jiro");
	stage_request(service, "cron");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
	stage_connect("jiro", "");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	stage_request(service, "atd");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NOT_A_PERSON);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_NOT_A_PERSON);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
}

/* One short of the lock: nothing but a verified login gives tries back. */
static void A7_only_verified_logins_clear_counters(void **state)
{
	static const char *const services[] = { "cron", "systemd-user", "sudo", "su" };
	static const char *const origins[] = { "local", "remote", "uid:1001" };
	struct bucket_row b = { .person = 0 };

	(void)state;
	stage_policy(SESSION_POLICY "batch = yes\n");
	session_at_console(STAGE_PASSWORD);
	for (size_t i = 0; i < 3; i++) {
		b = (struct bucket_row){ .person = taro, .failed = 2 };
		strcpy(b.origin, origins[i]);
		assert_int_equal(clock_now(&b.last), ERR_OK);
		rules_begin();
		assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
		rules_commit();
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		for (int64_t ruid = 0; ruid <= 1001; ruid += 1001) {
			session_runs(services[i], ruid, "taro");
			if (ruid && !strcmp(services[i], "su"))
				continue;
			assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
			assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
			assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
			assert_int_equal(stage_run(WIRE_CLOSE), ERR_OK);
			for (size_t k = 0; k < 3; k++)
				assert_int_equal(stage_failed(taro, origins[k]), 2);
		}
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_failed(taro, "uid:1001"), 0);
	assert_int_equal(stage_failed(taro, "local"), 2);
	assert_int_equal(stage_failed(taro, "remote"), 2);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST_SECRETS(a_session_is_opened_confirmed_and_closed),
		STAGE_TEST_SECRETS(without_a_login_none_is_opened),
		STAGE_TEST_SECRETS(a_full_store_opens_none_for_other_classes),
		STAGE_TEST(services_without_login_have_sessions_without_grant),
		STAGE_TEST(a_session_without_a_card_names_none),
		STAGE_TEST_SECRETS(of_a_login_one_session_comes),
		STAGE_TEST(a_refused_session_is_in_the_log_and_nobodys_is_counted),
		STAGE_TEST(the_machines_accounts_have_no_rows),
		STAGE_TEST_SECRETS(what_changed_since_the_login_counts),
		STAGE_TEST_SECRETS(a_session_from_afar_has_its_address),
		STAGE_TEST_SECRETS(hostile_terminals_are_escaped),
		STAGE_TEST_SECRETS(without_logind_there_is_no_session),
		STAGE_TEST_SECRETS(over_ssh_the_session_is_the_logins_own),
		STAGE_TEST_SECRETS(what_changed_since_the_first_line_counts),
		STAGE_TEST_SECRETS(only_what_this_process_opened_is_confirmed),
		STAGE_TEST_SECRETS(only_its_own_session_is_closed),
		STAGE_TEST_SECRETS(a_store_that_fails_says_so),
		STAGE_TEST_SECRETS(a_fault_at_any_step_changes_nothing),
		STAGE_TEST_SECRETS(an_event_that_was_undone_is_not_published),
		STAGE_TEST_SECRETS(the_reserve_serves_sessions),
		STAGE_TEST_SECRETS(a_source_of_accounts_that_fails_closes_nothing),
		STAGE_TEST_SECRETS(without_a_clock_no_session),
		STAGE_TEST_SECRETS(a_person_who_vanishes_meanwhile_has_none),
		STAGE_TEST_SECRETS(a_pending_session_is_closed_without_a_name),
		STAGE_TEST_SECRETS(a_proof_through_the_users_socket_opens_none),
		STAGE_TEST_SECRETS(a_session_whose_card_is_not_found_stays_as_it_is),
		STAGE_TEST_SECRETS(a_tickets_session_is_its_callers),
		STAGE_TEST_SECRETS(the_session_of_who_was_asked),
		STAGE_TEST_SECRETS(a_tickets_session_falls_with_what_was_asked_since),
		STAGE_TEST(listed_accounts_need_no_logind),
		STAGE_TEST_SECRETS(A7_only_verified_logins_clear_counters),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
