/* SPDX-License-Identifier: Apache-2.0 */
#include "lockout.h"

#include "../../lib/auth/lockout_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>

#include "clock.h"
#include "rules.h"

#define PARALLEL 50
#define RIGHT 20

static const struct lockout_limits limits = {
	.attempts = 3, .lock_s = 900, .address_attempts = 20, .address_lock_s = 900,
};
static const struct lockout_limits wide = {
	.attempts = 100000, .lock_s = 900, .address_attempts = 100000, .address_lock_s = 900,
};

static void pause_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

static struct lockout_ticket reserve(int64_t person, const char *origin, const char *address)
{
	struct lockout_ticket t = { .try_id = -1 };
	int64_t until = -1;

	assert_int_equal(lockout_reserve(rules_store, person, origin, address, &limits, 0, &t,
					 &until), ERR_OK);
	assert_int_equal(until, -1);
	return t;
}

static bool fail_try(const struct lockout_ticket *t)
{
	bool full = true;

	rules_begin();
	assert_int_equal(lockout_failed(rules_store, t, &limits, &full), ERR_OK);
	rules_commit();
	return full;
}

static void fails(int n, int64_t person, const char *origin, const char *address)
{
	while (n-- > 0) {
		struct lockout_ticket t = reserve(person, origin, address);

		(void)fail_try(&t);
	}
}

static enum err succeed(const struct lockout_ticket *t)
{
	enum err e;

	rules_begin();
	e = lockout_succeeded(rules_store, t);
	if (e == ERR_OK)
		rules_commit();
	else
		store_rollback(rules_store);
	return e;
}

static enum err state_of(int64_t person, const char *origin)
{
	int64_t until;

	return lockout_state(rules_store, person, origin, &limits, &until);
}

static enum err try_reserve(int64_t person, const char *origin, const char *address)
{
	struct lockout_ticket t = { .try_id = -1 };
	int64_t until;
	enum err e = lockout_reserve(rules_store, person, origin, address, &limits, 0, &t, &until);

	assert_int_equal(t.try_id == -1, e != ERR_OK);
	return e;
}

static int64_t failed(int64_t person, const char *origin)
{
	struct bucket_row b;

	assert_int_equal(store_bucket_get(rules_store, person, origin, &b), ERR_OK);
	return b.failed;
}

static enum err count_try(const struct try_row *t, void *arg)
{
	(void)t;
	++*(int *)arg;
	return ERR_OK;
}

static int tries(void)
{
	int n = 0;

	assert_int_equal(store_try_each(rules_store, 0, NULL, count_try, &n), ERR_OK);
	return n;
}

/* -- counting -- */

static void a_full_bucket_refuses(void **state)
{
	struct lockout_ticket t;
	int64_t until = 0, now = clock_real_s();

	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(state_of(7, "local"), ERR_OK);
		t = reserve(7, "local", "");
		assert_int_equal(fail_try(&t), i == 3);
		assert_int_equal(failed(7, "local"), i);
	}
	assert_int_equal(try_reserve(7, "local", ""), ERR_LOCKED);
	assert_int_equal(lockout_state(rules_store, 7, "local", &limits, &until), ERR_LOCKED);
	assert_in_range(until, now + 890, now + 910);
	until = 0;
	assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &limits, 0, &t, &until),
			 ERR_LOCKED);
	assert_in_range(until, now + 890, now + 910);
	assert_int_equal(failed(7, "local"), 3);
	rules_reopen();
	assert_int_equal(try_reserve(7, "local", ""), ERR_LOCKED);
}

/* A43: who is kept locked from afar still gets in at the console. */
static void origins_do_not_lock_each_other(void **state)
{
	(void)state;
	fails(3, 7, "remote", "192.0.2.1");
	assert_int_equal(try_reserve(7, "remote", "192.0.2.2"), ERR_LOCKED);
	assert_int_equal(try_reserve(7, "local", ""), ERR_OK);
	assert_int_equal(try_reserve(7, "uid:1000", ""), ERR_OK);
	assert_int_equal(try_reserve(8, "remote", "192.0.2.1"), ERR_OK);
}

