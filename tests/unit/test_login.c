/* SPDX-License-Identifier: Apache-2.0 */
/* Which way of logging in is offered to whom, what is asked and what is told. */
#include "../../lib/auth/login.h"

#include "stage.h"

#define BOTH_WAYS STAGE_CHEAP "[default]\nfactors = card,totp password,totp\nattempts = 3\n"

static void card_and_code_open(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_FIRST);
	assert_int_equal(taros.signatures, 1);
	assert_int_equal(stage.hashed, 0);
}

static void card_and_password_open(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_FIRST);
	assert_int_equal(stage.hashed, 1);
}

static void any_wrong_factor_refuses(void **state)
{
	static const char *const wrong[] = { "wrong-password", "12345", "1234567", "000000", " ", STAGE_PASSWORD " " };

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card,password\nattempts = 20\n");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(stage_login(STAGE_PIN, wrong[i]), ERR_SECRET_WRONG);
		assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL(SECRET_WRONG));
	}
	assert_int_equal(stage_login("654321", STAGE_PASSWORD), ERR_PIN_WRONG);
	assert_memory_equal(stage.shown, PROMPT_PIN "e Wrong PIN.", strlen(PROMPT_PIN "e Wrong PIN."));
	assert_int_equal(stage.told, 1);
}

/* -- who has no recognised card of that name -- */

static const char *const names[] = { "taro", "hanako", "jiro", "root", "nobody-at-all", "" };

static const char *stranger_sees(const char *user, const char *first, const char *second, const char *third)
{
	stage_request(user, user);
	assert_int_not_equal(stage_login(first, second, third), ERR_OK);
	return stage.shown;
}

/* One of each kind: the same prompts, text and code, whatever is typed. */
static void a_strangers_card_has_one_face(void **state)
{
	static const char *const typed[][2] = {
		{ STAGE_PIN, "000000" }, { STAGE_PIN, STAGE_PASSWORD }, { "654321", "12345678" }, { "", "x" }, { "12", "\xEF\xBC\x91" },
	};
	struct stage_card strange = stage_new_card(1, 0x99);

	(void)state;
	stage.cards[0] = &strange;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t j = 0; j < sizeof(typed) / sizeof(typed[0]); j++) {
			assert_string_equal(stranger_sees(names[i], typed[j][0], typed[j][1], NULL),
					    PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
			assert_int_equal(stage.result.result, ERR_SECRET_WRONG);
			assert_int_equal(strange.signatures, 0);
		}
	/* Cards of his own that count no more are strangers' too. */
	stage.cards[0] = &taros;
	stage_request(user, "taro");
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_string_equal(stranger_sees("taro", STAGE_PIN, STAGE_PASSWORD, NULL), PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	stage_move_card(&taros, CARD_REVOKED);
	assert_string_equal(stranger_sees("taro", STAGE_PIN, STAGE_PASSWORD, NULL), PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	assert_string_equal(stranger_sees("hanako", STAGE_PIN, STAGE_PASSWORD, NULL), PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	assert_int_equal(taros.signatures, 0);
	/* Nobody was locked out by it. */
	assert_int_equal(stage_failed(taro, "local"), 0);
}

static void without_a_card_everybody_hears_the_same(void **state)
{
	(void)state;
	stage.cards[0] = NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(stranger_sees(names[i], STAGE_PASSWORD, NULL, NULL),
				    TELL_INSERT TELL(NO_CARD));
		assert_int_equal(stage.result.result, ERR_NO_CARD);
		assert_int_equal(stage.asked, 0);
	}
	assert_int_equal(stage_failures(taro), 0);
}

/* Over the network, where the class has a way without card. */
static void remote_names_have_one_face(void **state)
{
	(void)state;
	stage_policy(BOTH_WAYS);
	stage_from("taro", "192.0.2.5");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(stranger_sees(names[i], "wrong-password", "000000", NULL),
				    PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
		assert_int_equal(stage.result.result, ERR_SECRET_WRONG);
		assert_int_equal(stage.hashed, 1);
		assert_int_equal(stage.exchanges, 0);
	}
	stage_set_state(taro, PERSON_LOCKED);
	assert_string_equal(stranger_sees("taro", STAGE_PASSWORD, stage_code(), NULL), PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	assert_int_equal(stage.result.result, ERR_SECRET_WRONG);
}

/* Nothing can be completed there: asked all the same, refused all the same, charged to the address alone. */
static void a_class_of_cards_opens_nothing_from_afar(void **state)
{
	(void)state;
	stage_from("taro", "192.0.2.5");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(stranger_sees(names[i], STAGE_PASSWORD, NULL, NULL), PROMPT_EITHER TELL_REFUSED);
		assert_int_equal(stage.hashed, 1);
	}
	assert_string_equal(stranger_sees("taro", stage_code(), NULL, NULL), PROMPT_EITHER TELL_REFUSED);
	assert_int_equal(stage.exchanges, 0);
	assert_int_equal(stage_failed(taro, "remote"), 0);
	assert_int_equal(stage_failed(0, "addr:192.0.2.5"), 7);
	/* The code was not used up by it. */
	stage_at_console("taro");
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
}

/* -- ways with and without a card side by side -- */

static void who_has_his_card_in_must_use_it(void **state)
{
	(void)state;
	stage_policy(BOTH_WAYS);
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_CODE TELL_FIRST);
	stage_pass(60);
	assert_int_equal(stage_login("654321"), ERR_PIN_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "local"), 1);
}

