/* SPDX-License-Identifier: Apache-2.0 */
/* How readers and cards are reached: PC/SC (pcsc.c) or, in tests, a script. */
#ifndef CARDMFA_TRANSPORT_H
#define CARDMFA_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "card_request.h"

/* A response APDU of a short command: 256 bytes and the status word. */
#define TRANSPORT_RESPONSE_MAX 258

enum io {
	IO_OK = 0,
	IO_RESET,       /* someone reset the card: reconnect, start the application again */
	IO_STALE,       /* the connection is void, the card may be well: connect again */
	IO_REMOVED,     /* card or reader is gone */
	IO_BUSY,        /* someone else has the card exclusively */
	IO_CARD,        /* the card does not answer as it should */
	IO_SERVICE,     /* pcscd is gone, silent or refuses us: the context is void */
};

struct transport_reader {
	char name[CARD_READER_SIZE];
	bool present;
	uint32_t event;         /* changes whenever a card comes or goes */
	uint8_t atr_len;
	uint8_t atr[CARD_ATR_MAX];
};

/* A connection; what is in it is the transport's. */
struct transport_card {
	long handle;
	unsigned long protocol;
	bool alone;             /* no other program is connected to the reader, and none can be */
};

struct transport {
	void *state;
	/* To the service; an earlier context is dropped with all its connections. */
	enum io (*open)(void *state);
	void (*close)(void *state);
	/* ret: CARD_READERS_MAX entries; no reader is IO_OK with 0. */
	enum io (*list)(void *state, struct transport_reader *ret, size_t *n);
	/* Returns IO_OK after a change since the last list, or after ms. */
	enum io (*wait)(void *state, int ms);
	/* Without a transaction. alone: as the reader's only connection; IO_BUSY when there are others. */
	enum io (*connect)(void *state, const char *reader, bool alone, struct transport_card *ret);
	/* Clears IO_RESET; with `reset` resets the card and keeps a transaction. */
	enum io (*reconnect)(void *state, struct transport_card *card, bool reset);
	enum io (*begin)(void *state, const struct transport_card *card);
	enum io (*end)(void *state, const struct transport_card *card, bool reset);
	enum io (*disconnect)(void *state, const struct transport_card *card, bool reset);
	/* One exchange. *len: space (>= TRANSPORT_RESPONSE_MAX) in, bytes (>= 2) out. */
	enum io (*transmit)(void *state, const struct transport_card *card, const uint8_t *command,
			    size_t command_len, uint8_t *response, size_t *len);
};

#endif
