/* SPDX-License-Identifier: Apache-2.0 */
/* Revoking one or more cards in one change, and saying honestly what that has and has not ended. */
#ifndef CARDMFA_REVOKE_H
#define CARDMFA_REVOKE_H

#include <jansson.h>

#include "cardtool.h"
#include "change.h"
#include "lifecycle.h"

struct revoked {
	struct card_row card;
	char login[STORE_LOGIN_MAX + 1];
	bool changed;                   /* false: it was revoked before */
};

struct revocation {
	struct lifecycle_step step;
	char reported_at[24];           /* UTC text for the event, "" none */
	size_t n;
	struct revoked *cards;
};

void revocation_free(struct revocation *r);
MUST_USE enum err revocation_add(struct revocation *r, const struct card_row *c, const char *login);
/* Every card of the person, those that were revoked before too. */
MUST_USE enum err revocation_add_person(struct revocation *r, struct store *s,
					const struct person *p);

/* In a change: reads each card again, moves it, records it. */
MUST_USE enum err revocation_work(struct change *c, struct revocation *r);

/* After the commit: one line a card. */
void revocation_say(const struct revocation *r);

/* An object for --json: the card as `show --json` has it, and whether it was changed now. */
json_t *revocation_card(const struct card_row *c, const struct person *p, bool changed);

/* For --json, what suspend, resume and revoke did. Takes cards and sessions; sessions NULL: not known, or not looked for. */
void revocation_print(const struct tool *t, int64_t at, json_t *cards, json_t *sessions);

/*
 * Sessions that may still be open, with the command that ends each: those of this person (card 0), or
 * of this card. On stderr, or appended to list (not NULL). EXIT_PARTLY when there are some, or it is
 * not known: then *list becomes NULL.
 */
enum exit_code revocation_sessions(struct tool *t, int64_t person, int64_t card, json_t **list);

#endif
