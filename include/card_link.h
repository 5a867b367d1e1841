/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between cardmfa-card and who started it for (worker, cardtool): one request, one answer,
 * SOCK_SEQPACKET. The card process is told nothing about people and judges no signature.
 */
#ifndef CARDMFA_CARD_LINK_H
#define CARDMFA_CARD_LINK_H

#include "card_request.h"

/* Both sides. Deadline: clock.h. ERR_TIMEOUT; ERR_UNAVAILABLE: the other end is gone; ERR_PROTOCOL: malformed (the link is then of no use). */
MUST_USE enum err card_link_send_request(int fd, const struct card_request *r, int64_t deadline);
MUST_USE enum err card_link_get_request(int fd, struct card_request *ret, int64_t deadline);
MUST_USE enum err card_link_send_answer(int fd, const struct card_answer *a, int64_t deadline);
MUST_USE enum err card_link_get_answer(int fd, struct card_answer *ret, int64_t deadline);

/*
 * How cardmfa-card is started (exec, no arguments but these, empty environment but PATH):
 *   cardmfa-card SECONDS            ends itself by alarm() after SECONDS (1..600)
 *   fd 3  the link (SOCK_SEQPACKET socketpair), fd 4  lock file: one byte of it, chosen by the reader's name, is locked (F_SETLKW: by process, so one open descriptor may be passed to all; open for writing)
 *   while that reader is used, so one card process at a time talks to a reader and the others wait. fd 4 may be /dev/null: no lock then.
 * stdin, stdout: /dev/null; stderr: the starter's log.
 * Told to end (SIGTERM, the link is hung up) it goes at once, or, from when it sends a PIN until the card is reset, within CARD_LEAVE_MS.
 */
#define CARD_LINK_FD 3
#define CARD_LOCK_FD 4
#define CARD_LEAVE_MS 1500

#endif
