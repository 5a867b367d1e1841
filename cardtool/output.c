/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "words.h"

/* Codes that do not stand here are refusals (1) without advice. */
static const struct {
	enum err code;
	enum exit_code exit;
	const char *advice;
} outcome[] = {
	{ ERR_OK, EXIT_DONE, NULL },
	{ ERR_USAGE, EXIT_USAGE, NULL },
	{ ERR_PARTIAL, EXIT_PARTLY, NULL },
	{ ERR_PIN_WRONG, EXIT_REFUSED,
	  N_("Ask the holder of the card; each wrong PIN uses up one try.") },
	{ ERR_PIN_BLOCKED, EXIT_REFUSED,
	  N_("The PIN must be unblocked with the card's PUK, by whoever issued the card.") },
	{ ERR_PIN_LAST_TRY, EXIT_REFUSED,
	  N_("`cardtool pin try` spends the last try knowingly; a right PIN restores the others.") },
	{ ERR_NO_CARD, EXIT_REFUSED, N_("Insert the card and run the command again.") },
	{ ERR_CARD_REMOVED, EXIT_REFUSED,
	  N_("Leave the card in the reader and run the command again.") },
	{ ERR_CARD_FAILED, EXIT_REFUSED,
	  N_("Take the card out, put it in again and repeat the command; try another reader.") },
	{ ERR_UNAVAILABLE, EXIT_SERVICE, N_("See what `cardtool doctor` says.") },
	{ ERR_TIMEOUT, EXIT_SERVICE,
	  N_("Run the command again; if it happens again, see `cardtool doctor`.") },
	{ ERR_BUSY, EXIT_SERVICE, N_("Run the command again in a moment.") },
	{ ERR_STORE, EXIT_SERVICE, N_("See what `cardtool doctor` says. Nothing was changed.") },
	{ ERR_STORE_FULL, EXIT_SERVICE,
	  N_("Free some space on the file system of the store. Nothing was changed.") },
	{ ERR_STORE_CORRUPT, EXIT_SERVICE,
	  N_("Keep the store's files as they are and bring back the last backup.") },
	{ ERR_STORE_VERSION, EXIT_SERVICE,
	  N_("Use the cardtool of the version that made the store.") },
	{ ERR_PCSC, EXIT_SERVICE,
	  N_("Look at `systemctl status pcscd.socket pcscd.service` and at the reader's cable.") },
	{ ERR_CRYPTO, EXIT_SERVICE, NULL },
	{ ERR_KEY_FILE, EXIT_SERVICE,
	  N_("See what `cardtool doctor` says of the key file. Nothing was changed.") },
	{ ERR_MEMORY, EXIT_SERVICE, NULL },
	{ ERR_SYSTEM, EXIT_SERVICE, N_("See what `cardtool doctor` says.") },
	{ ERR_CONFIG, EXIT_SERVICE, N_("`cardtool config check` tells the line to change.") },
	{ ERR_PROTOCOL, EXIT_SERVICE, NULL },
	{ ERR_CLOCK, EXIT_SERVICE, N_("Set the clock, or let it be synchronised: `timedatectl`.") },
};

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "cardtool: %s\n", gettext(err_text(ERR_MEMORY)));
		exit(EXIT_SERVICE);
	}
	return p;
}

/* ---- lines ---- */

/* Why the first write to stdout failed: a later one that goes well says 0. 0: none failed, or it was not seen. */
static int lost;

static void wrote(bool good)
{
	if (!good && !lost)
		lost = errno;
}

static void flush(FILE *f)
{
	bool good = fflush(f) == 0;

	if (f == stdout)
		wrote(good);
}

/* Takes text. */
static void line(FILE *f, const char *head, char *text, size_t indent)
{
	must(text);
	fputs(head, f);
	fold_print(f, text, strlen(head), indent + strspn(text, " "), fold_width(f));
	putc('\n', f);
	flush(f);
	free(text);
}

PRINTF_LIKE(1, 0) static char *text_of(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? NULL : text;
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(stdout, "", text_of(fmt, ap), 0);
	va_end(ap);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	flush(stdout);
	va_start(ap, fmt);
	line(stderr, "cardtool: ", text_of(fmt, ap), strlen("cardtool: "));
	va_end(ap);
}

void advise(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(stderr, "", text_of(fmt, ap), 0);
	va_end(ap);
}

void print_usage(FILE *f, const struct command *c)
{
	char *text;

	line(f, "", asprintf(&text, _("Usage: cardtool %s%s%s"), c->name, *c->usage ? " " : "", c->usage) < 0 ? NULL : text,
	     strlen("    "));
}

void print_example(FILE *f, const struct command *c)
{
	fprintf(f, _("\nExample:\n%s\n"), gettext(c->example));
}

void advise_usage(const struct command *c)
{
	print_usage(stderr, c);
	print_example(stderr, c);
}

