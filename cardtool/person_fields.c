/* SPDX-License-Identifier: Apache-2.0 */
#include "person_fields.h"

#include <string.h>

#include "output.h"
#include "text.h"
#include "words.h"

const struct option_row person_options[] = {
	{ "staff-number", "NUMBER", N_("staff number, unique") },
	{ "name", "TEXT", N_("name of the person") },
	{ "section", "TEXT", N_("section") },
	{ "class", "NAME", N_("class of the configuration that applies to this person") },
	{ "language", "ja|en", N_("language of the messages at login") },
	{ 0 },
};

/* Which option goes where, and what it may hold. */
static bool is_code(const char *s, size_t max)
{
	size_t len = strlen(s);

	return len >= 1 && len <= max &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       len;
}

static bool is_language(const char *s, size_t max)
{
	return strlen(s) == max && (strcmp(s, "ja") == 0 || strcmp(s, "en") == 0);
}

static void refuse_value(const char *option, bool (*fits)(const char *s, size_t max), size_t max)
{
	if (fits == is_language)
		complain(_("--%s is ja or en"), option);
	else if (fits == is_code)
		complain(_("--%s: this value can't be taken (at most %zu letters, digits, dots, dashes and underscores)"), option, max);
	else
		complain(_("--%s: this value can't be taken (plain text, at most %zu characters)"), option, max);
}

enum exit_code person_take_fields(struct tool *t, struct person *p)
{
	const struct {
		const char *option;
		char *dst;
		size_t size, max;
		bool (*fits)(const char *s, size_t max);
	} fields[] = {
		{ "staff-number", p->staff_number, sizeof(p->staff_number), STORE_NAME_SIZE - 1,
		  is_code },
		{ "name", p->name, sizeof(p->name), STORE_LABEL_MAX, option_is_text },
		{ "section", p->section, sizeof(p->section), STORE_LABEL_MAX, option_is_text },
		{ "class", p->class_name, sizeof(p->class_name), STORE_NAME_SIZE - 1, is_code },
		{ "language", p->language, sizeof(p->language), 2, is_language },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *value = option_value(&t->args, fields[i].option);

		if (value && (!fields[i].fits(value, fields[i].max) ||
			      !text_copy(fields[i].dst, fields[i].size, value))) {
			refuse_value(fields[i].option, fields[i].fits, fields[i].max);
			return EXIT_USAGE;
		}
	}
	if (*p->class_name && t->policy && !policy_class_by_name(t->policy, p->class_name)) {
		complain(_("the configuration has no class \"%s\" (`cardtool config check` lists them)"), p->class_name);
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

/* ERR_EXISTS names no field: ask which. */
enum exit_code person_refuse_duplicate(struct tool *t, const struct person *p)
{
	struct person other;

	if (store_person_by_login(t->store, p->login, &other) == ERR_OK && other.id != p->id)
		complain(_("%s is registered already (`cardtool user show %s`)"), p->login,
			 other.login);
	else if (store_person_by_uid(t->store, p->uid, &other) == ERR_OK && other.id != p->id)
		complain(_("the uid of %s is registered already, as %s"), p->login, other.login);
	else if (*p->staff_number &&
		 store_person_by_staff_number(t->store, p->staff_number, &other) == ERR_OK && other.id != p->id)
		complain(_("the staff number %s belongs to %s already"), p->staff_number,
			 other.login);
	else
		return complain_err(ERR_EXISTS);
	return EXIT_REFUSED;
}
