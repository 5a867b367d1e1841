/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_eval.h"

#include <stdlib.h>
#include <string.h>

#define STATES_MAX 65536        /* a power of two */

enum impression { UNDECIDED, POSITIVE, NEGATIVE };

struct opinion {
	uint8_t impression, status;
};

/* Bytes only: states are compared as a whole. */
struct state {
	uint16_t at;            /* the next line */
	uint8_t level;          /* of the line before */
	uint8_t proved;
	struct opinion now, entered[PAM_LEVELS_MAX];
};

static const struct opinion undecided = { UNDECIDED, CODE_PERM_DENIED };

/* ---- one step, as libpam takes it ---- */

/* Behind the last line of this level, of what it has below it too. */
static size_t end_of_level(const struct pam_stack *s, size_t at)
{
	size_t i = at + 1;

	while (i < s->n && s->lines[i].level >= s->lines[at].level)
		i++;
	return i;
}

/* n lines on, a substack counting as one. False: there are not so many. */
static bool jump(const struct pam_stack *s, size_t *at, int n)
{
	unsigned level = s->lines[*at].level;
	size_t i = *at;

	for (; n > 0 && i + 1 < s->n && s->lines[i + 1].level >= level; n--)
		do
			i++;
		while (i + 1 < s->n && s->lines[i + 1].level > level);
	*at = i;
	return n == 0;
}

static void think_well(struct opinion *o, int code)
{
	if (o->impression == UNDECIDED || (o->impression == POSITIVE && o->status == CODE_SUCCESS))
		*o = (struct opinion){ POSITIVE, (uint8_t)code };
}

static void think_ill(struct opinion *o, int code)
{
	if (o->impression != NEGATIVE)
		*o = (struct opinion){ NEGATIVE, (uint8_t)(code == CODE_IGNORE ? CODE_PERM_DENIED : code) };
}

/* The line at st->at answers. */
static void step(const struct pam_stack *s, struct state *st, int code)
{
	const struct pam_line *l = &s->lines[st->at];
	size_t at = st->at;
	int action = l->actions.actions[code];

	if (st->level < l->level)
		st->entered[l->level] = st->now;
	st->level = (uint8_t)l->level;
	if (l->kind == LINE_SUBSTACK) {
		st->at++;
		return;
	}
	if (action == ACTION_RESET) {
		st->now = st->entered[l->level];
	} else if (action == ACTION_OK || action == ACTION_DONE) {
		think_well(&st->now, code);
		if (action == ACTION_DONE && st->now.impression == POSITIVE)
			at = end_of_level(s, at) - 1;
	} else if (action == ACTION_BAD || action == ACTION_DIE) {
		think_ill(&st->now, code);
		if (action == ACTION_DIE)
			at = end_of_level(s, at) - 1;
	} else if (action > 0 && !jump(s, &at, action)) {
		st->now = (struct opinion){ NEGATIVE, CODE_PERM_DENIED };
	}
	st->at = (uint16_t)(at + 1);
}

static int told(const struct state *st)
{
	if (st->now.status == CODE_SUCCESS && st->now.impression != POSITIVE)
		return CODE_PERM_DENIED;
	return st->now.status;
}

static void begin(struct state *st)
{
	memset(st, 0, sizeof(*st));
	st->now = undecided;
	st->entered[0] = undecided;
}

int pam_eval_run(const struct pam_stack *s, const int *codes)
{
	struct state st;

	for (begin(&st); st.at < s->n;)
		step(s, &st, s->lines[st.at].kind == LINE_BROKEN ? CODE_PERM_DENIED : codes[st.at]);
	return told(&st);
}

/* ---- all ways through ---- */

struct search {
	const struct pam_stack *stack;
	const code_set *codes;
	const bool *watched;
	code_set wanted;
	bool proved, too_large;
	size_t n;
	struct state *seen;
	bool *used;
	struct pam_trace *trace;
};

/* False: it was there already, or there is no room left. */
static bool remember(struct search *f, const struct state *st)
{
	const unsigned char *bytes = (const unsigned char *)st;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < sizeof(*st); i++)
		h = (h ^ bytes[i]) * 16777619u;
	for (h %= STATES_MAX; f->used[h]; h = (h + 1) % STATES_MAX)
		if (memcmp(&f->seen[h], st, sizeof(*st)) == 0)
			return false;
	if (f->n >= STATES_MAX / 2) {
		f->too_large = true;
		return false;
	}
	f->n++;
	f->used[h] = true;
	f->seen[h] = *st;
	return true;
}

static bool explore(struct search *f, const struct state *st);

static bool try_code(struct search *f, struct state st, int code)
{
	size_t line = st.at, depth = f->trace->n;

	if (depth == PAM_EVAL_STEPS_MAX) {
		f->too_large = true;
		return false;
	}
	f->trace->steps[f->trace->n++] = (struct pam_step){ line, code };
	if (f->watched[line] && CODE_BIT(code) & CODES_GOOD)
		st.proved = 1;
	step(f->stack, &st, code);
	if (explore(f, &st))
		return true;
	f->trace->n = depth;
	return false;
}

/* The same for all that comes: only one failing code for each action need be looked at. */
static bool is_like_an_earlier(const struct pam_line *l, code_set codes, int code)
{
	if (!(CODE_BIT(code) & CODES_FAILING))
		return false;
	for (int c = 0; c < code; c++)
		if (codes & CODES_FAILING & CODE_BIT(c) && l->actions.actions[c] == l->actions.actions[code])
			return true;
	return false;
}

static bool explore(struct search *f, const struct state *st)
{
	if (st->at >= f->stack->n)
		return CODE_BIT(told(st)) & f->wanted && st->proved == f->proved;
	if (!remember(f, st))
		return false;

	const struct pam_line *l = &f->stack->lines[st->at];
	code_set codes = f->codes[st->at];

	if (l->kind == LINE_BROKEN)
		codes = CODE_BIT(CODE_PERM_DENIED);
	if (l->kind == LINE_SUBSTACK) {
		struct state next = *st;

		step(f->stack, &next, CODE_SUCCESS);
		return explore(f, &next);
	}
	for (int code = 0; code < PAM_CODES; code++)
		if (codes & CODE_BIT(code) && !is_like_an_earlier(l, codes, code) && try_code(f, *st, code))
			return true;
	return false;
}

enum eval_result pam_eval_find(const struct pam_stack *s, const code_set *codes, const bool *watched, code_set wanted,
			       bool proved, struct pam_trace *ret)
{
	struct search f = {
		.stack = s, .codes = codes, .watched = watched, .wanted = wanted, .proved = proved, .trace = ret,
		.seen = calloc(STATES_MAX, sizeof(*f.seen)), .used = calloc(STATES_MAX, sizeof(*f.used)),
	};
	struct state first;
	enum eval_result found = EVAL_TOO_LARGE;

	ret->n = 0;
	begin(&first);
	/* Without a line libpam denies. */
	if (f.seen && f.used)
		found = s->n > 0 && explore(&f, &first) ? EVAL_FOUND : f.too_large ? EVAL_TOO_LARGE : EVAL_NONE;
	free(f.seen);
	free(f.used);
	return found;
}
