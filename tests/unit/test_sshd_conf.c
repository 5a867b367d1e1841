/* SPDX-License-Identifier: Apache-2.0 */
#include "sshd_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#define BASE "port 22\nlistenaddress [::]:22\nusepam yes\nlogingracetime 120\nmaxauthtries 6\npermitrootlogin without-password\n" \
	"pubkeyauthentication yes\npasswordauthentication no\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n" \
	"authorizedkeyscommand /usr/bin/cardtool ssh-keys %u %t %k\nauthorizedkeyscommanduser cardmfa-keys\npermituserenvironment LANG\n"
#define WHOLE BASE "kbdinteractiveauthentication yes\nauthenticationmethods publickey,keyboard-interactive:pam\n"

static void what_sshd_prints_is_read(void **state)
{
	struct sshd_conf c;

	(void)state;
	assert_true(sshd_conf_parse(WHOLE "usepam no\n", &c));
	assert_true(c.use_pam && c.pubkey && c.kbd_interactive && !c.password && c.user_environment);
	assert_int_equal(c.max_tries, 6);
	assert_int_equal(c.grace_s, 120);
	assert_string_equal(c.methods, "publickey,keyboard-interactive:pam");
	assert_string_equal(c.keys_file, ".ssh/authorized_keys .ssh/authorized_keys2");
	assert_string_equal(c.keys_command, "/usr/bin/cardtool ssh-keys %u %t %k");
	assert_string_equal(c.keys_user, "cardmfa-keys");
	assert_string_equal(c.root_login, "without-password");
	/* What it was called before OpenSSH 8.7. */
	assert_true(sshd_conf_parse(BASE "challengeresponseauthentication no\nauthenticationmethods any\n", &c));
	assert_false(c.kbd_interactive);
}

static void what_lacks_something_is_not_believed(void **state)
{
	struct sshd_conf c;

	(void)state;
	assert_false(sshd_conf_parse("", &c));
	assert_false(sshd_conf_parse("Missing privilege separation directory: /run/sshd\n", &c));
	assert_false(sshd_conf_parse(BASE "authenticationmethods any\n", &c));
	assert_false(sshd_conf_parse(BASE "kbdinteractiveauthentication yes\nauthenticationmethods\n", &c));
}

static void lists_of_methods_are_ways(void **state)
{
	static const struct {
		const char *methods;
		bool kbd, pubkey, password;
		unsigned ways;
	} cases[] = {
		{ "any", true, true, true, WAY_KEY | WAY_PAM | WAY_PASSWORD },
		{ "any", false, true, false, WAY_KEY },
		{ "publickey,keyboard-interactive:pam", true, true, true, WAY_KEY_PAM },
		{ "publickey,keyboard-interactive", true, true, false, WAY_KEY_PAM },
		{ "publickey,publickey,keyboard-interactive:pam", true, true, false, WAY_KEY_PAM },
		{ "publickey,keyboard-interactive:pam", false, true, true, 0 },
		{ "publickey,keyboard-interactive:pam", true, false, true, 0 },
		{ "publickey,keyboard-interactive:bsdauth", true, true, true, WAY_KEY },
		{ "keyboard-interactive:pam,publickey", true, true, true, WAY_PAM },
		{ "publickey,password", true, true, true, WAY_PASSWORD },
		{ "publickey,password", true, true, false, 0 },
		{ "publickey", true, true, true, WAY_KEY },
		{ "gssapi-with-mic", true, true, true, WAY_OTHER },
		{ "publickey,keyboard-interactive:pam publickey keyboard-interactive", true, true, true, WAY_KEY_PAM | WAY_KEY | WAY_PAM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sshd_conf c = { .kbd_interactive = cases[i].kbd, .pubkey = cases[i].pubkey, .password = cases[i].password };

		snprintf(c.methods, sizeof(c.methods), "%s", cases[i].methods);
		assert_int_equal(sshd_conf_ways(&c), cases[i].ways);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void match_lines_are_found_where_they_are_included(void **state)
{
	char dir[] = "/tmp/test_sshd_conf-XXXXXX", main_file[64], other[64], text[256], found[1024], small[8];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(main_file, sizeof(main_file), "%s/main", dir);
	snprintf(other, sizeof(other), "%s/10-other.conf", dir);
	snprintf(text, sizeof(text), "Include %s/*.conf\n# Match User jiro\nMatchless yes\n  mAtCh User taro,hanako\n\tUsePAM no\n", dir);
	write_file(main_file, text);
	snprintf(text, sizeof(text), "Include %s\nMatch=Address 10.0.0.0/8\r\n", other);        /* itself: ends at some depth */
	write_file(other, text);
	assert_int_equal(sshd_conf_matches(main_file, found, sizeof(found)), 1 + 16);
	assert_non_null(strstr(found, "User taro,hanako\n"));
	assert_non_null(strstr(found, "Address 10.0.0.0/8\n"));
	assert_null(strstr(found, "jiro"));
	assert_int_equal(sshd_conf_matches(main_file, small, sizeof(small)), 1 + 16);
	assert_string_equal(small, "");
	assert_int_equal(unlink(other), 0);
	write_file(main_file, "UsePAM yes\n");
	assert_int_equal(sshd_conf_matches(main_file, found, sizeof(found)), 0);
	assert_int_equal(unlink(main_file), 0);
	assert_int_equal(sshd_conf_matches(main_file, found, sizeof(found)), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sshd_prints_is_read),
		cmocka_unit_test(what_lacks_something_is_not_believed),
		cmocka_unit_test(lists_of_methods_are_ways),
		cmocka_unit_test(match_lines_are_found_where_they_are_included),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
