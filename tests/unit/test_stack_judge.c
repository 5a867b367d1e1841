/* SPDX-License-Identifier: Apache-2.0 */
/* Real stacks of Debian 12, right ones of ours, and each mistake that locks people out or lets them pass by. */
#include "pam_files.h"
#include "pam_plan.h"
#include "policy.h"
#include "stack_judge.h"

/* ---- Debian's files ---- */

static const struct {
	const char *name, *text;
} debian[] = {
	{ "common-auth", "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n"
			 "auth required pam_permit.so\nauth optional pam_cap.so\n" },
	{ "common-account", "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
			    "account requisite pam_deny.so\naccount required pam_permit.so\n" },
	{ "common-session", "session [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\n"
			    "session required pam_unix.so\nsession optional pam_systemd.so\n" },
	{ "common-session-noninteractive", "session [default=1] pam_permit.so\nsession requisite pam_deny.so\n"
					   "session required pam_permit.so\nsession required pam_unix.so\n" },
	{ "common-password", "password [success=1 default=ignore] pam_unix.so obscure yescrypt\npassword requisite pam_deny.so\n"
			     "password required pam_permit.so\n" },
	{ "other", "@include common-auth\n@include common-account\n@include common-password\n@include common-session\n" },
	{ "sudo", "session required pam_limits.so\n@include common-auth\n@include common-account\n"
		  "@include common-session-noninteractive\n" },
	{ "cron", "@include common-auth\nsession required pam_loginuid.so\nsession required pam_env.so\n"
		  "@include common-account\n@include common-session-noninteractive\nsession required pam_limits.so\n" },
	{ "systemd-user", "@include common-account\nsession required pam_selinux.so close\nsession required pam_loginuid.so\n"
			  "@include common-session-noninteractive\nsession optional pam_systemd.so\n" },
	{ "system-auth", "auth required pam_faildelay.so delay=2000000\nauth sufficient pam_unix.so nullok\nauth required pam_deny.so\n"
			 "account required pam_unix.so\nsession optional pam_keyinit.so revoke\nsession required pam_limits.so\n"
			 "session optional pam_systemd.so\nsession required pam_unix.so\n" },
	{ "postlogin", "auth required pam_env.so\nsession optional pam_umask.so silent\n" },
	{ "su", "auth sufficient pam_rootok.so\nsession required pam_env.so readenv=1\nsession optional pam_mail.so nopen\n"
		"session required pam_limits.so\n@include common-auth\n@include common-account\n@include common-session\n" },
	{ "su-l", "auth include su\naccount include su\npassword include su\nsession optional pam_keyinit.so force revoke\n"
		  "session include su\n" },
};

#define LOGIN_HEAD "auth optional pam_faildelay.so delay=3000000\nauth requisite pam_nologin.so\n" \
	"session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close\n" \
	"session required pam_loginuid.so\nsession optional pam_motd.so motd=/run/motd.dynamic\n" \
	"session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so open\n" \
	"session required pam_env.so readenv=1\n"
#define LOGIN_MIDDLE "auth optional pam_group.so\nsession required pam_limits.so\nsession optional pam_lastlog.so\n" \
	"session optional pam_mail.so standard\nsession optional pam_keyinit.so force revoke\n"
#define SSHD_HEAD "session required pam_loginuid.so\nsession optional pam_keyinit.so force revoke\n"
#define SSHD_TAIL "session optional pam_motd.so noupdate\nsession required pam_limits.so\nsession required pam_env.so\n"
#define ACCOUNT "account required pam_cardmfa.so\n@include common-account\n"
#define SESSION "session required pam_cardmfa.so\n@include common-session\nsession required pam_cardmfa.so confirm\n"
#define AUTH "auth required pam_cardmfa.so\n"
#define BOTH ACCOUNT SESSION

static void write_debian(void)
{
	for (size_t i = 0; i < sizeof(debian) / sizeof(debian[0]); i++)
		pam_files_write(pam_files_etc, debian[i].name, debian[i].text);
}

static int begin(void **state)
{
	int rc = pam_files_begin(state);

	write_debian();
	return rc;
}

/* ---- one stack, what is said of it ---- */

