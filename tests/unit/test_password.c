/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "log.h"
#include "password.h"
#include "unit.h"

static const char *unfit(const char *password, size_t min, const char *login)
{
	SECRET(s);

	assert_int_equal(secret_set(&s, password, strlen(password)), ERR_OK);
	return password_unfit(&s, min, login);
}

static void table(void **state)
{
	static const struct {
		const char *password, *reason;  /* a word of it; NULL: may be set */
	} rows[] = {
		{ "", "short" },
		{ "abcdefg", "short" },
		{ "correct horse", NULL },
		{ "abcdefgh", NULL },
		{ " ~!@#$%^&*()_+", NULL },
		{ "12345678", "code" },
		{ "123456789", NULL },
		{ "1234567a", NULL },
		{ "1234567 ", NULL },
		{ "aaaaaaaaaa", "repeated" },
		{ "111111111", "repeated" },
		{ "aaaaaaaaab", NULL },
		{ "yamada.taro", "login" },
		{ "YAMADA.taro", "login" },
		{ "orat.adamay", "login" },
		{ "yamada.taro1", NULL },
		/* As long as the name, but not it: one letter, the first, the last, the case of what is no letter. */
		{ "abcdefghijk", NULL },
		{ "xamada.taro", NULL },
		{ "yamada.tarx", NULL },
		{ "xrat.adamay", NULL },
		{ "orat.adamax", NULL },
		{ "yamada[taro", NULL },
		{ "yamadaNtaro", NULL },
		{ "baaaaaaaaa", NULL },
		{ "abaaaaaaaa", NULL },
		{ "00000000", "code" },
		{ "99999999", "code" },
		{ "/2345678", NULL },
		{ ":2345678", NULL },
		{ "a2345678", NULL },
		{ "\tpassword", "ASCII" },
		{ "passw\xC3\xB6rd", "ASCII" },
		{ "pass\tword", "ASCII" },
		{ "password\x7F", "ASCII" },
		{ "\xE3\x83\x91\xE3\x82\xB9\xE3\x83\xAF", "ASCII" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *reason = unfit(rows[i].password, PASSWORD_MIN_DEFAULT, "yamada.taro");

		if (rows[i].reason) {
			assert_non_null(reason);
			assert_non_null(strstr(reason, rows[i].reason));
		} else {
			assert_null(reason);
		}
	}
}

/* One prompt takes a code or a password: digits of a code's length are never a password, whatever
 * the minimum. */
static void digits_of_a_code(void **state)
{
	(void)state;
	assert_null(unfit("12345", 4, "taro"));
	assert_non_null(unfit("123456", 4, "taro"));
	assert_non_null(unfit("1234567", 4, "taro"));
	assert_non_null(unfit("12345678", 4, "taro"));
	assert_null(unfit("123456789", 4, "taro"));
	assert_null(unfit("12345x", 4, "taro"));
}

/* Whatever the case, of all letters and of nothing else. */
static void names_of_other_case(void **state)
{
	(void)state;
	assert_non_null(unfit("AZMNOPQRS", 4, "azmnopqrs"));
	assert_non_null(unfit("azmnopqrs", 4, "AZMNOPQRS"));
	assert_null(unfit("[aaaaaaaa", 4, "{aaaaaaaa"));
	assert_null(unfit("@aaaaaaaa", 4, "`aaaaaaaa"));
	assert_null(unfit("0aaaaaaaa", 4, "Paaaaaaaa"));
	assert_non_null(unfit("", 0, "taro"));
	assert_null(unfit("x", 1, "taro") ? strstr(unfit("x", 1, "taro"), "short") : NULL);
}

static void lengths(void **state)
{
	char text[PASSWORD_MAX + 2];
	SECRET(s);

	(void)state;
	for (size_t n = 0; n <= PASSWORD_MAX + 1; n++) {
		memset(text, 'x', sizeof(text));
		text[0] = 'y';
		assert_int_equal(secret_set(&s, text, n), ERR_OK);
		assert_int_equal(password_unfit(&s, 8, "taro") == NULL,
				 n >= 8 && n <= PASSWORD_MAX);
	}
	secret_wipe(&s);
	assert_non_null(password_unfit(&s, 0, "taro"));
}

static void nul_bytes_are_refused(void **state)
{
	SECRET(s);

	(void)state;
	assert_int_equal(secret_set(&s, "password\0x", 10), ERR_OK);
	assert_non_null(password_unfit(&s, 8, "taro"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(digits_of_a_code),
		cmocka_unit_test(names_of_other_case),
		cmocka_unit_test(lengths),
		cmocka_unit_test(nul_bytes_are_refused),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
