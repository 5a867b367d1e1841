/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's ends: the host's connection, the listener's control socket, the card process. */
#ifndef CARDMFA_WORKER_IO_H
#define CARDMFA_WORKER_IO_H

#include "auth.h"
#include "wire.h"

struct worker_io {
	struct wire_peer peer;
	struct wire_request request;
	uint32_t prompts;       /* asked so far */
	int card;               /* the card process' socket, -1: none */
	bool hashing;
	bool warm;
};

/* Reads PEER and REQUEST, tells the host how long silence may last. */
MUST_USE enum err worker_io_greet(struct worker_io *io, int64_t deadline, uint32_t silence_ms);

/* The callbacks of auth.h; io must outlive them. */
struct auth_io worker_io_calls(struct worker_io *io);

/* Nothing is asked of the card process and the listener any more. */
void worker_io_end(struct worker_io *io);

/* The last word, after worker_io_end(). */
MUST_USE enum err worker_io_result(struct worker_io *io, const struct wire_result *result);

#endif