enum exit_code exit_code_of(enum err e)
{
	for (size_t i = 0; i < sizeof(outcome) / sizeof(outcome[0]); i++)
		if (outcome[i].code == e)
			return outcome[i].exit;
	return EXIT_REFUSED;
}

void complain_detail(enum err e)
{
	complain("%s", gettext(err_text(e)));
	if (*err_detail())
		advise(_("  Detail: %s"), ESCAPED(err_detail()));
}

enum exit_code complain_err(enum err e)
{
	if (e == ERR_OK)
		return EXIT_DONE;
	complain_detail(e);
	for (size_t i = 0; i < sizeof(outcome) / sizeof(outcome[0]); i++)
		if (outcome[i].code == e && outcome[i].advice)
			advise("%s", gettext(outcome[i].advice));
	return exit_code_of(e);
}

/* ---- tables ---- */

/* What the last column must have at least to be folded in its place. */
#define LAST_MIN 24
#define SECOND_LINE 4           /* its indentation */

struct table {
	size_t columns, n, room;
	char **cells;
};

struct table *table_new(size_t columns)
{
	struct table *t = must(calloc(1, sizeof(*t)));

	t->columns = columns;
	return t;
}

void table_add(struct table *t, const char *cell)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cells = must(reallocarray(t->cells, t->room, sizeof(*t->cells)));
	}
	t->cells[t->n++] = must(strdup(*cell ? ESCAPED(cell) : "-"));
}

size_t table_rows(const struct table *t)
{
	return t->n / t->columns;
}

/* Columns from..to of one row, as one line that begins at `at`. */
static void print_cells(const struct table *t, size_t row, size_t from, size_t to, size_t at,
			const size_t *width, size_t terminal)
{
	size_t gap = at;

	for (size_t c = from; c < to; c++) {
		const char *cell = t->cells[row * t->columns + c];

		printf("%*s", (int)gap, "");
		if (c + 1 == t->columns)
			fold_print(stdout, cell, at, at, terminal);
		else
			fputs(cell, stdout);
		gap = width[c] - fold_columns(cell) + 2;
		at += width[c] + 2;
	}
	putchar('\n');
}

/* Behind the last cell of the second line that says something; `from`: none does. */
static size_t end_of(const struct table *t, size_t row, size_t from)
{
	size_t end = t->columns;

	while (end > from && strcmp(t->cells[row * t->columns + end - 1], "-") == 0)
		end--;
	return end;
}

/* How many columns stand on the first line. */
static size_t first_line(const struct table *t, const size_t *width, size_t terminal)
{
	size_t at = 0, fitting = 0, last = t->columns - 1;

	for (size_t c = 0; c < last; c++) {
		if (at + width[c] <= terminal)
			fitting = c + 1;
		at += width[c] + 2;
	}
	if (!terminal || last < 2 || at + (width[last] < LAST_MIN ? width[last] : LAST_MIN) <= terminal)
		return t->columns;
	return fitting ? fitting : 1;
}

static void print_row(const struct table *t, size_t row, const size_t *width, size_t terminal)
{
	size_t first = first_line(t, width, terminal), end = end_of(t, row, first);

	print_cells(t, row, 0, first, 0, width, terminal);
	if (end > first)
		print_cells(t, row, first, end, SECOND_LINE, width, terminal);
}

void table_print(struct table *t)
{
	size_t *width = must(calloc(t->columns, sizeof(*width))), terminal = fold_width(stdout);

	for (size_t i = 0; i < t->n; i++) {
		size_t w = fold_columns(t->cells[i]);

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
	for (size_t row = 0; row < table_rows(t); row++) {
		print_row(t, row, width, terminal);
		wrote(!ferror(stdout));
	}
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
	free(width);
}

/* ---- JSON ---- */

json_t *json_text(const char *s)
{
	return *s ? json_string(s) : json_null();
}

json_t *json_time(int64_t real_s)
{
	char text[24];

	return real_s < 0 ? json_null() : json_string(text_utc_time(text, sizeof(text), real_s));
}

void json_in_english(void)
{
	setlocale(LC_MESSAGES, "C");
}

enum exit_code json_print(json_t *value)
{
	char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;

	json_decref(value);
	wrote(puts(must(text)) >= 0);
	free(text);
	return EXIT_DONE;
}

enum exit_code output_end(enum exit_code code)
{
	flush(stdout);

	bool failed = ferror(stdout);

	if (!fclose(stdout) && !failed)
		return code;
	fprintf(stderr, "cardtool: ");
	if (lost)
		fprintf(stderr, _("not all of the output could be written: %s\n"), strerror(lost));
	else
		fprintf(stderr, "%s\n", _("not all of the output could be written"));
	return code == EXIT_DONE ? EXIT_PARTLY : code;
}
