/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "ossl.h"
#include "random.h"

#define KEY_LEN 32
#define IV_LEN 12
#define TAG_LEN 16      /* fixed here: OpenSSL would also check a tag of 4 bytes */

/* A context with key, IV and associated data in it. */
static enum err start(EVP_CIPHER_CTX *ctx, const struct secret *key, const unsigned char *iv,
		      const char *context, bool encrypt)
{
	OSSL_OWNED(EVP_CIPHER, cipher);
	OSSL_LIB_CTX *lib = ossl_ctx();
	int n;

	if (!lib)
		return ERR_CRYPTO;
	if (key->len != KEY_LEN || !context[0] || strlen(context) > SECRET_MAX)
		return fail(ERR_CRYPTO, "seal: no key of %d bytes or no row identity", KEY_LEN);
	cipher = EVP_CIPHER_fetch(lib, "AES-256-GCM", NULL);
	if (!ctx || !cipher || EVP_CipherInit_ex2(ctx, cipher, key->bytes, iv, encrypt, NULL) != 1)
		return ossl_fail("AES-256-GCM");
	if (EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)context,
			     (int)strlen(context)) != 1)
		return ossl_fail("AES-256-GCM associated data");
	return ERR_OK;
}

enum err seal_close(const struct secret *key, const char *context, const struct secret *plain,
		    unsigned char *dst, size_t size, size_t *len)
{
	OSSL_OWNED(EVP_CIPHER_CTX, ctx);
	unsigned char out[SECRET_MAX + SEAL_OVERHEAD];
	unsigned char *body = out + IV_LEN;
	enum err e;
	int n, rest;

	if (plain->len > SECRET_MAX || size < plain->len + SEAL_OVERHEAD)
		return fail(ERR_CRYPTO, "seal: %zu bytes do not fit", plain->len);
	e = random_bytes(out, IV_LEN);
	if (e != ERR_OK)
		return e;
	ctx = EVP_CIPHER_CTX_new();
	e = start(ctx, key, out, context, true);
	if (e != ERR_OK)
		return e;
	if (EVP_CipherUpdate(ctx, body, &n, plain->bytes, (int)plain->len) != 1 ||
	    EVP_CipherFinal_ex(ctx, body + n, &rest) != 1 || (size_t)(n + rest) != plain->len ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, body + plain->len) != 1)
		return ossl_fail("AES-256-GCM");
	memcpy(dst, out, plain->len + SEAL_OVERHEAD);
	*len = plain->len + SEAL_OVERHEAD;
	return ERR_OK;
}

enum err seal_open(const struct secret *key, const char *context, const unsigned char *sealed,
		   size_t len, struct secret *ret)
{
	OSSL_OWNED(EVP_CIPHER_CTX, ctx);
	SECRET(plain);
	unsigned char tag[TAG_LEN];
	enum err e;
	int n, rest;

	secret_wipe(ret);
	if (len < SEAL_OVERHEAD || len > SECRET_MAX + SEAL_OVERHEAD)
		return fail(ERR_STORE_CORRUPT, "sealed secret of %zu bytes", len);
	ctx = EVP_CIPHER_CTX_new();
	e = start(ctx, key, sealed, context, false);
	if (e != ERR_OK)
		return e;
	plain.len = len - SEAL_OVERHEAD;
	memcpy(tag, sealed + len - TAG_LEN, TAG_LEN);
	if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
	    EVP_CipherUpdate(ctx, plain.bytes, &n, sealed + IV_LEN, (int)plain.len) != 1)
		return ossl_fail("AES-256-GCM");
	if (EVP_CipherFinal_ex(ctx, plain.bytes + n, &rest) != 1 ||
	    (size_t)(n + rest) != plain.len) {
		ossl_forget_errors();
		return fail(ERR_STORE_CORRUPT, "a sealed secret does not fit its key and row");
	}
	return secret_set(ret, plain.bytes, plain.len);
}