static void success_clears_its_own_origin_only(void **state)
{
	struct lockout_ticket t;

	(void)state;
	fails(2, 7, "local", "");
	fails(2, 7, "remote", "192.0.2.1");
	t = reserve(7, "remote", "192.0.2.1");
	assert_int_equal(succeed(&t), ERR_OK);
	assert_int_equal(failed(7, "remote"), 0);
	assert_int_equal(failed(7, "local"), 2);
	assert_int_equal(failed(0, "addr:192.0.2.1"), 2);
	assert_int_equal(tries(), 0);
}

static void a_returned_try_leaves_no_trace(void **state)
{
	struct lockout_ticket t = reserve(7, "remote", "192.0.2.1");

	(void)state;
	rules_begin();
	assert_int_equal(lockout_returned(rules_store, &t), ERR_OK);
	rules_commit();
	assert_int_equal(tries(), 0);
	assert_int_equal(failed(7, "remote"), 0);
	assert_int_equal(failed(0, "addr:192.0.2.1"), 0);
}

static void no_success_without_a_try(void **state)
{
	struct lockout_ticket none = { .person = 7, .origin = "local" };
	struct lockout_ticket t = reserve(7, "local", "");

	(void)state;
	assert_int_equal(succeed(&none), ERR_DENIED);
	assert_int_equal(succeed(&t), ERR_OK);
	assert_int_equal(succeed(&t), ERR_DENIED);
}

static enum err give_back(const struct lockout_ticket *t)
{
	enum err e;

	rules_begin();
	e = lockout_returned(rules_store, t);
	rules_commit();
	return e;
}

static void what_was_never_tried_is_given_back_all_the_same(void **state)
{
	struct lockout_ticket none = { .person = 7, .origin = "local" };
	struct lockout_ticket t = reserve(7, "local", "");

	(void)state;
	assert_int_equal(give_back(&none), ERR_OK);
	assert_int_equal(tries(), 1);
	assert_int_equal(give_back(&t), ERR_OK);
	/* Judged dead meanwhile. */
	assert_int_equal(give_back(&t), ERR_OK);
	assert_int_equal(tries(), 0);
}

/* Whose card was not proved: nothing to clear. */
static void nobodys_success_is_one(void **state)
{
	struct lockout_ticket none = { .person = 0 }, t;

	(void)state;
	assert_int_equal(succeed(&none), ERR_OK);
	none.person = 1;
	assert_int_equal(succeed(&none), ERR_DENIED);
	fails(2, 7, "remote", "192.0.2.1");
	t = reserve(0, "remote", "192.0.2.1");
	assert_int_equal(succeed(&t), ERR_OK);
	assert_int_equal(tries(), 0);
	assert_int_equal(failed(7, "remote"), 2);
	assert_int_equal(failed(0, "addr:192.0.2.1"), 2);
	assert_int_equal(state_of(0, "remote"), ERR_OK);
}

static void one_failure_is_cleared_too(void **state)
{
	struct lockout_ticket t;

	(void)state;
	for (int64_t person = 1; person <= 2; person++) {
		fails(1, person, "local", "");
		t = reserve(person, "local", "");
		assert_int_equal(succeed(&t), ERR_OK);
		assert_int_equal(failed(person, "local"), 0);
	}
}

/* -- pending tries -- */

static void pending_tries_belong_to_person_and_origin(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		(void)reserve(7, "local", "");
	assert_int_equal(try_reserve(7, "local", ""), ERR_BUSY);
	assert_int_equal(try_reserve(7, "uid:1000", ""), ERR_OK);
	assert_int_equal(try_reserve(7, "remote", "192.0.2.1"), ERR_OK);
	assert_int_equal(try_reserve(8, "local", ""), ERR_OK);
	assert_int_equal(try_reserve(0, "local", ""), ERR_OK);
}

static void pending_tries_of_an_address_count_together(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		(void)reserve(100 + i, "remote", "192.0.2.1");
	assert_int_equal(try_reserve(200, "remote", "192.0.2.1"), ERR_BUSY);
	assert_int_equal(try_reserve(0, "remote", "192.0.2.1"), ERR_BUSY);
	assert_int_equal(try_reserve(200, "remote", "192.0.2.2"), ERR_OK);
	assert_int_equal(try_reserve(200, "local", ""), ERR_OK);
}

