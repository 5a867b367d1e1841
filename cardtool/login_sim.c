/* SPDX-License-Identifier: Apache-2.0 */
#include "login_sim.h"

#define NO_KINDS 8u             /* above every set of kinds */

unsigned login_sim_count(unsigned set)
{
	unsigned n = 0;

	for (; set; set &= set - 1)
		n++;
	return n;
}

static unsigned factors_of(const struct alternative *a)
{
	unsigned set = 0;

	for (size_t i = 0; i < a->n; i++)
		set |= FACTOR_BIT(a->factors[i]);
	return set;
}

void login_sim_run(const struct policy_class *c, bool remote, unsigned has, struct login_sim *ret)
{
	struct login_sim r = { .kinds = NO_KINDS };
	unsigned least = 0;

	for (size_t i = 0; i < c->n_alternatives; i++) {
		const struct alternative *a = &c->alternatives[i];
		unsigned missing = factors_of(a) & ~has, kinds = alternative_kinds(a);

		if (!alternative_offered(a, remote))
			continue;
		if (!missing && (!r.possible || login_sim_count(kinds) < login_sim_count(r.kinds))) {
			r.possible = true;
			r.kinds = kinds;
		}
		if (!r.offered || login_sim_count(missing) < least) {
			r.missing = missing;
			least = login_sim_count(missing);
		}
		r.offered = true;
	}
	if (!r.possible)
		r.kinds = 0;
	*ret = r;
}
