/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST_FD 3
#define SPARE_FD 16             /* from here on the given descriptors wait, out of the way of 3.. */

enum err spawn_account(const char *name, struct account *ret)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return fail(ERR_NOT_FOUND, "system user %s does not exist: run cardtool init", name);
	if (pw->pw_uid == 0 || pw->pw_gid == 0)
		return fail(ERR_NOT_ALLOWED, "system user %s must not be root", name);
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	return ERR_OK;
}

static void limit(int what, rlim_t n)
{
	struct rlimit r = { n, n };

	if (setrlimit((__rlimit_resource_t)what, &r))
		_exit(126);
}

static void place_fds(const struct spawn *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), spare[SPAWN_FDS_MAX];

	if (null < 0 || dup2(null, 0) != 0 || dup2(null, 1) != 1)
		_exit(126);
	for (int i = 0; i < s->n_fds; i++) {
		spare[i] = fcntl(s->fds[i] < 0 ? null : s->fds[i], F_DUPFD_CLOEXEC, SPARE_FD);
		if (spare[i] < 0)
			_exit(126);
	}
	for (int i = 0; i < s->n_fds; i++)
		if (dup2(spare[i], FIRST_FD + i) != FIRST_FD + i)
			_exit(126);
	if (close_range((unsigned)(FIRST_FD + s->n_fds), ~0U, 0))
		_exit(126);
}

static void become(const struct account *a)
{
	gid_t none = a->gid;

	if (setgroups(1, &none) || setresgid(a->gid, a->gid, a->gid) || setresuid(a->uid, a->uid, a->uid) ||
	    getuid() != a->uid || geteuid() != a->uid || setuid(0) == 0)
		_exit(126);
}

static _Noreturn void child(const struct spawn *s, bool journal)
{
	static char path_env[] = "PATH=/usr/bin:/bin", lang_env[] = "LANG=C.UTF-8", journal_env[] = "JOURNAL_STREAM=1";
	char *env[] = { path_env, lang_env, journal ? journal_env : NULL, NULL };
	char *argv[5] = { NULL };
	sigset_t none;
	size_t n = 0;

	memcpy(&argv[n++], &s->path, sizeof(char *));
	for (size_t i = 0; i < 3 && s->args[i]; i++)
		memcpy(&argv[n++], &s->args[i], sizeof(char *));
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) || setsid() < 0)
		_exit(126);
	if (chdir("/"))
		_exit(126);
	place_fds(s);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, (rlim_t)s->nofile);
	become(&s->account);
	execve(s->path, argv, env);
	_exit(127);
}

enum err spawn_program(const struct spawn *s, pid_t *pid)
{
	bool journal = getenv("JOURNAL_STREAM") != NULL;
	pid_t p = fork();

	if (p < 0)
		return fail(ERR_SYSTEM, "fork: %s", strerror(errno));
	if (p == 0)
		child(s, journal);
	*pid = p;
	return ERR_OK;
}
