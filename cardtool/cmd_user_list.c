/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "card_json.h"
#include "cardtool.h"
#include "clock.h"
#include "find.h"
#include "lifecycle.h"
#include "output.h"
#include "words.h"

static const struct option_row options[] = {
	{ "match", "TEXT", N_("only people with this in the login name, staff number or name") },
	{ "section", "TEXT", N_("only people of this section") },
	{ "class", "NAME", N_("only people who were given this class") },
	{ "state", "active|locked|removed", N_("only people in this state") },
	{ "without", "card|app|password|second-factor",
	  N_("only people without a card to log in with, an app for codes or a password; second-factor: without both of these") },
	{ "all", NULL, N_("removed people too") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct listing {
	struct store *store;
	const char *match, *section, *class_name;       /* NULL: any */
	enum person_state state;                        /* 0: any */
	enum err (*has)(struct store *s, int64_t person, bool *ret);    /* only who has it not; NULL: all */
	struct table *table;
	json_t *json;
};

/* ---- what a person may lack ---- */

static enum err usable_card(const struct card_row *c, void *arg)
{
	bool *has = arg;

	*has = *has || lifecycle_usable(c, clock_real_s()) == ERR_OK;
	return ERR_OK;
}

static enum err has_card(struct store *s, int64_t person, bool *ret)
{
	*ret = false;
	return store_card_each(s, person, usable_card, ret);
}

static enum err found(enum err e, bool *ret)
{
	*ret = e == ERR_OK;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err has_app(struct store *s, int64_t person, bool *ret)
{
	struct totp_row row;

	return found(store_totp_get(s, person, &row), ret);
}

static enum err has_password(struct store *s, int64_t person, bool *ret)
{
	struct password_row row;

	return found(store_password_get(s, person, &row), ret);
}

static enum err has_second_factor(struct store *s, int64_t person, bool *ret)
{
	enum err e = has_app(s, person, ret);

	return e || *ret ? e : has_password(s, person, ret);
}

static const struct {
	const char *name;
	enum err (*has)(struct store *s, int64_t person, bool *ret);
} things[] = {
	{ "card", has_card },
	{ "app", has_app },
	{ "password", has_password },
	{ "second-factor", has_second_factor },
};

/* ---- which people ---- */

static enum exit_code take_without(const char *typed, struct listing *l)
{
	for (size_t i = 0; typed && i < sizeof(things) / sizeof(things[0]); i++)
		if (strcmp(things[i].name, typed) == 0)
			l->has = things[i].has;
	if (!typed || l->has)
		return EXIT_DONE;
	complain(_("--without is card, app, password or second-factor"));
	return EXIT_USAGE;
}

static enum exit_code take_filter(struct tool *t, struct listing *l)
{
	const char *state = option_value(&t->args, "state");

	l->section = option_value(&t->args, "section");
	l->class_name = option_value(&t->args, "class");
	if (state && !word_to_person_state(state, &l->state)) {
		complain(_("--state is active, locked or removed"));
		return EXIT_USAGE;
	}

	enum exit_code code = find_take_match(t, &l->match);

	return code ? code : take_without(option_value(&t->args, "without"), l);
}

static enum err is_wanted(const struct listing *l, const struct person *p, bool *ret)
{
	const char *const texts[] = { p->login, p->staff_number, p->name, NULL };
	bool has = false;

	*ret = (!l->state || p->state == l->state) && (!l->section || strcmp(p->section, l->section) == 0) &&
	       (!l->class_name || strcmp(p->class_name, l->class_name) == 0) && find_matches(l->match, texts);

	enum err e = *ret && l->has ? l->has(l->store, p->id, &has) : ERR_OK;

	*ret = *ret && !has;
	return e;
}

/* ---- output ---- */

static enum err list_person(const struct person *p, void *arg)
{
	struct listing *l = arg;
	bool wanted;
	enum err e = is_wanted(l, p, &wanted);

	if (e || !wanted)
		return e;
	if (l->json)
		return json_array_append_new(l->json, person_json(p)) ? fail(ERR_MEMORY, "list") : ERR_OK;

	const char *const cells[] = { p->login,	  p->staff_number, p->name,
				      p->section, p->class_name,   word_person_state(p->state) };

	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		table_add(l->table, cells[i]);
	return ERR_OK;
}

static void header(struct table *t)
{
	const char *const names[] = { _("USER"),    _("STAFF NO."), _("NAME"),
				      _("SECTION"), _("CLASS"),	    _("STATE") };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		table_add(t, names[i]);
}

static enum exit_code nobody(const struct listing *l)
{
	if (!l->match && !l->section && !l->class_name && !l->state && !l->has)
		say(_("Nobody is registered yet (`cardtool user add`)."));
	else
		say(_("There are no such people."));
	if (l->class_name)
		say(_("--class looks for what `cardtool user add --class` gave; `cardtool config check` lists the classes."));
	return EXIT_DONE;
}

static enum exit_code user_list(struct tool *t)
{
	struct listing l = { .store = t->store };
	enum exit_code code = take_filter(t, &l);

	if (code)
		return code;
	if (t->json)
		l.json = json_array();
	else
		header(l.table = table_new(6));

	bool removed_too = option_given(&t->args, "all") || l.state == PERSON_REMOVED;
	enum err e = store_person_each(t->store, removed_too, list_person, &l);

	if (e)
		return complain_err(e);
	if (l.json)
		return json_print(l.json);
	if (table_rows(l.table) == 1)
		return nobody(&l);
	table_print(l.table);
	return EXIT_DONE;
}

const struct command cmd_user_list = {
	.name = "user list",
	.usage = "[--match TEXT] [--section TEXT] [--class NAME] [--state active|locked|removed] [--without card|app|password|second-factor] [--all] [--json]",
	.brief = N_("list the registered people"),
	.example = "  sudo cardtool user list --without second-factor",
	.options = options,
	.needs = NEED_STORE,
	.run = user_list,
};
