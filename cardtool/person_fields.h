/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator says of a person: the options of `user add` and `user change`. Each function has said why not. */
#ifndef CARDMFA_PERSON_FIELDS_H
#define CARDMFA_PERSON_FIELDS_H

#include "cardtool.h"

extern const struct option_row person_options[];

/* Puts the options that were given in their places; the others stay as they are. */
enum exit_code person_take_fields(struct tool *t, struct person *p);

/* After ERR_EXISTS, which names no field: says which of p's is another person's. */
enum exit_code person_refuse_duplicate(struct tool *t, const struct person *p);

#endif
