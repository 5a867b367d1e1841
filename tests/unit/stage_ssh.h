/* SPDX-License-Identifier: Apache-2.0 */
/* A login over ssh: what sshd says of the keys that it has verified. */
#ifndef CARDMFA_STAGE_SSH_H
#define CARDMFA_STAGE_SSH_H

#include "key_ssh.h"
#include "stage.h"

/* A line of SSH_AUTH_INFO_0 for the key of a card. */
static inline const char *stage_key_line(const struct stage_card *card)
{
	static char line[KEY_SSH_TEXT_SIZE + 16];
	char text[KEY_SSH_TEXT_SIZE];
	struct key_ssh k;

	assert_int_equal(key_ssh_from_spki(card->row.algorithm, card->row.spki, card->row.spki_len, &k), ERR_OK);
	snprintf(line, sizeof(line), "publickey %s\n", key_ssh_text(&k, text, sizeof(text)));
	return line;
}

/* sshd asks, after these methods. Whoever sits at the server has put a card there: it is nobody's business here. */
static inline void stage_connect(const char *user, const char *methods)
{
	stage_from(user, "192.0.2.5");
	stage_text(stage.peer.exe, sizeof(stage.peer.exe), "/usr/sbin/sshd");
	stage_request(auth_info, methods);
	stage.cards[0] = &hanakos;
}

#endif
