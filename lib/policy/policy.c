/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_reader.h"
#include "l10n.h"
#include "policy_check.h"
#include "setting_value.h"
#include "settings.h"
#include "text.h"

#define CLASS_PREFIX "class "

/* While the file is read. */
struct build {
	struct policy *policy;
	const char *path;
	struct policy_class *class;     /* NULL in [settings] and [machine] */
	bool in_machine;
	unsigned settings_line, machine_line, default_line;
};

static bool is_class_name(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	/* Of these, letters alone are not below 'a'. */
	return *s >= 'a' && !s[len] && len < POLICY_NAME_SIZE &&
	       strcmp(s, "default") != 0;
}

static enum err add_class(struct build *b, const char *name, unsigned line)
{
	struct policy *p = b->policy;
	struct policy_class *c = &p->classes[p->n_classes];
	const struct policy_class *same = policy_class_by_name(p, name);
	enum err e;

	if (same)
		return conf_fault(b->path, line,
			_("class '%s' stands in line %u already: write its settings there, "
			"or give this one another name"),
			name, same->line);
	if (p->n_classes == POLICY_CLASSES_MAX)
		return conf_fault(b->path, line, _("more than %d classes: write fewer"),
			POLICY_CLASSES_MAX);
	e = settings_preset("class", c);
	if (e)
		return e;
	if (!text_copy(c->name, sizeof(c->name), name))
		return conf_fault(b->path, line, _("class name '%s' is too long"), name);
	c->line = line;
	p->n_classes++;
	b->class = c;
	b->in_machine = false;
	return ERR_OK;
}

/* Of the sections that stand once. */
static enum err open_once(struct build *b, const char *name, unsigned line, unsigned *stands)
{
	if (*stands)
		return conf_fault(b->path, line,
			_("[%s] stands in line %u already: write its settings there"), name, *stands);
	*stands = line;
	b->class = NULL;
	b->in_machine = stands == &b->machine_line;
	return ERR_OK;
}

static enum err open_settings(struct build *b, const char *name, unsigned line)
{
	return open_once(b, name, line, &b->settings_line);
}

static enum err open_machine(struct build *b, const char *name, unsigned line)
{
	return open_once(b, name, line, &b->machine_line);
}

static enum err open_default(struct build *b, const char *name, unsigned line)
{
	b->default_line = line;
	return add_class(b, name, line);
}

static enum err open_class(struct build *b, const char *section, unsigned line)
{
	const char *name = section + strlen(CLASS_PREFIX);

	if (strncmp(section, CLASS_PREFIX, strlen(CLASS_PREFIX)) != 0)
		return conf_fault(b->path, line,
			_("there is no section [%s]: write [settings], [machine], [class NAME] or [default]"),
			section);
	if (!is_class_name(name))
		return conf_fault(b->path, line,
			_("'%s' is no name for a class: write 1 to %d of a-z, 0-9 and '-', "
			"a letter first, and not 'default'"),
			name, POLICY_NAME_SIZE - 1);
	return add_class(b, name, line);
}

static enum err take_section(const char *name, unsigned line, void *arg)
{
	static const struct {
		const char *name;
		enum err (*open)(struct build *b, const char *name, unsigned line);
	} sections[] = {
		{ "settings", open_settings }, { "machine", open_machine }, { "default", open_default },
	};
	struct build *b = arg;

	if (b->default_line)
		return conf_fault(b->path, line,
			_("[%s] below [default] (line %u), which stands once and last: "
			"write it above [default]"),
			name, b->default_line);
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		if (strcmp(sections[i].name, name) == 0)
			return sections[i].open(b, name, line);
	return open_class(b, name, line);
}

/* LOGIN = SERVICE ... */
static enum err take_machine(struct build *b, const char *login, const char *value, unsigned line)
{
	struct policy *p = b->policy;
	struct policy_machine *m;
	char why[SETTINGS_WHY_SIZE];
	enum err e;

	if (p->n_machines == POLICY_MACHINES_MAX)
		return conf_fault(b->path, line, _("more than %d accounts in [machine]: write fewer"),
			POLICY_MACHINES_MAX);
	m = &p->machines[p->n_machines];
	if (!text_is_login(login) || !text_copy(m->login, sizeof(m->login), login))
		return conf_fault(b->path, line, _("'%s' is no login name; write as in backup = cron sshd"), login);
	for (size_t i = 0; i < p->n_machines; i++)
		if (strcmp(p->machines[i].login, login) == 0)
			return conf_fault(b->path, line,
				_("'%s' stands in line %u already: write it once in a section"), login,
				p->machines[i].line);
	e = value_word_list(&value_services, value, &m->services, why, sizeof(why));
	if (e == ERR_CONFIG)
		return conf_fault(b->path, line, "%s = %s: %s", login, value, why);
	if (e)
		return fail(e, "%s:%u: out of memory", b->path, line);
	m->line = line;
	p->n_machines++;
	return ERR_OK;
}

