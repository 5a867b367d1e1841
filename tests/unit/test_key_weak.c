/* SPDX-License-Identifier: Apache-2.0 */
/* What key_from_spki() refuses. */
#include "openssl_fault.h"

#include <openssl/ec.h>
#include <stdlib.h>

#include "key.h"
#include "log.h"
#include "../../lib/crypto/rsa_weak.h"
#include "text.h"
#include "unit.h"
#include "unit_keys.h"

/* Stands before libcrypto's and counts. */
static unsigned long_divisions;

BN_ULONG BN_mod_word(const BIGNUM *n, BN_ULONG w)
{
	static BN_ULONG (*real)(const BIGNUM *, BN_ULONG);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "BN_mod_word");
	long_divisions++;
	return real(n, w);
}

/* Nothing is left that a later complaint would take for its own reason. */
static enum err judge_bytes(const void *der, size_t len)
{
	struct key_info info = { .spki_len = 77 };
	enum err e;

	ERR_clear_error();
	e = key_from_spki(der, len, &info);
	assert_int_equal(ERR_peek_error(), 0);
	assert_true(e == ERR_OK || info.spki_len == 77);
	return e;
}

static enum err judge(const struct der *d)
{
	return judge_bytes(d->bytes, d->len);
}

/* From a copy as long as they are: a sanitizer sees what is read behind it. */
static enum err judge_copy(const void *der, size_t len)
{
	void *copy = malloc(len ? len : 1);
	enum err e;

