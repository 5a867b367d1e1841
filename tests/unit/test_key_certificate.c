/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl_fault.h"

#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "log.h"
#include "text.h"
#include "unit.h"
#include "unit_keys.h"

#define NOT_BEFORE 1700000000
#define NOT_AFTER 1900000000
#define CERTIFICATE_MAX 16384

/* A certificate over pkey's key, self-signed with a P-256 key; the name once, or so many times. */
static struct der certificate_with(EVP_PKEY *pkey, const char *name, int times)
{
	X509 *x = X509_new();
	unsigned char *at;
	struct der d;
	int n;

	assert_int_equal(X509_set_version(x, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), NOT_BEFORE));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), NOT_AFTER));
	for (int i = 0; i < times; i++)
		assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
							    MBSTRING_UTF8,
							    (const unsigned char *)name,
							    (int)strlen(name), -1, 0),
				 1);
	assert_int_equal(X509_set_pubkey(x, pkey), 1);
	assert_true(X509_sign(x, keys[3], EVP_sha256()) > 0);
	n = i2d_X509(x, NULL);
	assert_in_range(n, 1, DER_MAX - 64);
	at = d.bytes;
	assert_int_equal(i2d_X509(x, &at), n);
	d.len = (size_t)n;
	X509_free(x);
	return d;
}

static struct der certificate_of(EVP_PKEY *pkey, const char *name)
{
	return certificate_with(pkey, name, 1);
}

/* As a program asks; nothing is left that a later complaint would take for its own reason. */
static enum err ask(const void *der, size_t len, struct cert_info *ret)
{
	enum err e;

	ERR_clear_error();
	e = key_from_certificate(der, len, ret);
	assert_int_equal(ERR_peek_error(), 0);
	return e;
}

static void every_algorithm_is_read(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct der d = certificate_of(keys[i], "taro"), spki = spki_of(keys[i]);
		struct cert_info info;

		assert_int_equal(ask(d.bytes, d.len, &info), ERR_OK);
		assert_int_equal(info.key.algorithm, key_algorithms[i]);
		assert_int_equal(info.key.spki_len, spki.len);
		assert_memory_equal(info.key.spki, spki.bytes, spki.len);
		assert_int_equal(info.not_before, NOT_BEFORE);
		assert_int_equal(info.not_after, NOT_AFTER);
		assert_string_equal(info.subject, "CN = taro");
	}
}

static void subject_is_fit_for_a_screen(void **state)
{
	static const char *const names[] = {
		"\xE5\xB1\xB1\xE7\x94\xB0 \xE5\xA4\xAA\xE9\x83\x8E",
		"a\x1B[31mb\nc",
		("a\xE2\x80\xAE" "b"),
		"a, CN = root",
		"a long one, a long one, a long one, a long one, a long one, 0123",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct der d = certificate_of(keys[3], names[i]);
		struct cert_info info;

		assert_int_equal(ask(d.bytes, d.len, &info), ERR_OK);
		assert_true(text_is_utf8(info.subject, strlen(info.subject)));
		for (const char *c = info.subject; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7F);
		assert_null(strstr(info.subject, "\xE2\x80\xAE"));
		if (i == 0)
			assert_string_equal(
				info.subject,
				"CN = \xE5\xB1\xB1\xE7\x94\xB0 \xE5\xA4\xAA\xE9\x83\x8E");
		if (i == 3)
			assert_string_equal(info.subject, "CN = \"a, CN = root\"");
	}
}

static void no_subject_is_an_empty_line(void **state)
{
	struct der d = certificate_with(keys[3], "", 0);
	struct cert_info info;

	(void)state;
	assert_int_equal(ask(d.bytes, d.len, &info), ERR_OK);
	assert_string_equal(info.subject, "");
}

static void long_subject_is_cut_for_display(void **state)
{
	static const char name[] = "0123456789abcdef0123456789abcdef"
				   "0123456789abcdef0123456789abcdef";
	struct der d = certificate_with(keys[3], name, 30);
	struct cert_info info;

	(void)state;
	assert_int_equal(ask(d.bytes, d.len, &info), ERR_OK);
	assert_int_equal(strlen(info.subject), sizeof(info.subject) - 1);
	assert_memory_equal(info.subject, "CN = 0123456789", 15);
	assert_string_equal(info.subject + sizeof(info.subject) - 4, "...");
}

/* "231114221320Z" */
static void times_that_are_none(void **state)
{
	static const char *const wrong[] = { "231314221320Z", "23111422132xZ", "231114221320X" };
	struct der good = certificate_of(keys[3], "taro");
	const unsigned char *at = NULL;

	(void)state;
	for (const unsigned char *p = good.bytes; !at; p++)
		if (memcmp(p, "\x17\x0D" "231114221320Z" "\x17\x0D", 17) == 0)
			at = p + 2;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		for (int which = 0; which < 2; which++) {
			struct der d = good;
			struct cert_info info;

			memcpy(d.bytes + (at - good.bytes) + 15 * which, wrong[i], 13);
			assert_int_equal(ask(d.bytes, d.len, &info), ERR_INVALID);
		}
	}
}

