/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power cuts, kills and full disks at each write: the store is found as it was before or after a commit, what was answered is
 * in it, and what was taken back or used up stays so.
 */
/* check: timeout=1200 */
#include "crash_world.h"

#define TOLD_FAULTS 5

static struct {
	int64_t cuts;
	int bad;
} sum;

/* -- power cuts -- */

static void cut_and_judge(const struct cut *cut)
{
	const int commits = cut->calls < disk.n ? disk.calls[cut->calls].commits : crash.commits;
	const char *fault;

	cut_make(cut, rules_dir);
	fault = crash_judge(commits, true);
	sum.cuts++;
	if (!fault)
		return;
	if (++sum.bad <= TOLD_FAULTS && !cut->no_sync)
		print_error("after call %zu of %zu, kind %d, seed %llu, %d commits: %s\n", cut->calls, disk.n, (int)cut->left,
			    (unsigned long long)cut->seed, commits, fault);
}

/* Some kinds of cut leave the same after many calls. In the daily run only after every so many-th write. */
static bool is_tried(size_t calls, enum cut_left left, size_t every)
{
	const struct disk_call *last = calls ? &disk.calls[calls - 1] : NULL;

	if (left == CUT_SYNCED)
		return !last || last->kind == DISK_SYNC || last->kind == DISK_SYNC_NAMES;
	if (!last || (left == CUT_TORN && (last->kind != DISK_WRITE || last->len <= DISK_SECTOR)))
		return false;
	return last->kind != DISK_WRITE || calls % every == 0 || rules_long();
}

static void cut_everywhere(int samples, bool no_sync)
{
	sum.cuts = sum.bad = 0;
	for (size_t calls = 0; calls <= disk.n; calls++)
		for (int left = 0; left < CUT_KINDS; left++) {
			struct cut cut = { .calls = calls, .left = (enum cut_left)left, .no_sync = no_sync };

			if (!is_tried(calls, cut.left, left == CUT_SOME ? 1 : 3))
				continue;
			for (int i = 0; i < (left == CUT_SOME ? samples : 1); i++) {
				cut.seed = calls * 1000 + (size_t)i;
				cut_and_judge(&cut);
			}
		}
}

static size_t calls_of(enum disk_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < disk.n; i++)
		n += disk.calls[i].kind == kind;
	return n;
}

/* Nothing was written past the record. */
static void the_record_is_whole(void)
{
	const struct cut all = { .calls = disk.n };

	for (size_t i = 0; i < disk.n_files; i++) {
		unsigned char *bytes;
		size_t len;

		cut_content(&all, i);
		bytes = disk_read_file(rules_dir, disk.files[i].name, &len);
		assert_int_equal(len, content.len);
		assert_memory_equal(bytes, content.bytes, len);
		free(bytes);
	}
}

static void A89_power_cut_after_any_write(void **state)
{
	(void)state;
	crash_record(crash_day);
	the_record_is_whole();
	cut_everywhere(rules_long() ? 20 : 1, false);
	print_message("%zu writes, %zu syncs, %d commits: %lld cuts\n", calls_of(DISK_WRITE), calls_of(DISK_SYNC), crash.commits,
		      (long long)sum.cuts);
	assert_int_equal(sum.bad, 0);
	assert_true(crash.commits > 20 && sum.cuts > 400);
}

/* The power goes again while what it left is opened, mended and written on. */
static void A89_power_cut_after_a_power_cut(void **state)
{
	static const crash_act morning[] = {
		crash_opens, crash_enrols, crash_first_login, crash_revokes, crash_writes_events, crash_closes, NULL
	};
	static const crash_act again[] = { crash_opens, crash_guesses, crash_writes_events, crash_closes, NULL };
	const size_t rounds = rules_long() ? 20 : 1;
	int64_t cuts = 0;

	(void)state;
	for (size_t i = 0; i < rounds; i++) {
		struct cut first = { .left = i % 2 ? CUT_SYNCED : CUT_SOME, .seed = i };

		if (i > 0) {
			assert_int_equal(crash_teardown(state), 0);
			assert_int_equal(crash_setup(state), 0);
		}
		crash_record(morning);
		first.calls = disk.n * (2 * i + 1) / (2 * rounds);
		cut_make(&first, rules_dir);
		assert_true(crash_opens());
		assert_int_equal(crash_see(rules_store, &crash.states[0]), ERR_OK);
		crash_closes();
		cut_make(&first, rules_dir);
		crash_record_from_here(again);
		cut_everywhere(1, false);
		cuts += sum.cuts;
		assert_int_equal(sum.bad, 0);
	}
	print_message("%lld cuts\n", (long long)cuts);
}

/* What these tests see: without syncs the same day is lost by most cuts. */
static void a_disk_that_syncs_nothing_is_noticed(void **state)
{
	static const crash_act morning[] = { crash_opens, crash_enrols, crash_first_login, crash_closes, NULL };

	(void)state;
	crash_record(morning);
	cut_everywhere(1, true);
	print_message("%d of %lld cuts\n", sum.bad, (long long)sum.cuts);
	assert_true(sum.bad > 20);
}

