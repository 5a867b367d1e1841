/* SPDX-License-Identifier: Apache-2.0 */
#include "key_ssh.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "der.h"

#define CERTIFICATE "-cert-v01@openssh.com"
#define EXPONENT_MAX 4          /* bytes of the greatest that is enrolled: KEY_SSH_FIELDS_MAX holds it and a zero before it */

static const struct kind {
	enum key_algorithm algorithm;
	const char *type, *curve;       /* NULL: RSA */
	size_t size;                    /* of the modulus, of the point */
} kinds[] = {
	{ KEY_RSA2048, "ssh-rsa", NULL, 256 },
	{ KEY_RSA3072, "ssh-rsa", NULL, 384 },
	{ KEY_RSA4096, "ssh-rsa", NULL, 512 },
	{ KEY_P256, "ecdsa-sha2-nistp256", "nistp256", 65 },
	{ KEY_P384, "ecdsa-sha2-nistp384", "nistp384", 97 },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(enum key_algorithm algorithm)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].algorithm == algorithm)
			return &kinds[i];
	return NULL;
}

/* -- writing -- */

static void put(struct key_ssh *k, const void *p, size_t len)
{
	memcpy(k->fields + k->len, p, len);
	k->len += len;
}

static void put_length(struct key_ssh *k, size_t len)
{
	const unsigned char bytes[] = { 0, 0, (unsigned char)(len >> 8), (unsigned char)len };

	put(k, bytes, sizeof(bytes));
}

static void put_string(struct key_ssh *k, const void *p, size_t len)
{
	put_length(k, len);
	put(k, p, len);
}

/* A magnitude whose first bit is set would read as a negative number. */
static void put_mpint(struct key_ssh *k, struct span number)
{
	const bool padded = number.p[0] & 0x80;

	put_length(k, number.len + padded);
	if (padded)
		put(k, "", 1);
	put(k, number.p, number.len);
}

static bool take_bits(struct span spki, struct span *ret)
{
	struct span algorithm;

	if (!der_whole(spki, DER_SEQUENCE, &spki) || !der_take(&spki, DER_SEQUENCE, &algorithm) ||
	    !der_whole(spki, DER_BIT_STRING, ret) || !ret->len || ret->p[0] != 0)
		return false;
	ret->p++;
	ret->len--;
	return true;
}

static bool put_rsa(struct key_ssh *k, const struct kind *kind, struct span bits)
{
	struct span n, e;

	if (!der_whole(bits, DER_SEQUENCE, &bits) || !der_take_positive(&bits, &n) || !der_take_positive(&bits, &e) ||
	    bits.len || n.len != kind->size || n.p[0] < 0x80 || e.len > EXPONENT_MAX)
		return false;
	put_mpint(k, e);
	put_mpint(k, n);
	return true;
}

static bool put_point(struct key_ssh *k, const struct kind *kind, struct span bits)
{
	if (bits.len != kind->size || bits.p[0] != 0x04)
		return false;
	put_string(k, kind->curve, strlen(kind->curve));
	put_string(k, bits.p, bits.len);
	return true;
}

enum err key_ssh_from_spki(enum key_algorithm algorithm, const void *spki, size_t len, struct key_ssh *ret)
{
	const struct kind *kind = kind_of(algorithm);
	struct key_ssh k = { .algorithm = algorithm };
	struct span bits;

	if (!kind || !take_bits((struct span){ .p = spki, .len = len }, &bits) ||
	    !(kind->curve ? put_point(&k, kind, bits) : put_rsa(&k, kind, bits)))
		return fail(ERR_INVALID, "a pinned key is not of its algorithm");
	*ret = k;
	return ERR_OK;
}

size_t key_ssh_blob(const struct key_ssh *k, unsigned char *dst)
{
	const char *type = kind_of(k->algorithm)->type;
	const size_t len = strlen(type);
	const unsigned char head[] = { 0, 0, 0, (unsigned char)len };

	memcpy(dst, head, sizeof(head));
	memcpy(dst + sizeof(head), type, len);
	memcpy(dst + sizeof(head) + len, k->fields, k->len);
	return sizeof(head) + len + k->len;
}

