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

/* One that holds another asks for more than is needed. */
static void add_way(struct login_sim *r, unsigned missing)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_ways; i++)
		if ((r->ways[i] & missing) == r->ways[i])
			return;
	for (size_t i = 0; i < r->n_ways; i++)
		if ((r->ways[i] & missing) != missing)
			r->ways[n++] = r->ways[i];
	r->ways[n++] = missing;
	r->n_ways = n;
}

static unsigned shortest(const struct login_sim *r)
{
	unsigned best = r->n_ways ? r->ways[0] : 0;

	for (size_t i = 1; i < r->n_ways; i++)
		if (login_sim_count(r->ways[i]) < login_sim_count(best))
			best = r->ways[i];
	return best;
}

static unsigned kinds_of(const struct policy_class *c, const struct alternative *a, struct login_sim_place at)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < a->n; i++) {
		enum factor f = a->factors[i];

		if (f == FACTOR_SESSION)
			kinds |= at.session_kinds;
		else if (f == FACTOR_CARD && at.ssh && c->ssh_card == SSH_CARD_POSSESSION)
			kinds |= KIND_POSSESSION;
		else
			kinds |= factor_kinds(f);
	}
	return kinds;
}

static bool is_offered(const struct policy_class *c, const struct alternative *a, struct login_sim_place at)
{
	bool session = alternative_has(a, FACTOR_SESSION);

	return alternative_offered(a, (struct login_place){ at.remote, at.ssh, at.session_kinds != 0 }) &&
	       (!session || login_sim_count(kinds_of(c, a, at)) > 1);
}

/* Then nothing is asked for that the session has proved already. */
static bool builds_on_session(const struct policy_class *c, struct login_sim_place at)
{
	for (size_t i = 0; i < c->n_alternatives; i++)
		if (alternative_has(&c->alternatives[i], FACTOR_SESSION) && is_offered(c, &c->alternatives[i], at))
			return true;
	return false;
}

void login_sim_run(const struct policy_class *c, struct login_sim_place at, unsigned has, struct login_sim *ret)
{
	struct login_sim r = { .kinds = NO_KINDS };
	bool in_session = builds_on_session(c, at);

	has |= in_session ? FACTOR_BIT(FACTOR_SESSION) : 0;
	for (size_t i = 0; i < c->n_alternatives; i++) {
		const struct alternative *a = &c->alternatives[i];
		unsigned missing = factors_of(a) & ~has, kinds = kinds_of(c, a, at);

		if (!is_offered(c, a, at) || (in_session && !alternative_has(a, FACTOR_SESSION)))
			continue;
		if (!missing && (!r.possible || login_sim_count(kinds) < login_sim_count(r.kinds))) {
			r.possible = true;
			r.kinds = kinds;
		}
		add_way(&r, missing);
		r.offered = true;
	}
	if (r.possible)
		r.n_ways = 0;
	else
		r.kinds = 0;
	r.missing = shortest(&r);
	*ret = r;
}
