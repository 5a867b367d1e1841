/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardtool's own card process (card_link.h): started as root before root is given up, ends on EOF
 * or by its own alarm.
 */
#ifndef CARDMFA_CARD_START_H
#define CARDMFA_CARD_START_H

#include <stdint.h>

#include "card_link.h"
#include "error.h"

#define CARD_START_SECONDS 300

/*
 * Needs root. The link; closing it ends the process. ERR_NOT_FOUND: the program or its user lacks.
 */
MUST_USE enum err card_start(int *ret_fd);

/*
 * One question, one answer within ms. The result of the answer itself is the caller's to look at.
 */
MUST_USE enum err card_ask(int fd, const struct card_request *q, struct card_answer *ret,
			   int64_t ms);

#endif
