/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffers and BER-TLV (ISO 7816-4 5.2.2) of the virtual card.
 * An allocation that fails ends the program: it is a test's tool.
 */
#ifndef VCARD_TLV_H
#define VCARD_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vbuf {
	uint8_t *data;
	size_t len;
	size_t room;
};

void vbuf_free(struct vbuf *b);
void vbuf_clear(struct vbuf *b);
void vbuf_add(struct vbuf *b, const void *data, size_t len);
void vbuf_byte(struct vbuf *b, unsigned int byte);
/* `len` bytes of the value `byte`. */
void vbuf_fill(struct vbuf *b, unsigned int byte, size_t len);
/* Takes `len` bytes from the front away. */
void vbuf_take(struct vbuf *b, size_t len);
void vbuf_copy(struct vbuf *to, const struct vbuf *from);

#define VBUF_AUTO __attribute__((cleanup(vbuf_free))) struct vbuf

/* Appends tag (1 to 3 bytes, as the standard writes it: 0x5FC102), minimal length and value. */
void vtlv_add(struct vbuf *b, uint32_t tag, const void *data, size_t len);
void vtlv_add_buf(struct vbuf *b, uint32_t tag, const struct vbuf *value);
/* Wraps everything that is in `b` in `tag`. */
void vtlv_wrap(struct vbuf *b, uint32_t tag);

struct vtlv {
	uint32_t tag;
	const uint8_t *data;
	size_t len;
};

/*
 * Reads the next element from *p (up to end) and moves *p behind it; false at the end or when
 * malformed.
 */
bool vtlv_next(const uint8_t **p, const uint8_t *end, struct vtlv *ret);
/* The first element `tag` among those in data; false when there is none. */
bool vtlv_find(const uint8_t *data, size_t len, uint32_t tag, struct vtlv *ret);

/* "0aFF" to bytes; false when it is not hexadecimal of an even length. "-" is no byte at all. */
bool vhex_parse(const char *text, struct vbuf *ret);
/* Appends data as upper-case hexadecimal text, without a final NUL. */
void vhex_add(struct vbuf *b, const void *data, size_t len);
/* Text with \xNN and \\ escapes to bytes; false on a bad escape. */
bool vtext_unescape(const char *text, struct vbuf *ret);

#endif
