/* SPDX-License-Identifier: Apache-2.0 */
#include "factor_password.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define CONTEXT_SIZE 32

/* Binds a hash to its row, so that it can't be moved to another person. */
static void context_of(int64_t person, char dst[CONTEXT_SIZE])
{
	snprintf(dst, CONTEXT_SIZE, "password:%" PRId64, person);
}

static enum err password_key(const struct keyring *k, const char *id, struct secret *ret)
{
	enum err e = keyring_key(k, id, KEYRING_PASSWORD, ret);

	if (e == ERR_NOT_FOUND)
		return fail(ERR_KEY_FILE,
			    "a password needs key %s, which is not in the store key file", id);
	return e;
}

enum err factor_password_make(const struct keyring *k, int64_t person,
			      const struct secret *password,
			      struct pwhash_cost cost, int64_t now, struct password_row *ret)
{
	SECRET(key);
	struct password_row row = { .person = person, .set_at = now };
	char context[CONTEXT_SIZE];
	char hash[PWHASH_SIZE];
	enum err e;

	context_of(person, context);
	e = password_key(k, keyring_newest(k), &key);
	if (e != ERR_OK)
		return e;
	e = pwhash_make(password, &key, context, cost, hash);
	if (e != ERR_OK)
		return e;
	if (!text_copy(row.key_id, sizeof(row.key_id), keyring_newest(k)) ||
	    !text_copy(row.hash, sizeof(row.hash), hash))
		return fail(ERR_CRYPTO, "a password hash does not fit its row");
	*ret = row;
	return ERR_OK;
}

static enum err should_renew(const struct keyring *k, const struct password_row *row,
			     struct pwhash_cost wanted,
			     bool *ret)
{
	struct pwhash_cost cost;
	enum err e = pwhash_cost_of(row->hash, &cost);

	if (e != ERR_OK)
		return e;
	*ret = strcmp(row->key_id, keyring_newest(k)) != 0 || cost.m_kib < wanted.m_kib ||
		cost.t < wanted.t;
	return ERR_OK;
}

enum err factor_password_check(struct store *s, const struct keyring *k, int64_t person,
			       const struct secret *password, struct pwhash_cost cost, bool *renew)
{
	SECRET(key);
	struct password_row row;
	char context[CONTEXT_SIZE];
	enum err e = store_password_get(s, person, &row);

	if (e == ERR_NOT_FOUND) {
		e = factor_password_dummy(k, password, cost);
		return e == ERR_OK ? ERR_NOT_FOUND : e;
	}
	if (e != ERR_OK)
		return e;
	context_of(person, context);
	e = password_key(k, row.key_id, &key);
	if (e != ERR_OK)
		return e;
	e = pwhash_verify(password, &key, context, row.hash);
	if (e != ERR_OK)
		return e;
	return should_renew(k, &row, cost, renew);
}

enum err factor_password_dummy(const struct keyring *k, const struct secret *password,
			       struct pwhash_cost cost)
{
	SECRET(key);
	enum err e = password_key(k, keyring_newest(k), &key);

	return e == ERR_OK ? pwhash_dummy(password, &key, cost) : e;
}
