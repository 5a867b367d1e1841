/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <string.h>

#include "der.h"
#include "digest.h"
#include "ossl.h"
#include "rsa_weak.h"

#define MODULUS_MAX 512
#define POINT_MAX 97
#define EXPONENT_MIN 65537u
#define EXPONENT_BYTES 4        /* of an odd number that is not above 2^32 */
#define SOME_SPKI_MAX 16384     /* more is not even asked about */

/* AlgorithmIdentifier, whole: RFC 3279 2.3.1 (NULL parameters), RFC 5480 2.1.1 (named curve). */
#define ALGORITHM_RSA "\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00"
#define ALGORITHM_P256 \
	"\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07"
#define ALGORITHM_P384 "\x30\x10\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x05\x2B\x81\x04\x00\x22"

/* RFC 8017 9.2, note 1: DigestInfo of SHA-256 before the digest. */
static const unsigned char digest_info[] = {
	0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
};

static const struct kind {
	enum key_algorithm algorithm;
	const char *group;              /* NULL: RSA */
	size_t size;                    /* bytes of the modulus, of a coordinate */
	enum digest_kind digest;
	const char *id;
	size_t id_len;
} kinds[] = {
	{ KEY_RSA2048, NULL,    256, DIGEST_SHA256, ALGORITHM_RSA,  sizeof(ALGORITHM_RSA) - 1 },
	{ KEY_RSA3072, NULL,    384, DIGEST_SHA256, ALGORITHM_RSA,  sizeof(ALGORITHM_RSA) - 1 },
	{ KEY_RSA4096, NULL,    512, DIGEST_SHA256, ALGORITHM_RSA,  sizeof(ALGORITHM_RSA) - 1 },
	{ KEY_P256,    "P-256", 32,  DIGEST_SHA256, ALGORITHM_P256, sizeof(ALGORITHM_P256) - 1 },
	{ KEY_P384,    "P-384", 48,  DIGEST_SHA384, ALGORITHM_P384, sizeof(ALGORITHM_P384) - 1 },
};

/* What a SubjectPublicKeyInfo says; the spans point into it. */
struct public_key {
	const struct kind *kind;
	struct span n, e;               /* RSA, magnitudes */
	struct span point;              /* EC, 04 X Y */
};

static const struct kind *kind_of(enum key_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].algorithm == algorithm)
			return &kinds[i];
	return NULL;
}

static bool read_rsa(struct span bits, struct public_key *ret)
{
	struct span content;

	return der_whole(bits, DER_SEQUENCE, &content) && der_take_positive(&content, &ret->n) &&
	       der_take_positive(&content, &ret->e) && content.len == 0;
}

static bool fits(const struct kind *k, struct span spki, struct public_key *ret)
{
	struct span bits;

	if (spki.len < k->id_len || memcmp(spki.p, k->id, k->id_len) != 0)
		return false;
	spki.p += k->id_len;
	spki.len -= k->id_len;
	if (!der_whole(spki, DER_BIT_STRING, &bits) || bits.len == 0 || bits.p[0] != 0)
		return false;
	bits.p++;
	bits.len--;
	if (!k->group)
		return read_rsa(bits, ret) && ret->n.len == k->size && ret->n.p[0] >= 0x80;
	ret->point = bits;
	return bits.len == 1 + 2 * k->size && bits.p[0] == 0x04;
}

/*
 * The five kinds in their only encoding. Every tag and length is compared or strictly read and
 * nothing is left over, so what is read re-encodes to the same bytes.
 */
static bool read_spki(const void *der, size_t len, struct public_key *ret)
{
	struct span spki = { .p = der, .len = len };

	if (len > KEY_SPKI_MAX || !der_whole(spki, DER_SEQUENCE, &spki))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		*ret = (struct public_key){ .kind = &kinds[i] };
		if (fits(&kinds[i], spki, ret))
			return true;
	}
	return false;
}

/* Is it a key of some other kind or form? Asked only about what was refused. */
static bool is_some_spki(const void *der, size_t len)
{
	OSSL_OWNED(X509_PUBKEY, any);
	OSSL_LIB_CTX *lib = ossl_ctx();
	const unsigned char *p = der;
	bool is_one;

	any = lib ? X509_PUBKEY_new_ex(lib, NULL) : NULL;
	is_one = any && len <= SOME_SPKI_MAX && d2i_X509_PUBKEY(&any, &p, (long)len) &&
		 p == (const unsigned char *)der + len;
	ossl_forget_errors();
	return is_one;
}

