/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that no verifier may take. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

#include "vcard_piv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum sort { OF_ANY, OF_EC, OF_RSA };
enum member { R, S };
enum number { ZERO, ORDER, ORDER_AND_ONE, NEGATIVE, NOT_MINIMAL };

struct vsig {
	const char *name;
	enum sort sort;
	bool (*apply)(const struct vsig *v, EVP_PKEY *key, const struct valg *alg,
		      struct vbuf *sig);
	enum member member;
	enum number number;
	size_t len;
};

static bool ec_number(enum number n, EVP_PKEY *key, const struct vtlv *was, struct vbuf *ret)
{
	VBUF_AUTO order = { 0 };

	if (!vkey_number(key, OSSL_PKEY_PARAM_EC_ORDER, &order))
		return false;
	switch (n) {
	case ZERO:
		vbuf_byte(ret, 0);
		return true;
	case ORDER_AND_ONE:
		order.data[order.len - 1]++;
		/* fall through */
	case ORDER:
		vbuf_byte(ret, 0);
		vbuf_add(ret, order.data, order.len);
		return true;
	case NEGATIVE:
		vbuf_byte(ret, 0xFF);
		vbuf_byte(ret, 0x7F);
		vbuf_add(ret, was->data, was->len);
		return true;
	case NOT_MINIMAL:
		vbuf_fill(ret, 0, 3);
		vbuf_add(ret, was->data, was->len);
		return true;
	}
	return false;
}

/*
 * Puts another number in r's or s's place; NEGATIVE is a two's complement with the same low
 * bytes.
 */
static bool change_number(const struct vsig *v, EVP_PKEY *key, const struct valg *alg,
			  struct vbuf *sig)
{
	struct vtlv whole, part[2];
	VBUF_AUTO changed = { 0 };
	VBUF_AUTO der = { 0 };
	const uint8_t *at;

	(void)alg;
	if (!vtlv_find(sig->data, sig->len, 0x30, &whole))
		return false;
	at = whole.data;
	if (!vtlv_next(&at, whole.data + whole.len, &part[R]) ||
	    !vtlv_next(&at, whole.data + whole.len, &part[S]) ||
	    !ec_number(v->number, key, &part[v->member], &changed))
		return false;
	part[v->member].data = changed.data;
	part[v->member].len = changed.len;
	vtlv_add(&der, 0x02, part[R].data, part[R].len);
	vtlv_add(&der, 0x02, part[S].data, part[S].len);
	vtlv_wrap(&der, 0x30);
	vbuf_copy(sig, &der);
	return true;
}

static bool append_byte(const struct vsig *v, EVP_PKEY *key, const struct valg *alg,
			struct vbuf *sig)
{
	(void)v, (void)key, (void)alg;
	vbuf_byte(sig, 0);
	return true;
}

static bool of_length(const struct vsig *v, EVP_PKEY *key, const struct valg *alg, struct vbuf *sig)
{
	(void)key, (void)alg;
	vbuf_clear(sig);
	vbuf_fill(sig, 0xAA, v->len);
	return true;
}

static bool all_zero(const struct vsig *v, EVP_PKEY *key, const struct valg *alg, struct vbuf *sig)
{
	(void)v, (void)key, (void)alg;
	memset(sig->data, 0, sig->len);
	return true;
}

static bool just_one(const struct vsig *v, EVP_PKEY *key, const struct valg *alg, struct vbuf *sig)
{
	all_zero(v, key, alg, sig);
	sig->data[sig->len - 1] = 1;
	return true;
}

static bool flip_bit(const struct vsig *v, EVP_PKEY *key, const struct valg *alg, struct vbuf *sig)
{
	(void)v, (void)key, (void)alg;
	sig->data[sig->len - 1] ^= 1;
	return true;
}

/* Good, by the right key, but of something else. */
static bool of_other_input(const struct vsig *v, EVP_PKEY *key, const struct valg *alg,
			   struct vbuf *sig)
{
	uint8_t block[512];

	(void)v;
	if (RAND_bytes(block, (int)alg->size) != 1)
		return false;
	block[0] = 0;
	return vkey_sign(key, alg, block, alg->size, sig);
}

/* s + n is the same number modulo n. */
static bool plus_modulus(const struct vsig *v, EVP_PKEY *key, const struct valg *alg,
			 struct vbuf *sig)
{
	BIGNUM *n = NULL;
	BIGNUM *s = BN_bin2bn(sig->data, (int)sig->len, NULL);
	uint8_t out[520];
	int len = (int)alg->size;
	bool ok = s && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		  BN_add(s, s, n) == 1;

	(void)v;
	if (ok && BN_num_bytes(s) > len)
		len = BN_num_bytes(s);
	ok = ok && BN_bn2binpad(s, out, len) == len;
	BN_free(n);
	BN_free(s);
	vbuf_clear(sig);
	vbuf_add(sig, out, ok ? (size_t)len : 0);
	return ok;
}

static const struct vsig variants[] = {
	{ "r0",       OF_EC, change_number,  R, ZERO,          0 },
	{ "s0",       OF_EC, change_number,  S, ZERO,          0 },
	{ "rn",       OF_EC, change_number,  R, ORDER,         0 },
	{ "sn",       OF_EC, change_number,  S, ORDER,         0 },
	{ "rn1",      OF_EC, change_number,  R, ORDER_AND_ONE, 0 },
	{ "sn1",      OF_EC, change_number,  S, ORDER_AND_ONE, 0 },
	{ "neg",      OF_EC, change_number,  R, NEGATIVE,      0 },
	{ "nonmin",   OF_EC, change_number,  S, NOT_MINIMAL,   0 },
	{ "trailing", OF_ANY, append_byte,    R, ZERO,          0 },
	{ "empty",    OF_ANY, of_length,      R, ZERO,          0 },
	{ "257",      OF_ANY, of_length,      R, ZERO,          257 },
	{ "512",      OF_ANY, of_length,      R, ZERO,          512 },
	{ "65000",    OF_ANY, of_length,      R, ZERO,          65000 },
	{ "zero",     OF_ANY, all_zero,       R, ZERO,          0 },
	{ "one",      OF_ANY, just_one,       R, ZERO,          0 },
	{ "flipped",  OF_ANY, flip_bit,       R, ZERO,          0 },
	{ "other",    OF_ANY, of_other_input, R, ZERO,          0 },
	{ "plusn",    OF_RSA, plus_modulus,   R, ZERO,          0 },
};

const struct vsig *vsig_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(variants); i++) {
		if (!strcmp(variants[i].name, name))
			return &variants[i];
	}
	return NULL;
}

bool vsig_apply(const struct vsig *v, EVP_PKEY *key, const struct valg *alg, struct vbuf *sig)
{
	if (v->sort != OF_ANY && (v->sort == OF_RSA) != alg->rsa)
		return false;
	return v->apply(v, key, alg, sig);
}
