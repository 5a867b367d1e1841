/* SPDX-License-Identifier: Apache-2.0 */
/* What the login of a session proved counts for its own person, in its own session, while it stands, for `reuse`. */
#include "../../lib/auth/proved.h"

#include "../../lib/policy/factor.h"
#include "stage_session.h"

#define REUSE "reuse = 10min\n"
#define POLICY SESSION_POLICY REUSE
#define OTHER_BOOT "'0f3b4d8e-7a61-4c52-9d0e-1b2a3c4d5e6f'"

static struct proved found;
static int64_t enough_card;

static enum err find(void)
{
	struct auth_call c = stage_call();
	struct who w;

	assert_int_equal(who_find(&c, &w), ERR_OK);
	found = (struct proved){ .grant = -7 };
	return proved_find(&c, &w, &found);
}

static enum err enough(void)
{
	struct auth_call c = stage_call();
	struct who w;

	assert_int_equal(who_find(&c, &w), ERR_OK);
	enough_card = -7;
	return proved_enough(&c, &w, &enough_card);
}

static int setup(void **state)
{
	int rc = stage_setup_secrets(state);

	stage_policy(POLICY);
	/* Room for what was longer ago, on a machine that has just started. */
	host.boot_s = 86400;
	session_at_console(STAGE_PASSWORD);
	session_runs("sudo", 1001, "taro");
	return rc;
}

#define PROVED_TEST(function) cmocka_unit_test_setup_teardown(function, setup, stage_teardown)

/* -- which login -- */

static void the_login_that_began_the_session(void **state)
{
	(void)state;
	assert_int_equal(find(), ERR_OK);
	assert_int_equal(found.grant, 1);
	assert_int_equal(found.card, taros.row.id);
	assert_int_equal(found.factors, 1u << FACTOR_CARD | 1u << FACTOR_PASSWORD);
	assert_false(found.ssh);
	/* Another name of the same uid. */
	session_runs("sudo", 1001, "alias");
	assert_int_equal(find(), ERR_OK);
}

static void over_ssh_its_card_is_told_apart(void **state)
{
	(void)state;
	stage_raw("DELETE FROM session; DELETE FROM login_grant");
	session_over_ssh(stage_code());
	session_runs("sudo", 1001, "taro");
	assert_int_equal(find(), ERR_OK);
	assert_int_equal(found.factors, 1u << FACTOR_CARD | 1u << FACTOR_TOTP);
	assert_int_equal(found.card, taros.row.id);
	assert_true(found.ssh);
}

static void a_login_without_card_has_none(void **state)
{
	(void)state;
	stage_raw("UPDATE login_grant SET card = NULL, factors = 'password,totp'");
	assert_int_equal(find(), ERR_OK);
	assert_int_equal(found.card, -1);
	assert_int_equal(found.factors, 1u << FACTOR_PASSWORD | 1u << FACTOR_TOTP);
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, -1);
	/* Whoever's card is revoked then. */
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(find(), ERR_OK);
}

