/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/policy/factor.h"

#include <string.h>

#include "conf_text.h"

static void kinds_and_names(void **state)
{
	static const struct { enum factor factor; const char *name; unsigned kinds; } rows[] = {
		{ FACTOR_CARD, "card", KIND_KNOWLEDGE | KIND_POSSESSION },
		{ FACTOR_CARD_NOPIN, "card-nopin", KIND_POSSESSION },
		{ FACTOR_TOTP, "totp", KIND_POSSESSION },
		{ FACTOR_PASSWORD, "password", KIND_KNOWLEDGE },
		{ FACTOR_SESSION, "session", KIND_KNOWLEDGE | KIND_POSSESSION },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_string_equal(factor_name(rows[i].factor), rows[i].name);
		assert_int_equal(factor_kinds(rows[i].factor), rows[i].kinds);
	}
	for (int f = -1; f <= 99; f++)
		if (f < FACTOR_CARD || f > FACTOR_SESSION) {
			assert_string_equal(factor_name((enum factor)f), "unknown");
			assert_int_equal(factor_kinds((enum factor)f), 0);
		}
}

static void alternatives_are_read_and_written_back(void **state)
{
	static const struct { const char *text; bool enough, card; } rows[] = {
		{ "card", true, true },
		{ "card,totp", true, true },
		{ "card,password,totp,session", true, true },
		{ "card-nopin", false, true },
		{ "card-nopin,totp", false, true },
		{ "card-nopin,password", true, true },
		{ "totp", false, false },
		{ "password", false, false },
		{ "session", false, false },
		{ "session,totp", true, false },
		{ "session,password", true, false },
		{ "password,totp", true, false },
		{ "totp,session,password", true, false },
	};
	struct alternative a;
	char text[129], why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(alternative_parse(rows[i].text, &a, why, sizeof(why)));
		assert_string_equal(alternative_text(&a, text, sizeof(text)), rows[i].text);
		assert_int_equal(alternative_is_enough(&a), rows[i].enough);
		assert_int_equal(alternative_has_card(&a), rows[i].card);
		for (unsigned at = 0; at < 8; at++) {
			const struct login_place place = { at & 1, at & 2, at & 4 };

			assert_int_equal(alternative_offered(&a, place),
				(place.session || !strstr(text, "session")) && !(place.remote && !place.ssh && rows[i].card));
		}
	}
}

static void what_is_no_alternative_is_refused(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "uid", "'uid' is not available in this version" },
		{ "card,recovery", "'recovery' is not available in this version" },
		{ "", "lacks a factor" }, { ",", "lacks a factor" }, { "card,", "lacks a factor" },
		{ ",card", "lacks a factor" },
		{ "card,,totp", "lacks a factor" },
		{ "card,card", "'card' twice" }, { "card,totp,totp", "'totp' twice" },
		{ "card,card-nopin", "card and card-nopin" },
		{ "card-nopin,card", "card and card-nopin" },
		{ "totp,card", "write it first" }, { "session,card-nopin", "write it first" },
		{ "passwrd,totp", "did you mean 'password'?" },
		{ "CARD,totp", "did you mean 'card'?" },
		{ "fingerprint", "write card, card-nopin, totp, password, session" },
		{ "card;totp", "is no factor" }, { "card|totp", "is no factor" },
		{ "%n%s", "is no factor" },
		{ "uidd", "is no factor" },
		{ "passwordpasswordpasswordpasswordpasswordpassword", "is no factor" },
	};
	struct alternative a = { .n = 77 };
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		*why = '\0';
		if (alternative_parse(rows[i].text, &a, why, sizeof(why)) ||
		    !strstr(why, rows[i].why))
			unit_fail("'%s': %s", rows[i].text, why);
		assert_int_equal(a.n, 77);
	}
}

static void order_does_not_make_another_alternative(void **state)
{
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "password,totp", "totp,password", true },
		{ "card,totp,password", "card,password,totp", true },
		{ "card,totp", "card,password", false },
		{ "card", "card,totp", false },
		{ "card,totp", "card", false },
		{ "card,totp", "card-nopin,totp", false },
	};
	struct alternative a, b;
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(alternative_parse(rows[i].a, &a, why, sizeof(why)));
		assert_true(alternative_parse(rows[i].b, &b, why, sizeof(why)));
		assert_int_equal(alternative_same(&a, &b), rows[i].same);
	}
}

static void text_fits_its_buffer(void **state)
{
	struct alternative a = { 4, { FACTOR_CARD_NOPIN, FACTOR_PASSWORD, FACTOR_SESSION, FACTOR_TOTP } };
	char text[129];

	(void)state;
	for (size_t size = 1; size < 40; size++) {
		memset(text, 'x', sizeof(text));
		(void)alternative_text(&a, text, size);
		assert_true(strlen(text) < size);
		assert_memory_equal(text, "card-nopin,password,session,totp", strlen(text));
	}
}

static void texts_of_none_and_cut_ones(void **state)
{
	const struct alternative none = { .n = 0 };
	const struct alternative some = { .n = 3, .factors = { FACTOR_CARD, FACTOR_TOTP, FACTOR_PASSWORD } };
	char dst[24];

	(void)state;
	memset(dst, 'x', sizeof(dst));
	assert_string_equal(alternative_text(&none, dst, sizeof(dst)), "");
	for (size_t size = 1; size < 19; size++) {
		memset(dst, 'x', sizeof(dst));
		assert_ptr_equal(alternative_text(&some, dst, size), dst);
		assert_int_equal(strlen(dst), size - 1);
		assert_memory_equal(dst, "card,totp,password", size - 1);
		assert_int_equal(dst[size], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_and_names),
		cmocka_unit_test(texts_of_none_and_cut_ones),
		cmocka_unit_test(alternatives_are_read_and_written_back),
		cmocka_unit_test(what_is_no_alternative_is_refused),
		cmocka_unit_test(order_does_not_make_another_alternative),
		cmocka_unit_test(text_fits_its_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
