/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "paths.h"
#include "text.h"

#define FIRST_FD 3
#define BACKLOG 256

static bool is_listening_seqpacket(int fd)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(int);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_SEQPACKET &&
	       !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) && listening;
}

static enum err from_systemd(struct sockets *ret, bool *found)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
	struct sockets s = { -1, -1 };
	int64_t n, p;

	*found = false;
	if (!pid || !fds || !text_to_i64(pid, 1, INT32_MAX, &p) || p != getpid() || !text_to_i64(fds, 1, 2, &n))
		return ERR_OK;
	*found = true;
	for (int i = 0; i < (int)n; i++) {
		size_t len = names ? strcspn(names, ":") : 0;
		int *slot = len == 4 && !strncmp(names, "root", 4) ? &s.root :
			    len == 4 && !strncmp(names, "user", 4) ? &s.user : NULL;

		if (!slot || *slot >= 0 || !is_listening_seqpacket(FIRST_FD + i))
			return fail(ERR_CONFIG, "systemd's sockets must be SOCK_SEQPACKET, named root and user");
		if (fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC) || fcntl(FIRST_FD + i, F_SETFL, O_NONBLOCK))
			return fail(ERR_SYSTEM, "fcntl: %s", strerror(errno));
		*slot = FIRST_FD + i;
		names += len + (names[len] == ':');
	}
	if (s.root < 0)
		return fail(ERR_CONFIG, "systemd passed no socket named root");
	*ret = s;
	return ERR_OK;
}

static enum err listen_at(const char *path, mode_t mode, int *ret)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (!text_copy(a.sun_path, sizeof(a.sun_path), path))
		return fail(ERR_CONFIG, "%s is too long for a socket", path);
	if (!lstat(path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return fail(ERR_EXISTS, "%s exists and is no socket", path);
		if (unlink(path))
			return fail(ERR_SYSTEM, "%s: %s", path, strerror(errno));
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(ERR_SYSTEM, "socket: %s", strerror(errno));
	mode_t old = umask((mode_t)(0777 & ~mode));
	int rc = bind(fd, (const struct sockaddr *)&a, sizeof(a));

	umask(old);
	if (rc || listen(fd, BACKLOG)) {
		enum err e = fail(ERR_SYSTEM, "%s: %s", path, strerror(errno));

		close(fd);
		return e;
	}
	*ret = fd;
	return ERR_OK;
}

enum err sockets_get(struct sockets *ret)
{
	struct sockets s = { -1, -1 };
	bool found;
	enum err e = from_systemd(&s, &found);

	if (e == ERR_OK && !found) {
		if (mkdir(PATH_RUN_DIR, 0755) && errno != EEXIST)
			return fail(ERR_SYSTEM, "%s: %s", PATH_RUN_DIR, strerror(errno));
		e = listen_at(PATH_ROOT_SOCKET, 0600, &s.root);
		if (e == ERR_OK)
			e = listen_at(PATH_USER_SOCKET, 0666, &s.user);
	}
	if (e == ERR_OK)
		*ret = s;
	return e;
}

void sockets_notify(const char *line)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (!path || (path[0] != '/' && path[0] != '@') || !text_copy(a.sun_path, sizeof(a.sun_path), path))
		return;
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&a,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		fail(ERR_SYSTEM, "notify: %s", strerror(errno));
	close(fd);
}
