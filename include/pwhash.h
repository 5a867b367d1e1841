/* SPDX-License-Identifier: Apache-2.0 */
/* Argon2id (RFC 9106) with a secret, one thread, and the strict reader of its strings. */
#ifndef CARDMFA_PWHASH_H
#define CARDMFA_PWHASH_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "secret.h"

struct pwhash_cost {
	uint32_t m_kib;         /* PWHASH_M_MIN .. PWHASH_M_MAX */
	uint32_t t;             /* 1 .. 32 */
};
#define PWHASH_M_MIN 19456u
#define PWHASH_M_MAX 262144u      /* four at once stay below the service's MemoryMax */
#define PWHASH_COST_DEFAULT ((struct pwhash_cost){ .m_kib = 65536, .t = 3 })
#define PWHASH_SIZE 160         /* "$argon2id$v=19$m=65536,t=3,p=1$salt16$tag32" and its NUL */

/*
 * Hash with a new 16-byte salt, 32-byte tag, p=1. key: the store key's part for passwords, at least 32 bytes; context:
 * 1 to 128 bytes, bound as associated data (the person's row), so that a hash can't be moved to someone else.
 * ERR_INVALID: empty password. ERR_CRYPTO: cost, key or context out of bounds, too.
 */
MUST_USE enum err pwhash_make(const struct secret *password, const struct secret *key,
			      const char *context, struct pwhash_cost cost, char dst[PWHASH_SIZE]);

/*
 * ERR_OK: right. ERR_SECRET_WRONG: wrong. ERR_STORE_CORRUPT: the string is not one of ours (only
 * argon2id, v=19, p=1, m and t in bounds [m also down to 8 KiB under test hooks], salt 16, tag 32, no trailing bytes); nothing is
 * allocated then. ERR_MEMORY, ERR_CRYPTO: could not be verified. Constant-time comparison.
 */
MUST_USE enum err pwhash_verify(const struct secret *password, const struct secret *key,
				const char *context, const char *hash);

/* The same work as a verification of that cost, result thrown away: for people without a password. */
MUST_USE enum err pwhash_dummy(const struct secret *password, const struct secret *key, struct pwhash_cost cost);

/* Cost within a string, for "hash again when it is below the present cost". ERR_STORE_CORRUPT. */
MUST_USE enum err pwhash_cost_of(const char *hash, struct pwhash_cost *ret);

#endif
