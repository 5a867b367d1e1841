/* SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* Narrower than this, or unknown to the terminal: its own wrapping is no worse. */
#define WIDTH_MIN 40

size_t fold_width(FILE *f)
{
	struct winsize w;

	if (!isatty(fileno(f)) || ioctl(fileno(f), TIOCGWINSZ, &w) || w.ws_col < WIDTH_MIN)
		return 0;
	return w.ws_col;
}

/*
 * Widths come from C.UTF-8, so that a table lines up also where the tool itself runs in the C
 * locale.
 */
static locale_t utf8_begin(void)
{
	static locale_t utf8;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return uselocale(utf8);
}

struct glyph {
	size_t bytes, columns;          /* bytes 0: the end */
	wchar_t c;
};

/* A byte that belongs to no character is one column wide. */
static struct glyph glyph_at(const char *s)
{
	mbstate_t state = { 0 };
	struct glyph g = { .bytes = *s != '\0', .columns = *s != '\0', .c = (unsigned char)*s };
	wchar_t c;
	size_t n = mbrtowc(&c, s, strnlen(s, 4), &state);

	if (n >= 1 && n <= 4) {
		int w = wcwidth(c);

		g = (struct glyph){ n, w < 0 ? 0 : (size_t)w, c };
	}
	return g;
}

static size_t columns_of(const char *s, size_t len)
{
	size_t columns = 0;

	for (size_t i = 0; i < len;) {
		struct glyph g = glyph_at(s + i);

		columns += g.columns;
		i += g.bytes;
	}
	return columns;
}

size_t fold_columns(const char *s)
{
	locale_t before = utf8_begin();
	size_t columns = columns_of(s, strlen(s));

	uselocale(before);
	return columns;
}

/* No line begins with one of the first, none ends with one of the second (JIS X 4051). */
static const wchar_t closing[] = L",.:;!?)=、。，．：；！？）」』ーっゃゅょッャュョ々";
static const wchar_t opening[] = L"(（「『";

static bool is_one_of(const wchar_t *set, wchar_t c)
{
	return c && wcschr(set, c);
}

/* Bytes that stay on one line: a word, an ideograph, a `command`, [an option]. */
static size_t unit_at(const char *s)
{
	struct glyph g = glyph_at(s);
	size_t len = g.bytes;
	bool quoted = g.c == L'`' || g.c == L'[';

	for (;;) {
		struct glyph next = glyph_at(s + len);

		if (!next.bytes || next.c == L'\n' || (!quoted && next.c == L' '))
			return len;
		if (!quoted && !is_one_of(closing, next.c) && !is_one_of(opening, g.c) &&
		    (next.columns > 1 || (next.columns == 1 && g.columns > 1)))
			return len;
		if (next.c == L'`')
			quoted = !quoted;
		else if (next.c == L'[' || next.c == L']')
			quoted = next.c == L'[';
		len += next.bytes;
		g = next;
	}
}

static void fold(FILE *f, const char *s, size_t at, size_t indent, size_t width)
{
	while (*s) {
		size_t blanks = strspn(s, " "), len, columns;

		if (s[blanks] == '\n') {
			putc('\n', f);
			s += blanks + 1;
			at = 0;
			indent = strspn(s, " ");
			continue;
		}
		len = unit_at(s + blanks);
		columns = columns_of(s + blanks, len);
		if (at > indent && at + blanks + columns > width) {
			fprintf(f, "\n%*s", (int)indent, "");
			at = indent;
		} else {
			fprintf(f, "%*s", (int)blanks, "");
			at += blanks;
		}
		fwrite(s + blanks, 1, len, f);
		at += columns;
		s += blanks + len;
	}
}

void fold_print(FILE *f, const char *text, size_t at, size_t indent, size_t width)
{
	locale_t before;

	if (!width) {
		fputs(text, f);
		return;
	}
	before = utf8_begin();
	fold(f, text, at, indent, width);
	uselocale(before);
}
