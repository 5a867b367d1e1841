/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole policy must fulfil beyond what single values can: called once, before anyone may
 * use it.
 */
#ifndef CARDMFA_POLICY_CHECK_H
#define CARDMFA_POLICY_CHECK_H

#include "policy.h"
#include "settings.h"

/* ERR_CONFIG after conf_fault(). */
MUST_USE enum err policy_check(const struct policy *p, const char *path);

#endif
