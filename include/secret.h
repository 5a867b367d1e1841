/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only home of a PIN, code, password, seed or key. Never formatted, logged, put in argv or the
 * environment. Declare with SECRET(name); it wipes itself when the scope ends.
 */
#ifndef CARDMFA_SECRET_H
#define CARDMFA_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define SECRET_MAX 512          /* PAM_MAX_RESP_SIZE */

struct secret {
	size_t len;             /* bytes used, <= SECRET_MAX; no NUL is kept or implied */
	unsigned char bytes[SECRET_MAX];
};

#define SECRET(name) struct secret name __attribute__((cleanup(secret_wipe))) = { .len = 0 }

/* Overwrites everything, also the length. */
void secret_wipe(struct secret *s);

/* Copies len bytes; ERR_INVALID when len > SECRET_MAX (then *s is wiped). */
MUST_USE enum err secret_set(struct secret *s, const void *bytes, size_t len);

/* Equal length and bytes, in time that depends on the lengths only. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Wipe memory of any kind (explicit_bzero; NULL is allowed with len 0). */
void wipe(void *p, size_t len);

/*
 * Process hygiene of every program that touches secrets: no core (RLIMIT_CORE 0), not dumpable,
 * no new privileges. ERR_SYSTEM when one of them can't be had.
 */
MUST_USE enum err secret_harden_process(void);

#endif
