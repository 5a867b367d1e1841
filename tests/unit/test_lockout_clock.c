/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting under clocks that jump, sleep and restart. Needs clock_hook(): empty in a build without
 * hooks.
 */
#ifdef CARDMFA_TEST_HOOKS
#include "lockout.h"

#include "../../lib/auth/lockout_owner.h"
#include "clock.h"
#include "rules.h"

#define DAY INT64_C(86400)
#define START INT64_C(1795000000)       /* 2026-11-18 */
#define BOOT_A "11111111-1111-4111-8111-111111111111"
#define BOOT_B "22222222-2222-4222-8222-222222222222"
#define LOCK_S 900
#define DEADLINE 0                      /* the clock stands still: nothing waits */

static const struct lockout_limits limits = {
	.attempts = 3, .lock_s = LOCK_S, .address_attempts = 20, .address_lock_s = LOCK_S,
};

/* Other settings of CLOCK_REALTIME: A41's list. */
static const struct step {
	const char *name;
	int64_t real_s;
} steps[] = {
	{ "a day back", START - DAY }, { "a day ahead", START + DAY }, { "1970", 0 },
	{ "2038", INT64_C(2147483647) }, { "2106", INT64_C(4294967295) },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static struct moment now;

static void set_clock(const char *boot_id, int64_t uptime_s, int64_t real_s)
{
	strcpy(now.boot_id, boot_id);
	now.boot_ms = uptime_s * 1000;
	now.real_s = real_s;
	clock_hook(&now);
}

static int setup(void **state)
{
	set_clock(BOOT_A, 100000, START);
	return rules_setup(state);
}

static int teardown(void **state)
{
	clock_hook(NULL);
	return rules_teardown(state);
}

static enum err state_of(int64_t person, int64_t *until)
{
	return lockout_state(rules_store, person, "local", &limits, until);
}

static enum err reserve(int64_t person, struct lockout_ticket *t)
{
	int64_t until;

	return lockout_reserve(rules_store, person, "local", "", &limits, DEADLINE, t, &until);
}

static void fails(int n, int64_t person)
{
	while (n-- > 0) {
		struct lockout_ticket t;
		bool full;

		assert_int_equal(reserve(person, &t), ERR_OK);
		rules_begin();
		assert_int_equal(lockout_failed(rules_store, &t, &limits, &full), ERR_OK);
		rules_commit();
	}
}

static int64_t failed(int64_t person)
{
	struct bucket_row b;

	assert_int_equal(store_bucket_get(rules_store, person, "local", &b), ERR_OK);
	return b.failed;
}

/* Both ways to ask agree; a free one is given back. */
static void assert_locked(int64_t person, bool locked)
{
	struct lockout_ticket t;
	int64_t until = -1;

	assert_int_equal(state_of(person, &until), locked ? ERR_LOCKED : ERR_OK);
	if (locked) {
		assert_in_range(until, now.real_s, now.real_s + LOCK_S);
		assert_int_equal(reserve(person, &t), ERR_LOCKED);
		return;
	}
	assert_int_equal(reserve(person, &t), ERR_OK);
	rules_begin();
	assert_int_equal(lockout_returned(rules_store, &t), ERR_OK);
	rules_commit();
}

/* The bucket is shared by all classes: one with a short lock must not empty what one with a long lock counted. */
static void a_short_lock_does_not_empty_the_bucket_of_a_long_one(void **state)
{
	struct lockout_limits brief = limits;
	struct lockout_ticket t;
	int64_t until = 0;
	bool full;

	(void)state;
	brief.lock_s = 60;
	brief.keep_s = LOCK_S;
	fails(3, 1);
	set_clock(BOOT_A, 100061, START + 61);
	assert_int_equal(lockout_reserve(rules_store, 1, "local", "", &brief, DEADLINE, &t, &until), ERR_OK);
	rules_begin();
	assert_int_equal(lockout_failed(rules_store, &t, &brief, &full), ERR_OK);
	rules_commit();
	assert_int_equal(failed(1), 4);
	assert_locked(1, true);
}

static void time_frees(void **state)
{
	int64_t until = 0;

	(void)state;
	fails(3, 7);
	assert_int_equal(state_of(7, &until), ERR_LOCKED);
	assert_int_equal(until, START + LOCK_S);
	set_clock(BOOT_A, 100000 + LOCK_S - 1, START + LOCK_S - 1);
	assert_locked(7, true);
	set_clock(BOOT_A, 100000 + LOCK_S, START + LOCK_S);
	assert_locked(7, false);
	fails(1, 7);
	assert_int_equal(failed(7), 1);
}

/* Failures apart by more than the lock do not add up; the last one counts for the time. */
static void an_expired_bucket_starts_at_one(void **state)
{
	struct lockout_ticket t;
	bool full = true;

	(void)state;
	fails(2, 7);
	assert_int_equal(reserve(7, &t), ERR_OK);
	set_clock(BOOT_A, 100000 + LOCK_S, START + LOCK_S);
	rules_begin();
	assert_int_equal(lockout_failed(rules_store, &t, &limits, &full), ERR_OK);
	rules_commit();
	assert_false(full);
	assert_int_equal(failed(7), 1);
	set_clock(BOOT_A, 100000 + 2 * LOCK_S - 1, START);
	fails(1, 7);
	assert_int_equal(failed(7), 2);
}

/*
 * A41: stepped while running: only uptime (which counts suspend) frees. Over a reboot, a clock set
 * back frees nobody and locks nobody for longer than LOCK_S of uptime; one set ahead ends the lock
 * early, once: that is the documented bound.
 */
static void A41_clock_games(void **state)
{
	(void)state;
	for (size_t i = 0; i < STEPS; i++) {
		const int64_t person = 10 + (int64_t)i, real = steps[i].real_s;

		print_message("%s\n", steps[i].name);
		set_clock(BOOT_A, 100000, START);
		fails(3, person);
		set_clock(BOOT_A, 100001, real);
		assert_locked(person, true);
		set_clock(BOOT_A, 100000 + LOCK_S - 1, real);
		assert_locked(person, true);
		set_clock(BOOT_A, 100000 + LOCK_S, real);
		assert_locked(person, false);

		set_clock(BOOT_A, 100000, START);
		fails(3, 100 + person);
		set_clock(BOOT_B, 20, real);
		assert_locked(100 + person, real <= START);
		set_clock(BOOT_B, LOCK_S - 1, real);
		assert_locked(100 + person, real <= START);
		set_clock(BOOT_B, LOCK_S, real);
		assert_locked(100 + person, false);

		set_clock(BOOT_A, 100000, real);
		fails(3, 200 + person);
		set_clock(BOOT_B, 20, START);
		assert_locked(200 + person, real >= START);
		set_clock(BOOT_B, LOCK_S, START);
		assert_locked(200 + person, false);
	}

	set_clock(BOOT_A, 100000, START);
	fails(3, 7);
	set_clock(BOOT_A, 100000 + 8 * 3600, START + 8 * 3600);         /* suspended for 8 h */
	assert_locked(7, false);

	set_clock(BOOT_A, 100000, START);
	fails(3, 8);
	set_clock(BOOT_A, 100000 + LOCK_S - 1, START + LOCK_S + 1);     /* slewed by 2 s */
	assert_locked(8, true);
	set_clock(BOOT_A, 100000 + LOCK_S, START + LOCK_S - 1);
	assert_locked(8, false);
}

static void a_lock_outlives_a_reboot(void **state)
{
	(void)state;
	fails(3, 7);
	set_clock(BOOT_B, 20, START + 60);
	rules_reopen();
	assert_int_equal(failed(7), 3);
	assert_locked(7, true);
	set_clock(BOOT_B, LOCK_S - 60, START + LOCK_S - 1);
	assert_locked(7, true);
	set_clock(BOOT_B, LOCK_S - 59, START + LOCK_S);
	assert_locked(7, false);
}

static void add_try(const char *boot_id, int64_t boot_s, int64_t real_s)
{
	struct try_row t = { .person = 7, .origin = "local", .pid = getpid(), .start = 1 };

	strcpy(t.at.boot_id, boot_id);
	t.at.boot_ms = boot_s * 1000;
	t.at.real_s = real_s;
	rules_begin();
	assert_int_equal(store_try_add(rules_store, &t), ERR_OK);
	rules_commit();
}

/* Our own process lives, but no login takes two minutes. */
static void an_old_try_is_a_failure(void **state)
{
	struct lockout_ticket t[3], extra;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(reserve(7, &t[i]), ERR_OK);
	set_clock(BOOT_A, 100119, START + 119);
	assert_int_equal(reserve(7, &extra), ERR_BUSY);
	set_clock(BOOT_A, 100120, START + 120);
	assert_int_equal(reserve(7, &extra), ERR_LOCKED);
	assert_int_equal(failed(7), 3);
	rules_begin();
	assert_int_equal(lockout_succeeded(rules_store, &t[0]), ERR_DENIED);
	store_rollback(rules_store);
}

static void a_try_of_another_boot_is_a_failure_of_its_time(void **state)
{
	(void)state;
	add_try(BOOT_B, 50, START - 60);
	assert_locked(7, false);
	assert_int_equal(failed(7), 0);         /* BOOT_A is up for longer than a lock */

	set_clock(BOOT_A, 100, START);
	add_try(BOOT_B, 50, START - 60);
	assert_locked(7, false);
	assert_int_equal(failed(7), 1);
	set_clock(BOOT_A, 100 + LOCK_S - 60, START + LOCK_S - 60);
	fails(1, 7);
	assert_int_equal(failed(7), 1);

	add_try(BOOT_B, 50, START - DAY);
	assert_locked(7, false);
	assert_int_equal(failed(7), 2);         /* an old one, but the bucket lives on */
}

/*
 * The dead try joins the bucket it was made in, though that has expired by the time it is settled.
 */
static void a_dead_try_joins_the_bucket_of_its_time(void **state)
{
	(void)state;
	fails(2, 7);
	add_try(BOOT_A, 100000 + LOCK_S - 100, START + LOCK_S - 100);
	set_clock(BOOT_A, 100000 + LOCK_S + 100, START + LOCK_S + 100);
	assert_locked(7, true);
	assert_int_equal(failed(7), 3);
	set_clock(BOOT_A, 100000 + 2 * LOCK_S - 100, START);
	assert_locked(7, false);
}

/* Though a process of that pid and start lives: this boot has another one. */
static void a_try_of_another_boot_has_no_owner(void **state)
{
	struct try_row t = { .person = 7, .origin = "local", .at = { .boot_id = BOOT_B, .boot_ms = 1000, .real_s = START - 1 } };

	(void)state;
	set_clock(BOOT_A, 1, START);
	assert_int_equal(lockout_owner_self(&t.pid, &t.start), ERR_OK);
	rules_begin();
	assert_int_equal(store_try_add(rules_store, &t), ERR_OK);
	rules_commit();
	assert_locked(7, false);
	assert_int_equal(failed(7), 1);
}

static void the_end_of_a_lock_is_told_to_the_second(void **state)
{
	struct lockout_ticket t;
	int64_t until = 0;

	(void)state;
	fails(3, 7);
	assert_int_equal(state_of(7, &until), ERR_LOCKED);
	assert_int_equal(until, START + LOCK_S);
	set_clock(BOOT_A, 100000 + 100, START + 50);
	assert_int_equal(state_of(7, &until), ERR_LOCKED);
	assert_int_equal(until, START + 50 + LOCK_S - 100);
	until = 0;
	assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &limits, DEADLINE, &t, &until), ERR_LOCKED);
	assert_int_equal(until, START + 50 + LOCK_S - 100);
	/* A single failure where one is enough, and a lock of a day. */
	{
		const struct lockout_limits strict = { .attempts = 1, .lock_s = DAY, .address_attempts = 20, .address_lock_s = LOCK_S };

		set_clock(BOOT_A, 100000, START);
		fails(1, 8);
		assert_int_equal(lockout_state(rules_store, 8, "local", &strict, &until), ERR_LOCKED);
		assert_int_equal(until, START + DAY);
		set_clock(BOOT_A, 100000 + 100, START + 50);
		assert_int_equal(lockout_state(rules_store, 8, "local", &strict, &until), ERR_LOCKED);
		assert_int_equal(until, START + 50 + DAY - 100);
	}
	/* Begun seconds count whole. */
	now.boot_ms += 1;
	assert_int_equal(state_of(7, &until), ERR_LOCKED);
	assert_int_equal(until, START + 50 + LOCK_S - 100);
	now.boot_ms += 999;
	assert_int_equal(state_of(7, &until), ERR_LOCKED);
	assert_int_equal(until, START + 50 + LOCK_S - 101);
}

