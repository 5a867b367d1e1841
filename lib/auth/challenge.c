/* SPDX-License-Identifier: Apache-2.0 */
#include "challenge.h"

#include <string.h>

#include "clock.h"
#include "random.h"

#define VERSION "cardmfa challenge v1"          /* its NUL is part of the message */
#define NONCE_LEN 32
#define PART_MAX 128

/* Six parts with two bytes of length each always fit: no part is ever cut. */
_Static_assert(sizeof(VERSION) + 6 * 2 + 1 + 3 * PART_MAX + NONCE_LEN + 8 <= CHALLENGE_MAX,
	       "CHALLENGE_MAX");

static void put_part(struct challenge *c, const void *bytes, size_t len)
{
	c->message[c->len++] = (unsigned char)(len >> 8);
	c->message[c->len++] = (unsigned char)(len & 0xff);
	memcpy(c->message + c->len, bytes, len);
	c->len += len;
}

/* Empty never means "any": a statement without host, service or user is none. */
static enum err put_text(struct challenge *c, const char *what, const char *text)
{
	const size_t len = text != NULL ? strnlen(text, PART_MAX + 1) : 0;

	if (len == 0 || len > PART_MAX)
		return fail(ERR_INVALID, "challenge: %s is %s", what,
			    len == 0 ? "empty" : "too long");
	put_part(c, text, len);
	return ERR_OK;
}

static void put_time(struct challenge *c, int64_t real_s)
{
	unsigned char be[8];

	for (size_t i = 0; i < sizeof(be); i++)
		be[i] = (unsigned char)((uint64_t)real_s >> (8 * (7 - i)));
	put_part(c, be, sizeof(be));
}

enum err challenge_make(enum challenge_purpose purpose, const char *host_id, const char *service,
			const char *user, struct challenge *ret)
{
	struct challenge c = { .len = 0 };
	const unsigned char purpose_byte = (unsigned char)purpose;
	unsigned char nonce[NONCE_LEN];
	struct moment now;
	enum err e;

	if (purpose < CHALLENGE_LOGIN || purpose > CHALLENGE_PIN_TRY)
		return fail(ERR_INVALID, "challenge: purpose %d is unknown", (int)purpose);
	memcpy(c.message, VERSION, sizeof(VERSION));
	c.len = sizeof(VERSION);
	put_part(&c, &purpose_byte, 1);
	if ((e = put_text(&c, "host", host_id)) != ERR_OK ||
	    (e = put_text(&c, "service", service)) != ERR_OK ||
	    (e = put_text(&c, "user", user)) != ERR_OK ||
	    (e = random_bytes(nonce, sizeof(nonce))) != ERR_OK || (e = clock_now(&now)) != ERR_OK)
		return e;
	put_part(&c, nonce, sizeof(nonce));
	put_time(&c, now.real_s);
	c.made_boot_ms = now.boot_ms;
	*ret = c;
	return ERR_OK;
}

enum err challenge_fresh(const struct challenge *c)
{
	const int64_t age_ms = clock_boot_ms() - c->made_boot_ms;

	if (c->len == 0 || age_ms < 0 || age_ms > CHALLENGE_AGE_MS)
		return fail(ERR_TIMEOUT, "the card's answer came too late");
	return ERR_OK;
}
