/* SPDX-License-Identifier: Apache-2.0 */
/* A person's password: hash in the store. */
#ifndef CARDMFA_FACTOR_PASSWORD_H
#define CARDMFA_FACTOR_PASSWORD_H

#include <stdint.h>

#include "error.h"
#include "keyring.h"
#include "pwhash.h"
#include "secret.h"
#include "store.h"

/* Hash (slow: outside of any transaction), then the row to put. */
MUST_USE enum err factor_password_make(const struct keyring *k, int64_t person, const struct secret *password,
				       struct pwhash_cost cost, int64_t now, struct password_row *ret);

/*
 * ERR_OK, ERR_SECRET_WRONG, ERR_NOT_FOUND (none set; a dummy ran), ERR_KEY_FILE, ERR_STORE…, ERR_MEMORY. *renew is set
 * when the hash should be made again (older key or lower cost than asked).
 */
MUST_USE enum err factor_password_check(struct store *s, const struct keyring *k, int64_t person,
					const struct secret *password, struct pwhash_cost cost, bool *renew);

/* Same work for nobody. */
MUST_USE enum err factor_password_dummy(const struct keyring *k, const struct secret *password, struct pwhash_cost cost);

#endif
