/* SPDX-License-Identifier: Apache-2.0 */
#include "sudoers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "program.h"
#include "text.h"

#define PATH_SUDOERS CARDMFA_SYSCONFDIR "/sudoers"
#define PATH_CVTSUDOERS "/usr/bin/cvtsudoers"
#define OUTPUT_SIZE 1048576
#define ALIAS_DEPTH 8

/* ---- options ---- */

static const struct row {
	const char *name;
	bool value;             /* the one that matters */
	size_t at;
} rows[] = {
	{ "pam_acct_mgmt", false, offsetof(struct sudoers_options, no_account) },
	{ "pam_session", false, offsetof(struct sudoers_options, no_session) },
	{ "authenticate", false, offsetof(struct sudoers_options, no_auth) },
	{ "targetpw", true, offsetof(struct sudoers_options, target) },
	{ "runaspw", true, offsetof(struct sudoers_options, target) },
	{ "rootpw", true, offsetof(struct sudoers_options, target) },
	{ "pam_rhost", true, offsetof(struct sudoers_options, rhost) },
};

static void take_option(const char *name, const json_t *value, struct sudoers_options *o)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0 && json_is_boolean(value) && json_is_true(value) == rows[i].value)
			*(bool *)((char *)o + rows[i].at) = true;
	if (strcmp(name, "pam_service") == 0 && json_is_string(value))
		text_copy_or_none(o->service, sizeof(o->service), json_string_value(value));
}

static void take_options(const json_t *list, struct sudoers_options *o)
{
	size_t i;
	json_t *set, *value;
	const char *name;

	json_array_foreach(list, i, set)
		json_object_foreach(set, name, value)
			take_option(name, value, o);
}

static void take_defaults(const json_t *root, struct sudoers_options *o)
{
	size_t i;
	json_t *line;

	json_array_foreach(json_object_get(root, "Defaults"), i, line)
		take_options(json_object_get(line, "Options"), o);
}

/* ---- who is not asked ---- */

struct search {
	const json_t *aliases;
	sudoers_cb cb;
	void *arg;
};

static void take_people(const struct search *s, const json_t *list, unsigned depth)
{
	size_t i;
	json_t *who;

	json_array_foreach(list, i, who) {
		const char *name = json_string_value(json_object_get(who, "username"));
		const char *group = json_string_value(json_object_get(who, "usergroup"));
		const char *alias = json_string_value(json_object_get(who, "useralias"));
		char text[256];

		if (json_is_true(json_object_get(who, "negated")))
			continue;
		if (name)
			s->cb(name, s->arg);
		if (group && (size_t)snprintf(text, sizeof(text), "%%%s", group) < sizeof(text))
			s->cb(text, s->arg);
		if (alias && depth < ALIAS_DEPTH)
			take_people(s, json_object_get(s->aliases, alias), depth + 1);
	}
}

static bool asks_nothing(const json_t *spec, bool by_default)
{
	size_t i, k;
	json_t *command, *set, *value;

	json_array_foreach(json_object_get(spec, "Cmnd_Specs"), i, command) {
		bool free_of_it = by_default;

		json_array_foreach(json_object_get(command, "Options"), k, set) {
			value = json_object_get(set, "authenticate");
			free_of_it = value ? json_is_false(value) : free_of_it;
		}
		if (free_of_it)
			return true;
	}
	return false;
}

enum err sudoers_parse(const char *json, struct sudoers_options *ret, sudoers_cb cb, void *arg)
{
	json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL), *spec;
	struct sudoers_options o = { .service = "" };
	struct search s = { .cb = cb, .arg = arg };
	size_t i;

	if (!json_is_object(root)) {
		json_decref(root);
		return fail(ERR_INVALID, "cvtsudoers: no JSON");
	}
	s.aliases = json_object_get(root, "User_Aliases");
	take_defaults(root, &o);
	json_array_foreach(json_object_get(root, "User_Specs"), i, spec)
		if (asks_nothing(spec, o.no_auth))
			take_people(&s, json_object_get(spec, "User_List"), 0);
	json_decref(root);
	*ret = o;
	return ERR_OK;
}

enum err sudoers_read(struct sudoers_options *ret, sudoers_cb cb, void *arg)
{
	const char *const argv[] = { PATH_CVTSUDOERS, "-f", "json", PATH_SUDOERS, NULL };
	char *out = calloc(1, OUTPUT_SIZE);
	int status;
	enum err e = out ? program_run(argv, out, OUTPUT_SIZE, &status) : fail(ERR_MEMORY, "cvtsudoers");

	if (!e && status != 0)
		e = fail(ERR_CONFIG, "cvtsudoers: %.*s", (int)strcspn(out, "\r\n"), out);
	/* What it warns of stands before. */
	if (!e)
		e = sudoers_parse(strchr(out, '{') ? strchr(out, '{') : "", ret, cb, arg);
	free(out);
	return e;
}
