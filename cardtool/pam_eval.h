/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stack does with the answers of its modules: libpam's _pam_dispatch_aux (1.5.2), run once
 * for given answers, or over all answers that the modules may give.
 */
#ifndef CARDMFA_PAM_EVAL_H
#define CARDMFA_PAM_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_stack.h"

#define PAM_EVAL_STEPS_MAX 256

/* A set of return codes. */
typedef uint32_t code_set;
#define CODE_BIT(code) ((code_set)1 << (code))
#define CODES_ANY (~CODE_BIT(CODE_INCOMPLETE))
#define CODES_GOOD (CODE_BIT(CODE_SUCCESS) | CODE_BIT(CODE_NEW_AUTHTOK_REQD))
#define CODES_FAILING (CODES_ANY & ~CODES_GOOD & ~CODE_BIT(CODE_IGNORE))

/* codes[i]: what the module of line i answers. What the host is told. */
int pam_eval_run(const struct pam_stack *s, const int *codes);

enum eval_result { EVAL_NONE, EVAL_FOUND, EVAL_TOO_LARGE };

/* The lines that were called, in order, with their answers. */
struct pam_trace {
	size_t n;
	struct pam_step {
		size_t line;
		int code;
	} steps[PAM_EVAL_STEPS_MAX];
};

/*
 * Is there a way through on which the host is told one of `wanted`, with answers out of codes[i],
 * while of the lines with watched[i] none (proved false) or at least one (proved true) answered
 * with CODES_GOOD? The way is in *ret then. EVAL_TOO_LARGE: there was too much to look at.
 */
enum eval_result pam_eval_find(const struct pam_stack *s, const code_set *codes, const bool *watched, code_set wanted,
			       bool proved, struct pam_trace *ret);

#endif