static void without_his_card_the_other_way_is_open_at_once(void **state)
{
	struct event_row ev;

	(void)state;
	stage_policy(BOTH_WAYS);
	stage.cards[0] = NULL;
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_FIRST);
	assert_string_equal(stage_last_event(&ev), "login OK");
	assert_string_equal(ev.card, "");
	assert_string_equal(ev.detail, "{\"class\":\"default\",\"factors\":\"password,totp\"}");
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE card IS NULL AND factors = 'password,totp'"), 1);
	stage_pass(60);
	assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	assert_int_equal(stage_login("wrong-password", stage_code()), ERR_SECRET_WRONG);
	assert_int_equal(stage_login("wrong-password", "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "local"), 3);
}

static void anothers_card_beside_it_changes_nothing(void **state)
{
	(void)state;
	stage_policy(BOTH_WAYS);
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_FIRST);
	assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	/* One face again: nothing is said of the card. */
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
}

/* What is open without a card is not closed by readers that fail or by a card that is no PIV card. */
static void a_reader_out_of_order_does_not_close_the_other_way(void **state)
{
	struct stage_card other_kind = stage_new_card(1, 0);

	(void)state;
	stage_policy(BOTH_WAYS);
	other_kind.seen = ERR_CARD_FAILED;
	stage.cards[0] = &other_kind;
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	stage_pass(60);
	other_kind.seen = ERR_PCSC;
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	/* Beside somebody else's card, too. */
	for (size_t i = 0; i < 2; i++) {
		stage_pass(60);
		stage.cards[i] = &hanakos;
		stage.cards[!i] = &other_kind;
		assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	}
}

/* Nor by readers that are busy; what ends the whole login ends it here too. */
static void only_a_readers_trouble_leaves_the_other_way(void **state)
{
	static const struct {
		enum err of_reader, result;
	} rows[] = {
		{ ERR_BUSY, ERR_OK }, { ERR_PCSC, ERR_OK }, { ERR_NO_CARD, ERR_OK }, { ERR_CARD_FAILED, ERR_OK },
		{ ERR_UNAVAILABLE, ERR_UNAVAILABLE }, { ERR_TIMEOUT, ERR_TIMEOUT }, { ERR_CANCELLED, ERR_CANCELLED },
		{ ERR_STORE, ERR_STORE },
	};

	(void)state;
	stage_policy(BOTH_WAYS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage_pass(60);
		stage.exchange_fails_at = 1;
		stage.exchange_error = rows[i].of_reader;
		assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), rows[i].result);
		assert_int_equal(stage.asked, rows[i].result == ERR_OK ? 2 : 0);
	}
}