/* Not there, and not this person's. */
static void what_the_store_says_of_it(void **state)
{
	static const struct {
		const char *sql;
		enum err e;
	} rows[] = {
		{ "UPDATE card SET state = 'suspended' WHERE id = 1", ERR_SUSPENDED },
		{ "UPDATE card SET state = 'revoked', revoked_at = 1, reason = 'lost' WHERE id = 1", ERR_REVOKED },
		{ "UPDATE card SET state = 'destroyed', revoked_at = 1, reason = 'lost' WHERE id = 1", ERR_REVOKED },
		{ "UPDATE card SET not_after = 100 WHERE id = 1", ERR_EXPIRED },
		{ "UPDATE session SET card = NULL; UPDATE login_grant SET card = NULL; DELETE FROM card WHERE id = 1", ERR_OK },
		{ "DELETE FROM card WHERE id = 1", ERR_NOT_FOUND },
		{ "UPDATE person SET state = 'locked' WHERE id = 1", ERR_LOCKED },
		{ "UPDATE person SET state = 'removed' WHERE id = 1", ERR_NO_GRANT },
		{ "UPDATE session SET state = 'closed', closed_at = 5", ERR_NO_GRANT },
		{ "UPDATE session SET state = 'pending'", ERR_NO_GRANT },
		{ "UPDATE session SET login_grant = NULL", ERR_NO_GRANT },
		{ "UPDATE session SET person = 2", ERR_NO_GRANT },
		{ "UPDATE session SET service = 'gdm-password'", ERR_NO_GRANT },
		{ "UPDATE session SET boot_id = " OTHER_BOOT, ERR_NO_GRANT },
		{ "UPDATE session SET logind_session = '13'", ERR_NO_GRANT },
		{ "UPDATE session SET logind_session = NULL", ERR_NO_GRANT },
		{ "DELETE FROM session", ERR_NO_GRANT },
		{ "UPDATE login_grant SET person = 2", ERR_NO_GRANT },
		{ "UPDATE login_grant SET withdrawn = 1", ERR_NO_GRANT },
		{ "DELETE FROM login_grant", ERR_NOT_FOUND },
		{ "UPDATE login_grant SET boot_ms = boot_ms - 600000", ERR_NO_GRANT },
		{ "UPDATE session SET state = 'what'", ERR_STORE_CORRUPT },
		{ "UPDATE login_grant SET uid = -1", ERR_STORE_CORRUPT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		stage_raw(rows[i].sql);
		assert_int_equal(find(), rows[i].e);
		assert_int_equal(enough(), rows[i].e);
		if (rows[i].e != ERR_OK) {
			assert_int_equal(found.grant, -7);
			assert_int_equal(enough_card, -7);
		}
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
}

/* The newest of the session and its service: whoever stands in an older one's place has nothing of it. */
static void the_newest_session_counts(void **state)
{
	(void)state;
	stage_raw("INSERT INTO session SELECT 2, person, card, login_grant, service, tty, address, boot_id, boot_ms, real_s, host_pid + 1, "
		  "host_start, logind_session, 'closed', 5 FROM session");
	assert_int_equal(find(), ERR_NO_GRANT);
	/* One of another service of the session is not its beginning: sudo's own, a shell's by su. */
	stage_raw("UPDATE session SET service = 'sudo' WHERE id = 2");
	assert_int_equal(find(), ERR_OK);
}

/* Written by nobody of ours: nothing is made of it. */
static void factors_that_are_none(void **state)
{
	static const char *const texts[] = {
		"what", "card,", ",card", "card,,totp", "ssh-", "ssh-,totp", "ssh", "card,ssh-totp", "Card", "card totp", "car", "cards",
		"card,uid", "recovery", "ssh-ssh-card", "totp,card,password,what", "-", "ssh_card",
	};
	char sql[128];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE login_grant SET factors = '%s'", texts[i]);
		stage_raw(sql);
		assert_int_equal(find(), ERR_STORE_CORRUPT);
		assert_int_equal(found.grant, -7);
		assert_int_equal(enough(), ERR_STORE_CORRUPT);
	}
	stage_raw("UPDATE login_grant SET factors = 'card,card-nopin,totp,password,session'");
	assert_int_equal(find(), ERR_OK);
	assert_int_equal(found.factors, 1u << FACTOR_CARD | 1u << FACTOR_CARD_NOPIN | 1u << FACTOR_TOTP | 1u << FACTOR_PASSWORD |
			 1u << FACTOR_SESSION);
}

/* -- which session -- */

static void what_logind_says_of_it(void **state)
{
	(void)state;
	host.session_ends = true;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_ends = false;
	host.no_state = true;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.no_state = false;
	/* In its control group, but of another audit session; a session that the kernel did not number has none to compare. */
	stage.peer.audit_session = 13;
	assert_int_equal(find(), ERR_NO_GRANT);
	stage.peer.audit_session = STAGE_NONE;
	assert_int_equal(find(), ERR_NO_GRANT);
	stage.peer.audit_session = 12;
	assert_int_equal(find(), ERR_OK);
	host.session_uid = 1002;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_uid = 0;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_uid = 1001;
	host.session = "13";
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session = NULL;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session = "12";
	host.session_service = NULL;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_service = "sshd";
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_service = "";
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_service = "s";
	assert_int_equal(find(), ERR_NO_GRANT);
	stage_raw("UPDATE session SET service = 's'");
	assert_int_equal(find(), ERR_OK);
	stage_raw("UPDATE session SET service = 'login'");
	host.session_service = "a-service-whose-name-is-longer-than-any-that-could-have-been-kept-here";
	assert_int_equal(find(), ERR_NO_GRANT);
	host.session_service = "login";
	/* Its files are as it left them. */
	host.no_logind = true;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.no_logind = false;
	/* Where it is, and whether somebody looks at it now, is another question. */
	host.session_active = false;
	host.session_remote = true;
	assert_int_equal(find(), ERR_OK);
}

static void only_processes_within_it(void **state)
{
	static const char *const places[] = {
		"", "/", STAGE_GETTY, "/user.slice/user-1001.slice/session-13.scope", "/user.slice/user-1001.slice/session-1.scope",
		"/user.slice/user-1001.slice/session-121.scope", "/user.slice/user-1001.slice/user@1001.service/session-12.scope",
		"/user.slice/user-1001.slice/user@1001.service/app.slice/run-12.scope", "/system.slice/session-12.scope",
		"/system.slice/cron.service",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), places[i]);
		assert_int_equal(find(), ERR_NO_GRANT);
		assert_int_equal(enough(), ERR_NO_GRANT);
	}
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), SESSION_SCOPE "/sub");
	assert_int_equal(find(), ERR_OK);
}

