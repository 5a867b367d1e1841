/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM for secrets in the store: 12-byte random IV, ciphertext, 16-byte tag. */
#ifndef CARDMFA_SEAL_H
#define CARDMFA_SEAL_H

#include <stddef.h>

#include "error.h"
#include "secret.h"

#define SEAL_OVERHEAD 28

/* context: row identity as associated data ("totp:17"), never empty. key: 32 bytes. dst has plain->len + SEAL_OVERHEAD bytes. ERR_CRYPTO. */
MUST_USE enum err seal_close(const struct secret *key, const char *context, const struct secret *plain,
			     unsigned char *dst, size_t size, size_t *len);

/* ERR_STORE_CORRUPT when tag, key or context don't fit; *ret is wiped then. */
MUST_USE enum err seal_open(const struct secret *key, const char *context, const unsigned char *sealed,
			    size_t len, struct secret *ret);

#endif
