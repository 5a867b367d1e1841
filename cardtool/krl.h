/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSH's key revocation list (PROTOCOL.krl): SHA-256 fingerprints of keys, which certificates of those keys have too. */
#ifndef CARDMFA_KRL_H
#define CARDMFA_KRL_H

#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "key_ssh.h"

struct krl;

/* NULL: out of memory. */
struct krl *krl_new(void);
void krl_free(struct krl **k);

/* ERR_MEMORY, ERR_CRYPTO. */
MUST_USE enum err krl_add(struct krl *k, const struct key_ssh *key);

/* The whole list, made at this time, which is its number too. Of failures of `out` the caller knows. */
void krl_write(struct krl *k, int64_t at, FILE *out);

#endif
