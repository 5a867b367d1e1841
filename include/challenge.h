/* SPDX-License-Identifier: Apache-2.0 */
/* What a card signs: never raw input, always this framed statement (domain separation). */
#ifndef CARDMFA_CHALLENGE_H
#define CARDMFA_CHALLENGE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define CHALLENGE_MAX 512
#define CHALLENGE_AGE_MS 60000          /* older answers are not looked at */

enum challenge_purpose { CHALLENGE_LOGIN = 1, CHALLENGE_ENROL = 2, CHALLENGE_PIN_TRY = 3 };

struct challenge {
	size_t len;
	unsigned char message[CHALLENGE_MAX];   /* handed to key_signing_input and key_verify */
	int64_t made_boot_ms;
};

/*
 * "cardmfa challenge v1" NUL, then length-prefixed: purpose, host id, service, user, 32 random bytes, UTC seconds. The random part is
 * from random_bytes() and nothing of it from the card or the peer. ERR_CRYPTO, ERR_INVALID (a part too long).
 */
MUST_USE enum err challenge_make(enum challenge_purpose purpose, const char *host_id, const char *service,
				 const char *user, struct challenge *ret);

/* ERR_OK while fresh, ERR_TIMEOUT when older than CHALLENGE_AGE_MS. */
MUST_USE enum err challenge_fresh(const struct challenge *c);

#endif
