/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the control socket: a table. */
#ifndef VCARD_WORDS_H
#define VCARD_WORDS_H

#include "vcard_ctl.h"

/*
 * Runs one line. The answer's text without ok or err goes to `out`. A word that has to wait sets
 * client->waits and its deadline.
 */
bool vwords_run(struct vserver *s, struct vctl_client *client, char **words, int n,
		struct vbuf *out);

#endif
