/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of the process at the other end. */
#ifndef CARDMFA_PEER_H
#define CARDMFA_PEER_H

#include "error.h"
#include "wire.h"

/*
 * Facts of the process that connected `sock`, and a pidfd of it (CLOEXEC, the caller closes). The facts belong to that very
 * process: it was seen alive after they were read. ERR_UNAVAILABLE: it is gone. root_socket and config_fallback are left to the caller.
 */
MUST_USE enum err peer_facts(int sock, struct wire_peer *ret, int *pidfd);

/* SO_PEERCRED's uid, for bounds before anything else is done; -1 when it can't be had. */
int64_t peer_uid(int sock);

#endif