static void add_dead(int64_t person, const char *address, int64_t boot_s)
{
	struct try_row t = { .person = person, .origin = "remote", .pid = getpid(), .start = 1,
			     .at = { .boot_id = BOOT_A, .boot_ms = boot_s * 1000, .real_s = START } };

	strcpy(t.address, address);
	rules_begin();
	assert_int_equal(store_try_add(rules_store, &t), ERR_OK);
	rules_commit();
}

/* Other people's tries that died are settled by these people; until then they count for their address. */
static void dead_tries_of_others_count_for_their_address(void **state)
{
	struct lockout_ticket t;
	int64_t until = 0;
	bool full;

	(void)state;
	assert_int_equal(lockout_reserve(rules_store, 50, "remote", "192.0.2.1", &limits, DEADLINE, &t, &until), ERR_OK);
	rules_begin();
	assert_int_equal(lockout_failed(rules_store, &t, &limits, &full), ERR_OK);
	rules_commit();
	for (int i = 0; i < 18; i++)
		add_dead(100 + i, "192.0.2.1", 100000);
	/* Neither another address nor one that is over. */
	add_dead(120, "192.0.2.2", 100000);
	add_dead(121, "192.0.2.1", 100000 + 200 - LOCK_S);
	set_clock(BOOT_A, 100000 + 200, START + 200);
	assert_int_equal(lockout_reserve(rules_store, 9, "remote", "192.0.2.1", &limits, DEADLINE, &t, &until), ERR_OK);
	rules_begin();
	assert_int_equal(lockout_returned(rules_store, &t), ERR_OK);
	rules_commit();
	add_dead(122, "192.0.2.1", 100000);
	assert_int_equal(lockout_reserve(rules_store, 9, "remote", "192.0.2.1", &limits, DEADLINE, &t, &until), ERR_LOCKED);
	/* Nobody knows yet when they failed. */
	assert_int_equal(until, START + 200 + LOCK_S);
	assert_int_equal(lockout_reserve(rules_store, 9, "remote", "192.0.2.2", &limits, DEADLINE, &t, &until), ERR_OK);
}

#define CLOCK_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest list[] = {
		CLOCK_TEST(a_short_lock_does_not_empty_the_bucket_of_a_long_one),
		CLOCK_TEST(time_frees),
		CLOCK_TEST(an_expired_bucket_starts_at_one),
		CLOCK_TEST(A41_clock_games),
		CLOCK_TEST(a_lock_outlives_a_reboot),
		CLOCK_TEST(an_old_try_is_a_failure),
		CLOCK_TEST(a_try_of_another_boot_is_a_failure_of_its_time),
		CLOCK_TEST(a_try_of_another_boot_has_no_owner),
		CLOCK_TEST(the_end_of_a_lock_is_told_to_the_second),
		CLOCK_TEST(dead_tries_of_others_count_for_their_address),
		CLOCK_TEST(a_dead_try_joins_the_bucket_of_its_time),
	};

	rules_drop_root();
	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
#else
int main(void)
{
	return 77;
}
#endif
