/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARDMFA_RANDOM_H
#define CARDMFA_RANDOM_H

#include <stddef.h>

#include "error.h"

/* Fills dst whole from the kernel (getrandom) or fails with ERR_CRYPTO; dst is wiped then. */
MUST_USE enum err random_bytes(void *dst, size_t len);

/* n uniform values below `below` (1..256), without modulo bias. */
MUST_USE enum err random_below(unsigned char *dst, size_t n, unsigned below);

#ifdef CARDMFA_TEST_HOOKS
/* The nth call of random_bytes() from now on fails once (1: the next one; 0: none). */
void random_hook_fail(int nth);
#endif

#endif
