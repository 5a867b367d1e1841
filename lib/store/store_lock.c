/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of writers over one file. Who comes draws a ticket, a lock on one byte at the ticket's
 * number, and may write once no lower byte is locked. The kernel drops the locks of the dead, so
 * neither a writer nor one who waits can leave the queue stuck. Locks belong to the open file (OFD):
 * several stores of one process queue like strangers.
 *
 * Waiting polls, the rarer the longer the queue: a lock with a deadline would need a signal, and
 * flock's wake-ups are not in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "store_internal.h"

#define TICKET_MAX (INT64_C(1) << 60)
#define GATE (INT64_C(1) << 61)         /* byte whose lock guards the drawing of a ticket */
#define PROBES_MAX 4096
#define WAIT_US 100
#define WAIT_US_MAX 20000

static struct flock range(short type, int64_t start, int64_t len)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
}

static enum err lock_byte(int fd, int64_t byte, bool *got)
{
	struct flock l = range(F_WRLCK, byte, 1);

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		*got = true;
	else if (errno == EAGAIN || errno == EACCES || errno == EINTR)
		*got = false;
	else
		return fail(ERR_STORE, "store: lock: %s", strerror(errno));
	return ERR_OK;
}

static void unlock_byte(int fd, int64_t byte)
{
	struct flock l = range(F_UNLCK, byte, 1);

	/* Fails for no lock of ours; close(2) would free it anyway. */
	(void)fcntl(fd, F_OFD_SETLK, &l);
}

static void pause_us(int64_t us)
{
	struct timespec ts = { .tv_sec = 0, .tv_nsec = us * 1000 };

	(void)nanosleep(&ts, NULL);
}

static enum err enter_gate(int fd, int64_t deadline)
{
	bool got = false;
	enum err e;

	while ((e = lock_byte(fd, GATE, &got)) == ERR_OK && !got) {
		if (deadline_left(deadline) == 0)
			return fail(ERR_TIMEOUT, "store: the writers' queue did not open");
		pause_us(WAIT_US);
	}
	return e;
}

/* The first byte from `ticket` on that nobody holds: the counter may have been lost or not written. */
static enum err draw_free(int fd, int64_t *ticket)
{
	for (int i = 0; i < PROBES_MAX; i++) {
		struct flock l = range(F_WRLCK, *ticket, 1);
		bool got = false;
		enum err e = lock_byte(fd, *ticket, &got);

		if (e != ERR_OK || got)
			return e;
		if (fcntl(fd, F_OFD_GETLK, &l) != 0)
			return fail(ERR_STORE, "store: lock: %s", strerror(errno));
		if (l.l_type != F_UNLCK)
			*ticket = l.l_start + l.l_len;
	}
	return fail(ERR_TIMEOUT, "store: the writers' queue is too long");
}

static enum err draw_ticket(int fd, int64_t deadline, int64_t *ret)
{
	int64_t counter = 0, ticket;
	enum err e = enter_gate(fd, deadline);

	if (e != ERR_OK)
		return e;
	if (pread(fd, &counter, sizeof(counter), 0) != sizeof(counter) || counter < 1 ||
	    counter >= TICKET_MAX)
		counter = 1;
	ticket = counter;
	e = draw_free(fd, &ticket);
	if (e == ERR_OK) {
		counter = ticket + 1;
		/* Unwritten on a full disk, the counter costs only the order. */
		if (pwrite(fd, &counter, sizeof(counter), 0) < 0 && errno != ENOSPC && errno != EDQUOT) {
			e = fail(ERR_STORE, "store: lock: %s", strerror(errno));
			unlock_byte(fd, ticket);
		}
	}
	unlock_byte(fd, GATE);
	if (e == ERR_OK)
		*ret = ticket;
	return e;
}

static enum err wait_turn(int fd, int64_t ticket, int64_t deadline)
{
	int64_t head = -1, us = WAIT_US;

	for (;;) {
		struct flock l = range(F_WRLCK, 0, ticket);
		int64_t ahead;

		if (fcntl(fd, F_OFD_GETLK, &l) != 0)
			return fail(ERR_STORE, "store: lock: %s", strerror(errno));
		if (l.l_type == F_UNLCK)
			return ERR_OK;
		if (deadline_left(deadline) == 0)
			return fail(ERR_TIMEOUT, "store: no turn to write in time");
		ahead = ticket - l.l_start;
		us = l.l_start == head ? 2 * us : ahead * WAIT_US;
		head = l.l_start;
		us = us > WAIT_US_MAX ? WAIT_US_MAX : us;
		pause_us(us);
	}
}

enum err store_lock_take(int fd, int ms, int64_t *ret)
{
	int64_t deadline = deadline_in(ms), ticket = 0;
	enum err e = draw_ticket(fd, deadline, &ticket);

	if (e != ERR_OK)
		return e;
	e = wait_turn(fd, ticket, deadline);
	if (e != ERR_OK) {
		unlock_byte(fd, ticket);
		return e;
	}
	*ret = ticket;
	return ERR_OK;
}

void store_lock_release(int fd, int64_t ticket)
{
	unlock_byte(fd, ticket);
}
