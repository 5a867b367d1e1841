/* SPDX-License-Identifier: Apache-2.0 */
#include "card_id.h"

#include <string.h>

#define SYMBOLS 31              /* a prime, so that every weight and difference has an inverse */
#define VALUES 7                /* and one check symbol */
#define TIDY_MAX 12
#define GROUP 4
#define WEIGHT(i) (10u + (unsigned)(i))         /* 10..17, all different and not 0 mod 31 */
#define CHECK_INVERSE 11u                       /* 17 * 11 = 1 mod 31 */

static const char symbols[SYMBOLS + 1] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

enum sign_kind { SIGN_UNKNOWN, SIGN_SYMBOL, SIGN_SEPARATOR };

/* One character as a Japanese or Latin keyboard gives it. */
struct sign {
	enum sign_kind kind;
	size_t bytes;
	unsigned value;
};

/* What people and input methods put between the groups. */
static const char *const separators[] = {
	" ", "-", "_", "\t",
	"\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x92",       /* hyphens and dashes */
	"\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95",
	"\xE2\x88\x92",         /* minus sign */
	"\xE3\x80\x80",         /* ideographic space */
	"\xE3\x83\xBC",         /* prolonged sound mark, the kana keyboard's dash */
	"\xEF\xBC\x8D",         /* full-width hyphen-minus */
	"\xEF\xBD\xB0",         /* half-width prolonged sound mark */
};

static struct sign from_ascii(char c, size_t bytes)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');

	const char *at = c ? strchr(symbols, c) : NULL;
	struct sign s = { .kind = at ? SIGN_SYMBOL : SIGN_UNKNOWN, .bytes = bytes };

	if (at)
		s.value = (unsigned)(at - symbols);
	return s;
}

/* U+FF01..FF5E are ASCII 21..7E in the same order. */
static char from_full_width(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] != 0xEF || (u[1] != 0xBC && u[1] != 0xBD) || u[2] < 0x80 || u[2] > 0xBF)
		return 0;
	unsigned code = (u[1] == 0xBC ? 0u : 64u) + (u[2] - 0x80u) + 0x20u;

	return code <= 0x7E ? (char)code : 0;
}

/* s is not at its NUL. */
static struct sign next_sign(const char *s)
{
	for (size_t i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
		size_t n = strlen(separators[i]);

		if (strncmp(s, separators[i], n) == 0)
			return (struct sign){ .kind = SIGN_SEPARATOR, .bytes = n };
	}

	char wide = from_full_width(s);

	return wide ? from_ascii(wide, 3) : from_ascii(*s, 1);
}

static unsigned weighted_sum(const unsigned char *values, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += WEIGHT(i) * values[i];
	return sum % SYMBOLS;
}

/* Symbols with a dash after the fourth; dst has n + 2 bytes. */
static void put_symbols(char *dst, const unsigned char *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i == GROUP)
			*dst++ = '-';
		*dst++ = symbols[values[i]];
	}
	*dst = '\0';
}

enum err card_id_make(const unsigned char values[7], struct card_id *ret)
{
	unsigned char all[VALUES + 1];

	for (size_t i = 0; i < VALUES; i++) {
		if (values[i] >= SYMBOLS)
			return fail(ERR_INVALID, "card identifier from a value above %d",
				    SYMBOLS - 1);
		all[i] = values[i];
	}
	all[VALUES] =
		(unsigned char)((SYMBOLS - weighted_sum(values, VALUES)) * CHECK_INVERSE % SYMBOLS);
	put_symbols(ret->text, all, VALUES + 1);
	return ERR_OK;
}

enum err card_id_parse(const char *typed, struct card_id *ret)
{
	unsigned char values[VALUES + 1];
	size_t n = 0;

	while (*typed) {
		struct sign s = next_sign(typed);

		typed += s.bytes;
		if (s.kind == SIGN_SEPARATOR)
			continue;
		if (s.kind == SIGN_UNKNOWN || n == sizeof(values))
			return ERR_INVALID;
		values[n++] = (unsigned char)s.value;
	}
	if (n != sizeof(values) || weighted_sum(values, n) != 0)
		return ERR_INVALID;
	put_symbols(ret->text, values, n);
	return ERR_OK;
}

bool card_id_tidy(const char *typed, char *dst, size_t size)
{
	unsigned char values[TIDY_MAX];
	size_t n = 0;

	while (*typed) {
		struct sign s = next_sign(typed);

		typed += s.bytes;
		if (s.kind != SIGN_SYMBOL)
			continue;
		if (n == sizeof(values))
			return false;
		values[n++] = (unsigned char)s.value;
	}
	if (n == 0 || size < n + 2)
		return false;
	put_symbols(dst, values, n);
	return true;
}
