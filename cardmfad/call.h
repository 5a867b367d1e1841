/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a host: its worker, its card process, its deadline. */
#ifndef CARDMFA_CALL_H
#define CARDMFA_CALL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bounds.h"
#include "conf_file.h"
#include "error.h"
#include "leaving.h"
#include "spawn.h"

#define CALL_FIRST_MS 2000              /* until the host's first message */
#define CALL_MAX_MS 185000              /* a worker ends itself before */
#define CALL_KEYS_MS 20000              /* for keys nobody is asked anything */
#define CALL_TURN_MS 2                  /* between two that give way: who comes has time to speak before all others have had their turn */

struct daemon {
	struct account worker, card;
	const char *language;           /* "ja" or "en": the system's */
	struct conf_file conf;
	struct call *calls[BOUNDS_CALLS];
	size_t n_calls;
	struct bounds_queue hashes, cards;
	struct leaving leaving;         /* card processes: each keeps its place of `cards` */
	int64_t turn;                   /* until then nobody else gives way, and who comes through the user socket waits */
};

struct call {
	bool root_socket;
	int64_t uid;                    /* who connected; from the start on the real uid of that process */
	int host;                       /* the connection until a worker has it, then -1 */
	int host_pidfd;                 /* readable when the host process ends */
	int control;                    /* to the worker, -1 before */
	pid_t worker, card;             /* 0: none */
	int64_t deadline;
	bool has_hash, has_card;
	struct bounds_waiter wants_hash, wants_card;
};

/* It is connected and has not said a word: a host speaks at once. */
bool call_is_silent(const struct call *c);

/* Takes the descriptor over. NULL when a bound is reached: then it has been told so and closed. */
struct call *call_add(struct daemon *d, int host, bool root_socket);

/* The host's first message is there: kernel facts, worker. Anything else than ERR_OK: call_end it. */
MUST_USE enum err call_start(struct daemon *d, struct call *c);

/* The worker said something on its control socket. Anything else than ERR_OK: call_end it. */
MUST_USE enum err call_asked(struct daemon *d, struct call *c);

/* Gives free places to who waits; ends calls that can't be served. */
void call_serve(struct daemon *d);

/* A child of ours ended: true if it was this call's worker (then call_end it). */
bool call_reap(struct daemon *d, struct call *c, pid_t pid, int status);

/* Kills what runs for it, gives its places back, forgets it. */
void call_end(struct daemon *d, struct call *c);

#endif