/* In whatever order the alternatives stand. */
static void the_other_way_may_stand_anywhere(void **state)
{
	static const char *const orders[] = {
		"password,totp card,totp", "card,totp password,totp card,password", "card,totp password,totp",
		"card,totp password,totp session,password",
	};
	char policy[256];

	(void)state;
	stage.cards[0] = NULL;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		stage_pass(60);
		snprintf(policy, sizeof(policy), "%s[default]\nfactors = %s\n", STAGE_CHEAP, orders[i]);
		stage_policy(policy);
		assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
		assert_string_equal(strchr(stage.shown, '?'), strstr(stage.shown, PROMPT_PASSWORD PROMPT_CODE));
	}
	/* What a session proved is no other way. */
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp session,password\n");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_NO_CARD);
	assert_int_equal(stage.asked, 0);
}

/* An alternative with `session` is not offered: what the session proved is not known here. */
static void session_is_never_offered(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = session,password\n");
	assert_int_equal(stage_login(STAGE_PASSWORD, STAGE_PASSWORD), ERR_DENIED);
	assert_string_equal(stage.shown, TELL_REFUSED);
	assert_int_equal(stage.asked, 0);
	stage_policy(STAGE_CHEAP "[default]\nfactors = session,password password,totp\n");
	assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	stage_policy(STAGE_CHEAP "[default]\nfactors = session,password card,password,totp\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_PASSWORD PROMPT_CODE TELL(SECRET_WRONG));
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, stage_code()), ERR_OK);
	/* Hopeless and without anything to ask beside the session. */
	stage_from("taro", "192.0.2.5");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
}

static void the_card_alone_where_the_class_says_so(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card\n");
	assert_int_equal(stage_login(STAGE_PIN), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN TELL_FIRST);
	assert_int_equal(stage.asked, 1);
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PIN), ERR_DENIED);
	assert_string_equal(stage.shown, PROMPT_PIN TELL_STRANGER);
	stage_from("taro", "192.0.2.5");
	assert_int_equal(stage_login(STAGE_PIN), ERR_DENIED);
	assert_string_equal(stage.shown, TELL_REFUSED);
}

/* -- who holds his card may hear the truth -- */

static void fill_bucket(int64_t person, const char *origin)
{
	struct bucket_row b = { .person = person, .failed = 3 };

	strcpy(b.origin, origin);
	assert_int_equal(clock_now(&b.last), ERR_OK);
	rules_begin();
	assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	rules_commit();
}

static void a_lock_is_told_before_the_pin(void **state)
{
	(void)state;
	fill_bucket(taro, "local");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_DENIED);
	assert_int_equal(stage.asked, 0);
	assert_memory_equal(stage.shown, "e Locked after too many failures until 2", 40);
	/* Once. */
	assert_ptr_equal(strchr(stage.shown, '\n'), stage.shown + strlen(stage.shown) - 1);
	assert_int_equal(taros.signatures, 0);
	/* To him alone. */
	stage.cards[0] = &hanakos;
	assert_string_equal(stranger_sees("taro", STAGE_PIN, STAGE_PASSWORD, NULL), PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	/* It ends by itself. */
	stage.cards[0] = &taros;
	stage_pass(901);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	fill_bucket(taro, "remote");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
}

static void a_lock_that_cannot_be_told_still_stands(void **state)
{
	(void)state;
	fill_bucket(taro, "local");
	stage.tell_fails_at = 1;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_CONVERSATION);
	assert_int_equal(stage.asked, 0);
}

/* A prompt, whose answer is nothing: sudo shows no text. */
static void a_silent_host_asks_to_confirm_a_lock(void **state)
{
	static const char tail[] = "The systems section can unlock you. Press Enter: \n";

	(void)state;
	stage.request.flags = STAGE_SILENT;
	fill_bucket(taro, "local");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_DENIED);
	assert_memory_equal(stage.shown, "? Locked after too many failures until 2", 40);
	assert_string_equal(stage.shown + strlen(stage.shown) - strlen(tail), tail);
	assert_int_equal(stage.asked, 1);
	assert_int_equal(stage_login(NULL), ERR_CONVERSATION);
	assert_int_equal(stage.asked, 1);
	stage.cards[0] = &hanakos;
	assert_string_equal(stranger_sees("taro", STAGE_PIN, STAGE_PASSWORD, NULL), PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	stage.cards[0] = &taros;
	stage_pass(901);
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_LOCKED);
	assert_string_equal(stage.shown, "? Your account is locked. Ask the systems section. Press Enter: \n" TELL(LOCKED));
	assert_int_equal(stage_login(NULL), ERR_CONVERSATION);
	assert_int_equal(taros.signatures, 0);
	assert_int_equal(stage.hashed, 0);
}

