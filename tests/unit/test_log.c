/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the log, and failures that are said once (error.c). */
#include "log.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "unit.h"

static int lines, last_level;
static char last[2048];

static void keep(int level, const char *line)
{
	lines++;
	last_level = level;
	snprintf(last, sizeof(last), "%s", line);
}

static int setup(void **state)
{
	(void)state;
	lines = 0;
	last_level = -1;
	last[0] = '\0';
	log_set_sink(keep);
	log_set_level(LOG_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_sink(NULL);
	log_set_level(LOG_INFO);
	return 0;
}

#define LOG_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static void lines_up_to_the_level_are_kept(void **state)
{
	(void)state;
	for (int level = LOG_EMERG; level <= LOG_DEBUG; level++) {
		lines = 0;
		log_line(level, "n %d", level);
		assert_int_equal(lines, level <= LOG_INFO);
	}
	assert_int_equal(last_level, LOG_INFO);
	assert_string_equal(last, "n 6");
	log_set_level(LOG_ERR);
	lines = 0;
	log_line(LOG_WARNING, "x");
	assert_int_equal(lines, 0);
	log_line(LOG_ERR, "x");
	assert_int_equal(lines, 1);
	log_set_level(LOG_DEBUG);
	log_line(LOG_DEBUG, "y");
	assert_string_equal(last, "y");
	log_set_sink(NULL);
	log_line(LOG_ALERT, "z");
	assert_string_equal(last, "y");
}

static void what_came_from_outside_forges_no_line(void **state)
{
	char long_text[5000];

	(void)state;
	log_line(LOG_INFO, "user %s", "root\ncardmfad[1]: login OK\x1b[2J\x7f\xFF\xE2\x80\xAE");
	assert_int_equal(lines, 1);
	assert_string_equal(last, "user root\\x0Acardmfad[1]: login OK\\x1B[2J\\x7F\\xFF\\xE2\\x80\\xAE");
	log_line(LOG_INFO, "%s", "%n%s%d");
	assert_string_equal(last, "%n%s%d");
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	log_line(LOG_INFO, "%s", long_text);
	assert_int_equal(strlen(last), 999);
	assert_string_equal(last + 996, "...");
	/* Nothing grows beyond it by being escaped. */
	memset(long_text, '\n', sizeof(long_text) - 1);
	log_line(LOG_INFO, "%s", long_text);
	assert_true(strlen(last) < 1000);
	assert_string_equal(last + strlen(last) - 3, "...");
	log_line(LOG_INFO, "%s", "\xE5\xB1\xB1\xE7\x94\xB0");
	assert_string_equal(last, "\xE5\xB1\xB1\xE7\x94\xB0");
}

/* -- the default sink: in a child, whose stderr is a pipe -- */

static const char *from_stderr(const char *journal, const char *program, bool closed)
{
	static char out[4096];
	int ends[2];
	ssize_t n = 0, got;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* As it is before anybody chose a sink: a new program. */
		dup2(ends[1], STDERR_FILENO);
		if (closed)
			close(STDERR_FILENO);
		if (journal)
			setenv("JOURNAL_STREAM", journal, 1);
		else
			unsetenv("JOURNAL_STREAM");
		execl("/proc/self/exe", "test_log", "child", program, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], out + n, sizeof(out) - 1 - (size_t)n)) > 0)
		n += got;
	out[n] = '\0';
	close(ends[0]);
	/* The pid is any number. */
	for (char *at = strchr(out, '['); at; at = strchr(at + 1, '['))
		memmove(at + 1, strchr(at, ']'), strlen(strchr(at, ']')) + 1);
	return out;
}

static int child_main(const char *program)
{
	if (program)
		log_set_program(program);
	log_line(LOG_NOTICE, "one %s", "line\n");
	log_line(LOG_ERR, "two");
	return 0;
}

static void the_default_sink_is_stderr(void **state)
{
	(void)state;
	assert_string_equal(from_stderr(NULL, "cardmfa-test", false), "cardmfa-test[]: one line\\x0A\ncardmfa-test[]: two\n");
	assert_string_equal(from_stderr("8:1", "cardmfa-test", false), "<5>one line\\x0A\n<3>two\n");
	assert_string_equal(from_stderr(NULL, "cardmfa-test", true), "");
	/* Without a name that of the project. */
	assert_memory_equal(from_stderr(NULL, NULL, false), "cardmfa[", 8);
}

/* -- error.c -- */

static void a_failure_is_said_at_its_level(void **state)
{
	static const struct {
		enum err e;
		int level;
	} rows[] = {
		{ ERR_DENIED, LOG_NOTICE }, { ERR_EXPIRED, LOG_NOTICE }, { ERR_UNAVAILABLE, LOG_ERR }, { ERR_CLOCK, LOG_ERR },
		{ ERR_STORE, LOG_ERR }, { ERR_STORE_FULL, LOG_ALERT }, { ERR_STORE_CORRUPT, LOG_ALERT }, { ERR_KEY_FILE, LOG_ALERT },
		{ ERR_USAGE, LOG_NOTICE }, { ERR_CANCELLED, LOG_NOTICE }, { ERR_CONFIG, LOG_ERR }, { ERR_OK, LOG_NOTICE },
	};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fail(rows[i].e, "what %d", 7), rows[i].e);
		assert_int_equal(last_level, rows[i].level);
		snprintf(expected, sizeof(expected), "%s: what 7", err_name(rows[i].e));
		assert_string_equal(last, expected);
		assert_string_equal(err_detail(), "what 7");
	}
	log_set_level(LOG_EMERG);
	lines = 0;
	assert_int_equal(fail(ERR_STORE, "unheard"), ERR_STORE);
	assert_int_equal(lines, 0);
	assert_string_equal(err_detail(), "unheard");
}

static void long_details_are_cut(void **state)
{
	char long_text[3000];

	(void)state;
	memset(long_text, 'b', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(fail(ERR_STORE, "%s", long_text), ERR_STORE);
	assert_int_equal(strlen(err_detail()), 1023);
}

static void each_result_has_its_name_and_text(void **state)
{
	static const struct {
		enum err e;
		unsigned number;
		const char *name;
	} rows[] = {
#define X(symbol, number, text) { ERR_##symbol, number, #symbol },
#define N_(text) text
		ERR_LIST(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(err_name(rows[i].e), rows[i].name);
		assert_string_not_equal(err_text(rows[i].e), "unknown error");
		assert_int_equal(err_from_number(rows[i].number), rows[i].e);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(rows[i].number, rows[j].number);
	}
	assert_string_equal(err_name((enum err)9999), "UNKNOWN");
	assert_string_equal(err_text((enum err)9999), "unknown error");
	assert_int_equal(err_from_number(9999), ERR_PROTOCOL);
	assert_int_equal(err_from_number(1), ERR_PROTOCOL);
	assert_int_equal(err_from_number(0xFFFFFFFF), ERR_PROTOCOL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest list[] = {
		LOG_TEST(lines_up_to_the_level_are_kept),
		LOG_TEST(what_came_from_outside_forges_no_line),
		LOG_TEST(the_default_sink_is_stderr),
		LOG_TEST(a_failure_is_said_at_its_level),
		LOG_TEST(long_details_are_cut),
		LOG_TEST(each_result_has_its_name_and_text),
	};

	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return child_main(argv[2]);
	return cmocka_run_group_tests(list, NULL, NULL);
}
