/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identifiers of cards shown to people: "7K2M-9QXD", seven random characters and a check character
 * over 31 symbols (digits 2-9, letters without I, L, O): no look-alikes, can be said over a phone.
 * The check (sum with weights 10..17 is 0 mod 31, a prime) finds every single wrong character and every swap of
 * two. Kept with the dash; typed in lower case, without or with other dashes and spaces.
 */
#ifndef CARDMFA_CARD_ID_H
#define CARDMFA_CARD_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define CARD_ID_LEN 9           /* "7K2M-9QXD" */

struct card_id {
	char text[CARD_ID_LEN + 1];
};

/* From 7 uniform values below 31 (the caller's randomness). ERR_INVALID if one is not. */
MUST_USE enum err card_id_make(const unsigned char values[7], struct card_id *ret);

/* What a person typed. ERR_INVALID when it is not eight symbols with the right check character. */
MUST_USE enum err card_id_parse(const char *typed, struct card_id *ret);

/* Upper case, known symbols only, dash in the middle; for comparing a mistyped one with candidates. False if it has no resemblance (0 or > 12 symbols). */
MUST_USE bool card_id_tidy(const char *typed, char *dst, size_t size);

#endif
