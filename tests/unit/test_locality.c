/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/auth/locality.h"

#include <string.h>

#include "unit.h"

#define NO_SESSION 4294967295LL

static char services[2][POLICY_NAME_SIZE * 2] = { "login", "sudo" };
static const struct settings settings = { .local_services = { .n = 2, .words = services } };

static struct wire_peer getty(const char *cgroup)
{
	struct wire_peer p = { .root_socket = true, .audit_session = NO_SESSION, .loginuid = NO_SESSION };

	strcpy(p.cgroup, cgroup);
	return p;
}

static void a_login_below_getty_is_local(void **state)
{
	struct wire_peer p = getty("/system.slice/system-getty.slice/getty@tty1.service");

	(void)state;
	assert_true(locality_is_local(&p, "", "login", false, &settings));
	p = getty("/system.slice/a.service");
	assert_true(locality_is_local(&p, "", "login", false, &settings));
	/* Some component is the service. */
	p = getty("/system.slice/system-getty.slice/getty@tty1.service/sub");
	assert_true(locality_is_local(&p, "", "login", false, &settings));
	p = getty("/system.slice/.service");
	assert_false(locality_is_local(&p, "", "login", false, &settings));
	p = getty("/system.slice/gdm.service");
	assert_true(locality_is_local(&p, "", "login", false, &settings));
}

/* A23: whatever stands in rhost, whatever it pretends: not local. No name is looked up. */
static void A23_any_rhost_is_remote(void **state)
{
	static const char *hosts[] = { "UNKNOWN", "localhost", "127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "loopback.example",
				       ":0", " ", "0" };
	char long_host[1001];
	struct wire_peer p = getty("/system.slice/getty@tty1.service");

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		assert_false(locality_is_local(&p, hosts[i], "login", false, &settings));
	memset(long_host, 'a', 1000);
	long_host[1000] = '\0';
	assert_false(locality_is_local(&p, long_host, "login", false, &settings));
}

static void unknown_places_are_remote(void **state)
{
	static const char *places[] = { "", "/", "/init.scope", "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
					"/system.slice", "/system.slice/", "/system.slice/cron.scope", "/machine.slice/x.service",
					"/user.slice/user-1000.slice/session-none.scope", "/system.slicex/getty.service", "/system.slice/session-4.service",
					"/system.slice/getty.service/session-4.scope", "/system.slice/x.service#" };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct wire_peer p = getty(places[i]);

		assert_false(locality_is_local(&p, "", "login", false, &settings));
	}
}

static void other_services_and_callers_are_remote(void **state)
{
	struct wire_peer p = getty("/system.slice/getty@tty1.service");

	(void)state;
	assert_false(locality_is_local(&p, "", "sshd", false, &settings));
	assert_false(locality_is_local(&p, "", "logi", false, &settings));
	p.ruid = 1000;
	assert_false(locality_is_local(&p, "", "login", false, &settings));
	p.ruid = 0;
	p.audit_session = 3;
	assert_false(locality_is_local(&p, "", "login", false, &settings));
	assert_true(locality_is_local(&p, "", "login", true, &settings));
}

static void sessions_in_paths(void **state)
{
	static const struct {
		const char *path, *session;
	} rows[] = {
		{ "/user.slice/user-1000.slice/session-4.scope", "4" }, { "/user.slice/user-0.slice/session-c12.scope", "c12" },
		{ "/user.slice/user-1000.slice/session-4.scope/sub", "4" },
		{ "/user.slice/user-1000.slice/user@1000.service/session-4.scope", NULL },
		{ "/system.slice/session-4.scope", NULL }, { "/user.slice/user-1000.slice/session-.scope", NULL },
		{ "/user.slice/user-1000.slice/session-4.scopex", NULL },
		{ "/user.slice/user-1000.slice", NULL }, { "/user.slice/user-", NULL }, { "/user.slice/user-/session-4.scope", "4" },
		{ "/user.slice/user-1000.slice/xession-4.scope", NULL }, { "/user.slice/user-1000.slice/session_4.scope", NULL },
		{ "/user.slice/user_1000.slice/session-4.scope", NULL }, { "/user.slice/user-1000.slice/session-4_0.scope", NULL },
		{ "/user.slice/user-1000.slice/session-0z.scope", "0z" }, { "/user.slice/user-1000.slice/session-#4.scope", NULL }, { "/user.slice/user-1000.slice/session-../x.scope", NULL },
		{ "", NULL },
	};
	char dst[65];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(locality_session_of(rows[i].path, dst, sizeof(dst)), rows[i].session != NULL);
		if (rows[i].session)
			assert_string_equal(dst, rows[i].session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_below_getty_is_local), cmocka_unit_test(A23_any_rhost_is_remote),
		cmocka_unit_test(unknown_places_are_remote), cmocka_unit_test(other_services_and_callers_are_remote),
		cmocka_unit_test(sessions_in_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
