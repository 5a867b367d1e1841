/* SPDX-License-Identifier: Apache-2.0 */
/* What a class says to sshd of a key, from the words of the file to the options of the line. */
#include "conf_text.h"
#include "log.h"

#define CLASS "[default]\nfactors = card,totp\n"
#define FIRST_OF_2027 1798761600
#define EXPIRY "expiry-time=\"20270101000000Z\""

static char text[POLICY_SSH_OPTIONS_SIZE];

static const char *options(const char *settings, int64_t not_after)
{
	char conf[4096];
	struct policy *p;

	snprintf(conf, sizeof(conf), CLASS "%s", settings);
	p = conf_loads(conf);
	memset(text, '#', sizeof(text));
	assert_ptr_equal(policy_ssh_options(&p->classes[0], not_after, text, sizeof(text)), text);
	policy_free(p);
	return text;
}

static void options_are_those_of_the_class(void **state)
{
	static const struct { const char *settings; int64_t not_after; const char *wanted; } rows[] = {
		{ "", -1, "" },
		{ "ssh-allow = all\nssh-from = any\n", -1, "" },
		{ "", FIRST_OF_2027, EXPIRY },
		{ "ssh-allow = none\n", -1, "restrict" },
		{ "ssh-allow = none\n", FIRST_OF_2027, "restrict," EXPIRY },
		{ "ssh-allow = X11-forwarding pty\n", -1, "restrict,pty,X11-forwarding" },
		{ "ssh-allow = user-rc X11-forwarding agent-forwarding port-forwarding pty\n", -1,
		  "restrict,pty,port-forwarding,agent-forwarding,X11-forwarding,user-rc" },
		{ "ssh-from = 192.0.2.7\n", -1, "from=\"192.0.2.7/32\"" },
		{ "ssh-from = 192.0.2.0/24 2001:DB8::/32 ::ffff:198.51.100.0/120\nssh-allow = pty\n", FIRST_OF_2027,
		  "restrict,pty,from=\"192.0.2.0/24,2001:db8::/32,198.51.100.0/24\"," EXPIRY },
		{ "ssh-from = fedc:ba98:7654:3210:fedc:ba98:7654:3210/128\n", -1, "from=\"fedc:ba98:7654:3210:fedc:ba98:7654:3210/128\"" },
		{ "ssh-from = 0.0.0.0/0\n", 0, "from=\"0.0.0.0/0\",expiry-time=\"19700101000000Z\"" },
		{ "", 253402300799, "expiry-time=\"99991231235959Z\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(options(rows[i].settings, rows[i].not_after), rows[i].wanted);
}

/* The longest line there can be fits, and nothing but visible ASCII is in it. */
static void the_longest_line_fits(void **state)
{
	struct policy_class c = { .ssh_allow = 31 };
	const char *end;

	(void)state;
	c.ssh_from.n = POLICY_SSH_FROM_MAX;
	for (size_t i = 0; i < POLICY_SSH_FROM_MAX; i++) {
		c.ssh_from.at[i] = (struct policy_cidr){ .family_bits = 128, .prefix = 128 };
		memset(c.ssh_from.at[i].address, 0xFE, sizeof(c.ssh_from.at[i].address));
	}
	policy_ssh_options(&c, 253402300799, text, sizeof(text));
	end = strstr(text, ",expiry-time=\"99991231235959Z\"");
	assert_non_null(end);
	assert_int_equal(strlen(end), strlen(",expiry-time=\"99991231235959Z\""));
	for (const char *at = text; *at; at++)
		assert_true(*at > ' ' && *at <= '~');
}

static void classes_have_it_from_default(void **state)
{
	struct policy *p = conf_loads("[class a]\nservice = sshd\nfactors = card,totp\n"
				      "[class b]\nservice = x\nfactors = totp,password\nssh-allow = all\nssh-from = any\n"
				      "[default]\nfactors = card,totp\nssh-allow = pty\nssh-from = 192.0.2.0/24\n");

	(void)state;
	assert_string_equal(policy_ssh_options(&p->classes[0], -1, text, sizeof(text)), "restrict,pty,from=\"192.0.2.0/24\"");
	assert_string_equal(policy_ssh_options(&p->classes[1], -1, text, sizeof(text)), "");
	policy_free(p);
}

static void what_sshd_would_not_take_is_refused(void **state)
{
	static const char *const bad[] = {
		"ssh-allow = PTY", "ssh-allow = pty pty", "ssh-allow = all pty", "ssh-allow = none pty", "ssh-allow = pty,user-rc",
		"ssh-allow = no-pty", "ssh-allow = pt", "ssh-allow = command=\"x\"", "ssh-allow = x11-forwarding", "ssh-allow = \"pty\"", "ssh-allow =",
		"ssh-from = any 192.0.2.1", "ssh-from = 192.0.2.1/24", "ssh-from = host.example", "ssh-from = *", "ssh-from = !192.0.2.1",
		"ssh-from = 192.0.2.1,192.0.2.2", "ssh-from = 192.0.2.1\"", "ssh-from = fe80::1%eth0", "ssh-from =",
	};
	char conf[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(conf, sizeof(conf), CLASS "%s\n", bad[i]);
		conf_refused(conf, 3, strncmp(bad[i], "ssh-allow", 9) ? "ssh-from" : "ssh-allow");
	}
}

static void as_many_networks_as_there_is_room_for(void **state)
{
	char conf[2048] = CLASS "ssh-from =";

	(void)state;
	for (int i = 0; i < POLICY_SSH_FROM_MAX; i++)
		snprintf(conf + strlen(conf), sizeof(conf) - strlen(conf), " %d.0.0.0/8", 1 + i);
	policy_free(conf_loads(conf));
	strcat(conf, " 99.0.0.0/8");
	conf_refused(conf, 3, "at most 16 networks");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_those_of_the_class),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(classes_have_it_from_default),
		cmocka_unit_test(what_sshd_would_not_take_is_refused),
		cmocka_unit_test(as_many_networks_as_there_is_room_for),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
