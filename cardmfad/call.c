/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "paths.h"
#include "peer.h"
#include "room.h"
#include "trusted.h"
#include "wire.h"

#define SEND_MS 1000

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A refusal in place of a worker; lost if the host does not listen. */
static void refuse(int host, enum err why)
{
	const struct wire_result r = { .verdict = VERDICT_DENY, .result = why };
	WIRE_BUF(b);

	wire_put_result(&b, &r);
	if (wire_send(host, &b, -1, 0) != ERR_OK)
		log_line(LOG_DEBUG, "a refused host did not listen");
}

bool call_is_silent(const struct call *c)
{
	char byte;

	return c->host >= 0 && recv(c->host, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/* Told so, the one whose place another gets is ended. */
static void make_room(struct daemon *d, bool root_socket, int64_t uid)
{
	struct call *c = room_taken_from(d, root_socket, uid);

	if (!c)
		return;
	if (c->host >= 0)
		refuse(c->host, ERR_BUSY);
	call_end(d, c);
	d->turn = deadline_in(CALL_TURN_MS);
}

struct call *call_add(struct daemon *d, int host, bool root_socket)
{
	int64_t uid = peer_uid(host);
	struct call *c = NULL;

	bool allowed = uid == 0 || (uid > 0 && !root_socket);

	if (allowed)
		make_room(d, root_socket, uid);
	if (allowed && room_for(d, root_socket, uid))
		c = calloc(1, sizeof(*c));
	if (!c) {
		refuse(host, allowed ? ERR_BUSY : ERR_NOT_ALLOWED);
		close(host);
		return NULL;
	}
	c->root_socket = root_socket;
	c->uid = uid;
	c->host = host;
	c->host_pidfd = c->control = -1;
	c->deadline = deadline_in(CALL_FIRST_MS);
	d->calls[d->n_calls++] = c;
	return c;
}

static enum err send_peer(const struct call *c, const struct wire_peer *p)
{
	WIRE_BUF(b);

	wire_put_peer(&b, p);
	return wire_send(c->control, &b, -1, deadline_in(SEND_MS));
}

enum err call_start(struct daemon *d, struct call *c)
{
	struct wire_peer peer;
	struct spawn s = { .path = PATH_WORKER, .args = { d->language, "call" }, .account = d->worker, .n_fds = 4, .nofile = 64 };
	int pair[2], keys;
	enum err e = peer_facts(c->host, &peer, &c->host_pidfd);

	if (e != ERR_OK)
		return e;
	/* su and sudo come as root: from here on the caller's real uid is what counts. */
	if (c->root_socket && peer.ruid != 0 && !room_for_su(d, peer.ruid)) {
		refuse(c->host, ERR_BUSY);
		return fail(ERR_BUSY, "uid %lld has too many calls open", (long long)peer.ruid);
	}
	c->uid = peer.ruid;
	peer.root_socket = c->root_socket;
	peer.config_fallback = d->conf.fallback;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return fail(ERR_SYSTEM, "socketpair: %s", strerror(errno));
	/* Without it the worker can still refuse, check accounts and close sessions. */
	if (trusted_open(PATH_KEY_FILE, 077, &keys) != ERR_OK)
		keys = -1;
	memcpy(s.fds, (const int[SPAWN_FDS_MAX]){ c->host, pair[1], d->conf.fd, keys }, sizeof(s.fds));
	e = spawn_program(&s, &c->worker);
	close(pair[1]);
	close_fd(&keys);
	c->control = pair[0];
	if (e == ERR_OK)
		e = send_peer(c, &peer);
	close_fd(&c->host);
	c->deadline = deadline_in(room_is_for_sshd(d, c) ? CALL_KEYS_MS : CALL_MAX_MS);
	return e;
}

/* It may be behind a PIN: it is told to end, and has its place until it is gone. */
static void drop_card(struct daemon *d, struct call *c)
{
	if (c->card)
		leaving_add(&d->leaving, c->card, c->uid != 0);
	else if (c->has_card)
		bounds_release(&d->cards);
	c->card = 0;
	c->has_card = false;
}

enum err call_asked(struct daemon *d, struct call *c)
{
	enum wire_ask what;
	int64_t group;
	WIRE_BUF(b);
	enum err e = wire_recv_type(c->control, &b, WIRE_ASK, NULL, 0);

	if (e == ERR_OK)
		e = wire_get_ask(&b, &what, &group);
	if (e != ERR_OK)
		return e;
	switch (what) {
	case WIRE_ASK_CARD:
		if (c->wants_card.waiting)
			return fail(ERR_PROTOCOL, "worker %d asked for two card processes", (int)c->worker);
		/* A second one only in place of the first, which may have ended without being reaped yet. */
		drop_card(d, c);
		bounds_wait(&d->cards, &c->wants_card, c->uid);
		return ERR_OK;
	case WIRE_ASK_HASH:
		if (c->has_hash || c->wants_hash.waiting)
			return fail(ERR_PROTOCOL, "worker %d asked for two places to hash", (int)c->worker);
		bounds_wait(&d->hashes, &c->wants_hash, group);
		return ERR_OK;
	case WIRE_ASK_HASH_DONE:
		if (c->has_hash)
			bounds_release(&d->hashes);
		c->has_hash = false;
		return ERR_OK;
	}
	return ERR_PROTOCOL;
}

static enum err give(const struct call *c, int fd)
{
	WIRE_BUF(b);

	wire_put_given(&b, ERR_OK);
	return wire_send(c->control, &b, fd, deadline_in(SEND_MS));
}

static enum err give_card(struct daemon *d, struct call *c)
{
	char seconds[16];
	struct spawn s = { .path = PATH_CARD, .args = { seconds }, .account = d->card, .n_fds = 2, .nofile = 32 };
	int pair[2], lock;
	enum err e;

	/* The card process ends itself a little before the worker's time does. */
	snprintf(seconds, sizeof(seconds), "%d", deadline_left(c->deadline) / 1000 + 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return fail(ERR_SYSTEM, "socketpair: %s", strerror(errno));
	/* A description of its own: the locks on it belong to this card process alone. */
	lock = open(PATH_READER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0)
		log_line(LOG_WARNING, "%s: %s", PATH_READER_LOCK, strerror(errno));
	memcpy(s.fds, (const int[SPAWN_FDS_MAX]){ pair[1], lock, -1, -1 }, sizeof(s.fds));
	e = spawn_program(&s, &c->card);
	if (e == ERR_OK)
		e = give(c, pair[0]);
	close(pair[0]);
	close(pair[1]);
	close_fd(&lock);
	return e;
}

/* Places for ordinary users end earlier: some are kept for root's hosts. */
static bool card_allowed(const struct daemon *d, const struct call *c)
{
	size_t users = leaving_of_users(&d->leaving);

	if (c->uid == 0)
		return true;
	for (size_t i = 0; i < d->n_calls; i++)
		users += d->calls[i]->uid != 0 && d->calls[i]->has_card;
	return users < BOUNDS_CARDS_USER;
}

static void serve_cards(struct daemon *d)
{
	const struct bounds_waiter *w[BOUNDS_CALLS];
	int i;

	for (;;) {
		for (size_t k = 0; k < d->n_calls; k++)
			w[k] = card_allowed(d, d->calls[k]) ? &d->calls[k]->wants_card : NULL;
		i = bounds_next(&d->cards, w, d->n_calls);
		if (i < 0)
			return;
		struct call *c = d->calls[i];

		c->wants_card.waiting = false;
		c->has_card = true;
		bounds_take(&d->cards, c->wants_card.group);
		if (give_card(d, c) != ERR_OK)
			call_end(d, c);
	}
}

static void serve_hashes(struct daemon *d)
{
	const struct bounds_waiter *w[BOUNDS_CALLS];
	int i;

	for (;;) {
		for (size_t k = 0; k < d->n_calls; k++)
			w[k] = &d->calls[k]->wants_hash;
		i = bounds_next(&d->hashes, w, d->n_calls);
		if (i < 0)
			return;
		struct call *c = d->calls[i];

		c->wants_hash.waiting = false;
		c->has_hash = true;
		bounds_take(&d->hashes, c->wants_hash.group);
		if (give(c, -1) != ERR_OK)
			call_end(d, c);
	}
}

void call_serve(struct daemon *d)
{
	serve_cards(d);
	serve_hashes(d);
}

bool call_reap(struct daemon *d, struct call *c, pid_t pid, int status)
{
	if (pid == c->card) {
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			log_line(LOG_WARNING, "card process %d ended by signal %d", (int)pid, WTERMSIG(status));
		c->card = 0;
		if (c->has_card)
			bounds_release(&d->cards);
		c->has_card = false;
		return false;
	}
	if (pid != c->worker)
		return false;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		log_line(LOG_ERR, "worker %d ended without an answer: %s %d", (int)pid,
			 WIFSIGNALED(status) ? "signal" : "status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	c->worker = 0;
	return true;
}

void call_end(struct daemon *d, struct call *c)
{
	/* A killed child is reaped later, as a stranger: its pid can't be given anew before that. */
	if (c->worker)
		kill(c->worker, SIGKILL);
	drop_card(d, c);
	if (c->has_hash)
		bounds_release(&d->hashes);
	close_fd(&c->host);
	close_fd(&c->host_pidfd);
	close_fd(&c->control);
	for (size_t i = 0; i < d->n_calls; i++)
		if (d->calls[i] == c) {
			d->calls[i] = d->calls[--d->n_calls];
			break;
		}
	free(c);
}
