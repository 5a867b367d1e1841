/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cardtool.h"
#include "change.h"
#include "find.h"
#include "output.h"
#include "person_fields.h"
#include "words.h"

struct alteration {
	struct tool *tool;
	struct person before, after;
	char changed[64];       /* "section,class" */
};

static const char *value_of(const struct person *p, const struct person_field *f)
{
	return (const char *)p + f->at;
}

static bool differs(const struct alteration *a, const struct person_field *f)
{
	return strcmp(value_of(&a->before, f), value_of(&a->after, f)) != 0;
}

static enum exit_code clear_field(struct tool *t, struct person *p)
{
	const char *which = option_value(&t->args, "clear");

	for (size_t i = 0; which && i < PERSON_FIELDS; i++) {
		if (strcmp(person_fields[i].option, which) != 0)
			continue;
		if (option_given(&t->args, which)) {
			complain(_("--%s and --clear %s are given: use one of them"), which, which);
			return EXIT_USAGE;
		}
		memset((char *)p + person_fields[i].at, 0, person_fields[i].size);
		return EXIT_DONE;
	}
	if (!which)
		return EXIT_DONE;
	complain(_("--clear is staff-number, name, section, class or language"));
	return EXIT_USAGE;
}

static enum exit_code alter(struct tool *t, struct person *p)
{
	enum exit_code code = person_take_fields(t, p);

	return code ? code : clear_field(t, p);
}

/* As the row is now, not as it was when it was found. */
static enum err change_person(struct change *c, void *arg)
{
	struct alteration *a = arg;
	size_t len = 0;
	enum err e = store_person_by_id(change_store(c), a->before.id, &a->before);

	if (e)
		return e;
	if (a->before.state == PERSON_REMOVED)
		return fail(ERR_BAD_STATE, "%s was removed", a->before.login);
	a->after = a->before;
	if (alter(a->tool, &a->after))
		return fail(ERR_INVALID, "the options");
	a->changed[0] = '\0';
	for (size_t i = 0; i < PERSON_FIELDS; i++)
		if (differs(a, &person_fields[i]))
			len += (size_t)snprintf(a->changed + len, sizeof(a->changed) - len, "%s%s", len ? "," : "",
						person_fields[i].option);
	if (!len)
		return ERR_OK;
	e = store_person_update(change_store(c), &a->after);

	/* Names of people and sections stay out of the log; what decides stands in it, before and after. */
	const bool class_changed = strcmp(a->before.class_name, a->after.class_name) != 0;
	const bool number_changed = strcmp(a->before.staff_number, a->after.staff_number) != 0;
	const struct event event = {
		.type = EVENT_PERSON_CHANGE, .person = a->after.login,
		.fields = {
			{ "changed", a->changed },
			{ "class_before", class_changed ? a->before.class_name : NULL },
			{ "class", class_changed ? a->after.class_name : NULL },
			{ "staff_number_before", number_changed ? a->before.staff_number : NULL },
			{ "staff_number", number_changed ? a->after.staff_number : NULL },
		},
	};

	return e ? e : change_event(c, &event);
}

static void say_changes(const struct alteration *a)
{
	if (!a->changed[0]) {
		say(_("%s is as asked already: nothing was changed."), a->after.login);
		return;
	}
	say(_("Changed %s:"), a->after.login);
	for (size_t i = 0; i < PERSON_FIELDS; i++) {
		const char *before = value_of(&a->before, &person_fields[i]), *after = value_of(&a->after, &person_fields[i]);

		if (differs(a, &person_fields[i]))
			say(_("  %s: %s -> %s"), gettext(person_fields[i].word), *before ? ESCAPED(before) : _("none"),
			    *after ? ESCAPED(after) : _("none"));
	}
}

static enum exit_code user_change(struct tool *t)
{
	struct alteration a = { .tool = t };
	struct person wanted;
	bool given = option_given(&t->args, "clear");
	enum exit_code code = find_person(t, t->args.words[0], &a.before);

	for (size_t i = 0; i < PERSON_FIELDS; i++)
		given |= option_given(&t->args, person_fields[i].option);
	if (!code && !given) {
		complain(_("say what is to be changed"));
		advise_usage(t->command);
		return EXIT_USAGE;
	}
	wanted = a.before;
	if (!code)
		code = alter(t, &wanted);
	if (code)
		return code;

	enum err e = change_run(t, change_person, &a);

	if (e == ERR_EXISTS)
		return person_refuse_duplicate(t, &a.after);
	if (e)
		return complain_err(e);
	say_changes(&a);
	return EXIT_DONE;
}

static const struct option_row options[] = {
	PERSON_OPTIONS,
	{ "clear", "staff-number|name|section|class|language", N_("leave this empty from now on") },
	{ 0 },
};

const struct command cmd_user_change = {
	.name = "user change",
	.usage = "USER [--staff-number NUMBER] [--name TEXT] [--section TEXT] [--class NAME] [--language ja|en] [--clear FIELD]",
	.brief = N_("change what is registered of a person: section, class, ..."),
	.example = N_("  sudo cardtool user change taro --section Citizens"),
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.needs = NEED_STORE | NEED_POLICY_MAYBE,
	.run = user_change,
};
