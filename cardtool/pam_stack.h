/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of a service as libpam (1.5.2, with Debian's @include) reads them: files, included
 * ones put in their places, lines that always fail marked as such. Opens the files that it is told
 * of and nothing else; calls no module.
 */
#ifndef CARDMFA_PAM_STACK_H
#define CARDMFA_PAM_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "pam_control.h"

enum pam_phase { PHASE_AUTH, PHASE_ACCOUNT, PHASE_SESSION, PHASE_PASSWORD };
#define PAM_PHASES 4

#define PAM_LEVELS_MAX 16       /* PAM_SUBSTACK_MAX_LEVEL, of substacks and of includes */
#define PAM_LINE_MAX 1024       /* bytes of a line with its continuations */

enum pam_line_kind {
	LINE_MODULE = 1,
	LINE_SUBSTACK,          /* the place where a substack begins: calls nothing */
	LINE_BROKEN,            /* always fails: type, control, module or included file are wrong */
};

struct pam_line {
	enum pam_line_kind kind;
	char *file;             /* path that it stands in */
	unsigned number;        /* first physical line */
	char *control;          /* as written, "[success=1 default=ignore]" with brackets */
	char *module;           /* as written; of a substack or include that failed: its file; "" if missing */
	char *arguments;        /* joined by single blanks, "" if none */
	bool quiet;             /* '-' before the type */
	unsigned level;         /* of substacks */
	struct pam_control actions;
};

struct pam_stack {
	size_t n;
	struct pam_line *lines;
	bool of_other;          /* the service has no line of this phase: those of `other` */
};

struct pam_service {
	char *name, *path;      /* path: "" when there is no file of its own */
	bool broken;            /* libpam refuses to start: nothing works at this service */
	char why[256];          /* English, "" unless broken */
	size_t n_files;
	char **files;           /* all that were read for it, those of `other` and included ones too */
	struct pam_stack stacks[PAM_PHASES];
};

/* Where libpam looks for a service, the first one counts; ends with NULL. */
extern const char *const pam_stack_dirs[];

/* "auth", "account", "session", "password". */
const char *pam_stack_phase_name(enum pam_phase phase);

/* ERR_MEMORY; a service without any file is broken, as for libpam. */
MUST_USE enum err pam_stack_read(const char *const *dirs, const char *service, struct pam_service *ret);
void pam_stack_free(struct pam_service *s);

/* The last part of the module's path without ".so": "pam_unix". dst >= 64. */
const char *pam_stack_module_name(const struct pam_line *l, char *dst, size_t size);

/* The word stands among the arguments. */
bool pam_stack_has_argument(const struct pam_line *l, const char *word);

#endif
