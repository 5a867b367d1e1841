/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"
#include "prompt.h"
#include "unit.h"

#define QUESTION "PIN: "

/*
 * A child whose controlling terminal is ours. It exits 0 when the answer is `wanted`, else with its
 * error.
 */
struct asked {
	pid_t pid;
	int master, slave;      /* slave is kept open, so that the terminal outlives the child */
	char screen[4096];
	size_t len;
};

static _Noreturn void answer_or_die(const char *wanted, enum prompt_echo echo)
{
	SECRET(line);
	enum err e;

	log_set_sink(NULL);
	e = prompt_line(QUESTION, echo, &line);
	if (!e && (line.len != strlen(wanted) || memcmp(line.bytes, wanted, line.len) != 0))
		_exit(1);
	_exit(e ? 2 + (e == ERR_CONVERSATION) : 0);
}

static bool echoes(const struct asked *a)
{
	struct termios t;

	assert_int_equal(tcgetattr(a->slave, &t), 0);
	return t.c_lflag & ECHO;
}

/* Reads what the terminal shows until text has appeared `times` times. */
static void await(struct asked *a, const char *text, int times)
{
	for (;;) {
		struct pollfd p = { .fd = a->master, .events = POLLIN };
		const char *at = a->screen;
		int seen = 0;

		while ((at = strstr(at, text))) {
			seen++;
			at++;
		}
		if (seen >= times)
			return;
		assert_int_equal(poll(&p, 1, 10000), 1);

		ssize_t n = read(a->master, a->screen + a->len, sizeof(a->screen) - 1 - a->len);

		assert_true(n > 0);
		a->len += (size_t)n;
		a->screen[a->len] = '\0';
	}
}

static void ask(struct asked *a, const char *wanted, enum prompt_echo echo)
{
	char name[64];

	*a = (struct asked){ .len = 0 };
	a->pid = forkpty(&a->master, name, NULL, NULL);
	assert_true(a->pid >= 0);
	if (a->pid == 0)
		answer_or_die(wanted, echo);
	a->slave = open(name, O_RDWR | O_NOCTTY);
	assert_true(a->slave >= 0);
	await(a, QUESTION, 1);
}

static void type(struct asked *a, const char *text)
{
	assert_int_equal(write(a->master, text, strlen(text)), strlen(text));
}

static int ended(struct asked *a)
{
	int status;

	assert_int_equal(waitpid(a->pid, &status, 0), a->pid);
	/* What it still had to say lies in the terminal. */
	for (struct pollfd p = { .fd = a->master, .events = POLLIN }; poll(&p, 1, 0) == 1;) {
		ssize_t n = read(a->master, a->screen + a->len, sizeof(a->screen) - 1 - a->len);

		if (n <= 0)
			break;
		a->len += (size_t)n;
		a->screen[a->len] = '\0';
	}
	close(a->master);
	close(a->slave);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void a_secret_is_read_and_not_shown(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, "31415926", PROMPT_HIDDEN);
	assert_false(echoes(&a));
	type(&a, "31415926\n");
	await(&a, "\n", 1);
	assert_true(echoes(&a));
	assert_int_equal(ended(&a), 0);
	assert_null(strstr(a.screen, "3141"));
}

static void a_code_is_shown(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, "492039", PROMPT_SHOWN);
	assert_true(echoes(&a));
	type(&a, "492039\n");
	await(&a, "492039", 1);
	assert_int_equal(ended(&a), 0);
}

static void an_empty_line_is_an_answer_and_end_of_file_is_none(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, "", PROMPT_HIDDEN);
	type(&a, "\n");
	assert_int_equal(ended(&a), 0);
	ask(&a, "", PROMPT_HIDDEN);
	type(&a, "\004");
	assert_int_equal(ended(&a), 3);
}

static void a_line_that_is_too_long_is_refused(void **state)
{
	char line[SECRET_MAX + 2];
	struct asked a;

	(void)state;
	memset(line, 'a', sizeof(line));
	line[SECRET_MAX] = '\0';
	ask(&a, line, PROMPT_HIDDEN);
	type(&a, line);
	type(&a, "\n");
	assert_int_equal(ended(&a), 0);
	line[SECRET_MAX] = 'a';
	line[SECRET_MAX + 1] = '\0';
	ask(&a, line, PROMPT_HIDDEN);
	type(&a, line);
	type(&a, "\n");
	assert_int_equal(ended(&a), 3);
}