/* Who waits for tries whose process dies does not wait for his deadline: they are failures now. */
static void a_try_that_dies_ends_the_wait(void **state)
{
	const int64_t start = clock_boot_ms();
	struct lockout_ticket t;
	int64_t until;
	int ready[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct store *s = NULL;

		if (store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s) != ERR_OK)
			_exit(1);
		for (int i = 0; i < 3; i++)
			if (lockout_reserve(s, 7, "local", "", &limits, 0, &t, &until) != ERR_OK)
				_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause_ms(300);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &limits, deadline_in(20000), &t, &until), ERR_LOCKED);
	assert_in_range(clock_boot_ms() - start, 100, 15000);
	assert_int_equal(failed(7, "local"), 3);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
}

/* -- whose process a try is -- */

static bool hidden;             /* /proc shows no process (hidepid) */

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (hidden && strncmp(path, "/proc/", 6) == 0) {
		errno = ENOENT;
		return -1;
	}
	va_start(args, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(args, mode_t);
	va_end(args);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* By the pid alone: who may not be signalled is there all the same. */
static void a_hidden_process_is_there_while_its_pid_is(void **state)
{
	int64_t pid, start;
	pid_t ended = fork();

	(void)state;
	if (ended == 0)
		_exit(0);
	assert_int_equal(waitpid(ended, NULL, 0), ended);
	assert_int_equal(lockout_owner_self(&pid, &start), ERR_OK);
	hidden = true;
	assert_false(lockout_owner_gone(pid, start));
	assert_false(lockout_owner_gone(1, 1));
	assert_true(lockout_owner_gone(ended, 1));
	assert_int_equal(lockout_owner_self(&pid, &start), ERR_SYSTEM);
	hidden = false;
}

static int64_t start_of(int64_t pid)
{
	char path[64];
	long long start = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*[^)]) %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &start), 1);
	fclose(f);
	return start;
}

static void a_process_is_its_pid_and_its_start(void **state)
{
	int64_t pid, start;

	(void)state;
	assert_int_equal(lockout_owner_self(&pid, &start), ERR_OK);
	assert_int_equal(pid, getpid());
	assert_int_equal(start, start_of(pid));
	assert_false(lockout_owner_gone(pid, start));
	assert_true(lockout_owner_gone(pid, start + 1));
	assert_false(lockout_owner_gone(1, start_of(1)));
	/* No process has such a number; 0 and -1 mean many to kill(2). */
	assert_true(lockout_owner_gone(0, start));
	assert_true(lockout_owner_gone(-1, start));
	assert_true(lockout_owner_gone((int64_t)INT_MAX + 1, start));
	assert_true(lockout_owner_gone(((int64_t)1 << 32) + pid, start));
}

/* It costs the same write as anybody's, and fills no bucket. */
static void an_unproved_local_try_is_nobodys(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct lockout_ticket t = reserve(0, "local", "");

		assert_true(t.try_id > 0);
		assert_int_equal(tries(), 1);
		assert_false(fail_try(&t));
		assert_int_equal(tries(), 0);
	}
}

static void limits_out_of_range_are_refused(void **state)
{
	static const struct lockout_limits bad[] = {
		{ 0, 900, 20, 900, 0 }, { 3, 0, 20, 900, 0 }, { 3, -1, 20, 900, 0 },
		{ 3, INT64_MAX, 20, 900, 0 },
		{ 3, 900, 0, 900, 0 }, { 3, 900, 20, 0, 0 }, { UINT32_MAX, 900, 20, 900, 0 },
		{ 1000001, 900, 20, 900, 0 }, { 3, 900, 1000001, 900, 0 },
		{ 3, 366 * 86400 + 1, 20, 900, 0 }, { 3, 900, 20, 366 * 86400 + 1, 0 },
	};
	static const struct lockout_limits widest = { 1000000, 366 * 86400, 1000000, 366 * 86400, 0 };
	struct lockout_ticket t;
	int64_t until;
	bool full;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &bad[i], 0, &t,
						 &until), ERR_INVALID);
		assert_int_equal(lockout_state(rules_store, 7, "local", &bad[i], &until),
				 ERR_INVALID);
		assert_int_equal(lockout_failed(rules_store, &t, &bad[i], &full), ERR_INVALID);
	}
	assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &widest, 0, &t, &until), ERR_OK);
	assert_int_equal(try_reserve(7, "", ""), ERR_INVALID);
}

