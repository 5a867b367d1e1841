/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardmfad: the listener. MUST: bound and end whatever runs for a caller; take the caller's identity from the kernel; start
 * everything by exec. MUST NOT: read what a user typed, a card said or the store returned; hold a key, an answer or the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "log.h"
#include "paths.h"
#include "room.h"
#include "secret.h"
#include "sockets.h"

#define MAX_HASHES 4
#define WORKER_END_MS 1000     /* between a worker's last word and its death */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_SETMASK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void reap_of_call(struct daemon *d, pid_t pid, int status)
{
	for (size_t i = 0; i < d->n_calls; i++)
		if (d->calls[i]->worker == pid || d->calls[i]->card == pid) {
			if (call_reap(d, d->calls[i], pid, status))
				call_end(d, d->calls[i]);
			break;
		}
}

static void reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (leaving_reaped(&d->leaving, pid))
			bounds_release(&d->cards);
		else
			reap_of_call(d, pid, status);
}

/* False: it is time to end. */
static bool take_signals(struct daemon *d, int fd)
{
	struct signalfd_siginfo si;
	bool reload = false;

	while (read(fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
			return false;
		reload |= si.ssi_signo == SIGHUP;
	}
	if (reload) {
		sockets_notify("RELOADING=1");
		conf_file_load(&d->conf, &d->worker, d->language);
		sockets_notify("READY=1");
	}
	reap(d);
	return true;
}

static void accept_some(struct daemon *d, int listening, bool root_socket)
{
	/* A few at a time, so that neither socket keeps the other waiting. */
	for (int i = 0; i < 16 && room_at(d, root_socket); i++) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		call_add(d, fd, root_socket);
	}
}

enum { POLL_SIGNALS, POLL_ROOT, POLL_USER, POLL_FIXED };

struct watched {
	struct pollfd fds[POLL_FIXED + 2 * BOUNDS_CALLS];
	struct call *calls[POLL_FIXED + 2 * BOUNDS_CALLS];
	nfds_t n;
	int timeout;
};