struct wanted {
	enum stack_fault fault;
	enum pam_phase phase;
	const char *module;     /* part of the line's module and control; NULL: no line */
};

static bool matches(const struct stack_finding *f, const struct wanted *w)
{
	char text[256];

	if (f->fault != w->fault || f->phase != w->phase || !f->line != !w->module)
		return false;
	if (!w->module)
		return true;
	snprintf(text, sizeof(text), "%s %s %s", f->line->control, f->line->module, f->line->arguments);
	return strstr(text, w->module) != NULL;
}

static void show(const char *what, const struct stack_verdict *v)
{
	print_message("%s: %zu findings\n", what, v->n);
	for (size_t i = 0; i < v->n; i++)
		print_message("  fault %d in %s: %s %s\n", (int)v->findings[i].fault,
			      pam_stack_phase_name(v->findings[i].phase),
			      v->findings[i].line ? v->findings[i].line->control : "-",
			      v->findings[i].line ? v->findings[i].line->module : "-");
}

static struct pam_service service;

static void judge(const char *name, const char *text, struct stack_verdict *v)
{
	if (text)
		pam_files_write(pam_files_etc, name, text);
	service = pam_files_read(name);
	stack_judge(&service, host_service_find(name), NULL, v);
}

static void expect(const char *name, const char *text, const struct wanted *wanted)
{
	struct stack_verdict v;
	size_t n = 0;

	judge(name, text, &v);
	for (const struct wanted *w = wanted; w->fault; w++, n++) {
		size_t i = 0;

		while (i < v.n && !matches(&v.findings[i], w))
			i++;
		if (i == v.n)
			show(text ? text : name, &v);
		assert_true(i < v.n);
	}
	if (n != v.n)
		show(text ? text : name, &v);
	assert_int_equal(n, v.n);
	pam_stack_free(&service);
}
#define EXPECT(name, text, ...) expect(name, text, (const struct wanted[]){ __VA_ARGS__ { 0 } })

/* ---- tables ---- */

static void debian_alone_does_not_use_us(void **state)
{
	static const char *const names[] = { "sudo", "cron", "systemd-user", "su", "su-l", "other", "nowhere" };
	struct stack_verdict v;

	(void)state;
	pam_files_write(pam_files_etc, "login", LOGIN_HEAD "@include common-auth\n" LOGIN_MIDDLE
			"@include common-account\n@include common-session\n@include common-password\n");
	pam_files_write(pam_files_etc, "sshd", "@include common-auth\naccount required pam_nologin.so\n@include common-account\n"
			SSHD_HEAD "@include common-session\n" SSHD_TAIL "@include common-password\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) + 2; i++) {
		judge(i < 7 ? names[i] : i == 7 ? "login" : "sshd", NULL, &v);
		assert_false(stack_judge_uses_us(&v));
		assert_int_equal(v.n, 0);
		/* Who knows the password is in, or, where it does not ask for any, nobody is stopped. */
		assert_true(stack_judge_passes_by(&service, host_service_find(service.name), NULL, KIND_KNOWLEDGE, true));
		if (strcmp(service.name, "login") == 0)
			assert_false(stack_judge_passes_by(&service, host_service_find("login"), NULL, KIND_KNOWLEDGE, false));
		pam_stack_free(&service);
	}
}

