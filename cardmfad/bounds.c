/* SPDX-License-Identifier: Apache-2.0 */
#include "bounds.h"

static size_t slot(int64_t group)
{
	uint64_t h = (uint64_t)group * 0x9E3779B97F4A7C15u;

	return (size_t)(h >> 56) % BOUNDS_GROUPS;
}

int bounds_next(const struct bounds_queue *q, const struct bounds_waiter *const *w, size_t n)
{
	int best = -1;

	if (q->taken >= q->places)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!w[i] || !w[i]->waiting)
			continue;
		if (best >= 0) {
			uint64_t mine = q->served[slot(w[i]->group)], his = q->served[slot(w[best]->group)];

			if (mine > his || (mine == his && w[i]->since > w[best]->since))
				continue;
		}
		best = (int)i;
	}
	return best;
}

void bounds_take(struct bounds_queue *q, int64_t group)
{
	q->taken++;
	q->served[slot(group)] = ++q->clock;
}

void bounds_release(struct bounds_queue *q)
{
	if (q->taken)
		q->taken--;
}

void bounds_wait(struct bounds_queue *q, struct bounds_waiter *w, int64_t group)
{
	w->waiting = true;
	w->group = group;
	w->since = ++q->clock;
}
