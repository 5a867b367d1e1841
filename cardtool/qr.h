/* SPDX-License-Identifier: Apache-2.0 */
/* A QR code on a terminal. The only user of libqrencode. */
#ifndef CARDMFA_QR_H
#define CARDMFA_QR_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"

#define QR_QUIET 2      /* modules around it: less, and phones do not see it on a terminal */

/*
 * Dark on light whatever the terminal's colours are. half_blocks: two rows of modules in a line
 * (UTF-8); else two characters for a module (ASCII). What is drawn is a secret: f is the terminal.
 * ERR_MEMORY, ERR_INVALID (too long).
 */
MUST_USE enum err qr_print(FILE *f, const char *text, bool half_blocks);

#endif
