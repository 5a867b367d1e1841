/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "words.h"

static const char *const secret_names[] = { "pin",  "puk", "password", "passwd", "pass",
					    "code", "otp", "secret",   "seed" };

static bool sounds_secret(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(secret_names) / sizeof(secret_names[0]); i++)
		if (len == strlen(secret_names[i]) && memcmp(name, secret_names[i], len) == 0)
			return true;
	return false;
}

static bool find_row(const struct option_row *rows, const char *name, size_t len, size_t *ret)
{
	for (size_t i = 0; rows && rows[i].name; i++) {
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/*
 * Names of options are ours and short; whatever else stands there may be a secret typed in the
 * wrong place.
 */
static enum err unknown(const struct option_row *rows, const char *name, size_t len, char *why,
			size_t size)
{
	char typed[24];
	const char *nearest = NULL;
	unsigned best = 3;

	if (sounds_secret(name, len)) {
		snprintf(
			why, size,
			_("secrets are never taken from the command line: "
			  "they are asked for on the terminal (or read with --stdin, where offered)"));
		return ERR_USAGE;
	}
	if (text_copy_n(typed, sizeof(typed), name, len)) {
		for (size_t i = 0; rows && rows[i].name; i++) {
			unsigned d = text_distance(typed, rows[i].name);

			if (d < best) {
				best = d;
				nearest = rows[i].name;
			}
		}
	}
	if (nearest)
		snprintf(why, size, _("unknown option; did you mean --%s?"), nearest);
	else
		snprintf(why, size, _("unknown option"));
	return ERR_USAGE;
}

/* One "--name[=value]" at argv[*i]; takes the next one too when the value stands apart. */
static enum err take_option(struct arguments *a, int argc, char *const *argv, int *i, char *why,
			    size_t size)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name), row;

	if (!find_row(a->rows, name, len, &row))
		return unknown(a->rows, name, len, why, size);

	const struct option_row *r = &a->rows[row];
	const char *value = equals ? equals + 1 : NULL;

	if (a->values[row]) {
		snprintf(why, size, _("--%s was given twice"), r->name);
		return ERR_USAGE;
	}
	if (!r->value && value) {
		snprintf(why, size, _("--%s takes no value"), r->name);
		return ERR_USAGE;
	}
	if (r->value && !value && *i + 1 < argc)
		value = argv[++*i];
	if (r->value && (!value || !*value)) {
		snprintf(why, size, _("--%s needs a value: %s"), r->name, r->value);
		return ERR_USAGE;
	}
	a->values[row] = r->value ? value : "";
	return ERR_OK;
}

static enum err take_all(struct arguments *a, size_t words_max, int argc, char *const *argv,
			 char *why, size_t size)
{
	bool only_words = false;

	for (int i = 0; i < argc; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words &&
			   (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			a->help = true;
		} else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
			enum err e = take_option(a, argc, argv, &i, why, size);

			if (e)
				return e;
		} else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
			snprintf(why, size, _("options are written out, with two dashes"));
			return ERR_USAGE;
		} else if (a->n_words == words_max) {
			snprintf(
				why, size,
				_("too many words (secrets are never taken from the command line)"));
			return ERR_USAGE;
		} else {
			a->words[a->n_words++] = argv[i];
		}
	}
	return ERR_OK;
}

enum err options_parse(const struct option_row *rows, size_t words_min, size_t words_max, int argc,
		       char *const *argv, struct arguments *ret, char *why, size_t size)
{
	struct arguments a = { .rows = rows };
	enum err e = take_all(&a, words_max, argc, argv, why, size);

	if (e)
		return e;
	if (!a.help && a.n_words < words_min) {
		snprintf(why, size, _("something is missing"));
		return ERR_USAGE;
	}
	*ret = a;
	return ERR_OK;
}

const char *option_value(const struct arguments *a, const char *name)
{
	size_t row;

	if (!find_row(a->rows, name, strlen(name), &row))
		abort();
	return a->values[row];
}

bool option_given(const struct arguments *a, const char *name)
{
	return option_value(a, name) != NULL;
}

bool option_is_text(const char *value, size_t max)
{
	size_t characters = 0;

	for (const char *c = value; *c; c++)
		characters += ((unsigned char)*c & 0xC0) != 0x80;
	return characters <= max && text_is_label(value, 4 * max);
}
