/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes and passwords of a login: what is asked, which it is taken for, and that each guess is counted before it is checked.
 * login_answer.c is taken in as source, so that its verifiers can be watched and replaced (A4).
 */
#include "factor_password.h"
#include "factor_totp.h"

static enum err watched_totp(struct store *s, const struct keyring *k, int64_t person, unsigned window, const struct secret *code,
			     int64_t now);
static enum err watched_password(struct store *s, const struct keyring *k, int64_t person, const struct secret *password,
				 struct pwhash_cost cost, bool *renew);
static enum err watched_make(const struct keyring *k, int64_t person, const struct secret *password, struct pwhash_cost cost,
			     int64_t now, struct password_row *ret);
static enum err watched_totp_dummy(const struct keyring *k, unsigned window, const struct secret *code, int64_t now);

#define factor_totp_check watched_totp
#define factor_totp_dummy watched_totp_dummy
#define factor_password_check watched_password
#define factor_password_make watched_make
#include "../../lib/auth/login_answer.c"
#undef factor_totp_check
#undef factor_totp_dummy
#undef factor_password_check
#undef factor_password_make

#include "hash_count.h"
#include "stage_fault.h"

#define TWO STAGE_CHEAP "[default]\nfactors = card,password,totp\nattempts = 3\n"

static struct {
	int codes, passwords;           /* real checks */
	int dummy_codes;
	const enum err *code, *password;        /* what they answer instead */
	bool make_fails;
	const char *meanwhile;          /* what another process does while a code is checked */
} seen;

/* A try stands in the store, committed, before any verifier runs. */
static void assert_counted(int64_t person)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM try WHERE person = %lld", (long long)person);
	assert_int_equal(stage_count(sql), 1);
}

static enum err watched_totp(struct store *s, const struct keyring *k, int64_t person, unsigned window, const struct secret *code,
			     int64_t now)
{
	assert_counted(person);
	seen.codes++;
	fault.on_begin = seen.meanwhile;
	return seen.code ? *seen.code : factor_totp_check(s, k, person, window, code, now);
}

static enum err watched_totp_dummy(const struct keyring *k, unsigned window, const struct secret *code, int64_t now)
{
	seen.dummy_codes++;
	return factor_totp_dummy(k, window, code, now);
}

static enum err watched_password(struct store *s, const struct keyring *k, int64_t person, const struct secret *password,
				 struct pwhash_cost cost, bool *renew)
{
	assert_counted(person);
	assert_int_equal(stage.hashing, 1);
	seen.passwords++;
	return seen.password ? *seen.password : factor_password_check(s, k, person, password, cost, renew);
}

static enum err watched_make(const struct keyring *k, int64_t person, const struct secret *password, struct pwhash_cost cost,
			     int64_t now, struct password_row *ret)
{
	assert_int_equal(stage.hashing, 1);
	return seen.make_fails ? ERR_MEMORY : factor_password_make(k, person, password, cost, now, ret);
}

static int setup(void **state)
{
	memset(&seen, 0, sizeof(seen));
	memset(&hashes, 0, sizeof(hashes));
	memset(&fault, 0, sizeof(fault));
	return stage_setup_secrets(state);
}

#define ANSWER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, stage_teardown)

/* -- A4: only the exact success of a verifier opens -- */

static void A4_no_other_answer_of_a_verifier_opens(void **state)
{
	static const int values[] = { 1, -1, 2, INT_MIN, INT_MAX, 0x5A3C96E1, 0x100, 0x10000, ERR_CRYPTO, ERR_NOT_FOUND, ERR_BUSY };
	const enum err ok = ERR_OK;
	enum err answer;

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,password,totp\nattempts = 20\n");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (int which = 0; which < 3; which++) {
			answer = (enum err)values[i];
			seen.password = which == 1 ? &ok : &answer;
			seen.code = which == 0 ? &ok : &answer;
			assert_int_not_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, "000000"), ERR_OK);
			rules_begin();
			assert_int_equal(lockout_clear(rules_store, taro, &(int){ 0 }), ERR_OK);
			rules_commit();
		}
	seen.password = seen.code = &ok;
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password", "000000"), ERR_OK);
	assert_int_equal(stage_grants(), 1);
}

/* -- what is asked -- */

