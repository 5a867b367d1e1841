/* SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
					   "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", NULL };

/* posix_spawn takes char *const[] and writes to none of it. */
static char *const *unconst(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} u = { .in = list };

	return u.out;
}

static int start(const char *const argv[], int out_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, dfl;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (!rc) {
		sigemptyset(&none);
		sigemptyset(&dfl);
		sigaddset(&dfl, SIGPIPE);
		rc = posix_spawnattr_setsigmask(&attr, &none)		?:
			     posix_spawnattr_setsigdefault(&attr, &dfl) ?:
			     posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ?:
			     posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) ?:
			     posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO) ?:
			     posix_spawn_file_actions_adddup2(&actions, out_fd, STDERR_FILENO) ?:
			     posix_spawn(pid, argv[0], &actions, &attr, unconst(argv),
					 unconst(environment));
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static enum err too_long(const char *name)
{
	return fail(ERR_TIMEOUT, "%s did not end within %d s", name, PROGRAM_SECONDS);
}

/* Reads to end of file; what does not fit is thrown away. False at the deadline, even if there is always more to read. */
static bool drain(int fd, char *out, size_t size, int64_t deadline)
{
	size_t len = 0;
	bool in_time = true;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char chunk[512];
		int left = deadline_left(deadline);
		int ready = left ? poll(&p, 1, left) : 0;

		if (ready == 0)
			in_time = false;
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t n = ready > 0 ? read(fd, chunk, sizeof(chunk)) : 0;

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n && out && len + 1 < size; i++)
			out[len++] = chunk[i];
	}
	if (out && size)
		out[len] = '\0';
	return in_time;
}

/* A program may close its output and go on. */
static enum err await_end(const char *name, pid_t pid, int64_t deadline)
{
	struct pollfd p = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int ready;

	if (p.fd < 0)
		return fail(ERR_SYSTEM, "%s: pidfd: %m", name);
	do
		ready = poll(&p, 1, deadline_left(deadline));
	while (ready < 0 && errno == EINTR);
	close(p.fd);
	return ready == 1 ? ERR_OK : too_long(name);
}

enum err program_run(const char *const argv[], char *out, size_t size, int *status)
{
	int64_t deadline = deadline_in(PROGRAM_SECONDS * 1000);
	int ends[2], rc, code = 0;
	pid_t pid, reaped;

	if (access(argv[0], X_OK))
		return fail(ERR_NOT_FOUND, "%s: %m", argv[0]);
	if (pipe2(ends, O_CLOEXEC))
		return fail(ERR_SYSTEM, "pipe: %m");
	rc = start(argv, ends[1], &pid);
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		return fail(ERR_SYSTEM, "%s: %s", argv[0], strerror(rc));
	}

	enum err e = drain(ends[0], out, size, deadline) ? await_end(argv[0], pid, deadline) : too_long(argv[0]);

	close(ends[0]);
	if (e)
		kill(pid, SIGKILL);
	while ((reaped = waitpid(pid, &code, 0)) < 0 && errno == EINTR)
		;
	if (!e && reaped != pid)
		e = fail(ERR_SYSTEM, "%s: waitpid: %m", argv[0]);
	if (e)
		return e;
	*status = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
	return ERR_OK;
}
