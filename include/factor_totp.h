/* SPDX-License-Identifier: Apache-2.0 */
/* A person's code: sealed seed in the store, verification, consumption. */
#ifndef CARDMFA_FACTOR_TOTP_H
#define CARDMFA_FACTOR_TOTP_H

#include <stdint.h>

#include "error.h"
#include "keyring.h"
#include "secret.h"
#include "store.h"
#include "totp.h"

/* Seals a seed for this person with the newest key and puts the row (transaction of the caller). last_step: the step of the confirming code. */
MUST_USE enum err factor_totp_enrol(struct store *s, const struct keyring *k, int64_t person,
				    const struct secret *seed, struct totp_params params, int64_t last_step);

/*
 * Verifies a normalised code and consumes its step in a transaction of its own.
 * ERR_OK; ERR_SECRET_WRONG; ERR_CODE_REPLAYED (right, but the step or a later one was used); ERR_NOT_FOUND (no app enrolled);
 * ERR_CLOCK (now lies far before the last accepted step: the clock went back); ERR_KEY_FILE, ERR_STORE…
 */
MUST_USE enum err factor_totp_check(struct store *s, const struct keyring *k, int64_t person, unsigned window,
				    const struct secret *code, int64_t now);

/* The same work for who has no app or may not guess. ERR_SECRET_WRONG, whatever the code; ERR_CLOCK, ERR_KEY_FILE, ERR_CRYPTO. */
MUST_USE enum err factor_totp_dummy(const struct keyring *k, unsigned window, const struct secret *code, int64_t now);

#endif
