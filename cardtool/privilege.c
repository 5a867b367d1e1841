/* SPDX-License-Identifier: Apache-2.0 */
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "secret.h"
#include "text.h"

extern char **environ;

/*
 * What a person's terminal may say. LANGUAGE lists with ':', zones have '/'; a path to a file of
 * one's own never passes.
 */
static const struct {
	const char *name, *also;
} kept[] = {
	{ "TERM", "" },	    { "LANG", "" },	   { "LANGUAGE", ":" }, { "LC_ALL", "" },
	{ "LC_CTYPE", "" }, { "LC_MESSAGES", "" }, { "LC_TIME", "" },	{ "TZ", "/" },
};
#define N_KEPT (sizeof(kept) / sizeof(kept[0]))

static bool harmless(const char *value, const char *also)
{
	if (strlen(value) > 64 || value[0] == '/' || value[0] == ':' || strstr(value, ".."))
		return false;
	for (const char *c = value; *c; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			      (*c >= '0' && *c <= '9');

		if (!letter && !strchr("_.@+-", *c) && !strchr(also, *c))
			return false;
	}
	return true;
}

/*
 * A variable of ours would be a secret or a setting in the wrong place: better said than silently
 * dropped.
 */
static enum err refuse_own_variables(void)
{
	for (char **v = environ; v && *v; v++)
		if (strncmp(*v, "CARDTOOL_", 9) == 0)
			return fail(ERR_USAGE, "nothing is taken from the environment: unset %.*s",
				    (int)strcspn(*v, "="), *v);
	return ERR_OK;
}

static enum err clean_environment(void)
{
	char *values[N_KEPT] = { NULL };
	bool lost = false;

	for (size_t i = 0; i < N_KEPT; i++) {
		const char *value = getenv(kept[i].name);

		if (value && harmless(value, kept[i].also)) {
			values[i] = strdup(value);
			lost |= !values[i];
		}
	}
	lost |= clearenv() || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	for (size_t i = 0; i < N_KEPT; i++) {
		lost |= values[i] && setenv(kept[i].name, values[i], 1);
		free(values[i]);
	}
	return lost ? fail(ERR_MEMORY, "environment") : ERR_OK;
}

enum err privilege_begin(void)
{
	if (getauxval(AT_SECURE))
		return fail(ERR_NOT_ALLOWED,
			    "cardtool must not be set-uid or have file capabilities; use sudo");
	/* The lowest free number is given, so these land on the ones that lack. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
			return fail(ERR_SYSTEM, "/dev/null: %m");

	enum err e = refuse_own_variables();

	if (!e)
		e = clean_environment();
	umask(077);
	/* Who ignores SIGCHLD, as a caller may hand it on, never learns how a program ended. */
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return fail(ERR_SYSTEM, "signal: %m");
	return e;
}

bool privilege_is_root(void)
{
	return getuid() == 0 && geteuid() == 0;
}

int64_t privilege_actor(void)
{
	char text[16] = "";
	int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int64_t uid;

	if (fd >= 0)
		close(fd);
	if (n <= 0 || !text_to_i64(text, 0, UINT32_MAX - 1, &uid))
		return (int64_t)getuid();
	return uid;
}

/* Trust nothing that was asked for: look at what is. */
static enum err verify_dropped(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) || getresgid(&rg, &eg, &sg))
		return fail(ERR_SYSTEM, "getresuid: %m");
	if (r != uid || e != uid || s != uid || rg != gid || eg != gid || sg != gid ||
	    getgroups(0, NULL) != 0)
		return fail(ERR_SYSTEM, "root was not given up");
	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0)
		return fail(ERR_SYSTEM, "root can be had back");
	return ERR_OK;
}

enum err privilege_drop(const char *user)
{
	errno = 0;

	const struct passwd *pw = getpwnam(user);

	if (!pw)
		return fail(ERR_NOT_FOUND, "no system user %s%s%s: run `cardtool init`", user,
			    errno ? ": " : "", errno ? strerror(errno) : "");

	uid_t uid = pw->pw_uid;
	gid_t gid = pw->pw_gid;

	if (uid == 0 || gid == 0)
		return fail(ERR_SYSTEM, "%s must not have uid or gid 0", user);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return fail(ERR_SYSTEM, "prctl: %m");
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return fail(ERR_SYSTEM, "dropping to %s: %m", user);

	enum err e = verify_dropped(uid, gid);

	return e ? e : secret_harden_process();
}

/* What a child sends to its parent: one write, smaller than PIPE_BUF. */
struct report {
	enum err result;
	char detail[1024];
};

static _Noreturn void child(int fd, const char *user, enum err (*work)(void *arg), void *arg)
{
	struct report r = { .result = user ? privilege_drop(user) : ERR_OK };

	if (!r.result)
		r.result = work(arg);
	text_copy_or_none(r.detail, sizeof(r.detail), err_detail());
	/* _exit: what stdio held at the fork is the parent's to print. */
	_exit(write(fd, &r, sizeof(r)) == (ssize_t)sizeof(r) ? 0 : 1);
}

static enum err collect(int fd, pid_t pid, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct report r = { .result = ERR_SYSTEM };
	int n;

	do
		n = poll(&p, 1, deadline_left(deadline));
	while (n < 0 && errno == EINTR);

	bool whole = n > 0 && read(fd, &r, sizeof(r)) == (ssize_t)sizeof(r);

	if (n == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n == 0)
		return fail(ERR_TIMEOUT, "not finished in time");
	if (!whole)
		return fail(ERR_SYSTEM, "the process that was to do it ended without an answer");
	if (r.result == ERR_OK)
		return ERR_OK;
	r.detail[sizeof(r.detail) - 1] = '\0';
	return fail(r.result, "%s", r.detail);
}

enum err privilege_run_as(const char *user, enum err (*work)(void *arg), void *arg,
			  int64_t deadline)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return fail(ERR_SYSTEM, "pipe: %m");

	pid_t pid = fork();

	if (pid == 0) {
		close(ends[0]);
		child(ends[1], user, work, arg);
	}
	close(ends[1]);

	enum err e = pid < 0 ? fail(ERR_SYSTEM, "fork: %m") : collect(ends[0], pid, deadline);

	close(ends[0]);
	return e;
}
