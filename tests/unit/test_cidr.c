/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/policy/cidr.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf_text.h"

static void networks(void **state)
{
	static const struct { const char *network, *address; bool inside; } rows[] = {
		{ "192.0.2.0/24", "192.0.2.0", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.5", "192.0.2.5", true },
		{ "192.0.2.5", "192.0.2.4", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.5", false },
		{ "::/0", "::ffff:192.0.2.5", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "192.0.2.0/24", "::ffff:192.0.2.9", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.9", true },
		{ "::ffff:192.0.2.0/120", "::ffff:192.0.3.9", false },
		{ "::ffff:0.0.0.0/96", "192.0.2.9", true },
		{ "::ffff:192.0.2.5", "192.0.2.5", true },
	};
	struct policy_cidr network, address;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(cidr_network(rows[i].network, &network));
		assert_true(cidr_address(rows[i].address, &address));
		if (cidr_contains(&network, &address) != rows[i].inside)
			unit_fail("%s in %s", rows[i].address, rows[i].network);
	}
}

/* For every prefix: the first and last address are inside, their neighbours are not. */
static void every_prefix(void **state)
{
	struct policy_cidr network, address;
	char text[32];

	(void)state;
	for (unsigned bits = 1; bits <= 32; bits++) {
		uint32_t mask = ~0U << (32 - bits), low = 0xAAAAAAAA & mask, high = low | ~mask;
		const struct { uint32_t value; bool inside; } tries[] = {
			{ low, true }, { high, true }, { low - 1, false }, { high + 1, false },
		};

		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", low >> 24, low >> 16 & 255,
			low >> 8 & 255, low & 255, bits);
		assert_true(cidr_network(text, &network));
		for (size_t i = 0; i < 4; i++) {
			uint32_t v = tries[i].value;

			(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", v >> 24, v >> 16 & 255,
				v >> 8 & 255, v & 255);
			assert_true(cidr_address(text, &address));
			assert_int_equal(cidr_contains(&network, &address), tries[i].inside);
		}
	}
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "/", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/024",
		"192.0.2.0/+4", "192.0.2.0/ 24",
		"192.0.2.0/24/24", "192.0.2.0/24x", "192.0.2.1/24", "192.0.2", "192.0.2.256",
		"192.0.2.010", "0x7f.1", "localhost",
		"example.org/24", "2001:db8::/129", "2001:db8::1/64", "::ffff:192.0.2.1/120",
		"::ffff:192.0.2.0/90", "::ffff:0:0/80",
		"fe80::1%eth0", "fe80::%1/64", "[::1]", "192.0.2.0:22", "192.0.2.0/255.255.255.0",
		"*", "192.0.2.*",
		"2001:0db8:0000:0000:0000:0000:0000:0000:0000/32", "192.0.2.0/99999999999999999999",
	};
	struct policy_cidr c = { .prefix = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (cidr_network(bad[i], &c))
			unit_fail("'%s' was taken", bad[i]);
		assert_int_equal(c.prefix, 77);
	}
}

static void addresses_of_peers(void **state)
{
	static const struct { const char *rhost, *text; } rows[] = {
		{ "192.0.2.5", "192.0.2.5" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::FFFF:0a00:0001", "10.0.0.1" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::1", "::1" },
		{ "::10.0.0.1", "::10.0.0.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "fe80::1%eth0", "" }, { "localhost", "" }, { "UNKNOWN", "" }, { ":0", "" },
		{ "", "" }, { NULL, "" },
		{ "192.0.2.5/32", "" }, { " 192.0.2.5", "" }, { "192.0.2.5 ", "" }, { "1", "" },
		{ "%n%s", "" },
	};
	char text[65], huge[1001];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(
			policy_address(rows[i].rhost, text, sizeof(text)), rows[i].text);
	memset(huge, '1', 1000);
	huge[1000] = '\0';
	assert_string_equal(policy_address(huge, text, sizeof(text)), "");
}

/* However it is written: the same bytes, those behind an IPv4 address too. */
static void one_network_has_one_form(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.5", "::ffff:192.0.2.5" }, { "192.0.2.5/32", "::FFFF:c000:205" },
		{ "192.0.2.0/24", "::ffff:192.0.2.0/120" }, { "0.0.0.0/0", "::ffff:0.0.0.0/96" }, { "2001:db8::1", "2001:DB8:0::1/128" },
	};
	struct policy_cidr a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		memset(&a, 1, sizeof(a));
		memset(&b, 2, sizeof(b));
		assert_true(cidr_network(pairs[i][0], &a));
		assert_true(cidr_network(pairs[i][1], &b));
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void a_text_that_does_not_fit_is_empty(void **state)
{
	struct policy_cidr c;
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_true(cidr_address("2001:db8::1", &c));
	strcpy(text, "before");
	assert_ptr_equal(cidr_address_text(&c, text, sizeof("2001:db8::1") - 1), text);
	assert_string_equal(text, "");
	assert_string_equal(cidr_address_text(&c, text, sizeof("2001:db8::1")), "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks),
		cmocka_unit_test(every_prefix),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(addresses_of_peers),
		cmocka_unit_test(one_network_has_one_form),
		cmocka_unit_test(a_text_that_does_not_fit_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
