/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#ifdef CARDMFA_TEST_HOOKS
#include "clock_hook.h"

const struct moment *clock_hooked;

void clock_hook(const struct moment *m)
{
	clock_hooked = m;
}
#endif

int64_t clock_real_s(void)
{
#ifdef CARDMFA_TEST_HOOKS
	if (clock_hooked)
		return clock_hooked->real_s;
#endif
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts))
		abort();
	return (int64_t)ts.tv_sec;
}

static bool read_boot_ms(int64_t *ret)
{
#ifdef CARDMFA_TEST_HOOKS
	if (clock_hooked) {
		*ret = clock_hooked->boot_ms;
		return true;
	}
#endif
	struct timespec ts;

	if (clock_gettime(CLOCK_BOOTTIME, &ts))
		return false;
	*ret = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	return true;
}

int64_t clock_boot_ms(void)
{
	int64_t now;

	if (!read_boot_ms(&now))
		abort();
	return now;
}

int64_t deadline_in(int64_t ms)
{
	int64_t now;

	return read_boot_ms(&now) ? now + ms : INT64_MIN;
}

int deadline_left(int64_t deadline)
{
	int64_t now;

	if (!read_boot_ms(&now) || deadline <= now)
		return 0;
	return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}
