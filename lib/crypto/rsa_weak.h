/* SPDX-License-Identifier: Apache-2.0 */
/* Moduli that are known to be bad. Internal to lib/crypto. */
#ifndef CARDMFA_RSA_WEAK_H
#define CARDMFA_RSA_WEAK_H

#include <openssl/types.h>
#include <stdbool.h>

/*
 * CVE-2017-15361 (ROCA): the modulus is a power of 65537 modulo each of the 38 odd primes up to
 * 167. A sound modulus does so by chance once in 2^27.
 */
bool rsa_weak_roca(const BIGNUM *n);

/* A prime below 2^16 divides n (2 too). */
bool rsa_weak_small_factor(const BIGNUM *n);

#endif