static void clear_removes_all_of_one_person(void **state)
{
	struct lockout_ticket t;
	int n = -1;

	(void)state;
	fails(3, 7, "local", "");
	fails(1, 7, "remote", "192.0.2.1");
	for (int i = 0; i < 80; i++) {
		char origin[32];

		snprintf(origin, sizeof(origin), "uid:%d", 1000 + i);
		fails(1, 7, origin, "");
	}
	fails(3, 8, "local", "");
	t = reserve(7, "remote", "");
	rules_begin();
	assert_int_equal(lockout_clear(rules_store, 7, &n), ERR_OK);
	rules_commit();
	assert_int_equal(n, 82);
	assert_int_equal(tries(), 0);
	assert_int_equal(succeed(&t), ERR_DENIED);
	assert_int_equal(try_reserve(7, "local", ""), ERR_OK);
	assert_int_equal(try_reserve(8, "local", ""), ERR_LOCKED);
}

static void clear_leaves_others_alone(void **state)
{
	int n = -1;

	(void)state;
	for (int i = 0; i < 40; i++) {
		char origin[32];

		snprintf(origin, sizeof(origin), "uid:%d", 1000 + i);
		(void)reserve(1, origin, "");
		(void)reserve(8, origin, "");
	}
	fails(1, 8, "local", "");
	rules_begin();
	assert_int_equal(lockout_clear(rules_store, 0, &n), ERR_INVALID);
	assert_int_equal(lockout_clear(rules_store, 1, &n), ERR_OK);
	rules_commit();
	assert_int_equal(n, 0);
	assert_int_equal(tries(), 40);
	assert_int_equal(failed(8, "local"), 1);
}

/* -- addresses -- */

static void an_address_counts_across_names(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		fails(2, 100 + i, "remote", "192.0.2.1");
	assert_int_equal(try_reserve(200, "remote", "192.0.2.1"), ERR_LOCKED);
	assert_int_equal(try_reserve(0, "remote", "192.0.2.1"), ERR_LOCKED);
	assert_int_equal(try_reserve(200, "remote", "192.0.2.2"), ERR_OK);
	assert_int_equal(try_reserve(200, "local", ""), ERR_OK);
}

static void addresses_of_one_house_are_one(void **state)
{
	static const struct {
		const char *address, *origin;
	} cases[] = {
		{ "2001:db8:1:2:3:4:5:6", "addr:2001:db8:1:2::/64" },
		{ "2001:db8:1:2:ffff::1", "addr:2001:db8:1:2::/64" },
		{ "2001:db8:1:3::1", "addr:2001:db8:1:3::/64" },
		{ "::ffff:192.0.2.7", "addr:192.0.2.7" },
		{ "192.0.2.7", "addr:192.0.2.7" },
		{ "UNKNOWN", "addr:other" },
		{ "a; DROP TABLE bucket; --", "addr:other" },
		{ "192.0.2.7\n", "addr:other" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t before = failed(0, cases[i].origin);

		fails(1, 0, "remote", cases[i].address);
		assert_int_equal(failed(0, cases[i].origin), before + 1);
	}
}

static enum err count_bucket(const struct bucket_row *b, void *arg)
{
	(void)b;
	++*(int *)arg;
	return ERR_OK;
}

/* A45: a flood from everywhere fills nothing. */
static void old_addresses_make_room(void **state)
{
	struct bucket_row b = { .failed = 1 };
	int n = 0;

	(void)state;
	assert_int_equal(clock_now(&b.last), ERR_OK);
	b.last.real_s -= 3600;
	rules_begin();
	for (int i = 0; i < 10500; i++) {
		snprintf(b.origin, sizeof(b.origin), "addr:10.0.%d.%d", i / 256, i % 256);
		assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	}
	rules_commit();
	for (int i = 0; i < 70; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.2.%d", i);
		fails(1, 0, "remote", address);
	}
	assert_int_equal(store_bucket_each(rules_store, 0, count_bucket, &n), ERR_OK);
	assert_in_range(n, 1, 10063);
	assert_int_equal(failed(0, "addr:192.0.2.69"), 1);
}

/* -- processes -- */

/* A child that reserves and is gone; *ret is its ticket. A zombie, when not reaped. */
static void die_with_a_try(int64_t person, const char *origin, const char *address, bool reap,
			   struct lockout_ticket *ret)
{
	int p[2];
	siginfo_t info;
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct lockout_ticket t;
		struct store *s = NULL;
		int64_t until;

		if (store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s) != ERR_OK ||
		    lockout_reserve(s, person, origin, address, &limits, 0, &t, &until) != ERR_OK ||
		    write(p[1], &t, sizeof(t)) != sizeof(t))
			_exit(RULES_HARNESS);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(p[0], ret, sizeof(*ret)), sizeof(*ret));
	close(p[0]);
	close(p[1]);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | (reap ? 0 : WNOWAIT)), 0);
}

