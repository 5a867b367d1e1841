/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void escaping(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain", "plain" },
		{ "\033[2J", "\\x1B[2J" },
		{ "a\r\nb", "a\\x0D\\x0Ab" },
		{ "\x7f", "\\x7F" },
		{ "\xc2\x9b", "\\xC2\\x9B" },                   /* C1 CSI */
		{ "\xe2\x80\xae", "\\xE2\\x80\\xAE" },          /* right-to-left override */
		{ "\xff\xfe", "\\xFF\\xFE" },
		{ "\xc0\xaf", "\\xC0\\xAF" },                   /* overlong */
		{ "\xed\xa0\x80", "\\xED\\xA0\\x80" },          /* surrogate */
		{ "職員証 0123", "職員証 0123" },
		{ "%n%s", "%n%s" },
	};
	char dst[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_escape(dst, sizeof(dst), rows[i].in), rows[i].out);
}

/* Never a broken character, always a NUL, whatever the room. */
static void words_of_a_line(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "tty1", "tty1" }, { "2001:db8::1", "2001:db8::1" }, { "", "\"\"" }, { "a b", "\"a b\"" }, { "a=b", "\"a=b\"" },
		{ "root addr=x", "\"root addr=x\"" }, { "a\" b=\"c", "\"a\\\" b=\\\"c\"" }, { "\\", "\"\\\\\"" }, { "山", "\"山\"" },
		{ "a\nb", "\"a\nb\"" },
	};
	char dst[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_word(dst, sizeof(dst), rows[i].in), rows[i].out);
	/* Nothing is lost in this much, and what is cut is still one word. */
	assert_string_equal(text_word(dst, TEXT_WORD_SIZE(sizeof("\"\"\"")), "\"\"\""), "\"\\\"\\\"\\\"\"");
	assert_string_equal(text_word(dst, TEXT_WORD_SIZE(4) - 1, "\"\"\""), "\"\\\"\\\"\"");
	assert_string_equal(text_word(dst, 4, "a b"), "\"\"");
	assert_string_equal(text_word(dst, 5, "abcd"), "abcd");
}

static void escaping_cuts_whole_characters(void **state)
{
	const char *in = "山田\033太郎 abc";
	char dst[64];

	(void)state;
	for (size_t size = 1; size < sizeof(dst); size++) {
		memset(dst, 'X', sizeof(dst));
		text_escape(dst, size, in);
		assert_true(strnlen(dst, size) < size);
		assert_true(text_is_utf8(dst, strlen(dst)));
	}
}

static void logins(void **state)
{
	static const char *good[] = { "taro", "a", "_x", "Taro.Y-1", "pc01$", "0day" };
	static const char *bad[] = { "", "-x", ".x", "a/b", "a b", "a\nb", "taro@DOMAIN", "$(id)", "a$b", "山田", "%n",
				     "abcdefghijklmnopqrstuvwxyz0123456" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(text_is_login(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_is_login(bad[i]));
}

static void labels(void **state)
{
	(void)state;
	assert_true(text_is_label("職員証 0123", 64));
	assert_true(text_is_label("あいうえお", 5));
	assert_false(text_is_label("あいうえおか", 5));
	assert_false(text_is_label("", 5));
	assert_false(text_is_label(" x", 5));
	assert_false(text_is_label("x ", 5));
	assert_false(text_is_label("a\tb", 5));
	assert_false(text_is_label("a\xe2\x80\xaf" "b\xe2\x80\xae", 9));
	assert_false(text_is_label("\xff", 5));
}

static void numbers(void **state)
{
	int64_t v = 42;

	(void)state;
	assert_true(text_to_i64("0", 0, 9, &v) && v == 0);
	assert_true(text_to_i64("9", 0, 9, &v) && v == 9);
	for (const char *const *s = (const char *const[]){ "", "5x", " 5", "05", "-1", "+1", "10", "99999999999999999999", NULL }; *s; s++)
		assert_false(text_to_i64(*s, 0, 9, &v));
	assert_int_equal(v, 9);
	assert_true(text_to_seconds("15min", 1, 86400, &v) && v == 900);
	assert_true(text_to_seconds("1d", 1, 86400, &v) && v == 86400);
	assert_true(text_to_seconds("90", 1, 86400, &v) && v == 90);
	for (const char *const *s = (const char *const[]){ "15 min", "min", "1m", "1.5h", "2d", "0", "15min ", NULL }; *s; s++)
		assert_false(text_to_seconds(*s, 1, 86400, &v));
}

static void digits(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out;        /* NULL: not n digits */
	} rows[] = {
		{ "123456", 6, "123456" }, { "１２３４５６", 6, "123456" }, { "12３456", 6, "123456" }, { "12345", 6, NULL },
		{ "1234567", 6, NULL }, { "12345a", 6, NULL }, { "", 6, NULL }, { " 123456", 6, NULL }, { "１２３４５６７", 6, NULL },
		{ "12345\xff", 6, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char buf[64];
		size_t len = strlen(rows[i].in);

		memcpy(buf, rows[i].in, len);
		assert_int_equal(text_normalise_digits(buf, &len, rows[i].n), rows[i].out != NULL);
		if (rows[i].out) {
			assert_int_equal(len, rows[i].n);
			assert_memory_equal(buf, rows[i].out, len);
		} else {
			assert_int_equal(len, strlen(rows[i].in));
			assert_memory_equal(buf, rows[i].in, len);
		}
	}
}

static void hexadecimal(void **state)
{
	unsigned char raw[4];
	char text[9];

	(void)state;
	assert_true(text_unhex(raw, 4, "00fFa1B2"));
	text_hex(text, raw, 4);
	assert_string_equal(text, "00ffa1b2");
	assert_false(text_unhex(raw, 4, "00ffa1b"));
	assert_false(text_unhex(raw, 4, "00ffa1b2c"));
	assert_false(text_unhex(raw, 4, "00ffa1g2"));
}

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned d;
	} rows[] = { { "taro", "taro", 0 }, { "taro", "TARO", 0 }, { "taro", "tarou", 1 }, { "taro", "atro", 1 }, { "taro", "jiro", 2 },
		     { "", "abc", 3 }, { "attempts", "attemps", 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(text_distance(rows[i].a, rows[i].b), rows[i].d);
		assert_int_equal(text_distance(rows[i].b, rows[i].a), rows[i].d);
	}
}

static void copies(void **state)
{
	char dst[4];

	(void)state;
	assert_true(text_copy(dst, sizeof(dst), "abc"));
	assert_false(text_copy(dst, sizeof(dst), "abcd"));
	assert_string_equal(dst, "");
	assert_false(text_copy_n(dst, sizeof(dst), "a\0b", 3));
}

static void times(void **state)
{
	char dst[32];

	(void)state;
	assert_string_equal(text_utc_time(dst, sizeof(dst), 0), "1970-01-01T00:00:00Z");
	assert_string_equal(text_utc_time(dst, sizeof(dst), 4294967296), "2106-02-07T06:28:16Z");
	assert_string_equal(text_utc_time(dst, sizeof(dst), INT64_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escaping), cmocka_unit_test(words_of_a_line), cmocka_unit_test(escaping_cuts_whole_characters), cmocka_unit_test(logins),
		cmocka_unit_test(labels), cmocka_unit_test(numbers), cmocka_unit_test(digits), cmocka_unit_test(hexadecimal),
		cmocka_unit_test(distances), cmocka_unit_test(copies), cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
