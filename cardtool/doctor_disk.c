/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <sys/statvfs.h>

#include "doctor.h"
#include "paths.h"
#include "words.h"

#define MIB (1024 * 1024)
#define BYTES_FULL (512 * 1024)         /* above what store_open() takes for the end of space */
#define BYTES_ERROR (16 * MIB)
#define BYTES_WARNING (256 * MIB)
#define INODES_ERROR 64
#define INODES_WARNING 1024

static uint64_t bytes_left(const struct statvfs *fs)
{
	return (uint64_t)fs->f_bavail * fs->f_frsize;
}

bool doctor_disk_is_full(void)
{
	struct statvfs fs;

	return statvfs(PATH_STORE_DIR, &fs) == 0 && bytes_left(&fs) < BYTES_FULL;
}

static bool say_space(struct doctor *d, const char *path, const struct statvfs *fs)
{
	uint64_t left = bytes_left(fs);
	struct doctor_mark mark = { .finding = "space", .file = path };

	if (left >= BYTES_WARNING)
		return false;
	doctor_find(d, left < BYTES_ERROR ? DOCTOR_ERROR : DOCTOR_WARNING, &mark,
		    _("free some space: without it nobody is let in, for no login could be recorded"),
		    _("%s: %llu MiB of space are left"), path, (unsigned long long)(left / MIB));
	return true;
}

static bool say_inodes(struct doctor *d, const char *path, const struct statvfs *fs)
{
	struct doctor_mark mark = { .finding = "inodes", .file = path };

	/* Some file systems count none. */
	if (fs->f_files == 0 || fs->f_favail >= INODES_WARNING)
		return false;
	doctor_find(d, fs->f_favail < INODES_ERROR ? DOCTOR_ERROR : DOCTOR_WARNING, &mark,
		    _("remove files on this file system: `df -i` shows where they are"), _("%s: %llu more files can be made"),
		    path, (unsigned long long)fs->f_favail);
	return true;
}

void doctor_disk(struct doctor *d)
{
	static const char *const paths[] = { PATH_STORE_DIR, PATH_STATE_DIR };
	bool found = false;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct statvfs fs;

		/* What is missing is said by the check of paths. */
		if (statvfs(paths[i], &fs))
			continue;
		if (fs.f_flag & ST_RDONLY) {
			found = true;
			doctor_find(d, DOCTOR_ERROR, &(struct doctor_mark){ .finding = "read-only", .file = paths[i] },
				    _("see in `dmesg` why, and mount it for writing"), _("%s can't be written to"), paths[i]);
		}
		found |= say_space(d, paths[i], &fs);
		found |= say_inodes(d, paths[i], &fs);
	}
	if (!found)
		doctor_say(d, DOCTOR_OK, NULL, _("there is space for the store"));
}
