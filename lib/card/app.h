/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card application: one app_*.c and one row of the table in card.c. Every function talks over a
 * channel inside a transaction and leaves the last status word in ch->sw. *ret is untouched on
 * failure. Besides the errors named, those of apdu_exchange().
 */
#ifndef CARDMFA_APP_H
#define CARDMFA_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apdu.h"
#include "card_request.h"
#include "error.h"
#include "key_algorithm.h"
#include "secret.h"

struct app_tries {
	int left;               /* CARD_TRIES_UNKNOWN; 0: blocked */
	bool verified;          /* the card says the PIN needs no VERIFY now */
};

struct app_signing {
	uint8_t key_ref;
	enum key_algorithm algorithm;
	const uint8_t *input;
	size_t input_len;
};

struct card_app {
	const char *name;
	/* ERR_NOT_FOUND: the card has no such application. */
	enum err (*select)(struct apdu_channel *ch);
	/* *has false: absent, malformed or all zero. */
	enum err (*guid)(struct apdu_channel *ch, bool *has, uint8_t ret[16]);
	/* DER of a key's certificate; *len 0: none. buf: CARD_CERT_MAX bytes, garbage on failure. */
	enum err (*certificate)(struct apdu_channel *ch, uint8_t key_ref, uint8_t *buf, size_t *len);
	enum err (*tries)(struct apdu_channel *ch, struct app_tries *ret);
	/* Has the form this card takes; nothing else is ever sent to it. */
	bool (*pin_ok)(const struct secret *pin);
	/* *left is always set. ERR_PIN_WRONG, ERR_PIN_BLOCKED, ERR_CARD_FAILED. Sent at most once. */
	enum err (*verify)(struct apdu_channel *ch, const struct secret *pin, int *left);
	/* A key of ours, an algorithm of ours, an input of the right length. */
	bool (*signing_ok)(const struct app_signing *s);
	/* True when this key never asks for a PIN. */
	bool (*pinless)(uint8_t key_ref);
	/* sig: KEY_SIGNATURE_MAX bytes. ERR_DENIED: the key wants a PIN. */
	enum err (*sign)(struct apdu_channel *ch, const struct app_signing *s, uint8_t *sig,
			 size_t *sig_len);
};

extern const struct card_app app_piv;

#endif
