/* SPDX-License-Identifier: Apache-2.0 */
/* The line to vpcd's reader: TCP, frames of a 2-byte big-endian length and a payload. */
#ifndef VCARD_VPCD_H
#define VCARD_VPCD_H

#include "vcard_tlv.h"

struct vlink {
	const char *host;		/* numeric IPv4 */
	int port;
	int fd;				/* -1: none */
	bool up;			/* the connection stands */
	struct vbuf in;
};

/* Begins to connect without waiting; false when nobody listens. */
bool vlink_open(struct vlink *l);
/* After the socket became writable: is it up? */
bool vlink_finish(struct vlink *l);
void vlink_close(struct vlink *l);
/* Reads what has come; false when the other side is gone. */
bool vlink_read(struct vlink *l);
/* Takes one frame out of what has come; false when none is whole. */
bool vlink_frame(struct vlink *l, struct vbuf *ret);
/* At most 65535 bytes; false when they can't be sent. */
bool vlink_send(struct vlink *l, const struct vbuf *payload);

#endif