static void each_choice_has_its_prompt(void **state)
{
	static const struct {
		const char *factors, *shown;
		const char *typed[3];
	} rows[] = {
		{ "card,totp", PROMPT_CODE, { "000000" } },
		{ "card,password", PROMPT_PASSWORD, { "x" } },
		{ "card,totp card,password", PROMPT_EITHER, { "x" } },
		{ "card,password card,totp", PROMPT_EITHER, { "000000" } },
		{ "card,password,totp", PROMPT_PASSWORD PROMPT_CODE, { "x", "000000" } },
		{ "card,totp,password", PROMPT_CODE PROMPT_PASSWORD, { "000000", "x" } },
		/* The first answer chooses the way. */
		{ "card,totp card,password,totp", PROMPT_EITHER, { "000000" } },
		{ "card,totp card,password,totp", PROMPT_EITHER PROMPT_CODE, { "x", "000000" } },
		{ "card,password card,totp,password", PROMPT_EITHER PROMPT_PASSWORD, { "000000", "x" } },
		{ "card,password card,totp,password", PROMPT_EITHER, { "x" } },
		/* What is complete without more asks no more. */
		{ "card card,password", "", { "x" } },
	};
	char policy[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage_card *in[] = { &taros, &hanakos };

		for (size_t j = 0; j < 2; j++) {
			snprintf(policy, sizeof(policy), "%s[default]\nattempts = 20\nfactors = %s\n", STAGE_CHEAP, rows[i].factors);
			stage_policy(policy);
			stage.cards[0] = in[j];
			stage_type(STAGE_PIN, rows[i].typed[0], rows[i].typed[1]);
			assert_int_equal(stage_run(WIRE_AUTH) == ERR_OK, j == 0 && !rows[i].shown[0]);
			assert_memory_equal(stage.shown, PROMPT_PIN, strlen(PROMPT_PIN));
			assert_memory_equal(stage.shown + strlen(PROMPT_PIN), rows[i].shown, strlen(rows[i].shown));
			assert_null(strchr(stage.shown + strlen(PROMPT_PIN) + strlen(rows[i].shown), '?'));
		}
	}
}

/* The grant and the event name the way that was gone. */
static void the_way_that_was_gone_is_on_record(void **state)
{
	static const struct {
		const char *way, *first, *second;
	} rows[] = {
		{ "card,totp", NULL, NULL }, { "card,password,totp", STAGE_PASSWORD, NULL },
	};

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card,password,totp\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event_row ev;
		char sql[128];

		if (rows[i].first)
			assert_int_equal(stage_login(STAGE_PIN, rows[i].first, stage_code()), ERR_OK);
		else
			assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
		assert_string_equal(stage_last_event(&ev), "login OK");
		assert_non_null(strstr(ev.detail, rows[i].way));
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM login_grant WHERE factors = '%s'", rows[i].way);
		assert_int_equal(stage_count(sql), 1);
		stage_pass(60);
	}
}

/* -- code or password -- */

static void digits_of_a_codes_length_are_a_code(void **state)
{
	static const struct {
		const char *text;
		bool is_code;
	} rows[] = {
		{ "000000", true }, { "00000", false }, { "0000000", false }, { "00000000", false }, { "00000a", false },
		{ " 000000", false }, { "000000 ", false }, { "\xEF\xBC\x90" "00000", true },
		{ "\xEF\xBC\x90\xEF\xBC\x90\xEF\xBC\x90\xEF\xBC\x90\xEF\xBC\x90\xEF\xBC\x90", true }, { "x", false },
		{ "\xD9\xA0" "00000", false }, { "+00000", false },
	};

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card,password\nattempts = 20\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		seen.codes = seen.passwords = 0;
		assert_int_equal(stage_login(STAGE_PIN, rows[i].text), ERR_SECRET_WRONG);
		assert_int_equal(seen.codes, rows[i].is_code);
		assert_int_equal(seen.passwords, !rows[i].is_code);
	}
}

static void full_width_digits_open(void **state)
{
	const char *code = stage_code();
	char wide[32] = "";

	(void)state;
	for (int i = 0; i < 6; i++)
		snprintf(wide + strlen(wide), sizeof(wide) - strlen(wide), "\xEF\xBC%c", 0x90 + code[i] - '0');
	assert_int_equal(stage_login(STAGE_PIN, wide), ERR_OK);
}