/* A grant and its record are there together, whatever the moment. */
static void A98_crash_between_record_and_grant(void **state)
{
	static const crash_act logins[] = { crash_opens, crash_first_login, crash_second_login, NULL };

	(void)state;
	crash_record(logins);
	crash_closes();
	assert_int_equal(crash.states[crash.commits].grants, 2);
	cut_everywhere(rules_long() ? 50 : 3, false);
	print_message("%zu writes, %d commits: %lld cuts\n", calls_of(DISK_WRITE), crash.commits, (long long)sum.cuts);
	assert_int_equal(sum.bad, 0);
}

/* -- kills -- */

static struct seen seen_now(void)
{
	struct store *s = NULL;
	struct seen is;

	memset(&is, 0, sizeof(is));
	assert_int_equal(store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s), ERR_OK);
	assert_int_equal(store_check(s), ERR_OK);
	assert_int_equal(crash_see(s, &is), ERR_OK);
	store_close(s);
	return is;
}

/* The day in a process that dies at its n-th call; false: it had fewer. held: somebody else has the store open. */
static bool killed(int n, bool by_halves, struct store **held)
{
	const struct cut none = { .calls = 0 };
	int gate[2], code;
	pid_t pid;
	char c;

	cut_make(&none, rules_dir);
	*disk.commits = 0;
	assert_int_equal(pipe(gate), 0);
	/* Before the store is open here: its locks are the process' own. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &c, 1) != 0)
			_exit(RULES_HARNESS);
		disk.by_halves = by_halves;
		disk_trouble(n, 0);
		_exit(crash_run(crash_day) ? 0 : 1);
	}
	if (held)
		assert_int_equal(store_open(rules_dir, STORE_USE, RULES_LOCK_MS, held), ERR_OK);
	close(gate[0]);
	close(gate[1]);
	code = fixture_wait(pid);
	assert_true(code == 0 || code == 128 + SIGKILL);
	return code != 0;
}

/* Who had the store open meanwhile sees what is right, and writes on. */
static const char *judge_held(struct store *s)
{
	struct seen is, after;
	const char *fault = "it can't be read";

	if (crash_see(s, &is) == ERR_OK)
		fault = crash_judge_state(&is, *disk.commits);
	if (!fault)
		fault = crash_goes_on(s, &is);
	store_close(s);
	after = seen_now();
	return fault || after.events == is.events + 1 ? fault : "what was written afterwards is lost";
}

static void A89_killed_at_any_write(void **state)
{
	const int step = rules_long() ? 1 : 23;
	int n, kills = 0;

	(void)state;
	crash_record(crash_day);
	for (n = 1;; n += step) {
		/* Half of the kills leave others with the store open, half of these and those half a write. */
		const bool alone = kills % 2, by_halves = kills / 2 % 2;
		struct store *held = NULL;
		const char *fault;

		if (!killed(n, by_halves, alone ? NULL : &held)) {
			store_close(held);
			break;
		}
		kills++;
		fault = held ? judge_held(held) : crash_judge(*disk.commits, false);
		if (fault)
			print_error("killed at call %d%s%s, %d commits: %s\n", n, alone ? ", alone" : "",
				    by_halves ? ", half done" : "", *disk.commits, fault);
		assert_null(fault);
	}
	print_message("%d kills\n", kills);
	assert_true(n > 400 && kills > 20);
}

/* -- an init that was interrupted -- */

static const char *judge_creation(bool returned)
{
	struct store *s = NULL;
	enum err e = store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s);

	if (e != ERR_OK && (returned || access(fixture_path(rules_dir, "store.db"), F_OK) == 0))
		return err_detail()[0] ? err_detail() : "it can't be opened";
	/* As if nobody had begun. */
	if (e != ERR_OK)
		e = store_open(rules_dir, STORE_CREATE, RULES_LOCK_MS, &s);
	if (e == ERR_OK)
		e = store_check(s);
	store_close(s);
	return e == ERR_OK ? NULL : "it is damaged";
}

static void A89_power_cut_at_any_write_of_init(void **state)
{
	size_t returned;

	(void)state;
	crash_closes();
	cut_empty(rules_dir);
	disk_record(rules_dir);
	assert_int_equal(store_open(rules_dir, STORE_CREATE, RULES_LOCK_MS, &rules_store), ERR_OK);
	returned = disk.n;
	crash_closes();
	disk_stop();
	for (size_t calls = 0; calls <= disk.n; calls++)
		for (int left = 0; left < CUT_KINDS; left++) {
			const struct cut cut = { .calls = calls, .left = (enum cut_left)left, .seed = calls };
			const char *fault;

			if (!is_tried(calls, cut.left, 25))
				continue;
			cut_make(&cut, rules_dir);
			fault = judge_creation(calls >= returned);
			if (fault)
				print_error("after call %zu, kind %d: %s\n", calls, left, fault);
			assert_null(fault);
		}
	print_message("%zu writes, %zu calls until it returned\n", calls_of(DISK_WRITE), returned);
	assert_true(calls_of(DISK_RENAME) >= 2);
}

/* -- no space, no quota, no record -- */

