/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may follow a half-typed command line, from the table of commands: the shells' scripts ask
 * "cardtool complete WORD..." at each Tab. MUST: stay silent about what it can't read, be quick. MUST NOT: ask, write, wait long.
 */
#ifndef CARDMFA_COMPLETE_H
#define CARDMFA_COMPLETE_H

#include <stddef.h>

#include "cardtool.h"

/*
 * argv[0..argc): the words behind "cardtool", the last one being typed (may be ""). Prints a candidate a line, a tab and what it
 * is behind it where there is something to say; "/" alone: names of files. People, cards and readers are root's to list.
 */
enum exit_code complete_words(const struct command *const *commands, size_t n, int argc, char *const *argv);

#endif
