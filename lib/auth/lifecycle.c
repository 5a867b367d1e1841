/* SPDX-License-Identifier: Apache-2.0 */
#include "lifecycle.h"

#include "clock.h"
#include "text.h"

#define REPORTER_MAX (2 * STORE_LABEL_MAX)      /* characters */
#define TO(state) (1u << (state))

static const unsigned next_states[] = {
	[CARD_ISSUED]    = TO(CARD_ACTIVE) | TO(CARD_REVOKED),
	[CARD_ACTIVE]    = TO(CARD_SUSPENDED) | TO(CARD_REVOKED),
	[CARD_SUSPENDED] = TO(CARD_ACTIVE) | TO(CARD_REVOKED),
	[CARD_REVOKED]   = TO(CARD_FOUND) | TO(CARD_COLLECTED),
	[CARD_FOUND]     = TO(CARD_COLLECTED),
	[CARD_COLLECTED] = TO(CARD_DESTROYED),
	[CARD_DESTROYED] = 0,
};

/* What a card in this state answers to a login; a state without a row is ERR_DENIED. */
static const enum err login_answer[] = {
	[CARD_ISSUED]    = ERR_DENIED,
	[CARD_ACTIVE]    = ERR_OK,
	[CARD_SUSPENDED] = ERR_SUSPENDED,
	[CARD_REVOKED]   = ERR_REVOKED,
	[CARD_FOUND]     = ERR_REVOKED,
	[CARD_COLLECTED] = ERR_REVOKED,
	[CARD_DESTROYED] = ERR_REVOKED,
};

static bool is_state(enum card_state state)
{
	return state >= CARD_ISSUED && state <= CARD_DESTROYED;
}

bool lifecycle_allows(enum card_state from, enum card_state to)
{
	return is_state(from) && is_state(to) && (next_states[from] & TO(to)) != 0;
}

enum err lifecycle_usable(const struct card_row *c, int64_t now)
{
	if (!is_state(c->state))
		return ERR_DENIED;
	if (c->state == CARD_ACTIVE && c->not_after != -1 && now > c->not_after)
		return ERR_EXPIRED;
	return login_answer[c->state];
}

/* The reason belongs to a revocation and to nothing else. */
static enum err check_step(const struct lifecycle_step *step)
{
	const bool revokes = step->to == CARD_REVOKED;
	const bool known = step->reason >= REASON_LOST && step->reason <= REASON_TRANSFERRED;

	if (!is_state(step->to))
		return fail(ERR_INVALID, "card state %d is unknown", (int)step->to);
	if (revokes && !known)
		return fail(ERR_INVALID, "a revocation needs a reason");
	if (!revokes && step->reason != REASON_NONE)
		return fail(ERR_INVALID, "only a revocation has a reason");
	return ERR_OK;
}

static enum err fill_revocation(struct card_row *c, const struct lifecycle_step *step, int64_t now)
{
	const char *by = step->reported_by != NULL ? step->reported_by : "";

	if (*by != '\0' && !text_is_label(by, REPORTER_MAX))
		return fail(ERR_INVALID, "the name of the person who reported is not plain text");
	if (!text_copy(c->reported_by, sizeof(c->reported_by), by))
		return fail(ERR_INVALID, "the name of the person who reported is too long");
	c->reason = step->reason;
	c->revoked_at = now;
	c->reported_at = step->reported_at;
	return ERR_OK;
}

enum err lifecycle_move(struct store *s, struct card_row *c, const struct lifecycle_step *step,
			bool *changed)
{
	struct card_row moved = *c;
	enum err e = check_step(step);

	if (e != ERR_OK)
		return e;
	if (c->state == step->to) {
		*changed = false;
		return ERR_OK;
	}
	if (!lifecycle_allows(c->state, step->to))
		return fail(ERR_BAD_STATE, "card %s is %s and can't become %s", c->card_id.text,
			    card_state_name(c->state), card_state_name(step->to));
	moved.state = step->to;
	moved.changed_at = clock_real_s();
	if (step->to == CARD_REVOKED) {
		e = fill_revocation(&moved, step, moved.changed_at);
		if (e != ERR_OK)
			return e;
	}
	e = store_card_set_state(s, &moved, c->state);
	if (e != ERR_OK)
		return e;
	*c = moved;
	*changed = true;
	return ERR_OK;
}
