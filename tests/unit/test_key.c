/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl_fault.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <unistd.h>

#include "key.h"
#include "log.h"
#include "text.h"
#include "unit.h"
#include "unit_keys.h"

#define MESSAGE "cardmfa challenge"
#define MESSAGE_LEN (sizeof(MESSAGE) - 1)

/* Stands before libcrypto's: a verdict that its own code does not give on any input we let through.
 */
static struct {
	bool forced;
	int verdict;
	int asked, own_verdict;
} verification;

int EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t sig_len,
		    const unsigned char *tbs, size_t tbs_len)
{
	int (*real)(EVP_PKEY_CTX *, const unsigned char *, size_t, const unsigned char *, size_t);

	verification.asked++;
	if (verification.forced)
		return verification.verdict;
	*(void **)&real = dlsym(RTLD_NEXT, "EVP_PKEY_verify");
	verification.own_verdict = real(ctx, sig, sig_len, tbs, tbs_len);
	return verification.own_verdict;
}

static void force_verdict(int verdict)
{
	verification.forced = true;
	verification.verdict = verdict;
	verification.asked = 0;
}

static void force_no_verdict(void)
{
	verification.forced = false;
	verification.asked = 0;
}

struct signature {
	size_t len;
	unsigned char bytes[KEY_SIGNATURE_MAX];
};

/* What a card does with what it is given: the bare private key operation. */
static void sign_as_card(int i, const unsigned char *input, size_t len, struct signature *ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(keys[i], NULL);

	ret->len = sizeof(ret->bytes);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	if (i < 3)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, ret->bytes, &ret->len, input, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void sign(int i, struct signature *ret)
{
	unsigned char input[512];
	size_t len = 0;

	memset(input, 0xA5, sizeof(input));
	assert_int_equal(key_signing_input(key_algorithms[i], MESSAGE, MESSAGE_LEN, input, &len),
			 ERR_OK);
	sign_as_card(i, input, len, ret);
}

/* Nothing is left that a later complaint would take for its own reason. */
static enum err verify(const struct key_info *info, const void *sig, size_t len)
{
	enum err e;

	ERR_clear_error();
	e = key_verify(info, MESSAGE, MESSAGE_LEN, sig, len);
	assert_int_equal(ERR_peek_error(), 0);
	return e;
}

static void every_algorithm_verifies(void **state)
{
	static const size_t input_sizes[] = { 256, 384, 512, 32, 48 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		unsigned char input[512];
		struct key_info info, other;
		struct signature sig;
		size_t len = 0;

		info_of(i, &info);
		info_of((i + 1) % 5, &other);
		sign(i, &sig);
		assert_int_equal(
			key_signing_input(info.algorithm, MESSAGE, MESSAGE_LEN, input, &len),
			ERR_OK);
		assert_int_equal(len, input_sizes[i]);
		assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_OK);
		assert_int_equal(key_verify(&info, MESSAGE, MESSAGE_LEN - 1, sig.bytes, sig.len),
				 ERR_DENIED);
		assert_int_equal(key_verify(&info, "", 0, sig.bytes, sig.len), ERR_DENIED);
		assert_int_equal(verify(&other, sig.bytes, sig.len), ERR_DENIED);
		info.algorithm = other.algorithm;
		assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	}
}

/* OpenSSL's own signer, which pads and digests by itself. */
static void stranger_agrees(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		struct key_info info;
		struct signature sig = { .len = sizeof(sig.bytes) };

		info_of(i, &info);
		assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, i == 4 ? "SHA384" : "SHA256",
						       NULL, NULL, keys[i], NULL),
				 1);
		assert_int_equal(EVP_DigestSign(ctx, sig.bytes, &sig.len,
						(const unsigned char *)MESSAGE, MESSAGE_LEN),
				 1);
		assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_OK);
		EVP_MD_CTX_free(ctx);
	}
}

