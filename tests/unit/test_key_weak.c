/* SPDX-License-Identifier: Apache-2.0 */
/* What key_from_spki() refuses. */
#include <openssl/ec.h>
#include <stdlib.h>

#include "key.h"
#include "log.h"
#include "../../lib/crypto/rsa_weak.h"
#include "text.h"
#include "unit.h"
#include "unit_keys.h"

static enum err judge(const struct der *d)
{
	struct key_info info = { .spki_len = 77 };
	enum err e = key_from_spki(d->bytes, d->len, &info);

	assert_true(e == ERR_OK || info.spki_len == 77);
	return e;
}

static struct der der_of_hex(const char *hex)
{
	struct der d = { .len = strlen(hex) / 2 };

	assert_true(d.len <= sizeof(d.bytes) && text_unhex(d.bytes, d.len, hex));
	return d;
}

static BIGNUM *modulus_of(EVP_PKEY *pkey)
{
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	return n;
}

static void sizes(void)
{
	static const size_t bits[] = { 1024, 1536, 2040, 2056 };

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits[i]);
		struct der d = spki_of(pkey);

		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		EVP_PKEY_free(pkey);
	}
}

static void exponents(void)
{
	static const struct {
		const char *e;
		enum err verdict;
	} rows[] = {
		{ "0", ERR_WEAK_KEY },
		{ "1", ERR_WEAK_KEY },
		{ "2", ERR_WEAK_KEY },
		{ "3", ERR_WEAK_KEY },
		{ "17", ERR_WEAK_KEY },
		{ "65535", ERR_WEAK_KEY },
		{ "65536", ERR_WEAK_KEY },
		{ "65537", ERR_OK },
		{ "65538", ERR_WEAK_KEY },
		{ "65539", ERR_OK },
		{ "4294967295", ERR_OK },
		{ "4294967296", ERR_WEAK_KEY },
		{ "4294967297", ERR_WEAK_KEY },
		{ "18446744073709617153", ERR_WEAK_KEY },
		{ "340282366920938463463374607431768211457", ERR_WEAK_KEY },
	};
	BIGNUM *n = modulus_of(keys[0]), *e = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct der d;

		assert_true(BN_dec2bn(&e, rows[i].e) > 0);
		d = rsa_spki(n, e);
		assert_int_equal(judge(&d), rows[i].verdict);
	}
	BN_free(n);
	BN_free(e);
}

/* A modulus of exactly `bits` bits that is a multiple of f. */
static BIGNUM *multiple_of(unsigned f, int bits, BN_CTX *ctx)
{
	BIGNUM *n = BN_new(), *rest = BN_new(), *factor = BN_new();

	assert_int_equal(BN_set_word(factor, f), 1);
	do {
		assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
		assert_int_equal(BN_mod(rest, n, factor, ctx), 1);
		assert_int_equal(BN_sub(n, n, rest), 1);
	} while (BN_num_bits(n) != bits);
	BN_free(rest);
	BN_free(factor);
	return n;
}

static void small_factors(BN_CTX *ctx)
{
	static const unsigned factors[] = { 2, 3, 5, 7, 167, 251, 257, 65519, 65521 };
	BIGNUM *e = BN_new();

	assert_int_equal(BN_set_word(e, 65537), 1);
	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
		BIGNUM *n = multiple_of(factors[i], 3072, ctx);
		struct der d = rsa_spki(n, e);

		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		assert_true(rsa_weak_small_factor(n));
		BN_free(n);
	}
	BN_free(e);
}

/* CVE-2017-15361: p = k * M + (65537^a mod M), M the product of the first 39 primes. */
static BIGNUM *roca_prime(int bits, BN_CTX *ctx)
{
	static const unsigned char primes[39] = {
		2,   3,	  5,   7,   11,	 13,  17,  19,	23,  29,  31,  37,  41,
		43,  47,  53,  59,  61,	 67,  71,  73,	79,  83,  89,  97,  101,
		103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	};
	BIGNUM *m = BN_new(), *p = BN_new(), *a = BN_new(), *g = BN_new();

	assert_int_equal(BN_set_word(m, 1), 1);
	for (size_t i = 0; i < sizeof(primes); i++)
		assert_int_equal(BN_mul_word(m, primes[i]), 1);
	assert_int_equal(BN_set_word(g, 65537), 1);
	do {
		assert_int_equal(BN_rand(a, 62, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY), 1);
		assert_int_equal(BN_mod_exp(a, g, a, m, ctx), 1);
		assert_int_equal(
			BN_rand(p, bits - BN_num_bits(m) + 1, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY),
			1);
		assert_int_equal(BN_mul(p, p, m, ctx), 1);
		assert_int_equal(BN_add(p, p, a), 1);
	} while (BN_num_bits(p) != bits || BN_check_prime(p, ctx, NULL) != 1);
	BN_free(m);
	BN_free(a);
	BN_free(g);
	return p;
}

