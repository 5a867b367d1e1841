/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

bool text_copy(char *dst, size_t size, const char *src)
{
	return text_copy_n(dst, size, src, strlen(src));
}

void text_copy_or_none(char *dst, size_t size, const char *src)
{
	if (!text_copy(dst, size, src))
		dst[0] = '\0';
}

bool text_copy_n(char *dst, size_t size, const char *src, size_t len)
{
	if (len >= size || memchr(src, '\0', len)) {
		if (size)
			dst[0] = '\0';
		return false;
	}
	memcpy(dst, src, len);
	dst[len] = '\0';
	return true;
}

/* Length of the well-formed UTF-8 character at s (RFC 3629), its code point in *cp; 0 when malformed. */
static size_t utf8_char(const unsigned char *s, size_t len, uint32_t *cp)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} form[] = { { 0x80, 0x00, 0 }, { 0xE0, 0xC0, 0x80 }, { 0xF0, 0xE0, 0x800 }, { 0xF8, 0xF0, 0x10000 } };

	for (size_t n = 1; n <= 4; n++) {
		if ((s[0] & form[n - 1].mask) != form[n - 1].lead)
			continue;
		if (n > len)
			return 0;
		uint32_t c = s[0] & (unsigned char)~form[n - 1].mask;

		for (size_t i = 1; i < n; i++) {
			if ((s[i] & 0xC0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3F);
		}
		if (c < form[n - 1].min || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
			return 0;
		*cp = c;
		return n;
	}
	return 0;
}

static bool is_control(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} range[] = {
		{ 0x00, 0x1F }, { 0x7F, 0x9F }, { 0x061C, 0x061C }, { 0x200B, 0x200F }, { 0x2028, 0x202E },
		{ 0x2060, 0x2069 }, { 0xFEFF, 0xFEFF }, { 0xFFF9, 0xFFFB }, { 0xE0000, 0xE007F },
	};

	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++)
		if (c >= range[i].first && c <= range[i].last)
			return true;
	return false;
}

bool text_is_utf8(const char *s, size_t len)
{
	uint32_t cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_char((const unsigned char *)s + i, len - i, &cp);
		if (!n)
			return false;
	}
	return true;
}

const char *text_escape(char *dst, size_t size, const char *src)
{
	static const char hex[] = "0123456789ABCDEF";
	const unsigned char *s = (const unsigned char *)src;
	size_t len = strlen(src), out = 0, mark = 0;

	if (!size)
		return dst;
	for (size_t i = 0; i < len;) {
		char piece[16];
		uint32_t cp;
		size_t n = utf8_char(s + i, len - i, &cp), p = 0;

		if (n && !is_control(cp)) {
			memcpy(piece, s + i, n);
			p = n;
		} else {
			n = n ? n : 1;
			for (size_t k = 0; k < n; k++) {
				piece[p++] = '\\';
				piece[p++] = 'x';
				piece[p++] = hex[s[i + k] >> 4];
				piece[p++] = hex[s[i + k] & 15];
			}
		}
		if (out + p + 1 > size) {
			if (size >= 4)
				memcpy(dst + mark, "...", 3);
			dst[size >= 4 ? mark + 3 : 0] = '\0';
			return dst;
		}
		memcpy(dst + out, piece, p);
		out += p;
		if (out + 4 <= size)
			mark = out;
		i += n;
	}
	dst[out] = '\0';
	return dst;
}

const char *text_word(char *dst, size_t size, const char *src)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._:/@%+,-";
	size_t n = 0;

	if (src[0] && !src[strspn(src, plain)] && text_copy(dst, size, src))
		return dst;
	dst[n++] = '"';
	for (; *src && n + 4 <= size; src++) {
		if (*src == '"' || *src == '\\')
			dst[n++] = '\\';
		dst[n++] = *src;
	}
	dst[n++] = '"';
	dst[n] = '\0';
	return dst;
}

