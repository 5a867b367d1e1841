/* SPDX-License-Identifier: Apache-2.0 */
/* A DER certificate, as a card brings it. */
#include "fuzz.h"
#include "key.h"
#include "text.h"

static void check_info(const struct cert_info *info)
{
	struct key_info again;

	must(key_from_spki(info->key.spki, info->key.spki_len, &again) == ERR_OK);
	must(again.algorithm == info->key.algorithm);
	must(memcmp(again.spki_sha256, info->key.spki_sha256, sizeof(again.spki_sha256)) == 0);
	must(memchr(info->subject, '\0', sizeof(info->subject)) != NULL);
	must(text_is_utf8(info->subject, strlen(info->subject)));
	must(is_shown_safely(info->subject));
}

/* A container's filling changes nothing, and nothing else may follow. */
static void check_padding(const struct cert_info *info, const uint8_t *der, size_t len)
{
	struct cert_info again;
	uint8_t *padded = malloc(len + 3);

	must(padded != NULL);
	memset(&again, 0, sizeof(again));
	memcpy(padded, der, len);
	memcpy(padded + len, "\xFF\x00", 3);
	must(key_from_certificate(padded, len + 2, &again) == ERR_OK);
	must(again.not_before == info->not_before && again.not_after == info->not_after);
	must(memcmp(again.key.spki_sha256, info->key.spki_sha256, 32) == 0);
	must(strcmp(again.subject, info->subject) == 0);
	padded[len] = 0x30;
	must(key_from_certificate(padded, len + 1, &again) != ERR_OK);
	free(padded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	uint8_t *der = copy_of(in);
	struct cert_info info;
	enum err e;

	memset(&info, UNTOUCHED, sizeof(info));
	e = key_from_certificate(der, in.len, &info);
	if (e == ERR_OK) {
		check_info(&info);
		check_padding(&info, der, in.len);
	} else {
		must(e == ERR_WEAK_KEY || e == ERR_INVALID || e == ERR_CRYPTO);
		must(is_untouched(&info, sizeof(info)));
	}
	free(der);
	return 0;
}
