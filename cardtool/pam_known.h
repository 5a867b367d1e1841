/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of PAM modules by name: what they can answer, and what they let a person prove. */
#ifndef CARDMFA_PAM_KNOWN_H
#define CARDMFA_PAM_KNOWN_H

#include <stdbool.h>

#include "pam_eval.h"

#define PAM_KNOWN_OURS "pam_cardmfa"

struct pam_known {
	code_set codes;         /* of a caller who is not root; of an unknown module: any */
	unsigned kinds;         /* enum factor_kind of policy.h that its success proves, 0: nothing */
	bool ours, confirm;     /* pam_cardmfa; its session line behind pam_systemd */
	bool bad_argument;      /* ours, with an argument that it refuses */
	bool missing;           /* no such file: libpam answers module_unknown in its place */
	bool systemd;           /* makes the session known to logind */
};

/* Where libpam looks for modules without a path; ends with NULL. */
extern const char *const pam_known_dirs[];

/* Where the file of this module is; false: there is none, or dst is too small. */
bool pam_known_path(const char *module, const char *const *dirs, char *dst, size_t size);

/* Where the line asks for the service alone, as in `pam_succeed_if.so service in crond`, what it answers at this one. */
void pam_known_at(const struct pam_line *l, const char *service, struct pam_known *k);

/* dirs NULL: every module is taken to be there. */
void pam_known_line(const struct pam_line *l, enum pam_phase phase, const char *const *dirs, struct pam_known *ret);

#endif
