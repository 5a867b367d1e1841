/* SPDX-License-Identifier: Apache-2.0 */
/* Cards over ssh: what sshd verified counts for whom it is pinned, of sshd alone, for one session of this very connection. */
#include <libintl.h>

#include "stage_fault.h"
#include "stage_ssh.h"

#define POLICY STAGE_CHEAP "[default]\nfactors = card,totp card,password\nattempts = 4\n"
#define SSHD 700                /* the connection's process; authentication runs in children of it */

/* sshd's child asks, after these methods. */
static void connect_with(const char *user, const char *methods)
{
	stage_connect(user, methods);
	stage.peer.parent = SSHD;
	stage.peer.parent_start = 70;
}

static int setup(void **state)
{
	int rc = stage_setup_secrets(state);

	stage_policy(POLICY);
	connect_with("taro", stage_key_line(&taros));
	return rc;
}

#define SSH_TEST(function) cmocka_unit_test_setup_teardown(function, setup, stage_teardown)

static void the_cards_key_and_a_code_open(void **state)
{
	struct event_row ev;
	char sql[256];

	(void)state;
	assert_int_equal(stage_login(stage_code()), ERR_OK);
	assert_int_equal(stage.exchanges, 0);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_string_equal(ev.origin, "remote");
	assert_string_equal(ev.address, "192.0.2.5");
	assert_string_equal(ev.detail, "{\"class\":\"default\",\"factors\":\"ssh-card,totp\"}");
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM login_grant WHERE card = %lld AND factors = 'ssh-card,totp' AND "
		 "service = 'sshd' AND host_pid = 4242 AND parent_pid = 700 AND parent_start = 70", (long long)taros.row.id);
	assert_int_equal(stage_count(sql), 1);
	stage_pass(60);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	/* A wrong one is one that counts for taro. */
	assert_int_equal(stage_login("wrong wrong"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "remote"), 1);
	assert_int_equal(stage_failed(taro, "local"), 0);
}

/* Not recognised, for whatever reason: the same prompt, one sentence, and nothing of taro's is counted. */
static void other_keys_meet_the_same_prompt_and_a_refusal(void **state)
{
	static const char ed25519[] = "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea\n";
	char cut[1024], glued[2048], remark[1024], joined[1024];
	const char *rows[12];
	size_t n = 0;

	(void)state;
	snprintf(cut, sizeof(cut), "%.*s\n", (int)strlen(stage_key_line(&taros)) - 5, stage_key_line(&taros));
	/* As long as the name of the method, and another one. */
	snprintf(glued, sizeof(glued), "hostbased %s", strchr(stage_key_line(&taros), ' ') + 1);
	/* sshd puts nothing behind a key. */
	snprintf(joined, sizeof(joined), "%.*s#taro\n", (int)strlen(stage_key_line(&taros)) - 1, stage_key_line(&taros));
	snprintf(remark, sizeof(remark), "%.*s taro\n", (int)strlen(stage_key_line(&taros)) - 1, stage_key_line(&taros));
	rows[n++] = joined;
	rows[n++] = remark;
	rows[n++] = "";
	rows[n++] = "publickey\n";
	rows[n++] = "publickey \n";
	rows[n++] = "publickey ssh-rsa\n";
	rows[n++] = "keyboard-interactive/pam\n";
	rows[n++] = ed25519;
	rows[n++] = cut;
	rows[n++] = glued;
	for (size_t i = 0; i <= n; i++) {
		connect_with("taro", i < n ? rows[i] : stage_key_line(&hanakos));
		assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
		assert_string_equal(stage.shown, PROMPT_EITHER TELL_STRANGER);
		assert_int_equal(stage_failed(taro, "remote"), 0);
	}
	/* A name that nobody has. */
	connect_with("nobody-at-all", stage_key_line(&taros));
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_EITHER TELL_STRANGER);
	assert_int_equal(stage.exchanges, 0);
}

static void any_of_several_keys_will_do(void **state)
{
	char methods[4096];

	(void)state;
	snprintf(methods, sizeof(methods), "%s", stage_key_line(&hanakos));
	strcat(methods, "keyboard-interactive/pam\n");
	strcat(methods, stage_key_line(&taros));
	connect_with("taro", methods);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
}

/* Nobody has to prove more than four: a fifth is not looked at. */
static void of_many_keys_four_are_looked_at(void **state)
{
	char methods[8192] = "";

	(void)state;
	for (int i = 0; i < 3; i++)
		strcat(methods, stage_key_line(&hanakos));
	strcat(methods, stage_key_line(&taros));
	connect_with("taro", methods);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	snprintf(methods, sizeof(methods), "%s%s", stage_key_line(&hanakos), stage.request.auth_info);
	connect_with("taro", methods);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
}

static void a_revoked_cards_key_is_a_strangers(void **state)
{
	struct event_row ev;

	(void)state;
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_EITHER TELL_STRANGER);
	assert_string_equal(stage_last_event(&ev), "login REVOKED");
	assert_string_equal(ev.card, taros.row.card_id.text);
}

