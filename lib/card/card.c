/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MUST: answer every request, whatever pcscd and card do; leave no transaction, lock or verified PIN
 * behind; send at most one VERIFY in the life of the process.
 * MUST NOT: believe a card about who it is; try a PIN a second time.
 */
#include "card.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "clock.h"
#include "seat.h"

/* A reader list is made anew at least this often: pcscd's notice of new readers can be missed. */
#define SLICE_MS 500
/* pcscd may say "present" while the card is being powered or has just left. */
#define ABSENT_TRIES 3
#define PAUSE_MS 100
/* When a pulled card is told from a failing one: pcscd asks the reader every 400 ms. */
#define PULLED_MS 600
#define HANDLE_MAX 255

static const struct card_app *const apps[] = { &app_piv, NULL };

/* What was told of the card that is in this reader since `event`. */
struct place {
	struct seat seat;       /* reader.name "": free */
	uint8_t handle;         /* 0: none; never used again for another card */
	bool told;
	unsigned absent;        /* times it was said to be present and was not */
};

struct card {
	const struct card_host *host;
	const struct transport *transport;
	bool open;
	bool verify_spent;
	unsigned last_handle;
	size_t n;
	struct transport_reader readers[CARD_READERS_MAX];
	struct place places[CARD_READERS_MAX];
};

enum err card_open(const struct card_host *host, const struct transport *t, struct card **ret)
{
	struct card *c = calloc(1, sizeof(*c));

	if (!c)
		return fail(ERR_MEMORY, "card");
	c->host = host;
	c->transport = t;
	*ret = c;
	return ERR_OK;
}

static void drop(struct place *p)
{
	seat_free(&p->seat);
	memset(p, 0, sizeof(*p));
}

static void drop_all(struct card *c)
{
	for (size_t i = 0; i < CARD_READERS_MAX; i++)
		drop(&c->places[i]);
}

void card_close(struct card *c)
{
	if (!c)
		return;
	drop_all(c);
	c->transport->close(c->transport->state);
	free(c);
}

static enum io list_once(struct card *c)
{
	const struct transport *t = c->transport;
	enum io io = c->open ? IO_OK : t->open(t->state);

	c->open = io == IO_OK;
	if (io == IO_OK)
		io = t->list(t->state, c->readers, &c->n);
	return io;
}

/* pcscd may have been restarted since: its connections are void then, and one fresh attempt is made. */
static enum err list(struct card *c)
{
	enum io io;

	c->host->phase(CARD_PHASE_SERVICE);
	io = list_once(c);
	if (io != IO_OK) {
		drop_all(c);
		c->open = false;
		io = list_once(c);
	}
	c->host->phase(CARD_PHASE_IDLE);
	if (io == IO_OK)
		return ERR_OK;
	c->n = 0;
	return fail(ERR_PCSC, "pcscd can't be asked for its readers");
}

static bool same_presence(const struct transport_reader *a, const struct transport_reader *b)
{
	return strcmp(a->name, b->name) == 0 && a->event == b->event;
}

static const struct transport_reader *find_reader(const struct card *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->readers[i].name, name) == 0)
			return &c->readers[i];
	return NULL;
}

/* Forgets the places whose reader is gone or has had another event since. */
static void drop_changed(struct card *c)
{
	for (size_t i = 0; i < CARD_READERS_MAX; i++) {
		struct place *p = &c->places[i];
		const struct transport_reader *r = find_reader(c, p->seat.reader.name);

		if (p->seat.reader.name[0] && (!r || !r->present || !same_presence(r, &p->seat.reader)))
			drop(p);
	}
}

/* The place of this reader, or a free one; there are as many as readers. */
static struct place *place_of(struct card *c, const struct transport_reader *r)
{
	struct place *unused = NULL;

	for (size_t i = 0; i < CARD_READERS_MAX; i++) {
		struct place *p = &c->places[i];

		if (strcmp(p->seat.reader.name, r->name) == 0)
			return p;
		if (!p->seat.reader.name[0])
			unused = p;
	}
	if (unused) {
		unused->seat.host = c->host;
		unused->seat.transport = c->transport;
		unused->seat.reader = *r;
	}
	return unused;
}

static struct place *find_handle(struct card *c, uint8_t handle)
{
	for (size_t i = 0; handle && i < CARD_READERS_MAX; i++)
		if (c->places[i].handle == handle)
			return &c->places[i];
	return NULL;
}

static void describe(const struct place *p, struct card_answer *ret)
{
	const struct seat *s = &p->seat;

	ret->sw = s->channel.sw;
	ret->tries = (int8_t)s->tries.left;
	ret->handle = p->handle;
	ret->was_verified = s->was_verified;
	memcpy(ret->reader, s->reader.name, sizeof(ret->reader));
	ret->atr_len = s->reader.atr_len;
	memcpy(ret->atr, s->reader.atr, sizeof(ret->atr));
	ret->has_guid = s->has_guid;
	if (s->has_guid)
		memcpy(ret->guid, s->guid, sizeof(ret->guid));
	ret->cert_len = (uint16_t)s->cert_len;
	if (s->cert_len)
		memcpy(ret->cert, s->cert, s->cert_len);
}

