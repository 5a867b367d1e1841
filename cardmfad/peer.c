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

int64_t peer_uid(int sock)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &len) || len != sizeof(c) || c.pid <= 0)
		return -1;
	return (int64_t)c.uid;
}

/* The whole small file, NUL-terminated; false when it is unreadable or does not fit. */
static bool read_proc(int64_t pid, const char *name, char *dst, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	while ((n = read(fd, dst + used, size - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	dst[used] = '\0';
	return n == 0 && used > 0;
}

/* Field n (proc(5) counts from 1) of /proc/PID/stat, n > 3. The command name, field 2, may hold spaces and parentheses itself. */
static bool stat_field(const char *stat, int n, int64_t *ret)
{
	const char *p = strrchr(stat, ')');
	char number[32];
	size_t len;

	for (int field = 2; p && field < n; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	len = p ? strcspn(p, " \n") : 0;
	return len && text_copy_n(number, sizeof(number), p, len) && text_to_i64(number, 0, INT64_MAX, ret);
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

	if (!read_proc(pid, "status", buf, sizeof(buf)))
		return false;
	p = strstr(buf, "\nUid:");
	if (!p || sscanf(p, "\nUid: %lld %lld", &r, &e) != 2)
		return false;
	*ruid = r;
	*euid = e;
	return true;
}

/* No audit in the kernel means no session, not session 0. */
static int64_t number_file(int64_t pid, const char *name)
{
	char buf[32];
	int64_t v;

	if (!read_proc(pid, name, buf, sizeof(buf)))
		return NO_SESSION;
	buf[strcspn(buf, "\n")] = '\0';
	return text_to_i64(buf, 0, NO_SESSION, &v) ? v : NO_SESSION;
}

/* "0::/path" (unified), else "N:name=systemd:/path" (hybrid hosts). */
static void cgroup_path(int64_t pid, char *dst, size_t size)
{
	char buf[8192], *save = NULL, *line;
	const char *found = NULL;

	dst[0] = '\0';
	if (!read_proc(pid, "cgroup", buf, sizeof(buf)))
		return;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *named = strstr(line, ":name=systemd:");

		if (!strncmp(line, "0::/", 4) && (line[4] || !found))
			found = line + 3;
		else if (named && named[14] == '/' && (!found || !found[1]))
			found = named + 14;
	}
	if (found && !text_copy(dst, size, found))
		dst[0] = '\0';
}

static void exe_path(int64_t pid, char *dst, size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%lld/exe", (long long)pid);
	n = readlink(path, dst, size - 1);
	dst[n > 0 && (size_t)n < size - 1 ? n : 0] = '\0';
}

static int open_pidfd(int sock, pid_t pid)
{
	int fd;
	socklen_t len = sizeof(fd);

	if (!getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) && len == sizeof(fd))
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
	struct wire_peer p = { .audit_session = NO_SESSION, .loginuid = NO_SESSION };
	struct ucred c;
	socklen_t len = sizeof(c);
	int64_t unused;
	int fd;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &len) || len != sizeof(c) || c.pid <= 0)
		return fail(ERR_UNAVAILABLE, "peer: no credentials");
	fd = open_pidfd(sock, c.pid);
	if (fd < 0)
		return fail(ERR_UNAVAILABLE, "peer %d: pidfd: %s", (int)c.pid, strerror(errno));
	p.pid = c.pid;
	if (!stat_fields(p.pid, &p.parent, &p.start) || !uid_fields(p.pid, &p.ruid, &p.euid)) {
		close(fd);
		return fail(ERR_UNAVAILABLE, "peer %d is gone", (int)c.pid);
	}
	if (!stat_fields(p.parent, &unused, &p.parent_start))
		p.parent_start = 0;
	p.loginuid = number_file(p.pid, "loginuid");
	p.audit_session = number_file(p.pid, "sessionid");
	cgroup_path(p.pid, p.cgroup, sizeof(p.cgroup));
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