/* A program that is not sshd can put anything into its PAM environment. */
static void only_sshd_is_believed(void **state)
{
	static const char *const programs[] = { "/usr/bin/sshd", "/home/taro/sshd", "/usr/sbin/sshd (deleted)", "", "/usr/bin/cardtool" };

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		connect_with("taro", stage_key_line(&taros));
		stage_text(stage.peer.exe, sizeof(stage.peer.exe), programs[i]);
		assert_int_not_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	}
	connect_with("taro", stage_key_line(&taros));
	stage_request(service, "sshd-other");
	assert_int_not_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	connect_with("taro", stage_key_line(&taros));
	stage.peer.ruid = 1001;
	assert_int_not_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	connect_with("taro", stage_key_line(&taros));
	stage.peer.ruid = stage.peer.euid = 1001;
	stage.peer.root_socket = false;
	assert_int_not_equal(stage_login(STAGE_PASSWORD), ERR_OK);
}

/* A key that was enrolled as one that signs without PIN is no `card`. */
static void a_key_without_pin_is_possession_alone(void **state)
{
	(void)state;
	stage_raw("UPDATE card SET pin_proved = 0 WHERE id = 1");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_NO_FACTOR);
	assert_int_equal(stage.asked, 0);
	stage_policy(STAGE_CHEAP "[default]\nfactors = card-nopin,password card,totp\n");
	connect_with("taro", stage_key_line(&taros));
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
}

static void without_the_card_the_other_way_stays_open(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp password,totp\n");
	connect_with("taro", "");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_FIRST);
}

/* A key signs again and again without its holder: only guesses that were counted, and logins, are rows of the log. */
static void connections_without_end_fill_no_log(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(stage_login("wrong wrong"), ERR_SECRET_WRONG);
	assert_int_equal(stage_count("SELECT count(*) FROM event WHERE result = 'SECRET_WRONG'"), 4);
	assert_int_equal(stage_count("SELECT count(*) FROM unproved"), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(stage_login(STAGE_PASSWORD), ERR_DENIED);
	/* sshd would not show a text in front of the refusal. */
	assert_int_equal(stage.asked, 1);
	assert_non_null(strstr(stage.shown, "? Locked after too many failures until "));
	stage_set_state(taro, PERSON_LOCKED);
	for (int i = 0; i < 5; i++)
		assert_int_equal(stage_login(STAGE_PASSWORD), ERR_LOCKED);
	assert_string_equal(stage.shown, "? Your account is locked. Ask the systems section. Press Enter: \n" TELL(LOCKED));
	/* With the lockout. */
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 5);
	assert_int_equal(stage_count("SELECT sum(failed) FROM unproved WHERE origin = 'remote' AND address = '192.0.2.5'"), 10);
	assert_int_equal(stage_failures(taro), 14);
}

/* -- account and session: by what the kernel says of the connection -- */

static void enter_connection(int64_t pid, int64_t start)
{
	stage.peer.pid = pid;
	stage.peer.start = start;
	stage.peer.parent = 1;
	stage.peer.parent_start = 1;
	stage_request(auth_info, "");
}

static void the_connection_redeems_it_once(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	/* Other connections, and one whose process has the number of an earlier one. */
	enter_connection(SSHD + 1, 70);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	enter_connection(SSHD, 71);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	enter_connection(SSHD, 70);
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	stage_request(user, "taro");
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	assert_int_equal(stage_count("SELECT count(*) FROM session"), 1);
}

/* Public key alone never calls authenticate; what the environment says of keys then is nothing. */
static void without_authentication_there_is_no_way(void **state)
{
	(void)state;
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
}

/* Only sshd forks to authenticate: elsewhere a parent has nothing of its child's. */
static void other_hosts_have_nothing_of_their_children(void **state)
{
	(void)state;
	stage_at_console("taro");
	stage.cards[0] = &taros;
	stage.peer.parent = SSHD;
	stage.peer.parent_start = 70;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	enter_connection(SSHD, 70);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
}

static void revoked_between_login_and_session(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	stage_move_card(&taros, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_REVOKED);
	enter_connection(SSHD, 70);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_REVOKED);
}

/* Its row holds another card's key: neither key opens, and it is said. */
static void a_key_that_was_exchanged_in_the_store_opens_nothing(void **state)
{
	char own[KEY_SSH_TEXT_SIZE + 16];

	(void)state;
	snprintf(own, sizeof(own), "%s", stage_key_line(&taros));
	stage_raw("UPDATE card SET spki = (SELECT spki FROM card WHERE id = 2) WHERE id = 1");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_STORE_CORRUPT);
	connect_with("taro", stage_key_line(&hanakos));
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_STORE_CORRUPT);
	assert_string_equal(stage.shown, TELL_STRANGER);
}

