/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "vcard_cert.h"

#define STORED_MOST 65535
#define MATCH_LEN 258

static uint32_t crc_update(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 1 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
	return crc;
}

static void gzip_begin(struct vbuf *b)
{
	static const uint8_t head[] = { 0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0xFF };

	vbuf_clear(b);
	vbuf_add(b, head, sizeof(head));
}

static void gzip_le32(struct vbuf *b, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		vbuf_byte(b, n >> (8 * i));
}

void vcert_gzip(const struct vbuf *plain, struct vbuf *ret)
{
	uint32_t crc = 0xFFFFFFFFU;
	size_t done = 0;

	gzip_begin(ret);
	do {
		size_t part = plain->len - done < STORED_MOST ? plain->len - done : STORED_MOST;

		vbuf_byte(ret, done + part == plain->len);
		vbuf_byte(ret, (unsigned int)part);
		vbuf_byte(ret, (unsigned int)(part >> 8));
		vbuf_byte(ret, ~(unsigned int)part);
		vbuf_byte(ret, ~(unsigned int)part >> 8);
		vbuf_add(ret, plain->data + done, part);
		done += part;
	} while (done < plain->len);
	for (size_t i = 0; i < plain->len; i++)
		crc = crc_update(crc, plain->data[i]);
	gzip_le32(ret, ~crc);
	gzip_le32(ret, (uint32_t)plain->len);
}

struct bits {
	struct vbuf *to;
	unsigned int word;
	int count;
};

/* RFC 1951 3.1.1: fields from the least significant bit on. */
static void bits_put(struct bits *b, unsigned int value, int count)
{
	b->word |= value << b->count;
	b->count += count;
	while (b->count >= 8) {
		vbuf_byte(b->to, b->word);
		b->word >>= 8;
		b->count -= 8;
	}
}

/*
 * One block of fixed codes: the literal 0x30 (code 0110 0000), then matches of 258 bytes at
 * distance 1 (code 1100 0101 and 00000), the end of block (0000000). Huffman codes go most
 * significant bit first.
 */
void vcert_gzip_bomb(size_t len, struct vbuf *ret)
{
	size_t matches = len / MATCH_LEN;
	uint32_t crc = 0xFFFFFFFFU;
	struct bits b = { .to = ret };

	gzip_begin(ret);
	bits_put(&b, 3, 3);
	bits_put(&b, 0x06, 8);
	for (size_t i = 0; i < matches; i++) {
		bits_put(&b, 0xA3, 8);
		bits_put(&b, 0, 5);
	}
	bits_put(&b, 0, 7);
	bits_put(&b, 0, 7);
	len = 1 + matches * MATCH_LEN;
	for (size_t i = 0; i < len; i++)
		crc = crc_update(crc, 0x30);
	gzip_le32(ret, ~crc);
	gzip_le32(ret, (uint32_t)len);
}
