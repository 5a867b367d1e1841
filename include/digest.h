/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-384 over pieces. Every function of lib/crypto uses one private OSSL_LIB_CTX, without configuration files and atexit handlers. */
#ifndef CARDMFA_DIGEST_H
#define CARDMFA_DIGEST_H

#include <stddef.h>

#include "error.h"

#define DIGEST_MAX 48

enum digest_kind { DIGEST_SHA256 = 1, DIGEST_SHA384 };

struct digest_part {
	const void *bytes;
	size_t len;
};

size_t digest_size(enum digest_kind kind);      /* 32, 48 */

/* Digest of the parts one after the other (no framing: the caller frames). ERR_CRYPTO. */
MUST_USE enum err digest_parts(enum digest_kind kind, const struct digest_part *parts, size_t n,
			       unsigned char *dst);
MUST_USE enum err digest_sha256(const void *bytes, size_t len, unsigned char dst[32]);

#endif
