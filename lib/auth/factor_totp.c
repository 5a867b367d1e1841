/* SPDX-License-Identifier: Apache-2.0 */
#include "factor_totp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "seal.h"
#include "text.h"

#define CONTEXT_SIZE 32
#define CLOCK_SLACK_STEPS 2     /* beyond the window: NTP's small steps are no alarm */

/* Binds a sealed seed to its row, so that it can't be moved to another person. */
static void context_of(int64_t person, char dst[CONTEXT_SIZE])
{
	snprintf(dst, CONTEXT_SIZE, "totp:%" PRId64, person);
}

enum err factor_totp_enrol(struct store *s, const struct keyring *k, int64_t person,
			   const struct secret *seed, struct totp_params params, int64_t last_step)
{
	SECRET(key);
	struct totp_row row = {
		.person = person, .algorithm = params.algorithm, .digits = params.digits,
		.period = params.period,
		.last_step = last_step, .created_at = clock_real_s(),
	};
	char context[CONTEXT_SIZE];
	enum err e = keyring_key(k, keyring_newest(k), KEYRING_SEAL, &key);

	if (e == ERR_NOT_FOUND || !text_copy(row.key_id, sizeof(row.key_id), keyring_newest(k)))
		return fail(ERR_KEY_FILE, "the store key file has no key to seal with");
	if (e != ERR_OK)
		return e;
	context_of(person, context);
	e = seal_close(&key, context, seed, row.sealed, sizeof(row.sealed), &row.sealed_len);
	if (e != ERR_OK)
		return e;
	return store_totp_put(s, &row);
}

static enum err open_seed(const struct keyring *k, const struct totp_row *row, struct secret *ret)
{
	SECRET(key);
	char context[CONTEXT_SIZE];
	enum err e = keyring_key(k, row->key_id, KEYRING_SEAL, &key);

	if (e == ERR_NOT_FOUND)
		return fail(ERR_KEY_FILE, "a seed needs key %s, which is not in the store key file",
			    row->key_id);
	if (e != ERR_OK)
		return e;
	context_of(row->person, context);
	return seal_open(&key, context, row->sealed, row->sealed_len, ret);
}

/*
 * Codes of the past would all be refused as replayed; said as what it is, so that the clock gets
 * mended and nobody is told to have used a code twice.
 */
static enum err check_clock(const struct totp_row *row, unsigned window, int64_t now)
{
	if (now / row->period >= row->last_step - (int64_t)window - CLOCK_SLACK_STEPS)
		return ERR_OK;
	return fail(ERR_CLOCK, "the clock is %" PRId64 " s behind the last code of person %"
		    PRId64 ": set it right, or enrol the app again if it was wrong then",
		    row->last_step * row->period - now, row->person);
}

static bool same_seed(const struct totp_row *a, const struct totp_row *b)
{
	return a->sealed_len == b->sealed_len && memcmp(a->sealed, b->sealed, a->sealed_len) == 0;
}

struct seen {
	const struct totp_row *row;
	int64_t step;
};

/* Another process may have replaced the seed since it was read: the step is not the new one's. */
static enum err consume(struct store *s, void *arg)
{
	const struct seen *seen = arg;
	struct totp_row row;
	enum err e = store_totp_get(s, seen->row->person, &row);

	if (e == ERR_OK && !same_seed(&row, seen->row))
		e = fail(ERR_SECRET_WRONG, "the app was enrolled again during the check");
	return e == ERR_OK ? store_totp_consume(s, seen->row->person, seen->step) : e;
}

/* Nobody's seed is sealed where a person's is opened, and the code is compared with those of it. */
enum err factor_totp_dummy(const struct keyring *k, unsigned window, const struct secret *code,
			   int64_t now)
{
	static const unsigned char nobodys[TOTP_SEED_LEN];
	unsigned char sealed[TOTP_SEED_LEN + SEAL_OVERHEAD];
	size_t len;
	SECRET(key);
	SECRET(seed);
	int64_t step;
	int offset;
	enum err e = keyring_key(k, keyring_newest(k), KEYRING_SEAL, &key);

	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? fail(ERR_KEY_FILE, "the store key file has no key to seal with") : e;
	e = secret_set(&seed, nobodys, sizeof(nobodys));
	if (e == ERR_OK)
		e = seal_close(&key, "nobody", &seed, sealed, sizeof(sealed), &len);
	if (e == ERR_OK)
		e = totp_verify(&seed, TOTP_PARAMS_DEFAULT, window, now, code, &step, &offset);
	return e == ERR_OK ? ERR_SECRET_WRONG : e;
}

enum err factor_totp_check(struct store *s, const struct keyring *k, int64_t person,
			   unsigned window,
			   const struct secret *code, int64_t now)
{
	SECRET(seed);
	struct totp_row row;
	int64_t step = 0;
	int offset = 0;
	enum err e = store_totp_get(s, person, &row);

	if (e != ERR_OK)
		return e;
	if (window > TOTP_WINDOW_MAX)
		return fail(ERR_INVALID, "a window of %u steps is too wide", window);
	e = check_clock(&row, window, now);
	if (e == ERR_OK)
		e = open_seed(k, &row, &seed);
	if (e != ERR_OK)
		return e;
	e = totp_verify(&seed, (struct totp_params){ row.algorithm, row.digits, row.period },
			window, now, code,
			&step, &offset);
	if (e != ERR_OK)
		return e;
	return store_transaction(s, true, consume, &(struct seen){ &row, step });
}
