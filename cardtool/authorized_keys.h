/* SPDX-License-Identifier: Apache-2.0 */
/* sshd's AuthorizedKeysFile: where it leads for an account, and what keys a line holds. sshd(8), sshd_config(5). */
#ifndef CARDMFA_AUTHORIZED_KEYS_H
#define CARDMFA_AUTHORIZED_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* The next of the patterns with %h, %u, %U and %% replaced, relative ones in the home. False: none is left, "none", or too long. */
MUST_USE bool authorized_keys_path(const char **patterns, const char *login, int64_t uid, const char *home, char *dst, size_t size);

/*
 * A number for the key of this line, options before it or not, not 0; the same for the two words alone ("ssh-rsa AAAA..."). 0: the line
 * has none. For advice: equal numbers prove nothing.
 */
uint64_t authorized_keys_mark(const char *line);

#endif
