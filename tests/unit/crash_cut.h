/* SPDX-License-Identifier: Apache-2.0 */
/* The directory that crash_disk.h has watched, made again as it may be found after a power cut. */
#ifndef CARDMFA_CRASH_CUT_H
#define CARDMFA_CRASH_CUT_H

#include "crash_disk.h"

#define CUT_FILE_MAX (8u << 20)

enum cut_left {
	CUT_ALL,                /* all that was done: the power stayed, the programs died */
	CUT_SYNCED,             /* only what was synced */
	CUT_TORN,               /* all, of the last write some sectors */
	CUT_SOME,               /* of all that was not synced some */
	CUT_KINDS,
};

struct cut {
	size_t calls;           /* so many were made */
	enum cut_left left;
	uint64_t seed;
	bool no_sync;           /* of a disk that says it has synced, and has not */
};

static uint64_t cut_random;

/* xorshift64*: the same cut is made again from its seed. */
static inline unsigned cut_below(unsigned n)
{
	cut_random ^= cut_random >> 12;
	cut_random ^= cut_random << 25;
	cut_random ^= cut_random >> 27;
	return (unsigned)((cut_random * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % n;
}

/* How many of the calls had been made when the file (DISK_FILES: the names) was synced for the last time. */
static inline size_t cut_synced(const struct cut *cut, enum disk_kind kind, size_t file)
{
	size_t synced = 0;

	for (size_t i = 0; i < cut->calls && !cut->no_sync; i++)
		if (disk.calls[i].kind == kind && disk.calls[i].file == file)
			synced = i + 1;
	return synced;
}

/* -- names -- */

static inline void cut_names(const struct cut *cut, const char *names[DISK_FILES])
{
	size_t synced = cut_synced(cut, DISK_SYNC_NAMES, DISK_FILES), upto = cut->calls;

	if (cut->left == CUT_SYNCED)
		upto = synced;
	else if (cut->left == CUT_SOME && upto > synced)
		upto = synced + cut_below((unsigned)(upto - synced) + 1);
	for (size_t i = 0; i < disk.n_files; i++)
		names[i] = disk.files[i].name;
	for (size_t i = 0; i < upto; i++)
		if (disk.calls[i].kind == DISK_RENAME)
			names[disk.calls[i].file] = disk.calls[i].name;
}

/* -- contents -- */

struct content {
	size_t len;
	unsigned char bytes[CUT_FILE_MAX];
};

static struct content content;

static inline void cut_put(off_t at, const unsigned char *bytes, size_t len)
{
	size_t end = (size_t)at + len;

	disk_need(end <= CUT_FILE_MAX);
	if (end > content.len) {
		memset(content.bytes + content.len, 0, end - content.len);
		content.len = end;
	}
	memcpy(content.bytes + at, bytes, len);
}

static inline void cut_length(size_t len)
{
	disk_need(len <= CUT_FILE_MAX);
	if (len > content.len)
		memset(content.bytes + content.len, 0, len - content.len);
	content.len = len;
}

/* A sector is written whole or not at all. */
static inline void cut_put_sectors(const struct disk_call *c)
{
	for (size_t done = 0; done < c->len;) {
		const size_t at = (size_t)c->at + done, left = DISK_SECTOR - at % DISK_SECTOR;
		const size_t len = left < c->len - done ? left : c->len - done;

		if (cut_below(2))
			cut_put((off_t)at, c->bytes + done, len);
		done += len;
	}
}

static inline void cut_apply(const struct cut *cut, size_t i, bool synced)
{
	const struct disk_call *c = &disk.calls[i];
	unsigned part = 0;      /* 0: whole; 1: nothing of it; 2: sectors */

	if (!synced && cut->left == CUT_SYNCED)
		part = 1;
	else if (!synced && cut->left == CUT_TORN)
		part = i + 1 == cut->calls ? 2 : 0;
	else if (!synced && cut->left == CUT_SOME)
		part = cut_below(3);
	if (part == 1 || (part == 2 && c->kind == DISK_LENGTH && cut_below(2)))
		return;
	if (c->kind == DISK_LENGTH)
		cut_length((size_t)c->at);
	else if (part == 2)
		cut_put_sectors(c);
	else
		cut_put(c->at, c->bytes, c->len);
}

static inline void cut_content(const struct cut *cut, size_t file)
{
	const size_t synced = cut_synced(cut, DISK_SYNC, file);

	content.len = 0;
	if (disk.files[file].len)
		cut_put(0, disk.files[file].bytes, disk.files[file].len);
	for (size_t i = 0; i < cut->calls; i++)
		if (disk.calls[i].file == file && disk.calls[i].kind <= DISK_LENGTH)
			cut_apply(cut, i, i < synced);
}

/* -- the directory -- */

static inline void cut_write(const char *dir, const char *name)
{
	int fd = open64(disk_path(dir, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	disk_need(fd >= 0 && syscall(SYS_pwrite64, fd, content.bytes, content.len, 0) == (ssize_t)content.len);
	close(fd);
}

/* Of the time of the cut, of an earlier one, nonsense, or none. */
static inline void cut_shm(const struct cut *cut, const char *dir)
{
	const size_t now = cut->calls ? disk.calls[cut->calls - 1].shm : 0;
	const unsigned which = cut->left == CUT_ALL ? 0 : cut->left == CUT_SYNCED ? 3 : cut_below(4);
	const struct disk_shm *shm = &disk.shms[which == 1 ? cut_below((unsigned)now + 1) : now];

	content.len = 0;
	if (which == 3 || shm->len == 0)
		return;
	cut_put(0, shm->bytes, shm->len);
	for (size_t i = 0; which == 2 && i < shm->len; i++)
		content.bytes[i] = (unsigned char)cut_below(256);
	cut_write(dir, "store.db-shm");
}

static inline void cut_empty(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	disk_need(d != NULL);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			disk_need(unlink(disk_path(dir, entry->d_name)) == 0);
	closedir(d);
}

static inline void cut_make(const struct cut *cut, const char *dir)
{
	const char *names[DISK_FILES];

	cut_random = cut->seed * 2 + 1;
	cut_empty(dir);
	cut_names(cut, names);
	for (size_t i = 0; i < disk.n_files; i++) {
		if (!names[i][0])
			continue;
		cut_content(cut, i);
		cut_write(dir, names[i]);
	}
	cut_shm(cut, dir);
}

#endif
