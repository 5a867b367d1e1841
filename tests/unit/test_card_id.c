/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "card_id.h"
#include "log.h"
#include "unit.h"

static const char alphabet[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/* Values that differ from call to call and cover the alphabet. */
static void make_nth(unsigned n, struct card_id *ret)
{
	unsigned char values[7];

	for (unsigned i = 0; i < 7; i++)
		values[i] = (unsigned char)((n * (2 * i + 3) + i * i + n / 31) % 31);
	assert_int_equal(card_id_make(values, ret), ERR_OK);
}

static void made_ones_are_read_back(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2000; n++) {
		struct card_id made, read;

		make_nth(n, &made);
		assert_int_equal(strlen(made.text), CARD_ID_LEN);
		assert_int_equal(made.text[4], '-');
		assert_int_equal(card_id_parse(made.text, &read), ERR_OK);
		assert_string_equal(read.text, made.text);
	}
}

static void known_identifier(void **state)
{
	static const unsigned char values[7] = { 5, 17, 0, 18, 7, 21, 28 };
	struct card_id id;

	(void)state;
	assert_int_equal(card_id_make(values, &id), ERR_OK);
	assert_string_equal(id.text, "7K2M-9QXD");
}

static void value_out_of_range_is_refused(void **state)
{
	unsigned char values[7] = { 0 };
	struct card_id id;

	(void)state;
	for (unsigned i = 0; i < 7; i++) {
		values[i] = 31;
		assert_int_equal(card_id_make(values, &id), ERR_INVALID);
		values[i] = 30;
	}
	assert_int_equal(card_id_make(values, &id), ERR_OK);
}

/* What is typed at a keyboard with or without an input method. */
static void spellings_are_read(void **state)
{
	static const char *const typed[] = {
		"7K2M-9QXD",
		"7k2m-9qxd",
		"7K2M9QXD",
		"7k2m 9qxd",
		" 7K2M - 9QXD ",
		"7-K-2-M-9-Q-X-D",
		"7K2M\xE2\x80\x93"
		"9QXD",
		"7K2M\xE3\x83\xBC"
		"9QXD",
		"7K2M\xE3\x80\x80"
		"9QXD",
		"\xEF\xBC\x97\xEF\xBC\xAB\xEF\xBC\x92\xEF\xBC\xAD\xEF\xBC\x8D\xEF\xBC\x99\xEF\xBC\xB1\xEF\xBC\xB8\xEF\xBC\xA4",
		"\xEF\xBC\x97\xEF\xBD\x8B\xEF\xBC\x92\xEF\xBD\x8D\xEF\xBC\x99\xEF\xBD\x91\xEF\xBD\x98\xEF\xBD\x84",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		struct card_id id;

		assert_int_equal(card_id_parse(typed[i], &id), ERR_OK);
		assert_string_equal(id.text, "7K2M-9QXD");
	}
}

static void others_are_refused(void **state)
{
	static const char *const typed[] = {
		"",
		" ",
		"-",
		"7K2M-9QX",
		"7K2M-9QXDD",
		"7K2M-9QXDA",
		"7K2M/9QXD",
		"7K2M-9QX0",
		"7K2M-9QXO",
		"7K2M-9QX1",
		"IK2M-9QXD",
		"LK2M-9QXD",
		"7K2M-9QXD\x80",
		"7K2M-9QXD;",
		"7K2M-9QX\xEF",
		"7K2M-9QX\xEF\xBC",
		"7K2M-9QXD\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		struct card_id id = { .text = "before" };

		assert_int_equal(card_id_parse(typed[i], &id), ERR_INVALID);
		assert_string_equal(id.text, "before");
	}
}

static void every_wrong_character_is_found(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		struct card_id made, read;

		make_nth(n, &made);
		for (size_t i = 0; i < CARD_ID_LEN; i++) {
			char was = made.text[i];

			for (const char *c = alphabet; *c && was != '-'; c++) {
				made.text[i] = *c;
				assert_int_equal(card_id_parse(made.text, &read),
						 *c == was ? ERR_OK : ERR_INVALID);
			}
			made.text[i] = was;
		}
	}
}

static void every_swap_of_two_is_found(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 200; n++) {
		for (size_t i = 0; i < CARD_ID_LEN; i++) {
			for (size_t j = i + 1; j < CARD_ID_LEN; j++) {
				struct card_id swapped, read;
				char c;

				make_nth(n, &swapped);
				c = swapped.text[i];
				swapped.text[i] = swapped.text[j];
				swapped.text[j] = c;
				if (i == 4 || j == 4 || swapped.text[i] == c)
					continue;
				assert_int_equal(card_id_parse(swapped.text, &read), ERR_INVALID);
			}
		}
	}
}

static void tidy_keeps_what_resembles(void **state)
{
	static const struct {
		const char *typed, *tidy;       /* NULL: no resemblance */
	} rows[] = {
		{ "7k2m-9qxd", "7K2M-9QXD" },
		{ "7k2m9qx", "7K2M-9QX" },
		{ "7k", "7K" },
		{ "7k2m", "7K2M" },
		{ "OI7k2l", "7K2" },
		{ "234567892345", "2345-67892345" },
		{ "2345678923456", NULL },
		{ "", NULL },
		{ "0-1-O", NULL },
		{ "\xE5\xB1\xB1", NULL },
		{ "\xEF\xBC\x97k", "7K" },
	};
	char dst[14];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool some = card_id_tidy(rows[i].typed, dst, sizeof(dst));

		assert_int_equal(some, rows[i].tidy != NULL);
		if (some)
			assert_string_equal(dst, rows[i].tidy);
	}
	assert_false(card_id_tidy("7K2M9QXD", dst, 9));
	assert_true(card_id_tidy("7K2M9QXD", dst, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_ones_are_read_back),
		cmocka_unit_test(known_identifier),
		cmocka_unit_test(value_out_of_range_is_refused),
		cmocka_unit_test(spellings_are_read),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(every_wrong_character_is_found),
		cmocka_unit_test(every_swap_of_two_is_found),
		cmocka_unit_test(tidy_keeps_what_resembles),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