/* An app of eight digits: known as such only to who has proved the card. */
static void an_app_of_eight_digits(void **state)
{
	(void)state;
	stage_app(taro, 8);
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(8, 0)), ERR_OK);
	assert_int_equal(seen.codes, 1);
	/* Six digits are a password then. */
	assert_int_equal(stage_login(STAGE_PIN, "000000"), ERR_SECRET_WRONG);
	assert_int_equal(seen.passwords, 1);
	/* Strangers' eight digits are not. */
	seen.codes = seen.passwords = 0;
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PIN, "00000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage.hashed, 1);
	assert_int_equal(stage_login(STAGE_PIN, "000000"), ERR_SECRET_WRONG);
	assert_int_equal(stage.hashed, 0);
	assert_int_equal(seen.codes + seen.passwords, 0);
}

/* Where nothing but a code is asked, it is one, whoever asks. */
static void an_app_of_eight_digits_without_a_card(void **state)
{
	const char *code;
	char wide[32] = "";

	(void)state;
	stage_policy(STAGE_BOTH);
	stage_app(taro, 8);
	stage_from("taro", "192.0.2.5");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code_of(8, 0)), ERR_OK);
	stage_pass(30);
	code = stage_code_of(8, 0);
	for (int i = 0; i < 8; i++)
		snprintf(wide + strlen(wide), sizeof(wide) - strlen(wide), "\xEF\xBC%c", 0x90 + code[i] - '0');
	assert_int_equal(stage_login(STAGE_PASSWORD, wide), ERR_OK);
}

/* Full-width digits, as a Japanese keyboard writes them, and blanks between them. */
static void six_digits_may_be_typed_wide_where_only_a_code_is_asked(void **state)
{
	const char *code = stage_code();
	char wide[32] = "";

	(void)state;
	stage_policy(STAGE_BOTH);
	for (int i = 0; i < 6; i++)
		snprintf(wide + strlen(wide), sizeof(wide) - strlen(wide), "\xEF\xBC%c", 0x90 + code[i] - '0');
	assert_int_equal(stage_login(STAGE_PASSWORD, wide), ERR_OK);
}

/* What is no code is not tried as the password that nobody asked for. */
static void a_password_is_no_code(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp\nattempts = 3\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_CODE TELL(SECRET_WRONG));
	assert_int_equal(seen.passwords, 0);
	assert_int_equal(seen.codes, 1);
}

/* A password is taken as it was typed. */
static void a_password_like_a_wide_code_stays_one(void **state)
{
	static const char text[] = "\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94\xEF\xBC\x95\xEF\xBC\x96";

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,password\n");
	stage_password(taro, text);
	assert_int_equal(stage_login(STAGE_PIN, text), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, "123456"), ERR_SECRET_WRONG);
}

/* Never one that asks for more than was given. */
static void the_alternative_on_record_is_the_complete_one(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp,password card,totp\nattempts = 3\n");
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE factors = 'card,totp'"), 1);
}

/* Whoever it is: one hash, of what hashes cost now. */
static void every_guess_of_a_password_costs_one_hash(void **state)
{
	static const char *const users[] = { "taro", "hanako", "jiro", "nobody-at-all", "root" };

	(void)state;
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		stage_request(user, users[i]);
		hashes.n = 0;
		assert_int_equal(stage_login("wrong-password", "000000"), ERR_SECRET_WRONG);
		assert_int_equal(hashes.n, 1);
	}
	/* The machine's trouble is no wrong password, whoever asks. */
	hashes.fails = true;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		stage_request(user, users[i]);
		assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_MEMORY);
	}
}

/* A code of the seed that was: the new app has not shown it. */
static void an_app_enrolled_anew_meanwhile_consumes_nothing(void **state)
{
	static const char *const changes[] = {
		"UPDATE totp SET sealed = CAST(sealed || x'00' AS BLOB)", "UPDATE totp SET sealed = zeroblob(length(sealed))",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		stage_app(taro, 6);
		seen.meanwhile = changes[i];
		assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_SECRET_WRONG);
		assert_int_equal(stage_count("SELECT last_step FROM totp"), 0);
	}
	seen.meanwhile = "DELETE FROM totp";
	stage_app(taro, 6);
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_SECRET_WRONG);
}

/* The row is there, but nobody answers for it: no guess of it is a real one. */
static void a_vanished_account_reaches_no_verifier(void **state)
{
	(void)state;
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	host.vanished = "taro";
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_SECRET_WRONG);
	assert_int_equal(seen.codes + seen.passwords, 0);
	assert_int_equal(stage_failed(taro, "local"), 0);
}

