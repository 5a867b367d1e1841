/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "paths.h"
#include "trusted.h"
#include "wire.h"

#define CONF_MAX 262144
#define CHECK_MS 10000

/* A sealed copy, so that what was judged is what is used. */
static int sealed_copy(int from)
{
	static char buf[CONF_MAX + 1];
	ssize_t n = pread(from, buf, sizeof(buf), 0);
	int fd;

	if (n < 0 || n > CONF_MAX)
		return -1;
	fd = memfd_create("cardmfa.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (pwrite(fd, buf, (size_t)n, 0) != n || fchmod(fd, 0444) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Whose calls have places of their own: all that is learnt of what the configuration says. */
static int64_t told_uid(int control)
{
	int64_t uid = -1;
	WIRE_BUF(b);

	if (wire_recv_type(control, &b, WIRE_JUDGED, NULL, 0) != ERR_OK || wire_get_judged(&b, &uid) != ERR_OK)
		return -1;
	return uid;
}

/* Exit status 0 when the worker calls it good. It is killed at the deadline. */
static bool ends_well(pid_t pid)
{
	struct pollfd p = { .events = POLLIN };
	int status = -1;

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0 || poll(&p, 1, CHECK_MS) != 1)
		kill(pid, SIGKILL);
	if (p.fd >= 0)
		close(p.fd);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool judged_good(int fd, const struct account *worker, const char *language, const char *which, int64_t *keys_uid)
{
	struct spawn s = {
		.path = PATH_WORKER, .args = { language, which }, .account = *worker, .n_fds = 4, .nofile = 64,
	};
	int pair[2];
	bool good;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	memcpy(s.fds, (const int[SPAWN_FDS_MAX]){ -1, pair[1], fd, -1 }, sizeof(s.fds));
	good = spawn_program(&s, &pid) == ERR_OK && ends_well(pid);
	if (good)
		*keys_uid = told_uid(pair[0]);
	close(pair[0]);
	close(pair[1]);
	return good;
}

static void keep_on_disk(int fd)
{
	static char buf[CONF_MAX];
	static const char temporary[] = PATH_LAST_GOOD ".new";
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	int out, dir;

	if (n < 0)
		return;
	if (mkdir(PATH_STATE_DIR, 0700) && errno != EEXIST)
		log_line(LOG_WARNING, "%s: %s", PATH_STATE_DIR, strerror(errno));
	unlink(temporary);
	out = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	dir = open(PATH_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out < 0 || dir < 0 || write(out, buf, (size_t)n) != n || fsync(out) ||
	    rename(temporary, PATH_LAST_GOOD) || fsync(dir))
		log_line(LOG_ALERT, "the last good configuration could not be kept at %s: %s", PATH_LAST_GOOD, strerror(errno));
	if (out >= 0)
		close(out);
	if (dir >= 0)
		close(dir);
}

static int candidate(const char *path, const struct account *worker, const char *language, const char *which, int64_t *keys_uid)
{
	int file, fd;

	if (trusted_open(path, 022, &file) != ERR_OK)
		return -1;
	fd = sealed_copy(file);
	close(file);
	if (fd < 0)
		log_line(LOG_ERR, "%s: longer than %d bytes, or unreadable", path, CONF_MAX);
	if (fd >= 0 && !judged_good(fd, worker, language, which, keys_uid)) {
		close(fd);
		return -1;
	}
	return fd;
}

void conf_file_load(struct conf_file *c, const struct account *worker, const char *language)
{
	int fd = candidate(PATH_CONF, worker, language, "check", &c->keys_uid);

	if (fd >= 0) {
		if (c->fd >= 0)
			close(c->fd);
		c->fd = fd;
		c->fallback = false;
		keep_on_disk(fd);
		log_line(LOG_NOTICE, "configuration %s loaded", PATH_CONF);
		return;
	}
	c->fallback = true;
	if (c->fd < 0)
		c->fd = candidate(PATH_LAST_GOOD, worker, language, "check-last-good", &c->keys_uid);
	if (c->fd >= 0)
		log_line(LOG_ALERT, "configuration %s is broken; the last good one stays in use", PATH_CONF);
	else
		log_line(LOG_ALERT, "configuration %s is broken and there is no good one: every login is refused", PATH_CONF);
}
