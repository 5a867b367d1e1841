/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card in front of us: which reader, which card, and asking it. Each says on the terminal what
 * it waits for and why it gives up.
 */
#ifndef CARDMFA_READER_H
#define CARDMFA_READER_H

#include "card_link.h"
#include "cardtool.h"
#include "enrol.h"

#define READER_WAIT_MS 30000

/*
 * The one card that is present, in the reader of this exact name (NULL: in any), with its
 * certificate; waits for one to be inserted. Several cards: refused, never chosen between.
 */
enum exit_code reader_card(struct tool *t, const char *reader, struct card_answer *ret);

/* What a card process answered, as fail() has it; ERR_OK passes. */
MUST_USE enum err reader_result(const struct card_answer *a);

/* complain_err() that tells a wrong PIN with the tries left after it; -1: not known. */
enum exit_code reader_complain(enum err e, int tries);

/* "PIN of the card (3 tries left): " asked without echo. */
MUST_USE enum err reader_ask_pin(int tries, struct secret *ret);

/* Signatures by the card of `handle`, for lib/auth. */
struct reader_signer {
	int fd;
	uint8_t handle;
	uint8_t floor;                  /* tries that are not spent */
	int tries;                      /* set: left after the last answer */
};
struct enrol_signer reader_signer(struct reader_signer *s);

#endif