static void echo_is_back_before_a_signal_ends_us(void **state)
{
	static const int fatal[] = { SIGINT,  SIGTERM, SIGHUP,	SIGQUIT,   SIGALRM,
				     SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF };

	(void)state;
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		struct asked a;

		ask(&a, "x", PROMPT_HIDDEN);
		assert_false(echoes(&a));
		type(&a, "half a sec");
		assert_int_equal(kill(a.pid, fatal[i]), 0);

		int status;

		assert_int_equal(waitpid(a.pid, &status, 0), a.pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), fatal[i]);
		assert_true(echoes(&a));
		close(a.master);
		close(a.slave);
	}
}

/* The keys themselves: the terminal sends the signal. */
static void the_interrupt_key_works(void **state)
{
	struct asked a;

	(void)state;
	ask(&a, "x", PROMPT_HIDDEN);
	type(&a, "\003");
	assert_int_equal(ended(&a), 128 + SIGINT);
}

static void a_stop_gives_the_terminal_back_and_asks_again(void **state)
{
	static const int stops[] = { SIGSTOP, SIGTSTP };
	struct asked a;
	int status;

	(void)state;
	/*
	 * The child leads an orphaned group, so the kernel ignores SIGTSTP: it must then go on
	 * asking.
	 */
	ask(&a, "31415926", PROMPT_HIDDEN);
	assert_int_equal(kill(a.pid, stops[1]), 0);
	await(&a, QUESTION, 2);
	assert_false(echoes(&a));
	/* A stop that can't be caught changes nothing either. */
	assert_int_equal(kill(a.pid, stops[0]), 0);
	assert_int_equal(waitpid(a.pid, &status, WUNTRACED), a.pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(kill(a.pid, SIGCONT), 0);
	type(&a, "31415926\n");
	assert_int_equal(ended(&a), 0);
}

/* Until the kernel has no signal left to hand to the child. */
static void await_delivery(const struct asked *a)
{
	unsigned long pending = 1;

	while (pending) {
		char path[32], line[128];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)a->pid);
		f = fopen(path, "re");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "ShdPnd: %lx", &pending) == 1)
				break;
		fclose(f);
	}
}

static void what_is_ignored_stays_ignored(void **state)
{
	struct asked a;

	(void)state;
	signal(SIGUSR1, SIG_IGN);
	ask(&a, "31415926", PROMPT_HIDDEN);
	assert_int_equal(kill(a.pid, SIGUSR1), 0);
	await_delivery(&a);
	type(&a, "31415926\n");
	assert_int_equal(ended(&a), 0);
	assert_null(strstr(strstr(a.screen, QUESTION) + 1, QUESTION));
	signal(SIGUSR1, SIG_DFL);
}

static void no_terminal_is_an_error(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		setsid();
		answer_or_die("", PROMPT_HIDDEN);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 3);
}

/* One line, nothing after it; from a pipe only. */
static void stdin_gives_one_line(void **state)
{
	static const struct {
		const char *text, *wanted;
		enum err result;
	} cases[] = {
		{ "secret\nrest\n", "secret", ERR_OK }, { "secret", "secret", ERR_OK },
		{ "secret\r\n", "secret", ERR_OK },	{ "\n", "", ERR_OK },
		{ "", "", ERR_CONVERSATION },
	};
	int before = dup(STDIN_FILENO);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		SECRET(line);
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], cases[i].text, strlen(cases[i].text)),
				 strlen(cases[i].text));
		close(ends[1]);
		assert_true(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
		close(ends[0]);
		assert_int_equal(prompt_stdin(QUESTION, &line), cases[i].result);
		assert_int_equal(line.len, strlen(cases[i].wanted));
		assert_memory_equal(line.bytes, cases[i].wanted, line.len);
	}
	assert_true(dup2(before, STDIN_FILENO) == STDIN_FILENO);
	close(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_read_and_not_shown),
		cmocka_unit_test(a_code_is_shown),
		cmocka_unit_test(an_empty_line_is_an_answer_and_end_of_file_is_none),
		cmocka_unit_test(a_line_that_is_too_long_is_refused),
		cmocka_unit_test(echo_is_back_before_a_signal_ends_us),
		cmocka_unit_test(the_interrupt_key_works),
		cmocka_unit_test(a_stop_gives_the_terminal_back_and_asks_again),
		cmocka_unit_test(what_is_ignored_stays_ignored),
		cmocka_unit_test(no_terminal_is_an_error),
		cmocka_unit_test(stdin_gives_one_line),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
