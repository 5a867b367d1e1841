/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARDMFA_CLOCK_HOOK_H
#define CARDMFA_CLOCK_HOOK_H

#include "clock.h"

/* What clock_hook() set; NULL: the kernel's clocks. */
extern const struct moment *clock_hooked;

#endif
