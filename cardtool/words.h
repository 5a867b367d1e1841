/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for people: gettext, and the translated names of states and reasons. --json uses the
 * store's names instead.
 */
#ifndef CARDMFA_WORDS_H
#define CARDMFA_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l10n.h"
#include "store.h"

const char *word_card_state(enum card_state state);
/* The state, but "expired" of an active one whose certificate has ended by `now`. */
const char *word_card(const struct card_row *c, int64_t now);
const char *word_card_expired(void);
const char *word_person_state(enum person_state state);
const char *word_reason(enum card_reason reason);
/* From the store's name or from the word above; false: neither. */
bool word_to_card_state(const char *typed, enum card_state *ret);
bool word_to_person_state(const char *typed, enum person_state *ret);
/* "lost" or 紛失, whatever the locale; REASON_NONE: neither. */
enum card_reason word_to_reason(const char *typed);
const char *word_algorithm(enum key_algorithm algorithm);       /* "P-256", not translated */

/* From the store's names: "card-revoke" is "card revoked", "OK" is "success"; unknown ones as they are. */
const char *word_event(const char *name);
const char *word_result(const char *name);
/* "card-revoke" from that or from what word_event() makes of it; NULL: there is no such event. */
const char *word_to_event(const char *typed);

/* Where a try came from: "local", "remote", and "session of taro" for "uid:1000", who ran su or sudo. */
const char *word_origin(char *dst, size_t size, const char *origin);

/* "2026-11-20 08:31" local, "-" for -1. */
const char *word_time(char *dst, size_t size, int64_t real_s);
/* "2029-03-31" local, "-" for -1. */
const char *word_date(char *dst, size_t size, int64_t real_s);
/* "2 min 12 s", "3 h 5 min", "2 days 3 h" */
const char *word_duration(char *dst, size_t size, int64_t seconds);

#endif
