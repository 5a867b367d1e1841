/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the rules share: a real store in a directory of its own, people, keys, many
 * processes at once.
 */
#ifndef CARDMFA_TEST_RULES_H
#define CARDMFA_TEST_RULES_H

#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyring.h"
#include "log.h"
#include "store.h"
#include "unit.h"

#define RULES_NOBODY 65534
#define RULES_LOCK_MS 60000
#define RULES_HARNESS 255       /* exit code of a child that could not do its part */

static char rules_dir[64];
static struct store *rules_store;

/* The store refuses uid 0. Dumpable again, for the leak checker. */
static inline void rules_drop_root(void)
{
	if (geteuid() != 0)
		return;
	if (setresgid(RULES_NOBODY, RULES_NOBODY, RULES_NOBODY) != 0 ||
	    setresuid(RULES_NOBODY, RULES_NOBODY, RULES_NOBODY) != 0 ||
	    prctl(PR_SET_DUMPABLE, 1) != 0) {
		perror("dropping root");
		exit(1);
	}
}

static inline bool rules_write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	bool written = f != NULL && fputs(text, f) >= 0;

	return f != NULL && fclose(f) == 0 && written;
}

/*
 * Mounts from now on are seen by this process and its children only. Without root: the same uid
 * and gid in a user namespace.
 */
static inline bool rules_own_mounts(void)
{
	char uid_map[64], gid_map[64];

	snprintf(uid_map, sizeof(uid_map), "%u %u 1", geteuid(), geteuid());
	snprintf(gid_map, sizeof(gid_map), "%u %u 1", getegid(), getegid());
	if (geteuid() == 0 && unshare(CLONE_NEWNS) != 0)
		return false;
	if (geteuid() != 0 && !(unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
				rules_write_text("/proc/self/setgroups", "deny") &&
	       rules_write_text("/proc/self/uid_map", uid_map) &&
		       rules_write_text("/proc/self/gid_map", gid_map)))
		return false;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline int rules_remove(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

/* cmocka fixtures. */
static inline int rules_setup(void **state)
{
	(void)state;
	strcpy(rules_dir, "/tmp/cardmfa-rules-XXXXXX");
	if (mkdtemp(rules_dir) == NULL)
		return -1;
	return store_open(rules_dir, STORE_CREATE, RULES_LOCK_MS, &rules_store) == ERR_OK ? 0 : -1;
}

static inline int rules_teardown(void **state)
{
	(void)state;
	store_close(rules_store);
	rules_store = NULL;
	return nftw(rules_dir, rules_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#define RULES_TEST(function) cmocka_unit_test_setup_teardown(function, rules_setup, rules_teardown)

/* As after a restart of the program. */
static inline void rules_reopen(void)
{
	store_close(rules_store);
	rules_store = NULL;
	assert_int_equal(store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &rules_store), ERR_OK);
}

static inline void rules_begin(void)
{
	assert_int_equal(store_begin(rules_store), ERR_OK);
}

static inline void rules_commit(void)
{
	assert_int_equal(store_commit(rules_store), ERR_OK);
}

static inline int64_t rules_person(const char *login, int64_t uid)
{
	struct person p = { .uid = uid, .state = PERSON_ACTIVE };

	strncpy(p.login, login, sizeof(p.login) - 1);
	rules_begin();
	assert_int_equal(store_person_add(rules_store, &p), ERR_OK);
	rules_commit();
	return p.id;
}

/*
 * A store key file with these keys, the last one the newest. Made once, so that the same id is the
 * same key.
 */
static inline struct keyring *rules_keyring(size_t n)
{
	static char lines[3][128];
	static const char *const ids[] = { "01", "02", "03" };
	int fd = memfd_create("keys", MFD_CLOEXEC);
	struct keyring *k = NULL;

	assert_true(fd >= 0);
	for (size_t i = 0; i < n; i++) {
		if (lines[i][0] == '\0')
			assert_int_equal(keyring_line(ids[i], lines[i], sizeof(lines[i])), ERR_OK);
		assert_int_equal(write(fd, lines[i], strlen(lines[i])), (ssize_t)strlen(lines[i]));
	}
	assert_int_equal(keyring_read(fd, &k), ERR_OK);
	close(fd);
	return k;
}

/* Only the newest key: the older ones are lost. */
static inline struct keyring *rules_keyring_other(void)
{
	char line[128];
	int fd = memfd_create("keys", MFD_CLOEXEC);
	struct keyring *k = NULL;

	assert_true(fd >= 0);
	assert_int_equal(keyring_line("zz", line, sizeof(line)), ERR_OK);
	assert_int_equal(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	assert_int_equal(keyring_read(fd, &k), ERR_OK);
	close(fd);
	return k;
}

static inline bool rules_long(void)
{
	const char *value = getenv("CARDMFA_LONG");

	return value != NULL && strcmp(value, "1") == 0;
}

/*
 * n processes, each with its own connection, that start `work` together. codes[i] is what work
 * returned (an enum err, below 255), or -1 when the process was killed.
 */
static inline void rules_together(int n, int (*work)(struct store *s, int i), int *codes)
{
	pid_t pids[256];
	int gate[2];

	assert_true(n <= 256);
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			struct store *s = NULL;
			char c;

			close(gate[1]);
			log_set_sink(NULL);
			if (store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s) != ERR_OK)
				_exit(RULES_HARNESS);
			if (read(gate[0], &c, 1) != 0)
				_exit(RULES_HARNESS);
			_exit(work(s, i));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < n; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		codes[i] = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		assert_int_not_equal(codes[i], RULES_HARNESS);
	}
}

static inline int rules_count(const int *codes, int n, int code)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		found += codes[i] == code;
	return found;
}

#endif
