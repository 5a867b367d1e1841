/* SPDX-License-Identifier: Apache-2.0 */
#include "keyring.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "ossl.h"
#include "random.h"

#define FILE_MAX 4096
#define KEY_LEN 32
#define KEY_CHARS (BASE64_LEN(KEY_LEN) + 1)     /* 43 and one '=' */
#define WORD "key "

struct entry {
	char id[KEYRING_ID_SIZE];
	unsigned char key[KEY_LEN];
};

struct keyring {
	size_t count;
	struct entry entries[KEYRING_MAX];
};

struct file {
	size_t len;
	char text[FILE_MAX + 1];
};

static void wipe_file(struct file *f)
{
	wipe(f, sizeof(*f));
}

static void drop_keyring(struct keyring **k)
{
	keyring_free(*k);
}

static enum err slurp(int fd, struct file *ret)
{
	ret->len = 0;
	while (ret->len < sizeof(ret->text)) {
		ssize_t n = pread(fd, ret->text + ret->len, sizeof(ret->text) - ret->len,
				  (off_t)ret->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(ERR_KEY_FILE, "key file: %s", strerror(errno));
		if (n == 0)
			return ERR_OK;
		ret->len += (size_t)n;
	}
	return fail(ERR_KEY_FILE, "key file: more than %d bytes", FILE_MAX);
}

/* Length of the id at s, which ends at a character that is not of an id; 0 when it is too long. */
static size_t id_len(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9')))
		n++;
	return n < KEYRING_ID_SIZE ? n : 0;
}

static const struct entry *find(const struct keyring *k, const char *id)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->entries[i].id, id) == 0)
			return &k->entries[i];
	return NULL;
}

/* One line that is neither empty nor a comment. NULL: taken; else what is wrong. */
static const char *read_line(struct keyring *k, const char *line, size_t len)
{
	const size_t word = strlen(WORD);

	if (len < word || memcmp(line, WORD, word) != 0)
		return "not \"key ID BASE64\"";
	line += word;
	len -= word;

	size_t n = id_len(line, len);

	if (n == 0 || n == len || line[n] != ' ')
		return "the id is not 1 to 16 of a-z and 0-9";
	if (len != n + 1 + KEY_CHARS || line[len - 1] != '=')
		return "the key is not 32 bytes in base64";
	if (k->count == KEYRING_MAX)
		return "more than 16 keys";

	struct entry *e = &k->entries[k->count];

	memcpy(e->id, line, n);
	e->id[n] = '\0';
	if (find(k, e->id))
		return "the id stands there twice";
	if (!base64_decode(e->key, sizeof(e->key), line + n + 1))
		return "the key is not 32 bytes in base64";
	k->count++;
	return NULL;
}

static enum err read_lines(struct keyring *k, const struct file *f)
{
	int number = 0;

	for (size_t at = 0; at < f->len;) {
		const char *line = f->text + at;
		const char *end = memchr(line, '\n', f->len - at);
		size_t len = end ? (size_t)(end - line) : f->len - at;
		const char *wrong = NULL;

		number++;
		if (len > 0 && line[0] != '#')
			wrong = read_line(k, line, len);
		if (wrong)
			return fail(ERR_KEY_FILE, "key file, line %d: %s", number, wrong);
		at += len + 1;
	}
	if (k->count == 0)
		return fail(ERR_KEY_FILE, "key file, line %d: no key until here, the end", number);
	return ERR_OK;
}

enum err keyring_read(int fd, struct keyring **ret)
{
	struct file f __attribute__((cleanup(wipe_file)));
	struct keyring *k __attribute__((cleanup(drop_keyring))) = calloc(1, sizeof(*k));
	enum err e = slurp(fd, &f);

	if (e != ERR_OK)
		return e;
	if (!k)
		return fail(ERR_MEMORY, "key file");
	e = read_lines(k, &f);
	if (e != ERR_OK)
		return e;
	*ret = k;
	k = NULL;
	return ERR_OK;
}

void keyring_free(struct keyring *k)
{
	if (!k)
		return;
	wipe(k, sizeof(*k));
	free(k);
}

const char *keyring_newest(const struct keyring *k)
{
	return k->entries[k->count - 1].id;
}

/* HKDF-SHA-256 (RFC 5869), no salt: the input is uniform already. */
static enum err derive(const struct entry *entry, const char *info, unsigned char dst[KEY_LEN])
{
	OSSL_OWNED(EVP_KDF, kdf);
	OSSL_OWNED(EVP_KDF_CTX, ctx);
	OSSL_LIB_CTX *lib = ossl_ctx();
	unsigned char input[KEY_LEN];
	char digest[] = "SHA256";
	char label[32];
	int done;

	if (!lib)
		return ERR_CRYPTO;
	kdf = EVP_KDF_fetch(lib, "HKDF", NULL);
	ctx = EVP_KDF_CTX_new(kdf);
	if (!ctx)
		return ossl_fail("HKDF");
	memcpy(input, entry->key, sizeof(input));
	(void)snprintf(label, sizeof(label), "%s", info);

	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, input, sizeof(input)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, strlen(label)),
		OSSL_PARAM_construct_end(),
	};

	done = EVP_KDF_derive(ctx, dst, KEY_LEN, params);
	wipe(input, sizeof(input));
	return done == 1 ? ERR_OK : ossl_fail("HKDF");
}

enum err keyring_key(const struct keyring *k, const char *id, enum keyring_use use,
		     struct secret *ret)
{
	static const char *const infos[] = {
		[KEYRING_SEAL] = "cardmfa seal",
		[KEYRING_PASSWORD] = "cardmfa password",
	};
	const struct entry *entry = find(k, id);
	SECRET(key);
	enum err e;

	if (use != KEYRING_SEAL && use != KEYRING_PASSWORD)
		return fail(ERR_CRYPTO, "no use %d of a key", (int)use);
	if (!entry)
		return fail(ERR_NOT_FOUND, "the key file has no key \"%s\"", id);
	e = derive(entry, infos[use], key.bytes);
	if (e != ERR_OK)
		return e;
	return secret_set(ret, key.bytes, KEY_LEN);
}

enum err keyring_line(const char *id, char *dst, size_t size)
{
	unsigned char key[KEY_LEN];
	size_t n = id_len(id, strlen(id));
	enum err e;

	if (n == 0 || id[n] != '\0')
		return fail(ERR_INVALID, "id of a key: not 1 to 16 of a-z and 0-9");
	if (size < strlen(WORD) + n + 1 + KEY_CHARS + 2)
		return fail(ERR_INVALID, "no room for the line of a key");
	e = random_bytes(key, sizeof(key));
	if (e != ERR_OK)
		return e;

	char *at = stpcpy(stpcpy(stpcpy(dst, WORD), id), " ");

	at += base64_encode(at, key, sizeof(key));
	(void)strcpy(at, "=\n");
	wipe(key, sizeof(key));
	return ERR_OK;
}
