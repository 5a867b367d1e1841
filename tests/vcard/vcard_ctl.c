/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vcard_words.h"

#define LINE_MOST 131072
#define ARGS_MOST 16
#define TALK_MS 2000
#define TALK_WAIT_MS 60000		/* for a card that still makes its keys */

static bool address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return false;
	memcpy(ret->sun_path, path, strlen(path));
	return true;
}

bool vctl_open(struct vctl *c, const char *path)
{
	struct sockaddr_un at;

	c->fd = -1;
	for (size_t i = 0; i < VCTL_CLIENTS; i++)
		c->clients[i].fd = -1;
	if (!path)
		return true;
	if (!address(path, &at)) {
		fprintf(stderr, "vcard: %s: the path is too long for a socket\n", path);
		return false;
	}
	unlink(path);
	c->path = strdup(path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!c->path || c->fd < 0 || bind(c->fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    listen(c->fd, VCTL_CLIENTS)) {
		fprintf(stderr, "vcard: cannot listen on %s: %m\n", path);
		return false;
	}
	return true;
}

static void client_close(struct vctl_client *k)
{
	if (k->fd >= 0)
		close(k->fd);
	vbuf_free(&k->in);
	*k = (struct vctl_client){ .fd = -1 };
}

void vctl_close(struct vctl *c)
{
	for (size_t i = 0; i < VCTL_CLIENTS; i++)
		client_close(&c->clients[i]);
	if (c->fd >= 0)
		close(c->fd);
	if (c->path)
		unlink(c->path);
	free(c->path);
}

void vctl_poll(const struct vctl *c, struct pollfd *p, int64_t *until)
{
	p[0] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	for (size_t i = 0; i < VCTL_CLIENTS; i++) {
		p[1 + i] = (struct pollfd){ .fd = c->clients[i].fd, .events = POLLIN };
		if (c->clients[i].waits && c->clients[i].deadline < *until)
			*until = c->clients[i].deadline;
	}
}

static void client_answer(struct vctl_client *k, bool ok, const struct vbuf *text)
{
	VBUF_AUTO line = { 0 };
	size_t done = 0;

	vbuf_add(&line, ok ? "ok" : "err", ok ? 2 : 3);
	if (text->len)
		vbuf_byte(&line, ' ');
	vbuf_add(&line, text->data, text->len);
	vbuf_byte(&line, '\n');
	while (done < line.len) {
		struct pollfd p = { .fd = k->fd, .events = POLLOUT };
		ssize_t n = send(k->fd, line.data + done, line.len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if ((errno != EAGAIN && errno != EINTR) || poll(&p, 1, TALK_MS) == 0)
			return;
	}
}

static void client_line(struct vctl_client *k, char *text, struct vserver *s)
{
	VBUF_AUTO answer = { 0 };
	char *args[ARGS_MOST] = { 0 };
	char *save = NULL;
	bool ok;
	int n = 0;

	for (char *w = strtok_r(text, " \t\r", &save); w && n < ARGS_MOST;
	     w = strtok_r(NULL, " \t\r", &save))
		args[n++] = w;
	ok = n && vwords_run(s, k, args, n, &answer);
	if (ok && k->waits)
		return;
	if (!n)
		vbuf_add(&answer, "no command", strlen("no command"));
	client_answer(k, ok, &answer);
}

static void client_read(struct vctl_client *k, struct vserver *s)
{
	uint8_t bytes[4096];
	ssize_t n = recv(k->fd, bytes, sizeof(bytes), 0);
	uint8_t *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || k->in.len > LINE_MOST) {
		client_close(k);
		return;
	}
	vbuf_add(&k->in, bytes, (size_t)n);
	while (k->in.len && (end = memchr(k->in.data, '\n', k->in.len))) {
		VBUF_AUTO line = { 0 };

		vbuf_add(&line, k->in.data, (size_t)(end - k->in.data));
		vbuf_byte(&line, 0);
		vbuf_take(&k->in, line.len);
		client_line(k, (char *)line.data, s);
	}
}

static bool has_come(const struct vctl_client *k, const struct vserver *s)
{
	unsigned int seen = 0;

	switch (k->waits) {
	case VCTL_POWERED:
		return s->powered;
	case VCTL_REMOVED:
		return !s->inserted && !s->link.up;
	case VCTL_STALLED:
		return vserver_stalled(s);
	case VCTL_SEEN:
		for (int i = 0; i < VAPDU_NAMES; i++)
			seen += k->target.name < 0 || k->target.name == i ? s->log.by_name[i] : 0;
		return seen >= k->count;
	case VCTL_NOTHING:
		break;
	}
	return false;
}

static void client_wait(struct vctl_client *k, const struct vserver *s)
{
	static const char late[] = "timed out";
	bool come = has_come(k, s);
	VBUF_AUTO text = { 0 };

	if (!k->waits || (!come && vtime_now() < k->deadline))
		return;
	k->waits = VCTL_NOTHING;
	vbuf_add(&text, late, come ? 0 : strlen(late));
	client_answer(k, come, &text);
}

static void client_accept(struct vctl *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	for (size_t i = 0; i < VCTL_CLIENTS && fd >= 0; i++) {
		if (c->clients[i].fd >= 0)
			continue;
		c->clients[i].fd = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
}

void vctl_step(struct vctl *c, const struct pollfd *p, struct vserver *s)
{
	for (size_t i = 0; i < VCTL_CLIENTS; i++) {
		if (c->clients[i].fd >= 0 && p[1 + i].revents)
			client_read(&c->clients[i], s);
		client_wait(&c->clients[i], s);
	}
	if (p[0].revents)
		client_accept(c);
}

static int talk_connect(const char *path, int64_t ms)
{
	struct sockaddr_un to;
	int fd = -1;

	if (!address(path, &to))
		return -1;
	for (int64_t until = vtime_now() + ms * 1000; vtime_now() < until; poll(NULL, 0, 10)) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || !connect(fd, (const struct sockaddr *)&to, sizeof(to)))
			return fd;
		close(fd);
	}
	return -1;
}

int vctl_talk(const char *path, char **words)
{
	VBUF_AUTO line = { 0 };
	char answer[4096];
	size_t len = 0;
	ssize_t n;
	char first = 0;
	int fd = talk_connect(path, strcmp(words[0], "wait") ? TALK_MS : TALK_WAIT_MS);

	for (; fd >= 0 && *words; words++) {
		vbuf_add(&line, *words, strlen(*words));
		vbuf_byte(&line, words[1] ? ' ' : '\n');
	}
	if (fd < 0 || send(fd, line.data, line.len, MSG_NOSIGNAL) != (ssize_t)line.len) {
		fprintf(stderr, "vcard: nobody answers on %s\n", path);
		if (fd >= 0)
			close(fd);
		return 2;
	}
	while ((n = recv(fd, answer, sizeof(answer), 0)) > 0) {
		first = len ? first : answer[0];
		len += (size_t)n;
		fwrite(answer, 1, (size_t)n, stdout);
		if (answer[n - 1] == '\n')
			break;
	}
	close(fd);
	return !len ? 2 : first == 'o' ? 0 : 1;
}
