/* SPDX-License-Identifier: Apache-2.0 */
/* Names and kinds of the factors, and the words of `factors =`. */
#ifndef CARDMFA_FACTOR_H
#define CARDMFA_FACTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

/*
 * "card,totp" without blanks. False: `why` says what is wrong and what to write. Refused: unknown
 * or unavailable names, one named twice, a card not first, card together with card-nopin.
 */
MUST_USE bool alternative_parse(const char *text, struct alternative *ret, char *why, size_t size);

/* The same factors in whatever order. */
bool alternative_same(const struct alternative *a, const struct alternative *b);

/* It joins two different kinds. */
bool alternative_is_enough(const struct alternative *a);

#endif
