/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <openssl/evp.h>
#include <stdbool.h>

#include "ossl.h"

static const struct {
	const char *name;
	size_t size;
} kinds[] = {
	[DIGEST_SHA256] = { "SHA256", 32 },
	[DIGEST_SHA384] = { "SHA384", 48 },
};

static bool known(enum digest_kind kind)
{
	return kind >= DIGEST_SHA256 && kind <= DIGEST_SHA384;
}

size_t digest_size(enum digest_kind kind)
{
	return known(kind) ? kinds[kind].size : 0;
}

enum err digest_parts(enum digest_kind kind, const struct digest_part *parts, size_t n,
		      unsigned char *dst)
{
	OSSL_OWNED(EVP_MD, md);
	OSSL_OWNED(EVP_MD_CTX, ctx);
	OSSL_LIB_CTX *lib = ossl_ctx();

	if (!lib)
		return ERR_CRYPTO;
	if (!known(kind))
		return fail(ERR_CRYPTO, "digest: no kind %d", (int)kind);
	md = EVP_MD_fetch(lib, kinds[kind].name, NULL);
	ctx = EVP_MD_CTX_new();
	if (!md || !ctx || EVP_DigestInit_ex2(ctx, md, NULL) != 1)
		return ossl_fail("digest");
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestUpdate(ctx, parts[i].bytes, parts[i].len) != 1)
			return ossl_fail("digest");
	/* The two kinds are of fixed length, so Final can't write more than `size`. */
	if (EVP_DigestFinal_ex(ctx, dst, NULL) != 1)
		return ossl_fail("digest");
	return ERR_OK;
}

enum err digest_sha256(const void *bytes, size_t len, unsigned char dst[32])
{
	struct digest_part part = { .bytes = bytes, .len = len };

	return digest_parts(DIGEST_SHA256, &part, 1, dst);
}
