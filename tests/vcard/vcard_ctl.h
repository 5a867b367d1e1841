/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: a line of words in, a line "ok ..." or "err ..." out. */
#ifndef VCARD_CTL_H
#define VCARD_CTL_H

#include "vcard_serve.h"

#define VCTL_CLIENTS 16

enum vctl_wait_for { VCTL_NOTHING, VCTL_POWERED, VCTL_REMOVED, VCTL_STALLED, VCTL_SEEN };

struct vctl_client {
	int fd;				/* -1: free */
	struct vbuf in;
	enum vctl_wait_for waits;
	struct vtarget target;
	unsigned int count;
	int64_t deadline;
};

struct vctl {
	int fd;
	char *path;
	struct vctl_client clients[VCTL_CLIENTS];
};

/* Without path there is no socket; false: said on stderr why not. */
bool vctl_open(struct vctl *c, const char *path);
void vctl_close(struct vctl *c);
/* Fills in 1 + VCTL_CLIENTS entries; lowers *until to the first deadline. */
void vctl_poll(const struct vctl *c, struct pollfd *p, int64_t *until);
void vctl_step(struct vctl *c, const struct pollfd *p, struct vserver *s);
/* The other end: sends the words as one line, prints the answer. 0 ok, 1 err, 2 no answer. */
int vctl_talk(const char *path, char **words);
/* The table, for --help. */
void vctl_help(void);

#endif