/* Numbers for EVP_PKEY_fromdata() are in the machine's byte order. */
static void put_number(unsigned char *dst, struct span number)
{
	for (size_t i = 0; i < number.len; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		dst[i] = number.p[number.len - 1 - i];
#else
		dst[i] = number.p[i];
#endif
}

/*
 * Straight from the numbers: no decoder chain, which would cost more than the verification. For
 * EC a point that is not on the curve is refused here. NULL: refused, reason in the error queue.
 */
static EVP_PKEY *load(OSSL_LIB_CTX *lib, const struct public_key *key)
{
	OSSL_OWNED(EVP_PKEY_CTX, ctx);
	unsigned char n[MODULUS_MAX], e[EXPONENT_BYTES], point[POINT_MAX];
	char group[8];
	const OSSL_PARAM end = OSSL_PARAM_construct_end();
	OSSL_PARAM params[3] = { end, end, end };
	EVP_PKEY *pkey = NULL;

	if (key->kind->group) {
		(void)strcpy(group, key->kind->group);
		memcpy(point, key->point.p, key->point.len);
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
							      key->point.len);
	} else {
		if (key->e.len > sizeof(e))
			return NULL;
		put_number(n, key->n);
		put_number(e, key->e);
		params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, key->n.len);
		params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, key->e.len);
	}
	ctx = EVP_PKEY_CTX_new_from_name(lib, key->kind->group ? "EC" : "RSA", NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

static bool exponent_fits(struct span e)
{
	uint64_t value = 0;

	if (e.len > EXPONENT_BYTES)
		return false;
	for (size_t i = 0; i < e.len; i++)
		value = value << 8 | e.p[i];
	return value % 2 == 1 && value >= EXPONENT_MIN;
}

static enum err judge_rsa(const struct public_key *key)
{
	OSSL_OWNED(BIGNUM, n);

	if (!exponent_fits(key->e))
		return fail(ERR_WEAK_KEY, "RSA exponent is even, below 65537 or above 2^32");
	n = BN_bin2bn(key->n.p, (int)key->n.len, NULL);
	if (!n)
		return ossl_fail("RSA modulus");
	if (rsa_weak_small_factor(n))
		return fail(ERR_WEAK_KEY, "RSA modulus has a factor below 2^16");
	if (rsa_weak_roca(n))
		return fail(ERR_WEAK_KEY, "RSA modulus has the form of CVE-2017-15361 (ROCA)");
	return ERR_OK;
}

static enum err judge_ec(const struct public_key *key)
{
	OSSL_OWNED(EVP_PKEY, pkey);
	OSSL_LIB_CTX *lib = ossl_ctx();

	if (!lib)
		return ERR_CRYPTO;
	pkey = load(lib, key);
	if (pkey)
		return ERR_OK;
	ossl_forget_errors();
	return fail(ERR_WEAK_KEY, "the point is not on %s", key->kind->group);
}

enum err key_from_spki(const void *der, size_t len, struct key_info *ret)
{
	struct public_key key;
	unsigned char sha256[32];
	enum err e;

	if (!read_spki(der, len, &key)) {
		if (is_some_spki(der, len))
			return fail(ERR_WEAK_KEY,
				    "not RSA-2048, 3072, 4096, P-256 or P-384 in canonical form");
		return fail(ERR_INVALID, "not a public key");
	}
	e = key.kind->group ? judge_ec(&key) : judge_rsa(&key);
	if (e != ERR_OK)
		return e;
	e = digest_sha256(der, len, sha256);
	if (e != ERR_OK)
		return e;
	ret->algorithm = key.kind->algorithm;
	ret->spki_len = len;
	memcpy(ret->spki, der, len);
	memcpy(ret->spki_sha256, sha256, sizeof(sha256));
	return ERR_OK;
}

enum err key_signing_input(enum key_algorithm algorithm, const void *message, size_t len,
			   unsigned char *dst, size_t *dst_len)
{
	const struct kind *k = kind_of(algorithm);
	struct digest_part part = { .bytes = message, .len = len };
	unsigned char digest[DIGEST_MAX];
	size_t n;
	enum err e;

	if (!k)
		return fail(ERR_INVALID, "no key algorithm %d", (int)algorithm);
	e = digest_parts(k->digest, &part, 1, digest);
	if (e != ERR_OK)
		return e;
	n = digest_size(k->digest);
	if (k->group) {
		memcpy(dst, digest, n);
		*dst_len = n;
		return ERR_OK;
	}

	/* EMSA-PKCS1-v1_5, RFC 8017 9.2 */
	size_t filler = k->size - 3 - sizeof(digest_info) - n;

	dst[0] = 0x00;
	dst[1] = 0x01;
	memset(dst + 2, 0xFF, filler);
	dst[2 + filler] = 0x00;
	memcpy(dst + 3 + filler, digest_info, sizeof(digest_info));
	memcpy(dst + 3 + filler + sizeof(digest_info), digest, n);
	*dst_len = k->size;
	return ERR_OK;
}

/* SEQUENCE { r, s } in DER, both above 0 and no longer than a coordinate; the rest is OpenSSL's. */
static bool is_ecdsa_form(const struct kind *k, const void *sig, size_t len)
{
	struct span content, r, s;

	return der_whole((struct span){ .p = sig, .len = len }, DER_SEQUENCE, &content) &&
	       der_take_positive(&content, &r) && der_take_positive(&content, &s) &&
	       content.len == 0 && r.len <= k->size && s.len <= k->size;
}

static enum err verify_digest(const struct public_key *key, const unsigned char *digest,
			      const void *sig, size_t sig_len)
{
	OSSL_OWNED(EVP_PKEY, pkey);
	OSSL_OWNED(EVP_PKEY_CTX, ctx);
	OSSL_LIB_CTX *lib = ossl_ctx();
	char padding[] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15, md[] = "SHA256";
	/* Without the digest's name a block that lacks DigestInfo would pass. */
	const OSSL_PARAM rsa[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, padding, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, md, 0),
		OSSL_PARAM_construct_end(),
	};
	int verdict;

	if (!lib)
		return ERR_CRYPTO;
	pkey = load(lib, key);
	ctx = pkey ? EVP_PKEY_CTX_new_from_pkey(lib, pkey, NULL) : NULL;
	if (!ctx || EVP_PKEY_verify_init_ex(ctx, key->kind->group ? NULL : rsa) != 1)
		return ossl_fail("the key can't be used");
	verdict = EVP_PKEY_verify(ctx, sig, sig_len, digest, digest_size(key->kind->digest));
	if (verdict == 1)
		return ERR_OK;
	if (verdict < 0)
		return ossl_fail("verification");
	ossl_forget_errors();
	/* A verdict; whose signature was wanted, and whether that is a failure, the caller knows. */
	return ERR_DENIED;
}

