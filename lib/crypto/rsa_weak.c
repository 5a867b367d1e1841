/* SPDX-License-Identifier: Apache-2.0 */
#include "rsa_weak.h"

#include <openssl/bn.h>
#include <stdint.h>

#define GENERATOR 65537u
#define FACTOR_MAX 65536u

/* The primes up to 167 modulo which 65537 does not generate all residues; the others tell nothing. */
static const unsigned char roca_primes[] = {
	11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
};

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

bool rsa_weak_roca(const BIGNUM *n)
{
	for (size_t i = 0; i < sizeof(roca_primes); i++)
		if (!is_power((unsigned)BN_mod_word(n, roca_primes[i]), roca_primes[i]))
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
	bool composite[FACTOR_MAX] = { false };
	uint64_t product = 1;

	for (unsigned p = 2; p < FACTOR_MAX; p++) {
		if (composite[p])
			continue;
		for (unsigned multiple = 2 * p; multiple < FACTOR_MAX; multiple += p)
			composite[multiple] = true;
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