/* A password of digits can't be set in the app's length; another length is a password. */
static void a_password_of_digits_opens(void **state)
{
	(void)state;
	stage_password(taro, "9876543210");
	assert_int_equal(stage_login(STAGE_PIN, "9876543210"), ERR_OK);
	assert_int_equal(seen.passwords, 1);
	/* Where only a password is asked, any digits are one. */
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,password\n");
	stage_password(taro, "135790");
	assert_int_equal(stage_login(STAGE_PIN, "135790"), ERR_OK);
	assert_int_equal(seen.codes, 0);
}

/* -- counting -- */

static void no_answer_is_no_guess(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, ""), ERR_CANCELLED);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL(CANCELLED));
	stage_policy(TWO);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, ""), ERR_CANCELLED);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, NULL), ERR_CONVERSATION);
	assert_int_equal(seen.codes + seen.passwords, 0);
	assert_int_equal(stage_failed(taro, "local"), 0);
	/* On record is that the PIN was used. */
	assert_int_equal(stage_failures(taro), 3);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 3);
	assert_int_equal(stage_count("SELECT count(*) FROM unproved"), 0);
	/* Without a card nothing is. */
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	assert_int_equal(stage_login(""), ERR_CANCELLED);
	assert_int_equal(stage_login(STAGE_PASSWORD, ""), ERR_CANCELLED);
	assert_int_equal(stage_failures(taro), 3);
	assert_int_equal(stage_count("SELECT count(*) FROM unproved"), 0);
}

/* He knows it himself: it tells nothing of the name or of the card. */
static void who_types_nothing_hears_the_same_whoever_it_is(void **state)
{
	static const char *const users[] = { "taro", "hanako", "jiro", "nobody-at-all", "root" };
	struct stage_card *const cards[] = { &taros, &hanakos };

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		for (size_t j = 0; j < 2; j++) {
			stage.cards[0] = cards[j];
			stage_request(user, users[i]);
			assert_int_equal(stage_login(STAGE_PIN, ""), ERR_CANCELLED);
			assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL(CANCELLED));
		}
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		stage_request(user, users[i]);
		assert_int_equal(stage_login(""), ERR_CANCELLED);
		assert_string_equal(stage.shown, PROMPT_PASSWORD TELL(CANCELLED));
	}
}

/* Both are checked and one failure is counted, whichever was wrong. */
static void all_answers_are_one_guess(void **state)
{
	static const char *const typed[][2] = {
		{ "wrong-password", "000000" }, { STAGE_PASSWORD, "000000" }, { "wrong-password", NULL },
	};

	(void)state;
	stage_policy(TWO);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stage_login(STAGE_PIN, typed[i][0], typed[i][1] ? typed[i][1] : stage_code()), ERR_SECRET_WRONG);
		assert_string_equal(stage.shown, PROMPT_PIN PROMPT_PASSWORD PROMPT_CODE TELL(SECRET_WRONG));
		assert_int_equal(seen.codes, i + 1);
		assert_int_equal(seen.passwords, i + 1);
		assert_int_equal(stage_failed(taro, "local"), i + 1);
	}
	assert_string_equal(stage_last_event(NULL), "lockout LOCKED");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, stage_code_of(6, 1)), ERR_DENIED);
	assert_int_equal(seen.codes + seen.passwords, 6);
}

static void a_code_is_good_once(void **state)
{
	const char *code = stage_code();

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, code), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, code), ERR_CODE_REPLAYED);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_NEXT_EITHER TELL(CODE_REPLAYED));
	assert_int_equal(stage_failed(taro, "local"), 1);
	/* It is spent as soon as it was right, whatever becomes of the login. */
	stage_pass(60);
	stage_policy(TWO);
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password", stage_code()), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, stage_code()), ERR_CODE_REPLAYED);
	/* To others nothing is said of it. */
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	rules_begin();
	assert_int_equal(lockout_clear(rules_store, taro, &(int){ 0 }), ERR_OK);
	rules_commit();
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	assert_int_equal(seen.codes, 5);
}