/* Who was moved into its control group was not started by its login; at the session's lines pam_loginuid may have given another number. */
static void only_processes_of_its_audit_session(void **state)
{
	static const int64_t numbers[] = { 0, 1, 11, 13, 121, STAGE_NONE };
	static const char *const names[] = { "c7", "4294967296", "0", "4294967295" };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		session_runs("sudo", 1001, "taro");
		stage.peer.audit_session = numbers[i];
		stage.request.op = WIRE_AUTH;
		assert_int_equal(find(), ERR_NO_GRANT);
		stage.request.op = WIRE_ACCOUNT;
		assert_int_equal(enough(), ERR_NO_GRANT);
		for (enum wire_op op = WIRE_OPEN; op <= WIRE_CLOSE; op++) {
			stage.request.op = op;
			assert_int_equal(enough(), ERR_OK);
		}
	}
	/* logind counts by itself where the kernel does not, and no audit session has the number behind the last. */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[128];

		snprintf(text, sizeof(text), "UPDATE session SET logind_session = '%s'", names[i]);
		stage_raw(text);
		host.session = names[i];
		session_runs("sudo", 1001, "taro");
		stage.request.op = WIRE_AUTH;
		snprintf(text, sizeof(text), "/user.slice/user-1001.slice/session-%s.scope", names[i]);
		stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), text);
		assert_int_equal(find(), i < 2 ? ERR_OK : ERR_NO_GRANT);
	}
}

static void nobody_else_has_it(void **state)
{
	static const char *const names[] = { "hanako", "jiro", "root", "machine", "nobody-at-all", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		session_runs("su", 1001, names[i]);
		assert_int_equal(find(), ERR_NO_GRANT);
	}
	host.vanished = "taro";
	session_runs("sudo", 1001, "taro");
	assert_int_equal(find(), ERR_NO_GRANT);
}

/* Who became somebody else within it, and a service that was started from it, know nothing of what its owner has in his hand. */
static void only_its_owner_asks_by_it(void **state)
{
	static const int64_t callers[] = { 1002, 1003, 33, 0, -1 };

	(void)state;
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		session_runs("su", callers[i], "taro");
		assert_int_equal(find(), ERR_NO_GRANT);
	}
	session_runs("su", 1001, "taro");
	assert_int_equal(find(), ERR_OK);
	/* Nor by a session of another's that a row says is his. */
	host.session_uid = 1002;
	session_runs("su", 1002, "taro");
	assert_int_equal(find(), ERR_NO_GRANT);
}

static void another_boot_has_other_sessions(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/boot_id", rules_dir);
	assert_true(rules_write_text(path, "0f3b4d8e-7a61-4c52-9d0e-1b2a3c4d5e6f\n"));
	host.boot_id = path;
	assert_int_equal(find(), ERR_NO_GRANT);
	host.boot_id = NULL;
	assert_int_equal(find(), ERR_OK);
}

