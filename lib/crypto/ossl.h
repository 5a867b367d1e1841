/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lib/crypto share about OpenSSL 3. Nobody else includes this. */
#ifndef CARDMFA_OSSL_H
#define CARDMFA_OSSL_H

#include <openssl/types.h>

#include "error.h"

/*
 * The private library context with the default provider, made on first use and kept until the
 * process ends. No configuration file, no environment, no atexit handler. NULL: said already.
 */
OSSL_LIB_CTX *ossl_ctx(void);

/* ERR_CRYPTO with OpenSSL's reason; empties its error queue. */
enum err ossl_fail(const char *what);

/* Empties the error queue after an expected refusal. */
void ossl_forget_errors(void);

/* OSSL_OWNED(EVP_PKEY, key): a NULL pointer that EVP_PKEY_free() gets at the end of the scope. */
#define OSSL_OWNED(type, name) type *name __attribute__((cleanup(ossl_drop_##type))) = NULL

void ossl_drop_EVP_MD(EVP_MD **p);
void ossl_drop_EVP_MD_CTX(EVP_MD_CTX **p);
void ossl_drop_EVP_PKEY(EVP_PKEY **p);
void ossl_drop_EVP_PKEY_CTX(EVP_PKEY_CTX **p);
void ossl_drop_EVP_CIPHER(EVP_CIPHER **p);
void ossl_drop_EVP_CIPHER_CTX(EVP_CIPHER_CTX **p);
void ossl_drop_EVP_KDF(EVP_KDF **p);
void ossl_drop_EVP_KDF_CTX(EVP_KDF_CTX **p);
void ossl_drop_BIGNUM(BIGNUM **p);
void ossl_drop_BIO(BIO **p);
void ossl_drop_X509(X509 **p);
void ossl_drop_X509_PUBKEY(X509_PUBKEY **p);

#endif
