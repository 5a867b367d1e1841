/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a service ask pam_cardmfa whatever happens, obey it, and let people through when it says
 * yes? The caller is taken not to be root: pam_rootok before it is right.
 */
#ifndef CARDMFA_STACK_JUDGE_H
#define CARDMFA_STACK_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "host_service.h"
#include "pam_eval.h"
#include "pam_stack.h"

/* line, where one is given: the one to change. beside: the line of pam_cardmfa or pam_systemd that it is about. */
enum stack_fault {
	FAULT_BROKEN = 1,       /* libpam refuses the service: service->why */
	FAULT_ABSENT,           /* no line of ours in a phase that the host calls; line: the first one or NULL */
	FAULT_ENDS_BEFORE,      /* line ends the phase well before ours is asked */
	FAULT_JUMPS_OVER,       /* line jumps over ours */
	FAULT_NOT_OBEYED,       /* line is ours: its refusal is not obeyed */
	FAULT_RESET,            /* line takes our refusal back */
	FAULT_SUFFICIENT,       /* line is ours: safe only by what stands behind it */
	FAULT_NEVER_PASSES,     /* line always fails: nobody gets through; NULL: it can't be said which */
	FAULT_ARGUMENT,         /* line is ours: an argument that it refuses */
	FAULT_ALSO_NEEDS,       /* line: another module that must be satisfied besides ours */
	FAULT_NO_OPEN,          /* session: no line of ours without `confirm` */
	FAULT_OPEN_LATE,        /* session: ours stands behind pam_systemd (beside) */
	FAULT_NO_CONFIRM,       /* session: no `confirm` behind pam_systemd (beside) */
	FAULT_CONFIRM_EARLY,    /* session: `confirm` stands before pam_systemd (beside) */
	FAULT_CONFIRM_LONELY,   /* session: `confirm` where no session is made: it always refuses */
	FAULT_TOO_LARGE,        /* too much to look at */
};

struct stack_finding {
	enum stack_fault fault;
	enum pam_phase phase;
	const struct pam_line *line, *beside;   /* of the service; NULL: none */
};

#define STACK_FINDINGS_MAX 48

struct stack_verdict {
	bool ours[PAM_PHASES];          /* a line of ours stands there, in a phase that the host calls */
	size_t n;
	struct stack_finding findings[STACK_FINDINGS_MAX];
};

/* dirs of modules as for pam_known_line. */
void stack_judge(const struct pam_service *s, const struct host_service *host, const char *const *dirs,
		 struct stack_verdict *ret);

/* Some phase that the host calls has a line of ours. */
bool stack_judge_uses_us(const struct stack_verdict *v);

/*
 * Can authentication and the account check end well without pam_cardmfa, for somebody who can prove
 * these kinds (enum factor_kind) at most? linux_password false: not by pam_unix.
 */
bool stack_judge_passes_by(const struct pam_service *s, const struct host_service *host, const char *const *dirs,
			   unsigned kinds, bool linux_password);

/* Can somebody get through whom pam_cardmfa lets in? linux_password as above. */
bool stack_judge_lets_in(const struct pam_service *s, const struct host_service *host, const char *const *dirs,
			 bool linux_password);

#endif
