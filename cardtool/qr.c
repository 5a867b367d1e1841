/* SPDX-License-Identifier: Apache-2.0 */
#include "qr.h"

#include <errno.h>
#include <qrencode.h>
#include <string.h>

#include "secret.h"

/*
 * Black on white by the terminal's own codes: an unlit module must be light also where the screen
 * is dark.
 */
#define INK_BEGIN "\033[0;30;47m"
#define INK_END "\033[0m"

static bool dark(const QRcode *qr, int x, int y)
{
	if (x < 0 || y < 0 || x >= qr->width || y >= qr->width)
		return false;
	return qr->data[y * qr->width + x] & 1;
}

struct sheet {
	char *dst;
	size_t size, len;
};

/* len goes on where the room ends, so that the end can be judged once. */
static void put(struct sheet *s, const char *text)
{
	size_t n = strlen(text);

	if (s->len < s->size && n <= s->size - s->len)
		memcpy(s->dst + s->len, text, n);
	s->len += n;
}

static void draw_half_blocks(struct sheet *s, const QRcode *qr)
{
	/* Index: upper module dark, lower module dark. */
	static const char *const block[2][2] = { { " ", "\u2584" }, { "\u2580", "\u2588" } };

	for (int y = -QR_QUIET; y < qr->width + QR_QUIET; y += 2) {
		put(s, INK_BEGIN);
		for (int x = -QR_QUIET; x < qr->width + QR_QUIET; x++)
			put(s, block[dark(qr, x, y)][dark(qr, x, y + 1)]);
		put(s, INK_END "\n");
	}
}

static void draw_ascii(struct sheet *s, const QRcode *qr)
{
	for (int y = -QR_QUIET; y < qr->width + QR_QUIET; y++) {
		put(s, INK_BEGIN);
		for (int x = -QR_QUIET; x < qr->width + QR_QUIET; x++)
			put(s, dark(qr, x, y) ? "##" : "  ");
		put(s, INK_END "\n");
	}
}

enum err qr_draw(const char *text, bool half_blocks, char *dst, size_t size, size_t *len)
{
	struct sheet s = { .dst = dst, .size = size, .len = *len };
	QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

	if (!qr)
		return errno == ENOMEM ? fail(ERR_MEMORY, "QR code") :
					 fail(ERR_INVALID, "too long for a QR code");
	if (half_blocks)
		draw_half_blocks(&s, qr);
	else
		draw_ascii(&s, qr);
	wipe(qr->data, (size_t)qr->width * (size_t)qr->width);
	QRcode_free(qr);
	if (s.len > size)
		return fail(ERR_INVALID, "too long for a QR code");
	*len = s.len;
	return ERR_OK;
}