/* taro has logged in, and stands at his shell's sudo. */
static void sudo_in_a_session(void)
{
	stage_policy(STAGE_CHEAP "[class switch]\nservice = sudo\nfactors = session,totp session,password\nattempts = 3\n"
		     "[default]\nfactors = card,password\nattempts = 3\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), "/user.slice/user-1001.slice/session-12.scope");
	stage.peer.audit_session = 12;
	host.session = "12";
	host.session_service = "login";
	host.session_active = true;
	host.session_uid = 1001;
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
	stage_request(service, "sudo");
	stage.peer.ruid = 1001;
	stage.peer.audit_session = 12;
	stage.peer.pid++;
}

/* No PIN is asked for there: before the code. */
static void a_lock_is_told_within_the_session(void **state)
{
	(void)state;
	sudo_in_a_session();
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_memory_equal(stage.shown, PROMPT_EITHER, strlen(PROMPT_EITHER));
	fill_bucket(taro, "uid:1001");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_DENIED);
	assert_int_equal(stage.asked, 0);
	assert_memory_equal(stage.shown, "e Locked after too many failures until 2", 40);
	stage.request.flags = STAGE_SILENT;
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_DENIED);
	assert_int_equal(stage.asked, 1);
	assert_memory_equal(stage.shown, "? Locked after too many failures until 2", 40);
	assert_int_equal(stage.hashed, 0);
	stage_pass(901);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
}

static void a_locked_person_is_told_before_the_pin(void **state)
{
	(void)state;
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_LOCKED);
	assert_string_equal(stage.shown, TELL(LOCKED));
	assert_int_equal(stage_count("SELECT count(*) FROM try"), 0);
}

/* -- what is said in the end -- */

static void a_refusal_that_cannot_be_shown_is_one(void **state)
{
	(void)state;
	stage.tell_fails_at = 1;
	assert_int_equal(stage_login(STAGE_PIN, "000000"), ERR_SECRET_WRONG);
	assert_non_null(strstr(stage.log, "the refusal could not be shown"));
	assert_int_equal(stage_failed(taro, "local"), 1);
}

static void nothing_is_told_to_who_has_gone(void **state)
{
	static const enum err ends[] = { ERR_CONVERSATION, ERR_UNAVAILABLE };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		stage_type(STAGE_PIN);
		stage.answers[1].result = ends[i];
		assert_int_equal(stage_run(WIRE_AUTH), ends[i]);
		assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER);
		stage_type(NULL);
		stage.answers[0].result = ends[i];
		assert_int_equal(stage_run(WIRE_AUTH), ends[i]);
		assert_string_equal(stage.shown, PROMPT_PIN);
	}
	assert_int_equal(stage_failed(taro, "local"), 0);
	/* On record is that the PIN was used. */
	assert_int_equal(stage_failures(taro), 2);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 2);
	assert_string_equal(stage_last_event(NULL), "login UNAVAILABLE");
}

/* What concerns the machine and no person is told to everybody. */
static void troubles_of_the_machine_are_told(void **state)
{
	static const struct {
		enum err e;
		const char *text;
	} rows[] = {
		{ ERR_PCSC, TELL(PCSC) },
		{ ERR_BUSY, TELL(BUSY) },
		{ ERR_TIMEOUT, TELL(TIMEOUT) },
		{ ERR_STORE_FULL, TELL(STORE_FULL) },
		{ ERR_NO_CARD, TELL(NO_CARD) },
		{ ERR_CARD_REMOVED, TELL_REFUSED }, { ERR_PROTOCOL, TELL_REFUSED }, { ERR_SYSTEM, TELL_REFUSED },
		{ ERR_UNAVAILABLE, "" },
	};

	(void)state;
	stage.exchange_fails_at = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage.exchange_error = rows[i].e;
		assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), rows[i].e);
		assert_string_equal(stage.shown, rows[i].text);
	}
}

