/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk under one directory. libc's calls that change a file in it stand here: each is written down, in its order, so that
 * the directory can be made again as a power cut after any of them may leave it; or one of them fails, or kills the process.
 * Nothing is synced for real. Included by one .c of a program.
 *
 * What a power cut leaves: of each file all that was written before its last sync, and of what was written since any sectors,
 * or none; of the names those of the last sync of the directory, and the first few changed since. -shm is not synced by
 * anybody: it may be there, missing, old or nonsense.
 */
#ifndef CARDMFA_CRASH_DISK_H
#define CARDMFA_CRASH_DISK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DISK_FILES 16
#define DISK_CALLS 8192
#define DISK_SECTOR 512
#define DISK_NAME 32
#define DISK_SHM_MAX 65536

enum disk_kind { DISK_WRITE, DISK_LENGTH, DISK_SYNC, DISK_RENAME, DISK_SYNC_NAMES };

struct disk_call {
	enum disk_kind kind;
	size_t file;
	off_t at;                       /* of DISK_WRITE; of DISK_LENGTH the length */
	size_t len;
	unsigned char *bytes;
	char name[DISK_NAME];           /* of DISK_RENAME: the file's from now on; "": none */
	int commits;                    /* had returned when it was made */
	size_t shm;                     /* -shm as it was after it: of disk.shms */
};

struct disk_file {
	ino_t inode;
	char name[DISK_NAME];           /* at the beginning; "": not made yet */
	unsigned char *bytes;
	size_t len;
};

struct disk_shm {
	unsigned char *bytes;
	size_t len;
};

static struct {
	char dir[256];
	bool watches, records;
	struct disk_file files[DISK_FILES];
	size_t n_files;
	struct disk_call calls[DISK_CALLS];
	size_t n;
	struct disk_shm shms[DISK_CALLS];
	size_t n_shms;
	int shm;                        /* open as long as it is recorded: a close would free SQLite's locks */
	/* calls that could fail since disk_watch(); from the first-th on they do, or the process dies of it */
	int points, first, error;
	bool dies, by_halves;           /* a write is half done by then */
	int *commits;                   /* shared with children */
} disk = { .shm = -1 };

/* -- the directory -- */

static inline void disk_need(bool good)
{
	if (!good)
		abort();
}

static inline const char *disk_path(const char *dir, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static inline bool disk_is_shm(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, "-shm") == 0;
}

