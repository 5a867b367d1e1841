/* SPDX-License-Identifier: Apache-2.0 */
#include "stack_judge.h"

#include <stdlib.h>
#include <string.h>

#include "pam_known.h"

#define CULPRITS_MAX 8          /* of one phase: beyond that it has to be written anew anyway */
#define KINDS_ALL 7u

/* One phase with what is known of its lines. */
struct phase {
	const struct pam_stack *stack;
	enum pam_phase which;
	size_t n_ours;
	struct pam_known *known;
	code_set *codes;
	bool *ours, *watched;
	struct stack_verdict *verdict;
};

static void release(struct phase *p)
{
	free(p->known);
	free(p->codes);
	free(p->ours);
	free(p->watched);
}

/* False: no memory. */
static bool prepare(struct phase *p, const struct pam_service *s, enum pam_phase which, const char *const *dirs)
{
	size_t n = s->stacks[which].n;

	*p = (struct phase){ .stack = &s->stacks[which], .which = which, .known = calloc(n + 1, sizeof(*p->known)),
			     .codes = calloc(n + 1, sizeof(*p->codes)), .ours = calloc(n + 1, sizeof(*p->ours)),
			     .watched = calloc(n + 1, sizeof(*p->watched)) };
	if (!p->known || !p->codes || !p->ours || !p->watched)
		return false;
	for (size_t i = 0; i < n; i++) {
		pam_known_line(&p->stack->lines[i], which, dirs, &p->known[i]);
		pam_known_at(&p->stack->lines[i], s->name, &p->known[i]);
		p->codes[i] = p->known[i].codes;
		p->ours[i] = p->watched[i] = p->known[i].ours;
		p->n_ours += p->known[i].ours;
	}
	return true;
}

static void forget_bans(struct phase *p)
{
	for (size_t i = 0; i < p->stack->n; i++)
		p->codes[i] = p->known[i].codes;
}

static code_set welcome(const struct phase *p)
{
	/* A host goes on after "the password must be changed". */
	return p->which == PHASE_ACCOUNT ? CODES_GOOD : CODE_BIT(CODE_SUCCESS);
}

static enum eval_result find(const struct phase *p, bool proved, struct pam_trace *trace)
{
	return pam_eval_find(p->stack, p->codes, p->watched, welcome(p), proved, trace);
}

static void add(struct phase *p, enum stack_fault fault, const struct pam_line *line, const struct pam_line *beside)
{
	struct stack_verdict *v = p->verdict;

	if (v->n < STACK_FINDINGS_MAX)
		v->findings[v->n++] = (struct stack_finding){ fault, p->which, line, beside };
}

/* ---- ways past us ---- */

static size_t next_watched(const struct phase *p, size_t from)
{
	while (from < p->stack->n && !p->watched[from])
		from++;
	return from;
}

static bool refusal_counts(const struct pam_line *l, int code)
{
	return l->actions.actions[code] == ACTION_BAD || l->actions.actions[code] == ACTION_DIE;
}

struct culprit {
	const struct pam_step *step;
	enum stack_fault fault;
	size_t beside;          /* line of ours */
};

/* The step of a way past us that makes it one. */
static struct culprit blame(const struct phase *p, const struct pam_trace *t)
{
	size_t refused = p->stack->n;

	for (size_t i = 0; i < t->n; i++) {
		const struct pam_step *s = &t->steps[i];
		const struct pam_line *l = &p->stack->lines[s->line];
		size_t next = i + 1 < t->n ? t->steps[i + 1].line : p->stack->n, passed = next_watched(p, s->line + 1);

		if (p->watched[s->line] && !refusal_counts(l, s->code))
			return (struct culprit){ s, FAULT_NOT_OBEYED, s->line };
		if (p->watched[s->line])
			refused = s->line;
		if (refused < p->stack->n && l->actions.actions[s->code] == ACTION_RESET)
			return (struct culprit){ s, FAULT_RESET, refused };
		if (passed < next && passed < p->stack->n)
			return (struct culprit){ s, l->actions.actions[s->code] > 0 ? FAULT_JUMPS_OVER : FAULT_ENDS_BEFORE,
						 passed };
	}
	return (struct culprit){ NULL, FAULT_TOO_LARGE, 0 };
}

/* No second way past us by the same action of the same line. */
static void ban(struct phase *p, const struct pam_step *s)
{
	const struct pam_control *c = &p->stack->lines[s->line].actions;

	for (int code = 0; code < PAM_CODES; code++)
		if (c->actions[code] == c->actions[s->code])
			p->codes[s->line] &= ~CODE_BIT(code);
}

