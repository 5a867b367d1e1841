/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct valg algs[] = {
	{ .name = "rsa1024", .id = 0x06, .rsa = true, .bits = 1024, .size = 128 },
	{ .name = "rsa2048", .id = 0x07, .rsa = true, .bits = 2048, .size = 256 },
	{ .name = "rsa3072", .id = 0x05, .rsa = true, .bits = 3072, .size = 384 },
	{ .name = "rsa4096", .id = 0x16, .rsa = true, .bits = 4096, .size = 512 },
	{ .name = "p256", .id = 0x11, .bits = 256, .size = 32, .group = "P-256" },
	{ .name = "p384", .id = 0x14, .bits = 384, .size = 48, .group = "P-384" },
};

const struct valg *valg_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(algs); i++) {
		if (!strcmp(algs[i].name, name))
			return &algs[i];
	}
	return NULL;
}

const struct valg *valg_by_id(uint8_t id)
{
	for (size_t i = 0; i < COUNT(algs); i++) {
		if (algs[i].id == id)
			return &algs[i];
	}
	return NULL;
}

const struct valg *valg_of_key(EVP_PKEY *key)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA");

	for (size_t i = 0; i < COUNT(algs); i++) {
		if (algs[i].rsa == rsa && algs[i].bits == (unsigned int)EVP_PKEY_get_bits(key))
			return &algs[i];
	}
	return NULL;
}

EVP_PKEY *vkey_generate(const struct valg *alg)
{
	return alg->rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)alg->bits)
			: EVP_PKEY_Q_keygen(NULL, NULL, "EC", alg->group);
}

EVP_PKEY *vkey_from_pem(const char *file)
{
	FILE *in = fopen(file, "re");
	EVP_PKEY *key;

	if (!in)
		return NULL;
	key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	fclose(in);
	return key;
}

EVP_PKEY *vkey_from_der(const uint8_t *der, size_t len)
{
	return d2i_AutoPrivateKey(NULL, &der, (long)len);
}

bool vkey_take_der(unsigned char *der, int len, struct vbuf *ret)
{
	if (len <= 0)
		return false;
	vbuf_clear(ret);
	vbuf_add(ret, der, (size_t)len);
	OPENSSL_free(der);
	return true;
}

bool vkey_to_der(EVP_PKEY *key, struct vbuf *ret)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL;
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	return vkey_take_der(der, len, ret);
}

bool vkey_spki(EVP_PKEY *key, struct vbuf *ret)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	return vkey_take_der(der, len, ret);
}

bool vkey_sign(EVP_PKEY *key, const struct valg *alg, const uint8_t *data, size_t len,
	       struct vbuf *ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t out[1024];
	size_t out_len = sizeof(out);
	bool ok;

	if (!ctx)
		return false;
	/* decrypting without padding is the bare operation whatever the block says */
	if (alg->rsa)
		ok = len == alg->size && EVP_PKEY_decrypt_init(ctx) == 1 &&
		     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
		     EVP_PKEY_decrypt(ctx, out, &out_len, data, len) == 1;
	else
		ok = len && len <= alg->size && EVP_PKEY_sign_init(ctx) == 1 &&
		     EVP_PKEY_sign(ctx, out, &out_len, data, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return false;
	vbuf_clear(ret);
	vbuf_add(ret, out, out_len);
	return true;
}

bool vkey_number(EVP_PKEY *key, const char *name, struct vbuf *ret)
{
	BIGNUM *n = NULL;
	uint8_t bytes[1024];
	int len;

	if (EVP_PKEY_get_bn_param(key, name, &n) != 1)
		return false;
	len = BN_bn2bin(n, bytes);
	BN_free(n);
	vbuf_clear(ret);
	vbuf_add(ret, bytes, (size_t)len);
	return true;
}

bool vkey_public(EVP_PKEY *key, const struct valg *alg, struct vbuf *to)
{
	VBUF_AUTO number = { 0 };
	uint8_t point[256];
	size_t len;

	if (!alg->rsa) {
		if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
						    sizeof(point), &len) != 1)
			return false;
		vtlv_add(to, 0x86, point, len);
		return true;
	}
	if (!vkey_number(key, OSSL_PKEY_PARAM_RSA_N, &number))
		return false;
	vtlv_add_buf(to, 0x81, &number);
	if (!vkey_number(key, OSSL_PKEY_PARAM_RSA_E, &number))
		return false;
	vtlv_add_buf(to, 0x82, &number);
	return true;
}
