/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "secret.h"

#define BELOW_MAX 256u

#ifdef CARDMFA_TEST_HOOKS
static int calls_until_failure;

void random_hook_fail(int nth)
{
	calls_until_failure = nth;
}

static bool hook_fails(void)
{
	return calls_until_failure > 0 && --calls_until_failure == 0;
}
#endif

enum err random_bytes(void *dst, size_t len)
{
	unsigned char *at = dst;
	size_t left = len;

#ifdef CARDMFA_TEST_HOOKS
	if (hook_fails()) {
		wipe(dst, len);
		return fail(ERR_CRYPTO, "getrandom: made to fail by a test");
	}
#endif
	while (left > 0) {
		/* A kernel that has no entropy yet must not hold up a login: it is refused. */
		ssize_t n = getrandom(at, left, GRND_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || (size_t)n > left) {
			int cause = errno;

			wipe(dst, len);
			return fail(ERR_CRYPTO, "getrandom: %s",
				    n < 0 ? strerror(cause) : "wrong count");
		}
		at += n;
		left -= (size_t)n;
	}
	return ERR_OK;
}

enum err random_below(unsigned char *dst, size_t n, unsigned below)
{
	if (below < 1 || below > BELOW_MAX)
		return fail(ERR_CRYPTO, "random values below %u", below);

	/* The largest multiple of `below` up to 256; what lies above is drawn again. */
	unsigned limit = BELOW_MAX - BELOW_MAX % below;

	for (size_t i = 0; i < n;) {
		unsigned char pool[64];
		enum err e = random_bytes(pool, sizeof(pool));

		if (e != ERR_OK) {
			wipe(dst, n);
			return e;
		}
		for (size_t j = 0; j < sizeof(pool) && i < n; j++)
			if (pool[j] < limit)
				dst[i++] = (unsigned char)(pool[j] % below);
		wipe(pool, sizeof(pool));
	}
	return ERR_OK;
}
