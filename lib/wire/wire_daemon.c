/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between the listener and a worker. */
#include "wire.h"

void wire_put_peer(struct wire_buf *b, const struct wire_peer *p)
{
	wire_start(b, WIRE_PEER);
	wire_put_u8(b, p->root_socket);
	wire_put_i64(b, p->pid);
	wire_put_i64(b, p->start);
	wire_put_i64(b, p->parent);
	wire_put_i64(b, p->parent_start);
	wire_put_i64(b, p->ruid);
	wire_put_i64(b, p->euid);
	wire_put_i64(b, p->loginuid);
	wire_put_i64(b, p->audit_session);
	wire_put_text(b, p->exe);
	wire_put_text(b, p->cgroup);
	wire_put_u8(b, p->config_fallback);
}

enum err wire_get_peer(struct wire_buf *b, struct wire_peer *ret)
{
	struct wire_peer p;

	p.root_socket = wire_get_bool(b);
	p.pid = wire_get_i64(b);
	p.start = wire_get_i64(b);
	p.parent = wire_get_i64(b);
	p.parent_start = wire_get_i64(b);
	p.ruid = wire_get_i64(b);
	p.euid = wire_get_i64(b);
	p.loginuid = wire_get_i64(b);
	p.audit_session = wire_get_i64(b);
	wire_get_text(b, p.exe, sizeof(p.exe));
	wire_get_text(b, p.cgroup, sizeof(p.cgroup));
	p.config_fallback = wire_get_bool(b);
	if (wire_end(b) != ERR_OK)
		return ERR_PROTOCOL;
	*ret = p;
	return ERR_OK;
}

void wire_put_ask(struct wire_buf *b, enum wire_ask what, int64_t group)
{
	wire_start(b, WIRE_ASK);
	wire_put_u8(b, (uint8_t)what);
	wire_put_i64(b, group);
}

enum err wire_get_ask(struct wire_buf *b, enum wire_ask *what, int64_t *group)
{
	uint8_t w = wire_get_u8(b);
	int64_t g = wire_get_i64(b);

	if (wire_end(b) != ERR_OK || w < WIRE_ASK_CARD || w > WIRE_ASK_HASH_DONE)
		return ERR_PROTOCOL;
	*what = (enum wire_ask)w;
	*group = g;
	return ERR_OK;
}

void wire_put_judged(struct wire_buf *b, int64_t keys_uid)
{
	wire_start(b, WIRE_JUDGED);
	wire_put_i64(b, keys_uid);
}

enum err wire_get_judged(struct wire_buf *b, int64_t *keys_uid)
{
	int64_t uid = wire_get_i64(b);

	if (wire_end(b) != ERR_OK || uid < -1 || uid >= UINT32_MAX)
		return ERR_PROTOCOL;
	*keys_uid = uid;
	return ERR_OK;
}

void wire_put_given(struct wire_buf *b, enum err result)
{
	wire_start(b, WIRE_GIVEN);
	wire_put_u32(b, (uint32_t)result);
}

enum err wire_get_given(struct wire_buf *b, enum err *ret)
{
	uint32_t number = wire_get_u32(b);
	enum err result = err_from_number(number);

	if (wire_end(b) != ERR_OK || (uint32_t)result != number)
		return ERR_PROTOCOL;
	*ret = result;
	return ERR_OK;
}
