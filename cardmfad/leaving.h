/* SPDX-License-Identifier: Apache-2.0 */
/* Card processes that nobody needs any more: told to end, killed when they take too long, counted until they are gone. */
#ifndef CARDMFA_LEAVING_H
#define CARDMFA_LEAVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bounds.h"

struct leaving {
	struct leaver {
		pid_t pid;
		bool of_user;           /* has one of the places of ordinary users */
		int64_t deadline;       /* INT64_MAX: killed, but not gone yet */
	} list[BOUNDS_CARDS];
	size_t n;
};

/* A child that has not been reaped; it is sent SIGTERM. */
void leaving_add(struct leaving *l, pid_t pid, bool of_user);

/* True when it was one of them: then it is forgotten. */
bool leaving_reaped(struct leaving *l, pid_t pid);

size_t leaving_of_users(const struct leaving *l);

/* Milliseconds until leaving_enforce() is due, -1: never. */
int leaving_left(const struct leaving *l);

/* Kills those whose time is over. */
void leaving_enforce(struct leaving *l);

/* Until all have gone or been killed. */
void leaving_wait(struct leaving *l);

#endif