static void largest_container(void **state)
{
	static unsigned char container[CERTIFICATE_MAX + 1];
	struct der d = certificate_of(keys[3], "taro");
	struct cert_info info;

	(void)state;
	memcpy(container, d.bytes, d.len);
	assert_int_equal(ask(container, CERTIFICATE_MAX, &info), ERR_OK);
	assert_int_equal(ask(container, CERTIFICATE_MAX + 1, &info), ERR_INVALID);
}

static void padding_of_a_container(void **state)
{
	struct der d = certificate_of(keys[3], "taro");
	const size_t len = d.len;
	struct cert_info info;

	(void)state;
	for (int fill = 0; fill < 256; fill++) {
		memset(d.bytes + len, fill, 40);
		assert_int_equal(ask(d.bytes, len + 40, &info),
				 fill == 0 || fill == 255 ? ERR_OK : ERR_INVALID);
	}
	memset(d.bytes + len, 0, 40);
	d.bytes[len + 39] = 1;
	assert_int_equal(ask(d.bytes, len + 40, &info), ERR_INVALID);
}

static void weak_key_in_a_certificate(void **state)
{
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct der d;
	struct cert_info info;

	(void)state;
	d = certificate_of(rsa, "taro");
	assert_int_equal(ask(d.bytes, d.len, &info), ERR_WEAK_KEY);
	d = certificate_of(ed, "taro");
	assert_int_equal(ask(d.bytes, d.len, &info), ERR_WEAK_KEY);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed);
}

/* Longer than a pin may be. */
static void rsa_8192_in_a_certificate(void **state)
{
	BIGNUM *n = BN_new(), *e = BN_new();
	struct der d;
	const unsigned char *p = d.bytes;
	struct cert_info info;
	EVP_PKEY *pkey;

	(void)state;
	assert_int_equal(BN_rand(n, 8192, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
	assert_int_equal(BN_set_word(e, 65537), 1);
	d = rsa_spki(n, e);
	assert_true(d.len > KEY_SPKI_MAX);
	pkey = d2i_PUBKEY(NULL, &p, (long)d.len);
	assert_non_null(pkey);
	d = certificate_of(pkey, "taro");
	assert_int_equal(ask(d.bytes, d.len, &info), ERR_WEAK_KEY);
	EVP_PKEY_free(pkey);
	BN_free(n);
	BN_free(e);
}

/* The N-th call fails, N = 1, 2, 3 and so on, until none is left that could. */
static void no_failure_of_openssl_is_a_certificate(void **state)
{
	struct der d = certificate_of(keys[0], "taro");
	struct cert_info info = { .not_after = 5 };
	enum err e;
	int n = 1;

	(void)state;
	for (;; n++) {
		openssl_fault_start(n);
		e = ask(d.bytes, d.len, &info);
		if (!openssl_fault_met())
			break;
		assert_int_equal(e, ERR_CRYPTO);
		assert_int_equal(info.not_after, 5);
	}
	assert_int_equal(e, ERR_OK);
	assert_int_equal(info.not_after, NOT_AFTER);
	assert_true(n > 8);
}

static void damaged_certificates(void **state)
{
	struct der good = certificate_of(keys[3], "taro"), spki = spki_of(keys[3]);
	static unsigned char large[20000];
	struct cert_info info = { .not_after = 5 };

	(void)state;
	for (size_t n = 0; n < good.len; n++)
		assert_int_equal(ask(good.bytes, n, &info), ERR_INVALID);
	assert_int_equal(ask(spki.bytes, spki.len, &info), ERR_INVALID);
	memcpy(large, good.bytes, good.len);
	assert_int_equal(ask(large, sizeof(large), &info), ERR_INVALID);
	assert_int_equal(info.not_after, 5);
	/* No change of a bit does more than fail or be read. */
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		good.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		enum err e = ask(good.bytes, good.len, &info);

		assert_true(e == ERR_OK || e == ERR_INVALID || e == ERR_WEAK_KEY);
		good.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_is_read),
		cmocka_unit_test(subject_is_fit_for_a_screen),
		cmocka_unit_test(no_subject_is_an_empty_line),
		cmocka_unit_test(long_subject_is_cut_for_display),
		cmocka_unit_test(times_that_are_none),
		cmocka_unit_test(largest_container),
		cmocka_unit_test(padding_of_a_container),
		cmocka_unit_test(weak_key_in_a_certificate),
		cmocka_unit_test(rsa_8192_in_a_certificate),
		cmocka_unit_test(no_failure_of_openssl_is_a_certificate),
		cmocka_unit_test(damaged_certificates),
	};

	return cmocka_run_group_tests(tests, keys_begin, keys_end);
}
