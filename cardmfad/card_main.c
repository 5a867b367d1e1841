/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardmfa-card SECONDS: serves card requests on CARD_LINK_FD until its starter hangs up (card_link.h).
 *
 * No call of libpcsclite can be cancelled, so the process itself is what is given up: when a request's
 * time is over it says so from the timer's handler and ends at once. pcscd resets the card of a process
 * that ends inside a transaction, and a VERIFY is never sent outside one. But an instant before that reset
 * it gives the card to others; so who is told to end (SIGTERM, its starter hangs up) behind a PIN sends
 * nothing more to the card, ends the transaction with its reset, and goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "card.h"
#include "card_link.h"
#include "card_sandbox.h"
#include "clock.h"
#include "log.h"
#include "secret.h"
#include "text.h"

#define SECONDS_MAX 600
/* Beyond what the request itself waits: others' turns with the reader, and the card's work. */
#define REQUEST_MS 30000
/* The answer that time is over leaves this long before alarm() ends the process. */
#define MARGIN_MS 500
/* pcscd itself waits for whoever holds a card, without bound: one held reader must not hide the others. */
#define TAKE_MS 5000
/* The timer goes on firing: a signal between a check and a blocking call is not lost. */
#define AGAIN_MS 100

#define EXIT_USAGE 2
#define EXIT_LATE 3

static volatile sig_atomic_t phase;
static volatile sig_atomic_t late;
static volatile sig_atomic_t leaving;
static timer_t timer;
static int64_t end_of_life, end_of_request;
static bool looks_around;               /* NEXT: other readers are worth a look */
static bool has_lock_file;
static struct card_answer late_answer;

/* CARD_PHASE_LOCK is left by EINTR and answered in the ordinary way; IDLE has an answer under way. */
static const enum err late_errs[] = {
	[CARD_PHASE_IDLE] = ERR_OK,
	[CARD_PHASE_LOCK] = ERR_OK,
	[CARD_PHASE_SERVICE] = ERR_PCSC,
	[CARD_PHASE_TAKE] = ERR_BUSY,
	[CARD_PHASE_TALK] = ERR_TIMEOUT,
	[CARD_PHASE_PIN] = ERR_TIMEOUT,
};

/* Async-signal-safe: sending this answer is memcpy, send(2) and poll(2). */
static void on_timer(int sig)
{
	int error = errno;

	(void)sig;
	if (leaving)
		_exit(EXIT_LATE);
	late = 1;
	if (late_errs[phase] != ERR_OK) {
		late_answer.result = late_errs[phase];
		if (card_link_send_answer(CARD_LINK_FD, &late_answer, 0) != ERR_OK)
			_exit(EXIT_FAILURE);
		_exit(EXIT_LATE);
	}
	errno = error;
}

/* Async-signal-safe. */
static void set_timer(int64_t ms, int64_t again_ms)
{
	const struct itimerspec when = {
		.it_value = { ms / 1000, ms % 1000 * 1000000 },
		.it_interval = { again_ms / 1000, again_ms % 1000 * 1000000 },
	};

	if (timer_settime(timer, 0, &when, NULL))
		_exit(EXIT_FAILURE);
}

/* Behind a PIN the end of the transaction ends the process, or the timer. */
static void leave(void)
{
	if (phase != CARD_PHASE_PIN)
		_exit(EXIT_SUCCESS);
	if (!leaving)
		set_timer(CARD_LEAVE_MS, AGAIN_MS);
	leaving = 1;
}

static void on_term(int sig)
{
	int error = errno;

	(void)sig;
	leave();
	errno = error;
}

static void on_link(int sig)
{
	struct pollfd link = { .fd = CARD_LINK_FD, .events = POLLRDHUP };
	int error = errno;

	(void)sig;
	if (poll(&link, 1, 0) > 0 && link.revents & (POLLHUP | POLLRDHUP | POLLERR))
		leave();
	errno = error;
}

static bool is_leaving(void)
{
	return leaving;
}

static void start_request(const struct card_request *r)
{
	int64_t ms = REQUEST_MS + (r->op == CARD_OP_NEXT ? (int64_t)r->wait_ms : 0);
	int64_t life = deadline_left(end_of_life);

	late = 0;
	late_answer = (struct card_answer){ .op = r->op, .tries = CARD_TRIES_UNKNOWN };
	if (ms > life)
		ms = life;
	end_of_request = deadline_in(ms);
	looks_around = r->op == CARD_OP_NEXT;
	set_timer(ms > 0 ? ms : 1, AGAIN_MS);
}

static void on_phase(enum card_phase p)
{
	int left = deadline_left(end_of_request);

	if (leaving)
		_exit(EXIT_SUCCESS);
	if (looks_around && (p == CARD_PHASE_TAKE || phase == CARD_PHASE_TAKE))
		set_timer(p == CARD_PHASE_TAKE && left > TAKE_MS ? TAKE_MS : left > 0 ? left : 1, AGAIN_MS);
	phase = (sig_atomic_t)p;
}

/* FNV-1a; one byte of the lock file stands for one reader. */
static off_t place_of(const char *reader)
{
	uint32_t hash = 2166136261U;

	for (; *reader; reader++)
		hash = (hash ^ (unsigned char)*reader) * 16777619U;
	return (off_t)(hash & 0x7FFFFFFF);
}

