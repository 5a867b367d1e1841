/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of OpenSSL, of our library context and of getrandom(), one of which fails, in the place of
 * their own. Included by one .c of a program, before all that knows ossl.h.
 */
#ifndef CARDMFA_OPENSSL_FAULT_H
#define CARDMFA_OPENSSL_FAULT_H

#define ossl_ctx ossl_ctx_of_its_own
#include "../../lib/crypto/ossl.c"
#undef ossl_ctx

#include <dlfcn.h>
#include <stdbool.h>
#include <sys/random.h>

#include "unit.h"

static struct {
	bool armed;
	int at;                 /* the at-th call fails, and leaves why in OpenSSL's queue */
	int calls;
	int less;               /* bytes that a cipher says it wrote less than it did */
} openssl_fault;

static inline bool openssl_fault_due(void)
{
	return openssl_fault.armed && ++openssl_fault.calls == openssl_fault.at;
}

extern const char __executable_start, etext;

/* What OpenSSL calls itself does not count: `caller` is where a call returns to. */
static inline bool openssl_fails(const char *caller)
{
	if (caller < &__executable_start || caller >= &etext || !openssl_fault_due())
		return false;
	ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
	return true;
}

static inline void openssl_fault_start(int at)
{
	openssl_fault.at = at;
	openssl_fault.calls = 0;
	openssl_fault.armed = true;
}

/* False: so many calls were not made. */
static inline bool openssl_fault_met(void)
{
	openssl_fault.armed = false;
	return openssl_fault.calls >= openssl_fault.at;
}

OSSL_LIB_CTX *ossl_ctx(void);

OSSL_LIB_CTX *ossl_ctx(void)
{
	if (!openssl_fault_due())
		return ossl_ctx_of_its_own();
	(void)ossl_fail("made to fail by a test");
	return NULL;
}

ssize_t getrandom(void *to, size_t len, unsigned flags)
{
	static ssize_t (*real)(void *, size_t, unsigned);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getrandom");
	return openssl_fault_due() ? 0 : real(to, len, flags);
}

#define CALL(type, failure, name, parameters, arguments) \
	type name parameters \
	{ \
		static type(*real) parameters; \
\
		if (!real) \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		return openssl_fails(__builtin_return_address(0)) ? failure : real arguments; \
	}

CALL(EVP_CIPHER *, NULL, EVP_CIPHER_fetch,
	(OSSL_LIB_CTX *lib, const char *name, const char *wanted), (lib, name, wanted))
CALL(EVP_CIPHER_CTX *, NULL, EVP_CIPHER_CTX_new, (void), ())
CALL(int, 0, EVP_CipherInit_ex2,
	(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
	 const unsigned char *iv, int encrypt, const OSSL_PARAM params[]),
	(ctx, cipher, key, iv, encrypt, params))
CALL(int, 0, EVP_CipherFinal_ex, (EVP_CIPHER_CTX *ctx, unsigned char *out, int *n), (ctx, out, n))
CALL(int, 0, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX *ctx, int type, int number, void *at),
	(ctx, type, number, at))

CALL(EVP_MD *, NULL, EVP_MD_fetch, (OSSL_LIB_CTX *lib, const char *name, const char *wanted),
	(lib, name, wanted))
CALL(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX *ctx, unsigned char *out, unsigned *n), (ctx, out, n))

CALL(BIGNUM *, NULL, BN_bin2bn, (const unsigned char *from, int len, BIGNUM *to), (from, len, to))
CALL(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new_from_name,
	(OSSL_LIB_CTX *lib, const char *name, const char *wanted), (lib, name, wanted))
CALL(int, 0, EVP_PKEY_fromdata_init, (EVP_PKEY_CTX *ctx), (ctx))
CALL(int, 0, EVP_PKEY_fromdata,
	(EVP_PKEY_CTX *ctx, EVP_PKEY **key, int selection, OSSL_PARAM params[]),
	(ctx, key, selection, params))
CALL(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new_from_pkey,
	(OSSL_LIB_CTX *lib, EVP_PKEY *key, const char *wanted), (lib, key, wanted))
CALL(int, 0, EVP_PKEY_verify_init_ex, (EVP_PKEY_CTX *ctx, const OSSL_PARAM params[]), (ctx, params))

CALL(X509_PUBKEY *, NULL, X509_PUBKEY_new_ex, (OSSL_LIB_CTX *lib, const char *wanted),
	(lib, wanted))
CALL(int, -1, i2d_X509_PUBKEY, (const X509_PUBKEY *key, unsigned char **to), (key, to))
CALL(X509 *, NULL, X509_new_ex, (OSSL_LIB_CTX *lib, const char *wanted), (lib, wanted))
CALL(BIO *, NULL, BIO_new, (const BIO_METHOD *method), (method))
CALL(int, -1, X509_NAME_print_ex,
	(BIO *out, const X509_NAME *name, int indent, unsigned long flags),
	(out, name, indent, flags))

#undef CALL

int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n, const unsigned char *in,
		     int len)
{
	static int (*real)(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
	int result;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "EVP_CipherUpdate");
	if (openssl_fails(__builtin_return_address(0)))
		return 0;
	result = real(ctx, out, n, in, len);
	*n -= out ? openssl_fault.less : 0;
	return result;
}

#endif