/* Whoever has proved the card is asked for another code than the one the app still shows. */
static void a_used_code_is_not_asked_for_again(void **state)
{
	(void)state;
	/* Of the step before: the present one is still good. */
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(6, -1)), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	assert_string_equal(strstr(stage.shown, PROMPT_EITHER) ? PROMPT_EITHER : stage.shown, PROMPT_EITHER);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_non_null(strstr(stage.shown, PROMPT_PIN PROMPT_NEXT_EITHER));
	stage_policy(TWO);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_PASSWORD PROMPT_NEXT_CODE TELL(SECRET_WRONG));
	/* Nobody else learns that it was used. */
	stage.cards[0] = NULL;
	stage_policy(STAGE_BOTH);
	assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
	stage.cards[0] = &taros;
	stage_pass(30);
	stage_policy(STAGE_POLICY);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_non_null(strstr(stage.shown, PROMPT_PIN PROMPT_EITHER));
}

/* The class says how far the phone's clock may be off. */
static void the_window_of_the_class_counts(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp\nattempts = 20\ncode-window = 0\n");
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(6, 2)), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(6, -2)), ERR_SECRET_WRONG);
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp\nattempts = 20\ncode-window = 3\n");
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(6, -2)), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(6, 2)), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, stage_code_of(6, 5)), ERR_SECRET_WRONG);
}

static void fill_bucket_of_taro(void)
{
	struct bucket_row b = { .person = taro, .origin = "local", .failed = 3 };

	assert_int_equal(clock_now(&b.last), ERR_OK);
	rules_begin();
	assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	rules_commit();
}

/* Filled by others while he types: refused, and nothing real is checked. */
static void a_bucket_that_fills_meanwhile_refuses(void **state)
{
	(void)state;
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.answers[1].before = fill_bucket_of_taro;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_LOCKED);
	assert_int_equal(seen.passwords, 0);
	assert_int_equal(stage.hashed, 1);
	assert_int_equal(stage_failed(taro, "local"), 3);
	stage_pass(901);
	stage_type(STAGE_PIN, stage_code());
	stage.answers[1].before = fill_bucket_of_taro;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_LOCKED);
	assert_int_equal(seen.codes, 0);
	/* What the machinery says comes first. */
	for (size_t i = 0; i < 2; i++) {
		stage_pass(901);
		stage.hash_result = i ? ERR_UNAVAILABLE : ERR_BUSY;
		stage_type(STAGE_PIN, STAGE_PASSWORD);
		stage.answers[1].before = fill_bucket_of_taro;
		assert_int_equal(stage_run(WIRE_AUTH), stage.hash_result);
	}
}

/* The same with a store that fails: still refused, as locked or for the machinery's trouble. */
static void a_full_bucket_refuses_whatever_fails(void **state)
{
	enum err e = ERR_OK;

	(void)state;
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	for (int n = 1;; n++) {
		bool met;

		fault.armed = false;
		fault_apart("DELETE FROM try; DELETE FROM bucket; DELETE FROM event");
		fill_bucket_of_taro();
		stage_type(STAGE_PASSWORD, "000000");
		met = fault_run(WIRE_AUTH, n, SQLITE_IOERR, &e);
		assert_true(e == ERR_LOCKED || e >= ERR_UNAVAILABLE);
		assert_int_equal(seen.codes + seen.passwords, 0);
		if (!met)
			break;
	}
	assert_int_equal(e, ERR_LOCKED);
}

/* From afar a full bucket costs the address what a name costs that nobody has. */
static void a_full_bucket_is_charged_to_the_address(void **state)
{
	struct bucket_row b = { .person = taro, .origin = "remote", .failed = 3 };

	(void)state;
	stage_policy("[settings]\nargon2-memory = 19MiB\nargon2-time = 1\naddress-attempts = 5\n"
		     "[default]\nfactors = password,totp\nattempts = 3\n");
	assert_int_equal(clock_now(&b.last), ERR_OK);
	rules_begin();
	assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	rules_commit();
	stage_from("taro", "192.0.2.5");
	for (int i = 1; i <= 7; i++) {
		stage_request(user, i % 2 ? "taro" : "nobody-at-all");
		assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), i > 5 || i % 2 ? ERR_LOCKED : ERR_SECRET_WRONG);
		assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
		assert_int_equal(stage.hashed, 1);
		assert_int_equal(stage_failed(0, "addr:192.0.2.5"), i < 5 ? i : 5);
	}
	assert_int_equal(stage_failed(taro, "remote"), 3);
	assert_int_equal(seen.codes + seen.passwords, 0);
	assert_int_equal(stage_count("SELECT count(*) FROM try"), 0);
}