/* One row out of order does not shut out the card beside it. */
static void the_other_card_of_the_person_still_opens(void **state)
{
	struct stage_card second = stage_new_card(1, 0x55);

	(void)state;
	stage_enrol(&second, taro);
	stage_raw("UPDATE card SET spki = (SELECT spki FROM card WHERE id = 2) WHERE id = 1");
	connect_with("taro", stage_key_line(&second));
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
}

/* Who named both has logged in with the one that was enrolled first, whatever became of the other. */
static void of_two_cards_the_first_is_recorded(void **state)
{
	struct stage_card second = stage_new_card(1, 0x55);
	char methods[4096];
	struct event_row ev;

	(void)state;
	stage_enrol(&second, taro);
	snprintf(methods, sizeof(methods), "%s", stage_key_line(&second));
	strcat(methods, stage_key_line(&taros));
	for (int revoked = 0; revoked < 2; revoked++) {
		connect_with("taro", methods);
		assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
		assert_string_equal(stage_last_event(&ev), "login OK");
		assert_string_equal(ev.card, taros.row.card_id.text);
		stage_move_card(&second, CARD_REVOKED);
	}
}

/* What could not be read is never taken for a card that is not there, nor what was read before for the whole. */
static void a_store_that_fails_proves_no_card(void **state)
{
	struct stage_card second = stage_new_card(1, 0x55);
	enum err e = ERR_OK;

	(void)state;
	stage_enrol(&second, taro);
	/* The first login makes what later ones find: the last class. */
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	for (int n = 1;; n++) {
		bool met;

		/* Each finds the same. */
		fixture_raw(rules_dir, "DELETE FROM try; DELETE FROM bucket; DELETE FROM login_grant");
		stage_type(STAGE_PASSWORD);
		met = fault_run(WIRE_AUTH, n, SQLITE_IOERR, &e);
		if (!met)
			break;
		assert_true(e >= ERR_UNAVAILABLE);
	}
	assert_int_equal(e, ERR_OK);
}

/* -- a language that is no ASCII -- */

#define WRONG "\xE9\x81\x95\xE3\x81\x84\xE3\x81\xBE\xE3\x81\x99"

static const char *translated;  /* of "Wrong code or password.", NULL: itself */

#undef gettext
#undef dcgettext
/* In the place of libc's. */
char *gettext(const char *id)
{
	return (char *)(uintptr_t)(translated && !strcmp(id, "Wrong code or password.") ? translated : id);
}

char *dcgettext(const char *domain, const char *id, int category)
{
	(void)domain;
	(void)category;
	return gettext(id);
}

static void it_is_on_record(void)
{
	struct event_row ev;

	assert_string_equal(stage_last_event(&ev), "login SECRET_WRONG");
	assert_int_equal(stage_failed(taro, "remote"), 1);
}

/* ssh would show it in numbers. */
static void a_refusal_beyond_ascii_is_confirmed(void **state)
{
	static const char question[] = PROMPT_EITHER "? " WRONG " Press Enter: \n";

	(void)state;
	translated = WRONG;
	stage_type("wrong wrong", "");
	stage.answers[1].before = it_is_on_record;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, question);
	/* Who hangs up there is refused as well. */
	stage_type("wrong wrong", NULL);
	assert_int_equal(stage_run(WIRE_AUTH), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, question);
	translated = "Falsch.";
	stage_type("wrong wrong");
	assert_int_equal(stage_run(WIRE_AUTH), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_EITHER TELL(SECRET_WRONG));
	/* Who shows no texts at all, as sudo, asks again by itself. */
	translated = WRONG;
	stage_at_console("taro");
	stage.request.flags = STAGE_SILENT;
	stage.cards[0] = &taros;
	stage_type(STAGE_PIN, "wrong wrong");
	assert_int_equal(stage_run(WIRE_AUTH), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL(SECRET_WRONG));
	translated = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SSH_TEST(the_cards_key_and_a_code_open),
		SSH_TEST(other_keys_meet_the_same_prompt_and_a_refusal),
		SSH_TEST(any_of_several_keys_will_do),
		SSH_TEST(of_many_keys_four_are_looked_at),
		SSH_TEST(a_revoked_cards_key_is_a_strangers),
		SSH_TEST(only_sshd_is_believed),
		SSH_TEST(a_key_without_pin_is_possession_alone),
		SSH_TEST(without_the_card_the_other_way_stays_open),
		SSH_TEST(connections_without_end_fill_no_log),
		SSH_TEST(the_connection_redeems_it_once),
		SSH_TEST(without_authentication_there_is_no_way),
		SSH_TEST(other_hosts_have_nothing_of_their_children),
		SSH_TEST(revoked_between_login_and_session),
		SSH_TEST(a_key_that_was_exchanged_in_the_store_opens_nothing),
		SSH_TEST(the_other_card_of_the_person_still_opens),
		SSH_TEST(of_two_cards_the_first_is_recorded),
		SSH_TEST(a_store_that_fails_proves_no_card),
		SSH_TEST(a_refusal_beyond_ascii_is_confirmed),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
