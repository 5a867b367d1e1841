/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions on the terminal. MUST: use /dev/tty only, echo off for secrets, put the terminal back
 * on every signal before it acts. MUST NOT: read argv or environment, leave a copy outside of
 * struct secret.
 */
#ifndef CARDMFA_PROMPT_H
#define CARDMFA_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "secret.h"

#define PROMPT_SECONDS 120      /* for one answer; shorter than the life of a card process */

enum prompt_echo { PROMPT_HIDDEN = 1, PROMPT_SHOWN };

/*
 * One line without its newline. ERR_CONVERSATION: no terminal, end of file, or longer than
 * SECRET_MAX; ERR_TIMEOUT. A signal that ends the program ends it here, with the terminal as it
 * was; after a stop the question is put again.
 */
MUST_USE enum err prompt_line(const char *question, enum prompt_echo echo, struct secret *ret);

/*
 * The same from stdin, for --stdin: one line or up to end of file. On a terminal it is asked for
 * without echo.
 */
MUST_USE enum err prompt_stdin(const char *question, struct secret *ret);

/* True only for the answer "yes" (or its translation), typed out. No terminal: false. */
bool prompt_yes(const char *question);

/*
 * Writes what must not land in a file (a seed's QR code) to the terminal, and keeps no copy.
 * ERR_CONVERSATION: no terminal, or not all of it could be written.
 */
MUST_USE enum err prompt_show(const char *text, size_t len);

#endif
