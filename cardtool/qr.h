/* SPDX-License-Identifier: Apache-2.0 */
/* A QR code on a terminal. The only user of libqrencode. */
#ifndef CARDMFA_QR_H
#define CARDMFA_QR_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define QR_QUIET 2      /* modules around it: less, and phones do not see it on a terminal */

/*
 * Dark on light whatever the terminal's colours are. half_blocks: two rows of modules in a line
 * (UTF-8); else two characters for a module (ASCII). What is drawn may be a secret: no copy of it is
 * kept but dst, behind the *len bytes that are there. ERR_MEMORY, ERR_INVALID (too long for a code, or
 * for dst).
 */
MUST_USE enum err qr_draw(const char *text, bool half_blocks, char *dst, size_t size, size_t *len);

#endif
