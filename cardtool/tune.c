/* SPDX-License-Identifier: Apache-2.0 */
#include "tune.h"

#include <string.h>

#include "clock.h"
#include "text.h"

#define MIB 1024
#define ONE_PASS_FROM (46 * MIB)
#define T_MAX 32

static bool with_unit(const char *typed, const char *unit, int64_t min, int64_t max, int64_t *ret)
{
	size_t len = strspn(typed, "0123456789");
	char number[16];

	return strcmp(typed + len, unit) == 0 && text_copy_n(number, sizeof(number), typed, len) &&
	       text_to_i64(number, min, max, ret);
}

bool tune_memory(const char *typed, uint32_t *ret_kib)
{
	int64_t mib;

	if (!with_unit(typed, "MiB", PWHASH_M_MIN / MIB, PWHASH_M_MAX / MIB, &mib))
		return false;
	*ret_kib = (uint32_t)mib * MIB;
	return true;
}

bool tune_time(const char *typed, int64_t *ret_ms)
{
	int64_t n;

	if (with_unit(typed, "s", 1, 5, &n))
		n *= 1000;
	else if (!with_unit(typed, "ms", 20, 5000, &n))
		return false;
	*ret_ms = n;
	return true;
}

static void sort_in(int64_t *list, int n, int64_t value)
{
	int i = n;

	for (; i > 0 && list[i - 1] > value; i--)
		list[i] = list[i - 1];
	list[i] = value;
}

/* The median of some runs as a new row; no row when time is over. */
static enum err measure_row(struct tune *t, struct pwhash_cost cost, tune_measure measure, void *arg)
{
	struct tune_row row = { .cost = cost };
	int64_t ms[TUNE_RUNS];

	for (; row.runs < TUNE_RUNS && deadline_left(t->deadline); row.runs++) {
		int64_t one;
		enum err e = measure(cost, &one, arg);

		if (e)
			return e;
		sort_in(ms, row.runs, one);
	}
	t->complete = t->complete && row.runs == TUNE_RUNS;
	if (!row.runs || t->n == TUNE_ROWS_MAX)
		return ERR_CANCELLED;
	row.ms = ms[row.runs / 2];
	t->rows[t->n++] = row;
	return ERR_OK;
}

/* How many passes would just take the time, by what was measured. */
static uint32_t passes_for(const struct tune *t, const struct tune_row *row, uint32_t least)
{
	int64_t passes = row->cost.t * t->time_ms / (row->ms > 0 ? row->ms : 1);

	return passes > T_MAX ? T_MAX : passes < least ? least : (uint32_t)passes;
}

static void take_if_fits(struct tune *t, const struct tune_row *row)
{
	if (row->ms > t->time_ms)
		return;
	t->best = *row;
	t->fits = true;
}

/*
 * One memory: the least passes, then as many as should just fit by what was measured, until that is known: a number of
 * passes that fits and the next that was measured, or is told by measuring, not to.
 */
static enum err measure_memory(struct tune *t, uint32_t m_kib, tune_measure measure, void *arg)
{
	const uint32_t least = m_kib < ONE_PASS_FROM ? 2 : 1;
	struct pwhash_cost cost = { .m_kib = m_kib, .t = least };
	uint32_t fits = least - 1, too_many = T_MAX + 1;

	while (cost.t > fits && cost.t < too_many) {
		enum err e = measure_row(t, cost, measure, arg);

		if (e)
			return e;

		const struct tune_row *row = &t->rows[t->n - 1];

		take_if_fits(t, row);
		if (row->ms <= t->time_ms)
			fits = cost.t;
		else
			too_many = cost.t;
		cost.t = passes_for(t, row, least);
		if (cost.t >= too_many)
			cost.t = too_many - 1;
	}
	return ERR_OK;
}

enum err tune_run(struct tune *t, tune_measure measure, void *arg)
{
	static const uint32_t steps[] = { PWHASH_M_MIN, 32 * MIB, 64 * MIB, 128 * MIB, 256 * MIB };
	enum err e = ERR_OK;

	t->n = 0;
	t->fits = false;
	t->complete = true;
	t->best = (struct tune_row){ .cost = TUNE_LEAST };
	for (size_t i = 0; !e && i < sizeof(steps) / sizeof(steps[0]) && steps[i] < t->memory_kib; i++)
		e = measure_memory(t, steps[i], measure, arg);
	if (!e)
		e = measure_memory(t, t->memory_kib, measure, arg);
	if (!t->fits && t->n)
		t->best = t->rows[0];
	/* Over in time, or no such memory: what was measured before stands. */
	t->complete = t->complete && !e;
	return t->n && (e == ERR_CANCELLED || e == ERR_MEMORY) ? ERR_OK : e;
}
