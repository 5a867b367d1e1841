/* SPDX-License-Identifier: Apache-2.0 */
/* The two listening sockets (from systemd or made here) and readiness. */
#ifndef CARDMFA_SOCKETS_H
#define CARDMFA_SOCKETS_H

#include "error.h"

struct sockets {
	int root, user;
};

/*
 * systemd's descriptors named "root" and "user" (LISTEN_FDS, LISTEN_FDNAMES) when there are any, else new ones at
 * PATH_ROOT_SOCKET and PATH_USER_SOCKET (an old socket there is removed, anything else is left and refused).
 */
MUST_USE enum err sockets_get(struct sockets *ret);

/* One line to NOTIFY_SOCKET ("READY=1"); nothing when there is none. */
void sockets_notify(const char *line);

#endif
