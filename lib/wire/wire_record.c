/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker tells: one shape for each kind of record, each field within its bounds or the whole message is refused. A reader
 * may show what came through; nothing of it decides.
 */
#include "wire.h"

#include <string.h>

/* -- fields with a bound -- */

static void get_time(struct wire_buf *b, int64_t *ret)
{
	*ret = wire_get_i64(b);
	if (*ret < -1)
		b->bad = true;
}

static void get_number(struct wire_buf *b, int64_t *ret)
{
	*ret = wire_get_i64(b);
	if (*ret < 0)
		b->bad = true;
}

/* A word of ours: "active", "PIN_WRONG", "card-revoke"; not empty. */
static void get_word(struct wire_buf *b, char *dst, size_t size)
{
	static const char made_of[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	wire_get_text(b, dst, size);
	if (!dst[0] || dst[strspn(dst, made_of)])
		b->bad = true;
}

/* Nothing in it can end the line, or the word, that it is printed in. */
static void get_visible(struct wire_buf *b, char *dst, size_t size)
{
	wire_get_text(b, dst, size);
	for (const char *c = dst; *c; c++)
		if (*c < '!' || *c > '~')
			b->bad = true;
}

/* All of it or nothing. */
static void get_guid(struct wire_buf *b, unsigned char *dst, size_t size, size_t *len)
{
	wire_get_bytes(b, dst, size, len);
	if (*len && *len != size)
		b->bad = true;
}

/* -- one kind each -- */

static void put_person(struct wire_buf *b, const struct wire_record *r)
{
	const struct wire_person *p = &r->person;

	wire_put_text(b, p->login);
	wire_put_text(b, p->state);
	wire_put_i64(b, p->app_at);
	wire_put_i64(b, p->password_at);
	wire_put_i64(b, p->last_at);
	wire_put_text(b, p->last_from);
	wire_put_i64(b, p->failures);
	wire_put_i64(b, p->failure_at);
	wire_put_text(b, p->failure_from);
}

static void get_person(struct wire_buf *b, struct wire_record *r)
{
	struct wire_person *p = &r->person;

	wire_get_text(b, p->login, sizeof(p->login));
	get_word(b, p->state, sizeof(p->state));
	get_time(b, &p->app_at);
	get_time(b, &p->password_at);
	get_time(b, &p->last_at);
	wire_get_text(b, p->last_from, sizeof(p->last_from));
	get_number(b, &p->failures);
	get_time(b, &p->failure_at);
	wire_get_text(b, p->failure_from, sizeof(p->failure_from));
	if (!p->login[0])
		b->bad = true;
}

static void put_card(struct wire_buf *b, const struct wire_record *r)
{
	const struct wire_card *c = &r->card;

	wire_put_text(b, c->id);
	wire_put_text(b, c->label);
	wire_put_text(b, c->state);
	wire_put_i64(b, c->not_after);
	wire_put_i64(b, c->last_used_at);
	wire_put_text(b, c->usable);
	wire_put_bytes(b, c->guid, c->guid_len);
}

static void get_card(struct wire_buf *b, struct wire_record *r)
{
	struct wire_card *c = &r->card;

	get_word(b, c->id, sizeof(c->id));
	wire_get_text(b, c->label, sizeof(c->label));
	get_word(b, c->state, sizeof(c->state));
	get_time(b, &c->not_after);
	get_time(b, &c->last_used_at);
	get_word(b, c->usable, sizeof(c->usable));
	get_guid(b, c->guid, sizeof(c->guid), &c->guid_len);
}

static void put_count(struct wire_buf *b, const struct wire_record *r)
{
	wire_put_text(b, r->count.origin);
	wire_put_i64(b, r->count.failed);
	wire_put_i64(b, r->count.last_at);
	wire_put_i64(b, r->count.locked_until);
}

static void get_count(struct wire_buf *b, struct wire_record *r)
{
	wire_get_text(b, r->count.origin, sizeof(r->count.origin));
	get_number(b, &r->count.failed);
	get_time(b, &r->count.last_at);
	get_time(b, &r->count.locked_until);
	if (!r->count.origin[0])
		b->bad = true;
}

static void put_place(struct wire_buf *b, const struct wire_record *r)
{
	wire_put_u8(b, r->place.remote);
	wire_put_u8(b, r->place.fallback);
	wire_put_u8(b, r->place.full);
	wire_put_text(b, r->place.origin);
	wire_put_text(b, r->place.address);
}

static void get_place(struct wire_buf *b, struct wire_record *r)
{
	r->place.remote = wire_get_bool(b);
	r->place.fallback = wire_get_bool(b);
	r->place.full = wire_get_bool(b);
	wire_get_text(b, r->place.origin, sizeof(r->place.origin));
	wire_get_text(b, r->place.address, sizeof(r->place.address));
}

static void put_class(struct wire_buf *b, const struct wire_record *r)
{
	const struct wire_class *k = &r->class_of;

	wire_put_text(b, k->name);
	wire_put_u32(b, k->line);
	wire_put_u32(b, k->attempts);
	wire_put_i64(b, k->lock_s);
	wire_put_u8(b, k->stated);
	wire_put_u8(b, k->unmet);
	wire_put_u8(b, k->applies);
}

static void get_class(struct wire_buf *b, struct wire_record *r)
{
	struct wire_class *k = &r->class_of;

	get_word(b, k->name, sizeof(k->name));
	k->line = wire_get_u32(b);
	k->attempts = wire_get_u32(b);
	get_number(b, &k->lock_s);
	k->stated = wire_get_u8(b);
	k->unmet = wire_get_u8(b);
	k->applies = wire_get_bool(b);
	if (k->stated > WIRE_CONDITIONS || (k->unmet & ~k->stated) || k->applies != !k->unmet)
		b->bad = true;
}

static void put_way(struct wire_buf *b, const struct wire_record *r)
{
	wire_put_text(b, r->way.factors);
	wire_put_u8(b, (uint8_t)r->way.obstacle);
}

static void get_way(struct wire_buf *b, struct wire_record *r)
{
	uint8_t obstacle;

	wire_get_text(b, r->way.factors, sizeof(r->way.factors));
	obstacle = wire_get_u8(b);
	if (!r->way.factors[0] || obstacle > WIRE_WAY_NO_PASSWORD)
		b->bad = true;
	r->way.obstacle = (enum wire_obstacle)obstacle;
}

static void put_event(struct wire_buf *b, const struct wire_record *r)
{
	wire_put_i64(b, r->event.seq);
	wire_put_i64(b, r->event.at);
	wire_put_text(b, r->event.type);
	wire_put_text(b, r->event.result);
	wire_put_text(b, r->event.card);
	wire_put_text(b, r->event.service);
	wire_put_text(b, r->event.detail);
}

static void get_event(struct wire_buf *b, struct wire_record *r)
{
	get_number(b, &r->event.seq);
	get_time(b, &r->event.at);
	get_word(b, r->event.type, sizeof(r->event.type));
	get_word(b, r->event.result, sizeof(r->event.result));
	wire_get_text(b, r->event.card, sizeof(r->event.card));
	wire_get_text(b, r->event.service, sizeof(r->event.service));
	wire_get_text(b, r->event.detail, sizeof(r->event.detail));
}

static void put_key(struct wire_buf *b, const struct wire_record *r)
{
	wire_put_text(b, r->key.card);
	wire_put_text(b, r->key.options);
	wire_put_text(b, r->key.key);
}

/* "TYPE BASE64", each of them one word of its letters. */
static bool is_key(const char *s)
{
	static const char type[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	const size_t len = strspn(s, type);

	return len && s[len] == ' ' && s[len + 1] && !s[len + 1 + strspn(s + len + 1, base64)];
}

static void get_key(struct wire_buf *b, struct wire_record *r)
{
	get_word(b, r->key.card, sizeof(r->key.card));
	get_visible(b, r->key.options, sizeof(r->key.options));
	wire_get_text(b, r->key.key, sizeof(r->key.key));
	if (!is_key(r->key.key))
		b->bad = true;
}

static const struct {
	void (*put)(struct wire_buf *b, const struct wire_record *r);
	void (*get)(struct wire_buf *b, struct wire_record *r);
} kinds[] = {
	[WIRE_RECORD_PERSON] = { put_person, get_person },
	[WIRE_RECORD_CARD] = { put_card, get_card },
	[WIRE_RECORD_COUNT] = { put_count, get_count },
	[WIRE_RECORD_PLACE] = { put_place, get_place },
	[WIRE_RECORD_CLASS] = { put_class, get_class },
	[WIRE_RECORD_WAY] = { put_way, get_way },
	[WIRE_RECORD_EVENT] = { put_event, get_event },
	[WIRE_RECORD_KEY] = { put_key, get_key },
};

void wire_put_record(struct wire_buf *b, const struct wire_record *r)
{
	wire_start(b, WIRE_RECORD);
	wire_put_u8(b, (uint8_t)r->kind);
	if (r->kind >= WIRE_RECORD_PERSON && r->kind <= WIRE_RECORD_KEY)
		kinds[r->kind].put(b, r);
	else
		b->bad = true;
}

enum err wire_get_record(struct wire_buf *b, struct wire_record *ret)
{
	uint8_t kind = wire_get_u8(b);
	struct wire_record r;

	if (b->bad || kind < WIRE_RECORD_PERSON || kind > WIRE_RECORD_KEY)
		return ERR_PROTOCOL;
	memset(&r, 0, sizeof(r));
	r.kind = (enum wire_record_kind)kind;
	kinds[kind].get(b, &r);
	if (wire_end(b) != ERR_OK)
		return ERR_PROTOCOL;
	*ret = r;
	return ERR_OK;
}
