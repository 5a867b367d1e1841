/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle.h"

#include "card_id.h"
#include "clock.h"
#include "rules.h"

#define NOW INT64_C(1795000000)

static const enum card_state states[] = {
	CARD_ISSUED, CARD_ACTIVE, CARD_SUSPENDED, CARD_REVOKED, CARD_FOUND, CARD_COLLECTED,
		CARD_DESTROYED,
};
#define STATES (sizeof(states) / sizeof(states[0]))

/* Rows: from; columns: to; in the order of states[]. */
static const char *const steps[STATES] = {
	".A.R...",
	"..SR...",
	".A.R...",
	"....FC.",
	".....C.",
	"......D",
	".......",
};

static struct card_row add_card(enum card_state state)
{
	static unsigned char serial;
	struct card_row c = {
		.person = rules_person("taro", 1000), .key_ref = 0x9A, .algorithm = KEY_P256,
			.spki_len = 64,
		.state = state, .not_after = -1, .enrolled_at = NOW, .changed_at = NOW,
		.revoked_at = -1, .reported_at = -1, .last_used_at = -1,
	};
	const unsigned char values[7] = { ++serial % 31, 1, 2, 3, 4, 5, 6 };

	memcpy(c.spki, "\x30\x3e", 2);           /* DER: a SEQUENCE of 62 bytes */
	c.spki[2] = c.spki_sha256[0] = serial;
	assert_int_equal(card_id_make(values, &c.card_id), ERR_OK);
	rules_begin();
	assert_int_equal(store_card_add(rules_store, &c), ERR_OK);
	rules_commit();
	return c;
}

static enum err move(struct card_row *c, struct lifecycle_step step, bool *changed)
{
	enum err e;

	rules_begin();
	e = lifecycle_move(rules_store, c, &step, changed);
	if (e == ERR_OK)
		rules_commit();
	else
		store_rollback(rules_store);
	return e;
}

static struct lifecycle_step to(enum card_state state)
{
	return (struct lifecycle_step){
		.to = state, .reason = state == CARD_REVOKED ? REASON_LOST : REASON_NONE,
			.reported_at = -1,
	};
}

static void only_the_table_is_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < STATES; i++)
		for (size_t j = 0; j < STATES; j++)
			assert_int_equal(lifecycle_allows(states[i], states[j]),
					 steps[i][j] != '.');
	assert_false(lifecycle_allows(0, CARD_ACTIVE));
	assert_false(lifecycle_allows(CARD_ACTIVE, 0));
	assert_false(lifecycle_allows(CARD_DESTROYED + 1, CARD_ACTIVE));
	assert_false(lifecycle_allows(CARD_ACTIVE, (enum card_state)40));
	assert_false(lifecycle_allows((enum card_state)-1, CARD_ACTIVE));
}

/* Whatever way a revoked card goes, none of the states it can reach is active. */
static void a_revoked_card_never_becomes_active(void **state)
{
	bool reached[STATES] = { [3] = true };

	(void)state;
	for (size_t round = 0; round < STATES; round++)
		for (size_t i = 0; i < STATES; i++)
			for (size_t j = 0; j < STATES; j++)
				reached[j] |= reached[i] && lifecycle_allows(states[i], states[j]);
	assert_false(reached[0] || reached[1] || reached[2]);
	assert_true(reached[4] && reached[5] && reached[6]);
}

static void only_an_active_card_is_usable(void **state)
{
	static const enum err answers[STATES] = {
		ERR_DENIED, ERR_OK, ERR_SUSPENDED, ERR_REVOKED, ERR_REVOKED, ERR_REVOKED,
			ERR_REVOKED,
	};
	struct card_row c = { .not_after = -1 };

	(void)state;
	for (size_t i = 0; i < STATES; i++) {
		c.state = states[i];
		assert_int_equal(lifecycle_usable(&c, NOW), answers[i]);
	}
	c.state = 0;
	assert_int_equal(lifecycle_usable(&c, NOW), ERR_DENIED);
	c.state = (enum card_state)99;
	assert_int_equal(lifecycle_usable(&c, NOW), ERR_DENIED);
	c.state = CARD_ACTIVE;
	c.not_after = NOW;
	assert_int_equal(lifecycle_usable(&c, NOW), ERR_OK);
	assert_int_equal(lifecycle_usable(&c, NOW + 1), ERR_EXPIRED);
	c.state = CARD_REVOKED;
	assert_int_equal(lifecycle_usable(&c, NOW + 1), ERR_REVOKED);
}

static void a_whole_life(void **state)
{
	static const enum card_state life[] = {
		CARD_ACTIVE, CARD_SUSPENDED, CARD_ACTIVE, CARD_REVOKED, CARD_FOUND, CARD_COLLECTED,
			CARD_DESTROYED,
	};
	struct card_row c = add_card(CARD_ISSUED), stored;

	(void)state;
	for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++) {
		bool changed = false;

		assert_int_equal(move(&c, to(life[i]), &changed), ERR_OK);
		assert_true(changed);
		assert_int_equal(store_card_by_id(rules_store, c.id, &stored), ERR_OK);
		assert_int_equal(stored.state, life[i]);
		assert_int_equal(stored.reason, i >= 3 ? REASON_LOST : REASON_NONE);
		assert_int_equal(stored.revoked_at == -1, i < 3);
		assert_string_equal(stored.reported_by, "");
		assert_in_range(stored.changed_at, clock_real_s() - 60, clock_real_s());
	}
}

