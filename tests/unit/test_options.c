/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "options.h"
#include "unit.h"

static const struct option_row rows[] = {
	{ "label", "TEXT", "" },
	{ "reason", "REASON", "" },
	{ "json", NULL, "" },
	{ NULL, NULL, NULL },
};

#define ARGV_MAX 8

static enum err parse(struct arguments *a, char *why, const char *const *words)
{
	static char copies[ARGV_MAX][64];
	char *argv[ARGV_MAX];
	int argc = 0;

	for (; words[argc]; argc++) {
		strncpy(copies[argc], words[argc], sizeof(copies[0]) - 1);
		argv[argc] = copies[argc];
	}
	return options_parse(rows, 1, 2, argc, argv, a, why, 256);
}
#define PARSE(a, why, ...) parse(a, why, (const char *const[]){ __VA_ARGS__, NULL })

static void words_and_options_in_any_order(void **state)
{
	struct arguments a;
	char why[256];

	(void)state;
	assert_int_equal(PARSE(&a, why, "--label", "a b", "taro", "--json"), ERR_OK);
	assert_int_equal(a.n_words, 1);
	assert_string_equal(a.words[0], "taro");
	assert_string_equal(option_value(&a, "label"), "a b");
	assert_true(option_given(&a, "json"));
	assert_false(option_given(&a, "reason"));
	assert_int_equal(PARSE(&a, why, "taro", "--label=x=y"), ERR_OK);
	assert_string_equal(option_value(&a, "label"), "x=y");
	assert_int_equal(PARSE(&a, why, "--", "--json"), ERR_OK);
	assert_string_equal(a.words[0], "--json");
	assert_false(option_given(&a, "json"));
	assert_int_equal(PARSE(&a, why, "--help"), ERR_OK);
	assert_true(a.help);
}

static void wrong_lines_are_refused(void **state)
{
	static const char *const lines[][5] = {
		{ "--json" },
		{ "a", "b", "c" },
		{ "a", "--label" },
		{ "a", "--label", "" },
		{ "a", "--json=1" },
		{ "a", "--label", "x", "--label", "x" },
		{ "a", "--lab", "x" },
		{ "a", "-l", "x" },
		{ "a", "--", "b", "c" },
		{ "a", "--unheard-of" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct arguments a = { .n_words = 99 };
		char why[256] = "";

		assert_int_equal(parse(&a, why,
				       (const char *const[]){ lines[i][0], lines[i][1], lines[i][2],
							      lines[i][3], lines[i][4], NULL }),
				 ERR_USAGE);
		assert_true(*why);
		assert_int_equal(a.n_words, 99);
	}
}

static void a_secret_is_refused_and_not_repeated(void **state)
{
	static const char *const lines[][3] = {
		{ "a", "--pin", "sEcret" }, { "a", "--pin=sEcret" },  { "a", "--password=sEcret" },
		{ "a", "b", "sEcret" },	    { "a", "--code=sEcret" }, { "a", "--sEcret" },
		{ "a", "-sEcret" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct arguments a;
		char why[256] = "";

		assert_int_equal(
			parse(&a, why,
			      (const char *const[]){ lines[i][0], lines[i][1], lines[i][2], NULL }),
			ERR_USAGE);
		assert_null(strstr(why, "sEcret"));
		if (i < 3)
			assert_non_null(strstr(why, "never taken from the command line"));
	}
}

static void the_nearest_option_is_named(void **state)
{
	struct arguments a;
	char why[256];

	(void)state;
	assert_int_equal(PARSE(&a, why, "a", "--raeson", "lost"), ERR_USAGE);
	assert_non_null(strstr(why, "--reason"));
}

static void text_is_measured_in_characters(void **state)
{
	char kanji[3 * 65 + 1] = "", ascii[66];

	(void)state;
	for (int i = 0; i < 64; i++)
		strcat(kanji, "\xE5\xB1\xB1");
	memset(ascii, 'a', 65);
	ascii[65] = '\0';
	assert_true(option_is_text(kanji, 64));
	assert_false(option_is_text(ascii, 64));
	ascii[64] = '\0';
	assert_true(option_is_text(ascii, 64));
	assert_false(option_is_text("", 64));
	assert_false(option_is_text("a\x1B[2J", 64));
	assert_false(option_is_text("\xFF", 64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_options_in_any_order),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(a_secret_is_refused_and_not_repeated),
		cmocka_unit_test(the_nearest_option_is_named),
		cmocka_unit_test(text_is_measured_in_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
