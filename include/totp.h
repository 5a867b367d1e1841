/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6238 through liboath's callback form. Accepting a step once and for all is the store's. */
#ifndef CARDMFA_TOTP_H
#define CARDMFA_TOTP_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "secret.h"
#include "store.h"

#define TOTP_SEED_LEN 20        /* SHA-1, what every app supports */
#define TOTP_WINDOW_MAX 10

struct totp_params {
	enum totp_algorithm algorithm;
	unsigned digits;        /* 6..8 */
	unsigned period;        /* seconds, 15..120 */
};
#define TOTP_PARAMS_DEFAULT ((struct totp_params){ .algorithm = TOTP_SHA1, .digits = 6, .period = 30 })

/*
 * code: exactly `digits` ASCII digits (normalise before). Tries the steps of now +- window, all of
 * them whatever matches (constant-time comparison). ERR_OK: *step is the absolute step, *offset how many steps the
 * phone is ahead (+) or behind (-). ERR_SECRET_WRONG otherwise; ERR_CRYPTO; ERR_CLOCK when now is before 2020-01-01;
 * ERR_INVALID when seed (16..64 bytes), params or window is out of bounds.
 */
MUST_USE enum err totp_verify(const struct secret *seed, struct totp_params params, unsigned window,
			      int64_t now, const struct secret *code, int64_t *step, int *offset);

/*
 * otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=... (percent-encoded UTF-8, upper-case hex, %20), with
 * algorithm, digits and period. ERR_INVALID: issuer holds ':', a name is empty or not UTF-8, or the text does not fit. Holds the seed: wipe dst.
 */
MUST_USE enum err totp_uri(const struct secret *seed, struct totp_params params, const char *issuer,
			   const char *account, char *dst, size_t size);

/* Base32 of the seed in groups of four, for typing it in by hand. Wipe dst. */
MUST_USE enum err totp_base32(const struct secret *seed, char *dst, size_t size);

#endif
