/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's directory. Only its owner can put anything there, so what lies there under one of our
 * names and is not a plain file of ours was not made by us: refused before SQLite sees it. Files are
 * looked at by fstatat, never opened: closing a descriptor of the database would drop SQLite's locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store_internal.h"

#define SPACE_NEEDED (128 * 1024)       /* SQLite's -shm and the first pages of its -wal */

static const char *const names[] = {
	STORE_FILE, STORE_FILE "-wal", STORE_FILE "-shm", STORE_LOCK, STORE_RESERVE,
};

/* A write-ahead log needs memory shared between processes, and locks that the death of one frees. */
static const long remote_file_systems[] = {
	NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, CODA_SUPER_MAGIC,
	AFS_SUPER_MAGIC,
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define CLOSED __attribute__((cleanup(close_fd)))

static enum err broken_path(const char *path, const char *part)
{
	if (errno == ELOOP || errno == ENOTDIR)
		return fail(ERR_STORE, "store: %s: \"%s\" is not a directory of its own", path, part);
	return fail(ERR_STORE, "store: %s: \"%s\": %s", path, part, strerror(errno));
}

static enum err walk(const char *path, int *ret)
{
	CLOSED int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char copy[STORE_PATH_SIZE], *save = NULL;

	if (path[0] != '/' || strlen(path) >= sizeof(copy))
		return fail(ERR_STORE, "store: \"%s\" is not an absolute path that can be used", path);
	strcpy(copy, path);
	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		int next;

		if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0)
			return fail(ERR_STORE, "store: \"%s\" is not a plain path", path);
		next = openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return broken_path(path, part);
		close(at);
		at = next;
	}
	*ret = openat(at, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? broken_path(path, ".") : ERR_OK;
}

static enum err check_file_system(int dir, const char *path)
{
	struct statfs fs;

	if (fstatfs(dir, &fs) != 0)
		return fail(ERR_STORE, "store: %s: %s", path, strerror(errno));
	for (size_t i = 0; i < sizeof(remote_file_systems) / sizeof(remote_file_systems[0]); i++)
		if ((unsigned long)fs.f_type == (unsigned long)remote_file_systems[i])
			return fail(ERR_STORE, "store: %s is on a network file system", path);
	return ERR_OK;
}

enum err store_dir_open(const char *path, int *ret)
{
	CLOSED int dir = -1;
	struct stat st;
	enum err e = walk(path, &dir);

	if (e != ERR_OK)
		return e;
	if (fstat(dir, &st) != 0)
		return fail(ERR_STORE, "store: %s: %s", path, strerror(errno));
	if (st.st_uid != geteuid() || (st.st_mode & 07777) != 0700)
		return fail(ERR_STORE, "store: %s must be of uid %u and mode 0700, not of %u and 0%o",
			    path, (unsigned)geteuid(), (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
	e = check_file_system(dir, path);
	if (e != ERR_OK)
		return e;
	*ret = dir;
	dir = -1;
	return ERR_OK;
}

static enum err check_stat(const char *name, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
		return fail(ERR_STORE, "store: %s is not a plain file with one link", name);
	if (st->st_uid != geteuid() || (st->st_mode & 07777) != 0600)
		return fail(ERR_STORE, "store: %s must be of uid %u and mode 0600, not of %u and 0%o",
			    name, (unsigned)geteuid(), (unsigned)st->st_uid,
			    (unsigned)st->st_mode & 07777);
	return ERR_OK;
}

static enum err check_name(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ERR_OK : fail(ERR_STORE, "store: %s: %s", name, strerror(errno));
	return check_stat(name, &st);
}

enum err store_dir_check(int dir)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum err e = check_name(dir, names[i]);

		if (e != ERR_OK)
			return e;
	}
	/* A write-ahead log has no rollback journal: SQLite would play back whoever's this is. */
	if (store_dir_has(dir, STORE_FILE "-journal"))
		return fail(ERR_STORE_CORRUPT, "store: " STORE_FILE "-journal is not ours");
	return ERR_OK;
}

