/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/card/tlv.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "unit.h"

/* On the heap, exactly as long as it is: the sanitizer sees every byte that is read too many. */
static uint8_t *bytes_of(const char *hex, size_t *len)
{
	uint8_t *b;

	*len = strlen(hex) / 2;
	b = malloc(*len ? *len : 1);
	assert_non_null(b);
	assert_true(text_unhex(b, *len, hex));
	return b;
}

static void test_reads_objects(void **state)
{
	static const struct {
		const char *hex;
		uint32_t tag;
		size_t len;
	} rows[] = {
		{ "5300", 0x53, 0 },
		{ "530111", 0x53, 1 },
		{ "5F2F020102", 0x5F2F, 2 },
		{ "5FC10500", 0x5FC105, 0 },
		{ "53810111", 0x53, 1 },
		{ "5382000111", 0x53, 1 },
		{ "538300000111", 0x53, 1 },
		{ "0000", 0, 0 },
		{ "FE00", 0xFE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len;
		uint8_t *b = bytes_of(rows[i].hex, &len);
		struct tlv_cursor c = tlv_in(b, len);
		struct tlv t;

		assert_int_equal(tlv_next(&c, &t), TLV_ITEM);
		assert_int_equal(t.tag, rows[i].tag);
		assert_int_equal(t.len, rows[i].len);
		assert_int_equal(tlv_next(&c, &t), TLV_END);
		free(b);
	}
}

static void A71_malformed_tlv(void **state)
{
	static const char *const rows[] = {
		"53", "5380", "538000", "5381", "5382FF", "5382FFFF", "5383FFFFFF", "5384FFFFFFFF",
		"5384000000011122", "53FF", "5302FF", "5F", "5F2F", "5FC1", "5FC1C1C10100", "1FFFFFFF00",
		"5303530253015300", "537F",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len;
		uint8_t *b = bytes_of(rows[i], &len);
		struct tlv_cursor c = tlv_in(b, len);
		struct tlv t = { .tag = 1 }, kept = t;
		bool found = true;

		if (strcmp(rows[i], "5303530253015300") != 0) {
			assert_int_equal(tlv_next(&c, &t), TLV_BAD);
			assert_ptr_equal(c.p, b);
			assert_memory_equal(&t, &kept, sizeof(t));
			assert_false(tlv_find(c, 0x53, &found, &t));
			assert_true(found);
		}
		assert_false(tlv_only(c, 0x53, &t));
		free(b);
	}
}

/* A thousand objects in one another cost no stack: nothing is entered but what is asked for. */
static void A71_deep_nesting(void **state)
{
	uint8_t *b = malloc(4000);
	size_t depth = 0;
	struct tlv_cursor c;
	struct tlv t;

	(void)state;
	assert_non_null(b);
	for (size_t i = 0; i < 1000; i++) {
		size_t rest = 4000 - 4 * (i + 1);

		b[4 * i] = 0x7C;
		b[4 * i + 1] = 0x82;
		b[4 * i + 2] = (uint8_t)(rest >> 8);
		b[4 * i + 3] = (uint8_t)rest;
	}
	for (c = tlv_in(b, 4000); tlv_only(c, 0x7C, &t); c = tlv_inside(&t))
		depth++;
	assert_int_equal(depth, 1000);
	free(b);
}

static void test_duplicates_and_padding(void **state)
{
	size_t len;
	uint8_t *b = bytes_of("700111710100700122", &len);
	struct tlv t;
	bool found;

	(void)state;
	assert_false(tlv_find(tlv_in(b, len), 0x70, &found, &t));
	assert_true(tlv_find(tlv_in(b, len), 0x71, &found, &t));
	assert_true(found);
	assert_true(tlv_find(tlv_in(b, len), 0x72, &found, &t));
	assert_false(found);
	free(b);

	b = bytes_of("5301110000FFFF00", &len);
	assert_true(tlv_padded(tlv_in(b, len), 0x53, &t));
	assert_int_equal(t.len, 1);
	assert_false(tlv_only(tlv_in(b, len), 0x53, &t));
	assert_false(tlv_padded(tlv_in(b, len), 0x54, &t));
	free(b);

	b = bytes_of("53011101", &len);
	assert_false(tlv_padded(tlv_in(b, len), 0x53, &t));
	free(b);
}

/* Every length of every random string, read to the end: the cursor moves, and stays inside. */
static void A71_random_bytes(void **state)
{
	static const uint8_t likely[] = { 0x53, 0x70, 0x71, 0x7C, 0x82, 0x80, 0x81, 0x83, 0x84, 0x5F,
					  0xC1, 0x1F, 0x00, 0xFF, 0x01, 0x02 };
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		size_t len = (size_t)rand_r(&seed) % 48;
		uint8_t *b = malloc(len ? len : 1);
		struct tlv_cursor c;
		struct tlv t;
		bool found;

		assert_non_null(b);
		for (size_t i = 0; i < len; i++)
			b[i] = rand_r(&seed) % 2 ? likely[(size_t)rand_r(&seed) % sizeof(likely)]
						 : (uint8_t)rand_r(&seed);
		c = tlv_in(b, len);
		while (tlv_next(&c, &t) == TLV_ITEM) {
			assert_true(t.value >= b && t.len <= (size_t)(b + len - t.value));
			assert_ptr_equal(c.p, t.value + t.len);
		}
		if (tlv_find(tlv_in(b, len), 0x70, &found, &t) && found)
			assert_true(t.value + t.len <= b + len);
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_objects),
		cmocka_unit_test(A71_malformed_tlv),
		cmocka_unit_test(A71_deep_nesting),
		cmocka_unit_test(test_duplicates_and_padding),
		cmocka_unit_test(A71_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
