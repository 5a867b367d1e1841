/* SPDX-License-Identifier: Apache-2.0 */
/* What suspend, resume and revoke are about: one card, or those of a person. */
#ifndef CARDMFA_CARD_TARGET_H
#define CARDMFA_CARD_TARGET_H

#include "cardtool.h"

struct card_target {
	struct person person;
	struct card_row card;           /* id 0: all of the person */
};

/* Rows of the two options, for the commands' tables. */
#define CARD_TARGET_OPTIONS \
	{ "user", "USER", N_("all cards of this person") }, \
	{ "staff-number", "NUMBER", N_("all cards of the person with this staff number") }

/* The command names just one of a card, --user and --staff-number. Each returns EXIT_DONE or has said why not. */
enum exit_code card_target_check(struct tool *t);
enum exit_code card_target_take(struct tool *t, struct card_target *ret);

#endif
