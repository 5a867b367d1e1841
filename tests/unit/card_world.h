/* SPDX-License-Identifier: Apache-2.0 */
/* Two readers with PIV cards in memory, behind the transport interface; any call can be made to fail. */
#ifndef CARDMFA_CARD_WORLD_H
#define CARDMFA_CARD_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "../../lib/card/transport.h"
#include "card.h"
#include "unit.h"

#define WORLD_READERS 2

struct world_card {
	bool present;
	uint32_t event;
	uint8_t guid;           /* all 16 bytes; 0: no CHUID */
	uint8_t cert;           /* 100 bytes of it; 0: none */
	int tries;              /* left; -1: does not tell */
	bool verified;
	bool selected;
	bool keeps_verified;    /* over a reset */
	bool pinless;           /* 9A signs without PIN */
	unsigned verifies, resets, apdus;
	unsigned queries, before_verify;        /* VERIFYs without data; those before the PIN came */
	bool alone_at_verify;
};

struct world {
	struct world_card cards[WORLD_READERS];
	size_t n_readers;
	/* connections: handle = reader + 1 */
	bool connected[WORLD_READERS], in_transaction[WORLD_READERS], was_reset[WORLD_READERS];
	uint32_t seen_event[WORLD_READERS];
	bool others[WORLD_READERS];     /* other programs are connected */
	bool alone[WORLD_READERS];      /* our connection is the only one */
	unsigned held;                  /* as many connects find another program alone with the reader */
	bool locked;
	unsigned calls, fail_at;        /* the fail_at-th call gives fail_io; 0: none */
	enum io fail_io;
	unsigned waits;
	void (*on_wait)(struct world *w);
	void (*on_end)(struct world *w, size_t reader);         /* after a transaction */
};

static struct world world;

static inline bool world_fails(enum io *ret)
{
	*ret = world.fail_io;
	return ++world.calls == world.fail_at;
}

static inline void world_reset(size_t i)
{
	struct world_card *c = &world.cards[i];

	c->resets++;
	c->selected = false;
	c->verified = c->verified && c->keeps_verified;
}

static inline void world_others_reset(size_t i)
{
	world_reset(i);
	world.was_reset[i] = true;
}

static inline void world_insert(size_t i, uint8_t guid)
{
	world.cards[i] = (struct world_card){ .present = true, .event = world.cards[i].event + 1,
					      .guid = guid, .cert = 0xC1, .tries = 3 };
}

static inline void world_remove(size_t i)
{
	world.cards[i].present = false;
	world.cards[i].event++;
}

static inline enum io world_open(void *state)
{
	enum io io;

	(void)state;
	return world_fails(&io) ? io : IO_OK;
}

static inline void world_close(void *state)
{
	(void)state;
}

static inline enum io world_list(void *state, struct transport_reader *ret, size_t *n)
{
	enum io io;

	(void)state;
	if (world_fails(&io))
		return io;
	for (size_t i = 0; i < world.n_readers; i++) {
		ret[i] = (struct transport_reader){ .name = "reader 0", .present = world.cards[i].present,
						    .event = world.cards[i].event, .atr_len = 2,
						    .atr = { 0x3B, 0x80 } };
		ret[i].name[7] = (char)('0' + i);
	}
	*n = world.n_readers;
	return IO_OK;
}

static inline enum io world_wait(void *state, int ms)
{
	enum io io;

	(void)state;
	(void)ms;
	world.waits++;
	if (world.on_wait)
		world.on_wait(&world);
	return world_fails(&io) ? io : IO_OK;
}

static inline enum io world_connect(void *state, const char *reader, bool alone,
				    struct transport_card *ret)
{
	size_t i = (size_t)(reader[7] - '0');
	enum io io;

	(void)state;
	assert_true(world.locked);
	assert_false(world.connected[i]);
	if (world_fails(&io))
		return io;
	if (!world.cards[i].present)
		return IO_REMOVED;
	if (world.held && world.held--)
		return IO_BUSY;
	if (alone && world.others[i])
		return IO_BUSY;
	world.alone[i] = alone;
	world.connected[i] = true;
	world.was_reset[i] = false;
	world.seen_event[i] = world.cards[i].event;
	ret->handle = (long)i + 1;
	ret->alone = alone;
	return IO_OK;
}

/* What pcscd says of a connection before it does anything. */
static inline enum io world_state(size_t i)
{
	assert_true(world.connected[i]);
	if (!world.cards[i].present || world.seen_event[i] != world.cards[i].event)
		return IO_REMOVED;
	return world.was_reset[i] ? IO_RESET : IO_OK;
}

static inline enum io world_reconnect(void *state, struct transport_card *card, bool reset)
{
	size_t i = (size_t)card->handle - 1;
	enum io io;

	(void)state;
	if (world_fails(&io))
		return io;
	io = world_state(i);
	if (io != IO_OK && io != IO_RESET)
		return io;
	assert_int_equal(card->alone, world.alone[i]);
	world.was_reset[i] = false;
	if (reset)
		world_reset(i);
	return IO_OK;
}

