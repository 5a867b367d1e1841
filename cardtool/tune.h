/* SPDX-License-Identifier: Apache-2.0 */
/* Which cost of a password hash fits a machine: measures, and chooses the most memory, then the most passes. Knows no screen. */
#ifndef CARDMFA_TUNE_H
#define CARDMFA_TUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pwhash.h"

#define TUNE_RUNS 5             /* of which the median counts */
#define TUNE_ROWS_MAX 32
/* OWASP's least: below 46 MiB two passes. */
#define TUNE_LEAST ((struct pwhash_cost){ .m_kib = PWHASH_M_MIN, .t = 2 })

struct tune_row {
	struct pwhash_cost cost;
	int64_t ms;             /* median */
	int runs;               /* fewer than TUNE_RUNS where time ran out */
};

struct tune {
	uint32_t memory_kib;    /* budget: PWHASH_M_MIN .. PWHASH_M_MAX */
	int64_t time_ms;        /* budget */
	int64_t deadline;       /* clock.h: no run begins after it */
	size_t n;
	struct tune_row rows[TUNE_ROWS_MAX];
	struct tune_row best;   /* TUNE_LEAST when nothing fits */
	bool fits;              /* best keeps the budget */
	bool complete;          /* all that was to be measured was */
};

/* One run of one hash. ERR_MEMORY: that much can't be had, then larger ones are left out. */
typedef enum err (*tune_measure)(struct pwhash_cost cost, int64_t *ms, void *arg);

/* Fills rows, best, fits, complete; budgets and deadline are the caller's. ERR_OK or the measure's error. */
MUST_USE enum err tune_run(struct tune *t, tune_measure measure, void *arg);

/* "64MiB" within the bounds of argon2-memory; "500ms", "2s" within 20 ms and 5 s. */
MUST_USE bool tune_memory(const char *typed, uint32_t *ret_kib);
MUST_USE bool tune_time(const char *typed, int64_t *ret_ms);

#endif
