/* SPDX-License-Identifier: Apache-2.0 */
/* Text in the columns of a terminal: how many it takes, and where its lines break. */
#ifndef CARDMFA_FOLD_H
#define CARDMFA_FOLD_H

#include <stddef.h>
#include <stdio.h>

/* Columns that a terminal needs for this UTF-8 text (kanji take two), whatever the locale. */
size_t fold_columns(const char *s);

/* Columns of the terminal that f is; 0: it is none, or does not say. */
size_t fold_width(FILE *f);

/*
 * Writes the text with line breaks between words where a line would be longer than width (0: as it
 * is). Japanese breaks between characters; `commands` and [options] do not break. at: the cursor's
 * column; indent: where further lines begin. Where the text has line breaks of its own, the blanks
 * behind them are the indent from there on.
 */
void fold_print(FILE *f, const char *text, size_t at, size_t indent, size_t width);

#endif
