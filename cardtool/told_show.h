/* SPDX-License-Identifier: Apache-2.0 */
/* An explained login in words and as JSON: place, class and why, ways in, counters. */
#ifndef CARDMFA_TOLD_SHOW_H
#define CARDMFA_TOLD_SHOW_H

#include <jansson.h>

#include "told.h"

/* "service, person": conditions (policy.h) by the keys of the configuration. */
const char *told_conditions(char *dst, size_t size, unsigned conditions);
/* "[far], line 7: does not apply, for where does not hold", "[default], line 12: applies ..." */
const char *told_class(char *dst, size_t size, const struct wire_class *k);
/* The class that applies; NULL: none was told. */
const struct wire_class *told_applying(const struct told *t);
/* "possible", or what stands in the way. */
const char *told_obstacle(enum wire_obstacle o);

/* Everything, as a table of names and values. name: whose login it is. */
void told_show(const struct told *t, const char *name);
/* The same as one object. */
json_t *told_json(const struct told *t);

#endif
