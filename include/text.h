/* SPDX-License-Identifier: Apache-2.0 */
/* Strings from outside: validation, escaping, small formats. No allocation unless said. */
#ifndef CARDMFA_TEXT_H
#define CARDMFA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* strlcpy with a verdict: false (dst = "") when src with its NUL does not fit. */
MUST_USE bool text_copy(char *dst, size_t size, const char *src);
/* The same where "" stands for what is too long: what is only shown, or is better unknown than cut. */
void text_copy_or_none(char *dst, size_t size, const char *src);

/* Copies at most len bytes that may lack a NUL and may contain one; false (dst = "") when it does not fit or holds a NUL. */
MUST_USE bool text_copy_n(char *dst, size_t size, const char *src, size_t len);

/*
 * For a screen or a log: control characters, DEL, C1, bidirectional controls (U+202A..202E,
 * U+2066..2069, U+200E/F, U+061C) and invalid UTF-8 become \xHH of their bytes; cut at whole characters with "..." to fit size.
 * Returns dst.
 */
const char *text_escape(char *dst, size_t size, const char *src);

/*
 * One word of a line of a log, as the value of "name=": in quotes, with \ before " and \, where it could be taken for more or
 * for none; cut to fit size, which is at least 4, and TEXT_WORD_SIZE of what src has room for to lose nothing. Control characters
 * are left to who writes the line. Returns dst.
 */
#define TEXT_WORD_SIZE(room) (2 * (room) + 1)
const char *text_word(char *dst, size_t size, const char *src);

/* Well-formed UTF-8 (RFC 3629) throughout; NULs are allowed here. */
bool text_is_utf8(const char *s, size_t len);

/*
 * A login name as we accept it: 1..32 bytes of [A-Za-z0-9._-], first not '-' or '.', an optional
 * '$' at the end; no upper limit of meaning beyond that (aliases are resolved by uid).
 */
bool text_is_login(const char *s);

/* Label, name, section: valid UTF-8, 1..max bytes, no control or bidi characters, no leading or trailing space. */
bool text_is_label(const char *s, size_t max);

/* Decimal, whole string, no sign, no leading blanks or zeros (but "0"), within [min, max]. */
MUST_USE bool text_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret);

/* "90s", "15min", "8h", "30d", plain number = seconds; whole string; within [min, max] seconds. */
MUST_USE bool text_to_seconds(const char *s, int64_t min, int64_t max, int64_t *ret);

/*
 * Full-width digits U+FF10..FF19 to ASCII, in place in a buffer of *len bytes. True when the
 * result is exactly n ASCII digits; otherwise the buffer is left as it was.
 */
bool text_normalise_digits(unsigned char *s, size_t *len, size_t n);

/* Lower-case hex; dst has 2*len+1 bytes. And back: exactly len bytes, false otherwise. */
void text_hex(char *dst, const void *src, size_t len);
MUST_USE bool text_unhex(void *dst, size_t len, const char *hex);

/* "2026-11-20 08:31" in local time (size >= 20), "2026-11-20T08:31:07Z" in UTC (size >= 21). Return dst. */
const char *text_local_time(char *dst, size_t size, int64_t real_s);
const char *text_utc_time(char *dst, size_t size, int64_t real_s);

/* Distance of two short strings (Damerau-Levenshtein, case ignored, bytes), for "did you mean"; at most 64 bytes are compared. */
unsigned text_distance(const char *a, const char *b);

#endif
