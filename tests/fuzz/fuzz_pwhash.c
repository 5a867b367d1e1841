/* SPDX-License-Identifier: Apache-2.0 */
/* A password hash as the store may hold it. */
#include "fuzz.h"
#include "pwhash.h"

#define CHEAP_KIB PWHASH_M_MIN

/* A string that is not ours ends before any work; one of least cost is worked out. */
static void check_verify(const char *hash, bool ours, const struct pwhash_cost *cost)
{
	SECRET(password);
	SECRET(key);
	enum err e;

	must(secret_set(&password, "fuzz", 4) == ERR_OK);
	must(secret_set(&key, "0123456789abcdef0123456789abcdef", 32) == ERR_OK);
	if (ours && (cost->m_kib > CHEAP_KIB || cost->t > 1))
		return;
	e = pwhash_verify(&password, &key, "fuzz", hash);
	must(ours ? e == ERR_OK || e == ERR_SECRET_WRONG : e == ERR_STORE_CORRUPT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	char *hash = rest_text(&in), head[64];
	struct pwhash_cost cost = { .m_kib = 7, .t = 7 };
	enum err e = pwhash_cost_of(hash, &cost);

	must(e == ERR_OK || e == ERR_STORE_CORRUPT);
	if (e == ERR_OK) {
		must(cost.m_kib <= PWHASH_M_MAX && cost.t >= 1 && cost.t <= 32);
		snprintf(head, sizeof(head), "$argon2id$v=19$m=%u,t=%u,p=1$", cost.m_kib, cost.t);
		must(strncmp(hash, head, strlen(head)) == 0);
		must(strlen(hash) == strlen(head) + 22 + 1 + 43 && strlen(hash) < PWHASH_SIZE);
	} else {
		must(cost.m_kib == 7 && cost.t == 7);
	}
	check_verify(hash, e == ERR_OK, &cost);
	free(hash);
	return 0;
}
