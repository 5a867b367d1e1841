/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator says of a person: the options of `user add` and `user change`. Each function has said why not. */
#ifndef CARDMFA_PERSON_FIELDS_H
#define CARDMFA_PERSON_FIELDS_H

#include "cardtool.h"

/* The first rows of both commands' options. */
#define PERSON_OPTIONS \
	{ "staff-number", "NUMBER", N_("staff number, unique") }, \
	{ "name", "TEXT", N_("name of the person") }, \
	{ "section", "TEXT", N_("section") }, \
	{ "class", "NAME", N_("class of the configuration that applies to this person") }, \
	{ "language", "ja|en", N_("language of the messages at login") }

/* Where in a person an option goes, and what it may hold. In the order in which it is told. */
struct person_field {
	const char *option, *word;      /* "staff-number", N_("staff number") */
	size_t at, size, max;
	bool (*fits)(const char *value, size_t max);
};
#define PERSON_FIELDS 5
extern const struct person_field person_fields[PERSON_FIELDS];

/* Puts the options that were given in their places; the others stay as they are. */
enum exit_code person_take_fields(struct tool *t, struct person *p);

/* After ERR_EXISTS, which names no field: says which of p's is another person's. */
enum exit_code person_refuse_duplicate(struct tool *t, const struct person *p);

#endif
