/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the machine the callers may take at once, and who is served next. Pure: no descriptors, no time. */
#ifndef CARDMFA_BOUNDS_H
#define CARDMFA_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOUNDS_CALLS_KEYS 64            /* of the account that asks for sshd: one for each connection that is being made */
#define BOUNDS_CALLS_OTHERS 256         /* of all others: neither takes a place of the other */
#define BOUNDS_CALLS (BOUNDS_CALLS_KEYS + BOUNDS_CALLS_OTHERS)
#define BOUNDS_CALLS_ROOT 32            /* of the others': ordinary users begin nothing when fewer are free */
#define BOUNDS_CALLS_USER 64            /* of ordinary users through the user socket */
#define BOUNDS_CALLS_USER_UID 8         /* of them of one uid */
#define BOUNDS_CALLS_SU 160             /* of hosts as root whose real uid is another: su, sudo */
#define BOUNDS_CALLS_SU_UID 32          /* of them of one real uid */
#define BOUNDS_CARDS 96                 /* card processes; pcscd serves 200 contexts */
#define BOUNDS_CARDS_USER 32            /* of them for callers whose real uid is not root */
#define BOUNDS_GROUPS 256               /* fairness is kept among so many origins */

/* A queue for places of one kind: FIFO within a group of origin, the group served longest ago first. */
struct bounds_queue {
	size_t places, taken;
	uint64_t clock;
	uint64_t served[BOUNDS_GROUPS]; /* when a group last got a place, by hash */
};

struct bounds_waiter {
	bool waiting;
	int64_t group;
	uint64_t since;         /* order of arrival */
};

/* The waiter (index into w; NULL entries are passed over) that gets the next place; -1: none waits or no place is free. */
int bounds_next(const struct bounds_queue *q, const struct bounds_waiter *const *w, size_t n);
void bounds_take(struct bounds_queue *q, int64_t group);
void bounds_release(struct bounds_queue *q);
void bounds_wait(struct bounds_queue *q, struct bounds_waiter *w, int64_t group);

#endif
