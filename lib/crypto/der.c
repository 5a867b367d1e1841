/* SPDX-License-Identifier: Apache-2.0 */
#include "der.h"

/* Content length; false unless it is definite, minimal and below 64 kB. *header: bytes of tag and
 * length. */
static bool read_length(struct span from, size_t *header, size_t *ret)
{
	if (from.len < 2)
		return false;

	unsigned char first = from.p[1];

	if (first < 0x80) {
		*header = 2;
		*ret = first;
		return true;
	}
	if (first == 0x81 && from.len >= 3 && from.p[2] >= 0x80) {
		*header = 3;
		*ret = from.p[2];
		return true;
	}
	if (first == 0x82 && from.len >= 4 && from.p[2] != 0) {
		*header = 4;
		*ret = (size_t)from.p[2] << 8 | from.p[3];
		return true;
	}
	return false;
}

bool der_take(struct span *from, unsigned char tag, struct span *ret)
{
	size_t header, len;

	if (!read_length(*from, &header, &len) || from->p[0] != tag || from->len - header < len)
		return false;
	*ret = (struct span){ .p = from->p + header, .len = len };
	from->p += header + len;
	from->len -= header + len;
	return true;
}

bool der_whole(struct span from, unsigned char tag, struct span *ret)
{
	return der_take(&from, tag, ret) && from.len == 0;
}

bool der_take_positive(struct span *from, struct span *ret)
{
	struct span v;

	if (!der_take(from, DER_INTEGER, &v) || v.len == 0 || v.p[0] >= 0x80)
		return false;
	if (v.p[0] == 0) {
		/* 00 stands only before a byte that would make the number negative. */
		if (v.len == 1 || v.p[1] < 0x80)
			return false;
		v.p++;
		v.len--;
	}
	*ret = v;
	return true;
}