	assert_non_null(copy);
	memcpy(copy, der, len);
	e = judge_bytes(len ? copy : (char *)copy + 1, len);
	free(copy);
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

/* Odd, of exactly so many bits, and no small prime divides it. */
static BIGNUM *sound_number(int bits, bool lowest)
{
	BIGNUM *n = BN_new();

	do {
		assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
		for (int bit = bits - 8; lowest && bit < bits - 1; bit++)
			(void)BN_clear_bit(n, bit);
	} while (rsa_weak_small_factor(n));
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

/* One bit less has as many bytes. */
static void modulus_has_all_its_bits(void **state)
{
	BIGNUM *e = BN_new();

	(void)state;
	assert_int_equal(BN_set_word(e, 65537), 1);
	for (int bits = 2047; bits <= 2048; bits++) {
		BIGNUM *n = sound_number(bits, true);
		struct der d = rsa_spki(n, e);

		assert_int_equal(judge(&d), bits == 2048 ? ERR_OK : ERR_WEAK_KEY);
		BN_free(n);
	}
	BN_free(e);
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

#define ROCA_PRIMES 38

/* The odd primes up to 167, and of each which residues are powers of 65537. */
static struct {
	unsigned prime;
	bool is_power[168];
} roca_rows[ROCA_PRIMES];

static void fill_roca_rows(void)
{
	size_t i = 0;

	for (unsigned p = 3; p <= 167; p += 2) {
		bool prime = true;
		unsigned long power = 1;

		for (unsigned d = 3; d < p; d += 2)
			prime = prime && p % d != 0;
		if (!prime)
			continue;
		assert_true(i < ROCA_PRIMES);
		roca_rows[i].prime = p;
		for (unsigned a = 0; a < p; a++, power = power * 65537 % p)
			roca_rows[i].is_power[power] = true;
		i++;
	}
	assert_int_equal(i, ROCA_PRIMES);
}

/* The number that has these residues (Chinese remainder theorem). */
static BIGNUM *number_of(const unsigned *residues)
{
	BIGNUM *n = BN_new(), *m = BN_new();

	assert_int_equal(BN_set_word(m, 1), 1);
	for (size_t i = 0; i < ROCA_PRIMES; i++) {
		while (BN_mod_word(n, roca_rows[i].prime) != residues[i])
			assert_int_equal(BN_add(n, n, m), 1);
		assert_int_equal(BN_mul_word(m, roca_rows[i].prime), 1);
	}
	BN_free(m);
	return n;
}

static void each_power_has_the_fingerprint(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 166; a++) {
		unsigned residues[ROCA_PRIMES];
		BIGNUM *n;

		for (size_t i = 0; i < ROCA_PRIMES; i++) {
			residues[i] = 1;
			for (unsigned k = 0; k < a; k++)
				residues[i] = residues[i] * (65537 % roca_rows[i].prime) %
					      roca_rows[i].prime;
		}
		n = number_of(residues);
		assert_true(rsa_weak_roca(n));
		BN_free(n);
	}
}

static void one_prime_decides_against_the_fingerprint(void **state)
{
	unsigned others = 0;

	(void)state;
	for (size_t i = 0; i < ROCA_PRIMES; i++) {
		for (unsigned residue = 1; residue < roca_rows[i].prime; residue++) {
			unsigned residues[ROCA_PRIMES];
			BIGNUM *n;

			for (size_t k = 0; k < ROCA_PRIMES; k++)
				residues[k] = k == i ? residue : 1;
			n = number_of(residues);
			assert_int_equal(rsa_weak_roca(n), roca_rows[i].is_power[residue]);
			others += !roca_rows[i].is_power[residue];
			BN_free(n);
		}
	}
	assert_int_not_equal(others, 0);
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

/* Of the 6,542 primes a long division takes four at once, or more. */
static void small_factor_test_is_quick(void **state)
{
	BIGNUM *sound = modulus_of(keys[0]);

	(void)state;
	long_divisions = 0;
	assert_false(rsa_weak_small_factor(sound));
	assert_in_range(long_divisions, 1, 6542 / 4);
	BN_free(sound);
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

	/* a byte behind the exponent, inside of all that holds it */
	d = rsa;
	assert_memory_equal(d.bytes + 19, "\x03\x82\x01\x0F\x00\x30\x82\x01\x0A", 9);
	d.bytes[3]++;
	d.bytes[22]++;
	d.bytes[27]++;
	d.bytes[d.len++] = 0;
	assert_int_equal(judge(&d), ERR_WEAK_KEY);

	/* unused bits in the BIT STRING */
	d = ec;
	assert_int_equal(d.bytes[25], 0);
	d.bytes[25] = 1;
	d.bytes[d.len - 1] &= 0xFE;
	assert_int_equal(judge(&d), ERR_WEAK_KEY);
}

/* P-256, uncompressed and of any length. */
static void points_of_other_lengths(void **state)
{
	static const unsigned char head[] = {
		0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
		0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07,
	};
	struct der good = spki_of(keys[3]);

	(void)state;
	for (size_t n = 1; n <= 600; n += n < 110 ? 1 : 49) {
		unsigned char point[600] = { 0x04 }, bits[610], content[700];
		unsigned char *at = bits;
		struct der d = { .len = 0 };

		memcpy(point + 1, good.bytes + good.len - 64, 64);
		ASN1_put_object(&at, 0, (int)n + 1, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
		*at++ = 0;
		memcpy(content, head, sizeof(head));
		memcpy(content + sizeof(head), bits, (size_t)(at - bits));
		memcpy(content + sizeof(head) + (at - bits), point, n);
		d.len = sizeof(head) + (size_t)(at - bits) + n;
		at = d.bytes;
		ASN1_put_object(&at, 1, (int)d.len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
		memcpy(at, content, d.len);
		d.len += (size_t)(at - d.bytes);
		assert_int_equal(judge(&d), n == 65 ? ERR_OK : ERR_WEAK_KEY);
	}
}

static void algorithm_without_a_key(void **state)
{
	static const char *const rows[] = {
		"3015301306072a8648ce3d020106082a8648ce3d030107",
		"3016301306072a8648ce3d020106082a8648ce3d03010703",
		"3017301306072a8648ce3d020106082a8648ce3d0301070300",
		"300f300d06092a864886f70d0101010500",
		"3011300d06092a864886f70d01010105000300",
		"3000",
		"3002300d",
		"30023013",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct der d = der_of_hex(rows[i]);

		assert_int_equal(judge_copy(d.bytes, d.len), ERR_INVALID);
	}
}

/* A key that is too long for a pin is one all the same, up to a limit. */
static void keys_of_any_length(void **state)
{
	static const struct {
		size_t len;
		enum err verdict;
	} rows[] = {
		{ KEY_SPKI_MAX, ERR_WEAK_KEY },
		{ KEY_SPKI_MAX + 1, ERR_WEAK_KEY },
		{ 16384, ERR_WEAK_KEY },
		{ 16385, ERR_INVALID },
	};
	BIGNUM *n = BN_new(), *e = BN_new();

	(void)state;
	assert_int_equal(BN_set_word(e, 65537), 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int bits = 8 * (int)(rows[i].len - 38);
		struct der d;

		assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
		d = rsa_spki(n, e);
		assert_int_equal(d.len, rows[i].len);
		assert_int_equal(judge(&d), rows[i].verdict);
	}
	for (int more = 0; more < 2; more++) {  /* a usual modulus and an endless exponent */
		struct der d;

		assert_int_equal(BN_rand(n, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
		assert_int_equal(BN_rand(e, 8 * (16091 + more) - 1, BN_RAND_TOP_ONE,
					 BN_RAND_BOTTOM_ODD),
				 1);
		d = rsa_spki(n, e);
		assert_int_equal(d.len, 16384 + more);
		assert_int_equal(judge(&d), more ? ERR_INVALID : ERR_WEAK_KEY);
	}
	BN_free(n);
	BN_free(e);
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
			assert_int_equal(judge_copy(d.bytes, n), ERR_INVALID);
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

/* The N-th call fails, N = 1, 2, 3 and so on, until none is left that could. */
static void no_failure_of_openssl_is_a_sound_key(void **state)
{
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	const struct {
		EVP_PKEY *pkey;
		enum err unharmed, harmed[7];
	} rows[] = {
		{ keys[0], ERR_OK, { ERR_CRYPTO, ERR_CRYPTO, ERR_CRYPTO, ERR_CRYPTO } },
		/* a point that can't be loaded is taken for one that is not on its curve */
		{ keys[3],
		  ERR_OK,
		  { ERR_CRYPTO, ERR_WEAK_KEY, ERR_WEAK_KEY, ERR_WEAK_KEY, ERR_CRYPTO, ERR_CRYPTO,
		    ERR_CRYPTO } },
		{ ed, ERR_WEAK_KEY, { ERR_INVALID, ERR_INVALID } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct der d = spki_of(rows[i].pkey);
		enum err e;
		size_t n = 0;

		for (;; n++) {
			openssl_fault_start((int)n + 1);
			e = judge(&d);
			if (!openssl_fault_met())
				break;
			assert_true(n < 7);
			assert_int_equal(e, rows[i].harmed[n]);
		}
		assert_int_equal(e, rows[i].unharmed);
		assert_true(n > 1);
	}
	EVP_PKEY_free(ed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(A61_weak_keys),
		cmocka_unit_test(modulus_has_all_its_bits),
		cmocka_unit_test(sound_keys_pass),
		cmocka_unit_test(each_power_has_the_fingerprint),
		cmocka_unit_test(one_prime_decides_against_the_fingerprint),
		cmocka_unit_test(roca_test_has_no_false_alarms),
		cmocka_unit_test(each_small_factor_is_found),
		cmocka_unit_test(small_factor_test_agrees_with_division),
		cmocka_unit_test(small_factor_test_is_quick),
		cmocka_unit_test(other_encodings),
		cmocka_unit_test(points_of_other_lengths),
		cmocka_unit_test(algorithm_without_a_key),
		cmocka_unit_test(keys_of_any_length),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(no_key_at_all),
		cmocka_unit_test(changed_bits_stay_canonical),
		cmocka_unit_test(no_failure_of_openssl_is_a_sound_key),
	};

	fill_roca_rows();
	return cmocka_run_group_tests(tests, keys_begin, keys_end);
}
