/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/crypto/base64.h"

#include <string.h>

#include "log.h"
#include "unit.h"

/* RFC 4648, section 10, without padding */
static const struct {
	const char *plain, *text;
} rows[] = {
	{ "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
	{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
};

static void vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char plain[8];
		char text[16];
		size_t len = strlen(rows[i].plain);

		assert_int_equal(base64_encode(text, (const unsigned char *)rows[i].plain, len),
				 strlen(rows[i].text));
		assert_memory_equal(text, rows[i].text, strlen(rows[i].text));
		assert_int_equal(BASE64_LEN(len), strlen(rows[i].text));
		assert_true(base64_decode(plain, len, rows[i].text));
		assert_memory_equal(plain, rows[i].plain, len);
	}
}

static void every_byte_comes_back(void **state)
{
	unsigned char plain[256], back[256];
	char text[BASE64_LEN(256) + 1] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (unsigned char)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(plain); n++) {
		size_t len = base64_encode(text, plain, n);

		text[len] = '\0';
		assert_int_equal(len, BASE64_LEN(n));
		assert_int_equal(
			strspn(text,
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
			len);
		assert_true(base64_decode(back, n, text));
		assert_memory_equal(back, plain, n);
	}
}

/* Of the 256 values of each character only those of the alphabet pass, and of the last one those
 * without left-over bits. */
static void strict(void **state)
{
	(void)state;
	for (size_t at = 0; at < 6; at++) {
		int passed = 0;

		for (int c = 0; c < 256; c++) {
			unsigned char plain[4] = { 1, 1, 1, 1 };
			char text[] = "Zm9vYg";

			text[at] = (char)c;
			if (base64_decode(plain, 4, text))
				passed++;
			else
				assert_memory_equal(plain, "\0\0\0\0", 4);
		}
		assert_int_equal(passed, at < 5 ? 64 : 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(every_byte_comes_back),
		cmocka_unit_test(strict),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
