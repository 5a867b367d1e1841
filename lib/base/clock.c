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

static struct timespec read_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		abort();
	return ts;
}

int64_t clock_real_s(void)
{
#ifdef CARDMFA_TEST_HOOKS
	if (clock_hooked)
		return clock_hooked->real_s;
#endif
	return (int64_t)read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t clock_boot_ms(void)
{
#ifdef CARDMFA_TEST_HOOKS
	if (clock_hooked)
		return clock_hooked->boot_ms;
#endif
	struct timespec ts = read_clock(CLOCK_BOOTTIME);

	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t deadline_in(int64_t ms)
{
	return clock_boot_ms() + ms;
}

int deadline_left(int64_t deadline)
{
	int64_t left = deadline - clock_boot_ms();

	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}
