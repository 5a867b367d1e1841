/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "cardtool.h"
#include "output.h"
#include "paths.h"
#include "told_show.h"
#include "words.h"

#define NO_SESSION 4294967295LL

static const struct option_row options[] = {
	{ "class", "NAME", N_("only this class: its name, or default") },
	{ "user", "USER", N_("which class this person gets and why, and its settings") },
	{ "service", "SERVICE", N_("at this PAM service (with --user; else login, or sshd with --from)") },
	{ "from", "ADDRESS", N_("from this address over the network (with --user)") },
	{ "local", NULL, N_("in front of this machine (with --user; the default)") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct showing {
	const struct policy *policy;
	const struct setting_doc *docs;
	size_t n;
	struct told *told;      /* --user, else NULL */
};

/* ---- values ---- */

static bool is_of(const struct showing *s, size_t i, const struct policy_class *c)
{
	return strcmp(s->docs[i].section, c ? "class" : "settings") == 0;
}

static const char *source_text(char *dst, size_t size, unsigned line)
{
	if (line)
		snprintf(dst, size, "%s:%u", PATH_CONF, line);
	else
		snprintf(dst, size, "%s", _("preset"));
	return dst;
}

static void show_section(const struct showing *s, const struct policy_class *c)
{
	struct table *t = table_new(3);
	char value[POLICY_VALUE_SIZE], source[sizeof(PATH_CONF) + 24];
	unsigned line;

	if (!c)
		say("[settings]");
	else
		say(strcmp(c->name, "default") == 0 ? "\n[%s]" : "\n[class %s]", c->name);
	for (size_t i = 0; i < s->n; i++) {
		if (!is_of(s, i, c))
			continue;
		policy_value(s->policy, c, i, value, sizeof(value), &line);
		table_add(t, s->docs[i].key);
		table_add(t, source_text(source, sizeof(source), line));
		table_add(t, value);
	}
	table_print(t);
}

static void show_machines(const struct policy *p)
{
	struct table *t = table_new(3);
	char source[sizeof(PATH_CONF) + 24], value[POLICY_VALUE_SIZE];

	say("\n[machine]");
	for (size_t i = 0; i < p->n_machines; i++) {
		table_add(t, p->machines[i].login);
		table_add(t, source_text(source, sizeof(source), p->machines[i].line));
		table_add(t, policy_machine_value(p, i, value, sizeof(value)));
	}
	table_print(t);
}

static json_t *machines_json(const struct policy *p)
{
	json_t *list = json_array();
	char value[POLICY_VALUE_SIZE];

	for (size_t i = 0; i < p->n_machines; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:i}",
						      "account", p->machines[i].login,
						      "services", policy_machine_value(p, i, value, sizeof(value)),
						      "line", (int)p->machines[i].line));
	return list;
}

static json_t *section_json(const struct showing *s, const struct policy_class *c)
{
	json_t *list = json_array();
	char value[POLICY_VALUE_SIZE], source[sizeof(PATH_CONF) + 24];
	unsigned line;

	for (size_t i = 0; i < s->n; i++) {
		if (!is_of(s, i, c))
			continue;
		policy_value(s->policy, c, i, value, sizeof(value), &line);
		snprintf(source, sizeof(source), "%s:%u", PATH_CONF, line);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}",
						      "setting", s->docs[i].key,
						      "value", value,
						      "source", line ? source : "default",
						      "line", line ? json_integer(line) : json_null()));
	}
	return list;
}

static json_t *class_json(const struct showing *s, const struct policy_class *c)
{
	return json_pack("{s:s, s:i, s:o}", "class", c->name, "line", (int)c->line, "settings", section_json(s, c));
}

/* ---- which class ---- */

static enum err keep(void *arg, const struct wire_record *r)
{
	return told_keep(arg, r);
}

static enum exit_code fill_request(const struct arguments *a, struct wire_request *r)
{
	const char *from = option_value(a, "from"), *service = option_value(a, "service");
	char address[65];

