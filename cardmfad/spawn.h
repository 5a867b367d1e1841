/* SPDX-License-Identifier: Apache-2.0 */
/* Start one of the daemon's programs by exec: fixed environment, given descriptors and nothing else, its own uid. */
#ifndef CARDMFA_SPAWN_H
#define CARDMFA_SPAWN_H

#include <sys/types.h>

#include "error.h"

struct account {
	uid_t uid;
	gid_t gid;
};

/* ERR_NOT_FOUND: no such system user; uid or gid 0 is refused. */
MUST_USE enum err spawn_account(const char *name, struct account *ret);

#define SPAWN_FDS_MAX 4

struct spawn {
	const char *path;
	const char *args[3];            /* behind argv[0], NULL-terminated */
	struct account account;
	int fds[SPAWN_FDS_MAX];         /* become 3, 4, ...; -1: /dev/null opened in their place */
	int n_fds;
	int nofile;                     /* RLIMIT_NOFILE */
};

MUST_USE enum err spawn_program(const struct spawn *s, pid_t *pid);

#endif
