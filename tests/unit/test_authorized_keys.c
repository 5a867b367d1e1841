/* SPDX-License-Identifier: Apache-2.0 */
#include "authorized_keys.h"

#include <string.h>

#include "unit.h"

static void patterns_lead_to_files(void **state)
{
	static const struct {
		const char *patterns, *paths[3];
	} cases[] = {
		{ ".ssh/authorized_keys .ssh/authorized_keys2", { "/home/taro/.ssh/authorized_keys", "/home/taro/.ssh/authorized_keys2" } },
		{ "/etc/ssh/keys/%u", { "/etc/ssh/keys/taro" } },
		{ "%h/keys  /srv/%U/%%", { "/home/taro/keys", "/srv/1001/%" } },
		{ "/etc/%x", { "/etc/%x" } },
		{ "none", { NULL } },
		{ "", { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *rest = cases[i].patterns;
		char path[64];
		size_t n = 0;

		for (; authorized_keys_path(&rest, "taro", 1001, "/home/taro", path, sizeof(path)); n++)
			assert_string_equal(path, cases[i].paths[n]);
		assert_null(cases[i].paths[n]);
	}
}

static void what_does_not_fit_leads_nowhere(void **state)
{
	const char *rest = "/etc/ssh/keys/%u";
	char path[16];

	(void)state;
	assert_false(authorized_keys_path(&rest, "taro", 1001, "/home/taro", path, sizeof(path)));
}

static void a_key_is_the_same_whatever_stands_around_it(void **state)
{
	static const char *const same[] = {
		"ssh-rsa AAAAB3", "ssh-rsa AAAAB3\n", "  ssh-rsa\tAAAAB3 taro@desk\n", "restrict ssh-rsa AAAAB3 taro",
		"command=\"echo \\\"ssh-rsa x\\\" y\",no-pty ssh-rsa AAAAB3", "from=\"10.0.0.0/8, !ssh-host\" ssh-rsa AAAAB3",
	};
	static const char *const others[] = { "ssh-rsa AAAAB4", "ssh-dss AAAAB3", "ssh-rsaA AAAB3", "cert-authority ssh-rsa AAAAB4" };
	static const char *const none[] = { "", "\n", "# ssh-rsa AAAAB3", "ssh-rsa", "ssh-rsa \n", "restrict", "command=\"ssh-rsa AAAAB3", "hello world" };

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(authorized_keys_mark(same[i]), authorized_keys_mark(same[0]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_true(authorized_keys_mark(others[i]) != 0);
		assert_true(authorized_keys_mark(others[i]) != authorized_keys_mark(same[0]));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_true(authorized_keys_mark(none[i]) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_lead_to_files),
		cmocka_unit_test(what_does_not_fit_leads_nowhere),
		cmocka_unit_test(a_key_is_the_same_whatever_stands_around_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
