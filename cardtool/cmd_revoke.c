/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "card_target.h"
#include "cardtool.h"
#include "change.h"
#include "clock.h"
#include "lifecycle.h"
#include "output.h"
#include "revoke.h"
#include "when.h"
#include "words.h"

#define REPORTED_BY_MAX (2 * STORE_LABEL_MAX)

static const struct option_row options[] = {
	CARD_TARGET_OPTIONS,
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

struct revoking {
	struct revocation revocation;
	struct card_target target;
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
	const struct card_target *g = &v->target;

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
	const struct card_target *g = &v->target;
	enum exit_code code = revocation_sessions(t, g->person.id, g->card.id, &sessions);
	bool whole = true;

	for (size_t i = 0; i < v->revocation.n; i++) {
		const struct revoked *one = &v->revocation.cards[i];

		whole &= !json_array_append_new(cards, revocation_card(&one->card, &g->person,
								       one->changed));
	}
	if (!whole)
		return complain_err(fail(ERR_MEMORY, "cards"));
	revocation_print(t, v->at, cards, sessions);
	return code;
}

static enum exit_code revoke(struct tool *t)
{
	struct revoking v __attribute__((cleanup(revoking_free))) = { .at = 0 };
	enum exit_code code = card_target_check(t);

	if (!code)
		code = take_report(t, &v.revocation, &v.ahead);
	if (!code)
		code = card_target_take(t, &v.target);
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
	.options = options,
	.words_max = 1,
	.needs = NEED_STORE,
	.run = revoke,
};