/* -- a store without space -- */

static void a_full_store_lets_in_whom_the_class_allows(void **state)
{
	(void)state;
	stage.store_full = true;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_STORE_FULL);
	assert_string_equal(stage.shown, TELL(STORE_FULL));
	assert_int_equal(stage.asked, 0);
	stage_policy(STAGE_POLICY "when-full = yes\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	stage_policy(STAGE_POLICY "when-full = no\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_STORE_FULL);
}

/* -- who asks -- */

static void others_than_root_authenticate_themselves_only(void **state)
{
	(void)state;
	stage_policy(STAGE_BOTH);
	stage_as_user("taro", 1001);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	stage_pass(60);
	stage_as_user("taro", 1002);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_UNAVAILABLE);
	assert_string_equal(stage.shown, "");
	stage_as_user("taro", 0);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_UNAVAILABLE);
	stage_as_user("nobody-at-all", -1);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_UNAVAILABLE);
	stage_as_user("taro", 1001);
	host.vanished = "taro";
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_UNAVAILABLE);
	assert_int_equal(stage_failures(taro), 0);
}

/* A locker's failures are its user's own bucket. */
static void a_callers_origin_is_his_real_uid(void **state)
{
	(void)state;
	stage_policy(STAGE_BOTH);
	stage_as_user("taro", 1001);
	assert_int_equal(stage_login("wrong-password", "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "uid:1001"), 1);
	assert_int_equal(stage_failed(taro, "local"), 0);
}

/* -- limits of the class, of settings, and time -- */

static void the_class_limits_count(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card,password\nattempts = 2\nlock = 1min\n");
	for (int i = 0; i < 2; i++)
		assert_int_equal(stage_login(STAGE_PIN, "wrong-password"), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_DENIED);
	stage_pass(58);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_DENIED);
	stage_pass(3);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
}

/* One bucket serves all classes: what a long lock counted outlives a try in a class of a short one. */
static void the_longest_lock_of_all_classes_keeps_the_bucket(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[class long]\nservice = gdm-password\nfactors = card,password\nattempts = 3\nlock = 1h\n"
		     "[class middle]\nservice = sudo\nfactors = card,password\nattempts = 3\nlock = 2min\n"
		     "[default]\nfactors = card,password\nattempts = 3\nlock = 1min\n");
	stage_request(service, "gdm-password");
	for (int i = 0; i < 2; i++)
		assert_int_equal(stage_login(STAGE_PIN, "wrong-password"), ERR_SECRET_WRONG);
	stage_pass(300);
	stage_request(service, "login");
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "local"), 3);
	stage_request(service, "gdm-password");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_DENIED);
}

static void the_limits_of_addresses_count(void **state)
{
	(void)state;
	stage_policy("[settings]\nargon2-memory = 19MiB\nargon2-time = 1\naddress-attempts = 5\naddress-lock = 1min\n"
		     "[default]\nfactors = card,totp password,totp\n");
	stage_from("nobody-at-all", "192.0.2.5");
	for (int i = 0; i < 5; i++)
		assert_int_equal(stage_login("x", "000000"), ERR_SECRET_WRONG);
	stage_request(user, "taro");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_LOCKED);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	assert_int_equal(stage.hashed, 1);
	stage_request(rhost, "192.0.2.6");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	stage_request(rhost, "192.0.2.5");
	stage_pass(61);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
}

static void two_minutes(void)
{
	stage_pass(109);
}

static void half_a_minute(void)
{
	stage_pass(2);
}

static void the_time_of_a_login_ends(void **state)
{
	(void)state;
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.answers[0].before = two_minutes;
	stage.answers[1].before = half_a_minute;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_TIMEOUT);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL(TIMEOUT));
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.answers[0].before = two_minutes;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_OK);
	stage_policy(STAGE_POLICY "login-time = 20s\ncard-wait = 10s\n");
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.answers[0].before = two_minutes;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_TIMEOUT);
}

/* -- several tries on one handle -- */

