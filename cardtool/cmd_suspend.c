/* SPDX-License-Identifier: Apache-2.0 */
/* Suspending stops all that it may mean. MUST NOT: resume one of several cards by a guess. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card_target.h"
#include "change.h"
#include "lifecycle.h"
#include "output.h"
#include "revoke.h"
#include "words.h"

struct moved {
	struct card_row card;
	bool changed;
};

struct moving {
	struct card_target target;
	enum card_state to;
	enum event_type event;
	int64_t at;
	size_t n;
	struct moved *cards;
};

static void moving_free(struct moving *m)
{
	free(m->cards);
}
#define MOVING(name, ...) struct moving name __attribute__((cleanup(moving_free))) = { __VA_ARGS__ }

/* ---- which ones ---- */

static enum err add(struct moving *m, const struct card_row *c)
{
	struct moved *more = reallocarray(m->cards, m->n + 1, sizeof(*more));

	if (!more)
		return fail(ERR_MEMORY, "cards");
	m->cards = more;
	m->cards[m->n++] = (struct moved){ .card = *c };
	return ERR_OK;
}

/* Of a person's: those that can be suspended, or are; those that are suspended and can be resumed. */
static enum err add_if_meant(const struct card_row *c, void *arg)
{
	struct moving *m = arg;
	bool there = m->to == CARD_SUSPENDED && c->state == CARD_SUSPENDED;

	return there || (c->state != m->to && lifecycle_allows(c->state, m->to)) ? add(m, c) : ERR_OK;
}

/* ---- the change ---- */

static enum err move_one(struct change *c, struct moving *m, struct moved *one)
{
	struct lifecycle_step step = { .to = m->to, .reported_at = -1 };
	struct event event = { .type = m->event, .person = m->target.person.login, .card = one->card.card_id.text };
	enum err e = store_card_by_id(change_store(c), one->card.id, &one->card);

	if (!e)
		e = lifecycle_move(change_store(c), &one->card, &step, &one->changed);
	return e || !one->changed ? e : change_event(c, &event);
}

/* A person's cards are looked up inside, as those to revoke are. */
static enum err move_them(struct change *c, void *arg)
{
	struct moving *m = arg;
	const struct card_target *g = &m->target;
	enum err e;

	m->at = change_now(c);
	m->n = 0;
	e = g->card.id ? add(m, &g->card) : store_card_each(change_store(c), g->person.id, add_if_meant, m);
	if (!e && m->n == 0)
		return fail(ERR_NOT_FOUND, "%s: no such card", g->person.login);
	if (!e && m->n > 1 && m->to == CARD_ACTIVE)
		return fail(ERR_INVALID, "%s: several cards", g->person.login);
	for (size_t i = 0; !e && i < m->n; i++)
		e = move_one(c, m, &m->cards[i]);
	return e;
}

static enum exit_code say_none(const struct moving *m)
{
	const char *login = m->target.person.login;

	if (m->to == CARD_SUSPENDED)
		complain(_("%s has no card that can be suspended (`cardtool list --user %s` shows all)"), login, login);
	else
		complain(_("%s has no suspended card (`cardtool list --user %s` shows all)"), login, login);
	return EXIT_REFUSED;
}

/* Making one active widens what is possible: it is named, never taken for another. */
static enum exit_code say_several(const struct moving *m)
{
	complain(_("%s has %zu suspended cards. Say which one is back:"), m->target.person.login, m->n);
	for (size_t i = 0; i < m->n; i++)
		advise("  cardtool resume %s%s%s", m->cards[i].card.card_id.text, *m->cards[i].card.label ? "  # " : "",
		       ESCAPED(m->cards[i].card.label));
	return EXIT_REFUSED;
}

static enum exit_code move(struct tool *t, struct moving *m)
{
	enum exit_code code = card_target_check(t);
	enum err e;

	if (!code)
		code = card_target_take(t, &m->target);
	if (code)
		return code;
	e = change_run(t, move_them, m);
	if (e == ERR_NOT_FOUND && !m->target.card.id)
		return say_none(m);
	if (e == ERR_INVALID && m->n > 1)
		return say_several(m);
	if (e == ERR_BAD_STATE) {
		complain(_("card %s is %s: this can't be done with it"), m->cards[0].card.card_id.text,
			 word_card_state(m->cards[0].card.state));
		return EXIT_REFUSED;
	}
	return complain_err(e);
}

/* ---- what is said ---- */

static json_t *moved_cards(const struct moving *m)
{
	json_t *cards = json_array();

	for (size_t i = 0; i < m->n; i++)
		json_array_append_new(cards, revocation_card(&m->cards[i].card, &m->target.person, m->cards[i].changed));
	return cards;
}

static enum exit_code suspend(struct tool *t)
{
	MOVING(m, .to = CARD_SUSPENDED, .event = EVENT_CARD_SUSPEND);
	enum exit_code code = move(t, &m);
	json_t *sessions = t->json ? json_array() : NULL;

	if (code) {
		json_decref(sessions);
		return code;
	}
	for (size_t i = 0; !t->json && i < m.n; i++)
		say(m.cards[i].changed ? _("Suspended card %s of %s. Logins with it are refused until `cardtool resume %s`.") :
					 _("Card %s of %s is suspended already (`cardtool resume %s` ends that)."),
		    m.cards[i].card.card_id.text, m.target.person.login, m.cards[i].card.card_id.text);
	code = revocation_sessions(t, m.target.person.id, m.target.card.id, t->json ? &sessions : NULL);
	if (t->json)
		revocation_print(t, m.at, moved_cards(&m), sessions);
	return code;
}

static enum exit_code resume(struct tool *t)
{
	MOVING(m, .to = CARD_ACTIVE, .event = EVENT_CARD_RESUME);
	enum exit_code code = move(t, &m);

	if (code)
		return code;
	if (t->json)
		revocation_print(t, m.at, moved_cards(&m), NULL);
	else
		say(m.cards[0].changed ? _("Card %s of %s is active again.") : _("Card %s of %s is active already."),
		    m.cards[0].card.card_id.text, m.target.person.login);
	return EXIT_DONE;
}

static const struct option_row suspend_options[] = {
	CARD_TARGET_OPTIONS,
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

static const struct option_row resume_options[] = {
	{ "user", "USER", N_("the suspended card of this person, if there is one alone") },
	{ "staff-number", "NUMBER", N_("that of the person with this staff number") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

const struct command cmd_suspend = {
	.name = "suspend",
	.usage = "{CARD | --user USER | --staff-number NUMBER} [--json]",
	.brief = N_("refuse logins with a card until it is resumed"),
	.example = "  sudo cardtool suspend 7K2M-9QXD\n"
		   "  sudo cardtool suspend --user taro",
	.undone = N_("Nothing was suspended."),
	.options = suspend_options,
	.words_max = 1,
	.needs = NEED_STORE,
	.run = suspend,
};

const struct command cmd_resume = {
	.name = "resume",
	.usage = "{CARD | --user USER | --staff-number NUMBER} [--json]",
	.brief = N_("make a suspended card active again"),
	.example = "  sudo cardtool resume 7K2M-9QXD",
	.undone = N_("Nothing was resumed."),
	.options = resume_options,
	.words_max = 1,
	.needs = NEED_STORE,
	.run = resume,
};
