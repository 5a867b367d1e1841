/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One packet a message, all numbers little-endian:
 *   request  'Q' VERSION op:1 wait_ms:4 want_cert:1 handle:1 key_ref:1 algorithm:1 floor:1 pin_mode:1
 *            pin_len:2 input_len:2 skip:string pin input
 *   answer   'A' VERSION op:1 result:2 sw:2 tries:1 handle:1 was_verified:1 has_guid:1 guid:16
 *            reader:string atr:1+n cert:2+n signature:2+n n_readers:1 (present:1 name:string)*
 *   string   length:1 bytes
 */
#include "card_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "text.h"

#define VERSION 1
#define PACKET_MAX (32 * 1024)

struct packet {
	uint8_t bytes[PACKET_MAX];
	size_t len, at;
	bool bad;               /* overrun or a value out of its range: sticky */
};

#define PACKET(name) struct packet name __attribute__((cleanup(packet_wipe))) = { .bytes = { 0 } }

static void packet_wipe(struct packet *p)
{
	wipe(p, sizeof(*p));
}

static void put(struct packet *p, const void *bytes, size_t len)
{
	if (p->bad || len > sizeof(p->bytes) - p->len) {
		p->bad = true;
		return;
	}
	if (len)
		memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

static void put_number(struct packet *p, uint32_t value, size_t width)
{
	uint8_t b[4];

	for (size_t i = 0; i < width; i++)
		b[i] = (uint8_t)(value >> 8 * i);
	put(p, b, width);
}

/* Bytes after their count; more than `max` can't be said. */
static void put_counted(struct packet *p, const void *bytes, size_t len, size_t max, size_t width)
{
	if (len > max)
		p->bad = true;
	put_number(p, (uint32_t)len, width);
	put(p, bytes, len);
}

static void put_name(struct packet *p, const char *name)
{
	put_counted(p, name, strnlen(name, CARD_READER_SIZE), CARD_READER_SIZE - 1, 1);
}

static void get(struct packet *p, void *dst, size_t len)
{
	if (p->bad || len > p->len - p->at) {
		p->bad = true;
		memset(dst, 0, len);
		return;
	}
	memcpy(dst, p->bytes + p->at, len);
	p->at += len;
}

static uint32_t get_number(struct packet *p, size_t width, uint32_t max)
{
	uint32_t value = 0;
	uint8_t b[4];

	get(p, b, width);
	for (size_t i = 0; i < width; i++)
		value |= (uint32_t)b[i] << 8 * i;
	if (value > max) {
		p->bad = true;
		return 0;
	}
	return value;
}

static void get_name(struct packet *p, char name[CARD_READER_SIZE])
{
	char bytes[CARD_READER_SIZE];
	size_t len = get_number(p, 1, CARD_READER_SIZE - 1);

	get(p, bytes, len);
	if (p->bad || !text_copy_n(name, CARD_READER_SIZE, bytes, len))
		p->bad = true;
}

/* A packet of this kind; the op is its third byte. */
static void put_head(struct packet *p, char kind, enum card_op op)
{
	put_number(p, (uint8_t)kind, 1);
	put_number(p, VERSION, 1);
	put_number(p, op, 1);
}

static enum card_op get_head(struct packet *p, char kind)
{
	uint32_t op;

	if (get_number(p, 1, 0xFF) != (uint8_t)kind || get_number(p, 1, 0xFF) != VERSION)
		p->bad = true;
	op = get_number(p, 1, CARD_OP_LIST);
	if (op < CARD_OP_NEXT)
		p->bad = true;
	return (enum card_op)op;
}

static enum err ready(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int n;

	while ((n = poll(&pfd, 1, deadline_left(deadline))) < 0 && errno == EINTR)
		;
	if (n < 0)
		return fail(ERR_SYSTEM, "card link: poll: %s", strerror(errno));
	return n == 0 ? ERR_TIMEOUT : ERR_OK;
}

static bool again(int error)
{
	return error == EAGAIN || error == EINTR;
}

static enum err send_packet(int fd, const struct packet *p, int64_t deadline)
{
	ssize_t n;
	enum err e;

	if (p->bad)
		return fail(ERR_INVALID, "card link: a value does not fit its message");
	for (;;) {
		n = send(fd, p->bytes, p->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			return (size_t)n == p->len ? ERR_OK : ERR_PROTOCOL;
		if (!again(errno))
			return ERR_UNAVAILABLE;
		e = ready(fd, POLLOUT, deadline);
		if (e != ERR_OK)
			return e;
	}
}

static enum err get_packet(int fd, struct packet *p, int64_t deadline)
{
	ssize_t n;
	enum err e;

	for (;;) {
		e = ready(fd, POLLIN, deadline);
		if (e != ERR_OK)
			return e;
		n = recv(fd, p->bytes, sizeof(p->bytes), MSG_DONTWAIT | MSG_TRUNC);
		if (n > (ssize_t)sizeof(p->bytes))
			return fail(ERR_PROTOCOL, "card link: message of %zd bytes", n);
		if (n > 0) {
			p->len = (size_t)n;
			return ERR_OK;
		}
		if (n == 0 || !again(errno))
			return ERR_UNAVAILABLE;
	}
}

static enum err finish(const struct packet *p, const char *what)
{
	if (p->bad || p->at != p->len)
		return fail(ERR_PROTOCOL, "card link: malformed %s", what);
	return ERR_OK;
}

enum err card_link_send_request(int fd, const struct card_request *r, int64_t deadline)
{
	PACKET(p);

	put_head(&p, 'Q', r->op);
	put_number(&p, r->wait_ms, 4);
	put_number(&p, r->want_cert, 1);
	put_number(&p, r->handle, 1);
	put_number(&p, r->key_ref, 1);
	put_number(&p, r->algorithm, 1);
	put_number(&p, r->floor, 1);
	put_number(&p, r->pin_mode, 1);
	put_number(&p, (uint32_t)r->pin.len, 2);
	put_number(&p, r->input_len, 2);
	put_name(&p, r->skip);
	if (r->pin.len > SECRET_MAX || r->input_len > sizeof(r->input))
		return fail(ERR_INVALID, "card link: PIN or input too long");
	put(&p, r->pin.bytes, r->pin.len);
	put(&p, r->input, r->input_len);
	return send_packet(fd, &p, deadline);
}

enum err card_link_get_request(int fd, struct card_request *ret, int64_t deadline)
{
	PACKET(p);
	struct card_request q = { 0 };
	enum err e = get_packet(fd, &p, deadline);

	if (e != ERR_OK)
		return e;
	q.op = get_head(&p, 'Q');
	q.wait_ms = get_number(&p, 4, UINT32_MAX);
	q.want_cert = get_number(&p, 1, 1);
	q.handle = (uint8_t)get_number(&p, 1, 0xFF);
	q.key_ref = (uint8_t)get_number(&p, 1, 0xFF);
	q.algorithm = (enum key_algorithm)get_number(&p, 1, KEY_P384);
	q.floor = (uint8_t)get_number(&p, 1, 0xFF);
	q.pin_mode = (enum card_pin_mode)get_number(&p, 1, CARD_PIN_PAD);
	q.pin.len = get_number(&p, 2, SECRET_MAX);
	q.input_len = (uint16_t)get_number(&p, 2, sizeof(q.input));
	get_name(&p, q.skip);
	get(&p, q.pin.bytes, q.pin.len);
	get(&p, q.input, q.input_len);
	e = finish(&p, "request");
	if (e == ERR_OK)
		*ret = q;
	wipe(&q, sizeof(q));
	return e;
}

enum err card_link_send_answer(int fd, const struct card_answer *a, int64_t deadline)
{
	PACKET(p);

	put_head(&p, 'A', a->op);
	put_number(&p, a->result, 2);
	put_number(&p, a->sw, 2);
	put_number(&p, (uint8_t)a->tries, 1);
	put_number(&p, a->handle, 1);
	put_number(&p, a->was_verified, 1);
	put_number(&p, a->has_guid, 1);
	put(&p, a->guid, sizeof(a->guid));
	put_name(&p, a->reader);
	put_counted(&p, a->atr, a->atr_len, sizeof(a->atr), 1);
	put_counted(&p, a->cert, a->cert_len, sizeof(a->cert), 2);
	put_counted(&p, a->signature, a->signature_len, sizeof(a->signature), 2);
	if (a->n_readers > CARD_READERS_MAX)
		return fail(ERR_INVALID, "card link: %d readers", a->n_readers);
	put_number(&p, a->n_readers, 1);
	for (size_t i = 0; i < a->n_readers; i++) {
		put_number(&p, a->readers[i].present, 1);
		put_name(&p, a->readers[i].name);
	}
	return send_packet(fd, &p, deadline);
}

static void get_answer(struct packet *p, struct card_answer *a)
{
	uint32_t number;

	a->op = get_head(p, 'A');
	number = get_number(p, 2, 0xFFFF);
	a->result = err_from_number(number);
	if ((uint32_t)a->result != number)
		p->bad = true;
	a->sw = (uint16_t)get_number(p, 2, 0xFFFF);
	a->tries = (int8_t)get_number(p, 1, 0xFF);
	if (a->tries < CARD_TRIES_UNKNOWN)
		p->bad = true;
	a->handle = (uint8_t)get_number(p, 1, 0xFF);
	a->was_verified = get_number(p, 1, 1);
	a->has_guid = get_number(p, 1, 1);
	get(p, a->guid, sizeof(a->guid));
	get_name(p, a->reader);
	a->atr_len = (uint8_t)get_number(p, 1, sizeof(a->atr));
	get(p, a->atr, a->atr_len);
	a->cert_len = (uint16_t)get_number(p, 2, sizeof(a->cert));
	get(p, a->cert, a->cert_len);
	a->signature_len = (uint16_t)get_number(p, 2, sizeof(a->signature));
	get(p, a->signature, a->signature_len);
	a->n_readers = (uint8_t)get_number(p, 1, CARD_READERS_MAX);
	for (size_t i = 0; i < a->n_readers; i++) {
		a->readers[i].present = get_number(p, 1, 1);
		get_name(p, a->readers[i].name);
	}
}

enum err card_link_get_answer(int fd, struct card_answer *ret, int64_t deadline)
{
	PACKET(p);
	struct card_answer a = { 0 };
	enum err e = get_packet(fd, &p, deadline);

	if (e != ERR_OK)
		return e;
	get_answer(&p, &a);
	e = finish(&p, "answer");
	if (e == ERR_OK)
		*ret = a;
	return e;
}
