/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card_json.h"
#include "cardtool.h"
#include "clock.h"
#include "find.h"
#include "lifecycle.h"
#include "output.h"
#include "when.h"
#include "words.h"

/* ---- list ---- */

static const struct option_row list_options[] = {
	{ "user", "USER", N_("only the cards of this person") },
	{ "match", "TEXT", N_("only cards with this in the identifier, label, login name or name") },
	{ "state", "STATE",
	  N_("only issued, active, suspended, revoked, found, collected or destroyed ones") },
	{ "expires-by", "TIME", N_("only cards whose certificate ends by then: 2027-03-31, 30d (from now)") },
	{ "expired", NULL, N_("only cards whose certificate is over") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct listing {
	struct store *store;
	const char *match;              /* NULL: all */
	enum card_state state;          /* 0: all */
	int64_t end;                    /* the certificate's, at the latest; -1: all */
	size_t n;
	struct table *table;
	json_t *json;
};

static enum err list_card(const struct card_row *c, void *arg)
{
	struct listing *l = arg;
	struct person p;
	char text[24];

	if ((l->state && c->state != l->state) || (l->end >= 0 && (c->not_after < 0 || c->not_after > l->end)))
		return ERR_OK;

	enum err e = store_person_by_id(l->store, c->person, &p);
	const char *const texts[] = { c->card_id.text, c->label, p.login, p.name, NULL };

	if (e || !find_matches(l->match, texts))
		return e;
	l->n++;
	if (l->json)
		return json_array_append_new(l->json, card_json(c, &p)) ? fail(ERR_MEMORY, "list") :
									  ERR_OK;
	table_add(l->table, c->card_id.text);
	table_add(l->table, p.login);
	table_add(l->table, p.name);
	table_add(l->table, c->label);
	table_add(l->table, word_card(c, clock_real_s()));
	table_add(l->table, c->state >= CARD_REVOKED ? word_reason(c->reason) : "");
	table_add(l->table, word_date(text, sizeof(text), c->not_after));
	table_add(l->table, word_time(text, sizeof(text), c->last_used_at));
	return ERR_OK;
}

static void list_header(struct table *t)
{
	const char *const names[] = { _("CARD"),  _("USER"),   _("NAME"),    _("LABEL"),
				      _("STATE"), _("REASON"), _("EXPIRES"), _("LAST USED") };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		table_add(t, names[i]);
}

static enum exit_code take_filter(struct tool *t, struct listing *l)
{
	const char *state = option_value(&t->args, "state"), *by = option_value(&t->args, "expires-by");
	int64_t now = clock_real_s();

	if (state && !word_to_card_state(state, &l->state)) {
		complain(_("--state is issued, active, suspended, revoked, found, collected or destroyed"));
		return EXIT_USAGE;
	}
	if (by && !when_parse_ahead(by, now, &l->end)) {
		complain(_("--expires-by is a time like 2027-03-31, or 30d for 30 days from now"));
		return EXIT_USAGE;
	}
	if (option_given(&t->args, "expired") && (l->end < 0 || l->end > now))
		l->end = now - 1;
	return find_take_match(t, &l->match);
}

static enum exit_code list(struct tool *t)
{
	const char *user = option_value(&t->args, "user");
	struct listing l = { .store = t->store, .end = -1 };
	struct person p = { .id = 0 };
	enum exit_code code = take_filter(t, &l);

	if (!code && user)
		code = find_person(t, user, &p);
	if (code)
		return code;
	if (t->json)
		l.json = json_array();
	else
		list_header(l.table = table_new(8));

	enum err e = store_card_each(t->store, p.id, list_card, &l);

	if (e)
		return complain_err(e);
	if (l.json)
		return json_print(l.json);
	if (l.n > 0)
		table_print(l.table);
	else if (user || l.state || l.match || l.end >= 0)
		say(_("There are no such cards."));
	else
		say(_("No card is enrolled yet (`cardtool enroll USER`)."));
	return EXIT_DONE;
}

const struct command cmd_list = {
	.name = "list",
	.usage = "[--user USER] [--match TEXT] [--state STATE] [--expires-by TIME] [--expired] [--json]",
	.brief = N_("list the cards"),
	.example = "  sudo cardtool list --state active --expires-by 60d",
	.options = list_options,
	.needs = NEED_STORE,
	.run = list,
};

/* ---- show ---- */

static const struct option_row show_options[] = {
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

static void field(struct table *t, const char *name, const char *value)
{
	table_add(t, name);
	table_add(t, value);
}

static void show_revocation(struct table *t, const struct card_row *c)
{
	char text[24];

	if (c->revoked_at < 0)
		return;
	field(t, _("Revoked"), word_time(text, sizeof(text), c->revoked_at));
	field(t, _("Reason"), word_reason(c->reason));
	field(t, _("Reported"), word_time(text, sizeof(text), c->reported_at));
	field(t, _("Reported by"), c->reported_by);
}

static const char *usable_text(const struct card_row *c, const struct person *p)
{
	enum err e = lifecycle_usable(c, clock_real_s());

	if (p->state != PERSON_ACTIVE)
		return word_person_state(p->state);
	return e ? gettext(err_text(e)) : _("possible");
}

static void show_text(const struct card_row *c, const struct person *p)
{
	struct table *t = table_new(2);
	char text[24], key[40], sha[65], who[ESCAPED_SIZE];

	text_hex(sha, c->spki_sha256, sizeof(c->spki_sha256));
	snprintf(who, sizeof(who), "%s  %s  %s", p->login, p->staff_number, p->name);
	snprintf(key, sizeof(key), "%s, %02X", word_algorithm(c->algorithm), c->key_ref);
	field(t, _("Card"), c->card_id.text);
	field(t, _("Holder"), who);
	field(t, _("Label"), c->label);
	field(t, _("State"), word_card(c, clock_real_s()));
	field(t, _("Logins"), usable_text(c, p));
	field(t, _("Key"), key);
	field(t, _("PIN"),
	      c->pin_proved ? _("needed (seen at enrolment)") : _("not needed: possession alone"));
	field(t, _("Valid until"), word_date(text, sizeof(text), c->not_after));
	field(t, _("Enrolled"), word_time(text, sizeof(text), c->enrolled_at));
	field(t, _("Last used"), word_time(text, sizeof(text), c->last_used_at));
	show_revocation(t, c);
	field(t, _("SHA-256 of key"), sha);
	table_print(t);
}

static enum exit_code show(struct tool *t)
{
	struct card_row c;
	struct person p;
	enum exit_code code = find_card(t, t->args.words[0], &c);

	if (code)
		return code;

	enum err e = store_person_by_id(t->store, c.person, &p);

	if (e)
		return complain_err(e);
	if (t->json)
		return json_print(card_json(&c, &p));
	show_text(&c, &p);
	return EXIT_DONE;
}

const struct command cmd_show = {
	.name = "show",
	.usage = "CARD [--json]",
	.brief = N_("show all that is known of one card"),
	.example = "  sudo cardtool show 7K2M-9QXD",
	.options = show_options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE,
	.run = show,
};
