/* SPDX-License-Identifier: Apache-2.0 */
#include "login_sim.h"
#include "unit.h"

#define CARD FACTOR_BIT(FACTOR_CARD)
#define NOPIN FACTOR_BIT(FACTOR_CARD_NOPIN)
#define TOTP FACTOR_BIT(FACTOR_TOTP)
#define PASSWORD FACTOR_BIT(FACTOR_PASSWORD)

static const struct policy_class desk = {
	.n_alternatives = 2,
	.alternatives = { { 2, { FACTOR_CARD, FACTOR_TOTP } }, { 2, { FACTOR_CARD, FACTOR_PASSWORD } } },
};
static const struct policy_class field = {
	.n_alternatives = 2,
	.alternatives = { { 3, { FACTOR_CARD, FACTOR_PASSWORD, FACTOR_TOTP } }, { 2, { FACTOR_PASSWORD, FACTOR_TOTP } } },
};
static const struct policy_class chained = {
	.n_alternatives = 1, .alternatives = { { 2, { FACTOR_SESSION, FACTOR_PASSWORD } } },
};
static const struct policy_class weak = {
	.n_alternatives = 2, .alternatives = { { 1, { FACTOR_CARD } }, { 1, { FACTOR_PASSWORD } } },
};

static const struct policy_class choice = {
	.n_alternatives = 3,
	.alternatives = { { 2, { FACTOR_CARD, FACTOR_TOTP } }, { 2, { FACTOR_PASSWORD, FACTOR_TOTP } }, { 1, { FACTOR_TOTP } } },
};

static void every_way_in_is_told(void **state)
{
	static const struct {
		const struct policy_class *class_of;
		bool remote;
		unsigned has;
		size_t n;
		unsigned ways[2], missing;
	} cases[] = {
		{ &desk, false, CARD, 2, { TOTP, PASSWORD }, TOTP },
		{ &desk, false, 0, 2, { CARD | TOTP, CARD | PASSWORD }, CARD | TOTP },
		{ &desk, false, TOTP, 1, { CARD }, CARD },              /* not card and password */
		{ &desk, false, CARD | TOTP, 0, { 0 }, 0 },             /* nothing lacks */
		{ &desk, true, 0, 0, { 0 }, 0 },                        /* no way there */
		{ &field, false, CARD, 1, { PASSWORD | TOTP }, PASSWORD | TOTP },       /* the same twice */
		{ &field, false, 0, 1, { PASSWORD | TOTP }, PASSWORD | TOTP },
		{ &weak, false, 0, 2, { CARD, PASSWORD }, CARD },
		{ &choice, false, 0, 1, { TOTP }, TOTP },               /* the last one does away with both before it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct login_sim r;

		login_sim_run(cases[i].class_of, (struct login_sim_place){ .remote = cases[i].remote }, cases[i].has, &r);
		assert_int_equal(r.n_ways, cases[i].n);
		assert_memory_equal(r.ways, cases[i].ways, cases[i].n * sizeof(r.ways[0]));
		assert_int_equal(r.missing, cases[i].missing);
	}
}

static void logins(void **state)
{
	static const struct {
		const struct policy_class *class_of;
		bool remote;
		unsigned has;
		bool offered, possible;
		unsigned n_kinds, missing;
	} cases[] = {
		{ &desk, false, CARD | TOTP, true, true, 2, 0 },
		{ &desk, false, CARD | PASSWORD, true, true, 2, 0 },
		{ &desk, false, CARD, true, false, 0, TOTP },           /* the first of those that lack least */
		{ &desk, false, PASSWORD, true, false, 0, CARD },
		{ &desk, false, 0, true, false, 0, CARD | TOTP },
		{ &desk, false, NOPIN | TOTP, true, false, 0, CARD },   /* a key without PIN is no card */
		{ &desk, true, CARD | TOTP | PASSWORD, false, false, 0, 0 },
		{ &field, true, PASSWORD | TOTP, true, true, 2, 0 },
		{ &field, true, CARD | PASSWORD, true, false, 0, TOTP },
		{ &field, false, PASSWORD | TOTP, true, true, 2, 0 },
		{ &chained, false, PASSWORD, false, false, 0, 0 },
		{ &weak, false, CARD | PASSWORD, true, true, 1, 0 },    /* the weaker way counts */
		{ &weak, false, CARD, true, true, 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct login_sim r;

		login_sim_run(cases[i].class_of, (struct login_sim_place){ .remote = cases[i].remote }, cases[i].has, &r);
		assert_int_equal(r.offered, cases[i].offered);
		assert_int_equal(r.possible, cases[i].possible);
		assert_int_equal(login_sim_count(r.kinds), cases[i].n_kinds);
		if (!r.possible)
			assert_int_equal(r.missing, cases[i].missing);
	}
}

static const struct policy_class by_key = {
	.ssh_card = SSH_CARD_POSSESSION, .n_alternatives = 1, .alternatives = { { 2, { FACTOR_CARD, FACTOR_PASSWORD } } },
};
static const struct policy_class by_key_alone = {
	.ssh_card = SSH_CARD_POSSESSION, .n_alternatives = 1, .alternatives = { { 1, { FACTOR_CARD } } },
};
static const struct policy_class within = {
	.n_alternatives = 3,
	.alternatives = { { 2, { FACTOR_SESSION, FACTOR_TOTP } }, { 2, { FACTOR_CARD, FACTOR_PASSWORD } }, { 2, { FACTOR_CARD, FACTOR_TOTP } } },
};

#define BOTH (KIND_KNOWLEDGE | KIND_POSSESSION)

static void over_ssh_and_within_a_session(void **state)
{
	static const struct {
		const struct policy_class *class_of;
		struct login_sim_place at;
		unsigned has;
		bool offered, possible;
		unsigned n_kinds, missing;
	} cases[] = {
		{ &desk, { true, true, 0 }, CARD | TOTP, true, true, 2, 0 },
		{ &desk, { true, true, 0 }, TOTP, true, false, 0, CARD },
		{ &by_key, { true, true, 0 }, CARD | PASSWORD, true, true, 2, 0 },
		{ &by_key_alone, { true, true, 0 }, CARD, true, true, 1, 0 },
		{ &by_key_alone, { false, false, 0 }, CARD, true, true, 2, 0 },
		{ &chained, { true, false, BOTH }, PASSWORD, true, true, 2, 0 },
		{ &chained, { true, false, BOTH }, 0, true, false, 0, PASSWORD },
		{ &chained, { true, false, KIND_KNOWLEDGE }, PASSWORD, false, false, 0, 0 },    /* the same kind twice */
		{ &chained, { true, false, KIND_POSSESSION }, PASSWORD, true, true, 2, 0 },
		{ &within, { false, false, BOTH }, TOTP, true, true, 2, 0 },
		{ &within, { false, false, BOTH }, CARD | PASSWORD, true, false, 0, TOTP },     /* the card is not asked for again */
		{ &within, { false, false, 0 }, CARD | PASSWORD, true, true, 2, 0 },
		{ &within, { true, false, 0 }, CARD | TOTP | PASSWORD, false, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct login_sim r;

		login_sim_run(cases[i].class_of, cases[i].at, cases[i].has, &r);
		assert_int_equal(r.offered, cases[i].offered);
		assert_int_equal(r.possible, cases[i].possible);
		assert_int_equal(login_sim_count(r.kinds), cases[i].n_kinds);
		assert_int_equal(r.missing, cases[i].missing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins), cmocka_unit_test(every_way_in_is_told), cmocka_unit_test(over_ssh_and_within_a_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