static void a_revocation_is_kept_and_idempotent(void **state)
{
	struct card_row c = add_card(CARD_ACTIVE), first, stored;
	const struct lifecycle_step lost = { CARD_REVOKED, REASON_LOST, NOW - 120, "税務課 田中" };
	const struct lifecycle_step again = { CARD_REVOKED, REASON_STOLEN, NOW, "someone else" };
	bool changed = false;

	(void)state;
	assert_int_equal(move(&c, lost, &changed), ERR_OK);
	assert_true(changed);
	first = c;
	assert_int_equal(move(&c, again, &changed), ERR_OK);
	assert_false(changed);
	assert_memory_equal(&c, &first, sizeof(c));
	assert_int_equal(store_card_by_id(rules_store, c.id, &stored), ERR_OK);
	assert_int_equal(stored.reason, REASON_LOST);
	assert_int_equal(stored.reported_at, NOW - 120);
	assert_string_equal(stored.reported_by, "税務課 田中");
}

static void each_reason_is_kept(void **state)
{
	for (enum card_reason reason = REASON_LOST; reason <= REASON_TRANSFERRED; reason++) {
		const struct lifecycle_step step = { CARD_REVOKED, reason, -1, NULL };
		struct card_row c = add_card(CARD_ACTIVE), stored;
		bool changed = false;

		assert_int_equal(move(&c, step, &changed), ERR_OK);
		assert_true(changed);
		assert_int_equal(store_card_by_id(rules_store, c.id, &stored), ERR_OK);
		assert_int_equal(stored.reason, reason);
		assert_int_equal(rules_teardown(state), 0);
		assert_int_equal(rules_setup(state), 0);
	}
}

static void the_reporter_has_at_most_two_labels_of_text(void **state)
{
	char name[130];
	struct card_row c = add_card(CARD_ACTIVE), stored;
	bool changed = false;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[129] = '\0';
	assert_int_equal(move(&c, (struct lifecycle_step){ CARD_REVOKED, REASON_LOST, -1, name }, &changed), ERR_INVALID);
	assert_false(changed);
	name[128] = '\0';
	assert_int_equal(move(&c, (struct lifecycle_step){ CARD_REVOKED, REASON_LOST, -1, name }, &changed), ERR_OK);
	assert_int_equal(store_card_by_id(rules_store, c.id, &stored), ERR_OK);
	assert_string_equal(stored.reported_by, name);
}

static void bad_steps_change_nothing(void **state)
{
	static const struct {
		struct lifecycle_step step;
		enum err e;
	} cases[] = {
		{ { CARD_REVOKED, REASON_NONE, -1, NULL }, ERR_INVALID },
		{ { CARD_REVOKED, REASON_TRANSFERRED + 1, -1, NULL }, ERR_INVALID },
		{ { CARD_REVOKED, REASON_LOST, -1, "a\nb" }, ERR_INVALID },
		{ { CARD_REVOKED, REASON_LOST, -1, "\xff" }, ERR_INVALID },
		{ { CARD_REVOKED, REASON_LOST, -1, " a" }, ERR_INVALID },
		{ { CARD_SUSPENDED, REASON_LOST, -1, NULL }, ERR_INVALID },
		{ { 0, REASON_NONE, -1, NULL }, ERR_INVALID },
		{ { CARD_DESTROYED + 1, REASON_NONE, -1, NULL }, ERR_INVALID },
		{ { CARD_DESTROYED, REASON_NONE, -1, NULL }, ERR_BAD_STATE },
		{ { CARD_ISSUED, REASON_NONE, -1, NULL }, ERR_BAD_STATE },
	};
	struct card_row c = add_card(CARD_ACTIVE), before = c, stored;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool changed = true;

		assert_int_equal(move(&c, cases[i].step, &changed), cases[i].e);
		assert_true(changed);
		assert_memory_equal(&c, &before, sizeof(c));
	}
	assert_int_equal(store_card_by_id(rules_store, c.id, &stored), ERR_OK);
	assert_int_equal(stored.state, CARD_ACTIVE);
}

/* Who acts on an old view of the card is told so. */
static void an_old_view_is_refused(void **state)
{
	struct card_row c = add_card(CARD_ACTIVE), old = c, stored;
	bool changed;

	(void)state;
	assert_int_equal(move(&c, to(CARD_REVOKED), &changed), ERR_OK);
	assert_int_equal(move(&old, to(CARD_SUSPENDED), &changed), ERR_BAD_STATE);
	assert_int_equal(old.state, CARD_ACTIVE);
	assert_int_equal(store_card_by_id(rules_store, c.id, &stored), ERR_OK);
	assert_int_equal(stored.state, CARD_REVOKED);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(only_the_table_is_allowed),
		cmocka_unit_test(a_revoked_card_never_becomes_active),
		cmocka_unit_test(only_an_active_card_is_usable),
		RULES_TEST(a_whole_life),
		RULES_TEST(a_revocation_is_kept_and_idempotent),
		RULES_TEST(each_reason_is_kept),
		RULES_TEST(the_reporter_has_at_most_two_labels_of_text),
		RULES_TEST(bad_steps_change_nothing),
		RULES_TEST(an_old_view_is_refused),
	};

	rules_drop_root();
	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
