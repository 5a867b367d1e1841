/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as people type them, in local time. */
#ifndef CARDMFA_WHEN_H
#define CARDMFA_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * "14:05" (today), "2026-11-20", "2026-11-20T14:05", "2026-11-20 14:05". A day or hour that does
 * not exist is refused.
 */
bool when_parse(const char *typed, int64_t now, int64_t *ret);

/* The same, or "2h", "7d": so long before now. */
bool when_parse_since(const char *typed, int64_t now, int64_t *ret);
/* As when_parse_since(), but a day alone means its last second. */
bool when_parse_until(const char *typed, int64_t now, int64_t *ret);
/* As when_parse_until(), but "2h", "7d" are so long after now. */
bool when_parse_ahead(const char *typed, int64_t now, int64_t *ret);

/* "2026-11-20T14:05:00Z", as text_utc_time() writes it. */
bool when_parse_utc(const char *text, int64_t *ret);

/* "14:07:12" local. */
const char *when_clock(char *dst, unsigned size, int64_t real_s);

#endif
