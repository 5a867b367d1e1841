/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a member of staff may know of himself. MUST: answer for the real uid of the peer alone. MUST NOT: take a name from the
 * message, write to the store.
 */
#ifndef CARDMFA_STATUS_H
#define CARDMFA_STATUS_H

#include "auth.h"
#include "who.h"

/* WIRE_STATUS. ERR_NOT_A_PERSON: that uid is no registered person's; ERR_NOT_ALLOWED: the request names somebody or something. */
MUST_USE enum err status_run(const struct auth_call *c, struct wire_result *ret);

/* Records of person, cards (marks: how a reader's card is recognised) and counters. w->known. */
MUST_USE enum err status_tell(const struct auth_call *c, const struct who *w, bool marks);

#endif