/* A card pulled while it was asked looks like one that fails: says which it was. */
static enum err why_failed(struct card *c, const struct seat *s, enum err e)
{
	int64_t deadline = deadline_in(PULLED_MS);

	if (e != ERR_CARD_FAILED || s->channel.io == IO_OK)
		return e;
	c->host->phase(CARD_PHASE_SERVICE);
	for (;;) {
		const struct transport_reader *r;
		int left = deadline_left(deadline);

		if (list_once(c) != IO_OK)
			return e;
		r = find_reader(c, s->reader.name);
		if (!r || !r->present || !same_presence(r, &s->reader))
			return ERR_CARD_REMOVED;
		if (left == 0)
			return e;
		(void)c->transport->wait(c->transport->state, left);
	}
}

/* Reads the card there. ERR_NO_CARD: there is none after all, or not yet. */
static enum err probe(struct card *c, struct place *p, bool want_cert)
{
	enum err e;

	if (c->last_handle == HANDLE_MAX)
		return fail(ERR_BUSY, "card: too many cards for one process");
	e = seat_recognise(&p->seat, apps, want_cert);
	if (e == ERR_OK) {
		seat_leave(&p->seat);
		p->handle = (uint8_t)++c->last_handle;
	}
	if (e == ERR_BUSY || e == ERR_PCSC)
		return e;
	e = why_failed(c, &p->seat, e);
	if (e == ERR_CARD_REMOVED && ++p->absent < ABSENT_TRIES)
		return ERR_NO_CARD;
	p->told = true;
	return e == ERR_CARD_REMOVED ? ERR_NO_CARD : e;
}

/* Once through the readers. ERR_NO_CARD: all were told of; ERR_BUSY: others hold one. */
static enum err next_now(struct card *c, const struct card_request *r, struct card_answer *ret)
{
	enum err e, none = ERR_NO_CARD;

	e = list(c);
	if (e != ERR_OK)
		return e;
	drop_changed(c);
	for (size_t i = 0; i < c->n; i++) {
		struct place *p = c->readers[i].present ? place_of(c, &c->readers[i]) : NULL;

		if (!p || p->told || !strcmp(c->readers[i].name, r->skip))
			continue;
		e = probe(c, p, r->want_cert);
		if (e == ERR_BUSY)
			none = ERR_BUSY;
		if (e == ERR_BUSY || e == ERR_NO_CARD)
			continue;
		describe(p, ret);
		return e;
	}
	return none;
}

/* Until a reader or a card comes or goes, or a slice is over. An answer at once may be no news. */
static void pause_for_news(struct card *c, int64_t deadline, bool again)
{
	const struct transport *t = c->transport;
	int left = deadline_left(deadline);
	int64_t start = clock_boot_ms();
	enum io io;

	if (again) {
		(void)poll(NULL, 0, left < PAUSE_MS ? left : PAUSE_MS);
		return;
	}
	c->host->phase(CARD_PHASE_SERVICE);
	io = t->wait(t->state, left < SLICE_MS ? left : SLICE_MS);
	c->host->phase(CARD_PHASE_IDLE);
	if (io == IO_SERVICE) {
		drop_all(c);
		c->open = false;
	}
	if (clock_boot_ms() - start < PAUSE_MS / 10)
		(void)poll(NULL, 0, PAUSE_MS / 10);
}

static bool any_unsettled(const struct card *c)
{
	for (size_t i = 0; i < CARD_READERS_MAX; i++)
		if (c->places[i].seat.reader.name[0] && !c->places[i].told)
			return true;
	return false;
}

static enum err serve_next(struct card *c, struct card_request *r, struct card_answer *ret)
{
	int64_t deadline = deadline_in(r->wait_ms);
	enum err e;

	for (;;) {
		e = next_now(c, r, ret);
		if (e != ERR_NO_CARD && e != ERR_BUSY)
			return e;
		if (deadline_left(deadline) == 0)
			return e;
		pause_for_news(c, deadline, any_unsettled(c));
	}
}

static enum err serve_cert(struct card *c, struct card_request *r, struct card_answer *ret)
{
	struct place *p = find_handle(c, r->handle);
	size_t len = 0;
	enum err e;

	if (!p)
		return fail(ERR_CARD_REMOVED, "card: no card has this handle any more");
	e = seat_enter(&p->seat, SEAT_READ);
	describe(p, ret);
	if (e != ERR_OK)
		return e;
	e = p->seat.app->certificate(&p->seat.channel, r->key_ref, ret->cert, &len);
	seat_leave(&p->seat);
	ret->cert_len = e == ERR_OK ? (uint16_t)len : 0;
	return e;
}