/* -- how long -- */

static void it_counts_for_reuse(void **state)
{
	(void)state;
	host.boot_s += 598;
	assert_int_equal(find(), ERR_OK);
	host.boot_s += 2;
	assert_int_equal(find(), ERR_NO_GRANT);
	assert_int_equal(enough(), ERR_NO_GRANT);
	host.boot_s -= 2;
	/* Another time of day changes nothing. */
	host.real_s += 86400;
	assert_int_equal(find(), ERR_OK);
	host.real_s -= 2 * 86400;
	assert_int_equal(find(), ERR_OK);
	/* By the class of what is asked for now. */
	stage_policy(SESSION_POLICY);
	host.boot_s += 35000;
	assert_int_equal(find(), ERR_OK);
	stage_policy(STAGE_CHEAP "[class brief]\nservice = sudo\nfactors = session,totp\nreuse = 1min\n" SESSION_DEFAULT "reuse = 7d\n");
	assert_int_equal(find(), ERR_NO_GRANT);
	session_runs("su", 1001, "taro");
	assert_int_equal(find(), ERR_OK);
}

static void without_a_clock_there_is_none(void **state)
{
	(void)state;
	host.moment_fails_at = host.moments + 1;
	assert_int_equal(find(), ERR_CLOCK);
	host.moment_fails_at = host.moments + 1;
	assert_int_equal(enough(), ERR_CLOCK);
	assert_int_equal(find(), ERR_OK);
}

/* -- what it is worth -- */

static bool joins(unsigned factors, bool ssh, const char *alternative, bool possession)
{
	struct proved p = { .factors = factors, .ssh = ssh, .card = -1 };
	struct policy_class k = { .ssh_card = possession ? SSH_CARD_POSSESSION : SSH_CARD_PIN };
	struct alternative a;
	char why[160];

	assert_true(alternative_parse(alternative, &a, why, sizeof(why)));
	return proved_joins(&p, &k, &a);
}

#define BITS(a, b) (1u << (a) | 1u << (b))

static void two_kinds_are_joined(void **state)
{
	static const struct {
		unsigned factors;
		bool ssh, possession;
		bool totp, password;    /* session,totp and session,password join two */
	} rows[] = {
		{ BITS(FACTOR_CARD, FACTOR_TOTP), false, false, true, true },
		{ BITS(FACTOR_CARD, FACTOR_TOTP), false, true, true, true },
		{ BITS(FACTOR_CARD, FACTOR_TOTP), true, false, true, true },
		{ BITS(FACTOR_CARD, FACTOR_TOTP), true, true, false, true },
		{ BITS(FACTOR_CARD, FACTOR_PASSWORD), true, true, true, true },
		{ BITS(FACTOR_CARD, FACTOR_PASSWORD), true, false, true, true },
		{ 1u << FACTOR_CARD, false, false, true, true },
		{ 1u << FACTOR_CARD, true, true, false, true },
		{ 1u << FACTOR_CARD_NOPIN, false, false, false, true },
		{ BITS(FACTOR_CARD_NOPIN, FACTOR_PASSWORD), true, true, true, true },
		{ BITS(FACTOR_PASSWORD, FACTOR_TOTP), false, false, true, true },
		{ 1u << FACTOR_TOTP, false, false, false, true },
		{ 1u << FACTOR_PASSWORD, false, false, true, false },
		/* What a session's login took from another session is not counted twice. */
		{ BITS(FACTOR_SESSION, FACTOR_TOTP), false, false, false, true },
		{ BITS(FACTOR_SESSION, FACTOR_PASSWORD), false, false, true, false },
		{ 1u << FACTOR_SESSION, false, false, false, false },
		{ 0, false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(joins(rows[i].factors, rows[i].ssh, "session,totp", rows[i].possession), rows[i].totp);
		assert_int_equal(joins(rows[i].factors, rows[i].ssh, "session,password", rows[i].possession), rows[i].password);
		/* A card that is asked for now was seen to take its PIN, whatever the login's was. */
		assert_true(joins(rows[i].factors, rows[i].ssh, "card,session", rows[i].possession));
	}
}

/* -- is it enough? -- */

static void use(const char *factors, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text), STAGE_CHEAP SESSION_SWITCH "factors = %s\n%s" SESSION_DEFAULT, factors, more);
	stage_policy(text);
}