static enum err take_known(struct build *b, const char *key, const char *value, unsigned line)
{
	const char *section = !b->class ? "settings" : b->default_line ? "default" : "class";
	void *object = b->class ? (void *)b->class : (void *)&b->policy->settings;
	int i = settings_find(b->class ? "class" : "settings", key);
	char why[SETTINGS_WHY_SIZE];
	unsigned *written;
	enum err e;

	if (i < 0)
		return conf_fault(b->path, line,
			_("there is no setting '%s' in this section: %s"), key,
			settings_suggest(section, key, why, sizeof(why)));
	if (b->default_line && settings_is_condition(i))
		return conf_fault(b->path, line,
			_("'%s' has no effect in [default], which is for all others: "
			"write it in a [class NAME]"),
			key);
	written = &b->policy->lines[b->class ? b->policy->n_classes : 0][i];
	if (*written)
		return conf_fault(b->path, line,
			_("'%s' stands in line %u already: write it once in a section"), key,
			*written);
	e = settings_parse(i, value, object, why);
	if (e == ERR_CONFIG)
		return conf_fault(b->path, line, "%s = %s: %s", key, value, why);
	if (e)
		return fail(e, "%s:%u: out of memory", b->path, line);
	*written = line;
	return ERR_OK;
}

static enum err take_setting(const char *key, const char *value, unsigned line, void *arg)
{
	struct build *b = arg;

	return b->in_machine ? take_machine(b, key, value, line) : take_known(b, key, value, line);
}

static void inherit(struct build *b)
{
	struct policy *p = b->policy;
	size_t n;

	(void)policy_settings_table(&n);
	for (size_t c = 0; c + 1 < p->n_classes; c++)
		for (size_t i = 0; i < n; i++)
			if (!b->policy->lines[1 + c][i])
				settings_inherit(
					(int)i, &p->classes[c], &p->classes[p->n_classes - 1]);
}

/* The host's name where it can be an issuer. */
static void name_issuer(struct settings *s)
{
	if (*s->issuer)
		return;
	if (gethostname(s->issuer, sizeof(s->issuer) - 1) < 0 ||
	    !text_is_label(s->issuer, sizeof(s->issuer) - 1) || strchr(s->issuer, ':'))
		(void)snprintf(s->issuer, sizeof(s->issuer), "cardmfa");
}

static void free_policy(struct policy **p)
{
	policy_free(*p);
}

enum err policy_read(int fd, const char *path, struct policy **ret)
{
	static const struct conf_handler handler = { take_section, take_setting };
	__attribute__((cleanup(free_policy))) struct policy *p = calloc(1, sizeof(*p));
	struct build b = { .policy = p, .path = path };
	unsigned lines;
	enum err e;

	if (!p)
		return fail(ERR_MEMORY, "%s: out of memory", path);
	e = settings_preset("settings", &p->settings);
	if (!e)
		e = conf_read(fd, path, &handler, &b, &lines);
	if (e)
		return e;
	if (!b.default_line)
		return conf_fault(path, lines,
			_("there is no [default]: write it as the last section, with its factors"));
	inherit(&b);
	name_issuer(&p->settings);
	e = policy_check(p, path);
	if (e)
		return e;
	*ret = p;
	p = NULL;
	return ERR_OK;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	free(p->settings.local_services.words);
	for (size_t i = 0; i < POLICY_MACHINES_MAX; i++)
		free(p->machines[i].services.words);
	for (size_t i = 0; i < POLICY_CLASSES_MAX; i++) {
		free(p->classes[i].person.words);
		free(p->classes[i].group.words);
		free(p->classes[i].service.words);
		free(p->classes[i].from);
	}
	free(p);
}

const char *policy_value(const struct policy *p, const struct policy_class *c, size_t i, char *dst, size_t size,
	unsigned *line)
{
	const size_t section = c ? 1 + (size_t)(c - p->classes) : 0;

	*line = p->lines[section][i];
	/* All that [default] may say and a class may lack is inherited. */
	if (!*line)
		*line = p->lines[p->n_classes][i];
	return settings_text((int)i, c ? (const void *)c : (const void *)&p->settings, dst, size);
}

const struct policy_class *policy_class_by_name(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_classes; i++)
		if (strcmp(p->classes[i].name, name) == 0)
			return &p->classes[i];
	return NULL;
}

bool policy_machine_may(const struct policy *p, const char *login, const char *service)
{
	for (size_t i = 0; i < p->n_machines; i++)
		if (strcmp(p->machines[i].login, login) == 0)
			return strcmp(service, "systemd-user") == 0 || word_list_has(&p->machines[i].services, service);
	return false;
}

const char *policy_machine_value(const struct policy *p, size_t i, char *dst, size_t size)
{
	static const struct value_rule whole = { .size = sizeof(struct word_list) };

	*dst = '\0';
	value_write_words(&whole, &p->machines[i].services, dst, size);
	return dst;
}

bool word_list_has(const struct word_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->words[i], word) == 0)
			return true;
	return false;
}
