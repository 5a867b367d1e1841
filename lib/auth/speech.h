/* SPDX-License-Identifier: Apache-2.0 */
/* The language of one call and the sentences it may need more than once. */
#ifndef CARDMFA_SPEECH_H
#define CARDMFA_SPEECH_H

#include <stddef.h>

#include "auth.h"
#include "who.h"

/* "ja" or "en"; English where PAM_TTY is a virtual console, which has no kanji. Sets LANGUAGE for gettext. */
void speech_in(const char *language, const char *tty);

/*
 * Person's, class', [settings]' or the system's language, in this order, by speech_in(). The process' locale is
 * C.UTF-8.
 */
void speech_choose(const struct auth_call *c, const struct who *w);

/* A whole sentence for why the login was refused. untold: the reason is not the asker's to know. */
const char *speech_refusal(enum err why);

#endif
