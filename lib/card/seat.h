/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card in one reader: the connection that stays open (shared, outside a transaction) between
 * the requests about it, what it was recognised by, and the transactions on it.
 */
#ifndef CARDMFA_SEAT_H
#define CARDMFA_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "app.h"
#include "card.h"
#include "transport.h"

/* What a transaction is for. */
enum seat_use {
	SEAT_READ,
	SEAT_RESET,     /* the card is reset before SELECT */
	SEAT_PIN,       /* a PIN: as the reader's only user, if nobody else is connected */
};

struct seat {
	const struct card_host *host;
	const struct transport *transport;
	struct transport_reader reader;
	const struct card_app *app;     /* NULL: not recognised yet */
	struct apdu_channel channel;
	bool connected;
	bool busy;              /* in a transaction and with the reader's lock */
	bool dirty;             /* a VERIFY may have been performed: reset before anyone else gets the card */
	bool has_guid;
	uint8_t guid[16];
	uint8_t *cert;          /* CARD_CERT_MAX bytes when the card was recognised by it */
	size_t cert_len;
	struct app_tries tries;
	bool was_verified;      /* someone had left the PIN verified, and a reset ended that */
};

/*
 * Lock, connection, transaction, the first application of the table (NULL at its end) that the card
 * has, tries. A card left verified is reset. ERR_BUSY, ERR_CARD_REMOVED, ERR_CARD_FAILED, ERR_PCSC,
 * ERR_TIMEOUT. The transaction is open on ERR_OK only; then seat_leave() is due.
 */
MUST_USE enum err seat_recognise(struct seat *s, const struct card_app *const *apps, bool want_cert);

/*
 * The same card again, for a recognised seat: transaction and SELECT. If it was reset by others in
 * between, its identity and tries are read again: ERR_CARD_REMOVED when it is another.
 */
MUST_USE enum err seat_enter(struct seat *s, enum seat_use use);

/*
 * Due before a VERIFY: no command of another program may run between it and the reset. Nothing to do
 * when alone; else waits behind what others had sent before the transaction, and reads the tries.
 * ERR_CARD_REMOVED, ERR_CARD_FAILED, ERR_PCSC, ERR_TIMEOUT.
 */
MUST_USE enum err seat_guard(struct seat *s);

/* The certificate, read into s->cert once. Inside a transaction. */
MUST_USE enum err seat_certificate(struct seat *s);

/* Ends the transaction (with a reset if dirty) and frees the lock. No-op outside one. */
void seat_leave(struct seat *s);

/* Leaves, disconnects, frees; the seat is then all zero. */
void seat_free(struct seat *s);

#endif
