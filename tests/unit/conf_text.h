/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration given as text. */
#ifndef CARDMFA_CONF_TEXT_H
#define CARDMFA_CONF_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"
#include "policy.h"
#include "unit.h"

#define CONF_PATH "/etc/cardmfa/cardmfa.conf"

/* cmocka's fail_msg() needs the macro that unit.h takes away. */
#define unit_fail(...) \
	do { \
		print_error(__VA_ARGS__); \
		print_error("\n"); \
		assert_true(false); \
	} while (0)

/* A file in memory, open for reading and writing. */
static inline int conf_fd(const void *bytes, size_t len)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	return fd;
}

static inline enum err conf_bytes(const void *bytes, size_t len, struct policy **ret)
{
	int fd = conf_fd(bytes, len);
	enum err e = policy_read(fd, CONF_PATH, ret);

	assert_int_equal(close(fd), 0);
	return e;
}

static inline struct policy *conf_loads(const char *text)
{
	struct policy *p = NULL;

	if (conf_bytes(text, strlen(text), &p) != ERR_OK)
		unit_fail("%s", err_detail());
	assert_non_null(p);
	return p;
}

/* The message names file and line and has `words` in it; nothing is returned. */
static inline void conf_bytes_refused(
	const void *bytes, size_t len, unsigned line, const char *words)
{
	struct policy *p = NULL;
	char where[64];

	assert_int_equal(conf_bytes(bytes, len, &p), ERR_CONFIG);
	assert_null(p);
	(void)snprintf(where, sizeof(where), "%s:%u: ", CONF_PATH, line);
	if (strncmp(err_detail(), where, strlen(where)) != 0 || !strstr(err_detail(), words))
		unit_fail("expected '%s...%s', got '%s'", where, words, err_detail());
}

static inline void conf_refused(const char *text, unsigned line, const char *words)
{
	conf_bytes_refused(text, strlen(text), line, words);
}

#endif
