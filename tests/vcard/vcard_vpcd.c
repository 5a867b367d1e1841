/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_vpcd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_MS 2000

/*
 * Without it the driver's small writes wait 40 ms for our delayed acknowledgement; the kernel
 * forgets the flag.
 */
static void ack_at_once(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 1 }, sizeof(int));
}

bool vlink_open(struct vlink *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
	int rc;

	if (inet_pton(AF_INET, l->host, &to.sin_addr) != 1)
		return false;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return false;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	rc = connect(l->fd, (const struct sockaddr *)&to, sizeof(to));
	l->up = !rc;
	if (rc && errno != EINPROGRESS) {
		vlink_close(l);
		return false;
	}
	return true;
}

bool vlink_finish(struct vlink *l)
{
	int error = 0;
	socklen_t len = sizeof(error);

	l->up = !getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error;
	if (l->up)
		ack_at_once(l->fd);
	return l->up;
}

void vlink_close(struct vlink *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->up = false;
	vbuf_clear(&l->in);
}

bool vlink_read(struct vlink *l)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = recv(l->fd, bytes, sizeof(bytes), 0)) > 0)
		vbuf_add(&l->in, bytes, (size_t)n);
	ack_at_once(l->fd);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

bool vlink_frame(struct vlink *l, struct vbuf *ret)
{
	size_t len;

	if (l->in.len < 2)
		return false;
	len = (size_t)(l->in.data[0] << 8 | l->in.data[1]);
	if (l->in.len < 2 + len)
		return false;
	vbuf_clear(ret);
	vbuf_add(ret, l->in.data + 2, len);
	vbuf_take(&l->in, 2 + len);
	return true;
}

bool vlink_send(struct vlink *l, const struct vbuf *payload)
{
	VBUF_AUTO out = { 0 };
	size_t done = 0;

	if (payload->len > 0xFFFF)
		return false;
	vbuf_byte(&out, (unsigned int)(payload->len >> 8));
	vbuf_byte(&out, (unsigned int)payload->len);
	vbuf_add(&out, payload->data, payload->len);
	while (done < out.len) {
		struct pollfd p = { .fd = l->fd, .events = POLLOUT };
		ssize_t n = send(l->fd, out.data + done, out.len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return false;
		else if (poll(&p, 1, SEND_MS) == 0)
			return false;
	}
	ack_at_once(l->fd);
	return true;
}
