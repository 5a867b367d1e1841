/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One card in one reader: what comes from vpcd, what the control socket wants, and the time both
 * take.
 */
#ifndef VCARD_SERVE_H
#define VCARD_SERVE_H

#include <poll.h>

#include "vcard_fault.h"
#include "vcard_log.h"
#include "vcard_vpcd.h"

#define VTIME_NEVER INT64_MAX

enum vphase {
	VPHASE_IDLE,
	VPHASE_RESET,			/* the card starts */
	VPHASE_BEFORE,			/* a command has come and is not performed yet */
	VPHASE_AFTER,			/* performed, the answer is not out yet */
};

struct vserver {
	struct vcard card;
	struct vfaults faults;
	struct vpiv piv;
	struct vlog log;
	struct vlink link;
	bool inserted;			/* wanted: it connects again when the other side ends */
	bool powered;			/* by pcscd, since it was inserted */
	bool timing;			/* as a contact card */
	bool quit;
	enum vphase phase;
	int64_t due;			/* of the phase: microseconds of CLOCK_MONOTONIC */
	int64_t retry;			/* of connecting */
	struct vexchange x;
	struct vlog_entry *entry;
};

int64_t vtime_now(void);
/* What poll should wait for on the line to vpcd, and the latest time it should return. */
struct pollfd vserver_poll(struct vserver *s, int64_t *ret);
/* Does whatever is possible now. */
void vserver_step(struct vserver *s, short revents);
void vserver_insert(struct vserver *s);
void vserver_remove(struct vserver *s);
/* Puts another card in the place of this one; `seen`: the reader notices. */
bool vserver_swap(struct vserver *s, const char *state, bool seen);
bool vserver_stalled(const struct vserver *s);
/* Faults end, and with them a stall under way. */
void vserver_clear_faults(struct vserver *s);
void vserver_free(struct vserver *s);

#endif
