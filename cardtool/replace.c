/* SPDX-License-Identifier: Apache-2.0 */
#include "replace.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

static enum err fill(int fd, const void *bytes, size_t len, mode_t mode)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			return ERR_SYSTEM;
		at += n;
		len -= (size_t)n;
	}
	return fchmod(fd, mode) || fsync(fd) ? ERR_SYSTEM : ERR_OK;
}

/* The name is durable only when its folder is. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	int fd;

	if (slash && !text_copy_n(folder, sizeof(folder), path, slash == path ? 1 : (size_t)(slash - path)))
		return;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

enum err replace_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
	char made[PATH_MAX];
	int n = snprintf(made, sizeof(made), "%s.XXXXXX", path), fd;
	enum err e;

	fd = n > 0 && (size_t)n < sizeof(made) ? mkostemp(made, O_CLOEXEC) : -1;
	if (fd < 0)
		return fail(ERR_SYSTEM, "%s: %m", path);
	e = fill(fd, bytes, len, mode);
	if (e || rename(made, path)) {
		e = fail(ERR_SYSTEM, "%s: %m", path);
		(void)unlink(made);
	}
	close(fd);
	if (!e)
		sync_folder(path);
	return e;
}
