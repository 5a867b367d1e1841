/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define HEADER_LEN 8
static const unsigned char magic[4] = { 'C', 'M', 'F', 'A' };

void wire_wipe(struct wire_buf *b)
{
	wipe(b, sizeof(*b));
}

static void put(struct wire_buf *b, const void *p, size_t len)
{
	if (b->bad || len > sizeof(b->bytes) - b->len) {
		b->bad = true;
		return;
	}
	if (len)
		memcpy(b->bytes + b->len, p, len);
	b->len += len;
}

static void put_u16(struct wire_buf *b, unsigned v)
{
	const unsigned char raw[2] = { (unsigned char)(v >> 8), (unsigned char)v };

	put(b, raw, sizeof(raw));
}

void wire_start(struct wire_buf *b, enum wire_type type)
{
	b->len = b->at = 0;
	b->bad = false;
	put(b, magic, sizeof(magic));
	put_u16(b, WIRE_VERSION);
	put_u16(b, type);
}

void wire_put_u8(struct wire_buf *b, uint8_t v)
{
	put(b, &v, 1);
}

void wire_put_u32(struct wire_buf *b, uint32_t v)
{
	put_u16(b, v >> 16);
	put_u16(b, v & 0xFFFF);
}

void wire_put_i64(struct wire_buf *b, int64_t v)
{
	wire_put_u32(b, (uint32_t)((uint64_t)v >> 32));
	wire_put_u32(b, (uint32_t)v);
}

void wire_put_bytes(struct wire_buf *b, const void *p, size_t len)
{
	if (len > WIRE_MAX) {
		b->bad = true;
		return;
	}
	wire_put_u32(b, (uint32_t)len);
	put(b, p, len);
}

void wire_put_text(struct wire_buf *b, const char *s)
{
	wire_put_bytes(b, s ? s : "", s ? strlen(s) : 0);
}

/* NULL when fewer than len bytes are left: nothing is read past the end. */
static const unsigned char *take(struct wire_buf *b, size_t len)
{
	const unsigned char *p = b->bytes + b->at;

	if (b->bad || len > b->len - b->at) {
		b->bad = true;
		return NULL;
	}
	b->at += len;
	return p;
}

static unsigned get_u16(struct wire_buf *b)
{
	const unsigned char *p = take(b, 2);

	return p ? (unsigned)(p[0] << 8 | p[1]) : 0;
}

enum err wire_open(struct wire_buf *b, unsigned *version, enum wire_type *type)
{
	const unsigned char *p;
	unsigned v, t;

	b->at = 0;
	b->bad = b->len > WIRE_MAX || b->len < HEADER_LEN;
	p = take(b, sizeof(magic));
	v = get_u16(b);
	t = get_u16(b);
	if (b->bad || memcmp(p, magic, sizeof(magic)) || v < WIRE_VERSION_OLDEST || v > WIRE_VERSION)
		return ERR_PROTOCOL;
	*version = v;
	*type = (enum wire_type)t;
	return ERR_OK;
}

uint8_t wire_get_u8(struct wire_buf *b)
{
	const unsigned char *p = take(b, 1);

	return p ? p[0] : 0;
}

bool wire_get_bool(struct wire_buf *b)
{
	uint8_t v = wire_get_u8(b);

	if (v > 1)
		b->bad = true;
	return v == 1;
}

uint32_t wire_get_u32(struct wire_buf *b)
{
	uint32_t high = get_u16(b);

	return high << 16 | get_u16(b);
}

int64_t wire_get_i64(struct wire_buf *b)
{
	uint64_t high = wire_get_u32(b);

	return (int64_t)(high << 32 | wire_get_u32(b));
}

void wire_get_bytes(struct wire_buf *b, void *dst, size_t max, size_t *len)
{
	uint32_t n = wire_get_u32(b);
	const unsigned char *p;

	*len = 0;
	if (n > max)
		b->bad = true;
	p = take(b, n);
	if (!p)
		return;
	memcpy(dst, p, n);
	*len = n;
}

void wire_get_text(struct wire_buf *b, char *dst, size_t size)
{
	size_t len;

	wire_get_bytes(b, dst, size - 1, &len);
	if (memchr(dst, '\0', len))
		b->bad = true;
	dst[b->bad ? 0 : len] = '\0';
}

void wire_get_secret(struct wire_buf *b, struct secret *ret)
{
	wire_get_bytes(b, ret->bytes, SECRET_MAX, &ret->len);
}

enum err wire_end(const struct wire_buf *b)
{
	return !b->bad && b->at == b->len ? ERR_OK : ERR_PROTOCOL;
}

static enum err wait_for(int sock, short what, int64_t deadline)
{
	struct pollfd p = { .fd = sock, .events = what };

	for (;;) {
		int left = deadline_left(deadline), n = poll(&p, 1, left);

		if (n > 0)
			return ERR_OK;
		if (n == 0 && deadline_left(deadline) == 0)
			return ERR_TIMEOUT;
		if (n < 0 && errno != EINTR)
			return ERR_UNAVAILABLE;
	}
}

enum err wire_send(int sock, const struct wire_buf *b, int fd, int64_t deadline)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_len = b->len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (b->bad || b->len < HEADER_LEN)
		return ERR_PROTOCOL;
	memcpy(&iov.iov_base, &(const void *){ b->bytes }, sizeof(iov.iov_base));
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	for (;;) {
		ssize_t n = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == (ssize_t)b->len)
			return ERR_OK;
		if (n >= 0 || errno == EMSGSIZE)
			return ERR_PROTOCOL;
		if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
			return ERR_UNAVAILABLE;
		enum err e = wait_for(sock, POLLOUT, deadline);

		if (e != ERR_OK)
			return e;
	}
}

/* Closes what it does not hand out. -1: none came; -2: more than one, or below 3. */
static int received_fd(struct msghdr *m)
{
	int found = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (found >= 0 || fd < 3) {
				close(fd);
				found = found >= 0 ? found : -2;
			} else {
				found = fd;
			}
		}
	}
	return found;
}

enum err wire_recv(int sock, struct wire_buf *b, int *ret_fd, int64_t deadline)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = b->bytes, .iov_len = sizeof(b->bytes) };
	ssize_t n;
	int fd;

	b->len = b->at = 0;
	b->bad = false;
	for (;;) {
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = &control, .msg_controllen = sizeof(control.room),
		};

		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n >= 0) {
			fd = received_fd(&m);
			if (n == 0)
				break;
			if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || fd == -2 || (fd >= 0 && !ret_fd)) {
				if (fd >= 0)
					close(fd);
				return ERR_PROTOCOL;
			}
			break;
		}
		if (errno != EAGAIN && errno != EINTR)
			return ERR_UNAVAILABLE;
		enum err e = wait_for(sock, POLLIN, deadline);

		if (e != ERR_OK)
			return e;
	}
	if (n == 0) {
		if (fd >= 0)
			close(fd);
		return ERR_UNAVAILABLE;
	}
	b->len = (size_t)n;
	if (ret_fd)
		*ret_fd = fd;
	return ERR_OK;
}

enum err wire_recv_type(int sock, struct wire_buf *b, enum wire_type type, int *ret_fd, int64_t deadline)
{
	enum wire_type got;
	unsigned version;
	int fd = -1;
	enum err e = wire_recv(sock, b, ret_fd ? &fd : NULL, deadline);

	if (e != ERR_OK)
		return e;
	if (wire_open(b, &version, &got) != ERR_OK || got != type) {
		if (fd >= 0)
			close(fd);
		return ERR_PROTOCOL;
	}
	if (ret_fd)
		*ret_fd = fd;
	return ERR_OK;
}