static void began_with(const char *factors)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "UPDATE login_grant SET factors = '%s' WHERE id = 1", factors);
	stage_raw(sql);
}

static void the_login_alone_may_be_enough(void **state)
{
	static const struct {
		const char *login, *wanted, *more;
		enum err e;
	} rows[] = {
		{ "card,password", "card,password", "", ERR_OK },
		{ "card,password", "session,password", "", ERR_OK },
		{ "card,password", "card,totp card,password", "", ERR_OK },
		{ "card,password", "session,totp", "", ERR_NO_GRANT },
		{ "card,password", "card,totp", "", ERR_NO_GRANT },
		{ "card,password", "card,password,totp", "", ERR_NO_GRANT },
		{ "card,password", "card-nopin,password", "", ERR_NO_GRANT },
		{ "card,password,totp", "card,password,totp", "", ERR_OK },
		{ "card,password,totp", "password,totp", "", ERR_OK },
		{ "card,totp", "session,totp", "", ERR_OK },
		{ "card,totp", "card,totp", "ssh-card = possession\n", ERR_OK },
		{ "ssh-card,totp", "card,totp", "", ERR_OK },
		{ "ssh-card,totp", "session,totp", "", ERR_OK },
		{ "ssh-card,totp", "card,totp session,totp", "ssh-card = possession\n", ERR_NO_GRANT },
		{ "ssh-card,password", "card,password session,totp", "ssh-card = possession\n", ERR_OK },
		{ "ssh-card,password", "session,password", "ssh-card = possession\n", ERR_OK },
		{ "ssh-card,password", "session,totp", "ssh-card = possession\n", ERR_NO_GRANT },
		{ "card-nopin,password", "card,password", "", ERR_NO_GRANT },
		{ "card-nopin,password", "session,password", "", ERR_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		use(rows[i].wanted, rows[i].more);
		began_with(rows[i].login);
		assert_int_equal(enough(), rows[i].e);
		assert_int_equal(enough_card, rows[i].e == ERR_OK ? taros.row.id : -7);
		assert_int_equal(find(), ERR_OK);
	}
}

/* sudo's own, of the same session, after a login that is not enough. */
static void ask_in_session(const char *code)
{
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(code), ERR_OK);
	session_runs("sudo", 1001, "taro");
}

static void an_authentication_since_may_be_enough(void **state)
{
	(void)state;
	use("session,totp", REUSE);
	assert_int_equal(enough(), ERR_NO_GRANT);
	ask_in_session(stage_code());
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, taros.row.id);
	/* Of any service, while it joins what this class wants. */
	session_runs("sudo-i", 1001, "taro");
	assert_int_equal(enough(), ERR_OK);
	use("session,password,totp", REUSE);
	assert_int_equal(enough(), ERR_NO_GRANT);
	use("card,totp", REUSE);
	assert_int_equal(enough(), ERR_NO_GRANT);
}