enum err key_verify(const struct key_info *key, const void *message, size_t len, const void *sig,
		    size_t sig_len)
{
	struct public_key pub;
	struct digest_part part = { .bytes = message, .len = len };
	unsigned char digest[DIGEST_MAX];
	enum err e;

	if (!read_spki(key->spki, key->spki_len, &pub) || pub.kind->algorithm != key->algorithm)
		return fail(ERR_CRYPTO, "the pinned key is not of its algorithm");
	if (pub.kind->group ? !is_ecdsa_form(pub.kind, sig, sig_len) : sig_len != pub.kind->size)
		return fail(ERR_DENIED, "malformed signature of %zu bytes", sig_len);
	e = digest_parts(pub.kind->digest, &part, 1, digest);
	if (e != ERR_OK)
		return e;
	return verify_digest(&pub, digest, sig, sig_len);
}

/* The base point of P-256 (SEC 2, 2.4.2) as a key, and a signature with r = s = 1: by nobody. */
enum err key_warm_up(void)
{
	static const struct key_info key = {
		.algorithm = KEY_P256, .spki_len = 91,
		.spki = {
			0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A,
			0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
			0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
			0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96,
			0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
			0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
		},
	};
	static const unsigned char signature[] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };
	enum err e = key_verify(&key, "", 0, signature, sizeof(signature));

	if (e == ERR_OK)
		return fail(ERR_CRYPTO, "a signature by nobody fits");
	return e == ERR_DENIED ? ERR_OK : e;
}
