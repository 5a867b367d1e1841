/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "qr.h"
#include "unit.h"

#define URI "otpauth://totp/cardmfa:taro?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=cardmfa"
#define INK_BEGIN "\033[0;30;47m"
#define INK_END "\033[0m\n"
#define ROOM 65536

struct context {
	char drawing[ROOM];
	size_t len;
};

static int setup(void **state)
{
	struct context *c = calloc(1, sizeof(*c));

	memcpy(c->drawing, "Scan: \n", 7);
	c->len = 7;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* The cells of line y between the terminal's codes; their width in bytes. */
static size_t line_at(const struct context *c, size_t y, const char **ret)
{
	const char *at = c->drawing + 7, *end = c->drawing + c->len;

	for (;;) {
		const char *close = memmem(at, (size_t)(end - at), INK_END, strlen(INK_END));

		if (!close)
			return 0;
		assert_memory_equal(at, INK_BEGIN, strlen(INK_BEGIN));
		if (y-- == 0) {
			*ret = at + strlen(INK_BEGIN);
			return (size_t)(close - *ret);
		}
		at = close + strlen(INK_END);
	}
}

/* A square with a light border; the corners have the dark 7 x 7 marks that a phone looks for. */
static void drawn_with_two_characters_for_a_module(void **state)
{
	static const char mark[] = "    ##############";
	struct context *c = *state;
	const char *line;
	size_t width;

	assert_int_equal(qr_draw(URI, false, c->drawing, ROOM, &c->len), ERR_OK);
	assert_memory_equal(c->drawing, "Scan: \n", 7);
	width = line_at(c, 0, &line);
	assert_true(width > 2 * 21 && width % 2 == 0);
	for (size_t y = 0; y < width / 2; y++) {
		assert_int_equal(line_at(c, y, &line), width);
		for (size_t x = 0; x < width; x += 2)
			assert_true(memcmp(line + x, "##", 2) == 0 || memcmp(line + x, "  ", 2) == 0);
		if (y < QR_QUIET || y >= width / 2 - QR_QUIET)
			assert_null(memchr(line, '#', width));
		if (y == QR_QUIET || y == QR_QUIET + 6)
			assert_memory_equal(line, mark, strlen(mark));
	}
	assert_int_equal(line_at(c, width / 2, &line), 0);
}

/* The same modules, two rows in a line. */
static void drawn_in_half_blocks(void **state)
{
	struct context *c = *state, ascii = { .len = 7 };
	const char *line = NULL, *upper, *lower;
	size_t width, bytes;

	assert_int_equal(qr_draw(URI, true, c->drawing, ROOM, &c->len), ERR_OK);
	assert_int_equal(qr_draw(URI, false, ascii.drawing, ROOM, &ascii.len), ERR_OK);
	width = line_at(&ascii, 0, &upper) / 2;
	for (size_t y = 0; y < width; y += 2) {
		bytes = line_at(c, y / 2, &line);
		(void)line_at(&ascii, y, &upper);
		if (line_at(&ascii, y + 1, &lower) == 0)
			lower = NULL;
		for (size_t x = 0; x < width; x++) {
			bool up = upper[2 * x] == '#', low = lower && lower[2 * x] == '#';
			const char *block = up && low ? "\u2588" : up ? "\u2580" : low ? "\u2584" : " ";

			assert_true(bytes >= strlen(block));
			assert_memory_equal(line, block, strlen(block));
			line += strlen(block);
			bytes -= strlen(block);
		}
		assert_int_equal(bytes, 0);
	}
}

static void no_room_is_said_and_nothing_is_half_drawn(void **state)
{
	struct context *c = *state;

	size_t whole = 7;

	assert_int_equal(qr_draw(URI, true, c->drawing, ROOM, &whole), ERR_OK);
	for (size_t room = 7; room < whole; room += whole / 50) {
		assert_int_equal(qr_draw(URI, true, c->drawing, room, &c->len), ERR_INVALID);
		assert_int_equal(c->len, 7);
	}
	assert_int_equal(qr_draw(URI, true, c->drawing, whole - 1, &c->len), ERR_INVALID);
	assert_int_equal(qr_draw(URI, true, c->drawing, whole, &c->len), ERR_OK);
}

static void too_long_for_any_code(void **state)
{
	struct context *c = *state;
	char *text = malloc(4001);

	memset(text, 'x', 4000);
	text[4000] = '\0';
	assert_int_equal(qr_draw(text, false, c->drawing, ROOM, &c->len), ERR_INVALID);
	assert_int_equal(c->len, 7);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(drawn_with_two_characters_for_a_module, setup, teardown),
		cmocka_unit_test_setup_teardown(drawn_in_half_blocks, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room_is_said_and_nothing_is_half_drawn, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_for_any_code, setup, teardown),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