static void time_is_over_at_once(void)
{
	stage_pass(19);
}

/* Other tries of his that may still be right are waited for, to the end of the login's time. */
static void pending_tries_are_waited_for(void **state)
{
	const struct lockout_limits limits = { .attempts = 1, .lock_s = 900, .address_attempts = 30, .address_lock_s = 900 };
	struct lockout_ticket ticket;
	int64_t until;

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,password\nattempts = 1\nlogin-time = 20s\ncard-wait = 5s\n");
	assert_int_equal(lockout_reserve(rules_store, taro, "local", "", &limits, deadline_in(0), &ticket, &until), ERR_OK);
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.answers[1].before = time_is_over_at_once;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_BUSY);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_PASSWORD TELL(BUSY));
	assert_int_equal(seen.passwords, 0);
	assert_int_equal(stage.hashed, 0);
}

/* -- who may guess -- */

static void strangers_guesses_reach_no_verifier(void **state)
{
	static const char *const typed[] = { STAGE_PASSWORD, "wrong-password", "000000" };

	(void)state;
	stage.cards[0] = &hanakos;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stage_login(STAGE_PIN, typed[i]), ERR_SECRET_WRONG);
		assert_int_equal(stage.hashed, i < 2);
	}
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_SECRET_WRONG);
	assert_int_equal(seen.codes + seen.passwords, 0);
	assert_int_equal(stage_failed(taro, "local"), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM try"), 0);
	/* In the log as numbers, not as rows. */
	assert_int_equal(stage_count("SELECT coalesce(sum(failed), 0) FROM unproved WHERE origin = 'local'"), 4);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
	assert_int_equal(stage_failures(taro), 4);
}

static void lock_taro(void)
{
	stage_set_state(taro, PERSON_LOCKED);
}

static void without_a_card_only_active_people_guess(void **state)
{
	(void)state;
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_int_equal(seen.passwords, 1);
	stage_pass(60);
	lock_taro();
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_SECRET_WRONG);
	stage_request(user, "jiro");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_SECRET_WRONG);
	assert_int_equal(seen.passwords, 1);
	assert_int_equal(seen.codes, 1);
}

/* Registered, but with neither app nor password. */
static void who_has_nothing_can_prove_nothing(void **state)
{
	(void)state;
	stage_request(user, "hanako");
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PIN, "x"), ERR_SECRET_WRONG);
	assert_int_equal(stage_login(STAGE_PIN, "000000"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL(SECRET_WRONG));
	assert_int_equal(seen.passwords, 1);
	assert_int_equal(seen.codes, 1);
	assert_int_equal(stage_failed(hanako, "local"), 2);
}

/* -- keys, places, hashes -- */

static void without_the_key_file_nothing_is_checked(void **state)
{
	struct keyring *keys_kept = stage.keys;

	(void)state;
	stage.keys = NULL;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_KEY_FILE);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_REFUSED);
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_KEY_FILE);
	assert_int_equal(seen.codes + seen.passwords, 0);
	assert_int_equal(stage_failed(taro, "local"), 0);
	/* A stranger learns nothing from it. */
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_KEY_FILE);
	stage.keys = keys_kept;
}

/* Nobody's guess was checked: nobody failed. */
static void without_the_key_file_nobody_is_locked_out(void **state)
{
	struct keyring *keys_kept = stage.keys;

	(void)state;
	stage_policy(STAGE_BOTH);
	stage.cards[0] = NULL;
	stage.keys = NULL;
	for (int i = 0; i < 4; i++)
		assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_KEY_FILE);
	stage.keys = keys_kept;
	assert_int_equal(seen.codes + seen.passwords, 0);
	assert_int_equal(stage_failed(taro, "local"), 0);
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
}

static void a_key_that_is_lost_refuses(void **state)
{
	struct keyring *keys_kept = stage.keys;

	(void)state;
	stage.keys = rules_keyring_other();
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_KEY_FILE);
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_KEY_FILE);
	keyring_free(stage.keys);
	stage.keys = keys_kept;
}

