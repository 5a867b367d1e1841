/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

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

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("cardtool: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
}

enum exit_code exit_code_of(enum err e)
{
	for (size_t i = 0; i < sizeof(outcome) / sizeof(outcome[0]); i++)
		if (outcome[i].code == e)
			return outcome[i].exit;
	return EXIT_REFUSED;
}

enum exit_code complain_err(enum err e)
{
	if (e == ERR_OK)
		return EXIT_DONE;
	if (*err_detail())
		complain("%s: %s", gettext(err_text(e)), ESCAPED(err_detail()));
	else
		complain("%s", gettext(err_text(e)));
	for (size_t i = 0; i < sizeof(outcome) / sizeof(outcome[0]); i++)
		if (outcome[i].code == e && outcome[i].advice)
			fprintf(stderr, "%s\n", gettext(outcome[i].advice));
	return exit_code_of(e);
}

static void *must(void *p)
{
	if (!p) {
		complain("%s", gettext(err_text(ERR_MEMORY)));
		exit(EXIT_SERVICE);
	}
	return p;
}

/* ---- tables ---- */

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

/*
 * Widths come from C.UTF-8, so that a table lines up also where the tool itself runs in the C
 * locale.
 */
size_t text_columns(const char *s)
{
	static locale_t utf8;
	size_t columns = 0, len = strlen(s);
	mbstate_t state = { 0 };
	locale_t before;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = uselocale(utf8);
	while (len > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, s, len, &state);
		int w = n && n <= len ? wcwidth(c) : 1;

		if (n == 0 || n > len) {
			n = 1;
			memset(&state, 0, sizeof(state));
		}
		columns += w < 0 ? 0 : (size_t)w;
		s += n;
		len -= n;
	}
	uselocale(before);
	return columns;
}

static void print_row(const struct table *t, size_t row, const size_t *width)
{
	size_t gap = 0;

	for (size_t c = 0; c < t->columns; c++) {
		const char *cell = t->cells[row * t->columns + c];

		printf("%*s%s", (int)gap, "", cell);
		gap = width[c] - text_columns(cell) + 2;
	}
	putchar('\n');
}

void table_print(struct table *t)
{
	size_t *width = must(calloc(t->columns, sizeof(*width)));

	for (size_t i = 0; i < t->n; i++) {
		size_t w = text_columns(t->cells[i]);

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
	for (size_t row = 0; row < table_rows(t); row++)
		print_row(t, row, width);
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

enum exit_code json_print(json_t *value)
{
	char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;

	json_decref(value);
	puts(must(text));
	free(text);
	return EXIT_DONE;
}

enum exit_code output_end(enum exit_code code)
{
	int failed = ferror(stdout);

	if (fclose(stdout) == 0 && !failed)
		return code;
	fprintf(stderr, "cardtool: ");
	fprintf(stderr, _("not all of the output could be written: %s\n"), strerror(errno));
	return code == EXIT_DONE ? EXIT_PARTLY : code;
}
