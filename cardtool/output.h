/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and programs read. Text goes to stdout, failures to stderr as "cardtool: ...".
 * Strings from the store, cards and readers are escaped here. A write that fails is not lost:
 * output_end() says it.
 */
#ifndef CARDMFA_OUTPUT_H
#define CARDMFA_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "cardtool.h"
#include "error.h"
#include "text.h"

/* A line to stdout, flushed: it may be the last one before a wait. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* "cardtool: ..." to stderr, after what stdout holds. */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * "cardtool: TEXT: detail" and a line what to do next; returns the exit code that e deserves.
 * ERR_OK is EXIT_DONE, silently.
 */
enum exit_code complain_err(enum err e);
enum exit_code exit_code_of(enum err e);

/*
 * text_escape into a buffer of the right size: ESCAPED(row->label). Valid to the end of the block.
 */
#define ESCAPED_SIZE 400
#define ESCAPED(s) text_escape((char[ESCAPED_SIZE]){ "" }, ESCAPED_SIZE, s)

/*
 * Columns that line up by the width of characters (kanji take two). Out of memory ends the program.
 */
struct table;
struct table *table_new(size_t columns);
/* The next cell, row by row; escaped, "" is shown as "-". */
void table_add(struct table *t, const char *cell);
size_t table_rows(const struct table *t);
/* Prints and frees. Two spaces between columns, none at the end of a line. */
void table_print(struct table *t);

/* Columns that a terminal needs for this UTF-8 text. */
size_t text_columns(const char *s);

/* JSON values: "" and -1 become null, times "2026-11-20T08:31:07Z". */
json_t *json_text(const char *s);
json_t *json_time(int64_t real_s);
/* Prints (UTF-8, indented, final newline) and frees. NULL: out of memory. */
enum exit_code json_print(json_t *value);

/*
 * Flushes and closes stdout. EXIT_PARTLY when something could not be written and code was
 * EXIT_DONE.
 */
enum exit_code output_end(enum exit_code code);

#endif
