/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/auth/locality.h"

#include <stdio.h>
#include <string.h>

#include "stage_host.h"
#include "unit.h"

#define NO_SESSION 4294967295LL

static char services[9][POLICY_NAME_SIZE * 2] = {
	"login", "sudo", "su", "polkit-1", "swaylock", "su-l", "sudo-i", "runuser", "runuser-l",
};
static const struct settings settings = { .local_services = { .n = 9, .words = services } };

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
	assert_true(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	p = getty("/system.slice/a.service");
	assert_true(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	/* Some component is the service. */
	p = getty("/system.slice/system-getty.slice/getty@tty1.service/sub");
	assert_true(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	p = getty("/system.slice/.service");
	assert_false(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	p = getty("/system.slice/gdm.service");
	assert_true(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
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
		assert_false(locality_is_local(&p, hosts[i], "login", WIRE_AUTH, &settings));
	memset(long_host, 'a', 1000);
	long_host[1000] = '\0';
	assert_false(locality_is_local(&p, long_host, "login", WIRE_AUTH, &settings));
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

		assert_false(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	}
}

static void other_services_and_callers_are_remote(void **state)
{
	struct wire_peer p = getty("/system.slice/getty@tty1.service");

	(void)state;
	assert_false(locality_is_local(&p, "", "sshd", WIRE_AUTH, &settings));
	assert_false(locality_is_local(&p, "", "logi", WIRE_AUTH, &settings));
	p.ruid = 1000;
	assert_false(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	p.ruid = 0;
	p.audit_session = 3;
	assert_false(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
	assert_true(locality_is_local(&p, "", "login", WIRE_OPEN, &settings));
}

/* A helper of theirs in a service of root's says nothing of who calls it, or from where. */
static void who_switches_in_a_service_is_remote(void **state)
{
	static const char *const switches[] = { "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "polkit-1" };
	struct wire_peer p = getty("/system.slice/system-polkit\\x2dagent\\x2dhelper.slice/polkit-agent-helper@1-2.service");

	(void)state;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		assert_false(locality_is_local(&p, "", switches[i], WIRE_AUTH, &settings));
		assert_false(locality_is_local(&p, "", switches[i], WIRE_OPEN, &settings));
		/* Who is told how it would be stands before the machine. */
		assert_true(locality_is_local(&p, "", switches[i], WIRE_EXPLAIN, &settings));
		assert_false(locality_is_local(&p, "192.0.2.1", switches[i], WIRE_EXPLAIN, &settings));
	}
	assert_true(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
}

static struct wire_peer in_session(const char *id, int64_t audit)
{
	struct wire_peer p = { .audit_session = audit, .ruid = 1000 };

	snprintf(p.cgroup, sizeof(p.cgroup), "/user.slice/user-1000.slice/session-%s.scope", id);
	memset(&host, 0, sizeof(host));
	host.session = id;
	host.session_service = "login";
	host.session_active = true;
	host.session_tty = "tty1";
	return p;
}

static bool local(const struct wire_peer *p)
{
	return locality_is_local(p, "", "sudo", WIRE_AUTH, &settings);
}

static void a_session_is_local_when_all_is_known(void **state)
{
	struct wire_peer p = in_session("7", 7);

	(void)state;
	assert_true(local(&p));
	assert_false(locality_is_local(&p, "", "cron", WIRE_AUTH, &settings));
	assert_false(locality_is_local(&p, ":0", "sudo", WIRE_AUTH, &settings));
	/* Root in it is a person in it. */
	p.ruid = 0;
	assert_true(local(&p));
	host.session_active = false;
	assert_false(local(&p));
	host.session_active = true;
	host.session_remote = true;
	assert_false(local(&p));
	host.session_remote = false;
	/* logind calls that one local. */
	host.session_host = "localhost";
	assert_false(local(&p));
	host.session_host = NULL;
	host.session_service = "sshd";
	assert_false(local(&p));
	host.session_service = "su";
	assert_false(local(&p));
	host.session_service = "";
	assert_false(local(&p));
	host.session_service = NULL;
	assert_false(local(&p));
	host.session_service = "login";
	assert_true(local(&p));
	host.session = "8";
	assert_false(local(&p));
}

/* As a desktop's that is shown elsewhere. */
static void a_session_has_a_seat_or_a_terminal(void **state)
{
	struct wire_peer p = in_session("c3", 7);

	(void)state;
	host.session_tty = NULL;
	assert_false(local(&p));
	host.session_tty = "";
	assert_false(local(&p));
	host.session_seat = "seat0";
	assert_true(local(&p));
	host.session_seat = "";
	assert_false(local(&p));
}

/* Control group and audit session speak of one session, where both have a number. */
static void a_session_is_the_kernels_too(void **state)
{
	struct wire_peer p = in_session("7", 8);

	(void)state;
	assert_false(local(&p));
	p.audit_session = NO_SESSION;
	assert_false(local(&p));
	p = in_session("c7", NO_SESSION);
	assert_true(local(&p));
	/* pam_loginuid gave it a new one on the way. */
	p = in_session("7", 8);
	assert_true(locality_is_local(&p, "", "sudo", WIRE_OPEN, &settings));
	p = in_session("7", 7);
	assert_true(local(&p));
}

/* A25: its files outlive logind, and say how things were. */
static void A25_without_logind_nothing_is_known_of_a_session(void **state)
{
	struct wire_peer p = in_session("7", 7);

	(void)state;
	assert_true(local(&p));
	host.no_logind = true;
	assert_false(local(&p));
	p = getty("/system.slice/getty@tty1.service");
	assert_true(locality_is_local(&p, "", "login", WIRE_AUTH, &settings));
}

/* Unified, hybrid, and all in hierarchies of their own. */
static void logind_runs_on_each_kind_of_host(void **state)
{
	static const char *const places[] = {
		STAGE_LOGIND, "/sys/fs/cgroup/unified/system.slice/systemd-logind.service/cgroup.procs",
		"/sys/fs/cgroup/systemd/system.slice/systemd-logind.service/cgroup.procs",
	};
	struct wire_peer p = in_session("7", 7);

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		host.logind_place = places[i];
		host.other_places = NULL;
		assert_true(local(&p));
		/* A control group there without a process says nothing against it. */
		host.other_places = "/dev/null";
		assert_true(local(&p));
		host.no_logind = true;
		assert_false(local(&p));
		host.no_logind = false;
	}
	host.other_places = NULL;
	host.logind_place = "/sys/fs/cgroup/memory/system.slice/systemd-logind.service/cgroup.procs";
	assert_false(local(&p));
}

static void a_session_that_stands_has_a_service(void **state)
{
	struct wire_peer p = in_session("7", 7);
	char service[65] = "before";

	(void)state;
	host.session_uid = 1000;
	assert_true(locality_session_stands(&p, WIRE_AUTH, "7", service, sizeof(service)));
	assert_string_equal(service, "login");
	host.session_service = NULL;
	assert_false(locality_session_stands(&p, WIRE_AUTH, "7", service, sizeof(service)));
	assert_string_equal(service, "");
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
	/* Cut off it would be another one's. */
	assert_true(locality_session_of("/user.slice/user-1000.slice/session-1234567.scope", dst, 8));
	assert_false(locality_session_of("/user.slice/user-1000.slice/session-12345678.scope", dst, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_below_getty_is_local), cmocka_unit_test(A23_any_rhost_is_remote),
		cmocka_unit_test(unknown_places_are_remote), cmocka_unit_test(other_services_and_callers_are_remote),
		cmocka_unit_test(who_switches_in_a_service_is_remote), cmocka_unit_test(a_session_is_local_when_all_is_known),
		cmocka_unit_test(a_session_has_a_seat_or_a_terminal), cmocka_unit_test(a_session_is_the_kernels_too),
		cmocka_unit_test(A25_without_logind_nothing_is_known_of_a_session), cmocka_unit_test(logind_runs_on_each_kind_of_host),
		cmocka_unit_test(a_session_that_stands_has_a_service), cmocka_unit_test(sessions_in_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