const char *key_ssh_text(const struct key_ssh *k, char *dst, size_t size)
{
	unsigned char blob[KEY_SSH_PLAIN_MAX];
	char text[BASE64_LEN(sizeof(blob)) + 4];
	size_t n = base64_encode(text, blob, key_ssh_blob(k, blob));

	while (n % 4)
		text[n++] = '=';
	(void)snprintf(dst, size, "%s %.*s", kind_of(k->algorithm)->type, (int)n, text);
	return dst;
}

/* -- reading -- */

static bool skip(struct span *from, size_t len)
{
	if (from->len < len)
		return false;
	from->p += len;
	from->len -= len;
	return true;
}

static bool take_string(struct span *from, struct span *ret)
{
	const unsigned char *n = from->p;

	if (!skip(from, 4))
		return false;
	*ret = (struct span){ .p = from->p, .len = (size_t)n[0] << 24 | (size_t)n[1] << 16 | (size_t)n[2] << 8 | n[3] };
	return skip(from, ret->len);
}

static bool is_text(struct span s, const char *text, size_t len)
{
	return s.len == len && memcmp(s.p, text, len) == 0;
}

/* By a modulus with the zero that stands before its first bit. */
static const struct kind *rsa_of(struct span n)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (!kinds[i].curve && n.len == 1 + kinds[i].size && n.p[0] == 0)
			return &kinds[i];
	return NULL;
}

/* The fields of a key off the front; NULL: malformed. Whether they are sound was for enrolment to judge: they are compared only. */
static const struct kind *take_fields(struct span *from, const struct kind *of_type)
{
	struct span first, second;

	if (!take_string(from, &first) || !take_string(from, &second))
		return NULL;
	if (!of_type->curve)
		return rsa_of(second);
	return is_text(first, of_type->curve, strlen(of_type->curve)) && second.len == of_type->size ? of_type : NULL;
}

/* Behind the key: serial, type, key id, principals, two times, options, extensions, reserved, authority's key, signature. */
static bool skip_certificate(struct span *from)
{
	static const size_t sizes[] = { 8, 4, 0, 0, 8, 8, 0, 0, 0, 0, 0 };     /* 0: a string */
	struct span s;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (!(sizes[i] ? skip(from, sizes[i]) : take_string(from, &s)))
			return false;
	return true;
}

static const struct kind *kind_of_type(const char *type, size_t len, bool *certificate)
{
	const size_t tail = sizeof(CERTIFICATE) - 1;

	*certificate = len > tail && memcmp(type + len - tail, CERTIFICATE, tail) == 0;
	if (*certificate)
		len -= tail;
	for (size_t i = 0; i < N_KINDS; i++)
		if (strlen(kinds[i].type) == len && memcmp(kinds[i].type, type, len) == 0)
			return &kinds[i];
	return NULL;
}

/* Padded, as OpenSSH writes it. */
static bool decode(const char *text, size_t len, unsigned char *dst, size_t size, size_t *ret)
{
	size_t padding = 0;

	if (!len || len % 4)
		return false;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	*ret = len / 4 * 3 - padding;
	return *ret <= size && base64_decode(dst, *ret, text);
}

enum err key_ssh_read(const char *type, size_t type_len, const char *base64, size_t base64_len, struct key_ssh *ret)
{
	unsigned char blob[KEY_SSH_BLOB_MAX];
	struct key_ssh k = { .len = 0 };
	struct span at = { .p = blob }, s, fields;
	bool certificate;
	const struct kind *kind = kind_of_type(type, type_len, &certificate);

	if (!kind)
		return ERR_NOT_FOUND;
	if (!decode(base64, base64_len, blob, sizeof(blob), &at.len) || !take_string(&at, &s) ||
	    !is_text(s, type, type_len) || (certificate && !take_string(&at, &s)))
		return fail(ERR_INVALID, "an SSH key is malformed");
	fields = at;
	kind = take_fields(&at, kind);
	fields.len -= at.len;
	if (!kind || fields.len > sizeof(k.fields) || (certificate && !skip_certificate(&at)) || at.len)
		return fail(ERR_INVALID, "an SSH key is malformed, or of a size that no card here has");
	k.algorithm = kind->algorithm;
	put(&k, fields.p, fields.len);
	*ret = k;
	return ERR_OK;
}

bool key_ssh_same(const struct key_ssh *a, const struct key_ssh *b)
{
	return a->algorithm == b->algorithm && a->len == b->len && memcmp(a->fields, b->fields, a->len) == 0;
}
