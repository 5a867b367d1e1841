/* SPDX-License-Identifier: Apache-2.0 */
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static enum err refused(const char *path, const char *what)
{
	return errno == ENOENT ? fail(ERR_NOT_FOUND, "%s: %s: %m", path, what) :
				 fail(ERR_NOT_ALLOWED, "%s: %s: %m", path, what);
}

static enum err check_dir(int fd, const char *path, const char *name)
{
	struct stat st;

	if (fstat(fd, &st))
		return refused(path, name);
	if (st.st_uid != 0)
		return fail(ERR_NOT_ALLOWED, "%s: the directory %s on the way is not root's", path,
			    name);
	if (st.st_mode & 0022)
		return fail(ERR_NOT_ALLOWED, "%s: others can write to the directory %s on the way",
			    path, name);
	return ERR_OK;
}

/* One step from the directory `from`, which is closed. */
static enum err step(int from, const char *path, const char *name, int *ret)
{
	int fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum err e = fd < 0 ? refused(path, name) : check_dir(fd, path, name);

	if (from >= 0)
		close(from);
	if (e) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	*ret = fd;
	return ERR_OK;
}

enum err trusted_open_dir(const char *path, int *ret)
{
	char copy[PATH_MAX], *rest = copy, *name;
	int fd = -1;

	if (path[0] != '/' || !text_copy(copy, sizeof(copy), path))
		return fail(ERR_INVALID, "not an absolute path");

	enum err e = step(AT_FDCWD, path, "/", &fd);

	while (!e && (name = strsep(&rest, "/")))
		if (*name)
			e = step(fd, path, name, &fd);
	if (!e)
		*ret = fd;
	return e;
}

static enum err check_file(int fd, const char *path, mode_t forbidden)
{
	struct stat st;

	if (fstat(fd, &st))
		return refused(path, "fstat");
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return fail(ERR_NOT_ALLOWED, "%s: not a regular file with one name", path);
	if (st.st_uid != 0)
		return fail(ERR_NOT_ALLOWED, "%s: not root's (chown root)", path);
	if (st.st_mode & forbidden)
		return fail(ERR_NOT_ALLOWED, "%s: mode %04o is too open (chmod %04o)", path,
			    st.st_mode & 07777, 0644 & ~(unsigned)forbidden);
	return ERR_OK;
}

enum err trusted_open(const char *path, mode_t forbidden, int *ret)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int dirfd;

	if (!slash ||
	    !text_copy_n(dir, sizeof(dir), path, slash == path ? 1 : (size_t)(slash - path)))
		return fail(ERR_INVALID, "not an absolute path");

	enum err e = trusted_open_dir(dir, &dirfd);

	if (e)
		return e;

	/* O_NONBLOCK: a FIFO in its place must not hold us. */
	int fd =
		openat(dirfd, slash + 1, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	e = fd < 0 ? refused(path, "open") : check_file(fd, path, forbidden);
	close(dirfd);
	if (e) {
		if (fd >= 0)
			close(fd);
		return e;
	}
	*ret = fd;
	return ERR_OK;
}
