/* SPDX-License-Identifier: Apache-2.0 */
/* What is proposed for machines of any speed: within the budget where anything is, and never below the least. */
#include "tune.h"

#include <string.h>

#include "clock.h"
#include "unit.h"

static struct {
	int64_t us_per_mib_pass;
	int jitter;             /* percent that every second run takes longer */
	uint32_t memory_kib;    /* more can't be had, 0: any */
	enum err result;
	int runs;
} machine;

static enum err measured(struct pwhash_cost cost, int64_t *ms, void *arg)
{
	assert_ptr_equal(arg, &machine);
	assert_in_range(cost.m_kib, PWHASH_M_MIN, PWHASH_M_MAX);
	assert_in_range(cost.t, 1, 32);
	machine.runs++;
	if (machine.memory_kib && cost.m_kib > machine.memory_kib)
		return ERR_MEMORY;
	*ms = machine.us_per_mib_pass * (cost.m_kib / 1024) * cost.t / 1000;
	if (machine.runs % 2)
		*ms += *ms * machine.jitter / 100;
	return machine.result;
}

static struct tune run(uint32_t memory_mib, int64_t time_ms, int64_t us)
{
	struct tune t = { .memory_kib = memory_mib * 1024, .time_ms = time_ms, .deadline = deadline_in(60000) };

	machine.us_per_mib_pass = us;
	machine.runs = 0;
	assert_int_equal(tune_run(&t, measured, &machine), ERR_OK);
	return t;
}

static int reset(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	return 0;
}

static void every_machine_gets_what_fits(void **state)
{
	(void)state;
	for (int64_t us = 1; us < 200000; us = us * 3 / 2 + 1)
		for (uint32_t mib = 19; mib <= 256; mib += 23)
			for (int64_t ms = 20; ms <= 5000; ms = ms * 2 + 3) {
				struct tune t = run(mib, ms, us);

				assert_true(t.complete);
				assert_true(t.n > 0 && t.n <= TUNE_ROWS_MAX);
				assert_true(t.best.cost.m_kib >= PWHASH_M_MIN && t.best.cost.m_kib <= mib * 1024);
				assert_true(t.best.cost.t >= (t.best.cost.m_kib < 46 * 1024 ? 2u : 1u));
				if (t.fits)
					assert_true(t.best.ms <= ms);
				else
					assert_memory_equal(&t.best.cost, &TUNE_LEAST, sizeof(t.best.cost));
				/* One pass more would not have fitted, or is not allowed. */
				if (t.fits && t.best.cost.t < 32)
					assert_true(t.best.ms + us * (t.best.cost.m_kib / 1024) / 1000 + 1 >= ms * 19 / 20);
			}
}

static void the_most_memory_wins(void **state)
{
	struct tune t = run(256, 500, 500);

	(void)state;
	assert_int_equal(t.best.cost.m_kib, 262144);
	assert_int_equal(t.best.cost.t, 3);
	t = run(64, 500, 500);
	assert_int_equal(t.best.cost.m_kib, 65536);
	assert_int_equal(t.best.cost.t, 15);
	/* 256 MiB would take 512 ms in one pass. */
	t = run(256, 500, 2000);
	assert_int_equal(t.best.cost.m_kib, 131072);
	assert_int_equal(t.best.cost.t, 1);
}

static void the_median_is_taken(void **state)
{
	struct tune t;

	(void)state;
	machine.jitter = 400;
	t = run(19, 500, 1000);
	assert_int_equal(t.rows[0].runs, TUNE_RUNS);
	assert_true(t.rows[0].ms == 38 || t.rows[0].ms == 190);
}

static void a_slow_machine_gets_the_least(void **state)
{
	struct tune t = run(64, 20, 50000);

	(void)state;
	assert_false(t.fits);
	assert_memory_equal(&t.best.cost, &TUNE_LEAST, sizeof(t.best.cost));
	assert_int_equal(t.best.ms, 1900);
}

static void no_run_begins_after_the_deadline(void **state)
{
	struct tune t = { .memory_kib = 65536, .time_ms = 500, .deadline = deadline_in(0) };

	(void)state;
	assert_int_equal(tune_run(&t, measured, &machine), ERR_CANCELLED);
	assert_int_equal(machine.runs, 0);
	assert_false(t.complete);
}

static void short_memory_leaves_the_larger_ones_out(void **state)
{
	struct tune t;

	(void)state;
	machine.memory_kib = 32768;
	t = run(256, 500, 500);
	assert_int_equal(t.best.cost.m_kib, 32768);
	assert_true(t.fits);
	assert_false(t.complete);
	machine.memory_kib = 1;
	t.n = 7;
	assert_int_equal(tune_run(&t, measured, &machine), ERR_MEMORY);
	machine.memory_kib = 0;
	machine.result = ERR_CRYPTO;
	assert_int_equal(tune_run(&t, measured, &machine), ERR_CRYPTO);
}

static void budgets_are_written_so(void **state)
{
	static const char *const bad_memory[] = { "", "64", "MiB", "64mib", "64 MiB", "18MiB", "257MiB", "065MiB", "-64MiB", "64KiB",
						  "1GiB", "99999999999999999999MiB" };
	static const char *const bad_time[] = { "", "500", "ms", "19ms", "5001ms", "0s", "6s", "1.5s", "500 ms", "1min", "-1s" };
	uint32_t kib = 0;
	int64_t ms = 0;

	(void)state;
	assert_true(tune_memory("19MiB", &kib));
	assert_int_equal(kib, PWHASH_M_MIN);
	assert_true(tune_memory("256MiB", &kib));
	assert_int_equal(kib, PWHASH_M_MAX);
	assert_true(tune_time("20ms", &ms));
	assert_int_equal(ms, 20);
	assert_true(tune_time("5s", &ms));
	assert_int_equal(ms, 5000);
	for (size_t i = 0; i < sizeof(bad_memory) / sizeof(bad_memory[0]); i++)
		assert_false(tune_memory(bad_memory[i], &kib));
	for (size_t i = 0; i < sizeof(bad_time) / sizeof(bad_time[0]); i++)
		assert_false(tune_time(bad_time[i], &ms));
	assert_int_equal(kib, PWHASH_M_MAX);
	assert_int_equal(ms, 5000);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test_setup(every_machine_gets_what_fits, reset),
		cmocka_unit_test_setup(the_most_memory_wins, reset),
		cmocka_unit_test_setup(the_median_is_taken, reset),
		cmocka_unit_test_setup(a_slow_machine_gets_the_least, reset),
		cmocka_unit_test_setup(no_run_begins_after_the_deadline, reset),
		cmocka_unit_test_setup(short_memory_leaves_the_larger_ones_out, reset),
		cmocka_unit_test_setup(budgets_are_written_so, reset),
	};

	return cmocka_run_group_tests(list, NULL, NULL);
}