static void right_stacks_have_no_fault(void **state)
{
	(void)state;
	EXPECT("login", LOGIN_HEAD AUTH LOGIN_MIDDLE BOTH "@include common-password\n");
	assert_true(stack_judge_lets_in(&(struct pam_service){ .broken = true }, host_service_find("login"), NULL, true) == false);
	EXPECT("sshd", AUTH "account required pam_nologin.so\n" ACCOUNT SSHD_HEAD SESSION SSHD_TAIL);
	EXPECT("login", "auth [success=ok default=bad] pam_cardmfa.so\naccount [success=ok new_authtok_reqd=ok default=bad] pam_cardmfa.so\n"
			"session [success=ok default=bad] pam_cardmfa.so\nsession required pam_systemd.so\n"
			"session [success=ok default=bad] pam_cardmfa.so confirm\n");
	EXPECT("sudo", "session required pam_limits.so\n" AUTH ACCOUNT
		       "session required pam_cardmfa.so\n@include common-session-noninteractive\n");
	EXPECT("su", "auth sufficient pam_rootok.so\n" AUTH ACCOUNT "session required pam_cardmfa.so\n@include common-session\n");
	EXPECT("su-l", NULL);
	EXPECT("cron", "@include common-auth\naccount required pam_cardmfa.so\n@include common-account\n"
		       "@include common-session-noninteractive\n");
	EXPECT("systemd-user", "account required pam_cardmfa.so\n@include common-account\n"
			       "@include common-session-noninteractive\nsession optional pam_systemd.so\n");
	EXPECT("polkit-1", AUTH ACCOUNT "@include common-session-noninteractive\n");
	EXPECT("xscreensaver", AUTH ACCOUNT);
	/* Those that never ask for the account check; Debian's file for swaylock takes over login's answers alone. */
	EXPECT("i3lock", AUTH);
	EXPECT("vlock", AUTH);
	pam_files_write(pam_files_etc, "login", AUTH BOTH);
	EXPECT("swaylock", "auth include login\n");
	/* In a substack, behind a gate, by an absolute path, over two lines. */
	pam_files_write(pam_files_etc, "card", AUTH);
	EXPECT("login", "auth requisite pam_nologin.so\nauth substack card\n" BOTH);
	EXPECT("login", "auth required \\\n  /usr/lib/security/pam_cardmfa.so\n" BOTH);
}

