/* SPDX-License-Identifier: Apache-2.0 */
#include "apdu.h"

#include <string.h>

#include "clock.h"
#include "secret.h"

#define HEADER 4
#define LC_MAX 255
#define CLA_CHAIN 0x10
#define INS_GET_RESPONSE 0xC0

struct response {
	uint8_t bytes[TRANSPORT_RESPONSE_MAX];
	size_t len;             /* without the status word */
};

static const enum err io_errs[] = {
	[IO_OK] = ERR_OK,
	[IO_RESET] = ERR_CARD_FAILED,
	[IO_STALE] = ERR_CARD_FAILED,
	[IO_REMOVED] = ERR_CARD_REMOVED,
	[IO_BUSY] = ERR_BUSY,
	[IO_CARD] = ERR_CARD_FAILED,
	[IO_SERVICE] = ERR_PCSC,
};

enum err apdu_io_err(enum io io)
{
	return io_errs[io];
}

static enum err transmit(struct apdu_channel *ch, const uint8_t *cmd, size_t len,
			 struct response *r)
{
	const struct transport *t = ch->transport;
	size_t got = sizeof(r->bytes);

	ch->sw = 0;
	if (deadline_left(ch->deadline) == 0)
		return fail(ERR_TIMEOUT, "card: too slow, INS %02X not sent", cmd[1]);
	if (ch->leaving && ch->leaving())
		return fail(ERR_TIMEOUT, "card: told to end, INS %02X not sent", cmd[1]);
	ch->io = t->transmit(t->state, &ch->card, cmd, len, r->bytes, &got);
	if (ch->io != IO_OK)
		return fail(apdu_io_err(ch->io), "card: no answer to INS %02X", cmd[1]);
	if (got < 2 || got > sizeof(r->bytes)) {
		ch->io = IO_CARD;
		return fail(ERR_CARD_FAILED, "card: answer of %zu bytes to INS %02X", got, cmd[1]);
	}
	r->len = got - 2;
	ch->sw = (uint16_t)(r->bytes[got - 2] << 8 | r->bytes[got - 1]);
	return ERR_OK;
}

static enum err append(struct apdu_answer *a, const struct response *r)
{
	if (r->len == 0)
		return ERR_OK;
	if (!a || r->len > a->size - a->len)
		return fail(ERR_CARD_FAILED, "card: more data than this command can bring");
	memcpy(a->bytes + a->len, r->bytes, r->len);
	a->len += r->len;
	return ERR_OK;
}

/* Sends a command that ends in Le; 6CXX is obeyed once. */
static enum err transmit_le(struct apdu_channel *ch, uint8_t *cmd, size_t len, struct response *r)
{
	enum err e = transmit(ch, cmd, len, r);

	if (e != ERR_OK || ch->sw >> 8 != 0x6C)
		return e;
	cmd[len - 1] = (uint8_t)ch->sw;
	return transmit(ch, cmd, len, r);
}

/*
 * A card may answer in parts smaller than 256 bytes, but each GET RESPONSE must bring something:
 * so the size of the answer bounds the rounds too.
 */
static enum err collect(struct apdu_channel *ch, struct apdu_answer *a, struct response *r)
{
	size_t rounds = a ? 8 + a->size / 64 : 0;
	enum err e = append(a, r);

	while (e == ERR_OK && ch->sw >> 8 == 0x61) {
		uint8_t cmd[] = { 0x00, INS_GET_RESPONSE, 0x00, 0x00, (uint8_t)ch->sw };

		if (rounds-- == 0)
			return fail(ERR_CARD_FAILED, "card: too many parts");
		e = transmit_le(ch, cmd, sizeof(cmd), r);
		if (e != ERR_OK)
			return e;
		if (r->len == 0 && ch->sw >> 8 == 0x61)
			return fail(ERR_CARD_FAILED, "card: promises data and sends none");
		e = append(a, r);
	}
	return e;
}

/* The parts before the last: 9000 or the chain is over. */
static enum err send_chain(struct apdu_channel *ch, const struct apdu *cmd, size_t *sent)
{
	struct response r;

	for (*sent = 0; cmd->len - *sent > LC_MAX; *sent += LC_MAX) {
		uint8_t part[HEADER + 1 + LC_MAX] = {
			CLA_CHAIN, cmd->ins, cmd->p1, cmd->p2, LC_MAX
		};
		enum err e;

		memcpy(part + HEADER + 1, cmd->data + *sent, LC_MAX);
		e = transmit(ch, part, sizeof(part), &r);
		wipe(part, sizeof(part));
		if (e != ERR_OK)
			return e;
		if (ch->sw == SW_OK && r.len > 0)
			return fail(ERR_CARD_FAILED, "card: data in the middle of a chain");
		if (ch->sw != SW_OK)
			return ERR_OK;
	}
	return ERR_OK;
}

static enum err send_last(struct apdu_channel *ch, const struct apdu *cmd, size_t sent,
			  struct apdu_answer *a)
{
	uint8_t last[HEADER + 1 + LC_MAX + 1] = { 0x00, cmd->ins, cmd->p1, cmd->p2 };
	size_t rest = cmd->len - sent, n = HEADER;
	struct response r;
	enum err e;

	if (rest > 0) {
		last[n++] = (uint8_t)rest;
		memcpy(last + n, cmd->data + sent, rest);
		n += rest;
	}
	if (cmd->le)
		last[n++] = 0x00;
	e = cmd->le ? transmit_le(ch, last, n, &r) : transmit(ch, last, n, &r);
	wipe(last, sizeof(last));
	if (e != ERR_OK)
		return e;
	return cmd->le ? collect(ch, a, &r) : append(a, &r);
}

enum err apdu_exchange(struct apdu_channel *ch, const struct apdu *cmd, struct apdu_answer *a)
{
	size_t sent = 0;
	enum err e;

	ch->io = IO_OK;
	ch->sw = 0;
	if (a)
		a->len = 0;
	if (cmd->len > APDU_DATA_MAX)
		return fail(ERR_INVALID, "APDU: %zu bytes of data", cmd->len);
	e = send_chain(ch, cmd, &sent);
	if (e == ERR_OK && (cmd->len <= LC_MAX || ch->sw == SW_OK))
		e = send_last(ch, cmd, sent, a);
	if (a && (e != ERR_OK || ch->sw != SW_OK))
		a->len = 0;
	return e;
}