static void without_a_place_to_hash_nothing_is_checked(void **state)
{
	static const enum err ends[] = { ERR_BUSY, ERR_UNAVAILABLE, ERR_PROTOCOL };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		stage.hash_result = ends[i];
		assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ends[i]);
		assert_int_equal(seen.passwords, 0);
		assert_int_equal(stage_failed(taro, "local"), 0);
		assert_int_equal(stage_count("SELECT count(*) FROM try"), 0);
	}
	/* Codes need none. */
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	/* The other half was checked: that counts. */
	stage_pass(60);
	stage_policy(TWO);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, stage_code()), ERR_PROTOCOL);
	assert_int_equal(stage_failed(taro, "local"), 1);
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp,password\nattempts = 5\n");
	assert_int_equal(stage_login(STAGE_PIN, "000000", STAGE_PASSWORD), ERR_PROTOCOL);
}

/* Two wrongs: the first is told. Trouble of the machine is told before either, in any order. */
static void the_worst_is_told(void **state)
{
	static const struct {
		enum err password, code, told;
	} rows[] = {
		{ ERR_SECRET_WRONG, ERR_CODE_REPLAYED, ERR_SECRET_WRONG }, { ERR_OK, ERR_CODE_REPLAYED, ERR_CODE_REPLAYED },
		{ ERR_SECRET_WRONG, ERR_OK, ERR_SECRET_WRONG }, { ERR_SECRET_WRONG, ERR_CLOCK, ERR_CLOCK },
		{ ERR_MEMORY, ERR_SECRET_WRONG, ERR_MEMORY }, { ERR_MEMORY, ERR_OK, ERR_MEMORY }, { ERR_OK, ERR_STORE, ERR_STORE },
		{ ERR_MEMORY, ERR_CLOCK, ERR_MEMORY }, { ERR_SECRET_WRONG, ERR_UNAVAILABLE, ERR_UNAVAILABLE },
		{ ERR_UNAVAILABLE, ERR_CLOCK, ERR_UNAVAILABLE },
	};

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,password,totp\nattempts = 20\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		seen.password = &rows[i].password;
		seen.code = &rows[i].code;
		assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, "000000"), rows[i].told);
		assert_int_equal(stage_failed(taro, "local"), i + 1);
	}
}

/* The same four without a card: what is enrolled for a name shows in no code, and what no seed was opened for takes its time. */
static void nothing_enrolled_shows_without_a_card(void **state)
{
	static const enum err answers[] = { ERR_SECRET_WRONG, ERR_CODE_REPLAYED, ERR_CLOCK, ERR_NOT_FOUND };
	static const int dummies[] = { 0, 0, 1, 2 };

	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = password,totp\nattempts = 20\n");
	stage_from("taro", "192.0.2.5");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		seen.code = &answers[i];
		assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
		assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_REFUSED);
		assert_int_equal(seen.codes, i + 1);
		assert_int_equal(seen.dummy_codes, dummies[i]);
	}
	stage_request(user, "jiro");
	assert_int_equal(stage_login(STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
}

static void an_old_hash_is_made_anew_with_the_verdict(void **state)
{
	struct password_row before, after;

	(void)state;
	assert_int_equal(store_password_get(rules_store, taro, &before), ERR_OK);
	keyring_free(stage.keys);
	stage.keys = rules_keyring(2);
	/* Not with a refusal, and not when it can't be made. */
	stage_policy(TWO);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD, "000000"), ERR_SECRET_WRONG);
	stage_policy(STAGE_POLICY);
	seen.make_fails = true;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	seen.make_fails = false;
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password"), ERR_SECRET_WRONG);
	assert_int_equal(store_password_get(rules_store, taro, &after), ERR_OK);
	assert_string_equal(after.hash, before.hash);
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(store_password_get(rules_store, taro, &after), ERR_OK);
	assert_string_not_equal(after.hash, before.hash);
	assert_string_equal(after.key_id, "02");
	/* Good ones stay. */
	before = after;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(store_password_get(rules_store, taro, &after), ERR_OK);
	assert_string_equal(after.hash, before.hash);
	/* Also when [settings] ask for more. */
	stage_policy("[settings]\nargon2-memory = 20MiB\nargon2-time = 2\n[default]\nfactors = card,password\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(store_password_get(rules_store, taro, &after), ERR_OK);
	assert_non_null(strstr(after.hash, "$m=20480,t=2,p=1$"));
}

