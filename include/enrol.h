/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of enrolment. MUST: pin only a key that has just signed our challenge; call the PIN proved
 * only when the key was seen to refuse without it and to sign with it. MUST NOT: take a weak key, a
 * key or card that is pinned already, an expired certificate, the factory PIN, the last PIN try, or
 * believe what the card says of itself.
 *
 * Order: enrol_person, enrol_certificate, enrol_key_free; enrol_without_pin; for a key that
 * refused, enrol_tries, enrol_pin_unfit and enrol_prove; enrol_store in a transaction.
 */
#ifndef CARDMFA_ENROL_H
#define CARDMFA_ENROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "key.h"
#include "secret.h"
#include "store.h"

/*
 * How the card is asked for a signature. pin NULL: without VERIFY, after a reset. ERR_DENIED: the
 * key wants a PIN (6982). sig has KEY_SIGNATURE_MAX bytes.
 */
struct enrol_signer {
	enum err (*sign)(void *arg, unsigned key_ref, enum key_algorithm algorithm,
			 const struct secret *pin, const unsigned char *input, size_t len,
			 unsigned char *sig, size_t *sig_len);
	void *arg;
};

struct enrol {
	const struct enrol_signer *signer;
	char host_id[33];
	struct person person;
	unsigned key_ref;               /* 0x9A, or 0x9E: never with PIN */
	struct cert_info cert;
	bool has_guid;
	unsigned char guid[16];
	char label[STORE_LABEL_SIZE];
	/* Set here. */
	bool refuses_without_pin;
	bool signed_with_pin, signed_without_pin;
};

/* ERR_OK only for a person in the state active; ERR_LOCKED, ERR_BAD_STATE. */
MUST_USE enum err enrol_person(const struct person *p);

/* Key and validity at `now`. ERR_WEAK_KEY, ERR_INVALID, ERR_EXPIRED (over, or not yet begun). */
MUST_USE enum err enrol_certificate(const void *der, size_t len, int64_t now,
				    struct cert_info *ret);

/* ERR_OK: nobody has this key. ERR_EXISTS: *holder is the card that has it, in whatever state. */
MUST_USE enum err enrol_key_free(struct store *s, const struct key_info *key,
				 struct card_row *holder);

/*
 * Asks for a signature without PIN. ERR_OK with e->refuses_without_pin, or with
 * e->signed_without_pin (the signature was verified). ERR_CARD_FAILED: it answered, but not with a
 * refusal for the lack of a PIN: then nothing is known. Others: the signer's.
 */
MUST_USE enum err enrol_without_pin(struct enrol *e);

/*
 * NULL when the PIN may be tried, else the English reason (for gettext), one sentence without full
 * stop.
 */
const char *enrol_pin_unfit(const struct secret *pin);
/* tries: left, -1 unknown. ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY. */
MUST_USE enum err enrol_tries(int tries);

/*
 * Signs with PIN and verifies against the certificate's key. ERR_PIN_WRONG …; ERR_DENIED: the
 * signature is not of this key.
 */
MUST_USE enum err enrol_prove(struct enrol *e, const struct secret *pin);

/*
 * In the caller's transaction. Reads the person again, refuses a key that was pinned meanwhile
 * (ERR_EXISTS), finds a free identifier and adds the card as active. ERR_DENIED when possession was
 * not proved. *ret is the row.
 */
MUST_USE enum err enrol_store(struct store *s, const struct enrol *e, int64_t now,
			      struct card_row *ret);

#endif
