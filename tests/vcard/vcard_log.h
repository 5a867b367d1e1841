/* SPDX-License-Identifier: Apache-2.0 */
/* What the card has seen: counts by name, a log without data, a recording with data. */
#ifndef VCARD_LOG_H
#define VCARD_LOG_H

#include <stdio.h>

#include "vcard_apdu.h"

#define VLOG_ENTRIES 4096

enum vlog_event { VLOG_APDU, VLOG_POWER_OFF, VLOG_POWER_ON, VLOG_RESET, VLOG_EVENTS };

struct vlog_entry {
	enum vlog_event event;
	int name;
	uint8_t head[4];
	size_t lc;
	size_t rlen;			/* data of the response, without the status word */
	uint16_t sw;			/* 0: none was sent */
};

struct vlog {
	unsigned int total;
	unsigned int by_name[VAPDU_NAMES];
	unsigned int events[VLOG_EVENTS];
	struct vlog_entry entries[VLOG_ENTRIES];	/* the last ones, a ring */
	size_t count;
	FILE *record;
};

/* When the command comes; the returned entry is completed by vlog_answer. */
struct vlog_entry *vlog_command(struct vlog *l, const struct vapdu *a);
void vlog_answer(struct vlog_entry *e, const struct vbuf *resp);
void vlog_event(struct vlog *l, enum vlog_event event);
void vlog_reset_counts(struct vlog *l);
/* "total=3 SELECT=1 ..." and "SELECT,00A40400,9,19,9000 RESET ...". */
void vlog_counts(const struct vlog *l, struct vbuf *out);
void vlog_text(const struct vlog *l, struct vbuf *out);

/*
 * One line per exchange: command and response in hexadecimal; data of VERIFY as FF. NULL path:
 * ends it.
 */
bool vlog_record_to(struct vlog *l, const char *path);
void vlog_record(struct vlog *l, const struct vbuf *raw, const struct vbuf *resp);

#endif
