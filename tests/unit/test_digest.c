/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "log.h"
#include "text.h"
#include "unit.h"

/* FIPS 180-4: "abc" */
#define ABC_256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_384 \
	"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
#define EMPTY_256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void one_piece(void **state)
{
	unsigned char digest[32];
	char hex[65];

	(void)state;
	assert_int_equal(digest_sha256("abc", 3, digest), ERR_OK);
	text_hex(hex, digest, sizeof(digest));
	assert_string_equal(hex, ABC_256);
	assert_int_equal(digest_sha256("", 0, digest), ERR_OK);
	text_hex(hex, digest, sizeof(digest));
	assert_string_equal(hex, EMPTY_256);
}

static void pieces_follow_each_other(void **state)
{
	const struct digest_part parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	unsigned char digest[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];

	(void)state;
	assert_int_equal(digest_parts(DIGEST_SHA256, parts, 3, digest), ERR_OK);
	text_hex(hex, digest, 32);
	assert_string_equal(hex, ABC_256);
	assert_int_equal(digest_parts(DIGEST_SHA384, parts, 3, digest), ERR_OK);
	text_hex(hex, digest, 48);
	assert_string_equal(hex, ABC_384);
	assert_int_equal(digest_parts(DIGEST_SHA256, NULL, 0, digest), ERR_OK);
	text_hex(hex, digest, 32);
	assert_string_equal(hex, EMPTY_256);
}

static void sizes(void **state)
{
	unsigned char digest[DIGEST_MAX];

	(void)state;
	assert_int_equal(digest_size(DIGEST_SHA256), 32);
	assert_int_equal(digest_size(DIGEST_SHA384), 48);
	assert_int_equal(digest_size((enum digest_kind)0), 0);
	assert_int_equal(digest_size((enum digest_kind)3), 0);
	assert_int_equal(digest_parts((enum digest_kind)3, NULL, 0, digest), ERR_CRYPTO);
}

/* main() has set OPENSSL_CONF to a file that switches everything off; the private context does not
 * read it. */
static void environment_is_not_read(void **state)
{
	unsigned char digest[32];

	(void)state;
	assert_non_null(getenv("OPENSSL_CONF"));
	assert_int_equal(digest_sha256("abc", 3, digest), ERR_OK);
}

static int write_hostile_configuration(char *path)
{
	static const char text[] =
		"openssl_conf = i\n[i]\nproviders = p\nalg_section = a\n[p]\nlegacy = l\n[l]\n"
		"activate = 1\n[a]\ndefault_properties = fips=yes\n";
	int fd = mkstemp(path);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	(void)close(fd);
	return n == (ssize_t)strlen(text) ? setenv("OPENSSL_CONF", path, 1) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_not_read),
		cmocka_unit_test(one_piece),
		cmocka_unit_test(pieces_follow_each_other),
		cmocka_unit_test(sizes),
	};
	char path[] = "/tmp/cardmfa-digest-XXXXXX";
	int failed;

	if (write_hostile_configuration(path) != 0)
		return 1;
	log_set_sink(NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	return failed;
}
