/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cards and people as --json gives them: stable names, the store's words, UTC. NULL: out of memory.
 */
#ifndef CARDMFA_CARD_JSON_H
#define CARDMFA_CARD_JSON_H

#include <jansson.h>

#include "store.h"

json_t *card_json(const struct card_row *c, const struct person *p);
json_t *person_json(const struct person *p);

#endif
