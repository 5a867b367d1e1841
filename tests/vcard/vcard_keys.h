/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the virtual card (SP 800-78): a table of algorithms, and what a PIV slot does with a
 * key.
 */
#ifndef VCARD_KEYS_H
#define VCARD_KEYS_H

#include <openssl/evp.h>

#include "vcard_tlv.h"

struct valg {
	const char *name;
	uint8_t id;			/* P1 of GENERAL AUTHENTICATE */
	bool rsa;
	unsigned int bits;
	size_t size;			/* bytes of modulus or field; EC takes shorter input too */
	const char *group;		/* EC */
};

/* NULL when there is none such. */
const struct valg *valg_by_name(const char *name);
const struct valg *valg_by_id(uint8_t id);
const struct valg *valg_of_key(EVP_PKEY *key);

/* NULL on failure; the caller frees. */
EVP_PKEY *vkey_generate(const struct valg *alg);
EVP_PKEY *vkey_from_pem(const char *file);
EVP_PKEY *vkey_from_der(const uint8_t *der, size_t len);
/* What an i2d function of OpenSSL made, which is freed; false: it made nothing. */
bool vkey_take_der(unsigned char *der, int len, struct vbuf *ret);
/* PKCS#8 or SubjectPublicKeyInfo. */
bool vkey_to_der(EVP_PKEY *key, struct vbuf *ret);
bool vkey_spki(EVP_PKEY *key, struct vbuf *ret);

/*
 * RSA: the bare private operation on alg->size bytes. EC: DER of an ECDSA signature over these
 * bytes as digest.
 */
bool vkey_sign(EVP_PKEY *key, const struct valg *alg, const uint8_t *data, size_t len,
	       struct vbuf *ret);
/* Appends 81 modulus, 82 exponent, or 86 point (the public key of GENERATE and GET METADATA). */
bool vkey_public(EVP_PKEY *key, const struct valg *alg, struct vbuf *to);
/* Big-endian, minimal; name is OSSL_PKEY_PARAM_RSA_N and the like. */
bool vkey_number(EVP_PKEY *key, const char *name, struct vbuf *ret);

#endif
