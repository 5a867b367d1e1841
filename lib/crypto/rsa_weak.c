/* SPDX-License-Identifier: Apache-2.0 */
#include "rsa_weak.h"

#include <openssl/bn.h>
#include <stdint.h>
#include <string.h>

#define GENERATOR 65537u
#define ROCA_PRIME_MAX 167u
#define FACTOR_MAX 65536u

/* Is r in the subgroup that 65537 generates modulo the prime p? */
static bool is_power(unsigned r, unsigned p)
{
	const unsigned g = GENERATOR % p;
	unsigned power = 1;

	do {
		if (power == r)
			return true;
		power = power * g % p;
	} while (power != 1);
	return false;
}

static bool is_prime(unsigned n)
{
	for (unsigned d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n >= 2;
}

bool rsa_weak_roca(const BIGNUM *n)
{
	for (unsigned p = 3; p <= ROCA_PRIME_MAX; p += 2)
		if (is_prime(p) && !is_power((unsigned)BN_mod_word(n, p), p))
			return false;
	return true;
}

/* Does one of the primes whose product is `product` divide n? */
static bool shares_factor(const BIGNUM *n, uint64_t product)
{
	uint64_t a = product, b = BN_mod_word(n, product);

	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a != 1;
}

bool rsa_weak_small_factor(const BIGNUM *n)
{
	unsigned char composite[FACTOR_MAX];
	uint64_t product = 1;

	memset(composite, 0, sizeof(composite));
	for (unsigned p = 2; p < FACTOR_MAX; p++) {
		if (composite[p])
			continue;
		for (unsigned multiple = 2 * p; multiple < FACTOR_MAX; multiple += p)
			composite[multiple] = 1;
		/* As many primes at once as a word holds: one long division for four or more. */
		if (product > UINT64_MAX / p) {
			if (shares_factor(n, product))
				return true;
			product = 1;
		}
		product *= p;
	}
	return shares_factor(n, product);
}
