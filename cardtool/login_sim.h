/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A login as the rules would judge it, without anybody at the terminal: what a class offers at a
 * place, and whether a person has what it takes. Pure.
 */
#ifndef CARDMFA_LOGIN_SIM_H
#define CARDMFA_LOGIN_SIM_H

#include <stdbool.h>

#include "policy.h"

/* A set of factors. */
#define FACTOR_BIT(f) (1u << (f))

struct login_sim {
	bool offered;           /* some alternative can be offered there at all */
	bool possible;          /* the person has all factors of one that is offered */
	unsigned kinds;         /* enum factor_kind that the possible one with the fewest joins */
	/*
	 * Not possible: what lacks of each alternative, FACTOR_BIT(), in their order. None holds another:
	 * who gets all of one gets in. missing: of these the one with the fewest, the first of several.
	 */
	size_t n_ways;
	unsigned ways[POLICY_ALTERNATIVES_MAX];
	unsigned missing;
};

struct login_sim_place {
	bool remote;
	bool ssh;               /* remote, by sshd itself: a card proves itself by its key */
	unsigned session_kinds; /* what the login proved that began the session this is in; 0: no such login */
};

/* has: FACTOR_BIT() of all that the person has. */
void login_sim_run(const struct policy_class *c, struct login_sim_place at, unsigned has, struct login_sim *ret);

/* Bits that are set. */
unsigned login_sim_count(unsigned set);

#endif
