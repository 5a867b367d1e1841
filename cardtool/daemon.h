/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardtool as a client of cardmfad. MUST: believe only a listener of root's; bound every wait. What
 * comes back is shown, escaped, and decides nothing but what is printed.
 */
#ifndef CARDMFA_DAEMON_H
#define CARDMFA_DAEMON_H

#include <stdbool.h>

#include "error.h"
#include "wire.h"

struct daemon_talk {
	/* Asks for an answer. Anything but ERR_OK goes to the daemon as "none was given"; NULL: never. */
	enum err (*ask)(const struct wire_message *m, struct secret *ret, void *arg);
	void (*tell)(const struct wire_message *m, void *arg);  /* NULL: dropped */
	/* Anything but ERR_OK ends the call and is returned. */
	enum err (*record)(const struct wire_record *r, void *arg);
	void *arg;
	int whole_ms;           /* for all of it; 0: as long as the daemon lets anything run */
	int packets_max;        /* of the answer; 0: as many as one person's can be */
};

/*
 * One call through the root socket (root only) or the user socket. ERR_OK: *ret holds the daemon's result, whatever it is. ERR_UNAVAILABLE,
 * ERR_TIMEOUT, ERR_PROTOCOL: there is none. *ret_older: the daemon does not know this request.
 */
MUST_USE enum err daemon_call(bool root_socket, const struct wire_request *r, const struct daemon_talk *talk,
			      struct wire_result *ret, bool *ret_older);

#endif
