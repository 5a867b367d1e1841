/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_apdu.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool vapdu_parse(const uint8_t *bytes, size_t len, struct vapdu *ret)
{
	struct vapdu a = { 0 };
	size_t rest;

	if (len < 4)
		return false;
	a.cla = bytes[0];
	a.ins = bytes[1];
	a.p1 = bytes[2];
	a.p2 = bytes[3];
	rest = len - 4;
	if (rest == 1) {
		a.le = bytes[4] ? bytes[4] : 256;
	} else if (rest > 1 && bytes[4]) {
		a.lc = bytes[4];
		a.data = bytes + 5;
		if (rest != 1 + a.lc && rest != 2 + a.lc)
			return false;
		if (rest == 2 + a.lc)
			a.le = bytes[len - 1] ? bytes[len - 1] : 256;
	} else if (rest == 3) {
		a.extended = true;
		a.le = (size_t)(bytes[5] << 8 | bytes[6]);
		a.le = a.le ? a.le : 65536;
	} else if (rest > 3) {
		a.extended = true;
		a.lc = (size_t)(bytes[5] << 8 | bytes[6]);
		a.data = bytes + 7;
		if (!a.lc || (rest != 3 + a.lc && rest != 5 + a.lc))
			return false;
		if (rest == 5 + a.lc) {
			a.le = (size_t)(bytes[len - 2] << 8 | bytes[len - 1]);
			a.le = a.le ? a.le : 65536;
		}
	} else if (rest) {
		return false;
	}
	*ret = a;
	return true;
}

static bool object_is(const struct vapdu *a, const char *tag, size_t len)
{
	return a->lc == len + 2 && a->data[0] == 0x5C && !memcmp(a->data + 2, tag, len);
}

static bool is_chuid(const struct vapdu *a)
{
	return object_is(a, "\x5F\xC1\x02", 3);
}

static bool is_ccc(const struct vapdu *a)
{
	return object_is(a, "\x5F\xC1\x07", 3);
}

static bool is_cert_9a(const struct vapdu *a)
{
	return object_is(a, "\x5F\xC1\x05", 3);
}

static bool is_cert_9e(const struct vapdu *a)
{
	return object_is(a, "\x5F\xC1\x01", 3);
}

static bool is_discovery(const struct vapdu *a)
{
	return object_is(a, "\x7E", 1);
}

static bool is_logout(const struct vapdu *a)
{
	return a->p1 == 0xFF;
}

static bool is_query(const struct vapdu *a)
{
	return !a->lc;
}

static bool is_chained(const struct vapdu *a)
{
	return a->cla & 0x10;
}

static const struct {
	const char *name;
	uint8_t ins;
	bool (*is)(const struct vapdu *a);
} names[] = {
	{ "SELECT",    0xA4, NULL },
	{ "CHUID",     0xCB, is_chuid },
	{ "CCC",       0xCB, is_ccc },
	{ "CERT",      0xCB, is_cert_9a },
	{ "CERT9E",    0xCB, is_cert_9e },
	{ "DISCOVERY", 0xCB, is_discovery },
	{ "GETDATA",   0xCB, NULL },
	{ "LOGOUT",    0x20, is_logout },
	{ "QUERY",     0x20, is_query },
	{ "VERIFY",    0x20, NULL },
	{ "CHANGE",    0x24, NULL },
	{ "UNBLOCK",   0x2C, NULL },
	{ "SIGNPART",  0x87, is_chained },
	{ "SIGN",      0x87, NULL },
	{ "RESPONSE",  0xC0, NULL },
	{ "PUTDATA",   0xDB, NULL },
	{ "GENERATE",  0x47, NULL },
	{ "METADATA",  0xF7, NULL },
	{ "ATTEST",    0xF9, NULL },
	{ "VERSION",   0xFD, NULL },
	{ "SERIAL",    0xF8, NULL },
	{ "OTHER",     0x00, NULL },
};
_Static_assert(COUNT(names) <= VAPDU_NAMES, "room for every name");

int vapdu_name(const struct vapdu *a)
{
	for (size_t i = 0; i + 1 < COUNT(names); i++) {
		if (names[i].ins == a->ins && (!names[i].is || names[i].is(a)))
			return (int)i;
	}
	return (int)COUNT(names) - 1;
}

const char *vapdu_name_text(int name)
{
	return (size_t)name < COUNT(names) ? names[name].name : NULL;
}

bool vtarget_parse(const char *text, struct vtarget *ret)
{
	VBUF_AUTO hex = { 0 };

	*ret = (struct vtarget){ .name = -1, .ins = -1 };
	if (!strcmp(text, "ANY"))
		return true;
	if (!strcmp(text, "GENAUTH"))
		text = "87";
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(names[i].name, text))
			continue;
		ret->name = (int)i;
		return true;
	}
	if (!vhex_parse(text, &hex) || hex.len != 1)
		return false;
	ret->ins = hex.data[0];
	return true;
}

bool vtarget_matches(const struct vtarget *t, const struct vapdu *a)
{
	if (t->ins >= 0)
		return t->ins == a->ins;
	return t->name < 0 || t->name == vapdu_name(a);
}
