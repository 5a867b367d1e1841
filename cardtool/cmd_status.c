/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cardtool.h"
#include "daemon.h"
#include "output.h"
#include "told.h"
#include "words.h"

static const struct option_row options[] = {
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

static enum err keep(const struct wire_record *r, void *arg)
{
	return told_keep(arg, r);
}

/* ---- as text ---- */

static void field(struct table *t, const char *name, const char *value)
{
	table_add(t, name);
	table_add(t, value);
}

static void card_line(struct table *t, const struct wire_card *c)
{
	char line[2 * ESCAPED_SIZE], until[24];

	/* TRANSLATORS: card, its state, the end of its certificate, its label */
	snprintf(line, sizeof(line), _("%s: %s, certificate until %s, %s"), c->id, told_card_state(c),
		 word_date(until, sizeof(until), c->not_after), *c->label ? c->label : _("no label"));
	field(t, _("Card"), line);
}

static void count_lines(struct table *t, const struct wire_count *c)
{
	char line[ESCAPED_SIZE], at[24], place[TOLD_ORIGIN_SIZE];

	snprintf(line, sizeof(line),
		 ngettext("%s: %" PRId64 " try, at %s", "%s: %" PRId64 " tries, the last at %s", (unsigned long)c->failed),
		 told_origin(place, c->origin), c->failed, word_time(at, sizeof(at), c->last_at));
	field(t, _("Failed tries"), line);
	if (c->locked_until < 0)
		return;
	snprintf(line, sizeof(line), _("until %s; the systems section can end it"),
		 word_time(at, sizeof(at), c->locked_until));
	field(t, _("LOCKED"), line);
}

static void login_lines(struct table *t, const struct wire_person *p)
{
	char line[ESCAPED_SIZE], at[ESCAPED_SIZE / 2];

	field(t, _("Last login"), p->last_at < 0 ? _("never") : told_moment(at, sizeof(at), p->last_at, p->last_from));
	if (p->failures == 0)
		return;
	snprintf(line, sizeof(line),
		 ngettext("%" PRId64 " failed try, %s", "%" PRId64 " failed tries, the last %s", (unsigned long)p->failures),
		 p->failures, told_moment(at, sizeof(at), p->failure_at, p->failure_from));
	field(t, _("Since then"), line);
}

static enum exit_code show_text(const struct told *told)
{
	const struct wire_person *p = &told->person;
	struct table *t = table_new(2);
	char line[64], at[24];

	field(t, _("User"), p->login);
	field(t, _("State"), told_person_state(p));
	for (size_t i = 0; i < told->n_cards; i++)
		card_line(t, &told->cards[i]);
	if (told->n_cards == 0)
		field(t, _("Card"), _("none"));
	snprintf(line, sizeof(line), _("enrolled %s"), word_time(at, sizeof(at), p->app_at));
	field(t, _("App for codes"), p->app_at < 0 ? _("none") : line);
	snprintf(line, sizeof(line), _("set %s"), word_time(at, sizeof(at), p->password_at));
	field(t, _("Password"), p->password_at < 0 ? _("none") : line);
	login_lines(t, p);
	for (size_t i = 0; i < told->n_counts; i++)
		count_lines(t, &told->counts[i]);
	table_print(t);
	if (p->failures)
		say(_("\nIf these tries were not yours, tell the systems section."));
	return EXIT_DONE;
}

/* ---- as JSON ---- */

static enum exit_code show_json(const struct told *told)
{
	const struct wire_person *p = &told->person;

	return json_print(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}",
				    "user", p->login,
				    "state", p->state,
				    "cards", told_cards_json(told),
				    "counted", told_counts_json(told),
				    "totp_at", json_time(p->app_at),
				    "password_at", json_time(p->password_at),
				    "last_login_at", json_time(p->last_at),
				    "last_login_from", json_text(p->last_from),
				    "failures_since", (json_int_t)p->failures,
				    "failure_at", json_time(p->failure_at),
				    "failure_from", json_text(p->failure_from)));
}

/* ---- asking ---- */

static enum exit_code nobody(void)
{
	if (getuid() == 0) {
		complain(_("root is no registered person"));
		advise(_("`cardtool user show USER` shows any person's."));
	} else {
		complain(_("you are not registered: there are no cards or factors of yours here"));
		advise(_("Ask the systems section if you should be."));
	}
	return EXIT_REFUSED;
}

static enum exit_code status(struct tool *t)
{
	static const struct wire_request request = { .op = WIRE_STATUS };
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	struct told *told __attribute__((cleanup(told_free))) = told_new();
	const struct daemon_talk talk = { .record = keep, .arg = told };
	bool older;
	enum err e = daemon_call(false, &request, &talk, &result, &older);

	if (e) {
		complain_detail(e);
		advise(_("The login service does not answer. Tell the systems section."));
		return EXIT_SERVICE;
	}
	if (older)
		return told_older();
	if (result.result == ERR_NOT_A_PERSON)
		return nobody();
	if (result.result != ERR_OK || !told->known)
		return complain_err(result.result == ERR_OK ? ERR_PROTOCOL : result.result);
	return t->json ? show_json(told) : show_text(told);
}

const struct command cmd_status = {
	.name = "status",
	.usage = "[--json]",
	.brief = N_("show your own cards, factors, last login and failed tries (needs no root)"),
	.example = "  cardtool status",
	.options = options,
	.needs = NEED_NOBODY,
	.run = status,
};
