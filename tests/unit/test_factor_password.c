/* SPDX-License-Identifier: Apache-2.0 */
#include "factor_password.h"

#include "clock.h"
#include "hash_count.h"
#include "rules.h"
#include "store_fixture.h"

static const struct pwhash_cost cheap = { .m_kib = PWHASH_M_MIN, .t = 1 };
static struct keyring *keys;

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

static void set_password(int64_t person, const char *text)
{
	SECRET(password);
	struct password_row row;

	assert_int_equal(secret_set(&password, text, strlen(text)), ERR_OK);
	assert_int_equal(factor_password_make(keys, person, &password, cheap, NOW, &row), ERR_OK);
	assert_int_equal(row.person, person);
	assert_int_equal(row.set_at, NOW);
	assert_string_equal(row.key_id, keyring_newest(keys));
	rules_begin();
	assert_int_equal(store_password_put(rules_store, &row), ERR_OK);
	rules_commit();
}

static enum err check(int64_t person, const char *text, struct pwhash_cost cost, bool *renew)
{
	SECRET(password);

	assert_int_equal(secret_set(&password, text, strlen(text)), ERR_OK);
	return factor_password_check(rules_store, keys, person, &password, cost, renew);
}

static void only_the_password_is_right(void **state)
{
	static const char *const wrong[] = {
		"", "correct horse", "correct horse battery stapl", "correct horse battery staplee",
		"Correct horse battery staple", " correct horse battery staple", "*", "!",
	};
	const int64_t person = rules_person("taro", 1000);
	bool renew = true;

	(void)state;
	set_password(person, "correct horse battery staple");
	assert_int_equal(check(person, "correct horse battery staple", cheap, &renew), ERR_OK);
	assert_false(renew);
	renew = true;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(check(person, wrong[i], cheap, &renew), ERR_SECRET_WRONG);
		assert_true(renew);
	}
}

static int64_t ms_of(int64_t person, const char *text, struct pwhash_cost cost, enum err expected)
{
	const int64_t start = clock_boot_ms();
	bool renew = true;

	assert_int_equal(check(person, text, cost, &renew), expected);
	return clock_boot_ms() - start;
}

/* Nobody's password costs what somebody's does: at a high cost the difference would be plain. */
static void no_password_costs_the_same(void **state)
{
	static const struct pwhash_cost dear = { .m_kib = PWHASH_M_MIN, .t = 16 };
	const int64_t taro = rules_person("taro", 1000), hanako = rules_person("hanako", 1001);
	struct password_row row;
	SECRET(password);
	int64_t real, dummy;

	(void)state;
	assert_int_equal(secret_set(&password, "secret enough", 13), ERR_OK);
	assert_int_equal(factor_password_make(keys, taro, &password, dear, NOW, &row), ERR_OK);
	rules_begin();
	assert_int_equal(store_password_put(rules_store, &row), ERR_OK);
	rules_commit();
	real = ms_of(taro, "wrong", dear, ERR_SECRET_WRONG);
	dummy = ms_of(hanako, "wrong", dear, ERR_NOT_FOUND);
	assert_in_range(dummy, real / 4, real * 4 + 20);
	assert_true(real > 20);
	hashes.n = 0;
	assert_int_equal(factor_password_dummy(keys, &password, cheap), ERR_OK);
	assert_int_equal(hashes.n, 1);
	(void)ms_of(taro, "wrong", dear, ERR_SECRET_WRONG);
	assert_int_equal(hashes.n, 2);
	(void)ms_of(hanako, "wrong", dear, ERR_NOT_FOUND);
	assert_int_equal(hashes.n, 3);
	/* Nor is the machine's trouble told apart. */
	hashes.fails = true;
	(void)ms_of(taro, "wrong", dear, ERR_MEMORY);
	(void)ms_of(hanako, "wrong", dear, ERR_MEMORY);
	assert_int_equal(factor_password_dummy(keys, &password, cheap), ERR_MEMORY);
	hashes.fails = false;
}

