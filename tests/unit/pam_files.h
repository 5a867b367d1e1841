/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /etc/pam.d in a directory of the test's own. */
#ifndef CARDMFA_TEST_PAM_FILES_H
#define CARDMFA_TEST_PAM_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam_stack.h"
#include "unit.h"

static char pam_files_etc[64], pam_files_usr[64];
static const char *const pam_files_dirs[] = { pam_files_etc, pam_files_usr, NULL };

static inline void pam_files_write(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);

	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static inline int pam_files_begin(void **state)
{
	char top[] = "/tmp/cardmfa-pam-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(pam_files_etc, sizeof(pam_files_etc), "%s/etc", top);
	snprintf(pam_files_usr, sizeof(pam_files_usr), "%s/usr", top);
	assert_int_equal(mkdir(pam_files_etc, 0700), 0);
	assert_int_equal(mkdir(pam_files_usr, 0700), 0);
	return 0;
}

static inline int pam_files_end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %.*s", (int)(strlen(pam_files_etc) - strlen("/etc")), pam_files_etc);
	return system(command);
}

static inline struct pam_service pam_files_read(const char *service)
{
	struct pam_service s;

	assert_int_equal(pam_stack_read(pam_files_dirs, service, &s), ERR_OK);
	return s;
}

#endif