/* As the next worker: with the reserve made again. */
static void next_login_is_well(void)
{
	crash_closes();
	assert_true(crash_opens());
	assert_true(!store_reserve_missing(rules_store) || store_reserve_make(rules_store) == ERR_OK);
	assert_int_equal(crash_login(stage_code_of(6, 1)), ERR_OK);
	crash_closes();
}

/* One login whose writes fail from the n-th on, and what a power cut at its end leaves; false: it makes fewer. */
static bool login_in_trouble(int n, int error, enum err *ret)
{
	static const struct cut none = { .calls = 0 };
	struct cut synced = { .left = CUT_SYNCED };
	struct seen is;
	bool reached;

	cut_make(&none, rules_dir);
	disk_record(rules_dir);
	host.real_s += crash.start_s - clock_real_s();
	assert_true(crash_opens());
	disk_trouble(n, error);
	*ret = crash_login(stage_code());
	reached = disk.points >= n;
	synced.calls = disk.n;
	disk_stop();
	is = seen_now();
	assert_int_equal(is.grants, *ret == ERR_OK);
	assert_int_equal(is.granted, is.grants);
	next_login_is_well();
	cut_make(&synced, rules_dir);
	is = seen_now();
	assert_int_equal(is.granted, is.grants);
	assert_true(*ret != ERR_OK || is.grants == 1);
	return reached;
}

static const struct {
	int error;
	enum err ordinary, marked;      /* what who is let in otherwise is answered, by class */
} troubles[] = {
	{ ENOSPC, ERR_STORE_FULL, ERR_OK },
	{ EDQUOT, ERR_STORE_FULL, ERR_OK },
	{ EIO,    ERR_STORE,      ERR_STORE },
	{ EROFS,  ERR_STORE,      ERR_STORE },
};

static int each_trouble(size_t i, bool marked)
{
	for (int n = 1;; n += i == 0 || rules_long() ? 1 : 3) {
		enum err e = ERR_DENIED;

		if (!login_in_trouble(n, troubles[i].error, &e)) {
			assert_int_equal(e, ERR_OK);
			return n - 1;
		}
		assert_int_equal(e, marked ? troubles[i].marked : troubles[i].ordinary);
	}
}

/* Ordinary people wait until there is space; for those with when-full the reserve is given up. Nobody gets in without a record. */
static void A98_no_space_quota_or_disk_from_any_write_on(void **state)
{
	static const crash_act nothing[] = { NULL };

	(void)state;
	crash_record(nothing);
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		int ordinary, marked;

		stage_policy(CRASH_POLICY);
		ordinary = each_trouble(i, false);
		stage_policy(CRASH_POLICY "when-full = yes\n");
		marked = each_trouble(i, true);
		print_message("%s: %d and %d writes\n", strerror(troubles[i].error), ordinary, marked);
		assert_true(ordinary > 20 && marked > 20);
	}
}

static void A98_an_event_that_cannot_be_written_is_no_login(void **state)
{
	static const struct {
		int code;
		enum err e;
	} answers[] = {
		{ SQLITE_FULL, ERR_STORE_FULL }, { SQLITE_IOERR_WRITE, ERR_STORE }, { SQLITE_READONLY, ERR_STORE },
		{ SQLITE_CORRUPT, ERR_STORE_CORRUPT }, { SQLITE_NOMEM, ERR_MEMORY }, { SQLITE_CONSTRAINT_TRIGGER, ERR_BAD_STATE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct seen before = seen_now(), after;

		stage_pass(30);
		stage_policy(i % 2 ? CRASH_POLICY : CRASH_POLICY "when-full = yes\n");
		crash.event_refused = answers[i].code;
		assert_int_equal(crash_login(stage_code()), answers[i].e);
		assert_int_equal(crash_login("000000"), answers[i].e);
		crash.event_refused = 0;
		after = seen_now();
		assert_int_equal(after.grants, before.grants);
		assert_int_equal(after.granted, before.granted);
		/* The guess is counted all the same. */
		assert_true(after.failed + after.own_tries > before.failed + before.own_tries);
		crash_closes();
		assert_true(crash_opens());
		assert_true(!store_reserve_missing(rules_store) || store_reserve_make(rules_store) == ERR_OK);
		stage_pass(30);
		assert_int_equal(crash_login(stage_code()), ERR_OK);
		assert_int_equal(seen_now().granted, before.granted + 1);
	}
}

int main(void)
{
#define CRASH_TEST(function) cmocka_unit_test_setup_teardown(function, crash_setup, crash_teardown)
	const struct CMUnitTest list[] = {
		CRASH_TEST(A89_power_cut_after_any_write),
		CRASH_TEST(A89_power_cut_after_a_power_cut),
		CRASH_TEST(A89_killed_at_any_write),
		CRASH_TEST(a_disk_that_syncs_nothing_is_noticed),
		CRASH_TEST(A89_power_cut_at_any_write_of_init),
		CRASH_TEST(A98_crash_between_record_and_grant),
		CRASH_TEST(A98_no_space_quota_or_disk_from_any_write_on),
		CRASH_TEST(A98_an_event_that_cannot_be_written_is_no_login),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
