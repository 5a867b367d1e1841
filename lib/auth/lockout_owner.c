/* SPDX-License-Identifier: Apache-2.0 */
#include "lockout_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SKIP_6 "%*s %*s %*s %*s %*s %*s "

/* Fields 3 and 22 of /proc/PID/stat, counted from the last ')': a name may hold anything. */
static bool read_stat(const char *path, char *state, int64_t *start)
{
	char text[2048];
	const char *rest;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	rest = strrchr(text, ')');
	return rest != NULL &&
	       sscanf(rest, ") %c " SKIP_6 SKIP_6 SKIP_6 "%" SCNd64, state, start) == 2;
}

enum err lockout_owner_self(int64_t *pid, int64_t *start)
{
	char state = 0;

	if (!read_stat("/proc/self/stat", &state, start))
		return fail(ERR_SYSTEM, "/proc/self/stat can't be read");
	*pid = getpid();
	return ERR_OK;
}

/*
 * Where /proc hides processes that can't be traced (hidepid), a live worker has no stat file: its
 * pid alone counts then, and the age limit of a try bounds what another process of that pid can
 * hold up.
 */
bool lockout_owner_gone(int64_t pid, int64_t start)
{
	char path[40];
	char state = 0;
	int64_t started = 0;

	if (pid < 1 || pid > INT_MAX)
		return true;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	if (read_stat(path, &state, &started))
		return state == 'Z' || state == 'X' || started != start;
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}
