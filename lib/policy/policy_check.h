/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole policy must fulfil beyond what single values can: called once, before anyone may
 * use it.
 */
#ifndef CARDMFA_POLICY_CHECK_H
#define CARDMFA_POLICY_CHECK_H

#include "policy.h"
#include "settings.h"

/*
 * Where each setting was written: lines[0] for [settings], lines[1 + i] for class i; 0 if it was
 * not.
 */
struct policy_source {
	const char *path;
	unsigned lines[1 + POLICY_CLASSES_MAX][SETTINGS_MAX];
};

/* ERR_CONFIG after conf_fault(). */
MUST_USE enum err policy_check(const struct policy *p, const struct policy_source *source);

#endif