static void one_that_does_not_count_is_not_enough(void **state)
{
	static const char *const sql[] = {
		"UPDATE login_grant SET withdrawn = 1 WHERE id = 2", "UPDATE login_grant SET through_root = 0 WHERE id = 2",
		"UPDATE login_grant SET person = 2 WHERE id = 2", "UPDATE login_grant SET logind_session = '13' WHERE id = 2",
		"UPDATE login_grant SET logind_session = NULL WHERE id = 2", "UPDATE login_grant SET boot_id = " OTHER_BOOT " WHERE id = 2",
		"UPDATE login_grant SET boot_ms = boot_ms - 600000 WHERE id = 2",
		"UPDATE login_grant SET factors = 'session,password' WHERE id = 2", "UPDATE login_grant SET factors = 'totp' WHERE id = 2",
		"UPDATE login_grant SET factors = 'session' WHERE id = 2",
		/* Before the login. */
		"UPDATE session SET login_grant = NULL; UPDATE login_grant SET id = 3 WHERE id = 1; UPDATE session SET login_grant = 3",
	};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		use("session,totp", REUSE);
		ask_in_session(stage_code());
		assert_int_equal(enough(), ERR_OK);
		stage_raw(sql[i]);
		assert_int_equal(find(), ERR_OK);
		assert_int_equal(enough(), ERR_NO_GRANT);
		assert_int_equal(enough_card, -7);
		if (i + 1 < sizeof(sql) / sizeof(sql[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
	stage_raw("UPDATE login_grant SET factors = 'what' WHERE id = 2");
	assert_int_equal(enough(), ERR_NO_GRANT);
	stage_raw("UPDATE login_grant SET id = 4 WHERE id = 2");
	assert_int_equal(enough(), ERR_STORE_CORRUPT);
	stage_raw("UPDATE login_grant SET factors = 'session,totp', origin = '' WHERE id = 4");
	assert_int_equal(enough(), ERR_STORE_CORRUPT);
}

/* The same age for what the session began with. */
static void it_lives_no_longer_than_the_login(void **state)
{
	(void)state;
	use("session,totp", REUSE);
	stage_pass(400);
	ask_in_session(stage_code());
	assert_int_equal(enough(), ERR_OK);
	stage_pass(198);
	assert_int_equal(enough(), ERR_OK);
	stage_pass(2);
	assert_int_equal(enough(), ERR_NO_GRANT);
}

/* The whole of it was asked anew: it has an age of its own. What built on the login has none of that any more. */
static void a_whole_one_since_outlives_the_login(void **state)
{
	(void)state;
	use("session,totp card,password", REUSE);
	ask_in_session(stage_code());
	stage_pass(600);
	assert_int_equal(enough(), ERR_NO_GRANT);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(find(), ERR_NO_GRANT);
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, taros.row.id);
	/* For his own processes, while the session stands. */
	host.session_ends = true;
	assert_int_equal(enough(), ERR_NO_GRANT);
	host.session_ends = false;
	stage.peer.ruid = 1002;
	assert_int_equal(enough(), ERR_NO_GRANT);
	stage.peer.ruid = 1001;
	stage_pass(599);
	assert_int_equal(enough(), ERR_OK);
	stage_pass(1);
	assert_int_equal(enough(), ERR_NO_GRANT);
	/* A login that its host took back, or whose card is good no more, has nothing within it. */
	stage_pass(-2);
	assert_int_equal(enough(), ERR_OK);
	stage_raw("UPDATE login_grant SET withdrawn = 1 WHERE id = 1");
	assert_int_equal(enough(), ERR_NO_GRANT);
	stage_raw("UPDATE login_grant SET withdrawn = 0, card = 2 WHERE id = 1; UPDATE card SET state = 'suspended' WHERE id = 2");
	assert_int_equal(enough(), ERR_SUSPENDED);
	assert_int_equal(enough_card, -7);
}

/* Where logins are not asked for here: what was asked for in full within the session is all there is. */
static void in_a_session_that_began_elsewhere(void **state)
{
	(void)state;
	stage_raw("DELETE FROM session; DELETE FROM login_grant");
	use("session,totp card,password", REUSE);
	assert_int_equal(enough(), ERR_NO_GRANT);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(find(), ERR_NO_GRANT);
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, taros.row.id);
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(enough(), ERR_SUSPENDED);
	stage_move_card(&taros, CARD_ACTIVE);
	stage_pass(599);
	assert_int_equal(enough(), ERR_OK);
	stage_pass(1);
	assert_int_equal(enough(), ERR_NO_GRANT);
	stage_pass(-1);
	/* Nothing here builds on a login. */
	use("session,password", REUSE);
	assert_int_equal(enough(), ERR_NO_GRANT);
	use("session,totp card,password", REUSE);
	/* Any number of the kernel's. */
	stage_raw("UPDATE login_grant SET logind_session = '1009'");
	host.session = "1009";
	stage.peer.audit_session = 1009;
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), "/user.slice/user-1001.slice/session-1009.scope");
	assert_int_equal(enough(), ERR_OK);
	/* Asked without a card, it names none. */
	use("session,totp password,totp", REUSE);
	stage_raw("UPDATE login_grant SET card = NULL, factors = 'password,totp'");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, -1);
	/* logind's own numbers come again once it was restarted: another session could have had it. */
	stage_raw("UPDATE login_grant SET logind_session = 'c7'");
	host.session = "c7";
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), "/user.slice/user-1001.slice/session-c7.scope");
	assert_int_equal(enough(), ERR_NO_GRANT);
	assert_int_equal(enough_card, -7);
}