/* RFC 8017 9.2, byte by byte; SHA-256 of "abc" from FIPS 180-4's examples. */
static void rsa_input_is_emsa_pkcs1(void **state)
{
	static const char digest_info[] = "3031300d060960864801650304020105000420"
					  "ba7816bf8f01cfea414140de5dae2223"
					  "b00361a396177a9cb410ff61f20015ad";

	(void)state;
	for (int i = 0; i < 3; i++) {
		unsigned char expected[512], input[512];
		size_t size = 256 + 128 * (size_t)i, len = 0;

		memset(expected, 0xFF, size);
		expected[0] = 0x00;
		expected[1] = 0x01;
		expected[size - 52] = 0x00;
		assert_true(text_unhex(expected + size - 51, 51, digest_info));
		memset(input, 0xA5, sizeof(input));
		assert_int_equal(key_signing_input(key_algorithms[i], "abc", 3, input, &len),
				 ERR_OK);
		assert_int_equal(len, size);
		assert_memory_equal(input, expected, size);
	}
}

static void longest_exponent_verifies(void **state)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *usual = keys[0];
	struct key_info info;
	struct signature sig;
	BIGNUM *e = BN_new();

	(void)state;
	assert_int_equal(BN_set_word(e, 4294967291), 1);
	keys[0] = NULL;
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &keys[0]), 1);
	info_of(0, &info);
	sign(0, &sig);
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_OK);
	sig.bytes[9] ^= 1;
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_DENIED);
	EVP_PKEY_free(keys[0]);
	keys[0] = usual;
	EVP_PKEY_CTX_free(ctx);
	BN_free(e);
}

static void p256_base_point(void **state)
{
	static const char spki_hex[] =
		"3059301306072a8648ce3d020106082a8648ce3d030107034200"
		"046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
		"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
	unsigned char spki[sizeof(spki_hex) / 2];
	struct key_info info;
	char hex[65];

	(void)state;
	assert_true(text_unhex(spki, sizeof(spki), spki_hex));
	assert_int_equal(key_from_spki(spki, sizeof(spki), &info), ERR_OK);
	assert_int_equal(info.algorithm, KEY_P256);
	text_hex(hex, info.spki_sha256, 32);
	assert_string_equal(hex,
			    "5cd252fb0ce8932436faf8ccd1040981b89ee4ad6b9fe9e2a2b7e71aacb27cd3");
}

/* PKCS#1 blocks that lenient verifiers take: no DigestInfo, no NULL, filler cut short and bytes
 * after the digest, type 2. */
static void rsa_blocks_of_other_forms(void **state)
{
	struct key_info info;
	unsigned char good[512], block[256];
	struct signature sig;
	size_t len = 0;

	(void)state;
	info_of(0, &info);
	assert_int_equal(key_signing_input(KEY_RSA2048, MESSAGE, MESSAGE_LEN, good, &len), ERR_OK);
	assert_int_equal(len, sizeof(block));

	memset(block, 0xFF, sizeof(block));
	memcpy(block, "\x00\x01", 2);
	block[256 - 33] = 0;
	memcpy(block + 256 - 32, good + 256 - 32, 32);
	sign_as_card(0, block, sizeof(block), &sig);
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_DENIED);

	memset(block, 0, sizeof(block));
	memcpy(block, good, 10);
	memcpy(block + 10, good + 256 - 52, 52);
	sign_as_card(0, block, sizeof(block), &sig);
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_DENIED);

	memcpy(block, good, sizeof(block));
	block[1] = 0x02;
	sign_as_card(0, block, sizeof(block), &sig);
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_DENIED);

	memcpy(block, good, sizeof(block));
	block[256 - 51 + 14] ^= 1;      /* another digest's OID */
	sign_as_card(0, block, sizeof(block), &sig);
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_DENIED);
}

/* SEQUENCE { r, s } from any two numbers, negative ones too. */
static size_t ecdsa_der(unsigned char *dst, const BIGNUM *r, const BIGNUM *s)
{
	ASN1_INTEGER *integers[2] = { BN_to_ASN1_INTEGER(r, NULL), BN_to_ASN1_INTEGER(s, NULL) };
	unsigned char *at = dst + 2;

	for (int i = 0; i < 2; i++) {
		assert_true(i2d_ASN1_INTEGER(integers[i], &at) > 0);
		ASN1_INTEGER_free(integers[i]);
	}
	dst[0] = 0x30;
	dst[1] = (unsigned char)(at - dst - 2);
	assert_true(dst[1] < 0x80);
	return (size_t)(at - dst);
}