static off_t locked_at = -1;

/* Locks of the process, not of the open file: starters pass one descriptor to many, and death frees them. */
static enum err lock_reader(const char *reader)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place_of(reader),
			      .l_len = 1 };

	text_copy_or_none(late_answer.reader, sizeof(late_answer.reader), reader);
	while (has_lock_file && fcntl(CARD_LOCK_FD, F_SETLKW, &lock)) {
		if (errno != EINTR)
			return fail(ERR_SYSTEM, "card: lock file: %s", strerror(errno));
		if (late)
			return fail(ERR_BUSY, "card: other logins use the reader");
	}
	locked_at = lock.l_start;
	return ERR_OK;
}

static void unlock_reader(void)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = locked_at, .l_len = 1 };

	if (has_lock_file && fcntl(CARD_LOCK_FD, F_SETLK, &lock))
		_exit(EXIT_FAILURE);
}

static const struct card_host host = {
	.lock = lock_reader,
	.unlock = unlock_reader,
	.phase = on_phase,
	.leaving = is_leaving,
};

static enum err check_descriptors(void)
{
	int type;
	socklen_t len = sizeof(type);
	struct stat st;

	if (getsockopt(CARD_LINK_FD, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET)
		return fail(ERR_USAGE, "descriptor %d is no link: this program is not started by hand",
			    CARD_LINK_FD);
	if (fstat(CARD_LOCK_FD, &st) || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode)))
		return fail(ERR_USAGE, "descriptor %d is no lock file", CARD_LOCK_FD);
	has_lock_file = S_ISREG(st.st_mode);
	return ERR_OK;
}

static enum err handle(int sig, void (*handler)(int))
{
	struct sigaction a = { .sa_handler = handler };

	if (sigaction(sig, &a, NULL))
		return fail(ERR_SYSTEM, "sigaction: %s", strerror(errno));
	return ERR_OK;
}

static enum err prepare_signals(unsigned seconds)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	sigset_t none;
	enum err e;

	if (sigemptyset(&none) || sigprocmask(SIG_SETMASK, &none, NULL))
		return fail(ERR_SYSTEM, "sigprocmask: %s", strerror(errno));
	e = handle(SIGALRM, SIG_DFL);
	if (e == ERR_OK)
		e = handle(SIGPIPE, SIG_IGN);
	if (e == ERR_OK)
		e = handle(SIGUSR1, on_timer);
	if (e == ERR_OK)
		e = handle(SIGIO, on_link);
	if (e == ERR_OK)
		e = handle(SIGTERM, on_term);
	if (e != ERR_OK)
		return e;
	alarm(seconds);
	end_of_life = deadline_in((int64_t)seconds * 1000 - MARGIN_MS);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		return fail(ERR_SYSTEM, "timer_create: %s", strerror(errno));
	if (fcntl(CARD_LINK_FD, F_SETOWN, getpid()) ||
	    fcntl(CARD_LINK_FD, F_SETFL, O_RDWR | O_ASYNC))
		return fail(ERR_SYSTEM, "card link: fcntl: %s", strerror(errno));
	return ERR_OK;
}

static enum err prepare(const char *seconds)
{
	int64_t n;
	enum err e;

	if (!text_to_i64(seconds, 1, SECONDS_MAX, &n))
		return fail(ERR_USAGE, "SECONDS must be 1 to %d", SECONDS_MAX);
	/* libpcsclite obeys PCSCLITE_CSOCK_NAME. */
	if (clearenv() || close_range(CARD_LOCK_FD + 1, ~0U, 0))
		return fail(ERR_SYSTEM, "start: %s", strerror(errno));
	e = secret_harden_process();
	if (e == ERR_OK)
		e = check_descriptors();
	if (e == ERR_OK)
		e = prepare_signals((unsigned)n);
	return e == ERR_OK ? card_sandbox_enter() : e;
}

static enum err serve(struct card *c)
{
	static struct card_request request;
	static struct card_answer answer;
	enum err e;

	for (;;) {
		e = card_link_get_request(CARD_LINK_FD, &request, end_of_life);
		if (e != ERR_OK)
			return e;
		start_request(&request);
		card_serve(c, &request, &answer);
		set_timer(0, 0);
		wipe(&request, sizeof(request));
		e = card_link_send_answer(CARD_LINK_FD, &answer, end_of_life);
		if (e != ERR_OK)
			return e;
	}
}

/* _exit: nothing here has anything left to write, and no library's exit handlers run inside the sandbox. */
int main(int argc, char **argv)
{
	struct card *c;
	enum err e;

	log_set_program("cardmfa-card");
	if (argc != 2) {
		fputs("usage: cardmfa-card SECONDS (started by cardmfad and cardtool)\n", stderr);
		return EXIT_USAGE;
	}
	e = prepare(argv[1]);
	if (e != ERR_OK)
		_exit(e == ERR_USAGE ? EXIT_USAGE : EXIT_FAILURE);
	e = card_open(&host, card_pcsc(), &c);
	if (e != ERR_OK)
		_exit(EXIT_FAILURE);
	e = serve(c);
	card_close(c);
	_exit(e == ERR_UNAVAILABLE || e == ERR_TIMEOUT ? EXIT_SUCCESS : EXIT_FAILURE);
}