static inline enum io world_begin(void *state, const struct transport_card *card)
{
	size_t i = (size_t)card->handle - 1;
	enum io io;

	(void)state;
	assert_true(world.locked);
	assert_false(world.in_transaction[i]);
	if (world_fails(&io))
		return io;
	io = world_state(i);
	world.in_transaction[i] = io == IO_OK;
	return io;
}

static inline enum io world_end(void *state, const struct transport_card *card, bool reset)
{
	size_t i = (size_t)card->handle - 1;
	enum io io;

	(void)state;
	assert_true(world.in_transaction[i]);
	if (world_fails(&io))
		return io;
	io = world_state(i);
	if (io != IO_OK)
		return io;
	world.in_transaction[i] = false;
	if (reset)
		world_others_reset(i);
	if (world.on_end)
		world.on_end(&world, i);
	return IO_OK;
}

/* A connection ends whatever pcscd says about it; with it a transaction. */
static inline enum io world_disconnect(void *state, const struct transport_card *card, bool reset)
{
	size_t i = (size_t)card->handle - 1;
	enum io io;

	(void)state;
	assert_true(world.connected[i]);
	world.connected[i] = false;
	world.in_transaction[i] = false;
	if (world_fails(&io))
		return io;
	if (reset && world.cards[i].present)
		world_reset(i);
	return IO_OK;
}

static inline size_t world_sw(uint8_t *response, size_t len, unsigned sw)
{
	response[len] = (uint8_t)(sw >> 8);
	response[len + 1] = (uint8_t)sw;
	return len + 2;
}

static inline size_t world_get_data(const struct world_card *c, uint8_t tag, uint8_t *r)
{
	if (tag == 0x02 && c->guid) {
		memcpy(r, "\x53\x12\x34\x10", 4);
		memset(r + 4, c->guid, 16);
		return world_sw(r, 20, 0x9000);
	}
	if (tag == 0x05 && c->cert) {
		memcpy(r, "\x53\x66\x70\x64", 4);
		memset(r + 4, c->cert, 100);
		return world_sw(r, 104, 0x9000);
	}
	return world_sw(r, 0, 0x6A82);
}

static inline size_t world_verify(struct world_card *c, const uint8_t *cmd, size_t len, uint8_t *r)
{
	c->queries += len == 4;
	if (len == 4 && c->verified)
		return world_sw(r, 0, 0x9000);
	if (len == 4)
		return world_sw(r, 0, c->tries < 0 ? 0x6700 : 0x63C0 | (unsigned)c->tries);
	c->verifies++;
	c->before_verify = c->queries;
	c->alone_at_verify = world.alone[c - world.cards];
	c->verified = memcmp(cmd + 5, "123456\xFF\xFF", 8) == 0 && c->tries != 0;
	if (!c->verified && c->tries > 0)
		c->tries--;
	return world_sw(r, 0, c->verified ? 0x9000 : 0x63C0 | (unsigned)(c->tries < 0 ? 2 : c->tries));
}

static inline size_t world_answer(struct world_card *c, const uint8_t *cmd, size_t len, uint8_t *r)
{
	if (cmd[1] == 0xA4) {
		c->selected = true;
		return world_sw(r, 0, 0x9000);
	}
	if (!c->selected)
		return world_sw(r, 0, 0x6986);
	switch (cmd[1]) {
	case 0xCB:
		return world_get_data(c, cmd[9], r);
	case 0x20:
		return world_verify(c, cmd, len, r);
	case 0x87:
		if (!c->verified && !c->pinless)
			return world_sw(r, 0, 0x6982);
		memcpy(r, "\x7C\x0A\x82\x08\x30\x06\x02\x01\x01\x02\x01\x01", 12);
		return world_sw(r, 12, 0x9000);
	default:
		return world_sw(r, 0, 0x6D00);
	}
}

static inline enum io world_transmit(void *state, const struct transport_card *card,
				     const uint8_t *command, size_t command_len, uint8_t *response,
				     size_t *len)
{
	size_t i = (size_t)card->handle - 1;
	enum io io;

	(void)state;
	assert_true(world.in_transaction[i] && world.locked);
	if (world_fails(&io))
		return io;
	io = world_state(i);
	if (io != IO_OK)
		return io;
	world.cards[i].apdus++;
	*len = world_answer(&world.cards[i], command, command_len, response);
	return IO_OK;
}

static inline enum err world_lock(const char *reader)
{
	(void)reader;
	assert_false(world.locked);
	world.locked = true;
	return ERR_OK;
}

static inline void world_unlock(void)
{
	assert_true(world.locked);
	world.locked = false;
}

static inline void world_phase(enum card_phase phase)
{
	(void)phase;
}

static const struct card_host world_host = {
	.lock = world_lock, .unlock = world_unlock, .phase = world_phase
};

static const struct transport world_transport = {
	.open = world_open, .close = world_close, .list = world_list, .wait = world_wait,
	.connect = world_connect, .reconnect = world_reconnect, .begin = world_begin, .end = world_end,
	.disconnect = world_disconnect, .transmit = world_transmit,
};

#endif
