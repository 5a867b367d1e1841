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
#include <stdio.h>

#include <jansson.h>

#include "cardtool.h"
#include "error.h"
#include "text.h"

/* A line to stdout, flushed: it may be the last one before a wait. Folded on a terminal. */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* "cardtool: ..." to stderr, after what stdout holds; and a line below it. Folded on a terminal. */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
void advise(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* How a command is used. The example is not folded: it is there to be copied. */
void print_usage(FILE *f, const struct command *c);
void print_example(FILE *f, const struct command *c);
/* Both on stderr. */
void advise_usage(const struct command *c);

/*
 * "cardtool: TEXT", the detail on a line of its own, for it is English in every locale, and a line
 * what to do next; returns the exit code that e deserves. ERR_OK is EXIT_DONE, silently.
 */
enum exit_code complain_err(enum err e);
/* The first two of these lines. */
void complain_detail(enum err e);
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
/*
 * Prints and frees. Two spaces between columns, none at the end of a line. On a terminal that is too
 * narrow the last column is folded, or the columns that do not fit stand on a second line.
 */
void table_print(struct table *t);

/* JSON values: "" and -1 become null, times "2026-11-20T08:31:07Z". */
json_t *json_text(const char *s);
json_t *json_time(int64_t real_s);
/* From here on nothing is translated: for --json whose values hold sentences. */
void json_in_english(void);
/* Prints (UTF-8, indented, final newline) and frees. NULL: out of memory. */
enum exit_code json_print(json_t *value);

/*
 * Flushes and closes stdout. EXIT_PARTLY when something could not be written and code was
 * EXIT_DONE.
 */
enum exit_code output_end(enum exit_code code);

#endif
