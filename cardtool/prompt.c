/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "words.h"

#define TTY "/dev/tty"

/* Whatever ends or stops a program by default and can be caught. */
static const int signals[] = { SIGALRM, SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM,   SIGTSTP, SIGTTIN,
			       SIGTTOU, SIGUSR1, SIGUSR2, SIGXCPU, SIGVTALRM, SIGPROF };
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void on_signal(int signal)
{
	caught = signal;
}

/*
 * The signals are blocked all the time but inside ppoll(2): none can slip in between the look and
 * the wait.
 */
struct guard {
	struct sigaction before[N_SIGNALS];
	sigset_t mask;
};

static enum err guard_begin(struct guard *g)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t block;

	caught = 0;
	sigemptyset(&block);
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaddset(&block, signals[i]);
	if (sigprocmask(SIG_BLOCK, &block, &g->mask))
		return fail(ERR_SYSTEM, "sigprocmask: %m");
	for (size_t i = 0; i < N_SIGNALS; i++) {
		/* What is ignored (nohup) stays ignored. */
		if (sigaction(signals[i], NULL, &g->before[i]) == 0 &&
		    g->before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
	}
	return ERR_OK;
}

/*
 * The old handlers are back before the mask: a signal that was caught acts as it would have without
 * us.
 */
static void guard_end(struct guard *g)
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i], &g->before[i], NULL);
	if (caught)
		raise(caught);
	sigprocmask(SIG_SETMASK, &g->mask, NULL);
}

/* What is waited for while nothing arrives: ERR_TIMEOUT, ERR_CANCELLED (a signal was caught). */
static enum err wait_readable(int fd, const sigset_t *mask, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int left = deadline_left(deadline);
		struct timespec ts = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000L };
		int n = ppoll(&p, 1, &ts, mask);

		if (caught)
			return ERR_CANCELLED;
		if (n > 0)
			return ERR_OK;
		if (n == 0)
			return fail(ERR_TIMEOUT, "no answer within %d s", PROMPT_SECONDS);
		if (errno != EINTR)
			return fail(ERR_CONVERSATION, "poll: %m");
	}
}

/* Byte by byte: nothing after the newline is taken, nothing is left in a buffer of stdio. */
static enum err read_line(int fd, const sigset_t *mask, int64_t deadline, struct secret *ret)
{
	SECRET(line);

	for (;;) {
		unsigned char byte;
		enum err e = wait_readable(fd, mask, deadline);

		if (e)
			return e;
		ssize_t n = read(fd, &byte, 1);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return fail(ERR_CONVERSATION, "read: %m");
		if (n == 0 && line.len == 0)
			return fail(ERR_CONVERSATION, "end of file");
		if (n == 0 || byte == '\n')
			break;
		if (line.len == SECRET_MAX)
			return fail(ERR_CONVERSATION, "more than %d bytes in one line", SECRET_MAX);
		line.bytes[line.len++] = byte;
		wipe(&byte, 1);
	}
	if (line.len > 0 && line.bytes[line.len - 1] == '\r')
		line.len--;
	return secret_set(ret, line.bytes, line.len);
}

static bool write_all(int fd, const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, s, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			s += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* ERR_CANCELLED: a signal came and the terminal is as it was. */
static enum err ask_once(int fd, const char *question, enum prompt_echo echo, const sigset_t *mask,
			 struct secret *ret)
{
	struct termios before, now;

	if (tcgetattr(fd, &before))
		return fail(ERR_CONVERSATION, "no terminal: %m");
	now = before;
	now.c_lflag |= ICANON | ISIG;
	if (echo == PROMPT_HIDDEN)
		now.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	/* TCSAFLUSH also drops what was typed ahead, before the question could be read. */
	if (tcsetattr(fd, TCSAFLUSH, &now))
		return fail(ERR_CONVERSATION, "tcsetattr: %m");
	if (!write_all(fd, question, strlen(question))) {
		tcsetattr(fd, TCSANOW, &before);
		return fail(ERR_CONVERSATION, "the terminal can't be written to: %m");
	}

	enum err e = read_line(fd, mask, deadline_in(PROMPT_SECONDS * 1000), ret);

	if (tcsetattr(fd, TCSAFLUSH, &before) && !e)
		e = fail(ERR_CONVERSATION, "tcsetattr: %m");
	if (echo == PROMPT_HIDDEN || e)
		(void)write_all(fd, "\n", 1);
	return e;
}

/*
 * With SIGTTOU blocked the kernel would let a background process switch the echo of its shell off:
 * stop as one should.
 */
static enum err wait_foreground(int fd)
{
	if (tcgetpgrp(fd) == getpgrp())
		return ERR_OK;
	raise(SIGTTIN);
	return tcgetpgrp(fd) == getpgrp() ?
		       ERR_OK :
		       fail(ERR_CONVERSATION, "not in the foreground of the terminal");
}

static enum err ask(int fd, const char *question, enum prompt_echo echo, struct secret *ret)
{
	struct guard g;
	enum err e;

	do {
		e = wait_foreground(fd);
		if (e)
			return e;
		e = guard_begin(&g);
		if (e)
			return e;
		e = ask_once(fd, question, echo, &g.mask, ret);
		guard_end(&g);
		/*
		 * Still here after a signal: it was a stop and we go on, or its default is no end.
		 */
	} while (e == ERR_CANCELLED);
	return e;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

enum err prompt_line(const char *question, enum prompt_echo echo, struct secret *ret)
{
	int fd __attribute__((cleanup(close_fd))) = open(TTY, O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(ERR_CONVERSATION, "no terminal to ask on: %m");
	fflush(stdout);
	return ask(fd, question, echo, ret);
}

enum err prompt_stdin(const char *question, struct secret *ret)
{
	sigset_t mask;

	if (isatty(STDIN_FILENO))
		return prompt_line(question, PROMPT_HIDDEN, ret);
	caught = 0;
	if (sigprocmask(SIG_SETMASK, NULL, &mask))
		return fail(ERR_SYSTEM, "sigprocmask: %m");
	return read_line(STDIN_FILENO, &mask, deadline_in(PROMPT_SECONDS * 1000), ret);
}

bool prompt_yes(const char *question)
{
	/* TRANSLATORS: the word that is typed to confirm; "yes" is always taken too */
	const char *yes = _("yes");
	SECRET(answer);

	if (prompt_line(question, PROMPT_SHOWN, &answer))
		return false;
	return (answer.len == 3 && memcmp(answer.bytes, "yes", 3) == 0) ||
	       (answer.len == strlen(yes) && memcmp(answer.bytes, yes, answer.len) == 0);
}

enum err prompt_show(const char *text, size_t len)
{
	int fd __attribute__((cleanup(close_fd))) = open(TTY, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(ERR_CONVERSATION, "no terminal to write on: %m");
	fflush(stdout);
	return write_all(fd, text, len) ?
		       ERR_OK :
		       fail(ERR_CONVERSATION, "the terminal can't be written to: %m");
}
