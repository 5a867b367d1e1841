/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARDMFA_READER_LOOK_H
#define CARDMFA_READER_LOOK_H

#include <jansson.h>

#include "told.h"

/*
 * Says what is in the readers of this machine, and whether it is a card of `user`, whose cards the daemon told. json: an
 * array that takes it instead, an object for each reader. Before a login: the card process that the daemon starts
 * then has the readers for itself. What fails is said.
 */
void reader_look(const struct told *told, const char *user, json_t *json);

#endif