static void ecdsa_numbers(int key, const struct key_info *info)
{
	EC_GROUP *group =
		EC_GROUP_new_by_curve_name(key == 3 ? NID_X9_62_prime256v1 : NID_secp384r1);
	const BIGNUM *n = EC_GROUP_get0_order(group);
	struct signature good;
	const unsigned char *p = good.bytes;
	ECDSA_SIG *sig;
	unsigned char der[160];

	sign(key, &good);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)good.len);
	assert_non_null(sig);

	const BIGNUM *r = ECDSA_SIG_get0_r(sig), *s = ECDSA_SIG_get0_s(sig);
	BIGNUM *bad[9];

	for (int i = 0; i < 9; i++)
		bad[i] = BN_new();
	assert_int_equal(BN_add(bad[2], n, BN_value_one()), 1);         /* [0] is 0 */
	(void)BN_copy(bad[1], n);
	(void)BN_copy(bad[3], r);
	BN_set_negative(bad[3], 1);
	(void)BN_copy(bad[4], s);
	BN_set_negative(bad[4], 1);
	assert_int_equal(BN_add(bad[5], r, n), 1);
	assert_int_equal(BN_add(bad[6], s, n), 1);
	(void)BN_copy(bad[7], BN_value_one());
	assert_int_equal(BN_lshift(bad[8], BN_value_one(), key == 3 ? 300 : 400), 1);
	assert_int_equal(verify(info, der, ecdsa_der(der, r, s)), ERR_OK);
	assert_int_equal(verify(info, der, ecdsa_der(der, s, r)), ERR_DENIED);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(verify(info, der, ecdsa_der(der, bad[i], s)), ERR_DENIED);
		assert_int_equal(verify(info, der, ecdsa_der(der, r, bad[i])), ERR_DENIED);
		for (int j = 0; j < 9; j++)
			assert_int_equal(verify(info, der, ecdsa_der(der, bad[i], bad[j])),
					 ERR_DENIED);
	}
	for (int i = 0; i < 9; i++)
		BN_free(bad[i]);
	ECDSA_SIG_free(sig);
	EC_GROUP_free(group);
}

/* The same r and s in other clothes. */
static void ecdsa_encodings(int key, const struct key_info *info)
{
	struct signature good;
	unsigned char der[160];
	size_t r_len, n;

	sign(key, &good);
	n = good.len;
	r_len = good.bytes[3];
	assert_int_equal(verify(info, good.bytes, n), ERR_OK);

	memcpy(der, good.bytes, n);             /* trailing byte, inside and outside the SEQUENCE */
	der[n] = 0;
	assert_int_equal(verify(info, der, n + 1), ERR_DENIED);
	der[1]++;
	assert_int_equal(verify(info, der, n + 1), ERR_DENIED);

	memcpy(der, good.bytes, 4);             /* a needless 00 before r */
	der[1]++;
	der[3]++;
	der[4] = 0;
	memcpy(der + 5, good.bytes + 4, n - 4);
	assert_int_equal(verify(info, der, n + 1), ERR_DENIED);

	memcpy(der, good.bytes, 4 + r_len);     /* before s */
	der[1]++;
	memcpy(der + 4 + r_len, "\x02", 1);
	der[5 + r_len] = (unsigned char)(good.bytes[5 + r_len] + 1);
	der[6 + r_len] = 0;
	memcpy(der + 7 + r_len, good.bytes + 6 + r_len, n - 6 - r_len);
	assert_int_equal(verify(info, der, n + 1), ERR_DENIED);

	memcpy(der, "\x30\x81", 2);             /* long form of the length */
	memcpy(der + 2, good.bytes + 1, n - 1);
	assert_int_equal(verify(info, der, n + 1), ERR_DENIED);
	memcpy(der, "\x30\x82\x00", 3);
	memcpy(der + 3, good.bytes + 1, n - 1);
	assert_int_equal(verify(info, der, n + 2), ERR_DENIED);
	memcpy(der, "\x30\x80", 2);             /* indefinite length */
	memcpy(der + 2, good.bytes + 2, n - 2);
	memcpy(der + n, "\x00\x00", 2);
	assert_int_equal(verify(info, der, n + 2), ERR_DENIED);
	memcpy(der, good.bytes, n);             /* a SET */
	der[0] = 0x31;
	assert_int_equal(verify(info, der, n), ERR_DENIED);
}

