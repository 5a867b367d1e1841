/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a person typed to the row. Only an exact match is one (case, dashes and blanks of a
 * card identifier apart); on a miss the nearest candidates are shown on stderr and nothing is done.
 * Each returns EXIT_DONE or has said why not.
 */
#ifndef CARDMFA_FIND_H
#define CARDMFA_FIND_H

#include "card_link.h"
#include "cardtool.h"

enum exit_code find_person(struct tool *t, const char *login, struct person *ret);
enum exit_code find_person_by_number(struct tool *t, const char *number, struct person *ret);
enum exit_code find_card(struct tool *t, const char *typed, struct card_row *ret);

/*
 * Filters of lists: what --match of the command says (NULL: not given), and whether it is a part of one of these texts,
 * case ignored. texts ends with NULL; typed NULL matches.
 */
enum exit_code find_take_match(struct tool *t, const char **ret);
bool find_matches(const char *typed, const char *const *texts);

/* Candidates alone, after the caller's own complaint; says nothing when none is near. */
struct candidates;
struct candidates *candidates_new(const char *typed);
/* shown: what stands on the line; key: what is compared. */
void candidates_add(struct candidates *c, const char *key, const char *shown);
/* Shows up to five and frees. */
void candidates_show(struct candidates *c);

#endif
