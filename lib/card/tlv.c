/* SPDX-License-Identifier: Apache-2.0 */
#include "tlv.h"

#define TAG_BYTES_MAX 3
#define LENGTH_BYTES_MAX 3

struct tlv_cursor tlv_in(const uint8_t *bytes, size_t len)
{
	return (struct tlv_cursor){ .p = bytes, .end = bytes + len };
}

struct tlv_cursor tlv_inside(const struct tlv *t)
{
	return tlv_in(t->value, t->len);
}

static bool take(struct tlv_cursor *c, uint8_t *ret)
{
	if (c->p == c->end)
		return false;
	*ret = *c->p++;
	return true;
}

static bool take_tag(struct tlv_cursor *c, uint32_t *ret)
{
	uint32_t tag;
	uint8_t byte;

	if (!take(c, &byte))
		return false;
	tag = byte;
	if ((byte & 0x1F) == 0x1F) {
		int n = 1;

		do {
			if (n++ == TAG_BYTES_MAX || !take(c, &byte))
				return false;
			tag = tag << 8 | byte;
		} while (byte & 0x80);
	}
	*ret = tag;
	return true;
}

/* 80 (indefinite) and more than three bytes are refused: no object here is that long. */
static bool take_length(struct tlv_cursor *c, size_t *ret)
{
	size_t len = 0;
	uint8_t byte;

	if (!take(c, &byte))
		return false;
	if (byte < 0x80) {
		*ret = byte;
		return true;
	}
	if (byte == 0x80 || byte > 0x80 + LENGTH_BYTES_MAX)
		return false;
	for (int n = byte & 0x7F; n > 0; n--) {
		if (!take(c, &byte))
			return false;
		len = len << 8 | byte;
	}
	*ret = len;
	return true;
}

enum tlv_step tlv_next(struct tlv_cursor *c, struct tlv *ret)
{
	struct tlv_cursor at = *c;
	uint32_t tag;
	size_t len;

	if (at.p == at.end)
		return TLV_END;
	if (!take_tag(&at, &tag) || !take_length(&at, &len))
		return TLV_BAD;
	if (len > (size_t)(at.end - at.p))
		return TLV_BAD;
	*ret = (struct tlv){ .tag = tag, .value = at.p, .len = len };
	c->p = at.p + len;
	return TLV_ITEM;
}

bool tlv_only(struct tlv_cursor c, uint32_t tag, struct tlv *ret)
{
	struct tlv t;

	if (tlv_next(&c, &t) != TLV_ITEM || t.tag != tag || c.p != c.end)
		return false;
	*ret = t;
	return true;
}

bool tlv_padded(struct tlv_cursor c, uint32_t tag, struct tlv *ret)
{
	struct tlv t;

	if (tlv_next(&c, &t) != TLV_ITEM || t.tag != tag)
		return false;
	for (; c.p != c.end; c.p++)
		if (*c.p != 0x00 && *c.p != 0xFF)
			return false;
	*ret = t;
	return true;
}

bool tlv_find(struct tlv_cursor c, uint32_t tag, bool *found, struct tlv *ret)
{
	struct tlv t, hit = { 0 };
	enum tlv_step step;
	unsigned hits = 0;

	while ((step = tlv_next(&c, &t)) == TLV_ITEM) {
		if (t.tag != tag)
			continue;
		hit = t;
		hits++;
	}
	if (step != TLV_END || hits > 1)
		return false;
	*found = hits == 1;
	if (*found)
		*ret = hit;
	return true;
}
