/* SPDX-License-Identifier: Apache-2.0 */
#include "krl.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"

#define HASH_SIZE 32
#define FORMAT 1
#define SECTION_SHA256 5

typedef unsigned char hash[HASH_SIZE];

struct krl {
	size_t n, room;
	hash *hashes;
};

struct krl *krl_new(void)
{
	return calloc(1, sizeof(struct krl));
}

void krl_free(struct krl **k)
{
	if (*k)
		free((*k)->hashes);
	free(*k);
	*k = NULL;
}

static enum err make_room(struct krl *k)
{
	const size_t room = k->room ? 2 * k->room : 256;
	hash *more = reallocarray(k->hashes, room, sizeof(hash));

	if (!more)
		return fail(ERR_MEMORY, "a list of %zu keys", room);
	k->hashes = more;
	k->room = room;
	return ERR_OK;
}

enum err krl_add(struct krl *k, const struct key_ssh *key)
{
	unsigned char blob[KEY_SSH_PLAIN_MAX];
	enum err e = k->n < k->room ? ERR_OK : make_room(k);

	if (!e)
		e = digest_sha256(blob, key_ssh_blob(key, blob), k->hashes[k->n]);
	if (!e)
		k->n++;
	return e;
}

static void put_number(FILE *out, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		(void)putc((int)(v >> 8 * bytes & 0xFF), out);
}

static void put_string(FILE *out, const void *bytes, size_t len)
{
	put_number(out, len, 4);
	(void)fwrite(bytes, 1, len, out);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, HASH_SIZE);
}

void krl_write(struct krl *k, int64_t at, FILE *out)
{
	static const char magic[8] = "SSHKRL\n", comment[] = "cardmfa";

	(void)fwrite(magic, 1, sizeof(magic), out);
	put_number(out, FORMAT, 4);
	put_number(out, (uint64_t)at, 8);               /* number of this list */
	put_number(out, (uint64_t)at, 8);               /* when it was made */
	put_number(out, 0, 8);                          /* flags */
	put_string(out, "", 0);                         /* reserved */
	put_string(out, comment, sizeof(comment) - 1);
	if (k->n == 0)
		return;
	qsort(k->hashes, k->n, sizeof(hash), compare);
	put_number(out, SECTION_SHA256, 1);
	put_number(out, k->n * (4 + HASH_SIZE), 4);
	for (size_t i = 0; i < k->n; i++)
		put_string(out, k->hashes[i], HASH_SIZE);
}
