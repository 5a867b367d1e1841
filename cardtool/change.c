/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <signal.h>
#include <stdlib.h>

#include "clock.h"

struct recorded {
	struct event event;
	int64_t seq;
};

struct change {
	const struct tool *tool;
	int64_t now;
	size_t n, room;
	struct recorded *events;
	enum err (*work)(struct change *c, void *arg);
	void *arg;
};

struct store *change_store(const struct change *c)
{
	return c->tool->store;
}

int64_t change_now(const struct change *c)
{
	return c->now;
}

enum err change_event(struct change *c, const struct event *e)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 8;
		struct recorded *more = reallocarray(c->events, room, sizeof(*more));

		if (!more)
			return fail(ERR_MEMORY, "events of one change");
		c->events = more;
		c->room = room;
	}

	struct recorded *r = &c->events[c->n];

	r->event = *e;
	r->event.actor = c->tool->actor;
	r->event.service = "cardtool";

	enum err err = event_record(c->tool->store, &r->event, &r->seq);

	if (!err)
		c->n++;
	return err;
}

static void block_signals(sigset_t *before)
{
	static const int held[] = { SIGTSTP, SIGTTIN, SIGTTOU, SIGINT,	SIGQUIT,
				    SIGTERM, SIGHUP,  SIGALRM, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		sigaddset(&set, held[i]);
	if (sigprocmask(SIG_BLOCK, &set, before))
		abort();
}

static enum err do_work(struct store *s, void *arg)
{
	struct change *c = arg;

	(void)s;
	c->n = 0;
	c->now = clock_real_s();
	return c->work(c, c->arg);
}

enum err change_run(struct tool *t, enum err (*work)(struct change *c, void *arg), void *arg)
{
	struct change c = { .tool = t, .work = work, .arg = arg };
	sigset_t before;

	block_signals(&before);

	enum err e = store_transaction(t->store, true, do_work, &c);

	if (!e)
		for (size_t i = 0; i < c.n; i++)
			event_publish(&c.events[i].event, c.events[i].seq);
	free(c.events);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}
