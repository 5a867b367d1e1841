/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <string.h>

void wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}

void secret_wipe(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

enum err secret_set(struct secret *s, const void *bytes, size_t len)
{
	secret_wipe(s);
	if (len > SECRET_MAX)
		return ERR_INVALID;
	if (len)
		memcpy(s->bytes, bytes, len);
	s->len = len;
	return ERR_OK;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	volatile unsigned char diff = 0;

	if (a->len != b->len || a->len > SECRET_MAX)
		return false;
	for (size_t i = 0; i < a->len; i++)
		diff = (unsigned char)(diff | (a->bytes[i] ^ b->bytes[i]));
	return diff == 0;
}
