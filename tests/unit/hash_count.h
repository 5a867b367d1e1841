/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the hashes of passwords, in the place of libargon2's own call, and can make them fail. */
#ifndef CARDMFA_HASH_COUNT_H
#define CARDMFA_HASH_COUNT_H

#include <argon2.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static struct {
	unsigned n;
	bool fails;
} hashes;

int argon2id_ctx(argon2_context *ctx)
{
	static int (*real)(argon2_context *ctx);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "argon2id_ctx");
	if (!real)
		abort();
	hashes.n++;
	return hashes.fails ? ARGON2_MEMORY_ALLOCATION_ERROR : real(ctx);
}

#endif