static enum err sign_allowed(const struct card *c, const struct seat *s, const struct card_request *r)
{
	const struct app_signing signing = { r->key_ref, r->algorithm, r->input, r->input_len };

	if (r->input_len > 0 && !s->app->signing_ok(&signing))
		return fail(ERR_INVALID, "card: key %02X can't be asked this", r->key_ref);
	switch (r->pin_mode) {
	case CARD_PIN_NONE:
		if (r->input_len == 0)
			return fail(ERR_INVALID, "card: nothing to do");
		return ERR_OK;
	case CARD_PIN_BYTES:
		if (!s->app->pin_ok(&r->pin))
			return fail(ERR_PIN_FORMAT, "card: PIN of another form");
		if (s->app->pinless(r->key_ref))
			return fail(ERR_INVALID, "card: key %02X takes no PIN", r->key_ref);
		if (c->verify_spent)
			return fail(ERR_INVALID, "card: a second PIN in one process");
		return ERR_OK;
	case CARD_PIN_PAD:
		break;
	}
	return fail(ERR_INVALID, "card: readers with keys are not supported");
}

static enum err tries_allow(const struct seat *s, const struct card_request *r)
{
	if (r->pin_mode == CARD_PIN_NONE || s->tries.left == CARD_TRIES_UNKNOWN)
		return ERR_OK;
	if (s->tries.left == 0)
		return fail(ERR_PIN_BLOCKED, "card: blocked already");
	if (s->tries.left <= r->floor)
		return fail(ERR_PIN_LAST_TRY, "card: %d tries left are kept", s->tries.left);
	return ERR_OK;
}

/* Inside the transaction. Dirty from before the PIN is sent: what the card made of it is not known. */
static enum err verify(struct card *c, struct seat *s, struct card_request *r)
{
	enum err e = seat_guard(s);

	if (e == ERR_OK)
		e = tries_allow(s, r);
	if (e != ERR_OK)
		return e;
	c->verify_spent = true;
	s->dirty = true;
	c->host->phase(CARD_PHASE_PIN);
	e = s->app->verify(&s->channel, &r->pin, &s->tries.left);
	secret_wipe(&r->pin);
	return e;
}

static enum err sign(struct card *c, struct seat *s, struct card_request *r, struct card_answer *ret)
{
	const struct app_signing signing = { r->key_ref, r->algorithm, r->input, r->input_len };
	size_t len = 0;
	enum err e = r->pin_mode == CARD_PIN_BYTES ? verify(c, s, r) : ERR_OK;

	if (e == ERR_OK && r->input_len > 0)
		e = s->app->sign(&s->channel, &signing, ret->signature, &len);
	if (e == ERR_OK)
		ret->signature_len = (uint16_t)len;
	return e;
}

static enum err serve_sign(struct card *c, struct card_request *r, struct card_answer *ret)
{
	struct place *p = find_handle(c, r->handle);
	struct seat *s;
	enum err e;

	if (!p)
		return fail(ERR_CARD_REMOVED, "card: no card has this handle any more");
	s = &p->seat;
	e = sign_allowed(c, s, r);
	if (e == ERR_OK)
		e = tries_allow(s, r);
	if (e == ERR_OK)
		e = seat_enter(s, r->pin_mode == CARD_PIN_BYTES ? SEAT_PIN : SEAT_RESET);
	if (e == ERR_OK) {
		e = sign(c, s, r, ret);
		seat_leave(s);
	}
	describe(p, ret);
	return why_failed(c, s, e);
}

static enum err serve_list(struct card *c, struct card_request *r, struct card_answer *ret)
{
	enum err e = list(c);

	(void)r;
	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < c->n; i++) {
		memcpy(ret->readers[i].name, c->readers[i].name, sizeof(ret->readers[i].name));
		ret->readers[i].present = c->readers[i].present;
	}
	ret->n_readers = (uint8_t)c->n;
	return ERR_OK;
}

static enum err (*const ops[])(struct card *, struct card_request *, struct card_answer *) = {
	[CARD_OP_NEXT] = serve_next,
	[CARD_OP_CERT] = serve_cert,
	[CARD_OP_SIGN] = serve_sign,
	[CARD_OP_LIST] = serve_list,
};

void card_serve(struct card *c, struct card_request *r, struct card_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->op = r->op;
	ret->tries = CARD_TRIES_UNKNOWN;
	ret->result = r->op >= CARD_OP_NEXT && r->op <= CARD_OP_LIST ? ops[r->op](c, r, ret)
								    : ERR_INVALID;
	secret_wipe(&r->pin);
	c->host->phase(CARD_PHASE_IDLE);
}
