/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of a test, in the place of libc's and logind's answers: accounts, groups, login sessions, clocks. Included by
 * one .c of a program.
 */
#ifndef CARDMFA_STAGE_HOST_H
#define CARDMFA_STAGE_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <systemd/sd-login.h>
#include <time.h>
#include <unistd.h>

#define STAGE_LOGIND "/sys/fs/cgroup/system.slice/systemd-logind.service/cgroup.procs"

struct stage_group {
	const char *name;
	gid_t gid;
	const char *members[2];
	int rc;                 /* what its source answers instead */
};

static struct {
	const char *vanished;   /* an account that the source does not know any more */
	int account_rc;         /* what the source of accounts answers instead */
	const char *canonical;  /* the name that it gives back for any */
	struct stage_group groups[4];
	/* the one login session of logind */
	const char *session, *session_service;
	const char *session_seat, *session_tty, *session_host;
	uid_t session_uid;
	bool session_active, session_remote, session_ends;
	bool no_logind;         /* its files are there, it is not */
	const char *logind_place, *other_places;        /* of its control group (NULL: the unified one), and what is read in the others */
	bool no_state;          /* of the session, though the rest is told */
	int64_t real_s, boot_s; /* ahead of the kernel's clocks */
	int moments, moment_fails_at;   /* the N-th time that the boot is asked for; 0: never */
	const char *boot_id;    /* a file with that of another boot */
} host;

static struct {
	const char *name;
	uid_t uid;
	gid_t gid;
} const stage_accounts[] = {
	{ "root", 0, 0 }, { "machine", 999, 999 }, { "first", 1000, 1000 }, { "taro", 1001, 1001 }, { "hanako", 1002, 1002 },
	{ "jiro", 1003, 1003 },
	/* another name of taro's uid */
	{ "alias", 1001, 1009 },
};

int getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
	*ret = NULL;
	if (host.account_rc)
		return host.account_rc;
	for (size_t i = 0; i < sizeof(stage_accounts) / sizeof(stage_accounts[0]); i++) {
		if (strcmp(stage_accounts[i].name, name) != 0 ||
		    (host.vanished && strcmp(host.vanished, name) == 0))
			continue;
		if (host.canonical)
			name = host.canonical;
		if (strlen(name) >= size)
			return ERANGE;
		*pw = (struct passwd){ .pw_name = strcpy(buf, name), .pw_uid = stage_accounts[i].uid,
				       .pw_gid = stage_accounts[i].gid };
		*ret = pw;
		break;
	}
	return 0;
}

int getgrnam_r(const char *name, struct group *gr, char *buf, size_t size, struct group **ret)
{
	static char names[2][32];
	static char *list[3];

	(void)size;
	*ret = NULL;
	for (size_t i = 0; i < sizeof(host.groups) / sizeof(host.groups[0]); i++) {
		struct stage_group *g = &host.groups[i];

		if (!g->name || strcmp(g->name, name) != 0)
			continue;
		if (g->rc)
			return g->rc;
		for (size_t k = 0; k < 2; k++)
			list[k] = g->members[k] ? strcpy(names[k], g->members[k]) : NULL;
		*gr = (struct group){ .gr_name = strcpy(buf, name), .gr_gid = g->gid, .gr_mem = list };
		*ret = gr;
	}
	return 0;
}

int getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size, struct passwd **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < sizeof(stage_accounts) / sizeof(stage_accounts[0]); i++)
		if (stage_accounts[i].uid == uid)
			return getpwnam_r(stage_accounts[i].name, pw, buf, size, ret);
	return host.account_rc;
}

static bool stage_is_session(const char *session)
{
	return host.session && strcmp(host.session, session) == 0;
}

int sd_session_get_state(const char *session, char **ret)
{
	if (!stage_is_session(session) || host.no_state)
		return -ENXIO;
	*ret = strdup(host.session_ends ? "closing" : host.session_active ? "active" : "online");
	return 0;
}

int sd_session_get_uid(const char *session, uid_t *ret)
{
	if (!stage_is_session(session))
		return -ENXIO;
	*ret = host.session_uid;
	return 0;
}

int sd_session_is_remote(const char *session)
{
	return stage_is_session(session) ? host.session_remote : -ENXIO;
}

static int stage_session_word(const char *session, const char *word, char **ret)
{
	if (!stage_is_session(session))
		return -ENXIO;
	if (!word)
		return -ENODATA;
	*ret = strdup(word);
	return 0;
}

int sd_session_get_service(const char *session, char **ret)
{
	return stage_session_word(session, host.session_service, ret);
}

int sd_session_get_seat(const char *session, char **ret)
{
	return stage_session_word(session, host.session_seat, ret);
}

int sd_session_get_tty(const char *session, char **ret)
{
	return stage_session_word(session, host.session_tty, ret);
}

int sd_session_get_remote_host(const char *session, char **ret)
{
	return stage_session_word(session, host.session_host, ret);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME)
		ts->tv_sec += host.real_s;
	if (id == CLOCK_BOOTTIME)
		ts->tv_sec += host.boot_s;
	return rc;
}

int open(const char *path, int flags, ...)
{
	const bool boot_id = strcmp(path, "/proc/sys/kernel/random/boot_id") == 0;
	mode_t mode = 0;
	va_list args;

	if (boot_id && ++host.moments == host.moment_fails_at) {
		errno = EMFILE;
		return -1;
	}
	if (boot_id && host.boot_id)
		path = host.boot_id;
	/* logind's control group has a process, or is not there. */
	if (strncmp(path, "/sys/fs/cgroup/", 15) == 0) {
		const bool here = strcmp(path, host.logind_place ? host.logind_place : STAGE_LOGIND) == 0;

		path = here && !host.no_logind ? "/proc/version" : host.other_places ? host.other_places : "/nowhere";
	}
	va_start(args, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(args, mode_t);
	va_end(args);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* Time goes by. */
static inline void stage_pass(int64_t seconds)
{
	host.real_s += seconds;
	host.boot_s += seconds;
}

#endif
