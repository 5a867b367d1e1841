/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only reader of time. A plain build reads the kernel's clocks. Under --enable-test-hooks
 * clock_hook() replaces them, so tests set the clock and never sleep.
 */
#ifndef CARDMFA_CLOCK_H
#define CARDMFA_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define CLOCK_BOOT_ID_LEN 36    /* /proc/sys/kernel/random/boot_id, lower case with dashes */

/* A moment that can be compared after a reboot. */
struct moment {
	char boot_id[CLOCK_BOOT_ID_LEN + 1];
	int64_t boot_ms;        /* CLOCK_BOOTTIME, milliseconds */
	int64_t real_s;         /* CLOCK_REALTIME, UTC seconds */
};

/* The present moment. ERR_CLOCK: the boot id can't be read. */
MUST_USE enum err clock_now(struct moment *ret);

/* CLOCK_REALTIME in UTC seconds; CLOCK_BOOTTIME in milliseconds. Never fail (abort() if the kernel does). */
int64_t clock_real_s(void);
int64_t clock_boot_ms(void);

/*
 * Milliseconds from then to now, for durations that outlive a reboot: the same boot counts
 * BOOTTIME, else REALTIME. Clipped to [0, full_ms].
 */
int64_t clock_elapsed_ms(const struct moment *then, const struct moment *now, int64_t full_ms);

/*
 * Deadlines: a point of CLOCK_BOOTTIME in ms. A module waits with them inside its host, which it must not end: for a clock
 * that can't be read every deadline has passed.
 */
int64_t deadline_in(int64_t ms);
/* Milliseconds left, 0 when passed; never more than INT_MAX: fit for poll(2). */
int deadline_left(int64_t deadline);

#ifdef CARDMFA_TEST_HOOKS
/* NULL: the kernel's. Otherwise each read returns what *m holds. */
void clock_hook(const struct moment *m);
#endif

#endif
