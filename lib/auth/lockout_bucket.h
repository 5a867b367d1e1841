/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of one bucket of failures: what counts, since when, until when. No store. */
#ifndef CARDMFA_LOCKOUT_BUCKET_H
#define CARDMFA_LOCKOUT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "store.h"

struct lockout_bucket {
	bool counts;            /* the try at hand is charged here */
	int64_t limit, lock_ms;
	struct bucket_row row;
	int64_t pending;        /* live tries */
	int64_t lost;           /* dead tries that only their own person's next try settles */
};

/* Milliseconds from then to now within [0, full_ms], over reboots and stepped clocks. */
int64_t lockout_bucket_age_ms(const struct moment *then, const struct moment *now, int64_t full_ms);

/* One more failure, of the moment `at`. A bucket that had expired by then starts anew. */
void lockout_bucket_charge(struct bucket_row *b, const struct moment *at, const struct moment *now,
			   int64_t lock_ms);

/* Failures that count now: those of the row unless it has expired, and the lost ones. */
int64_t lockout_bucket_failed(const struct lockout_bucket *b, const struct moment *now);

/* UTC second at which these failures are forgotten. */
int64_t lockout_bucket_freed_at(const struct lockout_bucket *b, const struct moment *now);

/* What an address counts as: itself, the /64 of IPv6, "other" for what is none; "" stays "". */
void lockout_bucket_address(const char *address, char dst[STORE_ADDRESS_SIZE]);

/* Its origin in a row of person 0: "addr:ADDRESS". */
void lockout_bucket_origin(const char *address, char dst[STORE_ORIGIN_SIZE]);

#endif
