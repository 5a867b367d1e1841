/* SPDX-License-Identifier: Apache-2.0 */
#include "seat.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

/* A card without GUID sends up to 16 KiB of certificate; RSA-4096 on a slow card takes seconds. */
#define TRANSACTION_MS 20000
/* Once more after a reset by others or a void connection; never after a PIN was sent. */
#define ENTER_TRIES 3
/* pcscd is still resetting the card of a client that died. */
#define STALE_MS 20
/* Beside a program that is alone with the reader: it may be one of ours that has just died. */
#define CONNECT_TRIES 25
/* How often, and how long, the reader is left to others before a PIN is sent beside them. */
#define GUARD_ROUNDS 4
#define GUARD_MS 5
/* The key whose certificate tells cards apart. */
#define LOGIN_KEY 0x9A

static void disconnect(struct seat *s)
{
	if (s->connected)
		(void)s->transport->disconnect(s->transport->state, &s->channel.card, s->dirty);
	s->connected = false;
	s->dirty = false;
}

/*
 * EndTransaction(RESET) that fails has not reset anything: Disconnect(RESET) then, which waits for
 * the transaction of whoever was faster but is not skipped.
 */
static void end(struct seat *s)
{
	const struct transport *t = s->transport;
	enum io io = t->end(t->state, &s->channel.card, s->dirty);

	if (io == IO_OK)
		s->dirty = false;
	if (io != IO_OK || s->channel.card.alone)
		disconnect(s);
}

void seat_leave(struct seat *s)
{
	if (!s->busy)
		return;
	end(s);
	s->host->unlock();
	s->busy = false;
	s->host->phase(CARD_PHASE_IDLE);
}

void seat_free(struct seat *s)
{
	seat_leave(s);
	disconnect(s);
	free(s->cert);
	memset(s, 0, sizeof(*s));
}

static enum io connect_once(struct seat *s, bool alone)
{
	const struct transport *t = s->transport;
	enum io io = IO_BUSY;

	disconnect(s);
	if (alone)
		io = t->connect(t->state, s->reader.name, true, &s->channel.card);
	for (int i = 0; io == IO_BUSY && i < CONNECT_TRIES; i++) {
		if (i)
			(void)poll(NULL, 0, STALE_MS);
		io = t->connect(t->state, s->reader.name, false, &s->channel.card);
	}
	s->connected = io == IO_OK;
	return io;
}

/* Whether this reader has had no card come or go since. */
static bool card_stayed(const struct seat *s)
{
	const struct transport *t = s->transport;
	struct transport_reader now[CARD_READERS_MAX];
	size_t n;

	if (t->list(t->state, now, &n) != IO_OK)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(now[i].name, s->reader.name) == 0)
			return now[i].present && now[i].event == s->reader.event;
	return false;
}

/* A connection of the other kind, and what the present one, if any, has to tell before it is given up. */
static enum io connect_anew(struct seat *s, enum seat_use use, bool *fresh)
{
	const struct transport *t = s->transport;
	enum io io = s->connected ? t->begin(t->state, &s->channel.card) : IO_RESET;

	if (io == IO_OK) {
		io = t->end(t->state, &s->channel.card, false);
		if (io != IO_OK)
			disconnect(s);
	}
	if (io != IO_OK && io != IO_RESET)
		return io;
	*fresh = *fresh || io == IO_RESET;
	io = connect_once(s, use == SEAT_PIN);
	*fresh = *fresh || (io == IO_OK && !card_stayed(s));
	return io;
}

/* *fresh: the card may have been reset or exchanged since this seat last had it. */
static enum io begin(struct seat *s, enum seat_use use, bool *fresh)
{
	const struct transport *t = s->transport;
	enum io io = IO_OK;

	s->host->phase(CARD_PHASE_TAKE);
	if (use == SEAT_PIN || !s->connected)
		io = connect_anew(s, use, fresh);
	if (io == IO_OK)
		io = t->begin(t->state, &s->channel.card);
	for (int i = 0; io == IO_RESET && s->connected && i < ENTER_TRIES; i++) {
		*fresh = true;
		io = t->reconnect(t->state, &s->channel.card, false);
		if (io == IO_OK)
			io = t->begin(t->state, &s->channel.card);
	}
	s->host->phase(CARD_PHASE_TALK);
	return io;
}

static enum err reset_card(struct seat *s)
{
	const struct transport *t = s->transport;

	s->channel.io = t->reconnect(t->state, &s->channel.card, true);
	return apdu_io_err(s->channel.io);
}

static enum err select_app(struct seat *s, const struct card_app *const *apps)
{
	enum err e = ERR_NOT_FOUND;

	if (s->app)
		return s->app->select(&s->channel);
	for (; e == ERR_NOT_FOUND && *apps; apps++) {
		e = (*apps)->select(&s->channel);
		if (e == ERR_OK)
			s->app = *apps;
	}
	return e;
}

/* One go: transaction, reset if wanted, SELECT. On failure the transaction is over. */
static enum err try_enter(struct seat *s, const struct card_app *const *apps, enum seat_use use, bool *fresh)
{
	enum err e;

	s->channel.io = begin(s, use, fresh);
	if (s->channel.io != IO_OK)
		return apdu_io_err(s->channel.io);
	e = use == SEAT_RESET ? reset_card(s) : ERR_OK;
	if (e == ERR_OK)
		e = select_app(s, apps);
	if (e != ERR_OK)
		end(s);
	return e;
}