static void rsa_numbers(const struct key_info *info)
{
	BIGNUM *n = NULL, *s = BN_new();
	struct signature good;
	unsigned char bytes[257];

	sign(0, &good);
	assert_int_equal(EVP_PKEY_get_bn_param(keys[0], OSSL_PKEY_PARAM_RSA_N, &n), 1);
	for (int delta = -1; delta <= 1; delta++) {     /* n-1, n, n+1 */
		(void)BN_copy(s, n);
		assert_int_equal(delta < 0 ? BN_sub_word(s, 1) : BN_add_word(s, (BN_ULONG)delta),
				 1);
		assert_int_equal(BN_bn2binpad(s, bytes, 256), 256);
		assert_int_equal(verify(info, bytes, 256), ERR_DENIED);
	}
	for (unsigned v = 0; v < 2; v++) {
		memset(bytes, 0, sizeof(bytes));
		bytes[255] = (unsigned char)v;
		assert_int_equal(verify(info, bytes, 256), ERR_DENIED);
	}
	memset(bytes, 0xFF, sizeof(bytes));
	assert_int_equal(verify(info, bytes, 256), ERR_DENIED);
	/* The right number plus n, which is the same modulo n, and in 257 bytes. */
	assert_non_null(BN_bin2bn(good.bytes, 256, s));
	assert_int_equal(BN_add(s, s, n), 1);
	assert_int_equal(BN_bn2binpad(s, bytes, 257), 257);
	assert_int_equal(verify(info, bytes, 257), ERR_DENIED);
	assert_int_equal(verify(info, bytes + 1, 256), ERR_DENIED);
	bytes[0] = 0;
	memcpy(bytes + 1, good.bytes, 256);
	assert_int_equal(verify(info, bytes, 257), ERR_DENIED);
	assert_int_equal(verify(info, bytes + 1, 256), ERR_OK);
	BN_free(n);
	BN_free(s);
}

static void A60_malformed_signatures(void **state)
{
	static const size_t lengths[] = { 0,   1,   2,	 8,   64,  70,	72,    96,   104,
					  255, 256, 257, 384, 512, 513, 65535, 65536 };
	static unsigned char huge[65536 + 1];

	(void)state;
	(void)alarm(300);
	for (int i = 0; i < 5; i++) {
		struct signature good;
		struct key_info info;

		info_of(i, &info);
		sign(i, &good);
		for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
			static const unsigned char fills[] = { 0x00, 0x30, 0x7F, 0xFF };

			for (size_t f = 0; f < sizeof(fills); f++) {
				memset(huge, fills[f], sizeof(huge));
				assert_int_equal(verify(&info, huge, lengths[l]), ERR_DENIED);
			}
			memset(huge, 0, sizeof(huge));
			memcpy(huge, good.bytes, good.len);
			assert_int_equal(verify(&info, huge, lengths[l]),
					 lengths[l] == good.len ? ERR_OK : ERR_DENIED);
		}
		for (size_t bit = 0; bit < 8 * good.len; bit += i < 3 ? 61 : 1) {
			good.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			assert_int_equal(verify(&info, good.bytes, good.len), ERR_DENIED);
			good.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
		if (i >= 3) {
			ecdsa_numbers(i, &info);
			ecdsa_encodings(i, &info);
		}
		if (i == 0)
			rsa_numbers(&info);
	}
	(void)alarm(0);
}