static void A8_tries_stand_alone(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,password,totp\nattempts = 6\n");
	/* wrong, wrong, right */
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password", "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password", "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "local"), 2);
	assert_int_equal(stage_failures(taro), 2);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_int_equal(stage_failed(taro, "local"), 0);
	stage_pass(90);
	/* Right first and wrong second, then wrong first and right second. */
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password", stage_code()), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "local"), 2);
	assert_int_equal(stage_failures(taro), 2);
	/* The PIN of one try and the rest of another. */
	assert_int_equal(stage_login("654321", STAGE_PASSWORD, stage_code()), ERR_PIN_WRONG);
	assert_int_equal(stage_login("", STAGE_PASSWORD, stage_code()), ERR_PIN_FORMAT);
	/* Nor does a person's try open for another. */
	stage_request(user, "hanako");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, stage_code_of(6, 1)), ERR_SECRET_WRONG);
	assert_int_equal(stage_failed(taro, "local"), 2);
}

static void A9_a_proof_is_that_of_its_user(void **state)
{
	struct stage_card *bobs = &hanakos;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	/* The same process, then another name. */
	stage_request(user, "hanako");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NO_GRANT);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_NO_GRANT);
	stage_request(user, "jiro");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_NOT_A_PERSON);
	/* Looked up afresh, back again and under another name of the same uid. */
	stage_request(user, "taro");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	stage_request(user, "alias");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
	/* alice's card and code are no use for bob, though bob's own are. */
	stage_request(user, "hanako");
	stage_password(hanako, "hanako's own");
	assert_int_equal(stage_login(STAGE_PIN, "hanako's own"), ERR_SECRET_WRONG);
	stage.cards[0] = bobs;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, "hanako's own"), ERR_OK);
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST_SECRETS(card_and_code_open),
		STAGE_TEST_SECRETS(card_and_password_open),
		STAGE_TEST_SECRETS(any_wrong_factor_refuses),
		STAGE_TEST_SECRETS(a_strangers_card_has_one_face),
		STAGE_TEST_SECRETS(without_a_card_everybody_hears_the_same),
		STAGE_TEST_SECRETS(remote_names_have_one_face),
		STAGE_TEST_SECRETS(a_class_of_cards_opens_nothing_from_afar),
		STAGE_TEST_SECRETS(who_has_his_card_in_must_use_it),
		STAGE_TEST_SECRETS(without_his_card_the_other_way_is_open_at_once),
		STAGE_TEST_SECRETS(anothers_card_beside_it_changes_nothing),
		STAGE_TEST_SECRETS(a_reader_out_of_order_does_not_close_the_other_way),
		STAGE_TEST_SECRETS(only_a_readers_trouble_leaves_the_other_way),
		STAGE_TEST_SECRETS(the_other_way_may_stand_anywhere),
		STAGE_TEST_SECRETS(session_is_never_offered),
		STAGE_TEST_SECRETS(the_card_alone_where_the_class_says_so),
		STAGE_TEST_SECRETS(a_lock_is_told_before_the_pin),
		STAGE_TEST_SECRETS(a_lock_that_cannot_be_told_still_stands),
		STAGE_TEST_SECRETS(a_silent_host_asks_to_confirm_a_lock),
		STAGE_TEST_SECRETS(a_lock_is_told_within_the_session),
		STAGE_TEST_SECRETS(a_locked_person_is_told_before_the_pin),
		STAGE_TEST_SECRETS(a_refusal_that_cannot_be_shown_is_one),
		STAGE_TEST_SECRETS(nothing_is_told_to_who_has_gone),
		STAGE_TEST_SECRETS(troubles_of_the_machine_are_told),
		STAGE_TEST_SECRETS(a_full_store_lets_in_whom_the_class_allows),
		STAGE_TEST_SECRETS(others_than_root_authenticate_themselves_only),
		STAGE_TEST_SECRETS(a_callers_origin_is_his_real_uid),
		STAGE_TEST_SECRETS(the_class_limits_count),
		STAGE_TEST_SECRETS(the_longest_lock_of_all_classes_keeps_the_bucket),
		STAGE_TEST_SECRETS(the_limits_of_addresses_count),
		STAGE_TEST_SECRETS(the_time_of_a_login_ends),
		STAGE_TEST_SECRETS(A8_tries_stand_alone),
		STAGE_TEST_SECRETS(A9_a_proof_is_that_of_its_user),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
