/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a try is: a process, known by pid and start time. */
#ifndef CARDMFA_LOCKOUT_OWNER_H
#define CARDMFA_LOCKOUT_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* This process; start in clock ticks since boot. ERR_SYSTEM. */
MUST_USE enum err lockout_owner_self(int64_t *pid, int64_t *start);

/* True once the process of that pid and start time in this boot has ended (a zombie has). */
bool lockout_owner_gone(int64_t pid, int64_t start);

#endif
