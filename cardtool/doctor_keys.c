/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authorized_keys.h"
#include "clock.h"
#include "privilege.h"
#include "text.h"

#define READ_MS 5000
#define FILE_MAX_BYTES 262144
#define LINE_SIZE 16384

struct reading {
	const struct doctor_facts *facts;
	const char *patterns;
	int fd;
};

static bool is_of_card(const struct doctor_person *p, uint64_t mark)
{
	for (size_t i = 0; p && i < DOCTOR_KEYS_MAX; i++)
		if (p->keys[i] == mark)
			return true;
	return false;
}

/*
 * -1: no file, or one too long. It is known for a file before it is opened: for a device that alone may do something (a watchdog begins
 * to run, a tape is wound back), and its owner can lead root to any.
 */
static int open_file(const char *path)
{
	int found = open(path, O_PATH | O_CLOEXEC), fd = -1;
	char same[32];
	struct stat st;

	if (found < 0)
		return -1;
	snprintf(same, sizeof(same), "/proc/self/fd/%d", found);
	if (fstat(found, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX_BYTES)
		fd = open(same, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	close(found);
	return fd;
}

static void count_keys(const char *path, const struct doctor_person *p, struct doctor_keys_row *row)
{
	int fd = open_file(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	static char line[LINE_SIZE];

	if (!file) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		uint64_t mark = authorized_keys_mark(line);

		row->cards += mark && is_of_card(p, mark);
		row->others += mark && !is_of_card(p, mark);
	}
	fclose(file);
}

static enum err read_all(void *arg)
{
	const struct reading *r = arg;

	for (size_t i = 0; i < r->facts->n_accounts; i++) {
		const struct doctor_account *a = &r->facts->accounts[i];
		struct doctor_keys_row row = { .registered = a->registered };
		const char *rest = r->patterns;
		char path[1024];

		memcpy(row.login, a->name, sizeof(row.login));
		while (authorized_keys_path(&rest, a->name, a->uid, a->home, path, sizeof(path)))
			count_keys(path, a->registered ? doctor_people_person(r->facts, a->name) : NULL, &row);
		if ((row.cards || row.others) && write(r->fd, &row, sizeof(row)) != (ssize_t)sizeof(row))
			return fail(ERR_MEMORY, "keys: %m");
	}
	return ERR_OK;
}

static enum err take(int fd, struct doctor_keys *ret)
{
	struct doctor_keys k = { .n = 0 };
	struct stat st;

	if (fstat(fd, &st) || st.st_size % (off_t)sizeof(*k.rows))
		return fail(ERR_SYSTEM, "keys: %m");
	k.n = (size_t)st.st_size / sizeof(*k.rows);
	k.rows = calloc(k.n + 1, sizeof(*k.rows));
	if (!k.rows || pread(fd, k.rows, (size_t)st.st_size, 0) != st.st_size) {
		free(k.rows);
		return fail(ERR_MEMORY, "keys");
	}
	*ret = k;
	return ERR_OK;
}

enum err doctor_keys_read(const struct doctor_facts *f, const char *patterns, struct doctor_keys *ret)
{
	struct reading r = { f, patterns, memfd_create("keys", MFD_CLOEXEC) };
	enum err e;

	if (r.fd < 0)
		return fail(ERR_SYSTEM, "memfd: %m");
	/* As root: other people's homes can be read by nobody else. */
	e = privilege_run_as(NULL, read_all, &r, deadline_in(READ_MS));
	if (!e)
		e = take(r.fd, ret);
	close(r.fd);
	return e;
}

void doctor_keys_free(struct doctor_keys *k)
{
	free(k->rows);
}