/* Nothing but the keys for passwords, and the person's row, give this hash. */
static void the_key_is_the_one_for_passwords(void **state)
{
	SECRET(password);
	SECRET(key);
	struct password_row row;

	(void)state;
	assert_int_equal(secret_set(&password, "secret enough", 13), ERR_OK);
	assert_int_equal(factor_password_make(keys, 7, &password, cheap, NOW, &row), ERR_OK);
	assert_int_equal(keyring_key(keys, row.key_id, KEYRING_PASSWORD, &key), ERR_OK);
	assert_int_equal(pwhash_verify(&password, &key, "password:7", row.hash), ERR_OK);
	assert_int_equal(pwhash_verify(&password, &key, "password:8", row.hash), ERR_SECRET_WRONG);
}

static void a_hash_that_cannot_be_made_is_none(void **state)
{
	static const struct pwhash_cost none = { .m_kib = 0, .t = 1 };
	SECRET(password);
	struct password_row row = { .person = -7 };

	(void)state;
	assert_int_equal(secret_set(&password, "secret enough", 13), ERR_OK);
	assert_int_not_equal(factor_password_make(keys, 7, &password, none, NOW, &row), ERR_OK);
	assert_int_equal(row.person, -7);
}

static void a_damaged_row_is_said(void **state)
{
	const int64_t person = rules_person("taro", 1000);
	bool renew = true;

	(void)state;
	set_password(person, "secret enough");
	store_close(rules_store);
	rules_store = NULL;
	fixture_raw(rules_dir, "UPDATE password SET key_id = '?'");
	assert_int_equal(store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &rules_store), ERR_OK);
	assert_int_equal(check(person, "secret enough", cheap, &renew), ERR_STORE_CORRUPT);
}

static void a_hash_can_not_be_moved(void **state)
{
	const int64_t taro = rules_person("taro", 1000), hanako = rules_person("hanako", 1001);
	struct password_row row;
	bool renew = true;

	(void)state;
	set_password(taro, "secret enough");
	assert_int_equal(store_password_get(rules_store, taro, &row), ERR_OK);
	row.person = hanako;
	rules_begin();
	assert_int_equal(store_password_put(rules_store, &row), ERR_OK);
	rules_commit();
	assert_int_equal(check(hanako, "secret enough", cheap, &renew), ERR_SECRET_WRONG);
}

static void older_hashes_ask_for_renewal(void **state)
{
	static const struct {
		struct pwhash_cost cost;
		bool renew;
	} cases[] = {
		{ { PWHASH_M_MIN, 1 }, false },
		{ { PWHASH_M_MIN, 2 }, true },
		{ { PWHASH_M_MIN + 1, 1 }, true },
	};
	const int64_t person = rules_person("taro", 1000);
	bool renew = false;

	(void)state;
	set_password(person, "secret enough");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(check(person, "secret enough", cases[i].cost, &renew), ERR_OK);
		assert_int_equal(renew, cases[i].renew);
	}
	keyring_free(keys);
	keys = rules_keyring(2);
	assert_int_equal(check(person, "secret enough", cheap, &renew), ERR_OK);
	assert_true(renew);
	set_password(person, "secret enough");
	assert_int_equal(check(person, "secret enough", cheap, &renew), ERR_OK);
	assert_false(renew);
}

static void a_missing_key_is_said(void **state)
{
	const int64_t person = rules_person("taro", 1000);
	bool renew = true;

	(void)state;
	set_password(person, "secret enough");
	keyring_free(keys);
	keys = rules_keyring_other();
	assert_int_equal(check(person, "secret enough", cheap, &renew), ERR_KEY_FILE);
}

#define PASSWORD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest list[] = {
		PASSWORD_TEST(only_the_password_is_right),
		PASSWORD_TEST(no_password_costs_the_same),
		PASSWORD_TEST(the_key_is_the_one_for_passwords),
		PASSWORD_TEST(a_hash_that_cannot_be_made_is_none),
		PASSWORD_TEST(a_damaged_row_is_said),
		PASSWORD_TEST(a_hash_can_not_be_moved),
		PASSWORD_TEST(older_hashes_ask_for_renewal),
		PASSWORD_TEST(a_missing_key_is_said),
	};

	rules_drop_root();
	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
