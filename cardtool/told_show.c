/* SPDX-License-Identifier: Apache-2.0 */
#include "told_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "words.h"

static const struct {
	enum policy_condition bit;
	const char *key;
} conditions[] = {
	{ CONDITION_SERVICE, "service" }, { CONDITION_WHERE, "where" }, { CONDITION_FROM, "from" },
	{ CONDITION_PERSON, "person" },	  { CONDITION_GROUP, "group" },
};
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

static const struct {
	const char *name, *text;
} obstacles[] = {
	[WIRE_WAY_OPEN] = { "open", N_("possible") },
	[WIRE_WAY_REMOTE] = { "remote", N_("not possible: a login over the network never uses this machine's reader") },
	[WIRE_WAY_SESSION] = { "session", N_("only by sudo and the like, within a login session") },
	[WIRE_WAY_NO_CARD] = { "no-card", N_("not possible: no usable card of that kind is enrolled") },
	[WIRE_WAY_NO_APP] = { "no-app", N_("not possible: no app for codes is enrolled") },
	[WIRE_WAY_NO_PASSWORD] = { "no-password", N_("not possible: no password is set") },
};

const char *told_obstacle(enum wire_obstacle o)
{
	return gettext(obstacles[o].text);
}

const char *told_conditions(char *dst, size_t size, unsigned set)
{
	size_t len = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < N_CONDITIONS && len < size; i++)
		if (set & conditions[i].bit)
			len += (size_t)snprintf(dst + len, size - len, "%s%s", len ? ", " : "", conditions[i].key);
	return dst;
}

const char *told_class(char *dst, size_t size, const struct wire_class *k)
{
	char names[64];

	told_conditions(names, sizeof(names), k->applies ? k->stated : k->unmet);
	/* TRANSLATORS: name of a class, line of the configuration, names of its conditions */
	if (!k->applies)
		snprintf(dst, size, _("[%s], line %u: does not apply; not met: %s"), k->name, k->line, names);
	else if (k->stated)
		snprintf(dst, size, _("[%s], line %u: applies; met: %s"), k->name, k->line, names);
	else
		snprintf(dst, size, _("[%s], line %u: applies; it has no conditions"), k->name, k->line);
	return dst;
}

const struct wire_class *told_applying(const struct told *t)
{
	for (size_t i = 0; i < t->n_classes; i++)
		if (t->classes[i].applies)
			return &t->classes[i];
	return NULL;
}

/* ---- as text ---- */

static void field(struct table *t, const char *name, const char *value)
{
	table_add(t, name);
	table_add(t, value);
}

static void person_lines(struct table *table, const struct told *t)
{
	char line[ESCAPED_SIZE];

	if (!t->known) {
		field(table, _("User"), _("not a registered person: asked like everybody, and always refused"));
		return;
	}
	/* TRANSLATORS: login name, state of the person */
	snprintf(line, sizeof(line), _("%s, %s"), t->person.login, told_person_state(&t->person));
	field(table, _("User"), line);
	for (size_t i = 0; i < t->n_cards; i++) {
		snprintf(line, sizeof(line), "%s: %s", t->cards[i].id, told_card_state(&t->cards[i]));
		field(table, _("Card"), line);
	}
}

static void place_lines(struct table *table, const struct told *t)
{
	char line[ESCAPED_SIZE];

	if (!t->place.remote)
		snprintf(line, sizeof(line), "%s", _("at this machine"));
	else if (*t->place.address)
		snprintf(line, sizeof(line), _("over the network, from %s"), t->place.address);
	else
		snprintf(line, sizeof(line), "%s",
			 _("over the network: the service is none of local-services, or this terminal is not in front of "
			   "the machine"));
	field(table, _("Place"), line);
	if (t->place.fallback)
		field(table, _("Configuration"), _("the last good one; the present file is broken"));
	if (t->place.full)
		field(table, _("Store"), _("no space: only classes with when-full log in"));
}

static void class_lines(struct table *table, const struct told *t, const char *name)
{
	const struct wire_class *k = told_applying(t);
	char line[ESCAPED_SIZE], lock[48];

	for (size_t i = 0; i < t->n_classes; i++)
		field(table, _("Class"), told_class(line, sizeof(line), &t->classes[i]));
	for (size_t i = 0; i < t->n_ways; i++) {
		snprintf(line, sizeof(line), "%s: %s", t->ways[i].factors, told_obstacle(t->ways[i].obstacle));
		field(table, _("Way"), line);
	}
	if (!k)
		return;
	snprintf(line, sizeof(line), _("%u wrong answers lock %s out here for %s"), k->attempts, name,
		 word_duration(lock, sizeof(lock), k->lock_s));
	field(table, _("Limit"), line);
}

static void count_line(struct table *table, const struct told *t)
{
	char line[ESCAPED_SIZE], end[24];

	for (size_t i = 0; i < t->n_counts; i++) {
		const struct wire_count *c = &t->counts[i];

		if (strcmp(c->origin, t->place.origin) != 0)
			continue;
		snprintf(line, sizeof(line), "%" PRId64, c->failed);
		field(table, _("Counted here so far"), line);
		if (c->locked_until >= 0)
			field(table, _("LOCKED"), word_time(end, sizeof(end), c->locked_until));
	}
}

void told_show(const struct told *t, const char *name)
{
	struct table *table = table_new(2);

	person_lines(table, t);
	place_lines(table, t);
	class_lines(table, t, name);
	count_line(table, t);
	table_print(table);
}

/* ---- as JSON ---- */

static json_t *conditions_json(unsigned set)
{
	json_t *list = json_array();

	for (size_t i = 0; i < N_CONDITIONS; i++)
		if (set & conditions[i].bit)
			json_array_append_new(list, json_string(conditions[i].key));
	return list;
}

static json_t *classes_json(const struct told *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_classes; i++) {
		const struct wire_class *k = &t->classes[i];

		json_array_append_new(list, json_pack("{s:s, s:i, s:b, s:o, s:o}",
						      "class", k->name,
						      "line", (int)k->line,
						      "applies", k->applies,
						      "conditions", conditions_json(k->stated),
						      "not_met", conditions_json(k->unmet)));
	}
	return list;
}

static json_t *ways_json(const struct told *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_ways; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s}",
						      "factors", t->ways[i].factors,
						      "possible", t->ways[i].obstacle == WIRE_WAY_OPEN,
						      "obstacle", obstacles[t->ways[i].obstacle].name));
	return list;
}

json_t *told_json(const struct told *t)
{
	const struct wire_class *k = told_applying(t);

	return json_pack("{s:b, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "registered", t->known,
			 "state", json_text(t->person.state),
			 "place", t->place.remote ? "remote" : "local",
			 "address", json_text(t->place.address),
			 "cards", told_cards_json(t),
			 "counted", told_counts_json(t),
			 "class", k ? json_string(k->name) : json_null(),
			 "classes", classes_json(t),
			 "ways", ways_json(t));
}
