/* SPDX-License-Identifier: Apache-2.0 */
#include "lockout.h"

#define BATCH 32                /* rows collected before they are removed */

struct collected {
	int64_t person;
	size_t n;
	union {
		struct bucket_row buckets[BATCH];
		int64_t tries[BATCH];
	};
};

static enum err collect_bucket(const struct bucket_row *b, void *arg)
{
	struct collected *c = arg;

	if (c->n < BATCH)
		c->buckets[c->n++] = *b;
	return ERR_OK;
}

static enum err collect_try(const struct try_row *t, void *arg)
{
	struct collected *c = arg;

	if (t->person == c->person && c->n < BATCH)
		c->tries[c->n++] = t->id;
	return ERR_OK;
}

static enum err clear_buckets(struct store *s, struct collected *c)
{
	enum err e;

	c->n = 0;
	e = store_bucket_each(s, c->person, collect_bucket, c);
	for (size_t i = 0; e == ERR_OK && i < c->n; i++) {
		c->buckets[i].failed = 0;
		e = store_bucket_put(s, &c->buckets[i]);
	}
	return e;
}

static enum err clear_tries(struct store *s, struct collected *c)
{
	enum err e;

	c->n = 0;
	e = store_try_each(s, 0, NULL, collect_try, c);
	for (size_t i = 0; e == ERR_OK && i < c->n; i++)
		e = store_try_remove(s, c->tries[i]);
	return e;
}

enum err lockout_clear(struct store *s, int64_t person, int *n)
{
	struct collected c = { .person = person };
	int cleared = 0;
	enum err e;

	if (person == 0)
		return fail(ERR_INVALID, "no person to clear");
	do {
		e = clear_buckets(s, &c);
		cleared += (int)c.n;
	} while (e == ERR_OK && c.n > 0);
	do {
		if (e == ERR_OK)
			e = clear_tries(s, &c);
	} while (e == ERR_OK && c.n > 0);
	if (e == ERR_OK)
		*n = cleared;
	return e;
}
