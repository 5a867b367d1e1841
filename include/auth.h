/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision. One call is one entry point of the module. Everything outside (terminal, card process, places to hash) comes in
 * through struct auth_io, so the same code serves the worker, cardtool and tests.
 */
#ifndef CARDMFA_AUTH_H
#define CARDMFA_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "card_link.h"
#include "error.h"
#include "keyring.h"
#include "policy.h"
#include "secret.h"
#include "store.h"
#include "wire.h"

/* Each returns ERR_OK or why not; none waits past the deadline (clock.h). */
struct auth_io {
	/* Shows text and waits for the answer. ERR_CONVERSATION: none came; ERR_UNAVAILABLE: the host is gone. */
	enum err (*ask)(void *arg, bool hidden, const char *text, struct secret *ret, int64_t deadline);
	/* Shows text, nothing waited for. Does nothing when the host asked for silence. */
	enum err (*tell)(void *arg, bool error, const char *text);
	/* One exchange with the card process, started at the first one. Also ERR_UNAVAILABLE when the host is gone. */
	enum err (*card)(void *arg, const struct card_request *rq, struct card_answer *ret, int64_t deadline);
	/* Ends the card process; no-op without one. */
	void (*card_done)(void *arg);
	/* A place to run Argon2, fair among groups, and its return. */
	enum err (*hash_begin)(void *arg, int64_t group, int64_t deadline);
	void (*hash_done)(void *arg);
	/* One thing that STATUS and EXPLAIN tell. ERR_UNAVAILABLE: the host is gone. */
	enum err (*record)(void *arg, const struct wire_record *r);
	void *arg;
};

struct auth_call {
	struct store *store;
	const struct keyring *keys;             /* NULL: unreadable; then only what needs none works */
	const struct policy *policy;
	const struct auth_io *io;
	const struct wire_peer *peer;           /* facts of the kernel */
	const struct wire_request *request;     /* what the host says */
	const char *host_id;                    /* of the store */
	const char *system_language;            /* "ja" or "en" */
	bool store_full;                        /* no reserve: only `when-full` classes log in and open sessions */
};

/* The one entry: dispatches on request->op. ret->verdict is VERDICT_ALLOW exactly when ERR_OK is returned. */
MUST_USE enum err auth_run(const struct auth_call *c, struct wire_result *ret);

/*
 * Nothing can be decided: the store or the policy can't be used. Who is authenticating is told so, in the
 * system's language; nothing depends on who that is. Other operations say nothing.
 */
void auth_tell_fault(const struct auth_io *io, const struct wire_request *request, const char *system_language);

#endif