static void look_for_ways_past(struct phase *p)
{
	struct pam_trace trace;
	enum eval_result found = EVAL_NONE;

	for (int i = 0; i < CULPRITS_MAX && (found = find(p, false, &trace)) == EVAL_FOUND; i++) {
		struct culprit c = blame(p, &trace);

		if (!c.step) {
			add(p, FAULT_TOO_LARGE, NULL, NULL);
			break;
		}
		add(p, c.fault, &p->stack->lines[c.step->line], &p->stack->lines[c.beside]);
		ban(p, c.step);
	}
	if (found == EVAL_TOO_LARGE)
		add(p, FAULT_TOO_LARGE, NULL, NULL);
	forget_bans(p);
}

/* ---- ways through ---- */

static void look_for_walls(struct phase *p)
{
	struct pam_trace trace;

	if (find(p, true, &trace) != EVAL_NONE)
		return;
	for (size_t i = 0; i < p->stack->n; i++) {
		code_set before = p->codes[i];

		if (p->ours[i] || p->stack->lines[i].kind == LINE_BROKEN)
			continue;
		p->codes[i] = CODES_ANY;

		bool wall = find(p, true, &trace) == EVAL_FOUND;

		p->codes[i] = before;
		if (wall) {
			add(p, FAULT_NEVER_PASSES, &p->stack->lines[i], NULL);
			return;
		}
	}
	for (size_t i = 0; i < p->stack->n; i++) {
		if (p->stack->lines[i].kind == LINE_BROKEN || p->known[i].missing ||
		    refusal_counts(&p->stack->lines[i], CODE_SUCCESS)) {
			add(p, FAULT_NEVER_PASSES, &p->stack->lines[i], NULL);
			return;
		}
	}
	add(p, FAULT_NEVER_PASSES, NULL, NULL);
}

static void look_for_other_proofs(struct phase *p)
{
	struct pam_trace trace;

	if (find(p, true, &trace) != EVAL_FOUND)
		return;
	for (size_t i = 0; i < p->stack->n; i++) {
		if (p->ours[i] || !p->known[i].kinds)
			continue;
		p->codes[i] &= CODES_FAILING;
		if (find(p, true, &trace) == EVAL_NONE)
			add(p, FAULT_ALSO_NEEDS, &p->stack->lines[i], NULL);
		p->codes[i] = p->known[i].codes;
	}
}

/* True: some argument is refused. */
static bool look_at_arguments(struct phase *p)
{
	bool bad = false;

	for (size_t i = 0; i < p->stack->n; i++) {
		if (!p->known[i].bad_argument)
			continue;
		add(p, FAULT_ARGUMENT, &p->stack->lines[i], NULL);
		bad = true;
	}
	return bad;
}

/* Obeyed by luck: it is right as long as nothing behind it succeeds. */
static void look_for_sufficient(struct phase *p, size_t findings_before)
{
	for (size_t i = findings_before; i < p->verdict->n; i++)
		if (p->verdict->findings[i].fault == FAULT_NOT_OBEYED)
			return;
	for (size_t i = 0; i < p->stack->n; i++)
		if (p->ours[i] && !refusal_counts(&p->stack->lines[i], CODE_AUTH_ERR))
			add(p, FAULT_SUFFICIENT, &p->stack->lines[i], NULL);
}

/* ---- phases ---- */

static void judge_plain(struct phase *p)
{
	size_t before = p->verdict->n;

	if (p->n_ours == 0) {
		add(p, FAULT_ABSENT, p->stack->n ? &p->stack->lines[0] : NULL, NULL);
		return;
	}
	look_for_ways_past(p);
	look_for_sufficient(p, before);
	if (!look_at_arguments(p)) {
		look_for_walls(p);
		look_for_other_proofs(p);
	}
}

struct session_lines {
	size_t systemd, first_open, last_confirm;       /* the stack's size: none */
	size_t n_open, n_confirm;
};

static struct session_lines find_session_lines(const struct phase *p)
{
	size_t n = p->stack->n;
	struct session_lines l = { n, n, n, 0, 0 };

	for (size_t i = 0; i < n; i++) {
		const struct pam_known *k = &p->known[i];

		if (k->systemd && !k->missing && l.systemd == n)
			l.systemd = i;
		if (k->ours && k->confirm)
			l.last_confirm = i;
		else if (k->ours && l.first_open == n)
			l.first_open = i;
		l.n_open += k->ours && !k->confirm;
		l.n_confirm += k->ours && k->confirm;
	}
	return l;
}

static void watch(struct phase *p, bool confirm)
{
	for (size_t i = 0; i < p->stack->n; i++)
		p->watched[i] = p->ours[i] && p->known[i].confirm == confirm;
}

static bool is_reached(const struct phase *p)
{
	struct pam_trace trace;

	return find(p, true, &trace) != EVAL_NONE;
}

static bool passes_without_us(const struct phase *p)
{
	struct pam_trace trace;

	return find(p, false, &trace) == EVAL_FOUND;
}