/* Places are shared fairly among origins: each has its number. */
static void places_are_grouped_by_origin(void **state)
{
	int64_t groups[4];

	(void)state;
	stage_policy(STAGE_BOTH);
	stage_from("jiro", "192.0.2.5");
	(void)stage_login("x", "000000");
	groups[0] = stage.group;
	stage_request(rhost, "192.0.2.6");
	(void)stage_login("x", "000000");
	groups[1] = stage.group;
	stage_at_console("jiro");
	(void)stage_login("x", "000000");
	groups[2] = stage.group;
	stage_as_user("taro", 1001);
	(void)stage_login("x", "000000");
	groups[3] = stage.group;
	for (size_t i = 0; i < 4; i++) {
		assert_in_range(groups[i], 0, 0x7FFFFFFF);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(groups[i], groups[j]);
	}
	/* A host of one letter, too, is where it comes from. */
	stage_from("jiro", "a");
	(void)stage_login("x", "000000");
	groups[2] = stage.group;
	stage_request(rhost, "b");
	(void)stage_login("x", "000000");
	assert_int_not_equal(stage.group, groups[2]);
	/* Whatever the name. */
	stage_from("hanako", "192.0.2.6");
	(void)stage_login("x", "000000");
	assert_int_equal(stage.group, groups[1]);
}

static void damage_of_the_apps_row_refuses_before_the_prompt(void **state)
{
	(void)state;
	stage_raw("UPDATE totp SET digits = 77");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_STORE_CORRUPT);
	assert_string_equal(stage.shown, PROMPT_PIN TELL_REFUSED);
	assert_int_equal(stage_failed(taro, "local"), 0);
	/* Strangers' digits come from nowhere. */
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_SECRET_WRONG);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		ANSWER_TEST(A4_no_other_answer_of_a_verifier_opens),
		ANSWER_TEST(each_choice_has_its_prompt),
		ANSWER_TEST(the_way_that_was_gone_is_on_record),
		ANSWER_TEST(digits_of_a_codes_length_are_a_code),
		ANSWER_TEST(full_width_digits_open),
		ANSWER_TEST(an_app_of_eight_digits),
		ANSWER_TEST(an_app_of_eight_digits_without_a_card),
		ANSWER_TEST(a_password_of_digits_opens),
		ANSWER_TEST(no_answer_is_no_guess),
		ANSWER_TEST(who_types_nothing_hears_the_same_whoever_it_is),
		ANSWER_TEST(all_answers_are_one_guess),
		ANSWER_TEST(a_code_is_good_once),
		ANSWER_TEST(a_used_code_is_not_asked_for_again),
		ANSWER_TEST(the_window_of_the_class_counts),
		ANSWER_TEST(a_bucket_that_fills_meanwhile_refuses),
		ANSWER_TEST(a_full_bucket_is_charged_to_the_address),
		ANSWER_TEST(pending_tries_are_waited_for),
		ANSWER_TEST(strangers_guesses_reach_no_verifier),
		ANSWER_TEST(without_a_card_only_active_people_guess),
		ANSWER_TEST(who_has_nothing_can_prove_nothing),
		ANSWER_TEST(without_the_key_file_nothing_is_checked),
		ANSWER_TEST(without_the_key_file_nobody_is_locked_out),
		ANSWER_TEST(a_key_that_is_lost_refuses),
		ANSWER_TEST(without_a_place_to_hash_nothing_is_checked),
		ANSWER_TEST(the_worst_is_told),
		ANSWER_TEST(nothing_enrolled_shows_without_a_card),
		ANSWER_TEST(an_old_hash_is_made_anew_with_the_verdict),
		ANSWER_TEST(places_are_grouped_by_origin),
		ANSWER_TEST(six_digits_may_be_typed_wide_where_only_a_code_is_asked),
		ANSWER_TEST(a_password_is_no_code),
		ANSWER_TEST(a_password_like_a_wide_code_stays_one),
		ANSWER_TEST(the_alternative_on_record_is_the_complete_one),
		ANSWER_TEST(every_guess_of_a_password_costs_one_hash),
		ANSWER_TEST(an_app_enrolled_anew_meanwhile_consumes_nothing),
		ANSWER_TEST(a_vanished_account_reaches_no_verifier),
		ANSWER_TEST(a_full_bucket_refuses_whatever_fails),
		ANSWER_TEST(damage_of_the_apps_row_refuses_before_the_prompt),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
