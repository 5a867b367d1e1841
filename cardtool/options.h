/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines by table. "--name value", "--name=value", "--" ends options, no abbreviations, each
 * option once. A secret is never taken from here: options that sound like one are refused by name,
 * and no refusal repeats what stood on the command line after them.
 */
#ifndef CARDMFA_OPTIONS_H
#define CARDMFA_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define OPTIONS_MAX 16
#define OPTIONS_WORDS_MAX 3
#define OPTIONS_WHY_SIZE 320    /* Japanese takes three bytes a character */

struct option_row {
	const char *name;       /* without dashes */
	const char *value;      /* "TEXT"; NULL: a flag */
	const char *text;       /* marked with N_() */
};

struct arguments {
	const struct option_row *rows;
	/* by row; "" for a flag that was given, NULL: not given */
	const char *values[OPTIONS_MAX];
	size_t n_words;
	const char *words[OPTIONS_WORDS_MAX];
	bool help;
};

/*
 * argv[0..argc) without the program's and the command's name. Pointers of *ret point into argv.
 * ERR_USAGE: why holds a translated sentence without full stop.
 */
MUST_USE enum err options_parse(const struct option_row *rows, size_t words_min, size_t words_max,
				int argc, char *const *argv, struct arguments *ret, char *why,
				size_t size);

/* NULL when not given. The name must be in the table (abort otherwise). */
const char *option_value(const struct arguments *a, const char *name);
bool option_given(const struct arguments *a, const char *name);

/* Plain text (text_is_label) of 1 to max characters: what labels, names and sections are. */
bool option_is_text(const char *value, size_t max);

#endif