/* Milliseconds; -1: no end. */
static int soonest(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void watch(struct watched *w, const struct daemon *d, int signals, const struct sockets *s)
{
	w->fds[POLL_SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
	w->fds[POLL_ROOT] = (struct pollfd){ .fd = room_at(d, true) ? s->root : -1, .events = POLLIN };
	w->fds[POLL_USER] = (struct pollfd){ .fd = room_at(d, false) ? s->user : -1, .events = POLLIN };
	w->n = POLL_FIXED;
	w->timeout = soonest(deadline_left(d->turn) ? deadline_left(d->turn) : -1, leaving_left(&d->leaving));
	for (size_t i = 0; i < d->n_calls; i++) {
		struct call *c = d->calls[i];

		w->fds[w->n] = (struct pollfd){ .fd = c->worker ? c->control : c->host, .events = POLLIN };
		w->calls[w->n++] = c;
		w->fds[w->n] = (struct pollfd){ .fd = c->host_pidfd, .events = POLLIN };
		w->calls[w->n++] = c;
		w->timeout = soonest(w->timeout, deadline_left(c->deadline));
	}
}

/* A worker that closed its end is about to be reaped: its exit status is worth waiting for. */
static void stop_listening_to(struct call *c)
{
	if (c->control >= 0)
		close(c->control);
	c->control = -1;
}

/* Worker and host ended together: the host is no news any more, how the worker ended still is. */
static bool worker_is_ending(const struct call *c, short mine)
{
	return c->worker && (c->control < 0 || (mine & POLLHUP));
}

static void wait_for_worker(struct call *c)
{
	if (c->card)
		kill(c->card, SIGTERM);
	stop_listening_to(c);
	close(c->host_pidfd);
	c->host_pidfd = -1;
	c->deadline = deadline_in(WORKER_END_MS);
}

/* What one call's two descriptors say: its own (host before, control after the start) and the host's pidfd. */
static void attend(struct daemon *d, struct call *c, short mine, short host_ended)
{
	if (host_ended && worker_is_ending(c, mine)) {
		wait_for_worker(c);
	} else if (host_ended || !deadline_left(c->deadline)) {
		if (!host_ended)
			log_line(LOG_WARNING, "a call by uid %lld ran out of time", (long long)c->uid);
		call_end(d, c);
	} else if (mine && !c->worker) {
		/* A host that hangs up without a word costs no worker. */
		if (!(mine & POLLIN) || call_is_silent(c) || call_start(d, c) != ERR_OK)
			call_end(d, c);
	} else if (mine && (!(mine & POLLIN) || call_asked(d, c) != ERR_OK)) {
		stop_listening_to(c);
	}
}

static int run(struct daemon *d, const struct sockets *s)
{
	static struct watched w;
	int signals = open_signals();

	if (signals < 0) {
		fail(ERR_SYSTEM, "signalfd: %s", strerror(errno));
		return 1;
	}
	conf_file_load(&d->conf, &d->worker, d->language);
	sockets_notify("READY=1");
	log_line(LOG_NOTICE, "ready");
	for (;;) {
		watch(&w, d, signals, s);
		if (poll(w.fds, w.n, w.timeout) < 0 && errno != EINTR) {
			fail(ERR_SYSTEM, "poll: %s", strerror(errno));
			return 1;
		}
		for (nfds_t i = POLL_FIXED; i < w.n; i += 2)
			attend(d, w.calls[i], w.fds[i].revents, w.fds[i + 1].revents);
		if (w.fds[POLL_SIGNALS].revents && !take_signals(d, signals))
			return 0;
		if (w.fds[POLL_ROOT].revents)
			accept_some(d, s->root, true);
		if (w.fds[POLL_USER].revents)
			accept_some(d, s->user, false);
		leaving_enforce(&d->leaving);
		call_serve(d);
	}
}

static const char usage[] =
	"Usage: cardmfad [--foreground]\n"
	"The daemon behind pam_cardmfa. systemd starts it through cardmfad.socket; by hand it\n"
	"makes its own sockets in " PATH_RUN_DIR ".\n"
	"  --foreground  log to the terminal (it never leaves the foreground by itself)\n"
	"  --help        this text\n"
	"  --version     the version\n"
	"SIGHUP reads the configuration anew; a broken one leaves the last good one in use.\n";

static int options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "foreground", no_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'f':
			unsetenv("JOURNAL_STREAM");
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		case 'V':
			return puts("cardmfad " PACKAGE_VERSION) < 0;
		default:
			return 2;
		}
	if (optind < argc) {
		fprintf(stderr, "cardmfad: unexpected argument: %s\n%s", argv[optind], usage);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct daemon d = { .conf = { .fd = -1, .keys_uid = -1 } };
	const char *lang = getenv("LANG");
	struct sockets s;
	int rc = options(argc, argv);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (rc >= 0)
		return rc;
	log_set_program("cardmfad");
	if (geteuid() != 0) {
		fprintf(stderr, "cardmfad: must be started as root\n");
		return 1;
	}
	umask(077);
	d.language = lang && !strncmp(lang, "ja", 2) ? "ja" : "en";
	d.hashes.places = cpus < 1 ? 1 : cpus > MAX_HASHES ? MAX_HASHES : (size_t)cpus;
	d.cards.places = BOUNDS_CARDS;
	if (secret_harden_process() != ERR_OK || spawn_account(USER_WORKER, &d.worker) != ERR_OK ||
	    spawn_account(USER_CARD, &d.card) != ERR_OK || sockets_get(&s) != ERR_OK)
		return 1;
	rc = run(&d, &s);
	while (d.n_calls)
		call_end(&d, d.calls[0]);
	leaving_wait(&d.leaving);
	return rc;
}
