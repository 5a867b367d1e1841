/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "paths.h"

#define CONNECT_MS 5000
#define SEND_MS 5000
#define CALL_MS 190000          /* longer than the daemon lets anything run */
#define PACKETS_MAX (WIRE_RECORDS_MAX + 64)

static void close_socket(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* The daemon, or systemd in its place, listens as root: anybody else at this path is a fraud. */
static bool listener_is_root(int sock)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	return !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &len) && len == sizeof(c) && c.uid == 0;
}

static enum err connect_to(int sock, const char *path, int64_t end)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct timespec pause = { .tv_nsec = 20000000 };
	const int64_t mine = deadline_in(CONNECT_MS), deadline = mine < end ? mine : end;

	memcpy(a.sun_path, path, strlen(path) + 1);
	while (connect(sock, (const struct sockaddr *)&a, sizeof(a))) {
		/* EAGAIN: the backlog is full. */
		if (errno != EINTR && errno != EAGAIN)
			return fail(ERR_UNAVAILABLE, "%s: %m", path);
		if (!deadline_left(deadline))
			return fail(ERR_TIMEOUT, "%s", path);
		nanosleep(&pause, NULL);
	}
	return listener_is_root(sock) ? ERR_OK : fail(ERR_UNAVAILABLE, "%s: whoever listens is not root", path);
}

struct talking {
	const struct daemon_talk *talk;
	int sock;
	struct wire_buf *buf;
	uint32_t silence_ms;
	struct wire_result *result;
	bool done;
};

static enum err take_ready(struct talking *t)
{
	return wire_get_ready(t->buf, &t->silence_ms);
}

static enum err send_answer(struct talking *t, const struct wire_message *m)
{
	struct wire_answer a = { .number = m->number };
	enum err e;

	a.given = t->talk->ask && t->talk->ask(m, &a.text, t->talk->arg) == ERR_OK;
	wire_put_answer(t->buf, &a);
	secret_wipe(&a.text);
	e = wire_send(t->sock, t->buf, -1, deadline_in(SEND_MS));
	/* An answer too late: what the daemon said before it left is still there. */
	if (e == ERR_UNAVAILABLE)
		t->silence_ms = 0;
	return e == ERR_UNAVAILABLE ? ERR_OK : e;
}

static enum err take_message(struct talking *t)
{
	struct wire_message m;
	enum err e = wire_get_message(t->buf, &m);

	if (e)
		return e;
	if (m.style == WIRE_PROMPT_HIDDEN || m.style == WIRE_PROMPT_SHOWN)
		return send_answer(t, &m);
	if (t->talk->tell)
		t->talk->tell(&m, t->talk->arg);
	return ERR_OK;
}

static enum err take_record(struct talking *t)
{
	struct wire_record r;
	enum err e = wire_get_record(t->buf, &r);

	if (e)
		return e;
	return t->talk->record ? t->talk->record(&r, t->talk->arg) : ERR_PROTOCOL;
}

static enum err take_result(struct talking *t)
{
	t->done = true;
	return wire_get_result(t->buf, t->result);
}

static enum err take_packet(struct talking *t, int64_t end)
{
	static const struct {
		enum wire_type type;
		enum err (*take)(struct talking *t);
	} takers[] = {
		{ WIRE_READY, take_ready }, { WIRE_MESSAGE, take_message },
		{ WIRE_RECORD, take_record }, { WIRE_RESULT, take_result },
	};
	int64_t silence = deadline_in(t->silence_ms);
	enum wire_type type;
	unsigned version;
	enum err e = wire_recv(t->sock, t->buf, NULL, silence < end ? silence : end);

	if (!e)
		e = wire_open(t->buf, &version, &type);
	for (size_t i = 0; !e && i < sizeof(takers) / sizeof(takers[0]); i++)
		if (takers[i].type == type)
			return takers[i].take(t);
	return e ? e : ERR_PROTOCOL;
}

enum err daemon_call(bool root_socket, const struct wire_request *r, const struct daemon_talk *talk,
		     struct wire_result *ret, bool *ret_older)
{
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	int sock __attribute__((cleanup(close_socket))) = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int64_t end = deadline_in(talk->whole_ms ? talk->whole_ms : CALL_MS);
	const int packets_max = talk->packets_max ? talk->packets_max : PACKETS_MAX;
	WIRE_BUF(buf);
	struct talking t = { .talk = talk, .sock = sock, .buf = &buf, .silence_ms = WIRE_SILENCE_FIRST_MS, .result = &result };

	*ret_older = false;
	if (sock < 0)
		return fail(ERR_SYSTEM, "socket: %m");

	enum err e = connect_to(sock, root_socket ? PATH_ROOT_SOCKET : PATH_USER_SOCKET, end);

	if (e)
		return e;
	wire_put_request(&buf, r);
	e = wire_send(sock, &buf, -1, deadline_in(SEND_MS));
	/* Hung up on before it was heard: why stands in the socket, once behind the news of that. */
	if (e == ERR_UNAVAILABLE || !e)
		e = take_packet(&t, end);
	if (e == ERR_UNAVAILABLE)
		e = take_packet(&t, end);
	for (int i = 0; !e && !t.done && i < packets_max; i++)
		e = take_packet(&t, end);
	if (e)
		return fail(e, "the daemon gave no whole answer");
	if (!t.done)
		return fail(ERR_PROTOCOL, "the daemon's answer has no end");
	/* What it does not know it calls malformed. */
	*ret_older = r->op > WIRE_CLOSE && result.result == ERR_PROTOCOL;
	*ret = result;
	return ERR_OK;
}