/* The login had none, and what was asked since by a card goes with that one. */
static void its_own_card_must_be_good(void **state)
{
	(void)state;
	use("card,totp", REUSE);
	stage_raw("UPDATE session SET card = NULL; UPDATE login_grant SET card = NULL, factors = 'password,totp' WHERE id = 1");
	assert_int_equal(enough(), ERR_NO_GRANT);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	session_runs("sudo", 1001, "taro");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, taros.row.id);
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(find(), ERR_OK);
	assert_int_equal(enough(), ERR_SUSPENDED);
	assert_int_equal(enough_card, -7);
	stage_move_card(&taros, CARD_ACTIVE);
	assert_int_equal(enough(), ERR_OK);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(enough(), ERR_REVOKED);
	/* One more, with a card that is good. */
	stage_raw("UPDATE card SET person = 1 WHERE id = 2");
	stage_raw("INSERT INTO login_grant SELECT 3, person, 2, factors, class, service, origin, uid, boot_id, boot_ms, real_s, audit_session, "
		  "logind_session, host_pid, host_start, parent_pid, parent_start, through_root, withdrawn, used_at FROM login_grant WHERE id = 2");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, 2);
	/* An older one may be good where the newest is not. */
	stage_raw("UPDATE login_grant SET card = 1 WHERE id = 3; UPDATE login_grant SET card = 2 WHERE id = 2");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, 2);
	stage_raw("UPDATE login_grant SET card = 99 WHERE id = 3");
	assert_int_equal(enough(), ERR_NOT_FOUND);
}

/* Of two that are spoilt the newer one's card is named. */
static void the_newest_reason_is_told(void **state)
{
	(void)state;
	use("session,totp", REUSE);
	ask_in_session(stage_code());
	stage_raw("UPDATE card SET person = 1 WHERE id = 2");
	stage_raw("INSERT INTO login_grant SELECT 3, person, 2, factors, class, service, origin, uid, boot_id, boot_ms, real_s, audit_session, "
		  "logind_session, host_pid, host_start, parent_pid, parent_start, through_root, withdrawn, used_at FROM login_grant WHERE id = 2");
	stage_raw("UPDATE session SET card = NULL; UPDATE login_grant SET card = NULL WHERE id = 1");
	stage_raw("UPDATE card SET state = 'suspended' WHERE id = 1; UPDATE card SET not_after = 100 WHERE id = 2");
	assert_int_equal(enough(), ERR_EXPIRED);
	stage_raw("UPDATE login_grant SET card = 1 WHERE id = 3; UPDATE login_grant SET card = 2 WHERE id = 2");
	assert_int_equal(enough(), ERR_SUSPENDED);
	assert_int_equal(enough_card, -7);
	/* One that needed no card goes with the login's, which has none here and one there. */
	stage_raw("UPDATE login_grant SET card = NULL WHERE id = 3");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, -1);
	stage_raw("UPDATE card SET state = 'active' WHERE id = 1; UPDATE login_grant SET card = 1 WHERE id = 1");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, taros.row.id);
}

/* What is not needed is not read. */
static void of_a_login_that_is_enough_nothing_since_matters(void **state)
{
	(void)state;
	ask_in_session(stage_code());
	stage_raw("UPDATE login_grant SET factors = 'what' WHERE id = 2");
	assert_int_equal(enough(), ERR_OK);
	stage_raw("UPDATE login_grant SET origin = '' WHERE id = 2");
	assert_int_equal(enough(), ERR_OK);
	assert_int_equal(enough_card, taros.row.id);
}

