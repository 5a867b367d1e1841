/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fold.h"
#include "output.h"
#include "unit.h"

static void widths(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
	} texts[] = {
		{ "", 0 },
		{ "taro", 4 },
		{ "\xE5\xB1\xB1\xE7\x94\xB0", 4 },
		{ "a\xE5\xB1\xB1", 3 },
		{ "\xEF\xBD\xB1", 1 },
		{ "e\xCC\x81", 1 },
		{ "\xEF\xBC\x92", 2 },
		{ "\xFF", 1 },
		{ "a\xE5\xB1", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(fold_columns(texts[i].text), texts[i].columns);
}

static void lines_break_between_words(void **state)
{
	static const struct {
		const char *text, *folded;
		size_t at, indent, width;
	} rows[] = {
		{ "one two three", "one two\nthree", 0, 0, 8 },
		{ "one two three", "one two three", 0, 0, 0 },
		{ "one two", "one\n  two", 5, 2, 9 },
		{ "   one two\n", "   one\n   two\n", 0, 3, 8 },
		{ "a\n  b c d", "a\n  b c\n  d", 0, 0, 5 },
		{ "longer than that", "longer\nthan\nthat", 0, 0, 3 },
		{ "type `a b c` now", "type\n`a b c`\nnow", 0, 0, 8 },
		{ "x [--a B] [c]", "x\n[--a B]\n[c]", 0, 0, 7 },
		{ "失効させる", "失効\nさせ\nる", 0, 0, 4 },
		{ "失効。はい", "失\n効。\nはい", 0, 0, 5 },
		{ "今は（もう）", "今は\n（も\nう）", 0, 0, 5 },
		{ "鍵 key 鍵", "鍵 key\n鍵", 0, 0, 7 },
		{ "a\xFF", "a\xFF", 0, 0, 1 },
		{ "", "", 0, 0, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		assert_non_null(f);
		fold_print(f, rows[i].text, rows[i].at, rows[i].indent, rows[i].width);
		fclose(f);
		assert_string_equal(text, rows[i].folded);
		free(text);
	}
}

/* What print() writes to stdout. */
static void capture(void (*print)(void), char *dst, size_t size)
{
	FILE *file = tmpfile();
	int before = dup(STDOUT_FILENO);

	assert_non_null(file);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	print();
	fflush(stdout);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	close(before);
	rewind(file);
	dst[fread(dst, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void print_table(void)
{
	static const char *const cells[] = {
		"USER", "NAME", "SECTION",
		"taro", "\xE5\xB1\xB1\xE7\x94\xB0", "\xE7\xA8\x8E\xE5\x8B\x99\xE8\xAA\xB2",
		"hanako", "", "x\x1B[2Jy",
		"jiro", "Suzuki Jiro", "",
	};
	struct table *t = table_new(3);

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		table_add(t, cells[i]);
	assert_int_equal(table_rows(t), 4);
	table_print(t);
}

static void kanji_columns_line_up(void **state)
{
	char text[512];

	(void)state;
	capture(print_table, text, sizeof(text));
	assert_string_equal(
		text,
		"USER    NAME         SECTION\n"
		"taro    \xE5\xB1\xB1\xE7\x94\xB0         \xE7\xA8\x8E\xE5\x8B\x99\xE8\xAA\xB2\n"
		"hanako  -            x\\x1B[2Jy\n"
		"jiro    Suzuki Jiro  -\n");
}

static void print_json(void)
{
	json_print(json_pack("{s:o, s:o, s:o, s:o}", "empty", json_text(""), "never", json_time(-1),
			     "at", json_time(0), "name", json_text("\xE5\xB1\xB1")));
}

static void json_has_null_for_nothing_and_utc(void **state)
{
	char text[512];
	json_t *value;

	(void)state;
	capture(print_json, text, sizeof(text));
	value = json_loads(text, 0, NULL);
	assert_non_null(value);
	assert_true(json_is_null(json_object_get(value, "empty")));
	assert_true(json_is_null(json_object_get(value, "never")));
	assert_string_equal(json_string_value(json_object_get(value, "at")),
			    "1970-01-01T00:00:00Z");
	assert_non_null(strstr(text, "\xE5\xB1\xB1"));
	json_decref(value);
}

/* What the manual promises. */
static void exit_codes(void **state)
{
	static const struct {
		enum err e;
		enum exit_code code;
	} codes[] = {
		{ ERR_OK, 0 },		{ ERR_NOT_FOUND, 1 },
		{ ERR_EXISTS, 1 },	{ ERR_DENIED, 1 },
		{ ERR_BAD_STATE, 1 },	{ ERR_PIN_WRONG, 1 },
		{ ERR_USAGE, 2 },	{ ERR_STORE, 3 },
		{ ERR_STORE_FULL, 3 },	{ ERR_STORE_CORRUPT, 3 },
		{ ERR_PCSC, 3 },	{ ERR_KEY_FILE, 3 },
		{ ERR_UNAVAILABLE, 3 }, { ERR_TIMEOUT, 3 },
		{ ERR_PARTIAL, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(exit_code_of(codes[i].e), codes[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths), cmocka_unit_test(lines_break_between_words),
		cmocka_unit_test(kanji_columns_line_up),
		cmocka_unit_test(json_has_null_for_nothing_and_utc), cmocka_unit_test(exit_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
