/* SPDX-License-Identifier: Apache-2.0 */
/* Length of a DER SubjectPublicKeyInfo (u16), the key, then a signature of "fuzz" by it. */
#include "fuzz.h"
#include "key.h"
#include "key_ssh.h"

static void check_key(const struct key_info *key, const uint8_t *der, size_t len)
{
	unsigned char input[512];
	size_t input_len = 0;

	/* Only one encoding is taken, so it is the canonical one. */
	must(key->spki_len == len && memcmp(key->spki, der, len) == 0);
	must(key->algorithm >= KEY_RSA2048 && key->algorithm <= KEY_P384);
	must(key_signing_input(key->algorithm, "fuzz", 4, input, &input_len) == ERR_OK);
	must(input_len >= 32 && input_len <= sizeof(input));
}

/* A key that is written for sshd is read again as the same one. taken: as what enrolment took it. */
static void check_ssh(const uint8_t *der, size_t len, const struct key_info *taken)
{
	for (enum key_algorithm a = KEY_RSA2048; a <= KEY_P384; a++) {
		char text[KEY_SSH_TEXT_SIZE], *base64;
		struct key_ssh k, again;
		enum err e;

		memset(&k, UNTOUCHED, sizeof(k));
		e = key_ssh_from_spki(a, der, len, &k);
		must(!taken || (e == ERR_OK) == (a == taken->algorithm));
		if (e != ERR_OK) {
			must(e == ERR_INVALID && is_untouched(&k, sizeof(k)));
			continue;
		}
		base64 = strchr(key_ssh_text(&k, text, sizeof(text)), ' ') + 1;
		must(key_ssh_read(text, (size_t)(base64 - 1 - text), base64, strlen(base64), &again) == ERR_OK);
		must(again.algorithm == a && key_ssh_same(&k, &again));
	}
}

static void check_signature(const struct key_info *key, const uint8_t *sig, size_t len)
{
	enum err e = key_verify(key, "fuzz", 4, sig, len);

	must(e == ERR_OK || e == ERR_DENIED || e == ERR_CRYPTO);
	must(key_verify(key, "fuss", 4, sig, len) != ERR_OK);
	must(key_verify(key, "fuzz", 4, sig, 0) == ERR_DENIED);
	must(e != ERR_OK || key_verify(key, "fuzz", 4, sig, len - 1) == ERR_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	struct input spki = take_part(&in, take_u16(&in));
	uint8_t *der = copy_of(spki), *sig = copy_of(in);
	struct key_info key;
	enum err e;

	memset(&key, UNTOUCHED, sizeof(key));
	e = key_from_spki(der, spki.len, &key);
	if (e == ERR_OK) {
		check_key(&key, der, spki.len);
		check_signature(&key, sig, in.len);
	} else {
		must(e == ERR_WEAK_KEY || e == ERR_INVALID);
		must(is_untouched(&key, sizeof(key)));
	}
	check_ssh(der, spki.len, e == ERR_OK ? &key : NULL);
	free(der);
	free(sig);
	return 0;
}
