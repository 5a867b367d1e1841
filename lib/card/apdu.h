/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short command APDUs over a transport: command chaining (ISO 7816-4, 5.1.1.1), 61XX with
 * GET RESPONSE, 6CXX with the same command once more (5.1.3). Bounded in bytes, rounds and time.
 */
#ifndef CARDMFA_APDU_H
#define CARDMFA_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "transport.h"

#define SW_OK 0x9000

/* A connected card. io: why the last exchange failed; sw: the last status word, 0 when none came. */
struct apdu_channel {
	const struct transport *transport;
	struct transport_card card;
	int64_t deadline;       /* clock.h: nothing is sent after it */
	bool (*leaving)(void);  /* nor when this is true; may be NULL */
	enum io io;
	uint16_t sw;
};

struct apdu {
	uint8_t ins, p1, p2;
	const uint8_t *data;
	size_t len;             /* 0..APDU_DATA_MAX; above 255 it is chained */
	bool le;                /* Le 00; without it 61XX and 6CXX are plain status words */
};

#define APDU_DATA_MAX 1024

struct apdu_answer {
	uint8_t *bytes;
	size_t size;            /* more than this is ERR_CARD_FAILED */
	size_t len;
};

/*
 * ERR_OK: the card gave a status word, in ch->sw; data only with 9000 (len 0 otherwise).
 * ERR_CARD_FAILED: malformed or too much; what apdu_io_err() says: the transport failed (ch->io);
 * ERR_TIMEOUT.
 * `a` may be NULL when no data is wanted: any is ERR_CARD_FAILED.
 */
MUST_USE enum err apdu_exchange(struct apdu_channel *ch, const struct apdu *cmd,
				struct apdu_answer *a);

/* Table of transport failures; ERR_OK for IO_OK. */
enum err apdu_io_err(enum io io);

#endif
