/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <dlfcn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"
#include "text.h"
#include "unit.h"
#include "unit_keys.h"

#define MESSAGE "cardmfa challenge"
#define MESSAGE_LEN (sizeof(MESSAGE) - 1)

/* Stands before libcrypto's: a verdict that its own code does not give on any input we let through.
 */
static int forced_verdict = 1;

int EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t sig_len,
		    const unsigned char *tbs, size_t tbs_len)
{
	int (*real)(EVP_PKEY_CTX *, const unsigned char *, size_t, const unsigned char *, size_t);

	if (forced_verdict != 1)
		return forced_verdict;
	*(void **)&real = dlsym(RTLD_NEXT, "EVP_PKEY_verify");
	return real(ctx, sig, sig_len, tbs, tbs_len);
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

	assert_int_equal(key_signing_input(key_algorithms[i], MESSAGE, MESSAGE_LEN, input, &len),
			 ERR_OK);
	sign_as_card(i, input, len, ret);
}

static enum err verify(const struct key_info *info, const void *sig, size_t len)
{
	return key_verify(info, MESSAGE, MESSAGE_LEN, sig, len);
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
	info_of(3, &info);
	info.spki[60] ^= 1;     /* off the curve */
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
	info.algorithm = (enum key_algorithm)0;
	assert_int_equal(verify(&info, sig.bytes, sig.len), ERR_CRYPTO);
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
			forced_verdict = verdicts[v];
			assert_int_equal(verify(&info, sig.bytes, sig.len),
					 verdicts[v] < 0 ? ERR_CRYPTO : ERR_DENIED);
			forced_verdict = 1;
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

static void warming_up_checks_nobodys_signature(void **state)
{
	(void)state;
	assert_int_equal(key_warm_up(), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_verifies),
		cmocka_unit_test(stranger_agrees),
		cmocka_unit_test(p256_base_point),
		cmocka_unit_test(rsa_blocks_of_other_forms),
		cmocka_unit_test(A60_malformed_signatures),
		cmocka_unit_test(only_one_verdict_is_a_yes),
		cmocka_unit_test(damaged_pin_can_not_be_known),
		cmocka_unit_test(unknown_algorithm_has_no_input),
		cmocka_unit_test(warming_up_checks_nobodys_signature),
	};
	int failed;

	log_set_sink(NULL);
	if (make_keys() != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free_keys();
	return failed;
}
