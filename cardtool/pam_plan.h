/* SPDX-License-Identifier: Apache-2.0 */
/* A service as it will be with the lines of README and pam_cardmfa(8), before anybody has written them. */
#ifndef CARDMFA_PAM_PLAN_H
#define CARDMFA_PAM_PLAN_H

#include <stdbool.h>

#include "pam_stack.h"

/*
 * In auth ours stands instead of what the shared files (common-auth) say, in account before it, in
 * session before and, with `confirm`, behind it where sessions begin or pam_systemd is among it; where nothing is shared, ours comes first (`confirm`
 * last). *ret borrows from s and holds no password phase. False: no memory.
 */
MUST_USE bool pam_plan_make(const struct pam_service *s, struct pam_service *ret);
void pam_plan_free(struct pam_service *plan);

#endif