/* sshd that somebody started within the session. */
static void a_card_over_ssh_since_is_one_over_ssh(void **state)
{
	(void)state;
	began_with("card,password");
	ask_in_session(stage_code());
	use("card,totp", REUSE "ssh-card = possession\n");
	stage_raw("UPDATE login_grant SET factors = 'card,totp' WHERE id = 2");
	assert_int_equal(enough(), ERR_OK);
	stage_raw("UPDATE login_grant SET factors = 'ssh-card,totp' WHERE id = 2");
	assert_int_equal(enough(), ERR_NO_GRANT);
	/* And the login's is none, where a card was asked for since. */
	began_with("ssh-card,password");
	stage_raw("UPDATE login_grant SET factors = 'card,totp' WHERE id = 2");
	assert_int_equal(enough(), ERR_OK);
}

/* However often somebody asked: as many rows are read. */
static void the_newest_sixty_four_are_looked_at(void **state)
{
	char sql[600];

	for (int more = 63; more <= 64; more++) {
		if (more > 63)
			assert_int_equal(setup(state), 0);
		use("session,totp", REUSE);
		ask_in_session(stage_code());
		snprintf(sql, sizeof(sql), "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
			 "INSERT INTO login_grant SELECT 100 + i, person, card, 'session,password', class, service, origin, uid, boot_id, "
			 "boot_ms, real_s, audit_session, logind_session, host_pid, host_start, parent_pid, parent_start, through_root, "
			 "withdrawn, used_at FROM login_grant, n WHERE id = 2", more);
		stage_raw(sql);
		assert_int_equal(stage_grants(), 2 + more);
		assert_int_equal(enough(), more == 63 ? ERR_OK : ERR_NO_GRANT);
		if (more == 63)
			assert_int_equal(stage_teardown(state), 0);
	}
}

#define ALLOWED "SELECT count(*) FROM event WHERE type = 'account' AND result = 'OK'"

/* Whatever step fails, nothing was proved. */
static void a_fault_at_any_step_proves_nothing(void **state)
{
	enum err e;

	(void)state;
	for (size_t i = 0; i < FAULT_N_CODES; i++) {
		int64_t recorded;
		int n = 1;

		/* Once a full disk has used up the reserve of the store, other classes are refused. */
		use("session,totp", REUSE "when-full = yes\n");
		if (!i)
			ask_in_session(stage_code());
		recorded = stage_count(ALLOWED);
		/* Only whether the same was recorded before may stay unknown: then it is recorded once more. */
		for (; fault_run(WIRE_ACCOUNT, n, fault_codes[i], &e); n++) {
			assert_true(e >= ERR_UNAVAILABLE || stage_count(ALLOWED) > recorded);
			recorded = stage_count(ALLOWED);
		}
		assert_int_equal(e, ERR_OK);
		assert_true(n > 5);
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		PROVED_TEST(the_login_that_began_the_session),
		PROVED_TEST(over_ssh_its_card_is_told_apart),
		PROVED_TEST(a_login_without_card_has_none),
		PROVED_TEST(what_the_store_says_of_it),
		PROVED_TEST(the_newest_session_counts),
		PROVED_TEST(factors_that_are_none),
		PROVED_TEST(what_logind_says_of_it),
		PROVED_TEST(only_processes_within_it),
		PROVED_TEST(only_processes_of_its_audit_session),
		PROVED_TEST(nobody_else_has_it),
		PROVED_TEST(only_its_owner_asks_by_it),
		PROVED_TEST(another_boot_has_other_sessions),
		PROVED_TEST(it_counts_for_reuse),
		PROVED_TEST(without_a_clock_there_is_none),
		PROVED_TEST(two_kinds_are_joined),
		PROVED_TEST(the_login_alone_may_be_enough),
		PROVED_TEST(an_authentication_since_may_be_enough),
		PROVED_TEST(one_that_does_not_count_is_not_enough),
		PROVED_TEST(it_lives_no_longer_than_the_login),
		PROVED_TEST(a_whole_one_since_outlives_the_login),
		PROVED_TEST(in_a_session_that_began_elsewhere),
		PROVED_TEST(its_own_card_must_be_good),
		PROVED_TEST(the_newest_reason_is_told),
		PROVED_TEST(of_a_login_that_is_enough_nothing_since_matters),
		PROVED_TEST(a_card_over_ssh_since_is_one_over_ssh),
		PROVED_TEST(the_newest_sixty_four_are_looked_at),
		PROVED_TEST(a_fault_at_any_step_proves_nothing),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
