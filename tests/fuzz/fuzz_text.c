/* SPDX-License-Identifier: Apache-2.0 */
/* A string from outside: a byte for the room it gets and the digits wanted of it, then the string. */
#include "fuzz.h"
#include "text.h"

static void check_escape(const char *s, size_t size)
{
	char *cut = malloc(size ? size : 1), *whole = malloc(4 * strlen(s) + 4);
	char *again = malloc(4 * strlen(s) + 4);

	must(cut && whole && again);
	must(text_escape(cut, size, s) == cut);
	must(size == 0 || (strlen(cut) < size && text_is_utf8(cut, strlen(cut)) && is_shown_safely(cut)));
	(void)text_escape(whole, 4 * strlen(s) + 4, s);
	must(text_is_utf8(whole, strlen(whole)) && is_shown_safely(whole));
	must(strcmp(text_escape(again, 4 * strlen(s) + 4, whole), whole) == 0);
	must(size <= strlen(whole) || strcmp(cut, whole) == 0);
	must(!text_is_label(s, SIZE_MAX) || strcmp(whole, s) == 0);
	must(!text_is_login(s) || text_is_label(s, 33));
	must(text_is_utf8(s, strlen(s)) || !text_is_label(s, SIZE_MAX));
	free(cut);
	free(whole);
	free(again);
}

static void check_numbers(const char *s)
{
	int64_t n = -7, seconds = -7;
	char text[24];

	if (text_to_i64(s, 0, 1000000, &n)) {
		must(n >= 0 && n <= 1000000);
		snprintf(text, sizeof(text), "%lld", (long long)n);
		must(strcmp(text, s) == 0);
		must(text_to_seconds(s, 0, 1000000, &seconds) && seconds == n);
	} else {
		must(n == -7);
	}
	seconds = -7;
	if (text_to_seconds(s, 60, 86400, &seconds))
		must(seconds >= 60 && seconds <= 86400);
	else
		must(seconds == -7);
}

static void check_digits(const char *s, size_t wanted)
{
	size_t len = strlen(s), before = len;
	unsigned char *bytes = copy_of((struct input){ (const uint8_t *)s, len });
	bool done = text_normalise_digits(bytes, &len, wanted);

	if (done) {
		must(len == wanted && len <= before);
		for (size_t i = 0; i < len; i++)
			must(bytes[i] >= '0' && bytes[i] <= '9');
		must(text_normalise_digits(bytes, &len, wanted) && len == wanted);
	} else {
		must(len == before && memcmp(bytes, s, len) == 0);
	}
	free(bytes);
}

static void check_hex(const char *s)
{
	size_t len = strlen(s) / 2;
	unsigned char *bytes = malloc(len + 1);
	char *back = malloc(2 * len + 1);

	must(bytes && back);
	if (text_unhex(bytes, len, s)) {
		text_hex(back, bytes, len);
		must(strcasecmp(back, s) == 0);
	}
	free(bytes);
	free(back);
}

static void check_copy(const char *s, size_t size)
{
	char *dst = malloc(size ? size : 1);
	bool fits;

	must(dst != NULL);
	*dst = 'x';
	fits = text_copy(dst, size, s);
	must(fits == (strlen(s) < size));
	must(size == 0 || strcmp(dst, fits ? s : "") == 0);
	free(dst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	uint8_t first = take_u8(&in);
	char *s = rest_text(&in);

	check_escape(s, first);
	check_numbers(s);
	check_digits(s, first % 18);
	check_hex(s);
	check_copy(s, first);
	must(text_distance(s, s) == 0 && text_distance(s, "cardmfa") <= 64);
	must(text_distance(s, "cardmfa") == text_distance("cardmfa", s));
	free(s);
	return 0;
}