static void roca(BN_CTX *ctx)
{
	BIGNUM *e = BN_new(), *n = BN_new();

	assert_int_equal(BN_set_word(e, 65537), 1);
	for (int bits = 1024; bits <= 1536; bits += 512) {
		struct der d;

		do {
			BIGNUM *p = roca_prime(bits, ctx), *q = roca_prime(bits, ctx);

			assert_int_equal(BN_mul(n, p, q, ctx), 1);
			BN_free(p);
			BN_free(q);
		} while (BN_num_bits(n) != 2 * bits);
		assert_false(rsa_weak_small_factor(n));
		assert_true(rsa_weak_roca(n));
		d = rsa_spki(n, e);
		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		assert_non_null(strstr(err_detail(), "ROCA"));
	}
	BN_free(e);
	BN_free(n);
}

static void curves(void)
{
	static const char *const names[] = {
		"prime192v1", "secp224r1",	 "secp256k1",
		"secp521r1",  "brainpoolP256r1", "brainpoolP384r1",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", names[i]);
		struct der d;

		assert_non_null(pkey);
		d = spki_of(pkey);
		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		EVP_PKEY_free(pkey);
	}
}

static void points(void)
{
	for (int i = 3; i < 5; i++) {
		struct der good = spki_of(keys[i]), d;
		size_t coordinate = i == 3 ? 32 : 48, at = good.len - 1 - 2 * coordinate;

		assert_int_equal(judge(&good), ERR_OK);
		for (size_t k = 0; k < 2 * coordinate; k++) {           /* off the curve */
			d = good;
			d.bytes[at + 1 + k] ^= 0x10;
			assert_int_equal(judge(&d), ERR_WEAK_KEY);
		}
		d = good;                                               /* 0, 0 */
		memset(d.bytes + at + 1, 0, 2 * coordinate);
		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		d = good; /* coordinates above the field's prime */
		memset(d.bytes + at + 1, 0xFF, 2 * coordinate);
		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		for (unsigned form = 0; form < 256; form++) { /* hybrid 06/07 and others */
			d = good;
			d.bytes[at] = (unsigned char)form;
			assert_int_equal(judge(&d), form == 4 ? ERR_OK : ERR_WEAK_KEY);
		}
	}
	/* The point at infinity is one byte 00. */
	struct der infinity = der_of_hex("3019301306072a8648ce3d020106082a8648ce3d03010703020000");

	assert_int_equal(judge(&infinity), ERR_WEAK_KEY);
}

static void A61_weak_keys(void **state)
{
	BN_CTX *ctx = BN_CTX_new();

	(void)state;
	sizes();
	exponents();
	small_factors(ctx);
	roca(ctx);
	curves();
	points();
	BN_CTX_free(ctx);
}

static void sound_keys_pass(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct der d = spki_of(keys[i]);
		struct key_info info;

		assert_int_equal(key_from_spki(d.bytes, d.len, &info), ERR_OK);
		assert_int_equal(info.algorithm, key_algorithms[i]);
		assert_int_equal(info.spki_len, d.len);
		assert_memory_equal(info.spki, d.bytes, d.len);
	}
}

/* Any number passes the ROCA test by chance once in 2^27. */
static void roca_test_has_no_false_alarms(void **state)
{
	BIGNUM *n = BN_new();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
		assert_false(rsa_weak_roca(n));
	}
	BN_free(n);
}

/* One small prime beside two large ones, for each of the primes. */
static void each_small_factor_is_found(void **state)
{
	BIGNUM *sound = modulus_of(keys[1]), *n = BN_new();
	int primes = 0;

	(void)state;
	assert_false(rsa_weak_small_factor(sound));
	for (unsigned p = 2; p < 65600; p++) {
		bool prime = true;

		for (unsigned d = 2; d * d <= p && prime; d++)
			prime = p % d != 0;
		/* All of the smallest and of the largest, some between: each costs a millisecond.
		 */
		if (!prime || (p > 200 && p < 65400 && p % 100 != 1))
			continue;
		(void)BN_copy(n, sound);
		assert_int_equal(BN_mul_word(n, p), 1);
		assert_int_equal(rsa_weak_small_factor(n), p < 65536);
		primes++;
	}
	assert_in_range(primes, 150, 400);
	BN_free(sound);
	BN_free(n);
}

