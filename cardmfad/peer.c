/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "text.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define NO_SESSION 4294967295LL

/* False: there is no process at the other end that can be seen from here. */
static bool credentials(int sock, struct ucred *ret)
{
	socklen_t len = sizeof(*ret);

	return !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, ret, &len) && ret->pid > 0;
}

int64_t peer_uid(int sock)
{
	struct ucred c;

	return credentials(sock, &c) ? (int64_t)c.uid : -1;
}

/* As much of the file's beginning as fits, NUL-terminated; false and "": it can't be read, errno says why. */
static bool read_proc(int64_t pid, const char *name, char *dst, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t n;
	int fd;

	dst[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = read(fd, dst + used, size - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	dst[n == 0 ? used : 0] = '\0';
	return n == 0;
}

/* Field n (proc(5) counts from 1) of /proc/PID/stat, n > 3. The command name, field 2, may hold spaces and parentheses itself. */
static bool stat_field(const char *stat, int n, int64_t *ret)
{
	const char *p = strrchr(stat, ')');
	char number[32];

	for (int field = 2; p && field < n; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p && text_copy_n(number, sizeof(number), p, strcspn(p, " \n")) && text_to_i64(number, 0, INT64_MAX, ret);
}

static bool stat_fields(int64_t pid, int64_t *parent, int64_t *start)
{
	char buf[2048];

	return read_proc(pid, "stat", buf, sizeof(buf)) && stat_field(buf, 4, parent) && stat_field(buf, 22, start);
}

static bool uid_fields(int64_t pid, int64_t *ruid, int64_t *euid)
{
	char buf[8192], *p;
	long long r, e;

	p = read_proc(pid, "status", buf, sizeof(buf)) ? strstr(buf, "\nUid:") : NULL;
	if (!p || sscanf(p, "\nUid: %lld %lld", &r, &e) != 2)
		return false;
	*ruid = r;
	*euid = e;
	return true;
}

/* No audit in the kernel means no session, not session 0. What can't be read is not none. */
static bool number_file(int64_t pid, const char *name, int64_t *ret)
{
	char buf[64];

	if (read_proc(pid, name, buf, sizeof(buf)))
		return text_to_i64(buf, 0, NO_SESSION, ret);
	*ret = NO_SESSION;
	return errno == ENOENT;
}

/* "0::/path" (unified), else "N:name=systemd:/path" (hybrid hosts); "" where there is none of them. */
static bool cgroup_path(int64_t pid, char *dst, size_t size)
{
	static const char named[] = ":name=systemd:/";
	char buf[8192], *save = NULL, *line;
	const char *found = "";

	if (!read_proc(pid, "cgroup", buf, sizeof(buf)) && errno != ENOENT)
		return false;
	/* Full: there may be more, and in it what counts. */
	if (strlen(buf) == sizeof(buf) - 1)
		buf[0] = '\0';
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		/* Nothing of the path itself, whose parts a person may have named. */
		const char *behind = line + strspn(line, "0123456789");

		if (!strncmp(line, "0::/", 4) && (line[4] || !found[0]))
			found = line + 3;
		else if (!strncmp(behind, named, strlen(named)) && strlen(found) < 2)
			found = behind + strlen(named) - 1;
	}
	/* Too long: unknown. */
	text_copy_or_none(dst, size, found);
	return true;
}

static void exe_path(int64_t pid, char *dst, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%lld/exe", (long long)pid);
	n = readlink(path, dst, size - 1);
	/* -1 does not fit either. */
	dst[(size_t)n < size - 1 ? n : 0] = '\0';
}

static int open_pidfd(int sock, pid_t pid)
{
	int fd;
	socklen_t len = sizeof(fd);

	if (!getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &len))
		return fd;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool is_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

enum err peer_facts(int sock, struct wire_peer *ret, int *pidfd)
{
	struct wire_peer p = { .root_socket = false };
	struct ucred c;
	int64_t unused;
	int fd;

	if (!credentials(sock, &c))
		return fail(ERR_UNAVAILABLE, "peer: no credentials");
	fd = open_pidfd(sock, c.pid);
	if (fd < 0)
		return fail(ERR_UNAVAILABLE, "peer %d: pidfd: %s", (int)c.pid, strerror(errno));
	p.pid = c.pid;
	if (!stat_fields(p.pid, &p.parent, &p.start) || !uid_fields(p.pid, &p.ruid, &p.euid)) {
		close(fd);
		return fail(ERR_UNAVAILABLE, "peer %d is gone", (int)c.pid);
	}
	/* Stays 0 where the parent can't be seen. */
	(void)stat_fields(p.parent, &unused, &p.parent_start);
	if (!number_file(p.pid, "loginuid", &p.loginuid) || !number_file(p.pid, "sessionid", &p.audit_session) ||
	    !cgroup_path(p.pid, p.cgroup, sizeof(p.cgroup))) {
		close(fd);
		return fail(ERR_UNAVAILABLE, "peer %d: where it stands can't be read", (int)c.pid);
	}
	exe_path(p.pid, p.exe, sizeof(p.exe));
	/* Since it connected it became another by exec, or its pid is another's. */
	if (p.euid != (int64_t)c.uid) {
		close(fd);
		return fail(ERR_UNAVAILABLE, "peer %d: connected as uid %u, is %lld", (int)c.pid, (unsigned)c.uid,
			    (long long)p.euid);
	}
	if (!is_alive(fd)) {
		close(fd);
		return fail(ERR_UNAVAILABLE, "peer %d ended", (int)c.pid);
	}
	*ret = p;
	*pidfd = fd;
	return ERR_OK;
}
