/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keyring.h"
#include "log.h"
#include "text.h"
#include "unit.h"

/* Bytes 00..1F and what RFC 5869 makes of them with our two infos (computed with another HMAC). */
#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SEAL_A "edced6450a9974f42acb3c95f941e89ed23a87186a82a5d986bd258737c592b9"
#define PASSWORD_A "e93f77bae02c02026e1a149ee47facfd66e59dab7dc55f83028a0db9fd2007e9"
#define KEY_B "//////////////////////////////////////////8="

static int file_of(const void *text, size_t len)
{
	int fd = memfd_create("keys", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	return fd;
}

static enum err read_text(const char *text, size_t len, struct keyring **ret)
{
	int fd = file_of(text, len);
	enum err e = keyring_read(fd, ret);

	assert_int_equal(close(fd), 0);
	return e;
}

static void assert_key(const struct keyring *k, const char *id, enum keyring_use use,
		       const char *hex)
{
	SECRET(key);
	char text[65];

	assert_int_equal(keyring_key(k, id, use, &key), ERR_OK);
	assert_int_equal(key.len, 32);
	text_hex(text, key.bytes, key.len);
	assert_string_equal(text, hex);
}

static void keys_are_derived(void **state)
{
	static const char text[] = "# comment\n\nkey 01 " KEY_A "\nkey new2 " KEY_B "\n";
	struct keyring *k = NULL;
	SECRET(key);

	(void)state;
	assert_int_equal(read_text(text, strlen(text), &k), ERR_OK);
	assert_string_equal(keyring_newest(k), "new2");
	assert_key(k, "01", KEYRING_SEAL, SEAL_A);
	assert_key(k, "01", KEYRING_PASSWORD, PASSWORD_A);
	assert_int_equal(keyring_key(k, "02", KEYRING_SEAL, &key), ERR_NOT_FOUND);
	assert_int_equal(keyring_key(k, "", KEYRING_SEAL, &key), ERR_NOT_FOUND);
	assert_int_equal(keyring_key(k, "01", (enum keyring_use)0, &key), ERR_CRYPTO);
	assert_int_equal(keyring_key(k, "01", (enum keyring_use)3, &key), ERR_CRYPTO);
	assert_int_equal(key.len, 0);
	keyring_free(k);
	keyring_free(NULL);
}

static void offset_of_the_descriptor_does_not_matter(void **state)
{
	static const char text[] = "key 01 " KEY_A;
	struct keyring *k = NULL;
	int fd = file_of(text, strlen(text));

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(keyring_read(fd, &k), ERR_OK);
		assert_key(k, "01", KEYRING_SEAL, SEAL_A);
		keyring_free(k);
	}
	assert_int_equal(close(fd), 0);
}

static void malformed_files(void **state)
{
#define GOOD "key 01 " KEY_A "\n"
	static const struct {
		const char *text;
		size_t len;
		const char *line;
	} rows[] = {
#define ROW(text, line) { text, sizeof(text) - 1, line }
		ROW("", "line 0"),
		ROW("# only\n\n", "line 2"),
		ROW(GOOD "nonsense\n", "line 2"),
		ROW(GOOD GOOD, "line 2"),
		ROW("key  01 " KEY_A, "line 1"),
		ROW("key 01  " KEY_A, "line 1"),
		ROW("key 01 " KEY_A " ", "line 1"),
		ROW("key 01 " KEY_A "\r\n", "line 1"),
		ROW(" key 01 " KEY_A, "line 1"),
		ROW("key A1 " KEY_A, "line 1"),
		ROW("key 12345678901234567 " KEY_A, "line 1"),
		ROW("key ", "line 1"),
		ROW("key 01", "line 1"),
		ROW("key 01 ", "line 1"),
		ROW("KEY 01 " KEY_A, "line 1"),
		ROW("key 01 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "line 1"),
		ROW("key 01 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", "line 1"),
		ROW("key 01 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", "line 1"),
		ROW("key 01 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-=", "line 1"),
		ROW("key 01 AAECAwQFBgcICQoLDA0O\0xAREhMUFRYXGBkaGxwdHh8=", "line 1"),
		ROW("key 01\0 " KEY_A, "line 1"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyring *k = NULL;

		assert_int_equal(read_text(rows[i].text, rows[i].len, &k), ERR_KEY_FILE);
		assert_null(k);
		assert_non_null(strstr(err_detail(), rows[i].line));
		assert_null(strstr(err_detail(), "AAECAw"));
	}
}

static void limits(void **state)
{
	char text[8192];
	struct keyring *k = NULL;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < KEYRING_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "key k%d " KEY_A "\n", i);
	assert_int_equal(read_text(text, n, &k), ERR_OK);
	assert_string_equal(keyring_newest(k), "k15");
	keyring_free(k);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "key k16 " KEY_A "\n");
	k = NULL;
	assert_int_equal(read_text(text, n, &k), ERR_KEY_FILE);

	memset(text, '#', sizeof(text));
	memcpy(text, GOOD, strlen(GOOD));
	assert_int_equal(read_text(text, 4097, &k), ERR_KEY_FILE);
	assert_null(k);
	assert_int_equal(read_text(text, 4096, &k), ERR_OK);
	keyring_free(k);
	k = NULL;
	assert_int_equal(keyring_read(-1, &k), ERR_KEY_FILE);
	assert_null(k);
}

static void new_lines_are_read_back(void **state)
{
	char a[128], b[128], text[256];
	struct keyring *k = NULL;

	(void)state;
	assert_int_equal(keyring_line("01", a, sizeof(a)), ERR_OK);
	assert_int_equal(keyring_line("0123456789abcdef", b, sizeof(b)), ERR_OK);
	assert_string_not_equal(a + strlen("key 01 "), b + strlen("key 0123456789abcdef "));
	(void)snprintf(text, sizeof(text), "%s%s", a, b);
	assert_int_equal(read_text(text, strlen(text), &k), ERR_OK);
	assert_string_equal(keyring_newest(k), "0123456789abcdef");
	keyring_free(k);
	assert_int_equal(keyring_line("", a, sizeof(a)), ERR_INVALID);
	assert_int_equal(keyring_line("a b", a, sizeof(a)), ERR_INVALID);
	assert_int_equal(keyring_line("0123456789abcdef0", a, sizeof(a)), ERR_INVALID);
	assert_int_equal(keyring_line("01", a, 52), ERR_INVALID);
	assert_int_equal(keyring_line("01", a, 53), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_derived),
		cmocka_unit_test(offset_of_the_descriptor_does_not_matter),
		cmocka_unit_test(malformed_files),
		cmocka_unit_test(limits),
		cmocka_unit_test(new_lines_are_read_back),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