/* As pam-auth-update writes them with our profiles: systemd/pam-configs. */
static void profiles_are_right_wherever_they_reach(void **state)
{
	static const char *const names[] = { "login", "sshd", "su", "su-l", "sudo", "cron", "systemd-user", "other-one" };

	(void)state;
	pam_files_write(pam_files_etc, "common-auth",
			"auth [success=ok default=bad] pam_cardmfa.so\nauth [success=2 default=bad] pam_permit.so\n"
			"auth [success=1 default=ignore] pam_unix.so nullok try_first_pass\nauth requisite pam_deny.so\n"
			"auth required pam_permit.so\nauth optional pam_cap.so\n");
	pam_files_write(pam_files_etc, "common-account",
			"account [success=ok new_authtok_reqd=ok default=bad] pam_cardmfa.so\n"
			"account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"
			"account requisite pam_deny.so\naccount required pam_permit.so\n");
	pam_files_write(pam_files_etc, "common-session",
			"session [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\n"
			"session required pam_cardmfa.so\nsession required pam_unix.so\nsession optional pam_systemd.so\n"
			"session [success=ok default=bad] pam_cardmfa.so confirm\n");
	pam_files_write(pam_files_etc, "login", LOGIN_HEAD "@include common-auth\n" LOGIN_MIDDLE
			"@include common-account\n@include common-session\n@include common-password\n");
	pam_files_write(pam_files_etc, "sshd", "@include common-auth\naccount required pam_nologin.so\n@include common-account\n"
			SSHD_HEAD "@include common-session\n" SSHD_TAIL "@include common-password\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		EXPECT(names[i], NULL);
	/* Without the second one nothing confirms. */
	pam_files_write(pam_files_etc, "common-session",
			"session required pam_permit.so\nsession required pam_cardmfa.so\nsession optional pam_systemd.so\n");
	EXPECT("login", NULL, { FAULT_NO_CONFIRM, PHASE_SESSION, NULL }, );
	write_debian();
}

#define PASS_BY(services) "session [success=1 default=ignore] pam_succeed_if.so quiet service " services "\n"
#define SESSIONS(services) PASS_BY(services) "session required pam_cardmfa.so\n-session optional pam_systemd.so\n" \
	PASS_BY(services) "session required pam_cardmfa.so confirm\nsession required pam_unix.so\n"

/* One file for all, as RHEL has it: a condition on the service is decided. */
static void services_that_a_condition_names_pass_by(void **state)
{
	static const char *const others[] = { "in systemd-user:gdm-launch-environment", "= systemd-user", "notin login:sshd", "!= login" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char text[1024];

		snprintf(text, sizeof(text), AUTH ACCOUNT SESSIONS("%s"), others[i], others[i]);
		expect("login", text, (const struct wanted[]){ { 0 } });
		snprintf(text, sizeof(text), "account required pam_cardmfa.so\n@include common-account\n" SESSIONS("%s"), others[i], others[i]);
		expect("systemd-user", text, (const struct wanted[]){ { 0 } });
	}
	EXPECT("crond", ACCOUNT SESSIONS("in systemd-user"));
	EXPECT("login", AUTH ACCOUNT SESSIONS("in login:x"), { FAULT_JUMPS_OVER, PHASE_SESSION, "pam_succeed_if.so quiet service in login:x" },
	       { FAULT_JUMPS_OVER, PHASE_SESSION, "pam_succeed_if.so quiet service in login:x" },
	       { FAULT_NEVER_PASSES, PHASE_SESSION, "pam_succeed_if.so quiet service in login:x" }, );
	/* What else is asked for may be either. */
	EXPECT("login", AUTH ACCOUNT PASS_BY("in crond uid = 0") SESSION, { FAULT_JUMPS_OVER, PHASE_SESSION, "uid = 0" }, );
	EXPECT("systemd-user", ACCOUNT SESSIONS("in crond"), { FAULT_CONFIRM_LONELY, PHASE_SESSION, "confirm" }, );
}

static void ways_past_us_are_found(void **state)
{
	(void)state;
	EXPECT("login", "auth sufficient pam_unix.so\n" AUTH BOTH, { FAULT_ENDS_BEFORE, PHASE_AUTH, "sufficient pam_unix.so" },);
	EXPECT("login", "@include common-auth\n" AUTH BOTH, { FAULT_ALSO_NEEDS, PHASE_AUTH, "pam_unix.so" },);
	EXPECT("login", "auth [success=1 default=ignore] pam_unix.so\n" AUTH "auth required pam_permit.so\n" BOTH,
	       { FAULT_JUMPS_OVER, PHASE_AUTH, "success=1" },);
	EXPECT("login", "auth [success=2 default=ignore] pam_succeed_if.so user ingroup nocard\n" AUTH
			"auth [default=1] pam_permit.so\nauth required pam_unix.so\nauth required pam_permit.so\n" BOTH,
	       { FAULT_JUMPS_OVER, PHASE_AUTH, "success=2" },);
	EXPECT("login", "auth sufficient pam_unix.so\nauth sufficient pam_localuser.so\n" AUTH BOTH,
	       { FAULT_ENDS_BEFORE, PHASE_AUTH, "pam_unix" }, { FAULT_ENDS_BEFORE, PHASE_AUTH, "pam_localuser" },);
	EXPECT("login", "auth optional pam_cardmfa.so\nauth required pam_unix.so\n" BOTH,
	       { FAULT_NOT_OBEYED, PHASE_AUTH, "optional pam_cardmfa.so" }, { FAULT_ALSO_NEEDS, PHASE_AUTH, "pam_unix.so" },);
	EXPECT("login", "auth sufficient pam_cardmfa.so\n@include common-auth\n" BOTH,
	       { FAULT_NOT_OBEYED, PHASE_AUTH, "sufficient pam_cardmfa.so" },);
	EXPECT("login", "auth [success=ok default=ignore] pam_cardmfa.so\nauth optional pam_cap.so\n" BOTH,
	       { FAULT_NOT_OBEYED, PHASE_AUTH, "default=ignore" },);
	EXPECT("login", AUTH "auth [success=reset default=ignore] pam_unix.so\nauth required pam_permit.so\n" BOTH,
	       { FAULT_RESET, PHASE_AUTH, "success=reset" },);
	/* Safe by what stands behind it only. */
	EXPECT("login", "auth sufficient pam_cardmfa.so\nauth required pam_deny.so\n" BOTH,
	       { FAULT_SUFFICIENT, PHASE_AUTH, "sufficient" },);
	EXPECT("login", "auth sufficient pam_cardmfa.so\n" BOTH, { FAULT_SUFFICIENT, PHASE_AUTH, "sufficient" },);
	/* An old password lets in: new_authtok_reqd=done ends the account phase. */
	EXPECT("login", AUTH "@include common-account\naccount required pam_cardmfa.so\n" SESSION,
	       { FAULT_ENDS_BEFORE, PHASE_ACCOUNT, "new_authtok_reqd=done" },);
	EXPECT("su", "auth sufficient pam_wheel.so trust\n" AUTH ACCOUNT "session required pam_cardmfa.so\n",
	       { FAULT_ENDS_BEFORE, PHASE_AUTH, "pam_wheel" },);
}

static void missing_lines_are_found(void **state)
{
	(void)state;
	EXPECT("login", AUTH "@include common-account\n" SESSION, { FAULT_ABSENT, PHASE_ACCOUNT, "pam_unix.so" },);
	EXPECT("login", AUTH SESSION, { FAULT_ABSENT, PHASE_ACCOUNT, "pam_unix.so" },);        /* of `other` */
	EXPECT("login", BOTH "@include common-auth\n", { FAULT_ABSENT, PHASE_AUTH, "pam_unix.so" },);
	EXPECT("login", AUTH ACCOUNT "@include common-session\n", { FAULT_ABSENT, PHASE_SESSION, "pam_permit.so" },);
	EXPECT("login", AUTH ACCOUNT "@include common-session\nsession required pam_cardmfa.so confirm\n",
	       { FAULT_NO_OPEN, PHASE_SESSION, "confirm" },);
	EXPECT("login", AUTH ACCOUNT "session required pam_cardmfa.so\n@include common-session\n",
	       { FAULT_NO_CONFIRM, PHASE_SESSION, NULL },);
	EXPECT("login", AUTH ACCOUNT "@include common-session\nsession required pam_cardmfa.so\nsession required pam_cardmfa.so confirm\n",
	       { FAULT_OPEN_LATE, PHASE_SESSION, "required pam_cardmfa.so" },);
	EXPECT("login", AUTH ACCOUNT "session required pam_cardmfa.so\nsession required pam_cardmfa.so confirm\n@include common-session\n",
	       { FAULT_CONFIRM_EARLY, PHASE_SESSION, "confirm" },);
	EXPECT("login", AUTH ACCOUNT "session optional pam_cardmfa.so\n@include common-session\nsession required pam_cardmfa.so confirm\n",
	       { FAULT_NOT_OBEYED, PHASE_SESSION, "optional" },);
	EXPECT("login", AUTH ACCOUNT "session required pam_cardmfa.so\nsession sufficient pam_systemd.so\nsession required pam_cardmfa.so confirm\n",
	       { FAULT_ENDS_BEFORE, PHASE_SESSION, "pam_systemd" },);
	EXPECT("login", AUTH ACCOUNT "session required pam_cardmfa.so\n@include common-session-noninteractive\n"
			"session required pam_cardmfa.so confirm\n", { FAULT_CONFIRM_LONELY, PHASE_SESSION, "confirm" },);
	EXPECT("systemd-user", "account required pam_cardmfa.so\nsession optional pam_systemd.so\nsession required pam_cardmfa.so confirm\n",
	       { FAULT_CONFIRM_LONELY, PHASE_SESSION, "confirm" },);
}

static void walls_are_found(void **state)
{
	struct stack_verdict v;
	static const char *const dirs[] = { "/nowhere", NULL };

	(void)state;
	EXPECT("login", AUTH "auth requisite pam_deny.so\n" BOTH, { FAULT_NEVER_PASSES, PHASE_AUTH, "pam_deny" },);
	EXPECT("login", "auth required pam_cardmfa.so debug\n" BOTH, { FAULT_ARGUMENT, PHASE_AUTH, "debug" },);
	EXPECT("login", AUTH ACCOUNT "session required pam_cardmfa.so\nsession required pam_systemd.so\n"
			"session required pam_cardmfa.so confrim\n",
	       { FAULT_ARGUMENT, PHASE_SESSION, "confrim" }, { FAULT_NO_CONFIRM, PHASE_SESSION, NULL },);
	EXPECT("login", AUTH "auth requird pam_nologin.so\n" BOTH, { FAULT_NEVER_PASSES, PHASE_AUTH, "requird" },);
	EXPECT("login", AUTH "auth include nothing\n" BOTH, { FAULT_NEVER_PASSES, PHASE_AUTH, "nothing" },);
	EXPECT("login", AUTH "@include nothing\n" BOTH, { FAULT_BROKEN, PHASE_AUTH, NULL },);
	EXPECT("login", AUTH "auth required pam_oath.so\n" BOTH, { FAULT_ALSO_NEEDS, PHASE_AUTH, "pam_oath" },);
	judge("login", AUTH BOTH, &v);
	stack_judge(&service, host_service_find("login"), dirs, &v);
	assert_true(v.n >= 2);
	assert_int_equal(v.findings[0].fault, FAULT_NEVER_PASSES);
	assert_non_null(strstr(v.findings[0].line->module, "pam_cardmfa.so"));
	pam_stack_free(&service);
}

static void kinds_that_suffice(void **state)
{
	static const struct {
		const char *auth;
		unsigned kinds;
		bool linux_password, passes_by, lets_in;        /* lets_in: whatever the kinds */
	} cases[] = {
		{ AUTH, 7, true, false, true },
		{ "auth sufficient pam_unix.so\n" AUTH, KIND_KNOWLEDGE, true, true, true },
		{ "auth sufficient pam_unix.so\n" AUTH, KIND_KNOWLEDGE, false, false, true },
		{ "auth sufficient pam_unix.so\n" AUTH, 0, true, false, true },
		{ "auth sufficient pam_localuser.so\n" AUTH, 0, false, true, true },
		{ "auth required pam_unix.so\nauth sufficient pam_oath.so\n" AUTH, KIND_KNOWLEDGE, true, false, true },
		{ "auth required pam_unix.so\nauth sufficient pam_oath.so\n" AUTH, 3, true, true, true },
		{ "auth required pam_unix.so\n" AUTH, 7, false, false, false },
		{ "auth sufficient pam_rootok.so\n" AUTH, 7, true, false, true },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%saccount required pam_permit.so\n", cases[i].auth);
		pam_files_write(pam_files_etc, "login", text);
		service = pam_files_read("login");
		assert_int_equal(stack_judge_passes_by(&service, host_service_find("login"), NULL, cases[i].kinds,
						       cases[i].linux_password), cases[i].passes_by);
		assert_int_equal(stack_judge_lets_in(&service, host_service_find("login"), NULL, cases[i].linux_password),
				 cases[i].lets_in);
		pam_stack_free(&service);
	}
}

/* ---- before it is switched on ---- */

/* "required pam_cardmfa.so, optional pam_group.so" */
static const char *lines_text(const struct pam_stack *s, char *dst, size_t size)
{
	size_t len = 0;

	*dst = '\0';
	for (size_t i = 0; i < s->n && len < size; i++)
		len += (size_t)snprintf(dst + len, size - len, "%s%s %s%s%s", len ? ", " : "", s->lines[i].control,
					s->lines[i].module, *s->lines[i].arguments ? " " : "", s->lines[i].arguments);
	return dst;
}

static void readme_lines_can_be_judged_beforehand(void **state)
{
	static const struct {
		const char *text;
		size_t faults;
		bool passes_by, lets_in;        /* by one kind: `account` refuses it; without a Linux password */
		const char *auth, *account;
	} cases[] = {
		{ LOGIN_HEAD "@include common-auth\n" LOGIN_MIDDLE "@include common-account\n@include common-session\n"
		  "@include common-password\n", 0, false, true,
		  "optional pam_faildelay.so delay=3000000, requisite pam_nologin.so, required pam_cardmfa.so, optional pam_group.so",
		  "required pam_cardmfa.so, [success=1 new_authtok_reqd=done default=ignore] pam_unix.so, "
		  "requisite pam_deny.so, required pam_permit.so" },
		/* what another module of the file itself asks for, or lets by, stays */
		{ "auth required pam_unix.so\n@include common-auth\n@include common-account\n@include common-session\n", 1, false, false,
		  "required pam_unix.so, required pam_cardmfa.so", NULL },
		{ "auth sufficient pam_unix.so\n@include common-auth\naccount sufficient pam_unix.so\n@include common-session\n", 1, false,
		  true, "sufficient pam_unix.so, required pam_cardmfa.so", "required pam_cardmfa.so, sufficient pam_unix.so" },
		{ "auth substack common-auth\nauth required pam_env.so\naccount substack common-account\nsession substack common-session\n",
		  0, false, true, "required pam_cardmfa.so, required pam_env.so", NULL },
		/* RHEL's */
		{ "auth substack system-auth\nauth include postlogin\naccount required pam_nologin.so\naccount include system-auth\n"
		  "session required pam_loginuid.so\nsession include system-auth\nsession include postlogin\n", 0, false, true,
		  "required pam_cardmfa.so, required pam_env.so",
		  "required pam_nologin.so, required pam_cardmfa.so, required pam_unix.so" },
		/* nothing shared: before all */
		{ "auth required pam_env.so\naccount required pam_permit.so\nsession required pam_permit.so\n", 1, false, true,
		  "required pam_cardmfa.so, required pam_env.so", "required pam_cardmfa.so, required pam_permit.so" },
		/* not a line of its own: those of `other` are shared */
		{ "password required pam_deny.so\n", 0, false, true, "required pam_cardmfa.so", NULL },
	};
	const struct host_service *host = host_service_find("login");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pam_service plan;
		struct stack_verdict v;
		char text[512];

		pam_files_write(pam_files_etc, "login", cases[i].text);
		service = pam_files_read("login");
		assert_true(pam_plan_make(&service, &plan));
		assert_string_equal(lines_text(&plan.stacks[PHASE_AUTH], text, sizeof(text)), cases[i].auth);
		if (cases[i].account)
			assert_string_equal(lines_text(&plan.stacks[PHASE_ACCOUNT], text, sizeof(text)), cases[i].account);
		stack_judge(&plan, host, NULL, &v);
		if (v.n != cases[i].faults)
			show(cases[i].text, &v);
		assert_int_equal(v.n, cases[i].faults);
		assert_true(v.ours[PHASE_AUTH] && v.ours[PHASE_ACCOUNT] && v.ours[PHASE_SESSION]);
		assert_int_equal(stack_judge_passes_by(&plan, host, NULL, KIND_KNOWLEDGE, true), cases[i].passes_by);
		assert_int_equal(stack_judge_lets_in(&plan, host, NULL, false), cases[i].lets_in);
		pam_plan_free(&plan);
		pam_stack_free(&service);
	}
}

