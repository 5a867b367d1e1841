/* SPDX-License-Identifier: Apache-2.0 */
/* The control field of a line in /etc/pam.d: what each return code of a module does (pam.conf(5)). */
#ifndef CARDMFA_PAM_CONTROL_H
#define CARDMFA_PAM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

/* Return codes as _pam_types.h numbers them; those that are told apart here. */
#define PAM_CODES 32
enum pam_code {
	CODE_SUCCESS = 0, CODE_PERM_DENIED = 6, CODE_AUTH_ERR = 7, CODE_NEW_AUTHTOK_REQD = 12, CODE_IGNORE = 25,
	CODE_ABORT = 26, CODE_MODULE_UNKNOWN = 28, CODE_INCOMPLETE = 31,
};

/* A number above 0 jumps over so many lines. */
enum pam_action { ACTION_IGNORE = 0, ACTION_OK = -1, ACTION_DONE = -2, ACTION_BAD = -3, ACTION_DIE = -4, ACTION_RESET = -5 };

struct pam_control {
	int actions[PAM_CODES];
};

/*
 * "required" or what stands between the brackets of "[success=1 default=ignore]". False: libpam does
 * not understand it; then every code is ACTION_BAD, as there.
 */
bool pam_control_parse(const char *text, bool bracketed, struct pam_control *ret);

/* A line that always fails: every code is ACTION_BAD. */
void pam_control_bad(struct pam_control *ret);

/* "perm_denied"; "default" for any other number. */
const char *pam_control_code_name(int code);

#endif
