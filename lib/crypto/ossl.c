/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

OSSL_LIB_CTX *ossl_ctx(void)
{
	static OSSL_LIB_CTX *kept;      /* our programs have one thread */

	if (kept)
		return kept;
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
		(void)ossl_fail("initialisation");
		return NULL;
	}

	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

	if (!ctx || !OSSL_PROVIDER_load(ctx, "default")) {
		(void)ossl_fail("default provider");
		OSSL_LIB_CTX_free(ctx);
		return NULL;
	}
	kept = ctx;
	return kept;
}

enum err ossl_fail(const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return fail(ERR_CRYPTO, "OpenSSL: %s: %s", what, reason ? reason : "no reason given");
}

void ossl_forget_errors(void)
{
	ERR_clear_error();
}

#define DROP(type, release) \
	void ossl_drop_##type(type **p) \
	{ \
		release(*p); \
	}

DROP(EVP_MD, EVP_MD_free)
DROP(EVP_MD_CTX, EVP_MD_CTX_free)
DROP(EVP_PKEY, EVP_PKEY_free)
DROP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DROP(EVP_CIPHER, EVP_CIPHER_free)
DROP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
DROP(EVP_KDF, EVP_KDF_free)
DROP(EVP_KDF_CTX, EVP_KDF_CTX_free)
DROP(BIGNUM, BN_free)
DROP(BIO, BIO_free_all)
DROP(X509, X509_free)
DROP(X509_PUBKEY, X509_PUBKEY_free)
