/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for the tests of lib/crypto, made with OpenSSL's default context. */
#ifndef CARDMFA_UNIT_KEYS_H
#define CARDMFA_UNIT_KEYS_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "log.h"
#include "unit.h"

#define DER_MAX 20000

struct der {
	size_t len;
	unsigned char bytes[DER_MAX];
};

static inline struct der spki_of(EVP_PKEY *pkey)
{
	struct der d = { .len = 0 };
	unsigned char *at = d.bytes;
	int n = i2d_PUBKEY(pkey, NULL);

	assert_in_range(n, 1, DER_MAX);
	assert_int_equal(i2d_PUBKEY(pkey, &at), n);
	d.len = (size_t)n;
	return d;
}

/* SubjectPublicKeyInfo of any two numbers, sound or not. */
static inline struct der rsa_spki(const BIGNUM *n, const BIGNUM *e)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;
	struct der d;

	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e), 1);
	params = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	d = spki_of(pkey);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return d;
}

/* Five keys of our algorithms, made once. */
static const enum key_algorithm key_algorithms[5] = { KEY_RSA2048, KEY_RSA3072, KEY_RSA4096,
						      KEY_P256, KEY_P384 };
static EVP_PKEY *keys[5];

/* Fixtures of a group: five keys, and nothing said without TEST_LOG. */
static inline int keys_begin(void **state)
{
	(void)state;
	if (!getenv("TEST_LOG"))
		log_set_sink(NULL);
	for (int i = 0; i < 3; i++)
		keys[i] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(2048 + 1024 * i));
	keys[3] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	keys[4] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	for (int i = 0; i < 5; i++)
		if (!keys[i])
			return -1;
	return 0;
}

static inline int keys_end(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

static inline void info_of(int i, struct key_info *ret)
{
	struct der d = spki_of(keys[i]);

	assert_int_equal(key_from_spki(d.bytes, d.len, ret), ERR_OK);
	assert_int_equal(ret->algorithm, key_algorithms[i]);
}

#endif