static void a_dead_try_is_a_failure(void **state)
{
	struct lockout_ticket dead[3];

	(void)state;
	die_with_a_try(7, "remote", "192.0.2.1", true, &dead[0]);
	die_with_a_try(7, "remote", "192.0.2.1", false, &dead[1]);
	assert_int_equal(state_of(7, "remote"), ERR_OK);
	die_with_a_try(7, "remote", "192.0.2.1", true, &dead[2]);
	assert_int_equal(state_of(7, "remote"), ERR_LOCKED);
	assert_int_equal(try_reserve(7, "remote", "192.0.2.1"), ERR_LOCKED);
	assert_int_equal(failed(7, "remote"), 3);
	assert_int_equal(failed(0, "addr:192.0.2.1"), 3);
	assert_int_equal(tries(), 0);
	assert_int_equal(succeed(&dead[0]), ERR_DENIED);
	assert_false(fail_try(&dead[1]));
	assert_int_equal(failed(7, "remote"), 3);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/*
 * A try of another person's dead process counts against the address until that person settles it.
 */
static void a_dead_try_counts_for_its_address(void **state)
{
	static const struct lockout_limits one = { 3, 900, 1, 900, 0 };
	struct lockout_ticket dead, t;
	int64_t until = 0;

	(void)state;
	die_with_a_try(7, "remote", "192.0.2.1", true, &dead);
	assert_int_equal(lockout_reserve(rules_store, 8, "remote", "192.0.2.1", &one, 0, &t,
					 &until), ERR_LOCKED);
	assert_true(until > clock_real_s());
	assert_int_equal(tries(), 1);
	assert_int_equal(try_reserve(7, "remote", "192.0.2.2"), ERR_OK);
	assert_int_equal(failed(0, "addr:192.0.2.1"), 1);
	assert_int_equal(failed(7, "remote"), 1);
}

static void the_same_pid_is_not_the_same_process(void **state)
{
	struct try_row t = { .person = 7, .origin = "local", .pid = getpid(), .start = 1 };

	(void)state;
	assert_int_equal(clock_now(&t.at), ERR_OK);
	rules_begin();
	assert_int_equal(store_try_add(rules_store, &t), ERR_OK);
	rules_commit();
	assert_int_equal(try_reserve(7, "local", ""), ERR_OK);
	assert_int_equal(failed(7, "local"), 1);
}

/* A hundred dead tries: more than are settled in one go. */
static void many_dead_tries_are_all_settled(void **state)
{
	struct try_row t = { .origin = "remote", .address = "192.0.2.1", .pid = getpid(),
		.start = 1 };

	(void)state;
	assert_int_equal(clock_now(&t.at), ERR_OK);
	rules_begin();
	for (int i = 0; i < 100; i++) {
		t.person = i % 2 == 0 ? 7 : 0;
		assert_int_equal(store_try_add(rules_store, &t), ERR_OK);
	}
	rules_commit();
	assert_int_equal(try_reserve(7, "remote", "192.0.2.1"), ERR_LOCKED);
	assert_int_equal(failed(7, "remote"), 50);
	assert_int_equal(failed(0, "addr:192.0.2.1"), 100);
	assert_int_equal(tries(), 0);
}

static void waiting_ends_at_its_deadline(void **state)
{
	struct lockout_ticket t;
	int64_t until, start = clock_boot_ms();

	(void)state;
	for (int i = 0; i < 3; i++)
		t = reserve(7, "local", "");
	assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &limits, deadline_in(150), &t,
					 &until), ERR_BUSY);
	assert_in_range(clock_boot_ms() - start, 140, 3000);
	assert_int_equal(tries(), 3);
	assert_int_equal(state_of(7, "local"), ERR_OK);
	assert_int_equal(succeed(&t), ERR_OK);
	assert_int_equal(try_reserve(7, "local", ""), ERR_OK);
}

