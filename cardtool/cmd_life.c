/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cardtool.h"
#include "change.h"
#include "clock.h"
#include "find.h"
#include "lifecycle.h"
#include "output.h"
#include "revoke.h"
#include "when.h"
#include "words.h"

/* ---- --json ---- */

/* Takes cards and sessions; sessions NULL: not known, or not looked for. */
static void print_done(const struct tool *t, int64_t at, json_t *cards, json_t *sessions)
{
	json_print(json_pack("{s:s, s:o, s:o, s:o?}", "action", t->command->name, "at",
			     json_time(at), "cards", cards, "sessions", sessions));
}

/* ---- suspend, resume ---- */

static const struct option_row move_options[] = {
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct move {
	struct card_row card;
	struct person person;
	enum card_state to;
	enum event_type event;
	bool changed;
	int64_t at;
};

static enum err move_it(struct change *c, void *arg)
{
	struct move *m = arg;
	struct lifecycle_step step = { .to = m->to, .reported_at = -1 };
	struct event event = { .type = m->event,
			       .person = m->person.login,
			       .card = m->card.card_id.text };
	enum err e = store_card_by_id(change_store(c), m->card.id, &m->card);

	m->at = change_now(c);
	if (!e)
		e = lifecycle_move(change_store(c), &m->card, &step, &m->changed);
	return e || !m->changed ? e : change_event(c, &event);
}

static enum exit_code move(struct tool *t, enum card_state to, enum event_type event,
			   struct move *m)
{
	*m = (struct move){ .to = to, .event = event };

	enum exit_code code = find_card(t, t->args.words[0], &m->card);

	if (code)
		return code;

	enum err e = store_person_by_id(t->store, m->card.person, &m->person);

	if (!e)
		e = change_run(t, move_it, m);
	if (e == ERR_BAD_STATE) {
		complain(_("card %s is %s: this can't be done with it"), m->card.card_id.text,
			 word_card_state(m->card.state));
		return EXIT_REFUSED;
	}
	return complain_err(e);
}

static json_t *moved_card(const struct move *m)
{
	return json_pack("[o]", revocation_card(&m->card, &m->person, m->changed));
}

static enum exit_code print_suspended(struct tool *t, const struct move *m)
{
	json_t *sessions = json_array();
	enum exit_code code = revocation_sessions(t, m->person.id, m->card.id, &sessions);

	print_done(t, m->at, moved_card(m), sessions);
	return code;
}

static enum exit_code suspend(struct tool *t)
{
	struct move m;
	enum exit_code code = move(t, CARD_SUSPENDED, EVENT_CARD_SUSPEND, &m);

	if (code)
		return code;
	if (t->json)
		return print_suspended(t, &m);
	say(m.changed ?
		    _("Suspended card %s of %s. Logins with it are refused until `cardtool resume %s`.") :
		    _("Card %s of %s is suspended already (`cardtool resume %s` ends that)."),
	    m.card.card_id.text, m.person.login, m.card.card_id.text);
	return revocation_sessions(t, m.person.id, m.card.id, NULL);
}

static enum exit_code resume(struct tool *t)
{
	struct move m;
	enum exit_code code = move(t, CARD_ACTIVE, EVENT_CARD_RESUME, &m);

	if (code)
		return code;
	if (t->json) {
		print_done(t, m.at, moved_card(&m), NULL);
		return EXIT_DONE;
	}
	say(m.changed ? _("Card %s of %s is active again.") : _("Card %s of %s is active already."),
	    m.card.card_id.text, m.person.login);
	return EXIT_DONE;
}

const struct command cmd_suspend = {
	.name = "suspend",
	.usage = "CARD [--json]",
	.brief = N_("refuse logins with a card until it is resumed"),
	.example = "  sudo cardtool suspend 7K2M-9QXD",
	.undone = N_("Nothing was suspended."),
	.options = move_options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE,
	.run = suspend,
};

const struct command cmd_resume = {
	.name = "resume",
	.usage = "CARD [--json]",
	.brief = N_("make a suspended card active again"),
	.example = "  sudo cardtool resume 7K2M-9QXD",
	.options = move_options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE,
	.run = resume,
};

/* ---- revoke ---- */

#define REPORTED_BY_MAX (2 * STORE_LABEL_MAX)

static const struct option_row revoke_options[] = {
	{ "user", "USER", N_("all cards of this person") },
	{ "staff-number", "NUMBER", N_("all cards of the person with this staff number") },
	{ "reason", "REASON",
	  N_("lost, stolen, damaged, defrauded, replaced, retired or transferred") },
	{ "reported-by", "TEXT", N_("who reported it") },
	{ "reported-at", "TIME", N_("when: 14:05 (today) or 2026-11-20T14:05") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

/* A minute: the clock on the wall of who wrote the report down. */
#define AHEAD_MAX 60

/*
 * *ret_ahead: the time that was given lies in the future, and is left out. That stops no revocation: the
 * clock of this machine may be slow, and the card is in wrong hands.
 */
static enum exit_code take_report(struct tool *t, struct revocation *r, bool *ret_ahead)
{
	const char *reason = option_value(&t->args, "reason"),
		   *at = option_value(&t->args, "reported-at");
	int64_t now = clock_real_s();

	r->step = (struct lifecycle_step){ .to = CARD_REVOKED, .reported_at = -1,
					   .reported_by = option_value(&t->args, "reported-by") };
	if (reason)
		r->step.reason = word_to_reason(reason);
	if (r->step.reason == REASON_NONE) {
		complain(_(
			"--reason is needed: lost, stolen, damaged, defrauded, replaced, retired or transferred"));
		if (!reason)
			advise_usage(t->command);
		return EXIT_USAGE;
	}
	if (r->step.reported_by && !option_is_text(r->step.reported_by, REPORTED_BY_MAX)) {
		complain(_("--reported-by must be plain text of at most %d characters"),
			 REPORTED_BY_MAX);
		return EXIT_USAGE;
	}
	if (at && !when_parse(at, now, &r->step.reported_at)) {
		complain(_("--reported-at is a time like 14:05 (today) or 2026-11-20T14:05"));
		return EXIT_USAGE;
	}
	*ret_ahead = r->step.reported_at > now + AHEAD_MAX;
	if (*ret_ahead)
		r->step.reported_at = -1;
	else if (at)
		text_utc_time(r->reported_at, sizeof(r->reported_at), r->step.reported_at);
	return EXIT_DONE;
}

struct target {
	struct person person;
	struct card_row card;           /* id 0: all of the person */
};

static enum exit_code check_target(struct tool *t)
{
	if ((t->args.n_words == 1) + option_given(&t->args, "user") +
		    option_given(&t->args, "staff-number") ==
	    1)
		return EXIT_DONE;
	complain(_("say what to revoke by one of these: a card, --user, --staff-number"));
	advise_usage(t->command);
	return EXIT_USAGE;
}

static enum exit_code take_target(struct tool *t, struct target *g)
{
	const char *user = option_value(&t->args, "user"),
		   *number = option_value(&t->args, "staff-number");

	if (user)
		return find_person(t, user, &g->person);
	if (number)
		return find_person_by_number(t, number, &g->person);

	enum exit_code code = find_card(t, t->args.words[0], &g->card);

	return code ? code : complain_err(store_person_by_id(t->store, g->card.person, &g->person));
}

struct revoking {
	struct revocation revocation;
	struct target target;
	bool ahead;
	int64_t at;
};

/*
 * The cards of a person are looked up inside: one that is enrolled at this moment does not slip
 * through.
 */
static enum err revoke_them(struct change *c, void *arg)
{
	struct revoking *v = arg;
	struct revocation *r = &v->revocation;
	const struct target *g = &v->target;

	r->n = 0;
	v->at = change_now(c);

	enum err e = g->card.id ? revocation_add(r, &g->card, g->person.login) :
				  revocation_add_person(r, change_store(c), &g->person);

	if (!e && r->n == 0)
		return fail(ERR_NOT_FOUND, "%s has no card", g->person.login);
	return e ? e : revocation_work(c, r);
}

static void revoking_free(struct revoking *v)
{
	revocation_free(&v->revocation);
}

/* After the commit. */
static enum exit_code say_left_out(struct tool *t, const struct revoking *v)
{
	char now[24];
	bool changed = false;

	for (size_t i = 0; i < v->revocation.n; i++)
		changed |= v->revocation.cards[i].changed;
	if (!v->ahead || !changed)
		return EXIT_DONE;
	complain(_("--reported-at %s lies in the future: the clock here says %s. The revocation was done all the same; the time of the report was left out."),
		 ESCAPED(option_value(&t->args, "reported-at")), word_time(now, sizeof(now), v->at));
	return EXIT_PARTLY;
}

static enum exit_code print_revoked(struct tool *t, const struct revoking *v)
{
	json_t *cards = json_array(), *sessions = json_array();
	const struct target *g = &v->target;
	enum exit_code code = revocation_sessions(t, g->person.id, g->card.id, &sessions);
	bool whole = true;

	for (size_t i = 0; i < v->revocation.n; i++) {
		const struct revoked *one = &v->revocation.cards[i];

		whole &= !json_array_append_new(cards, revocation_card(&one->card, &g->person,
								       one->changed));
	}
	if (!whole)
		return complain_err(fail(ERR_MEMORY, "cards"));
	print_done(t, v->at, cards, sessions);
	return code;
}

static enum exit_code revoke(struct tool *t)
{
	struct revoking v __attribute__((cleanup(revoking_free))) = { .target.card.id = 0 };
	enum exit_code code = check_target(t);

	if (!code)
		code = take_report(t, &v.revocation, &v.ahead);
	if (!code)
		code = take_target(t, &v.target);
	if (code)
		return code;

	enum err e = change_run(t, revoke_them, &v);

	if (e == ERR_NOT_FOUND) {
		complain(_("%s has no card"), v.target.person.login);
		return EXIT_REFUSED;
	}
	if (e)
		return complain_err(e);
	if (t->json) {
		code = print_revoked(t, &v);
	} else {
		revocation_say(&v.revocation);
		code = revocation_sessions(t, v.target.person.id, v.target.card.id, NULL);
	}

	enum exit_code left_out = say_left_out(t, &v);

	return code ? code : left_out;
}

const struct command cmd_revoke = {
	.name = "revoke",
	.usage =
		"{CARD | --user USER | --staff-number NUMBER} --reason REASON [--reported-by TEXT] [--reported-at TIME] [--json]",
	.brief = N_("block a card for good, at once; the card need not be there"),
	.example = N_("  sudo cardtool revoke 7K2M-9QXD --reason lost \\\n"
		      "      --reported-by Tanaka --reported-at 14:05"),
	.undone = N_("Nothing was revoked."),
	.options = revoke_options,
	.words_max = 1,
	.needs = NEED_STORE,
	.run = revoke,
};
