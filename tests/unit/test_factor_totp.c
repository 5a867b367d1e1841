/* SPDX-License-Identifier: Apache-2.0 */
#include "factor_totp.h"

#include <liboath/oath.h>

#include "rules.h"

#define NOW INT64_C(1795000005)
#define PERIOD 30
#define STEP (NOW / PERIOD)
#define TOGETHER 16

static const unsigned char seed_bytes[TOTP_SEED_LEN] = "12345678901234567890";
static struct keyring *keys;

static void set_code(struct secret *code, int64_t at)
{
	char text[8];

	assert_int_equal(oath_totp_generate((const char *)seed_bytes, sizeof(seed_bytes),
					    (time_t)at, PERIOD, 0, 6, text),
			 OATH_OK);
	assert_int_equal(secret_set(code, text, 6), ERR_OK);
}

static int64_t enrolled(const char *login, int64_t uid, int64_t last_step)
{
	SECRET(seed);
	const int64_t person = rules_person(login, uid);

	assert_int_equal(secret_set(&seed, seed_bytes, sizeof(seed_bytes)), ERR_OK);
	rules_begin();
	assert_int_equal(factor_totp_enrol(rules_store, keys, person, &seed, TOTP_PARAMS_DEFAULT,
					   last_step), ERR_OK);
	rules_commit();
	return person;
}

static enum err check(int64_t person, unsigned window, int64_t code_of, int64_t now)
{
	SECRET(code);

	set_code(&code, code_of);
	return factor_totp_check(rules_store, keys, person, window, &code, now);
}

static int64_t last_step(int64_t person)
{
	struct totp_row row;

	assert_int_equal(store_totp_get(rules_store, person, &row), ERR_OK);
	return row.last_step;
}

static int setup(void **state)
{
	if (rules_setup(state) != 0)
		return -1;
	keys = rules_keyring(1);
	return keys != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	keyring_free(keys);
	return rules_teardown(state);
}

/* A seed that can't be sealed into its row is not enrolled in part. */
static void a_seed_too_long_is_refused(void **state)
{
	SECRET(seed);
	const int64_t person = rules_person("taro", 1000);
	unsigned char bytes[SECRET_MAX] = { 1 };
	struct totp_row row;

	(void)state;
	assert_int_equal(secret_set(&seed, bytes, sizeof(bytes)), ERR_OK);
	rules_begin();
	assert_int_equal(factor_totp_enrol(rules_store, keys, person, &seed, TOTP_PARAMS_DEFAULT, 0), ERR_CRYPTO);
	rules_commit();
	assert_int_equal(store_totp_get(rules_store, person, &row), ERR_NOT_FOUND);
}

static void the_seed_is_sealed(void **state)
{
	const int64_t person = enrolled("taro", 1000, 0);
	struct totp_row row;

	(void)state;
	assert_int_equal(store_totp_get(rules_store, person, &row), ERR_OK);
	assert_string_equal(row.key_id, "01");
	assert_null(memmem(row.sealed, row.sealed_len, seed_bytes, sizeof(seed_bytes)));
	assert_int_equal(check(person, 1, NOW, NOW), ERR_OK);
	assert_int_equal(last_step(person), STEP);
}

static void wrong_codes_consume_nothing(void **state)
{
	static const char *const wrong[] = { "000000", "", "12345", "1234567", "12345a", "-12345" };
	const int64_t person = enrolled("taro", 1000, 5);
	SECRET(code);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(secret_set(&code, wrong[i], strlen(wrong[i])), ERR_OK);
		assert_int_equal(factor_totp_check(rules_store, keys, person, 1, &code, NOW),
				 ERR_SECRET_WRONG);
	}
	assert_int_equal(last_step(person), 5);
	assert_int_equal(factor_totp_check(rules_store, keys, rules_person("hanako", 1001), 1,
					   &code, NOW), ERR_NOT_FOUND);
}

/* Only |d| <= window, and no drift is learned: the next code is judged by the same window. */
static void the_window_has_sharp_edges(void **state)
{
	int64_t uid = 2000;

	(void)state;
	for (unsigned w = 0; w <= TOTP_WINDOW_MAX; w++) {
		for (int64_t d = -(int64_t)w - 1; d <= (int64_t)w + 1; d++) {
			char login[16];
			int64_t person;
			const bool inside = d >= -(int64_t)w && d <= (int64_t)w;

			snprintf(login, sizeof(login), "p%d", (int)uid);
			person = enrolled(login, uid++, 0);
			assert_int_equal(check(person, w, NOW + d * PERIOD, NOW),
					 inside ? ERR_OK : ERR_SECRET_WRONG);
			assert_int_equal(last_step(person), inside ? STEP + d : 0);
			if (inside && d > 0)
				assert_int_equal(check(person, w, NOW + (w + 2) * PERIOD,
						       NOW + PERIOD), ERR_SECRET_WRONG);
		}
	}
	assert_int_equal(check(enrolled("taro", 1000, 0), TOTP_WINDOW_MAX + 1, NOW, NOW),
			 ERR_INVALID);
}

static int send_code(struct store *s, int i)
{
	SECRET(code);

	set_code(&code, NOW);
	return (int)factor_totp_check(s, keys, 1, (unsigned)i % 3 + 1, &code, NOW + i % 2);
}