	if (!service)
		service = from ? "sshd" : "login";
	if (from && !*policy_address(from, address, sizeof(address))) {
		complain(_("--from is a numeric address, as in 192.0.2.7"));
		return EXIT_USAGE;
	}
	if (text_copy(r->user, sizeof(r->user), option_value(a, "user")) &&
	    text_copy(r->service, sizeof(r->service), service) && text_copy(r->rhost, sizeof(r->rhost), from ? from : ""))
		return EXIT_DONE;
	complain(_("a name is too long or empty"));
	return EXIT_USAGE;
}

/* By the very code of the daemon, for a host that is a service of the system (login below getty, sshd). */
static enum exit_code explain(struct tool *t, struct told *told)
{
	struct wire_request request = { .op = WIRE_EXPLAIN };
	static const struct wire_peer host = {
		.root_socket = true, .loginuid = NO_SESSION, .audit_session = NO_SESSION, .cgroup = "/system.slice/host.service",
	};
	const struct auth_io io = { .record = keep, .arg = told };
	const struct auth_call call = {
		.store = t->store, .policy = t->policy, .io = &io, .peer = &host, .request = &request,
	};
	struct wire_result unused = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	enum exit_code code = fill_request(&t->args, &request);

	if (code)
		return code;
	return complain_err(t->store ? auth_run(&call, &unused) : t->store_result);
}

/* ---- the whole ---- */

static const struct policy_class *chosen_class(const struct showing *s, const char *name)
{
	const struct wire_class *k = s->told ? told_applying(s->told) : NULL;

	return k || name ? policy_class_by_name(s->policy, k ? k->name : name) : NULL;
}

static enum exit_code show_text(const struct showing *s, const struct policy_class *only, const char *user)
{
	if (s->told) {
		told_show(s->told, user);
		show_section(s, only);
		return EXIT_DONE;
	}
	if (!only)
		show_section(s, NULL);
	if (!only && s->policy->n_machines)
		show_machines(s->policy);
	for (size_t i = 0; i < s->policy->n_classes; i++)
		if (!only || only == &s->policy->classes[i])
			show_section(s, &s->policy->classes[i]);
	return EXIT_DONE;
}

static enum exit_code show_json(const struct showing *s, const struct policy_class *only)
{
	json_t *classes = json_array();

	for (size_t i = 0; i < s->policy->n_classes; i++)
		if (!only || only == &s->policy->classes[i])
			json_array_append_new(classes, class_json(s, &s->policy->classes[i]));
	return json_print(json_pack("{s:s, s:o, s:o, s:o, s:o}",
				    "file", PATH_CONF,
				    "settings", section_json(s, NULL),
				    "machine", machines_json(s->policy),
				    "classes", classes,
				    "login", s->told ? told_json(s->told) : json_null()));
}

static enum exit_code refuse_options(const struct arguments *a)
{
	const bool user = option_given(a, "user");

	if (option_given(a, "class") && user)
		complain(_("--class and --user don't go together"));
	else if (option_given(a, "from") && option_given(a, "local"))
		complain(_("--from and --local don't go together"));
	else if (!user && (option_given(a, "service") || option_given(a, "from") || option_given(a, "local")))
		complain(_("--service, --from and --local go with --user"));
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

static enum exit_code config_show(struct tool *t)
{
	const char *name = option_value(&t->args, "class"), *user = option_value(&t->args, "user");
	struct told *told __attribute__((cleanup(told_free))) = user ? told_new() : NULL;
	struct showing s = { .policy = t->policy, .told = told };
	enum exit_code code = refuse_options(&t->args);

	s.docs = policy_settings_table(&s.n);
	if (!code && user)
		code = explain(t, told);
	if (code)
		return code;

	const struct policy_class *only = chosen_class(&s, name);

	if (name && !only) {
		complain(_("the configuration has no class \"%s\" (`cardtool config check` lists them)"), ESCAPED(name));
		return EXIT_REFUSED;
	}
	return t->json ? show_json(&s, only) : show_text(&s, only, user);
}

const struct command cmd_config_show = {
	.name = "config show",
	.usage = "[--class NAME | --user USER [--service SERVICE] [--from ADDRESS | --local]] [--json]",
	.brief = N_("show every setting in use and where it comes from; which class a person gets"),
	.example = "  sudo cardtool config show\n"
		   "  sudo cardtool config show --user taro --service sshd --from 192.0.2.7",
	.options = options,
	.needs = NEED_POLICY | NEED_STORE_MAYBE,
	.run = config_show,
};
