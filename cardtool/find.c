/* SPDX-License-Identifier: Apache-2.0 */
#include "find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "card_id.h"
#include "clock.h"
#include "output.h"
#include "words.h"

#define SHOWN_MAX 5
#define KEY_SIZE 129

struct candidates {
	char typed[KEY_SIZE];
	size_t n;
	struct candidate {
		unsigned distance;
		char shown[ESCAPED_SIZE];
	} best[SHOWN_MAX];
};

struct candidates *candidates_new(const char *typed)
{
	struct candidates *c = calloc(1, sizeof(*c));

	if (c && !text_copy(c->typed, sizeof(c->typed), typed))
		c->typed[0] = '\0';
	return c;
}

/* Near enough to be meant: a third of what was typed may differ, or it is a part of the other. */
static bool near_enough(const struct candidates *c, const char *key, unsigned *distance)
{
	*distance = text_distance(c->typed, key);
	if (strlen(c->typed) >= 3 && strcasestr(key, c->typed))
		*distance = 1;
	return *c->typed && *distance <= 1 + strlen(c->typed) / 3;
}

void candidates_add(struct candidates *c, const char *key, const char *shown)
{
	unsigned distance;

	if (!c || !near_enough(c, key, &distance))
		return;

	size_t at = c->n;

	while (at > 0 && c->best[at - 1].distance > distance)
		at--;
	if (at == SHOWN_MAX)
		return;
	if (c->n == SHOWN_MAX)
		c->n--;
	memmove(&c->best[at + 1], &c->best[at], (c->n - at) * sizeof(c->best[0]));
	c->best[at].distance = distance;
	text_escape(c->best[at].shown, sizeof(c->best[at].shown), shown);
	c->n++;
}

void candidates_show(struct candidates *c)
{
	if (c && c->n > 0) {
		advise(_("Did you mean:"));
		for (size_t i = 0; i < c->n; i++)
			advise("  %s", c->best[i].shown);
	}
	free(c);
}

/* ---- people ---- */

static enum err add_login(const struct person *p, void *arg)
{
	char shown[ESCAPED_SIZE];

	snprintf(shown, sizeof(shown), "%s  %s  %s", p->login, p->staff_number, p->name);
	candidates_add(arg, p->login, shown);
	return ERR_OK;
}

static enum err add_number(const struct person *p, void *arg)
{
	char shown[ESCAPED_SIZE];

	snprintf(shown, sizeof(shown), "%s  %s  %s", p->staff_number, p->login, p->name);
	if (*p->staff_number)
		candidates_add(arg, p->staff_number, shown);
	return ERR_OK;
}

static enum exit_code no_person(struct tool *t, const char *typed, store_person_cb add)
{
	struct candidates *c = candidates_new(typed);
	enum err e = c ? store_person_each(t->store, false, add, c) : ERR_MEMORY;

	candidates_show(c);
	return e ? complain_err(e) : EXIT_REFUSED;
}

enum exit_code find_person(struct tool *t, const char *login, struct person *ret)
{
	enum err e = store_person_by_login(t->store, login, ret);

	if (e != ERR_NOT_FOUND)
		return complain_err(e);
	complain(_("nobody is registered as %s (`cardtool user list` shows all)"), ESCAPED(login));
	return no_person(t, login, add_login);
}

enum exit_code find_person_by_number(struct tool *t, const char *number, struct person *ret)
{
	enum err e = store_person_by_staff_number(t->store, number, ret);

	if (e != ERR_NOT_FOUND)
		return complain_err(e);
	complain(_("nobody is registered with the staff number %s (`cardtool user list` shows all)"), ESCAPED(number));
	return no_person(t, number, add_number);
}

/* ---- cards ---- */

struct card_search {
	struct store *store;
	struct candidates *candidates;
};

static enum err add_card(const struct card_row *c, void *arg)
{
	struct card_search *search = arg;
	char shown[ESCAPED_SIZE];
	struct person p;
	enum err e = store_person_by_id(search->store, c->person, &p);

	if (e)
		return e;
	snprintf(shown, sizeof(shown), "%s  %s  %s  %s", c->card_id.text, p.login,
		 word_card(c, clock_real_s()), c->label);
	candidates_add(search->candidates, c->card_id.text, shown);
	return ERR_OK;
}

static enum exit_code no_card(struct tool *t, const char *typed)
{
	char tidy[2 * CARD_ID_LEN + 1];
	struct card_search search = { .store = t->store };

	if (!card_id_tidy(typed, tidy, sizeof(tidy)))
		return EXIT_REFUSED;
	search.candidates = candidates_new(tidy);

	enum err e =
		search.candidates ? store_card_each(t->store, 0, add_card, &search) : ERR_MEMORY;

	candidates_show(search.candidates);
	return e ? complain_err(e) : EXIT_REFUSED;
}

enum exit_code find_card(struct tool *t, const char *typed, struct card_row *ret)
{
	struct card_id id;

	if (card_id_parse(typed, &id)) {
		complain(
			_("%s is no card identifier: it has eight characters like 7K2M-9QXD, and the last one checks the others (`cardtool list` shows all)"),
			ESCAPED(typed));
		return no_card(t, typed);
	}

	enum err e = store_card_by_card_id(t->store, &id, ret);

	if (e != ERR_NOT_FOUND)
		return complain_err(e);
	complain(_("there is no card %s (`cardtool list` shows all)"), id.text);
	return no_card(t, typed);
}

/* ---- filters ---- */

enum exit_code find_take_match(struct tool *t, const char **ret)
{
	const char *typed = option_value(&t->args, "match");

	if (typed && !option_is_text(typed, STORE_LABEL_MAX)) {
		complain(_("--%s: this value can't be taken (plain text, at most %zu characters)"), "match", (size_t)STORE_LABEL_MAX);
		return EXIT_USAGE;
	}
	*ret = typed;
	return EXIT_DONE;
}

bool find_matches(const char *typed, const char *const *texts)
{
	for (; typed && *texts; texts++)
		if (strcasestr(*texts, typed))
			return true;
	return !typed;
}