static void A48_replay_serial_and_parallel(void **state)
{
	int codes[TOGETHER];
	const int64_t person = enrolled("taro", 1000, 0), other = enrolled("hanako", 1001, 0);

	(void)state;
	assert_int_equal(check(other, 1, NOW, NOW), ERR_OK);
	for (int i = 0; i < 5; i++)
		assert_int_equal(check(other, 1, NOW, NOW + i), ERR_CODE_REPLAYED);
	rules_reopen();
	assert_int_equal(check(other, 1, NOW, NOW), ERR_CODE_REPLAYED);
	assert_int_equal(person, 1);
	rules_together(TOGETHER, send_code, codes);
	assert_int_equal(rules_count(codes, TOGETHER, ERR_OK), 1);
	assert_int_equal(rules_count(codes, TOGETHER, ERR_CODE_REPLAYED), TOGETHER - 1);
	assert_int_equal(last_step(person), STEP);
}

static void A50_older_step_and_clock_back(void **state)
{
	const int64_t person = enrolled("taro", 1000, 0);

	(void)state;
	assert_int_equal(check(person, 2, NOW, NOW), ERR_OK);
	assert_int_equal(check(person, 2, NOW - PERIOD, NOW), ERR_CODE_REPLAYED);
	assert_int_equal(check(person, 2, NOW, NOW), ERR_CODE_REPLAYED);
	assert_int_equal(check(person, 2, NOW - 3600, NOW - 3600), ERR_CLOCK);
	assert_int_equal(check(person, 2, NOW, NOW - 3600), ERR_CLOCK);
	assert_int_equal(last_step(person), STEP);
	assert_int_equal(check(person, 2, NOW + PERIOD, NOW), ERR_OK);
}

/* A small step back is a replay at worst; a large one is the clock's fault and said so. */
static void a_clock_gone_back_is_said(void **state)
{
	const int64_t person = enrolled("taro", 1000, STEP);

	(void)state;
	assert_int_equal(check(person, 1, NOW - 3 * PERIOD, NOW - 3 * PERIOD), ERR_CODE_REPLAYED);
	assert_int_equal(check(person, 1, NOW - 4 * PERIOD, NOW - 4 * PERIOD), ERR_CLOCK);
	assert_non_null(strstr(err_detail(), "clock"));
}

static void a_seed_can_not_be_moved(void **state)
{
	const int64_t taro = enrolled("taro", 1000, 0), hanako = rules_person("hanako", 1001);
	struct totp_row row;

	(void)state;
	assert_int_equal(store_totp_get(rules_store, taro, &row), ERR_OK);
	row.person = hanako;
	rules_begin();
	assert_int_equal(store_totp_put(rules_store, &row), ERR_OK);
	rules_commit();
	assert_int_equal(check(hanako, 1, NOW, NOW), ERR_STORE_CORRUPT);
	assert_int_equal(check(taro, 1, NOW, NOW), ERR_OK);
}

static void a_missing_key_is_said(void **state)
{
	const int64_t person = enrolled("taro", 1000, 0);

	(void)state;
	keyring_free(keys);
	keys = rules_keyring_other();
	assert_int_equal(check(person, 1, NOW, NOW), ERR_KEY_FILE);
	assert_int_equal(last_step(person), 0);
	keyring_free(keys);
	keys = rules_keyring(2);
	assert_int_equal(check(person, 1, NOW, NOW), ERR_OK);
}

static int n_lines;

static void count_line(int level, const char *line)
{
	(void)level;
	(void)line;
	n_lines++;
}

/* Whoever has no app is refused by the same means, with whatever code: that of the seed it is compared with too. */
static void nobodys_code_is_wrong(void **state)
{
	static const unsigned char nobodys[TOTP_SEED_LEN];
	SECRET(code);
	char text[8];

	(void)state;
	set_code(&code, NOW);
	/* Not a word in the log, as of a person's wrong code. */
	n_lines = 0;
	log_set_sink(count_line);
	assert_int_equal(factor_totp_dummy(keys, 1, &code, NOW), ERR_SECRET_WRONG);
	log_set_sink(NULL);
	assert_int_equal(n_lines, 0);
	assert_int_equal(oath_totp_generate((const char *)nobodys, sizeof(nobodys), (time_t)NOW, PERIOD, 0, 6, text), OATH_OK);
	assert_int_equal(secret_set(&code, text, 6), ERR_OK);
	assert_int_equal(factor_totp_dummy(keys, 1, &code, NOW), ERR_SECRET_WRONG);
	assert_int_equal(factor_totp_dummy(keys, 1, &code, 0), ERR_CLOCK);
}

#define TOTP_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest list[] = {
		TOTP_TEST(the_seed_is_sealed),
		TOTP_TEST(a_seed_too_long_is_refused),
		TOTP_TEST(wrong_codes_consume_nothing),
		TOTP_TEST(the_window_has_sharp_edges),
		TOTP_TEST(A48_replay_serial_and_parallel),
		TOTP_TEST(A50_older_step_and_clock_back),
		TOTP_TEST(a_clock_gone_back_is_said),
		TOTP_TEST(a_seed_can_not_be_moved),
		TOTP_TEST(a_missing_key_is_said),
		TOTP_TEST(nobodys_code_is_wrong),
	};

	rules_drop_root();
	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
