/* SPDX-License-Identifier: Apache-2.0 */
#include "totp.h"

#include <liboath/oath.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define CODE_MAX 8
#define SEED_MIN 16             /* RFC 4226, section 4, R6: 128 bits */
#define SEED_MAX 64
#define CLOCK_MIN 1577836800    /* 2020-01-01 */
#define CLOCK_MAX 253402300799  /* 9999-12-31 */
#define BASE32_MAX ((SEED_MAX * 8 + 4) / 5 + 2)

static const struct {
	const char *name;
	int flags;
} algorithms[] = {
	[TOTP_SHA1] = { "SHA1", 0 },
	[TOTP_SHA256] = { "SHA256", OATH_TOTP_HMAC_SHA256 },
	[TOTP_SHA512] = { "SHA512", OATH_TOTP_HMAC_SHA512 },
};

/* What the caller typed, and whether liboath's candidate is the same. */
struct comparison {
	const struct secret *code;
	unsigned differs;       /* 0: equal; bits of difference otherwise */
	bool asked;
};

static bool params_fit(struct totp_params params)
{
	return params.algorithm >= TOTP_SHA1 && params.algorithm <= TOTP_SHA512 &&
	       params.digits >= 6 && params.digits <= CODE_MAX && params.period >= 15 &&
	       params.period <= 120;
}

static bool seed_fits(const struct secret *seed)
{
	return seed->len >= SEED_MIN && seed->len <= SEED_MAX;
}

static bool is_code(const struct secret *code, unsigned digits)
{
	if (code->len != digits)
		return false;
	for (size_t i = 0; i < code->len; i++)
		if (code->bytes[i] < '0' || code->bytes[i] > '9')
			return false;
	return true;
}

/* liboath's callback. Always "mismatch": neither liboath nor its caller may stop at a match. */
static int compare(void *handle, const char *candidate)
{
	struct comparison *c = handle;

	c->asked = true;
	c->differs = 0;
	for (size_t i = 0; i < c->code->len; i++)
		c->differs |= (unsigned)(unsigned char)candidate[i] ^ c->code->bytes[i];
	return 1;
}

/* *differs is 0 when the code is the one of that moment. */
static enum err try_moment(const struct secret *seed, struct totp_params params, int64_t at,
			   const struct secret *code, unsigned *differs)
{
	struct comparison c = { .code = code, .differs = 1 };
	int result = oath_totp_validate4_callback((const char *)seed->bytes, seed->len, (time_t)at,
						  params.period, 0, params.digits, 0, NULL, NULL,
						  algorithms[params.algorithm].flags, compare, &c);

	if (result != OATH_INVALID_OTP || !c.asked)
		return fail(ERR_CRYPTO, "liboath: %s", oath_strerror(result));
	*differs = c.differs;
	return ERR_OK;
}

/* 0, 1, -1, 2, -2 ...: the nearest first. Without a branch: n may be which step matched. */
static int nth_offset(unsigned n)
{
	return (int)((n + 1) / 2) * ((int)(n % 2) * 2 - 1);
}

/* Every step is asked. *found is the nearest matching offset in steps; false in *any: none. */
static enum err try_window(const struct secret *seed, struct totp_params params, unsigned window,
			   int64_t now, const struct secret *code, bool *any, int *found)
{
	unsigned hit = 0, chosen = 0;

	for (unsigned n = 0; n <= 2 * window; n++) {
		unsigned differs = 1;
		enum err e = try_moment(seed, params, now + (int64_t)params.period * nth_offset(n),
					code, &differs);

		if (e != ERR_OK)
			return e;

		/* All ones for the first match only. A branch would tell which step it was. */
		unsigned mask = (0u - ((differs - 1u) >> 31)) & ~hit;

		chosen |= mask & n;
		hit |= mask;
	}
	*any = hit != 0;
	*found = nth_offset(chosen);
	return ERR_OK;
}