static int guess_wrong(struct store *s, int i)
{
	char address[32];
	struct lockout_ticket t;
	int64_t until;
	bool full;
	enum err e;

	snprintf(address, sizeof(address), "192.0.2.%d", i);
	e = lockout_reserve(s, 7, "remote", address, &limits, deadline_in(60000), &t, &until);
	if (e != ERR_OK)
		return (int)e;
	pause_ms(5);
	if (store_begin(s) != ERR_OK || lockout_failed(s, &t, &limits, &full) != ERR_OK ||
	    store_commit(s) != ERR_OK)
		return RULES_HARNESS;
	return ERR_OK;
}

static void parallel_wrong_guesses_stop_at_the_limit(void **state)
{
	int codes[PARALLEL];

	(void)state;
	rules_together(PARALLEL, guess_wrong, codes);
	assert_int_equal(rules_count(codes, PARALLEL, ERR_OK), 3);
	assert_int_equal(rules_count(codes, PARALLEL, ERR_LOCKED), PARALLEL - 3);
	assert_int_equal(failed(7, "remote"), 3);
	assert_int_equal(tries(), 0);
}

static int log_in(struct store *s, int i)
{
	struct lockout_ticket t;
	int64_t until;
	enum err e;

	(void)i;
	e = lockout_reserve(s, 7, "local", "", &limits, deadline_in(60000), &t, &until);
	if (e != ERR_OK)
		return (int)e;
	pause_ms(30);
	if (store_begin(s) != ERR_OK)
		return RULES_HARNESS;
	e = lockout_succeeded(s, &t);
	return (int)(e == ERR_OK ? store_commit(s) : e);
}

static void parallel_right_tries_all_succeed(void **state)
{
	int codes[RIGHT];

	(void)state;
	fails(2, 7, "local", "");
	rules_together(RIGHT, log_in, codes);
	assert_int_equal(rules_count(codes, RIGHT, ERR_OK), RIGHT);
	assert_int_equal(failed(7, "local"), 0);
	assert_int_equal(tries(), 0);
}

static int fail_first(struct store *s, int i)
{
	struct lockout_ticket t;
	int64_t until;
	bool full;

	(void)i;
	if (lockout_reserve(s, 7, "local", "", &wide, deadline_in(60000), &t, &until) != ERR_OK ||
	    store_begin(s) != ERR_OK || lockout_failed(s, &t, &wide, &full) != ERR_OK)
		return RULES_HARNESS;
	return (int)store_commit(s);
}

static void parallel_first_failures_all_count(void **state)
{
	int codes[RIGHT];

	(void)state;
	rules_together(RIGHT, fail_first, codes);
	assert_int_equal(rules_count(codes, RIGHT, ERR_OK), RIGHT);
	assert_int_equal(failed(7, "local"), RIGHT);
	rules_reopen();
	assert_int_equal(failed(7, "local"), RIGHT);
}

/* Guesses without end; *granted is raised where a verifier would run. */
static void guess_until_killed(volatile int *granted)
{
	struct store *s = NULL;

	log_set_sink(NULL);
	if (store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s) != ERR_OK)
		_exit(RULES_HARNESS);
	for (;;) {
		struct lockout_ticket t;
		int64_t until;
		bool full;

		if (lockout_reserve(s, 7, "local", "", &wide, deadline_in(60000), &t,
				    &until) != ERR_OK)
			_exit(RULES_HARNESS);
		++*granted;
		if (store_begin(s) != ERR_OK || lockout_failed(s, &t, &wide, &full) != ERR_OK ||
		    store_commit(s) != ERR_OK)
			_exit(RULES_HARNESS);
	}
}

/* What A34 asks of the counting: kill -9 at random points between reservation and verdict. */
static void killed_tries_are_never_lost(void **state)
{
	const int rounds = rules_long() ? 1000 : 100;
	volatile int *granted = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				     -1, 0);
	struct lockout_ticket t;
	int64_t until;

	(void)state;
	assert_ptr_not_equal(granted, MAP_FAILED);
	for (int i = 0; i < rounds; i++) {
		const int before = *granted;
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			guess_until_killed(granted);
		while (*granted == before)
			pause_ms(1);
		struct timespec ts = { 0, (i * 7919) % 6000 * 1000 };

		(void)nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(lockout_reserve(rules_store, 7, "local", "", &wide, 0, &t, &until),
				 ERR_OK);
		rules_begin();
		assert_int_equal(lockout_returned(rules_store, &t), ERR_OK);
		rules_commit();
		assert_in_range(failed(7, "local"), *granted, *granted + i + 1);
	}
	assert_int_equal(store_check(rules_store), ERR_OK);
	print_message("%d kills, %d granted, %d counted\n", rounds, *granted,
		      (int)failed(7, "local"));
	munmap((void *)(uintptr_t)granted, 4096);
}

