/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards in readers: serves the requests of card_request.h one after the other. Knows cards, not users,
 * and judges no signature. One context per process, one thread.
 */
#ifndef CARDMFA_CARD_H
#define CARDMFA_CARD_H

#include <stdbool.h>

#include "card_request.h"
#include "error.h"

struct card;            /* the context */
struct transport;       /* how readers are reached: lib/card/transport.h */

/* Where a call that can't be cancelled is blocked: decides what is answered when time runs out. */
enum card_phase {
	CARD_PHASE_IDLE,
	CARD_PHASE_SERVICE,     /* asking pcscd for readers */
	CARD_PHASE_LOCK,        /* another card process uses the reader */
	CARD_PHASE_TAKE,        /* another program holds the card */
	CARD_PHASE_TALK,        /* the card has to answer */
	CARD_PHASE_PIN,         /* the same, from before the PIN is sent to the end of the transaction */
};

/* What the process lends. None but the last may be NULL. */
struct card_host {
	/* Waits, bounded, until no other card process uses this reader. ERR_BUSY, ERR_SYSTEM. */
	enum err (*lock)(const char *reader);
	void (*unlock)(void);
	void (*phase)(enum card_phase phase);
	/* Once it is true no card is sent anything more: transactions are ended, that is all. */
	bool (*leaving)(void);
};

/* The real PC/SC; never fails, nothing is asked of pcscd before the first request. */
const struct transport *card_pcsc(void);

/* host and t must outlive the context. ERR_MEMORY. */
MUST_USE enum err card_open(const struct card_host *host, const struct transport *t,
			    struct card **ret);

/*
 * Fills the whole answer, whatever happens. Wipes r->pin as soon as it was sent or refused. When it
 * returns, no transaction and no reader lock is held, and a card that may have seen a VERIFY was reset.
 */
void card_serve(struct card *c, struct card_request *r, struct card_answer *ret);

/* Disconnects and frees; NULL is allowed. */
void card_close(struct card *c);

#endif
