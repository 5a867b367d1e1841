/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"
#include "key.h"
#include "log.h"
#include "text.h"

#define SEND_MS 5000

static enum err send_now(int sock, const struct wire_buf *b)
{
	return wire_send(sock, b, -1, deadline_in(SEND_MS));
}

enum err worker_io_greet(struct worker_io *io, int64_t deadline, uint32_t silence_ms)
{
	enum wire_type type;
	unsigned version;
	WIRE_BUF(b);
	enum err e = wire_recv_type(WIRE_FD_CONTROL, &b, WIRE_PEER, NULL, deadline);

	io->card = -1;
	if (e == ERR_OK)
		e = wire_get_peer(&b, &io->peer);
	if (e == ERR_OK)
		e = wire_recv(WIRE_FD_HOST, &b, NULL, deadline);
	if (e == ERR_OK)
		e = wire_open(&b, &version, &type);
	if (e == ERR_OK)
		e = type == WIRE_REQUEST ? wire_get_request(&b, version, &io->request) : ERR_PROTOCOL;
	if (e != ERR_OK)
		return fail(e, "no request that can be understood");
	wire_put_ready(&b, silence_ms);
	return send_now(WIRE_FD_HOST, &b);
}

static enum err send_message(enum wire_style style, uint32_t number, const char *text)
{
	struct wire_message m = { .style = style, .number = number };
	WIRE_BUF(b);

	/* Translated text may be long, names in it hostile. */
	text_escape(m.text, sizeof(m.text), text);
	wire_put_message(&b, &m);
	return send_now(WIRE_FD_HOST, &b);
}

static enum err ask(void *arg, bool hidden, const char *text, struct secret *ret, int64_t deadline)
{
	struct worker_io *io = arg;
	struct wire_answer a = { .number = 0 };
	WIRE_BUF(b);
	enum err e = send_message(hidden ? WIRE_PROMPT_HIDDEN : WIRE_PROMPT_SHOWN, ++io->prompts, text);

	if (e == ERR_OK)
		e = wire_recv_type(WIRE_FD_HOST, &b, WIRE_ANSWER, NULL, deadline);
	if (e == ERR_OK)
		e = wire_get_answer(&b, &a);
	if (e == ERR_OK && a.number != io->prompts)
		e = fail(ERR_PROTOCOL, "an answer to another question");
	if (e == ERR_OK && !a.given)
		e = ERR_CONVERSATION;
	if (e == ERR_OK)
		e = secret_set(ret, a.text.bytes, a.text.len);
	secret_wipe(&a.text);
	return e;
}

static enum err tell(void *arg, bool error, const char *text)
{
	const struct worker_io *io = arg;

	if (io->request.flags & WIRE_FLAG_SILENT)
		return ERR_OK;
	return send_message(error ? WIRE_ERROR : WIRE_INFO, 0, text);
}

/* Waits for `fd` and, at the same time, for the host to go away. */
static enum err wait_with_host(int fd, int64_t deadline)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = WIRE_FD_HOST, .events = POLLRDHUP } };
	int n;

	do
		n = poll(p, 2, deadline_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(ERR_SYSTEM, "poll: %s", strerror(errno));
	if (n == 0)
		return ERR_TIMEOUT;
	return p[1].revents ? ERR_UNAVAILABLE : ERR_OK;
}

static enum err request_place(enum wire_ask what, int64_t group, int *fd, int64_t deadline)
{
	enum err given;
	WIRE_BUF(b);
	enum err e;

	wire_put_ask(&b, what, group);
	e = send_now(WIRE_FD_CONTROL, &b);
	if (e == ERR_OK)
		e = wait_with_host(WIRE_FD_CONTROL, deadline);
	if (e == ERR_OK)
		e = wire_recv_type(WIRE_FD_CONTROL, &b, WIRE_GIVEN, fd, deadline);
	if (e == ERR_OK)
		e = wire_get_given(&b, &given);
	return e == ERR_OK ? given : e == ERR_TIMEOUT ? ERR_BUSY : e;
}

/* What OpenSSL loads at its first use passes while the card process starts. */
static void warm_up(struct worker_io *io)
{
	if (!io->warm && key_warm_up() != ERR_OK)
		log_line(LOG_WARNING, "no signature can be checked: %s", err_detail());
	io->warm = true;
}

static enum err card(void *arg, const struct card_request *rq, struct card_answer *ret, int64_t deadline)
{
	struct worker_io *io = arg;
	enum err e = ERR_OK;

	if (io->card < 0) {
		e = request_place(WIRE_ASK_CARD, 0, &io->card, deadline);
		if (e == ERR_OK && io->card < 0)
			e = fail(ERR_PROTOCOL, "no card process was given");
	}
	if (e == ERR_OK)
		e = card_link_send_request(io->card, rq, deadline_in(SEND_MS));
	warm_up(io);
	if (e == ERR_OK)
		e = wait_with_host(io->card, deadline);
	if (e == ERR_OK)
		e = card_link_get_answer(io->card, ret, deadline);
	if (e == ERR_OK && ret->op != rq->op)
		e = fail(ERR_PROTOCOL, "the card process answered something else");
	/* Its death or silence is a card reader's failure, not the host's. */
	if (e == ERR_UNAVAILABLE && wait_with_host(WIRE_FD_HOST, deadline_in(0)) != ERR_UNAVAILABLE)
		e = fail(ERR_PCSC, "the card process ended");
	return e == ERR_TIMEOUT ? fail(ERR_PCSC, "the card process did not answer in time") : e;
}

static void card_done(void *arg)
{
	struct worker_io *io = arg;

	if (io->card >= 0)
		close(io->card);
	io->card = -1;
}

static enum err hash_begin(void *arg, int64_t group, int64_t deadline)
{
	struct worker_io *io = arg;
	enum err e = request_place(WIRE_ASK_HASH, group, NULL, deadline);

	io->hashing = e == ERR_OK;
	return e;
}

static void hash_done(void *arg)
{
	struct worker_io *io = arg;
	WIRE_BUF(b);

	if (!io->hashing)
		return;
	io->hashing = false;
	wire_put_ask(&b, WIRE_ASK_HASH_DONE, 0);
	if (send_now(WIRE_FD_CONTROL, &b) != ERR_OK)
		fail(ERR_UNAVAILABLE, "the listener is gone");
}

static enum err record(void *arg, const struct wire_record *r)
{
	WIRE_BUF(b);

	(void)arg;
	wire_put_record(&b, r);
	return send_now(WIRE_FD_HOST, &b);
}

struct auth_io worker_io_calls(struct worker_io *io)
{
	return (struct auth_io){
		.ask = ask, .tell = tell, .card = card, .card_done = card_done,
		.hash_begin = hash_begin, .hash_done = hash_done, .record = record, .arg = io,
	};
}

enum err worker_io_result(struct worker_io *io, const struct wire_result *result)
{
	WIRE_BUF(b);

	(void)io;
	wire_put_result(&b, result);
	return send_now(WIRE_FD_HOST, &b);
}

void worker_io_end(struct worker_io *io)
{
	card_done(io);
	/* The listener waits for the end of a worker that has hung up, and kills one that has not when its host ends. */
	close(WIRE_FD_CONTROL);
}
