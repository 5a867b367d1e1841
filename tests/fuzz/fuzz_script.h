/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card that answers from the input. Each answer is a byte that says what comes, and what comes:
 *   00..EF  so many bytes of data (in 00..7F), then a status word of two bytes
 *   F0..F5  a failure of the transport (IO_RESET ... IO_SERVICE)
 *   F6      u16: an answer of so many bytes, any length, all A5
 *   F7 ...  256 bytes of data and a status word of two bytes
 * At the end of the input the card is gone.
 */
#ifndef CARDMFA_FUZZ_SCRIPT_H
#define CARDMFA_FUZZ_SCRIPT_H

#include "../../lib/card/apdu.h"
#include "../../lib/card/transport.h"
#include "clock.h"
#include "fuzz.h"

struct script {
	struct input *in;
	size_t sent;            /* all commands */
	size_t verifies;        /* VERIFY with data */
	bool chained;           /* the last one was not the last of its chain */
	uint8_t ins;
};

/* Short APDUs, ISO 7816-4 5.1: cases 1 to 4, chained parts with data only. */
static inline void check_command(struct script *s, const uint8_t *c, size_t len)
{
	bool chained = c[0] == 0x10;

	must(len >= 4 && len <= 261);
	must(c[0] == 0x00 || chained);
	must(len <= 5 || (c[4] > 0 && (len == 5u + c[4] || len == 6u + c[4])));
	must(!chained || (len == 5u + c[4] && c[4] == 255));
	must(!s->chained || c[1] == s->ins || c[1] == 0xC0);
	s->chained = chained;
	s->ins = c[1];
	s->sent++;
	s->verifies += c[1] == 0x20 && len > 5;
}

static inline size_t answer_data(struct script *s, uint8_t kind, uint8_t *response)
{
	struct input part = take_part(s->in, kind >= 0xF7 ? 256 : kind & 0x7F);
	size_t n = part.len;

	if (n)
		memcpy(response, part.p, n);
	if (kind >= 0xF7)
		memset(response + n, 0xA5, 256 - n);
	n = kind >= 0xF7 ? 256 : n;
	response[n] = take_u8(s->in);
	response[n + 1] = take_u8(s->in);
	return n + 2;
}

static inline enum io script_transmit(void *state, const struct transport_card *card,
				      const uint8_t *command, size_t command_len, uint8_t *response,
				      size_t *len)
{
	static const enum io failures[] = {
		IO_RESET, IO_STALE, IO_REMOVED, IO_BUSY, IO_CARD, IO_SERVICE
	};
	struct script *s = state;
	uint8_t kind;

	(void)card;
	must(*len >= TRANSPORT_RESPONSE_MAX);
	check_command(s, command, command_len);
	if (s->in->len == 0)
		return IO_REMOVED;
	kind = take_u8(s->in);
	if (kind >= 0xF0 && kind <= 0xF5)
		return failures[kind - 0xF0];
	if (kind == 0xF6) {
		memset(response, 0xA5, *len);
		*len = take_u16(s->in);
		return IO_OK;
	}
	*len = answer_data(s, kind, response);
	return IO_OK;
}

/* `t` and `s` must outlive the channel. */
static inline struct apdu_channel script_channel(struct transport *t, struct script *s)
{
	*t = (struct transport){ .state = s, .transmit = script_transmit };
	return (struct apdu_channel){ .transport = t, .deadline = deadline_in(60000) };
}

#endif
