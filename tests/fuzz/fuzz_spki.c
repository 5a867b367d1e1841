/* SPDX-License-Identifier: Apache-2.0 */
/* Length of a DER SubjectPublicKeyInfo (u16), the key, then a signature of "fuzz" by it. */
#include "fuzz.h"
#include "key.h"

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
	free(der);
	free(sig);
	return 0;
}
