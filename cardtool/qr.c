/* SPDX-License-Identifier: Apache-2.0 */
#include "qr.h"

#include <errno.h>
#include <qrencode.h>

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

static void print_half_blocks(FILE *f, const QRcode *qr)
{
	/* Index: upper module dark, lower module dark. */
	static const char *const block[2][2] = { { " ", "\u2584" }, { "\u2580", "\u2588" } };

	for (int y = -QR_QUIET; y < qr->width + QR_QUIET; y += 2) {
		fputs(INK_BEGIN, f);
		for (int x = -QR_QUIET; x < qr->width + QR_QUIET; x++)
			fputs(block[dark(qr, x, y)][dark(qr, x, y + 1)], f);
		fputs(INK_END "\n", f);
	}
}

static void print_ascii(FILE *f, const QRcode *qr)
{
	for (int y = -QR_QUIET; y < qr->width + QR_QUIET; y++) {
		fputs(INK_BEGIN, f);
		for (int x = -QR_QUIET; x < qr->width + QR_QUIET; x++)
			fputs(dark(qr, x, y) ? "##" : "  ", f);
		fputs(INK_END "\n", f);
	}
}

enum err qr_print(FILE *f, const char *text, bool half_blocks)
{
	QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

	if (!qr)
		return errno == ENOMEM ? fail(ERR_MEMORY, "QR code") :
					 fail(ERR_INVALID, "too long for a QR code");
	if (half_blocks)
		print_half_blocks(f, qr);
	else
		print_ascii(f, qr);
	wipe(qr->data, (size_t)qr->width * (size_t)qr->width);
	QRcode_free(qr);
	return ERR_OK;
}
