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
	/* One thing that is told by what only tells. ERR_UNAVAILABLE: the host is gone. */
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

/*
 * Who asks, a set of bits. The kernel says it: which socket was opened, and the real uid of the process at its other end. An operation for
 * AUTH_SELF sees by itself that nothing but that uid's own is answered.
 */
enum auth_asker {
	AUTH_ROOT = 1,          /* through the root socket, which uid 0 alone can open */
	AUTH_KEYS = 2,          /* the account of `keys-user`: sshd's AuthorizedKeysCommandUser; through the user socket nothing else is its */
	AUTH_SELF = 4,          /* any other uid, about itself */
};

enum auth_effect {
	AUTH_WRITES,
	AUTH_TELLS,             /* reads alone: the store is opened as STORE_LOOK, no counter, no record, no event comes of it */
};

/* Who may ask what. X(operation, what runs it, who may ask, what it does). Whoever is not named gets ERR_NOT_ALLOWED, whatever they asked about. */
#define AUTH_RIGHTS(X) \
	X(WIRE_AUTH,            login_run,              AUTH_ROOT | AUTH_SELF,  AUTH_WRITES) \
	X(WIRE_ACCOUNT,         account_run,            AUTH_ROOT | AUTH_SELF,  AUTH_WRITES) \
	X(WIRE_OPEN,            session_open,           AUTH_ROOT,              AUTH_WRITES) \
	X(WIRE_CONFIRM,         session_confirm,        AUTH_ROOT,              AUTH_WRITES) \
	X(WIRE_CLOSE,           session_close,          AUTH_ROOT,              AUTH_WRITES) \
	X(WIRE_STATUS,          status_run,             AUTH_ROOT | AUTH_SELF,  AUTH_TELLS) \
	X(WIRE_EXPLAIN,         explain_run,            AUTH_ROOT,              AUTH_TELLS) \
	X(WIRE_SSH_KEYS,        ssh_keys_run,           AUTH_ROOT | AUTH_KEYS,  AUTH_TELLS) \
	X(WIRE_SSH_STOPPED,     ssh_keys_run_stopped,   AUTH_ROOT | AUTH_KEYS,  AUTH_TELLS)

/* AUTH_TELLS of that table. */
bool auth_only_tells(enum wire_op op);

/* The uid of `keys-user`; -1: no such account, or its source does not answer. */
int64_t auth_keys_uid(const struct policy *p);

/* The one entry: dispatches on request->op. ret->verdict is VERDICT_ALLOW exactly when ERR_OK is returned. */
MUST_USE enum err auth_run(const struct auth_call *c, struct wire_result *ret);

/*
 * Nothing can be decided: the store or the policy can't be used. Who is authenticating is told so, in the
 * system's language; nothing depends on who that is. Other operations say nothing.
 */
void auth_tell_fault(const struct auth_io *io, const struct wire_request *request, const char *system_language);

#endif
