/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"

#include <stdbool.h>
#include <string.h>

#define N_(text) text

struct question {
	const struct secret *password;
	size_t min;
	const char *login;
};

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

static bool too_short(const struct question *q)
{
	return q->password->len == 0 || q->password->len < q->min;
}

static bool too_long(const struct question *q)
{
	return q->password->len > PASSWORD_MAX;
}

static bool untypable(const struct question *q)
{
	for (size_t i = 0; i < q->password->len; i++)
		if (q->password->bytes[i] < 0x20 || q->password->bytes[i] > 0x7E)
			return true;
	return false;
}

static bool like_code(const struct question *q)
{
	if (q->password->len < 6 || q->password->len > 8)
		return false;
	for (size_t i = 0; i < q->password->len; i++)
		if (q->password->bytes[i] < '0' || q->password->bytes[i] > '9')
			return false;
	return true;
}

static bool one_character(const struct question *q)
{
	for (size_t i = 1; i < q->password->len; i++)
		if (q->password->bytes[i] != q->password->bytes[0])
			return false;
	return true;
}

static bool like_login(const struct question *q)
{
	const size_t n = strlen(q->login);
	bool same = true, reverse = true;

	if (n != q->password->len)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = lower(q->password->bytes[i]);

		same &= c == lower((unsigned char)q->login[i]);
		reverse &= c == lower((unsigned char)q->login[n - 1 - i]);
	}
	return same || reverse;
}

static const struct {
	bool (*applies)(const struct question *q);
	const char *reason;
} refusals[] = {
	{ too_short,     N_("the password is too short") },
	{ too_long,      N_("the password is longer than 128 characters") },
	{ untypable,     N_("the password has characters outside printable ASCII") },
	{ like_code,     N_("a password of 6 to 8 digits would be taken for a code") },
	{ one_character, N_("the password is one character repeated") },
	{ like_login,    N_("the password is the login name or its reverse") },
};

const char *password_unfit(const struct secret *password, size_t min, const char *login)
{
	const struct question q = { .password = password, .min = min, .login = login };

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].applies(&q))
			return refusals[i].reason;
	return NULL;
}