static void damaged_pin_can_not_be_known(void **state)
{
	struct signature sig;
	struct key_info info;

	(void)state;
	info_of(3, &info);
	sign(3, &sig);
	info.spki_len--;
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	info.spki_len = SIZE_MAX;
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	info.spki_len = sizeof(info.spki) + 1;
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	info_of(3, &info);
	info.spki[60] ^= 1;     /* off the curve */
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	info.algorithm = (enum key_algorithm)0;
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
}

/* An exponent that no key is taken with. */
static void pin_with_a_long_exponent_can_not_be_known(void **state)
{
	BIGNUM *n = NULL, *e = BN_new();
	struct key_info info;
	struct signature sig;
	struct der d;

	(void)state;
	sign(0, &sig);
	assert_int_equal(EVP_PKEY_get_bn_param(keys[0], OSSL_PKEY_PARAM_RSA_N, &n), 1);
	for (int bits = 33; bits < 5000; bits += 331) {
		assert_int_equal(BN_set_word(e, 1), 1);
		assert_int_equal(BN_set_bit(e, bits - 1), 1);
		d = rsa_spki(n, e);
		assert_true(d.len <= sizeof(info.spki));
		info.algorithm = KEY_RSA2048;
		info.spki_len = d.len;
		memcpy(info.spki, d.bytes, d.len);
		assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	}
	BN_free(n);
	BN_free(e);
}