/* -- no space -- */

static const char small_dir[] = "/run"; /* of this process' own */
static bool small_mounted;

/* A file system of 6 MiB for one store. */
static void mount_small(void)
{
	char options[64];

	snprintf(options, sizeof(options), "size=6m,mode=0700,uid=%u,gid=%u",
		 geteuid() == 0 ? RULES_NOBODY : geteuid(),
		 geteuid() == 0 ? RULES_NOBODY : getegid());
	small_mounted = rules_own_mounts() && mount("tmpfs", small_dir, "tmpfs", 0, options) == 0;
}

static void fill_up(void)
{
	static const char zeros[4096];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/ballast", small_dir);
	f = fopen(path, "we");
	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	while (fwrite(zeros, sizeof(zeros), 1, f) == 1)
		;
	(void)fclose(f);
}

/* The blocks that the store keeps for this. */
static void use_up_room(void)
{
	sqlite3 *db = NULL;
	char path[64];

	snprintf(path, sizeof(path), "%s/store.db", small_dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The reserve is given up and the try is counted all the same. */
static void a_full_disk_still_counts(void **state)
{
	struct store *s = NULL;
	struct lockout_ticket t;
	struct bucket_row b;
	int64_t until;
	bool full;

	(void)state;
	if (!small_mounted)
		skip();
	assert_int_equal(store_open(small_dir, STORE_CREATE, RULES_LOCK_MS, &s), ERR_OK);
	use_up_room();
	fill_up();
	for (int i = 0; i < 400 && !store_reserve_used(s); i++) {
		char origin[32];

		snprintf(origin, sizeof(origin), "uid:%d", 1000 + i);
		assert_int_equal(lockout_reserve(s, 7, origin, "", &limits, 0, &t, &until), ERR_OK);
	}
	assert_true(store_reserve_used(s));
	assert_int_equal(store_begin(s), ERR_OK);
	assert_int_equal(lockout_failed(s, &t, &limits, &full), ERR_OK);
	assert_int_equal(store_commit(s), ERR_OK);
	assert_int_equal(store_bucket_get(s, 7, t.origin, &b), ERR_OK);
	assert_int_equal(b.failed, 1);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		RULES_TEST(a_full_bucket_refuses),
		RULES_TEST(origins_do_not_lock_each_other),
		RULES_TEST(success_clears_its_own_origin_only),
		RULES_TEST(a_returned_try_leaves_no_trace),
		RULES_TEST(no_success_without_a_try),
		RULES_TEST(an_unproved_local_try_is_nobodys),
		RULES_TEST(what_was_never_tried_is_given_back_all_the_same),
		RULES_TEST(nobodys_success_is_one),
		RULES_TEST(one_failure_is_cleared_too),
		RULES_TEST(pending_tries_belong_to_person_and_origin),
		RULES_TEST(pending_tries_of_an_address_count_together),
		RULES_TEST(a_try_that_dies_ends_the_wait),
		cmocka_unit_test(a_hidden_process_is_there_while_its_pid_is),
		cmocka_unit_test(a_process_is_its_pid_and_its_start),
		RULES_TEST(limits_out_of_range_are_refused),
		RULES_TEST(clear_removes_all_of_one_person),
		RULES_TEST(clear_leaves_others_alone),
		RULES_TEST(an_address_counts_across_names),
		RULES_TEST(addresses_of_one_house_are_one),
		RULES_TEST(old_addresses_make_room),
		RULES_TEST(a_dead_try_is_a_failure),
		RULES_TEST(a_dead_try_counts_for_its_address),
		RULES_TEST(the_same_pid_is_not_the_same_process),
		RULES_TEST(many_dead_tries_are_all_settled),
		RULES_TEST(waiting_ends_at_its_deadline),
		RULES_TEST(parallel_wrong_guesses_stop_at_the_limit),
		RULES_TEST(parallel_right_tries_all_succeed),
		RULES_TEST(parallel_first_failures_all_count),
		RULES_TEST(killed_tries_are_never_lost),
		cmocka_unit_test(a_full_disk_still_counts),
	};

	mount_small();
	rules_drop_root();
	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