bool store_dir_has(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum err store_dir_file(int dir, const char *name, int *ret)
{
	CLOSED int fd = openat(dir, name,
			       O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;
	enum err e;

	if (fd < 0 && (errno == ENOSPC || errno == EDQUOT))
		return fail(ERR_STORE_FULL, "store: %s: %s", name, strerror(errno));
	if (fd < 0 || fstat(fd, &st) != 0)
		return fail(ERR_STORE, "store: %s: %s", name, strerror(errno));
	e = check_stat(name, &st);
	if (e != ERR_OK)
		return e;
	*ret = fd;
	fd = -1;
	return ERR_OK;
}

/* -- creation -- */

enum err store_dir_fresh(int dir)
{
	static const char *const remains[] = {
		STORE_FILE_NEW, STORE_FILE_NEW "-wal", STORE_FILE_NEW "-shm", STORE_FILE_NEW "-journal",
	};
	CLOSED int fd = -1;

	for (size_t i = 0; i < sizeof(remains) / sizeof(remains[0]); i++)
		if (unlinkat(dir, remains[i], 0) != 0 && errno != ENOENT)
			return fail(ERR_STORE, "store: %s: %s", remains[i], strerror(errno));
	return store_dir_file(dir, STORE_FILE_NEW, &fd);
}

enum err store_dir_publish(int dir)
{
	/* A log that outlived its last connection was not moved into the file. */
	if (store_dir_has(dir, STORE_FILE_NEW "-wal"))
		return fail(ERR_STORE, "store: " STORE_FILE_NEW " could not be finished");
	if (renameat2(dir, STORE_FILE_NEW, dir, STORE_FILE, RENAME_NOREPLACE) != 0)
		return fail(errno == EEXIST ? ERR_EXISTS : ERR_STORE, "store: " STORE_FILE ": %s",
			    strerror(errno));
	if (fsync(dir) != 0)
		return fail(ERR_STORE, "store: " STORE_FILE ": %s", strerror(errno));
	return ERR_OK;
}

/* -- the reserve -- */

bool store_dir_holds(int dir, const char *name, int64_t bytes)
{
	struct stat st;

	/* Blocks, not length: an interrupted fill may leave a hole. */
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (int64_t)st.st_blocks * 512 >= bytes;
}

bool store_dir_is_long(int dir, const char *name, int64_t bytes)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size >= bytes;
}

static bool space_below(int dir, uint64_t bytes)
{
	struct statvfs fs;

	return fstatvfs(dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < bytes;
}

bool store_reserve_needed(int dir)
{
	return space_below(dir, SPACE_NEEDED);
}

bool store_reserve_fits(int dir)
{
	return !space_below(dir, 3 * STORE_RESERVE_SIZE);
}

/* Where nothing is kept for what was allocated and not written, or zeros are compressed away: noise has its space. */
static int write_noise(int fd)
{
	unsigned char block[256];       /* getrandom() is never short of so many */

	for (off_t at = 0; at < STORE_RESERVE_SIZE; at += (off_t)sizeof(block)) {
		if (getrandom(block, sizeof(block), 0) != (ssize_t)sizeof(block))
			return errno;
		errno = ENOSPC;
		if (pwrite(fd, block, sizeof(block), at) != (ssize_t)sizeof(block))
			return errno;
	}
	return 0;
}

enum err store_reserve_fill(int dir)
{
	CLOSED int fd = -1;
	enum err e;
	int error;

	if (!store_reserve_fits(dir))
		return fail(ERR_STORE_FULL, "store: too little space for the reserve");
	e = store_dir_file(dir, STORE_RESERVE, &fd);
	if (e != ERR_OK)
		return e;
	error = posix_fallocate(fd, 0, STORE_RESERVE_SIZE);
	if (error == 0 && !store_dir_holds(dir, STORE_RESERVE, STORE_RESERVE_SIZE))
		error = write_noise(fd);
	if (error == 0)
		return ERR_OK;
	store_reserve_drop(dir);
	return fail(error == ENOSPC || error == EDQUOT || error == EFBIG ? ERR_STORE_FULL : ERR_STORE,
		    "store: reserve: %s", strerror(error));
}

void store_reserve_drop(int dir)
{
	if (unlinkat(dir, STORE_RESERVE, 0) != 0 && errno != ENOENT)
		(void)fail(ERR_STORE, "store: reserve: %s", strerror(errno));
}
