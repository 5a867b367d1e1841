/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a card as one table: issued -> active <-> suspended -> revoked -> collected -> destroyed, revoked -> found -> collected. */
#ifndef CARDMFA_LIFECYCLE_H
#define CARDMFA_LIFECYCLE_H

#include <stdbool.h>

#include "error.h"
#include "store.h"

/* May a card go from one state to the other? A revoked card never becomes active again. */
bool lifecycle_allows(enum card_state from, enum card_state to);

/* Can this card take part in a login? Only CARD_ACTIVE, and not past not_after. ERR_OK, ERR_SUSPENDED, ERR_REVOKED, ERR_EXPIRED, ERR_DENIED. */
MUST_USE enum err lifecycle_usable(const struct card_row *c, int64_t now);

/*
 * Moves the card in the store's open transaction. Idempotent: already there is ERR_OK with *changed false.
 * ERR_BAD_STATE: the table forbids it. reason, reported_at, reported_by: for CARD_REVOKED (REASON_NONE is ERR_INVALID).
 */
struct lifecycle_step {
	enum card_state to;
	enum card_reason reason;
	int64_t reported_at;            /* -1 */
	const char *reported_by;        /* NULL */
};
MUST_USE enum err lifecycle_move(struct store *s, struct card_row *c, const struct lifecycle_step *step, bool *changed);

#endif