/* SEQUENCE { r, s } of r_len and s_len bytes that are no more than their length. */
static size_t long_numbers(unsigned char *dst, size_t r_len, size_t s_len)
{
	unsigned char *at = dst;

	ASN1_put_object(&at, 1,
			ASN1_object_size(0, (int)r_len, V_ASN1_INTEGER) +
				ASN1_object_size(0, (int)s_len, V_ASN1_INTEGER),
			V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	ASN1_put_object(&at, 0, (int)r_len, V_ASN1_INTEGER, V_ASN1_UNIVERSAL);
	memset(at, 0x11, r_len);
	at += r_len;
	ASN1_put_object(&at, 0, (int)s_len, V_ASN1_INTEGER, V_ASN1_UNIVERSAL);
	memset(at, 0x11, s_len);
	return (size_t)(at + s_len - dst);
}

/* Even if OpenSSL said yes to all. */
static void malformed_signatures_do_not_reach_openssl(void **state)
{
	(void)state;
	for (int i = 3; i < 5; i++) {
		const size_t most = i == 3 ? 32 : 48;
		unsigned char der[600];
		struct key_info info;

		info_of(i, &info);
		force_verdict(1);
		assert_int_equal(verify(&info, der, long_numbers(der, most, most)), ERR_OK);
		assert_int_equal(verify(&info, der, long_numbers(der, 1, 1)), ERR_OK);
		assert_int_equal(verification.asked, 2);
		for (size_t n = most + 1; n < 256; n++) {
			assert_int_equal(verify(&info, der, long_numbers(der, n, most)),
					 ERR_DENIED);
			assert_int_equal(verify(&info, der, long_numbers(der, most, n)),
					 ERR_DENIED);
			assert_int_equal(verify(&info, der, long_numbers(der, n, n)), ERR_DENIED);
		}
		assert_int_equal(verification.asked, 2);
		force_no_verdict();
	}
	for (int i = 0; i < 3; i++) {
		unsigned char bytes[514] = { 0x11 };
		struct key_info info;

		info_of(i, &info);
		force_verdict(1);
		for (size_t n = 0; n < sizeof(bytes); n++)
			assert_int_equal(verify(&info, bytes, n),
					 n == 256 + 128 * (size_t)i ? ERR_OK : ERR_DENIED);
		assert_int_equal(verification.asked, 1);
		force_no_verdict();
	}
}

static void only_one_verdict_is_a_yes(void **state)
{
	static const int verdicts[] = { 0, -1, -2, 2, -2147483647 };

	(void)state;
	for (size_t v = 0; v < sizeof(verdicts) / sizeof(verdicts[0]); v++) {
		for (int i = 0; i < 5; i++) {
			struct signature sig;
			struct key_info info;

			info_of(i, &info);
			sign(i, &sig);
			force_verdict(verdicts[v]);
			assert_int_equal(verify(&info, sig.bytes, sig.len),
					 verdicts[v] < 0 ? ERR_CRYPTO : ERR_DENIED);
			force_no_verdict();
		}
	}
}

static void unknown_algorithm_has_no_input(void **state)
{
	unsigned char input[512];
	size_t len = 7;

	(void)state;
	assert_int_equal(
		key_signing_input((enum key_algorithm)0, MESSAGE, MESSAGE_LEN, input, &len),
		ERR_INVALID);
	assert_int_equal(
		key_signing_input((enum key_algorithm)6, MESSAGE, MESSAGE_LEN, input, &len),
		ERR_INVALID);
	assert_int_equal(len, 7);
}

/* All of what a check asks of OpenSSL, and it says no by itself. */
static int lines_logged;

static void count_line(int level, const char *line)
{
	(void)level;
	(void)line;
	lines_logged++;
}

/* Every worker does it: a line that says DENIED would stand beside every login. */
static void warming_up_says_nothing(void **state)
{
	(void)state;
	log_set_sink(count_line);
	assert_int_equal(key_warm_up(), ERR_OK);
	log_set_sink(NULL);
	assert_int_equal(lines_logged, 0);
}

static void warming_up_checks_nobodys_signature(void **state)
{
	(void)state;
	force_no_verdict();
	assert_int_equal(key_warm_up(), ERR_OK);
	assert_int_equal(verification.asked, 1);
	assert_int_equal(verification.own_verdict, 0);
	force_verdict(1);
	assert_int_equal(key_warm_up(), ERR_CRYPTO);
	force_verdict(-1);
	assert_int_equal(key_warm_up(), ERR_CRYPTO);
	force_no_verdict();
}

struct asked {
	int i;
	struct key_info key;
	struct signature sig;
};

static enum err call_verify(const struct asked *a)
{
	return verify(&a->key, a->sig.bytes, a->sig.len);
}

static enum err call_signing_input(const struct asked *a)
{
	unsigned char input[512];
	size_t len = 77;
	enum err e = key_signing_input(key_algorithms[a->i], MESSAGE, MESSAGE_LEN, input, &len);

	assert_true(e == ERR_OK || len == 77);
	return e;
}

static enum err call_warm_up(const struct asked *a)
{
	(void)a;
	return key_warm_up();
}

/* The N-th call fails, N = 1, 2, 3 and so on, until none is left that could. */
static void no_failure_of_openssl_is_a_yes(void **state)
{
	static enum err (*const calls[])(const struct asked *a) = {
		call_verify,
		call_signing_input,
		call_warm_up,
	};

	(void)state;
	for (size_t c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
		for (int i = 0; i < 5; i++) {
			struct asked a = { .i = i };
			enum err e;
			int n = 1;

			info_of(i, &a.key);
			sign(i, &a.sig);
			for (;; n++) {
				openssl_fault_start(n);
				e = calls[c](&a);
				if (!openssl_fault_met())
					break;
				assert_int_equal(e, ERR_CRYPTO);
			}
			assert_int_equal(e, ERR_OK);
			assert_true(n > 3);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_verifies),
		cmocka_unit_test(stranger_agrees),
		cmocka_unit_test(rsa_input_is_emsa_pkcs1),
		cmocka_unit_test(longest_exponent_verifies),
		cmocka_unit_test(p256_base_point),
		cmocka_unit_test(rsa_blocks_of_other_forms),
		cmocka_unit_test(A60_malformed_signatures),
		cmocka_unit_test(malformed_signatures_do_not_reach_openssl),
		cmocka_unit_test(only_one_verdict_is_a_yes),
		cmocka_unit_test(damaged_pin_can_not_be_known),
		cmocka_unit_test(pin_with_a_long_exponent_can_not_be_known),
		cmocka_unit_test(unknown_algorithm_has_no_input),
		cmocka_unit_test(warming_up_says_nothing),
		cmocka_unit_test(warming_up_checks_nobodys_signature),
		cmocka_unit_test(no_failure_of_openssl_is_a_yes),
	};

	return cmocka_run_group_tests(tests, keys_begin, keys_end);
}