static void judge_confirm(struct phase *p, const struct session_lines *l, const struct host_service *host)
{
	const struct pam_line *lines = p->stack->lines;
	bool there = l->systemd < p->stack->n;

	watch(p, true);
	if (!there || host->kind != HOST_LOGIN) {
		if (l->n_confirm && host->kind != HOST_SWITCH && !(host->kind == HOST_JOBS && there) && is_reached(p))
			add(p, FAULT_CONFIRM_LONELY, &lines[l->last_confirm], NULL);
		return;
	}
	if (!l->n_confirm) {
		add(p, FAULT_NO_CONFIRM, NULL, &lines[l->systemd]);
		return;
	}
	if (l->last_confirm < l->systemd)
		add(p, FAULT_CONFIRM_EARLY, &lines[l->last_confirm], &lines[l->systemd]);
	look_for_ways_past(p);
}

static void judge_session(struct phase *p, const struct host_service *host)
{
	struct session_lines l = find_session_lines(p);
	const struct pam_line *lines = p->stack->lines;
	/* What sudo starts stays in the session it was called in, and ends with it. */
	bool expected = host->kind == HOST_LOGIN || (host->kind == HOST_SWITCH && l.systemd < p->stack->n);

	if (p->n_ours == 0) {
		if (expected)
			add(p, FAULT_ABSENT, p->stack->n ? &lines[0] : NULL, l.systemd < p->stack->n ? &lines[l.systemd] : NULL);
		return;
	}
	if (!l.n_open) {
		if (expected)
			add(p, FAULT_NO_OPEN, &lines[l.last_confirm], NULL);
	} else {
		if (l.first_open > l.systemd)
			add(p, FAULT_OPEN_LATE, &lines[l.first_open], &lines[l.systemd]);
		watch(p, false);
		/* A line for all may pass by what it is not meant for. */
		if (expected)
			look_for_ways_past(p);
	}
	judge_confirm(p, &l, host);
	memcpy(p->watched, p->ours, p->stack->n * sizeof(*p->watched));
	if (!look_at_arguments(p) && (expected || !passes_without_us(p)))
		look_for_walls(p);
}

bool stack_judge_uses_us(const struct stack_verdict *v)
{
	return v->ours[PHASE_AUTH] || v->ours[PHASE_ACCOUNT] || v->ours[PHASE_SESSION];
}

void stack_judge(const struct pam_service *s, const struct host_service *host, const char *const *dirs,
		 struct stack_verdict *ret)
{
	struct phase phases[PHASE_SESSION + 1];
	bool good = true;

	*ret = (struct stack_verdict){ .n = 0 };
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_SESSION; w++) {
		good &= prepare(&phases[w], s, w, dirs);
		phases[w].verdict = ret;
		ret->ours[w] = good && phases[w].n_ours > 0 && host->phases & HOST_CALLS(w);
	}
	if (s->broken)
		add(&phases[PHASE_AUTH], FAULT_BROKEN, NULL, NULL);
	for (enum pam_phase w = PHASE_AUTH; good && !s->broken && stack_judge_uses_us(ret) && w <= PHASE_SESSION; w++) {
		if (!(host->phases & HOST_CALLS(w)))
			continue;
		if (w == PHASE_SESSION)
			judge_session(&phases[w], host);
		else
			judge_plain(&phases[w]);
	}
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_SESSION; w++)
		release(&phases[w]);
}

/* ---- for the simulation ---- */

static bool find_way(const struct pam_service *s, enum pam_phase which, const char *const *dirs, unsigned kinds,
		     bool linux_password, bool proved)
{
	struct pam_trace trace;
	struct phase p;
	char name[64];
	bool found = false;

	if (prepare(&p, s, which, dirs)) {
		for (size_t i = 0; i < p.stack->n; i++) {
			bool is_unix = strcmp(pam_stack_module_name(&p.stack->lines[i], name, sizeof(name)), "pam_unix") == 0;

			if (which == PHASE_AUTH && ((p.known[i].kinds & ~kinds) || (is_unix && !linux_password)))
				p.codes[i] &= ~CODES_GOOD;
		}
		/* Without a line of ours nothing is proved by it. */
		found = find(&p, proved, &trace) == EVAL_FOUND;
	}
	release(&p);
	return found;
}

bool stack_judge_passes_by(const struct pam_service *s, const struct host_service *host, const char *const *dirs,
			   unsigned kinds, bool linux_password)
{
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_ACCOUNT; w++)
		if (host->phases & HOST_CALLS(w) && !find_way(s, w, dirs, kinds, linux_password, false))
			return false;
	return !s->broken;
}

bool stack_judge_lets_in(const struct pam_service *s, const struct host_service *host, const char *const *dirs,
			 bool linux_password)
{
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_ACCOUNT; w++)
		if (host->phases & HOST_CALLS(w) && !find_way(s, w, dirs, KINDS_ALL, linux_password, true) &&
		    !find_way(s, w, dirs, KINDS_ALL, linux_password, false))
			return false;
	return !s->broken;
}
