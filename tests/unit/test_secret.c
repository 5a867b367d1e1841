/* SPDX-License-Identifier: Apache-2.0 */
/* The home of secrets: what is wiped, what is equal, and the hygiene of a process that holds them (harden.c). */
#include "secret.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "unit.h"

static bool all_zero(const void *p, size_t len)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < len; i++)
		if (s[i] != 0)
			return false;
	return true;
}

static void set_keeps_what_fits(void **state)
{
	unsigned char bytes[SECRET_MAX + 1];
	struct secret s;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(secret_set(&s, bytes, SECRET_MAX), ERR_OK);
	assert_int_equal(s.len, SECRET_MAX);
	assert_memory_equal(s.bytes, bytes, SECRET_MAX);
	/* A shorter one leaves nothing of the longer one. */
	assert_int_equal(secret_set(&s, "abc", 3), ERR_OK);
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.bytes, "abc", 3);
	assert_true(all_zero(s.bytes + 3, SECRET_MAX - 3));
	assert_int_equal(secret_set(&s, NULL, 0), ERR_OK);
	assert_true(all_zero(&s, sizeof(s)));
	assert_int_equal(secret_set(&s, "a\0b", 3), ERR_OK);
	assert_memory_equal(s.bytes, "a\0b", 3);
	/* Too long: nothing at all. */
	assert_int_equal(secret_set(&s, bytes, SECRET_MAX + 1), ERR_INVALID);
	assert_true(all_zero(&s, sizeof(s)));
	assert_int_equal(secret_set(&s, bytes, (size_t)-1), ERR_INVALID);
	assert_true(all_zero(&s, sizeof(s)));
}

static void wiping_leaves_nothing(void **state)
{
	unsigned char bytes[32];
	struct secret s;

	(void)state;
	memset(&s, 0xA5, sizeof(s));
	secret_wipe(&s);
	assert_true(all_zero(&s, sizeof(s)));
	memset(bytes, 0xA5, sizeof(bytes));
	wipe(bytes, 16);
	assert_true(all_zero(bytes, 16));
	assert_false(all_zero(bytes + 16, 1));
	wipe(NULL, 0);
}

static struct secret *left;

__attribute__((noinline)) static void use_one(void)
{
	SECRET(s);

	assert_int_equal(s.len, 0);
	assert_int_equal(secret_set(&s, "canary-canary-canary", 20), ERR_OK);
	left = &s;
	__asm__ volatile("" : : "r"(left) : "memory");
}

/* What the stack holds behind a function that is left. */
#ifdef __clang__
#define AS_WRITTEN __attribute__((noinline, optnone))
#else
#define AS_WRITTEN __attribute__((noinline, optimize("O0")))
#endif
#if !defined(__SANITIZE_ADDRESS__)
AS_WRITTEN static size_t canaries_below(void)
{
	unsigned char marker = 0;
	const unsigned char *low = &marker - 8192;
	size_t n = 0;

	for (const unsigned char *p = low; p < &marker; p++)
		n += p[0] == 'c' && p[1] == 'a' && p[2] == 'n' && p[3] == 'a' && p[4] == 'r' && p[5] == 'y';
	return n;
}
#endif

static void a_scope_that_ends_wipes_its_secret(void **state)
{
	(void)state;
	use_one();
#if !defined(__SANITIZE_ADDRESS__)
	assert_int_equal(canaries_below(), 0);
#endif
}

static void equal_means_all_of_it(void **state)
{
	struct secret a, b;

	(void)state;
	for (size_t len = 0; len <= SECRET_MAX; len += 32) {
		memset(&a, 0x5A, sizeof(a));
		memset(&b, 0x5A, sizeof(b));
		a.len = b.len = len;
		assert_true(secret_equal(&a, &b));
		/* Bytes behind the length do not count. */
		if (len < SECRET_MAX)
			b.bytes[len] ^= 1;
		assert_true(secret_equal(&a, &b));
		for (size_t i = 0; i < len; i += 31)
			for (int bit = 0; bit < 8; bit++) {
				b.bytes[i] ^= (unsigned char)(1 << bit);
				assert_false(secret_equal(&a, &b));
				b.bytes[i] ^= (unsigned char)(1 << bit);
			}
		b.len = len + 1;
		assert_false(secret_equal(&a, &b));
		assert_false(secret_equal(&b, &a));
	}
	/* Two differences that would cancel out. */
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.len = b.len = 2;
	b.bytes[0] = b.bytes[1] = 1;
	assert_false(secret_equal(&a, &b));
	/* Lengths that can't be. */
	a.len = b.len = SECRET_MAX + 1;
	assert_false(secret_equal(&a, &b));
}

/* -- harden.c: in a child, whose limits it lowers for good -- */

enum { HARDENED = 10 };

static int look_at_itself(void)
{
	struct rlimit core;

	if (secret_harden_process() != ERR_OK)
		return 1;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 2;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 4;
	/* Twice is as good as once. */
	return secret_harden_process() == ERR_OK ? HARDENED : 5;
}

static void a_hardened_process_leaves_no_core_and_takes_no_rights(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(look_at_itself());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), HARDENED);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(set_keeps_what_fits),
		cmocka_unit_test(wiping_leaves_nothing),
		cmocka_unit_test(a_scope_that_ends_wipes_its_secret),
		cmocka_unit_test(equal_means_all_of_it),
		cmocka_unit_test(a_hardened_process_leaves_no_core_and_takes_no_rights),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
