/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a host and its worker. */
#include "wire.h"

void wire_put_request(struct wire_buf *b, const struct wire_request *r)
{
	wire_start(b, WIRE_REQUEST);
	wire_put_u8(b, (uint8_t)r->op);
	wire_put_u32(b, r->flags);
	wire_put_text(b, r->service);
	wire_put_text(b, r->user);
	wire_put_text(b, r->rhost);
	wire_put_text(b, r->tty);
	wire_put_text(b, r->auth_info);
}

enum err wire_get_request(struct wire_buf *b, unsigned version, struct wire_request *ret)
{
	uint8_t op = wire_get_u8(b);
	struct wire_request r = { .op = (enum wire_op)op };

	(void)version;          /* one version so far */
	r.flags = wire_get_u32(b);
	wire_get_text(b, r.service, sizeof(r.service));
	wire_get_text(b, r.user, sizeof(r.user));
	wire_get_text(b, r.rhost, sizeof(r.rhost));
	wire_get_text(b, r.tty, sizeof(r.tty));
	wire_get_text(b, r.auth_info, sizeof(r.auth_info));
	if (wire_end(b) != ERR_OK || op < WIRE_AUTH || op > WIRE_SSH_STOPPED)
		return ERR_PROTOCOL;
	*ret = r;
	return ERR_OK;
}

void wire_put_ready(struct wire_buf *b, uint32_t silence_ms)
{
	wire_start(b, WIRE_READY);
	wire_put_u32(b, silence_ms);
}

enum err wire_get_ready(struct wire_buf *b, uint32_t *silence_ms)
{
	uint32_t ms = wire_get_u32(b);

	if (wire_end(b) != ERR_OK)
		return ERR_PROTOCOL;
	*silence_ms = ms > WIRE_SILENCE_MAX_MS ? WIRE_SILENCE_MAX_MS : ms;
	return ERR_OK;
}

void wire_put_message(struct wire_buf *b, const struct wire_message *m)
{
	wire_start(b, WIRE_MESSAGE);
	wire_put_u8(b, (uint8_t)m->style);
	wire_put_u32(b, m->number);
	wire_put_text(b, m->text);
}

enum err wire_get_message(struct wire_buf *b, struct wire_message *ret)
{
	uint8_t style = wire_get_u8(b);
	struct wire_message m = { .style = (enum wire_style)style };

	m.number = wire_get_u32(b);
	wire_get_text(b, m.text, sizeof(m.text));
	if (wire_end(b) != ERR_OK || style < WIRE_PROMPT_HIDDEN || style > WIRE_INFO)
		return ERR_PROTOCOL;
	*ret = m;
	return ERR_OK;
}

void wire_put_answer(struct wire_buf *b, const struct wire_answer *a)
{
	wire_start(b, WIRE_ANSWER);
	wire_put_u32(b, a->number);
	wire_put_u8(b, a->given);
	wire_put_bytes(b, a->text.bytes, a->given ? a->text.len : 0);
}

enum err wire_get_answer(struct wire_buf *b, struct wire_answer *ret)
{
	struct wire_answer a = { .number = wire_get_u32(b) };
	enum err e;

	a.given = wire_get_bool(b);
	wire_get_secret(b, &a.text);
	e = a.given || a.text.len == 0 ? wire_end(b) : ERR_PROTOCOL;
	if (e == ERR_OK)
		*ret = a;
	wipe(&a, sizeof(a));
	return e;
}

void wire_put_result(struct wire_buf *b, const struct wire_result *r)
{
	wire_start(b, WIRE_RESULT);
	wire_put_u32(b, r->verdict);
	wire_put_u32(b, (uint32_t)r->result);
	wire_put_u32(b, r->runtime_max_s);
}

enum err wire_get_result(struct wire_buf *b, struct wire_result *ret)
{
	uint32_t verdict = wire_get_u32(b), number = wire_get_u32(b), runtime = wire_get_u32(b);

	if (wire_end(b) != ERR_OK)
		return ERR_PROTOCOL;
	/* An allowance that carries a failure, or the reverse, is no message of ours. */
	if ((verdict == VERDICT_ALLOW) != (number == ERR_OK) ||
	    (verdict != VERDICT_ALLOW && verdict != VERDICT_DENY))
		return ERR_PROTOCOL;
	ret->verdict = verdict;
	ret->result = (enum err)number;
	ret->runtime_max_s = runtime;
	return ERR_OK;
}
