/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A public key or certificate in SSH's form. 't': the line "TYPE BASE64" as it stands. Anything else: the type up to the end of
 * a line, then the bytes that base64 would hold.
 */
#include <openssl/evp.h>

#include "fuzz.h"
#include "key_ssh.h"

struct line {
	size_t type_len, base64_len;
	char *type, *base64;
};

static struct line as_it_stands(struct input in)
{
	char *type = (char *)copy_of(in);
	const char *blank = in.len ? memchr(type, ' ', in.len) : NULL;
	const size_t len = blank ? (size_t)(blank - type) : in.len;
	const struct input rest = { in.p + len + (blank != NULL), in.len - len - (blank != NULL) };

	return (struct line){ .type = type, .type_len = len, .base64 = (char *)copy_of(rest), .base64_len = rest.len };
}

static struct line encoded(struct input in)
{
	struct line l = { .type = take_text(&in) };

	l.type_len = strlen(l.type);
	l.base64 = malloc((in.len + 2) / 3 * 4 + 1);
	must(l.base64 != NULL);
	l.base64_len = (size_t)EVP_EncodeBlock((unsigned char *)l.base64, in.p, (int)in.len);
	return l;
}

static bool is_certificate(const struct line *l)
{
	static const char tail[] = "-cert-v01@openssh.com";
	const size_t len = sizeof(tail) - 1;

	return l->type_len > len && memcmp(l->type + l->type_len - len, tail, len) == 0;
}

/* The key of a certificate stands in it as it stands in the plain one. */
static bool holds(const struct line *l, const struct key_ssh *k)
{
	unsigned char *blob = malloc(l->base64_len + 1);
	const int len = EVP_DecodeBlock(blob, (const unsigned char *)l->base64, (int)l->base64_len);
	bool found;

	must(blob != NULL && len > 0);
	found = memmem(blob, (size_t)len, k->fields, k->len) != NULL;
	free(blob);
	return found;
}

static void check_key(const struct line *l, const struct key_ssh *k)
{
	char text[KEY_SSH_TEXT_SIZE];
	struct key_ssh again;
	const char *base64;
	size_t type_len;

	must(k->algorithm >= KEY_RSA2048 && k->algorithm <= KEY_P384);
	must(k->len > 0 && k->len <= sizeof(k->fields));
	must(strlen(key_ssh_text(k, text, sizeof(text))) < sizeof(text) - 1);
	base64 = strchr(text, ' ') + 1;
	type_len = (size_t)(base64 - 1 - text);
	must(key_ssh_read(text, type_len, base64, strlen(base64), &again) == ERR_OK);
	must(key_ssh_same(k, &again));
	must(holds(l, k));
	if (is_certificate(l))
		return;
	/* One line for one key: it is written as it was read. */
	must(type_len == l->type_len && memcmp(text, l->type, type_len) == 0);
	must(strlen(base64) == l->base64_len && memcmp(base64, l->base64, l->base64_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	struct line l = take_u8(&in) == 't' ? as_it_stands(in) : encoded(in);
	struct key_ssh k;
	enum err e;

	memset(&k, UNTOUCHED, sizeof(k));
	e = key_ssh_read(l.type, l.type_len, l.base64, l.base64_len, &k);
	if (e == ERR_OK) {
		check_key(&l, &k);
	} else {
		must(e == ERR_NOT_FOUND || e == ERR_INVALID);
		must(is_untouched(&k, sizeof(k)));
	}
	free(l.type);
	free(l.base64);
	return 0;
}