bool text_is_login(const char *s)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(s), n = strspn(s, set);

	if (len < 1 || len > 32 || s[0] == '-' || s[0] == '.')
		return false;
	return n == len || (n > 0 && n == len - 1 && s[n] == '$');
}

bool text_is_label(const char *s, size_t max)
{
	size_t len = strlen(s), chars = 0;
	uint32_t cp;

	if (!len || s[0] == ' ' || s[len - 1] == ' ')
		return false;
	for (size_t i = 0, n; i < len; i += n, chars++) {
		n = utf8_char((const unsigned char *)s + i, len - i, &cp);
		if (!n || is_control(cp))
			return false;
	}
	return chars <= max;
}

static bool digits_to_i64(const char *s, size_t len, int64_t *ret)
{
	int64_t v = 0;

	if (!len || len > 18 || (len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*ret = v;
	return true;
}

bool text_to_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	int64_t v;

	if (!digits_to_i64(s, strlen(s), &v) || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

bool text_to_seconds(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	size_t n = strspn(s, "0123456789");
	int64_t v;

	if (!digits_to_i64(s, n, &v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(s + n, units[i].unit))
			continue;
		if (__builtin_mul_overflow(v, units[i].seconds, &v) || v < min || v > max)
			return false;
		*ret = v;
		return true;
	}
	return false;
}

bool text_normalise_digits(unsigned char *s, size_t *len, size_t n)
{
	unsigned char out[16];
	size_t count = 0;

	if (n > sizeof(out))
		return false;
	for (size_t i = 0; i < *len;) {
		uint32_t cp;
		size_t k = utf8_char(s + i, *len - i, &cp);

		if (!k || count == n)
			return false;
		if (cp >= 0xFF10 && cp <= 0xFF19)
			cp = cp - 0xFF10 + '0';
		if (cp < '0' || cp > '9')
			return false;
		out[count++] = (unsigned char)cp;
		i += k;
	}
	if (count != n)
		return false;
	explicit_bzero(s, *len);
	memcpy(s, out, n);
	explicit_bzero(out, sizeof(out));
	*len = n;
	return true;
}

void text_hex(char *dst, const void *src, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = src;

	for (size_t i = 0; i < len; i++) {
		dst[2 * i] = hex[s[i] >> 4];
		dst[2 * i + 1] = hex[s[i] & 15];
	}
	dst[2 * len] = '\0';
}

bool text_unhex(void *dst, size_t len, const char *hex)
{
	unsigned char *d = dst;

	if (strlen(hex) != 2 * len || strspn(hex, "0123456789abcdefABCDEF") != 2 * len)
		return false;
	for (size_t i = 0; i < 2 * len; i++) {
		unsigned v = (unsigned char)hex[i];

		v = v <= '9' ? v - '0' : (v | 0x20) - 'a' + 10;
		d[i / 2] = (unsigned char)(i % 2 ? d[i / 2] | v : v << 4);
	}
	return true;
}

static const char *unknown_time(char *dst, size_t size)
{
	if (size)
		snprintf(dst, size, "?");
	return dst;
}

const char *text_local_time(char *dst, size_t size, int64_t real_s)
{
	time_t t = (time_t)real_s;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(dst, size, "%Y-%m-%d %H:%M", &tm))
		return unknown_time(dst, size);
	return dst;
}

const char *text_utc_time(char *dst, size_t size, int64_t real_s)
{
	time_t t = (time_t)real_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(dst, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return unknown_time(dst, size);
	return dst;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

unsigned text_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	unsigned d[3][MAX + 1];
	size_t la = strnlen(a, MAX), lb = strnlen(b, MAX);

	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *row = d[i % 3], *one = d[(i - 1) % 3], *two = d[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned same = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
			unsigned best = one[j - 1] + same;

			if (one[j] + 1 < best)
				best = one[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && two[j - 2] + 1 < best)
				best = two[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[la % 3][lb];
}
