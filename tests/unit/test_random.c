/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "random.h"
#include "unit.h"

#define NONCE 32

/* The kernel's getrandom(), as the library sees it through this program's own definition. */
static struct {
	int fail_at;            /* the nth call fails with `error`, 0: none */
	int error;
	size_t at_most;         /* bytes a call, 0: as many as asked */
	bool nothing;           /* returns 0 */
	int calls;
} kernel;

ssize_t getrandom(void *dst, size_t len, unsigned flags)
{
	kernel.calls++;
	if (kernel.nothing)
		return 0;
	if (kernel.fail_at == kernel.calls) {
		errno = kernel.error;
		return -1;
	}
	if (kernel.at_most > 0 && len > kernel.at_most)
		len = kernel.at_most;
	return syscall(SYS_getrandom, dst, len, flags);
}

static int reset(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

static bool all_zero(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

static void failure_denies_and_wipes(void **state)
{
	static const int errors[] = { EAGAIN, ENOSYS, EFAULT, EINVAL };
	unsigned char dst[64];

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		(void)reset(NULL);
		kernel.at_most = 10;
		kernel.fail_at = 3;
		kernel.error = errors[i];
		memset(dst, 0xAA, sizeof(dst));
		assert_int_equal(random_bytes(dst, sizeof(dst)), ERR_CRYPTO);
		assert_true(all_zero(dst, sizeof(dst)));
	}
}

static void no_bytes_is_a_failure(void **state)
{
	unsigned char dst[32];

	(void)state;
	kernel.nothing = true;
	memset(dst, 0xAA, sizeof(dst));
	assert_int_equal(random_bytes(dst, sizeof(dst)), ERR_CRYPTO);
	assert_true(all_zero(dst, sizeof(dst)));
}

static void short_reads_and_signals_are_gone_on_with(void **state)
{
	unsigned char dst[64] = { 0 };

	(void)state;
	kernel.at_most = 7;
	kernel.fail_at = 2;
	kernel.error = EINTR;
	assert_int_equal(random_bytes(dst, sizeof(dst)), ERR_OK);
	assert_int_equal(kernel.calls, 11);
	for (size_t i = 0; i + 16 <= sizeof(dst); i += 16)
		assert_false(all_zero(dst + i, 16));
}

static void below_is_in_range(void **state)
{
	unsigned char dst[1000];

	(void)state;
	for (unsigned below = 1; below <= 256; below++) {
		assert_int_equal(random_below(dst, sizeof(dst), below), ERR_OK);
		for (size_t i = 0; i < sizeof(dst); i++)
			assert_true(dst[i] < below);
	}
	assert_int_equal(random_below(dst, 1, 0), ERR_CRYPTO);
	assert_int_equal(random_below(dst, 1, 257), ERR_CRYPTO);
}

/* Chi square over 31 values: mean 30, and 107 is ten standard deviations above. A plain remainder
 * of a byte gives 220. */
static void below_is_uniform(void **state)
{
	static unsigned char dst[62000];
	const double expected = (double)sizeof(dst) / 31;
	unsigned counts[31] = { 0 };
	double chi = 0;

	(void)state;
	assert_int_equal(random_below(dst, sizeof(dst), 31), ERR_OK);
	for (size_t i = 0; i < sizeof(dst); i++)
		counts[dst[i]]++;
	for (size_t v = 0; v < 31; v++)
		chi += (counts[v] - expected) * (counts[v] - expected) / expected;
	assert_true(chi < 107);
}

static void below_fails_when_the_kernel_does(void **state)
{
	unsigned char dst[200];

	(void)state;
	kernel.fail_at = 2;
	kernel.error = EAGAIN;
	memset(dst, 0xAA, sizeof(dst));
	assert_int_equal(random_below(dst, sizeof(dst), 31), ERR_CRYPTO);
	assert_true(all_zero(dst, sizeof(dst)));
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, NONCE);
}

static void assert_all_differ(unsigned char *nonces, size_t n)
{
	qsort(nonces, n, NONCE, by_bytes);
	for (size_t i = 1; i < n; i++)
		assert_true(memcmp(nonces + i * NONCE, nonces + (i - 1) * NONCE, NONCE) != 0);
}

static void fill(unsigned char *nonces, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(random_bytes(nonces + i * NONCE, NONCE), ERR_OK);
}

/* The same number again from each of eight children forked from one state. */
static void A55_nonces_differ(void **state)
{
	const size_t n = getenv("CARDMFA_LONG") ? 1000000 : 10000, children = 8,
		     share = n / children;
	unsigned char *nonces = malloc(2 * n * NONCE);
	size_t have = n;

	(void)state;
	assert_non_null(nonces);
	fill(nonces, n);
	for (size_t c = 0; c < children; c++) {
		int pipe_fd[2], status;
		pid_t pid;

		assert_int_equal(pipe(pipe_fd), 0);
		pid = fork();
		if (pid == 0) {
			unsigned char one[NONCE];

			for (size_t i = 0; i < share; i++)
				if (random_bytes(one, NONCE) != ERR_OK ||
				    write(pipe_fd[1], one, NONCE) != NONCE)
					_exit(1);
			_exit(0);
		}
		assert_true(pid > 0);
		(void)close(pipe_fd[1]);
		for (size_t got = 0; got < share * NONCE;) {
			ssize_t r =
				read(pipe_fd[0], nonces + have * NONCE + got, share * NONCE - got);

			assert_true(r > 0);
			got += (size_t)r;
		}
		have += share;
		(void)close(pipe_fd[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_all_differ(nonces, have);
	free(nonces);
}

#ifdef CARDMFA_TEST_HOOKS
static void hook_fails_the_nth_call_once(void **state)
{
	unsigned char dst[8];

	(void)state;
	for (int nth = 1; nth < 4; nth++) {
		random_hook_fail(nth);
		for (int call = 1; call < 6; call++)
			assert_int_equal(random_bytes(dst, sizeof(dst)),
					 call == nth ? ERR_CRYPTO : ERR_OK);
	}
	random_hook_fail(2);
	random_hook_fail(0);
	for (int call = 1; call < 4; call++)
		assert_int_equal(random_bytes(dst, sizeof(dst)), ERR_OK);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(failure_denies_and_wipes, reset),
		cmocka_unit_test_setup(no_bytes_is_a_failure, reset),
		cmocka_unit_test_setup(short_reads_and_signals_are_gone_on_with, reset),
		cmocka_unit_test_setup(below_is_in_range, reset),
		cmocka_unit_test_setup(below_is_uniform, reset),
		cmocka_unit_test_setup(below_fails_when_the_kernel_does, reset),
		cmocka_unit_test_setup(A55_nonces_differ, reset),
#ifdef CARDMFA_TEST_HOOKS
		cmocka_unit_test_setup(hook_fails_the_nth_call_once, reset),
#endif
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
