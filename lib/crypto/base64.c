/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include <stdint.h>
#include <string.h>

#include "secret.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/*
 * Keys pass here, so the value comes from comparisons with every character and not from a table
 * that would leave its index in the cache. 64: no such character.
 */
static unsigned value_of(char c)
{
	unsigned value = 64;

	for (unsigned i = 0; i < 64; i++) {
		unsigned differs = (unsigned)(unsigned char)(c ^ alphabet[i]);
		unsigned mask = (differs - 1u) >> 8 & 0x7F;     /* 0x7F only when equal */

		value ^= mask & (64u ^ i);
	}
	return value;
}

/* The same the other way: every character is read. */
static char character_of(unsigned value)
{
	unsigned c = 0;

	for (unsigned i = 0; i < 64; i++) {
		unsigned mask = ((value ^ i) - 1u) >> 8 & 0xFF;

		c |= mask & (unsigned)(unsigned char)alphabet[i];
	}
	return (char)c;
}

size_t base64_encode(char *dst, const unsigned char *src, size_t len)
{
	uint32_t bits = 0;
	unsigned n = 0;
	size_t written = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | src[i];
		for (n += 8; n >= 6; n -= 6)
			dst[written++] = character_of(bits >> (n - 6) & 63);
	}
	if (n > 0)
		dst[written++] = character_of(bits << (6 - n) & 63);
	return written;
}

bool base64_decode(unsigned char *dst, size_t len, const char *src)
{
	uint32_t bits = 0;
	unsigned n = 0, bad = 0;
	size_t written = 0;

	for (size_t i = 0; i < BASE64_LEN(len); i++) {
		unsigned value = value_of(src[i]);

		bad |= value >> 6;
		bits = bits << 6 | (value & 63);
		n += 6;
		if (n >= 8 && written < len) {
			n -= 8;
			dst[written++] = (unsigned char)(bits >> n);
		}
		if (bad)
			break;          /* nothing is read past a NUL */
	}
	if (bad || (bits & ((1u << n) - 1)) != 0) {
		wipe(dst, len);
		return false;
	}
	return true;
}
