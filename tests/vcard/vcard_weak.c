/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_weak.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <string.h>

#include "vcard_keys.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct weak {
	const char *sort;
	bool (*make)(const struct weak *w, struct vbuf *ret);
	const char *alg;		/* the key it begins from, a name of valg or an EC group */
	const char *exponent;		/* RSA: hexadecimal */
	int curve;			/* EC: NID */
};

/* DER INTEGER: one zero byte before a set top bit. */
static void der_integer(struct vbuf *to, const struct vbuf *n)
{
	VBUF_AUTO value = { 0 };

	if (n->len && n->data[0] & 0x80)
		vbuf_byte(&value, 0);
	vbuf_add(&value, n->data, n->len);
	vtlv_add_buf(to, 0x02, &value);
}

static bool rsa_public(const struct weak *w, const struct vbuf *modulus, struct vbuf *ret)
{
	VBUF_AUTO e = { 0 };

	if (!vhex_parse(w->exponent, &e))
		return false;
	der_integer(ret, modulus);
	der_integer(ret, &e);
	vtlv_wrap(ret, 0x30);
	return true;
}

static bool make_rsa(const struct weak *w, struct vbuf *ret)
{
	VBUF_AUTO n = { 0 };
	EVP_PKEY *key = vkey_generate(valg_by_name(w->alg));
	bool ok = key && vkey_number(key, OSSL_PKEY_PARAM_RSA_N, &n) && rsa_public(w, &n, ret);

	EVP_PKEY_free(key);
	return ok;
}

/*
 * The fingerprint of CVE-2017-15361: modulo each small prime the modulus is a power of 65537.
 * n = (65537^x mod M) + k*M with M the product of the first 126 primes (the M of 2048-bit keys).
 */
static bool roca_product(BIGNUM *m)
{
	bool ok = BN_one(m) == 1;
	int found = 0;

	for (unsigned int p = 2; ok && found < 126; p++) {
		bool prime = true;

		for (unsigned int d = 2; d * d <= p; d++)
			prime = prime && p % d;
		if (prime && ++found)
			ok = BN_mul_word(m, p) == 1;
	}
	return ok;
}

static bool make_roca(const struct weak *w, struct vbuf *ret)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *m = BN_new(), *n = BN_new(), *k = BN_new(), *low = BN_new();
	VBUF_AUTO bytes = { 0 };
	uint8_t out[256];
	bool ok = ctx && m && n && k && low && roca_product(m) && BN_set_word(n, 65537) == 1 &&
		  BN_rand(k, 256, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_mod_exp(n, n, k, m, ctx) == 1;

	/* k from 2^2047/M up to 2^2048/M; M is even and the power odd, so n is odd */
	ok = ok && BN_set_bit(low, 2047) == 1 && BN_div(low, NULL, low, m, ctx) == 1 &&
	     BN_rand_range(k, low) == 1 && BN_add(k, k, low) == 1 &&
	     BN_mul(k, k, m, ctx) == 1 && BN_add(n, n, k) == 1 &&
	     BN_bn2binpad(n, out, sizeof(out)) == sizeof(out);
	vbuf_add(&bytes, out, sizeof(out));
	ok = ok && rsa_public(w, &bytes, ret);
	BN_free(low);
	BN_free(k);
	BN_free(n);
	BN_free(m);
	BN_CTX_free(ctx);
	return ok;
}

static bool make_ec(const struct weak *w, struct vbuf *ret)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", w->alg);
	uint8_t point[256];
	size_t len = 0;
	bool ok = key && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
							 sizeof(point), &len) == 1;

	EVP_PKEY_free(key);
	vbuf_add(ret, point, ok ? len : 0);
	return ok;
}

static bool make_offcurve(const struct weak *w, struct vbuf *ret)
{
	if (!make_ec(w, ret))
		return false;
	/*
	 * at most two y belong to an x, and they differ in parity by being negatives: y^2 moves
	 * off
	 */
	ret->data[ret->len - 1] ^= 0x04;
	return true;
}

static bool make_infinity(const struct weak *w, struct vbuf *ret)
{
	(void)w;
	vbuf_byte(ret, 0);
	return true;
}

static const struct weak sorts[] = {
	{ "rsa1024",  make_rsa,      "rsa1024", "010001",   0 },
	{ "e1",       make_rsa,      "rsa2048", "01",       0 },
	{ "e3",       make_rsa,      "rsa2048", "03",       0 },
	{ "even",     make_rsa,      "rsa2048", "010000",   0 },
	{ "roca",     make_roca,     NULL,      "010001",   0 },
	{ "p192",     make_ec,       "P-192",   NULL,       NID_X9_62_prime192v1 },
	{ "offcurve", make_offcurve, "P-256",   NULL,       NID_X9_62_prime256v1 },
	{ "infinity", make_infinity, NULL,      NULL,       NID_X9_62_prime256v1 },
};

static const struct weak *weak_find(const char *sort)
{
	for (size_t i = 0; i < COUNT(sorts); i++) {
		if (!strcmp(sorts[i].sort, sort))
			return &sorts[i];
	}
	return NULL;
}

bool vweak_known(const char *sort)
{
	return weak_find(sort);
}

bool vweak_put(X509_PUBKEY *to, const char *sort)
{
	const struct weak *w = weak_find(sort);
	VBUF_AUTO key = { 0 };
	unsigned char *owned;

	if (!w || !w->make(w, &key))
		return false;
	owned = OPENSSL_memdup(key.data, key.len);
	if (!owned)
		return false;
	if (w->curve)
		return X509_PUBKEY_set0_param(to, OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
					      V_ASN1_OBJECT, OBJ_nid2obj(w->curve), owned,
					      (int)key.len) == 1;
	return X509_PUBKEY_set0_param(to, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL, owned,
				      (int)key.len) == 1;
}