/* With the reader's lock: enters, again after a reset by others or on a void connection. */
static enum err enter(struct seat *s, const struct card_app *const *apps, enum seat_use use, bool *fresh)
{
	enum err e;

	s->host->phase(CARD_PHASE_LOCK);
	e = s->host->lock(s->reader.name);
	if (e != ERR_OK) {
		s->host->phase(CARD_PHASE_IDLE);
		return e;
	}
	s->channel.transport = s->transport;
	s->channel.deadline = deadline_in(TRANSACTION_MS);
	s->channel.leaving = s->host->leaving;
	for (int i = 0; i < ENTER_TRIES; i++) {
		e = try_enter(s, apps, use, fresh);
		if (s->channel.io != IO_STALE && s->channel.io != IO_RESET)
			break;
		if (s->channel.io == IO_STALE) {
			disconnect(s);
			(void)poll(NULL, 0, STALE_MS);
		}
		*fresh = true;
	}
	s->busy = e == ERR_OK;
	if (e != ERR_OK) {
		s->host->unlock();
		s->host->phase(CARD_PHASE_IDLE);
	}
	if (e == ERR_NOT_FOUND)
		return fail(ERR_CARD_FAILED, "card: no application of ours on it");
	return e;
}

/*
 * "Already verified" is never believed: a reset ends it, and a card that still says so is none of
 * ours. Asked only before VERIFY (some cards forget the PIN when asked).
 */
static enum err ask_tries(struct seat *s)
{
	enum err e = s->app->tries(&s->channel, &s->tries);

	if (e != ERR_OK || !s->tries.verified)
		return e;
	s->was_verified = true;
	e = reset_card(s);
	if (e == ERR_OK)
		e = s->app->select(&s->channel);
	if (e == ERR_OK)
		e = s->app->tries(&s->channel, &s->tries);
	if (e == ERR_OK && s->tries.verified)
		return fail(ERR_CARD_FAILED, "card: the PIN stays verified after a reset");
	return e;
}

/*
 * A command that pcscd took before the transaction began, and that waits for the reader, still runs
 * inside it. So the reader is left to such some times, and a harmless command waits behind them.
 */
enum err seat_guard(struct seat *s)
{
	enum err e = ERR_OK;

	for (int i = 0; !s->channel.card.alone && i < GUARD_ROUNDS && e == ERR_OK; i++) {
		(void)poll(NULL, 0, GUARD_MS);
		e = s->app->tries(&s->channel, &s->tries);
	}
	return e;
}

enum err seat_certificate(struct seat *s)
{
	uint8_t *buf;
	size_t len = 0;
	enum err e;

	if (s->cert)
		return ERR_OK;
	buf = malloc(CARD_CERT_MAX);
	if (!buf)
		return fail(ERR_MEMORY, "card: certificate");
	e = s->app->certificate(&s->channel, LOGIN_KEY, buf, &len);
	if (e != ERR_OK) {
		free(buf);
		return e;
	}
	s->cert = buf;
	s->cert_len = len;
	return ERR_OK;
}

static enum err read_card(struct seat *s, bool want_cert)
{
	enum err e = s->app->guid(&s->channel, &s->has_guid, s->guid);

	if (e == ERR_OK)
		e = ask_tries(s);
	if (e == ERR_OK && (want_cert || !s->has_guid))
		e = seat_certificate(s);
	return e;
}

static void forget(struct seat *s)
{
	free(s->cert);
	s->cert = NULL;
	s->app = NULL;
}

enum err seat_recognise(struct seat *s, const struct card_app *const *apps, bool want_cert)
{
	bool fresh = true;
	enum err e = ERR_OK;

	for (int i = 0; i < ENTER_TRIES; i++) {
		e = enter(s, apps, SEAT_READ, &fresh);
		if (e != ERR_OK)
			return e;
		e = read_card(s, want_cert);
		if (e == ERR_OK)
			return ERR_OK;
		seat_leave(s);
		if (s->channel.io != IO_RESET && s->channel.io != IO_STALE)
			break;
		forget(s);
	}
	return e;
}

/* Without GUID and certificate nothing tells this card from another. */
static enum err same_card(struct seat *s)
{
	uint8_t guid[16];
	bool has_guid;
	enum err e = s->app->guid(&s->channel, &has_guid, guid);

	if (e != ERR_OK)
		return e;
	if (has_guid != s->has_guid || (has_guid && memcmp(guid, s->guid, sizeof(guid)) != 0))
		return fail(ERR_CARD_REMOVED, "card: another one is in the reader");
	if (!has_guid) {
		struct seat now = *s;

		now.cert = NULL;
		e = seat_certificate(&now);
		if (e == ERR_OK && (now.cert_len == 0 || now.cert_len != s->cert_len ||
				    memcmp(now.cert, s->cert, now.cert_len) != 0))
			e = fail(ERR_CARD_REMOVED, "card: another one is in the reader");
		s->channel.io = now.channel.io;
		s->channel.sw = now.channel.sw;
		free(now.cert);
	}
	return e == ERR_OK ? ask_tries(s) : e;
}

enum err seat_enter(struct seat *s, enum seat_use use)
{
	bool fresh = false;
	enum err e = enter(s, NULL, use, &fresh);

	if (e == ERR_OK && fresh)
		e = same_card(s);
	if (e != ERR_OK)
		seat_leave(s);
	return e;
}
