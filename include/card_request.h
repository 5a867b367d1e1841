/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a card and what it answered: the types that lib/card serves and lib/wire carries. No code. */
#ifndef CARDMFA_CARD_REQUEST_H
#define CARDMFA_CARD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "key_algorithm.h"
#include "secret.h"

#define CARD_READERS_MAX 16
#define CARD_READER_SIZE 129            /* pcsclite's MAX_READERNAME with NUL, escaped by the shower */
#define CARD_CERT_MAX 16384
#define CARD_ATR_MAX 33
#define CARD_TRIES_UNKNOWN (-1)

enum card_op {
	/*
	 * The next present card that this process has not yet told of: connect, SELECT PIV, CHUID,
	 * tries; the 9A certificate where there is no usable GUID or want_cert. Waits up to wait_ms for
	 * a card when none is left. Answers: card_seen with ERR_OK; ERR_NO_CARD (none left in time);
	 * ERR_BUSY with reader: another program holds the card there, and the process ends: ask a new one to skip that reader;
	 * ERR_CARD_FAILED (a card that is no PIV card or does not answer: reader tells which; asked again for the next);
	 * ERR_PCSC.
	 */
	CARD_OP_NEXT = 1,
	/* Reads the certificate of key_ref (9A or 9E) of card `handle`. Answer: card_seen with cert. */
	CARD_OP_CERT,
	/*
	 * One transaction: SELECT, VERIFY (when pin_mode is BYTES), GENERAL AUTHENTICATE with input (none when input_len is 0),
	 * reset. A card that was reset by others in between is recognised again (same GUID or certificate) before VERIFY. With PIN_NONE the
	 * card is reset first, so that nobody else's VERIFY counts. At most one VERIFY in the life of the process.
	 */
	CARD_OP_SIGN,
	/* Names and presence, no connection to a card. */
	CARD_OP_LIST,
};

enum card_pin_mode {
	CARD_PIN_NONE = 1,      /* no VERIFY */
	CARD_PIN_BYTES = 2,     /* 6..8 ASCII digits */
	CARD_PIN_PAD = 3,       /* the reader's own keys: answered ERR_INVALID until readers with them are supported */
};

struct card_request {
	enum card_op op;
	uint32_t wait_ms;               /* NEXT */
	bool want_cert;                 /* NEXT */
	char skip[CARD_READER_SIZE];    /* NEXT: a reader that is left alone, "" none */
	uint8_t handle;                 /* CERT, SIGN: from card_seen */
	uint8_t key_ref;                /* CERT, SIGN: 0x9A, 0x9E (9E: PIN_NONE only) */
	enum key_algorithm algorithm;   /* SIGN */
	uint8_t floor;                  /* SIGN: no VERIFY when tries left <= floor (or unknown and floor > 0 and the card would not tell: allowed once) */
	enum card_pin_mode pin_mode;    /* SIGN */
	struct secret pin;              /* SIGN */
	uint16_t input_len;             /* SIGN: <= 512; 0: VERIFY only */
	uint8_t input[512];
};

struct card_reader {
	char name[CARD_READER_SIZE];
	bool present;
};

/* ERR_OK or: PIN_WRONG, PIN_BLOCKED, PIN_LAST_TRY, PIN_FORMAT, DENIED (6982: the key wants a PIN), NO_CARD, CARD_REMOVED, CARD_FAILED, PCSC, TIMEOUT, BUSY, INVALID. */
struct card_answer {
	enum card_op op;
	enum err result;
	uint16_t sw;                    /* last status word, 0: none; for the log */
	int8_t tries;                   /* left, CARD_TRIES_UNKNOWN, 0: blocked */
	/* NEXT, CERT */
	uint8_t handle;
	bool was_verified;              /* someone had left the PIN verified: the card was reset */
	char reader[CARD_READER_SIZE];
	uint8_t atr_len;
	uint8_t atr[CARD_ATR_MAX];
	bool has_guid;                  /* CHUID with a GUID that is not all zero */
	uint8_t guid[16];
	uint16_t cert_len;              /* 0: none. DER, uncompressed */
	uint8_t cert[CARD_CERT_MAX];
	/* SIGN */
	uint16_t signature_len;
	uint8_t signature[KEY_SIGNATURE_MAX];
	/* LIST */
	uint8_t n_readers;
	struct card_reader readers[CARD_READERS_MAX];
};

#endif
