/* SPDX-License-Identifier: Apache-2.0 */
#include "person_fields.h"

#include <stddef.h>
#include <string.h>

#include "output.h"
#include "text.h"
#include "words.h"

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

const struct person_field person_fields[PERSON_FIELDS] = {
#define FIELD(option, word, member, max, fits) \
	{ option, word, offsetof(struct person, member), sizeof(((struct person *)NULL)->member), max, fits }
	FIELD("staff-number", N_("staff number"), staff_number, STORE_NAME_SIZE - 1, is_code),
	FIELD("name", N_("name"), name, STORE_LABEL_MAX, option_is_text),
	FIELD("section", N_("section"), section, STORE_LABEL_MAX, option_is_text),
	FIELD("class", N_("class"), class_name, STORE_NAME_SIZE - 1, is_code),
	FIELD("language", N_("language"), language, 2, is_language),
#undef FIELD
};

enum exit_code person_take_fields(struct tool *t, struct person *p)
{
	for (size_t i = 0; i < PERSON_FIELDS; i++) {
		const struct person_field *f = &person_fields[i];
		const char *value = option_value(&t->args, f->option);

		if (value && (!f->fits(value, f->max) || !text_copy((char *)p + f->at, f->size, value))) {
			refuse_value(f->option, f->fits, f->max);
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
