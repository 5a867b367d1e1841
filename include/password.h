/* SPDX-License-Identifier: Apache-2.0 */
/* What may be set as a password. The rules of content (dictionary, names, dates) come with chauthtok; these hold everywhere. */
#ifndef CARDMFA_PASSWORD_H
#define CARDMFA_PASSWORD_H

#include <stddef.h>

#include "error.h"
#include "secret.h"

#define PASSWORD_MIN_DEFAULT 8          /* as part of MFA (SP 800-63B-4 3.1.1.2) */
#define PASSWORD_MAX 128

/*
 * NULL when it may be set, else the English reason (translate with gettext), one sentence without
 * full stop. Refused: shorter than min, longer than PASSWORD_MAX, characters other than printable
 * ASCII (a console can't type them), all digits with the length of a code (6, 7 or 8: one prompt takes either), one character repeated, the login name or its reverse.
 */
const char *password_unfit(const struct secret *password, size_t min, const char *login);

#endif
