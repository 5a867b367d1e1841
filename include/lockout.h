/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting of guesses. MUST: count durably before a verifier runs; judge a pending try of a
 * dead process a failure; be freed by time. MUST NOT: let one origin lock another; be loosened by a stepped clock.
 */
#ifndef CARDMFA_LOCKOUT_H
#define CARDMFA_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "store.h"

struct lockout_limits {
	unsigned attempts;              /* per person and origin */
	int64_t lock_s;
	unsigned address_attempts;      /* per remote address across names */
	int64_t address_lock_s;
	/* The longest lock_s of any class, 0: lock_s. The bucket is shared: a short one must not empty it. */
	int64_t keep_s;
};

struct lockout_ticket {
	int64_t try_id;                 /* 0: none */
	int64_t person;
	char origin[STORE_ORIGIN_SIZE];
	char address[STORE_ADDRESS_SIZE];
};

/*
 * One durable write reserves a try in the person's bucket of this origin (person 0: none, the card was not proved) and
 * in the bucket of the address ("" for local: none). Failed >= limit: ERR_LOCKED, *until_s (UTC) says to
 * when. Failed + pending >= limit: waits, to the deadline, for a pending one: ERR_BUSY then. Owner of
 * the try: this process (pid, start time). Opens its own transactions; none is held while it waits.
 */
MUST_USE enum err lockout_reserve(struct store *s, int64_t person, const char *origin, const char *address,
				  const struct lockout_limits *limits, int64_t deadline,
				  struct lockout_ticket *ret, int64_t *until_s);

/* In the caller's transaction. The try becomes a failure in its buckets; *full: the person's bucket has just become full. */
MUST_USE enum err lockout_failed(struct store *s, const struct lockout_ticket *t,
				 const struct lockout_limits *limits, bool *full);

/* In the caller's verdict transaction: the try is returned, the bucket of its own origin is cleared; the address' is not. ERR_DENIED when the try is gone (judged dead): no success then. */
MUST_USE enum err lockout_succeeded(struct store *s, const struct lockout_ticket *t);

/* In the caller's transaction: the machinery failed before anything was verified: returned without a trace. */
MUST_USE enum err lockout_returned(struct store *s, const struct lockout_ticket *t);

/* Without writing: ERR_OK, or ERR_LOCKED with *until_s (untouched otherwise). Pending tries are not counted. */
MUST_USE enum err lockout_state(struct store *s, int64_t person, const char *origin,
				const struct lockout_limits *limits, int64_t *until_s);

/* In the caller's transaction: every bucket and try of a person (cardtool unlock). *n: how many buckets. */
MUST_USE enum err lockout_clear(struct store *s, int64_t person, int *n);

#endif