static void services_are_known(void **state)
{
	(void)state;
	assert_int_equal(host_service_find("common-auth")->kind, HOST_PART);
	assert_int_equal(host_service_find("sshd")->kind, HOST_LOGIN);
	assert_true(host_service_find("somebodys-own")->remote);
	assert_false(host_service_known("somebodys-own"));
	assert_false(host_service_find("cron")->phases & HOST_CALLS(PHASE_AUTH));
	assert_true(host_service_is_leftover("login.dpkg-old"));
	assert_true(host_service_is_leftover(".swp"));
	assert_false(host_service_is_leftover("sudo-i"));
	assert_true(host_service_is_part("/etc/pam.d/common-auth"));
	assert_true(host_service_is_part("system-auth"));
	assert_false(host_service_is_part("/etc/pam.d/login"));
	assert_true(host_service_ready("login"));
	assert_true(host_service_ready("sudo"));
	assert_true(host_service_ready("screen"));
	assert_int_equal(host_service_find("screen")->phases, HOST_CALLS(PHASE_AUTH));
	assert_true(host_service_takes_one_line("i3lock"));
	assert_false(host_service_takes_one_line("vlock"));
	assert_false(host_service_ready("gdm-password"));
	assert_false(host_service_ready("somebodys-own"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debian_alone_does_not_use_us),
		cmocka_unit_test(right_stacks_have_no_fault),
		cmocka_unit_test(profiles_are_right_wherever_they_reach),
		cmocka_unit_test(services_that_a_condition_names_pass_by),
		cmocka_unit_test(ways_past_us_are_found),
		cmocka_unit_test(missing_lines_are_found),
		cmocka_unit_test(walls_are_found),
		cmocka_unit_test(kinds_that_suffice),
		cmocka_unit_test(readme_lines_can_be_judged_beforehand),
		cmocka_unit_test(services_are_known),
	};

	return cmocka_run_group_tests(tests, begin, pam_files_end);
}