/* "" for the directory itself; false: the descriptor stands for nothing in it. */
static inline bool disk_knows(int fd, char name[DISK_NAME])
{
	char link[64], path[512];
	size_t len = strlen(disk.dir);
	ssize_t n;

	if (!disk.watches)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	if (strncmp(path, disk.dir, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return false;
	snprintf(name, DISK_NAME, "%s", path + len + (path[len] == '/'));
	return !disk_is_shm(name);
}

static inline unsigned char *disk_read(int fd, size_t *len)
{
	unsigned char *bytes = NULL;
	struct stat st;

	disk_need(fstat(fd, &st) == 0 && (bytes = malloc((size_t)st.st_size + 1)));
	*len = (size_t)st.st_size;
	disk_need(pread(fd, bytes, *len, 0) == (ssize_t)*len);
	return bytes;
}

/* Only while nothing in this process has it open. */
static inline unsigned char *disk_read_file(const char *dir, const char *name, size_t *len)
{
	int fd = open64(disk_path(dir, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unsigned char *bytes;

	disk_need(fd >= 0);
	bytes = disk_read(fd, len);
	close(fd);
	return bytes;
}

/* -- what was done, in its order -- */

/* SQLite maps it: nobody calls anything to change it. */
static inline size_t disk_shm_now(void)
{
	struct disk_shm *last = &disk.shms[disk.n_shms - 1], now;

	if (disk.shm < 0)
		disk.shm = open64(disk_path(disk.dir, "store.db-shm"), O_RDONLY | O_CLOEXEC);
	if (disk.shm < 0)
		return disk.n_shms - 1;
	now.bytes = disk_read(disk.shm, &now.len);
	if (now.len == last->len && memcmp(now.bytes, last->bytes, now.len) == 0)
		free(now.bytes);
	else
		disk.shms[disk.n_shms++] = now;
	return disk.n_shms - 1;
}

static inline struct disk_call *disk_note(enum disk_kind kind, size_t file)
{
	struct disk_call *c = &disk.calls[disk.n++];

	disk_need(disk.n < DISK_CALLS);
	*c = (struct disk_call){ .kind = kind, .file = file, .commits = *disk.commits, .shm = disk_shm_now() };
	return c;
}

static inline void disk_rename(size_t file, const char *name)
{
	struct disk_call *c = disk_note(DISK_RENAME, file);

	snprintf(c->name, sizeof(c->name), "%s", name);
}

static inline size_t disk_file_at(ino_t inode, const char *name)
{
	for (size_t i = 0; i < disk.n_files; i++)
		if (disk.files[i].inode == inode)
			return i;
	disk_need(disk.n_files < DISK_FILES);
	disk.files[disk.n_files] = (struct disk_file){ .inode = inode };
	disk_rename(disk.n_files, name);
	return disk.n_files++;
}

static inline size_t disk_file_of(int fd, const char *name)
{
	struct stat st;

	disk_need(fstat(fd, &st) == 0);
	return disk_file_at(st.st_ino, name);
}

static inline size_t disk_file_named(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DISK_FILES;
	return disk_file_at(st.st_ino, name);
}

/* 0: go on; an error; or the process ends here. */
static inline int disk_due(void)
{
	if (!disk.first || ++disk.points < disk.first)
		return 0;
	if (disk.dies)
		kill(getpid(), SIGKILL);
	return disk.error;
}

/* -- libc's calls -- */

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	char name[DISK_NAME];
	struct disk_call *c;
	ssize_t n;

	if (!disk_knows(fd, name))
		return syscall(SYS_pwrite64, fd, bytes, len, at);
	if (disk.dies && disk.by_halves && disk.points + 1 == disk.first)
		syscall(SYS_pwrite64, fd, bytes, len / 2, at);
	errno = disk_due();
	if (errno)
		return -1;
	n = syscall(SYS_pwrite64, fd, bytes, len, at);
	if (n < 0 || !disk.records)
		return n;
	c = disk_note(DISK_WRITE, disk_file_of(fd, name));
	c->at = at;
	c->len = (size_t)n;
	disk_need((c->bytes = malloc((size_t)n)));
	memcpy(c->bytes, bytes, (size_t)n);
	return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite64(fd, bytes, len, at);
}

int ftruncate64(int fd, off64_t length)
{
	char name[DISK_NAME];

	if (!disk_knows(fd, name))
		return (int)syscall(SYS_ftruncate, fd, length);
	errno = disk_due();
	if (errno || syscall(SYS_ftruncate, fd, length) != 0)
		return -1;
	if (disk.records)
		disk_note(DISK_LENGTH, disk_file_of(fd, name))->at = length;
	return 0;
}

int ftruncate(int fd, off_t length)
{
	return ftruncate64(fd, length);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
	char name[DISK_NAME];
	const bool known = disk_knows(fd, name);
	const int error = known ? disk_due() : 0;
	struct stat st;

	if (error || syscall(SYS_fallocate, fd, 0, at, len) != 0)
		return error ? error : errno;
	if (known && disk.records && fstat(fd, &st) == 0)
		disk_note(DISK_LENGTH, disk_file_of(fd, name))->at = st.st_size;
	return 0;
}

int fdatasync(int fd)
{
	char name[DISK_NAME];

	if (!disk_knows(fd, name))
		return 0;
	errno = disk_due();
	if (errno)
		return -1;
	if (disk.records && name[0])
		(void)disk_note(DISK_SYNC, disk_file_of(fd, name));
	else if (disk.records)
		(void)disk_note(DISK_SYNC_NAMES, DISK_FILES);
	return 0;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

int unlinkat(int dir, const char *name, int flags)
{
	char in[DISK_NAME];
	const bool known = !flags && strchr(name, '/') == NULL && disk_knows(dir, in) && !disk_is_shm(name);
	size_t file = DISK_FILES;

	/* What is removed makes space. */
	if (known && (disk.error == ENOSPC || disk.error == EDQUOT))
		disk.first = 0;
	errno = known ? disk_due() : 0;
	if (errno)
		return -1;
	if (known && disk.records)
		file = disk_file_named(dir, name);
	if (syscall(SYS_unlinkat, dir, name, flags) != 0)
		return -1;
	if (file < DISK_FILES) {
		disk_rename(file, "");
		/* The next file that is made may get its number. */
		disk.files[file].inode = 0;
	}
	return 0;
}

/* SQLite gives the whole path. */
int unlink(const char *path)
{
	const size_t len = strlen(disk.dir);
	int dir, rc;

	if (!disk.watches || strncmp(path, disk.dir, len) != 0 || path[len] != '/')
		return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	dir = open64(disk.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = unlinkat(dir, path + len + 1, 0);
	close(dir);
	return rc;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	char in[DISK_NAME];
	const bool known = disk_knows(from_dir, in);
	size_t file = DISK_FILES;

	errno = known ? disk_due() : 0;
	if (errno)
		return -1;
	if (known && disk.records)
		file = disk_file_named(from_dir, from);
	if (syscall(SYS_renameat2, from_dir, from, to_dir, to, flags) != 0)
		return -1;
	if (file < DISK_FILES)
		disk_rename(file, to);
	return 0;
}

/* Not written, but what is in -shm is another at each lock. */
int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (disk.watches && disk.dies && command == F_SETLK)
		(void)disk_due();
	return (int)syscall(SYS_fcntl, fd, command, arg);
}

/* -- beginning and end -- */

static inline void disk_forget(void)
{
	for (size_t i = 0; i < disk.n_files; i++)
		free(disk.files[i].bytes);
	for (size_t i = 0; i < disk.n; i++)
		free(disk.calls[i].bytes);
	for (size_t i = 0; i < disk.n_shms; i++)
		free(disk.shms[i].bytes);
	disk.n_files = disk.n = disk.n_shms = 0;
}

/* From now on; the directory is at rest. */
static inline void disk_record(const char *dir)
{
	struct dirent *entry;
	DIR *d;

	disk_forget();
	snprintf(disk.dir, sizeof(disk.dir), "%s", dir);
	*disk.commits = 0;
	disk.n_shms = 1;        /* the first is of no length */
	disk.shms[0] = (struct disk_shm){ .bytes = NULL };
	disk_need((d = opendir(dir)) != NULL);
	while ((entry = readdir(d))) {
		struct disk_file *f = &disk.files[disk.n_files];

		if (entry->d_name[0] == '.' || disk_is_shm(entry->d_name))
			continue;
		disk_need(++disk.n_files < DISK_FILES);
		f->inode = entry->d_ino;
		snprintf(f->name, sizeof(f->name), "%.*s", DISK_NAME - 1, entry->d_name);
		f->bytes = disk_read_file(dir, f->name, &f->len);
	}
	closedir(d);
	disk.watches = disk.records = true;
}

/* What was recorded stays; nothing more is. */
static inline void disk_stop(void)
{
	disk.watches = disk.records = false;
	disk.first = disk.error = 0;
	if (disk.shm >= 0)
		close(disk.shm);
	disk.shm = -1;
}

/* From the first-th of the next calls on, they fail with this error, want of space until a file is removed; 0: the process is killed instead. */
static inline void disk_trouble(int first, int error)
{
	disk.watches = true;
	disk.points = 0;
	disk.first = first;
	disk.error = error;
	disk.dies = error == 0;
}

#endif