enum err totp_verify(const struct secret *seed, struct totp_params params, unsigned window,
		     int64_t now, const struct secret *code, int64_t *step, int *offset)
{
	bool any = false;
	int found = 0;
	enum err e;

	if (!params_fit(params) || !seed_fits(seed) || window > TOTP_WINDOW_MAX)
		return fail(ERR_INVALID, "TOTP: seed, parameters or window out of bounds");
	if (now < CLOCK_MIN || now > CLOCK_MAX)
		return fail(ERR_CLOCK, "TOTP: the clock stands at %lld", (long long)now);
	if (!is_code(code, params.digits))
		return ERR_SECRET_WRONG;
	if (oath_init() != OATH_OK)
		return fail(ERR_CRYPTO, "liboath can't start");
	e = try_window(seed, params, window, now, code, &any, &found);
	if (e != ERR_OK)
		return e;
	if (!any)
		return ERR_SECRET_WRONG;
	*step = now / params.period + found;
	*offset = found;
	return ERR_OK;
}

/* RFC 4648, section 6, no padding, with a space after each `group` characters (0: none). False:
 * does not fit. */
static bool put_base32(const struct secret *seed, size_t group, char *dst, size_t size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const size_t chars = (seed->len * 8 + 4) / 5;
	size_t written = 0;

	for (size_t i = 0; i < chars; i++) {
		size_t bit = i * 5, byte = bit / 8;
		unsigned pair = (unsigned)seed->bytes[byte] << 8;

		if (byte + 1 < seed->len)
			pair |= seed->bytes[byte + 1];
		if (written + 3 > size)
			return false;
		if (group > 0 && i > 0 && i % group == 0)
			dst[written++] = ' ';
		dst[written++] = alphabet[pair >> (11 - bit % 8) & 31];
	}
	dst[written] = '\0';
	return true;
}

/* RFC 3986, section 2: everything but unreserved characters becomes %XX. Returns the new end, NULL:
 * does not fit. */
static char *put_percent(char *at, const char *end, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= '0' && c <= '9') || strchr("-._~", c);

		if (end - at < 4)
			return NULL;
		if (plain) {
			*at++ = (char)c;
		} else {
			*at++ = '%';
			*at++ = hex[c >> 4];
			*at++ = hex[c & 15];
		}
	}
	*at = '\0';
	return at;
}

static bool is_name(const char *s)
{
	return *s && text_is_utf8(s, strlen(s));
}

enum err totp_uri(const struct secret *seed, struct totp_params params, const char *issuer,
		  const char *account, char *dst, size_t size)
{
	char issuer_text[256], account_text[256], base32[BASE32_MAX];
	const char *issuer_end = issuer_text + sizeof(issuer_text);
	const char *account_end = account_text + sizeof(account_text);
	int n;

	if (!params_fit(params) || !seed_fits(seed))
		return fail(ERR_INVALID, "TOTP: seed or parameters out of bounds");
	if (!is_name(issuer) || !is_name(account) || strchr(issuer, ':') ||
	    !put_percent(issuer_text, issuer_end, issuer) ||
	    !put_percent(account_text, account_end, account))
		return fail(ERR_INVALID, "TOTP: issuer or account can't stand in an otpauth text");
	if (!put_base32(seed, 0, base32, sizeof(base32)))
		return fail(ERR_INVALID, "TOTP: the seed is too long");
	n = snprintf(dst, size,
		     "otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=%s&digits=%u&period=%u",
		     issuer_text, account_text, base32, issuer_text,
		     algorithms[params.algorithm].name, params.digits, params.period);
	wipe(base32, sizeof(base32));
	if (n < 0 || (size_t)n >= size) {
		wipe(dst, size);
		return fail(ERR_INVALID, "TOTP: the otpauth text does not fit");
	}
	return ERR_OK;
}

enum err totp_base32(const struct secret *seed, char *dst, size_t size)
{
	if (!seed_fits(seed))
		return fail(ERR_INVALID, "TOTP: seed of %zu bytes", seed->len);
	if (!put_base32(seed, 4, dst, size)) {
		wipe(dst, size);
		return fail(ERR_INVALID, "TOTP: the seed does not fit");
	}
	return ERR_OK;
}
