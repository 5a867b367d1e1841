/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "program.h"
#include "unit.h"

#define LIMIT_MS 200
#define SOON_MS 5000

/* Of the limit that is asked for only LIMIT_MS pass. */
int64_t __real_deadline_in(int64_t ms);
int64_t __wrap_deadline_in(int64_t ms);

static bool hurried;

int64_t __wrap_deadline_in(int64_t ms)
{
	assert_int_equal(ms, PROGRAM_SECONDS * 1000);
	return __real_deadline_in(hurried ? LIMIT_MS : ms);
}

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

/* Each would go on for longer than the test: with its output open, with it closed, and without ever pausing in it. */
static void what_does_not_end_is_killed_and_reaped(void **state)
{
	static const char *const endless[] = {
		"echo begun; exec sleep 60",
		"echo begun; exec sleep 60 >&- 2>&-",
		"echo begun; exec yes",
	};

	(void)state;
	hurried = true;
	for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
		int64_t begun = clock_boot_ms();
		char out[7];
		int status = -1;

		assert_int_equal(program_run(SHELL(endless[i]), out, sizeof(out), &status), ERR_TIMEOUT);
		assert_in_range(clock_boot_ms() - begun, LIMIT_MS, SOON_MS);
		assert_string_equal(out, "begun\n");
		assert_int_equal(status, -1);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
	hurried = false;
}

static void output_closed_early_is_no_end(void **state)
{
	int status = -1;

	(void)state;
	assert_int_equal(program_run(SHELL("exec >&- 2>&-; sleep 0.1; exit 4"), NULL, 0, &status), ERR_OK);
	assert_int_equal(status, 4);
}

/* What the kernel reaped by itself has left no status. */
static void a_status_that_nobody_knows_is_no_success(void **state)
{
	int status = -1;

	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	assert_int_equal(program_run(SHELL("exit 3"), NULL, 0, &status), ERR_SYSTEM);
	assert_int_equal(status, -1);
	assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(too_much_output_is_cut),
		cmocka_unit_test(nothing_of_the_caller_is_handed_on),
		cmocka_unit_test(what_is_no_program_is_said),
		cmocka_unit_test(what_does_not_end_is_killed_and_reaped),
		cmocka_unit_test(output_closed_early_is_no_end),
		cmocka_unit_test(a_status_that_nobody_knows_is_no_success),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
