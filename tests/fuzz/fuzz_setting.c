/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the table of settings, then values for it, one a line. */
#include "../../lib/policy/settings.h"
#include "fuzz.h"

union object {
	struct settings settings;
	struct policy_class class;
};

static void clear(union object *o, bool is_class)
{
	if (is_class) {
		free(o->class.person.words);
		free(o->class.group.words);
		free(o->class.service.words);
		free(o->class.from);
	} else {
		free(o->settings.local_services.words);
	}
}

static void check_class(const struct policy_class *c)
{
	must(c->n_alternatives <= POLICY_ALTERNATIVES_MAX && c->n_from <= POLICY_WORDS_MAX);
	must(c->person.n <= POLICY_WORDS_MAX && c->group.n <= POLICY_WORDS_MAX);
	for (size_t i = 0; i < c->n_alternatives; i++)
		must(c->alternatives[i].n >= 1 && c->alternatives[i].n <= POLICY_FACTORS_MAX);
	must(c->attempts <= 20 && c->code_window <= 10 && c->pin_keep <= 2);
	must(c->lock_s == 0 || (c->lock_s >= 60 && c->lock_s <= 86400));
	must(c->reuse_s == 0 || (c->reuse_s >= 60 && c->reuse_s <= 7 * 86400));
}

static void check_suggestion(const char *section, const char *key)
{
	char why[SETTINGS_WHY_SIZE];

	must(settings_suggest(section, key, why, sizeof(why)) == why);
	must(*why && strlen(why) < sizeof(why));
}

/* A refusal changes nothing and says why; what was taken is taken again. */
static void parse(int i, const char *value, union object *o, bool is_class)
{
	union object before = *o;
	char why[SETTINGS_WHY_SIZE] = "";
	enum err e = settings_parse(i, value, o, why);

	must(e == ERR_OK || e == ERR_CONFIG);
	if (e == ERR_CONFIG) {
		must(*why && strlen(why) < sizeof(why));
		must(memcmp(&before, o, sizeof(before)) == 0);
	} else {
		must(settings_parse(i, value, o, why) == ERR_OK);
	}
	if (is_class)
		check_class(&o->class);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	union object o;
	size_t n, i;
	const struct setting_doc *docs = policy_settings_table(&n);
	bool is_class;

	i = take_u8(&in) % n;
	is_class = strcmp(docs[i].section, "class") == 0;
	memset(&o, 0, sizeof(o));
	for (int values = 0; values < 24 && in.len > 0; values++) {
		char *value = take_text(&in);

		parse((int)i, value, &o, is_class);
		check_suggestion(docs[i].section, value);
		free(value);
	}
	clear(&o, is_class);
	return 0;
}
