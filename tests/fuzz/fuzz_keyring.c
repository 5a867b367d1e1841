/* SPDX-License-Identifier: Apache-2.0 */
/* A store key file. */
#include "fuzz.h"
#include "keyring.h"

static void check_keys(const struct keyring *k)
{
	const char *newest = keyring_newest(k);
	size_t len = strlen(newest);
	SECRET(seal);
	SECRET(password);

	must(len >= 1 && len < KEYRING_ID_SIZE);
	must(strspn(newest, "abcdefghijklmnopqrstuvwxyz0123456789") == len);
	must(keyring_key(k, newest, KEYRING_SEAL, &seal) == ERR_OK && seal.len == 32);
	must(keyring_key(k, newest, KEYRING_PASSWORD, &password) == ERR_OK && password.len == 32);
	must(!secret_equal(&seal, &password));
	must(keyring_key(k, "", KEYRING_SEAL, &seal) == ERR_NOT_FOUND);
	must(keyring_key(k, "Not", KEYRING_SEAL, &seal) == ERR_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	int fd = memory_file(in.p, in.len);
	struct keyring *k = NULL;
	enum err e = keyring_read(fd, &k);

	must(e == ERR_OK ? k != NULL : e == ERR_KEY_FILE && k == NULL);
	if (k)
		check_keys(k);
	keyring_free(k);
	close(fd);
	return 0;
}
