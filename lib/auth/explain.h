/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a login would begin with, told to root. MUST NOT: judge, count, ask, write; be answered to anybody else: it tells what
 * the faces of a refusal hide.
 */
#ifndef CARDMFA_EXPLAIN_H
#define CARDMFA_EXPLAIN_H

#include "auth.h"

/* WIRE_EXPLAIN: place, person with cards and counters, classes, ways, newest login event. ERR_OK for unknown names too. */
MUST_USE enum err explain_run(const struct auth_call *c, struct wire_result *ret);

#endif