/* Small factors as trial division finds them. */
static void small_factor_test_agrees_with_division(void **state)
{
	BIGNUM *n = BN_new();
	int with = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		bool divided = false;

		assert_int_equal(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
		for (unsigned d = 3; d < 65536 && !divided; d += 2)
			divided = BN_mod_word(n, d) == 0;
		assert_int_equal(rsa_weak_small_factor(n), divided);
		with += divided;
	}
	assert_in_range(with, 200, 299);
	BN_free(n);
}

static void set_point_form(EVP_PKEY *pkey, const char *form)
{
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
				 pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form),
			 1);
}

static void other_encodings(void **state)
{
	EVP_PKEY *pkey = EVP_PKEY_dup(keys[3]);
	struct der rsa = spki_of(keys[0]), ec = spki_of(keys[3]), d;

	(void)state;
	set_point_form(pkey, "compressed");
	d = spki_of(pkey);
	assert_int_equal(d.len, 59);
	assert_int_equal(judge(&d), ERR_WEAK_KEY);
	set_point_form(pkey, "hybrid");
	d = spki_of(pkey);
	assert_int_equal(judge(&d), ERR_WEAK_KEY);
	set_point_form(pkey, "uncompressed");
	assert_int_equal(
		EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
	d = spki_of(pkey);
	assert_true(d.len > 200);
	assert_int_equal(judge(&d), ERR_WEAK_KEY);
	EVP_PKEY_free(pkey);

	d = ec;                 /* outer length in long form */
	memcpy(d.bytes, "\x30\x81", 2);
	memcpy(d.bytes + 2, ec.bytes + 1, ec.len - 1);
	d.len = ec.len + 1;
	assert_int_equal(judge(&d), ERR_WEAK_KEY);

	/* RSA without the NULL of its parameters */
	assert_memory_equal(rsa.bytes, "\x30\x82\x01\x22\x30\x0d", 6);
	d = rsa;
	d.bytes[3] -= 2;
	d.bytes[5] -= 2;
	memmove(d.bytes + 17, d.bytes + 19, rsa.len - 19);
	d.len = rsa.len - 2;
	assert_int_equal(judge(&d), ERR_WEAK_KEY);

	/* unused bits in the BIT STRING */
	d = ec;
	assert_int_equal(d.bytes[25], 0);
	d.bytes[25] = 1;
	d.bytes[d.len - 1] &= 0xFE;
	assert_int_not_equal(judge(&d), ERR_OK);
}

static void other_kinds(void **state)
{
	static const char *const names[] = { "ED25519", "ED448", "X25519" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, names[i]);
		struct der d = spki_of(pkey);

		assert_int_equal(judge(&d), ERR_WEAK_KEY);
		EVP_PKEY_free(pkey);
	}
}

static void no_key_at_all(void **state)
{
	static unsigned char large[70000];

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct der d = spki_of(keys[i]);
		struct key_info info;

		for (size_t n = 0; n < d.len; n++)
			assert_int_equal(key_from_spki(d.bytes, n, &info), ERR_INVALID);
		d.bytes[d.len] = 0;
		assert_int_equal(key_from_spki(d.bytes, d.len + 1, &info), ERR_INVALID);
		memset(large, 0, sizeof(large));
		memcpy(large, d.bytes, d.len);
		assert_int_equal(key_from_spki(large, sizeof(large), &info), ERR_INVALID);
	}
}

/* Whatever one bit turns a key into: what is accepted is what OpenSSL reads and would write itself.
 */
static void changed_bits_stay_canonical(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i += 3) {
		struct der d = spki_of(keys[i]);
		size_t skipped =
			i == 0 ? 33 : 0; /* of RSA the header, and some bits of the numbers */

		for (size_t bit = 0; bit < 8 * d.len;
		     bit += skipped && bit > 8 * skipped ? 97 : 1) {
			struct key_info info;

			d.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
			if (key_from_spki(d.bytes, d.len, &info) == ERR_OK) {
				const unsigned char *p = d.bytes;
				EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)d.len);
				struct der again;

				assert_non_null(pkey);
				again = spki_of(pkey);
				assert_int_equal(again.len, d.len);
				assert_memory_equal(again.bytes, d.bytes, d.len);
				EVP_PKEY_free(pkey);
			}
			d.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(A61_weak_keys),
		cmocka_unit_test(sound_keys_pass),
		cmocka_unit_test(roca_test_has_no_false_alarms),
		cmocka_unit_test(each_small_factor_is_found),
		cmocka_unit_test(small_factor_test_agrees_with_division),
		cmocka_unit_test(other_encodings),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(no_key_at_all),
		cmocka_unit_test(changed_bits_stay_canonical),
	};
	int failed;

	log_set_sink(NULL);
	if (make_keys() != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free_keys();
	return failed;
}
