/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "program.h"
#include "unit.h"

#define SHELL(text) ((const char *const[]){ "/bin/sh", "-c", (text), NULL })

static void output_and_status_come_back(void **state)
{
	char out[64];
	int status = -1;

	(void)state;
	assert_int_equal(program_run(SHELL("echo one; echo two >&2; exit 3"), out, sizeof(out), &status), ERR_OK);
	assert_string_equal(out, "one\ntwo\n");
	assert_int_equal(status, 3);
	assert_int_equal(program_run(SHELL("kill -9 $$"), NULL, 0, &status), ERR_OK);
	assert_int_equal(status, 128 + SIGKILL);
}

/* More than fits, and more than a pipe holds: the program is not left hanging. */
static void too_much_output_is_cut(void **state)
{
	char out[16];
	int status = -1;

	(void)state;
	assert_int_equal(program_run(SHELL("head -c 300000 /dev/zero | tr '\\0' x"), out, sizeof(out), &status), ERR_OK);
	assert_string_equal(out, "xxxxxxxxxxxxxxx");
	assert_int_equal(status, 0);
}

static void nothing_of_the_caller_is_handed_on(void **state)
{
	char out[256];
	int status = -1;

	(void)state;
	assert_int_equal(setenv("LC_ALL", "ja_JP.UTF-8", 1), 0);
	assert_int_equal(setenv("LD_LIBRARY_PATH", "/tmp", 1), 0);
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(program_run(SHELL("echo $LC_ALL.$LD_LIBRARY_PATH.; readlink /proc/self/fd/0; kill -PIPE $$"),
				     out, sizeof(out), &status), ERR_OK);
	assert_string_equal(out, "C..\n/dev/null\n");
	assert_int_equal(status, 128 + SIGPIPE);
	assert_int_equal(unsetenv("LD_LIBRARY_PATH"), 0);
}

static void what_is_no_program_is_said(void **state)
{
	char path[64] = "/tmp/cardmfa-program-XXXXXX";
	int status = -1, fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(program_run((const char *const[]){ "/nonexistent", NULL }, NULL, 0, &status), ERR_NOT_FOUND);
	assert_int_equal(program_run((const char *const[]){ path, NULL }, NULL, 0, &status), ERR_NOT_FOUND);
	assert_int_equal(write(fd, "\x7f", 1), 1);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	assert_int_equal(program_run((const char *const[]){ path, NULL }, NULL, 0, &status), ERR_SYSTEM);
	assert_int_equal(status, -1);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(too_much_output_is_cut),
		cmocka_unit_test(nothing_of_the_caller_is_handed_on),
		cmocka_unit_test(what_is_no_program_is_said),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
