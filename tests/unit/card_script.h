/* SPDX-License-Identifier: Apache-2.0 */
/* A transport that plays a script: what must be sent, and what comes back. */
#ifndef CARDMFA_CARD_SCRIPT_H
#define CARDMFA_CARD_SCRIPT_H

#include <stdlib.h>
#include <string.h>

#include "../../lib/card/apdu.h"
#include "../../lib/card/transport.h"
#include "clock.h"
#include "text.h"
#include "unit.h"

struct line {
	const char *command;    /* hex; NULL: any */
	const char *response;   /* hex with status word; NULL: io */
	enum io io;
	size_t fill;            /* bytes of A5 before the response */
};

struct script {
	const struct line *lines;
	size_t n, at;
	size_t sent;            /* all commands */
	bool forever;           /* the last line again and again */
};

static inline size_t script_hex(const char *hex, uint8_t *dst)
{
	size_t len = strlen(hex) / 2;

	assert_true(text_unhex(dst, len, hex));
	return len;
}

static inline enum io script_transmit(void *state, const struct transport_card *card,
				      const uint8_t *command, size_t command_len, uint8_t *response,
				      size_t *len)
{
	struct script *s = state;
	const struct line *l;
	char *hex = malloc(2 * command_len + 1);

	(void)card;
	s->sent++;
	assert_true(s->at < s->n);
	l = &s->lines[s->at];
	if (!s->forever || s->at + 1 < s->n)
		s->at++;
	assert_non_null(hex);
	text_hex(hex, command, command_len);
	if (l->command)
		assert_string_equal(hex, l->command);
	free(hex);
	assert_true(*len >= TRANSPORT_RESPONSE_MAX);
	if (!l->response)
		return l->io;
	assert_true(l->fill + strlen(l->response) / 2 <= *len);
	memset(response, 0xA5, l->fill);
	*len = l->fill + script_hex(l->response, response + l->fill);
	return IO_OK;
}

#define SCRIPT_OF(...) \
	((struct script){ .lines = (const struct line[]){ __VA_ARGS__ }, \
			  .n = sizeof((const struct line[]){ __VA_ARGS__ }) / sizeof(struct line) })

/* `t` and `s` must outlive the channel. */
static inline struct apdu_channel script_channel(struct transport *t, struct script *s)
{
	*t = (struct transport){ .state = s, .transmit = script_transmit };
	return (struct apdu_channel){ .transport = t, .deadline = deadline_in(10000) };
}

static inline void script_done(const struct script *s)
{
	assert_int_equal(s->forever ? s->n : s->at, s->n);
}

#endif
