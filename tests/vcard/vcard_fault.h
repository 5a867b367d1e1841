/* SPDX-License-Identifier: Apache-2.0 */
/* Misbehaviour on request: a table, each kind of it a row. */
#ifndef VCARD_FAULT_H
#define VCARD_FAULT_H

#include "vcard_piv.h"

#define VWAIT_ENDLESS (-1L)		/* until the faults are cleared */

/* One command on its way through the card. */
struct vexchange {
	struct vbuf raw;
	struct vapdu cmd;		/* points into raw */
	struct vbuf resp;
	bool answered;			/* resp is set by a fault: the command is not performed */
	bool silent;			/* no answer goes out */
	bool pull;			/* the card leaves at the end of this exchange */
	long wait_before;		/* ms before it is performed, or VWAIT_ENDLESS */
	long wait_after;
	const char *swap;		/* another card answers from here on; owned by the fault */
};

struct vfault {
	const struct vfault_row *row;
	struct vtarget target;
	unsigned int nth;		/* from the nth match on, counted from 1 */
	unsigned int times;		/* 0: without end */
	unsigned int seen;
	unsigned int fired;
	long number;
	struct vbuf data;
	char *text;
	size_t at;
	struct vfault *next;
};

struct vfaults {
	struct vfault *first;
	struct vquirks quirks;
};

/* words: name, arguments, nth= and times=. false: `why` says what is wrong. */
bool vfault_arm(struct vfaults *fs, struct vcard *card, char **words, int n, const char **why);
void vfault_clear(struct vfaults *fs);
void vfault_list(const struct vfaults *fs, struct vbuf *out);
/* Before and after the command is performed. */
void vfault_before(struct vfaults *fs, struct vexchange *x);
void vfault_after(struct vfaults *fs, struct vexchange *x);
/* The table, for --help. */
void vfault_help(void);

#endif
