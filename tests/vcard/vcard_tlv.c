/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_tlv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vbuf_free(struct vbuf *b)
{
	free(b->data);
	*b = (struct vbuf){ 0 };
}

void vbuf_clear(struct vbuf *b)
{
	b->len = 0;
}

static void vbuf_reserve(struct vbuf *b, size_t more)
{
	size_t room = b->room ? b->room : 64;

	while (room < b->len + more)
		room *= 2;
	if (room == b->room)
		return;
	b->data = realloc(b->data, room);
	if (!b->data)
		abort();
	b->room = room;
}

void vbuf_add(struct vbuf *b, const void *data, size_t len)
{
	if (!len)
		return;
	vbuf_reserve(b, len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void vbuf_byte(struct vbuf *b, unsigned int byte)
{
	uint8_t c = (uint8_t)byte;

	vbuf_add(b, &c, 1);
}

void vbuf_fill(struct vbuf *b, unsigned int byte, size_t len)
{
	if (!len)
		return;
	vbuf_reserve(b, len);
	memset(b->data + b->len, (int)byte, len);
	b->len += len;
}

void vbuf_take(struct vbuf *b, size_t len)
{
	if (len >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
}

void vbuf_copy(struct vbuf *to, const struct vbuf *from)
{
	vbuf_clear(to);
	vbuf_add(to, from->data, from->len);
}

void vtlv_add(struct vbuf *b, uint32_t tag, const void *data, size_t len)
{
	if (tag > 0xFFFF)
		vbuf_byte(b, tag >> 16);
	if (tag > 0xFF)
		vbuf_byte(b, tag >> 8);
	vbuf_byte(b, tag);
	if (len > 0xFFFF) {
		vbuf_byte(b, 0x83);
		vbuf_byte(b, (unsigned int)(len >> 16));
		vbuf_byte(b, (unsigned int)(len >> 8));
	} else if (len > 0xFF) {
		vbuf_byte(b, 0x82);
		vbuf_byte(b, (unsigned int)(len >> 8));
	} else if (len > 0x7F) {
		vbuf_byte(b, 0x81);
	}
	vbuf_byte(b, (unsigned int)len);
	vbuf_add(b, data, len);
}

void vtlv_add_buf(struct vbuf *b, uint32_t tag, const struct vbuf *value)
{
	vtlv_add(b, tag, value->data, value->len);
}

void vtlv_wrap(struct vbuf *b, uint32_t tag)
{
	struct vbuf whole = { 0 };

	vtlv_add_buf(&whole, tag, b);
	vbuf_free(b);
	*b = whole;
}

static bool vtlv_length(const uint8_t **p, const uint8_t *end, size_t *ret)
{
	size_t len = 0;
	int more;

	if (*p == end)
		return false;
	if (**p < 0x80) {
		*ret = *(*p)++;
		return true;
	}
	more = *(*p)++ & 0x7F;
	if (more < 1 || more > 3 || end - *p < more)
		return false;
	while (more--)
		len = len << 8 | *(*p)++;
	*ret = len;
	return true;
}

bool vtlv_next(const uint8_t **p, const uint8_t *end, struct vtlv *ret)
{
	const uint8_t *at = *p;
	uint32_t tag;
	size_t len;

	if (at == end)
		return false;
	tag = *at++;
	if ((tag & 0x1F) == 0x1F) {
		do {
			if (at == end || tag > 0xFFFF)
				return false;
			tag = tag << 8 | *at++;
		} while (tag & 0x80);
	}
	if (!vtlv_length(&at, end, &len) || len > (size_t)(end - at))
		return false;
	*ret = (struct vtlv){ .tag = tag, .data = at, .len = len };
	*p = at + len;
	return true;
}

bool vtlv_find(const uint8_t *data, size_t len, uint32_t tag, struct vtlv *ret)
{
	const uint8_t *p = data;
	struct vtlv t;

	if (!len)
		return false;
	while (vtlv_next(&p, data + len, &t)) {
		if (t.tag != tag)
			continue;
		*ret = t;
		return true;
	}
	return false;
}

static int vhex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	if (c >= '0' && c <= '9')
		return c - '0';
	return at && at - digits > 9 ? (int)(at - digits) : -1;
}

bool vhex_parse(const char *text, struct vbuf *ret)
{
	size_t len = strlen(text);

	vbuf_clear(ret);
	if (!strcmp(text, "-"))
		return true;
	if (len % 2)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int hi = vhex_digit(text[i]);
		int lo = vhex_digit(text[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		vbuf_byte(ret, (unsigned int)(hi << 4 | lo));
	}
	return true;
}

void vhex_add(struct vbuf *b, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		char two[3];

		snprintf(two, sizeof(two), "%02X", p[i]);
		vbuf_add(b, two, 2);
	}
}

bool vtext_unescape(const char *text, struct vbuf *ret)
{
	vbuf_clear(ret);
	for (; *text; text++) {
		int hi, lo;

		if (*text != '\\') {
			vbuf_byte(ret, (uint8_t)*text);
			continue;
		}
		if (*++text == '\\') {
			vbuf_byte(ret, '\\');
			continue;
		}
		if (*text != 'x' || (hi = vhex_digit(text[1])) < 0 ||
		    (lo = vhex_digit(text[2])) < 0)
			return false;
		vbuf_byte(ret, (unsigned int)(hi << 4 | lo));
		text += 2;
	}
	return true;
}
