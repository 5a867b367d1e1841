/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cardtool.h"
#include "output.h"
#include "paths.h"
#include "trusted.h"
#include "words.h"

static const struct option_row options[] = {
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

static void say_class(const struct policy_class *c)
{
	char line[ESCAPED_SIZE], text[136];
	size_t len = 0;

	line[0] = '\0';
	for (size_t i = 0; i < c->n_alternatives && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", i ? " " : "",
					alternative_text(&c->alternatives[i], text, sizeof(text)));
	say(_("  [%s], line %u: %s"), ESCAPED(c->name), c->line, line);
}

static json_t *class_json(const struct policy_class *c)
{
	json_t *ways = json_array();
	char text[136];

	for (size_t i = 0; i < c->n_alternatives; i++)
		json_array_append_new(ways, json_string(alternative_text(&c->alternatives[i], text, sizeof(text))));
	return json_pack("{s:s, s:i, s:o}", "class", c->name, "line", (int)c->line, "factors", ways);
}

/* p: NULL when it is broken, then err_detail() says where. */
static enum exit_code check_json(const char *path, const struct policy *p)
{
	json_t *classes = json_array();

	for (size_t i = 0; p && i < p->n_classes; i++)
		json_array_append_new(classes, class_json(&p->classes[i]));
	json_print(json_pack("{s:s, s:b, s:o, s:o}",
			     "file", ESCAPED(path),
			     "good", p != NULL,
			     "fault", p ? json_null() : json_string(ESCAPED(err_detail())),
			     "classes", classes));
	return p ? EXIT_DONE : EXIT_REFUSED;
}

/* The installed file is opened as the daemon opens it: what it would not trust is no configuration. */
static enum exit_code open_file(const char *path, int *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), why = errno;

	if (fd < 0) {
		complain(_("this file can't be read"));
		advise(_("  Detail: %s: %s"), ESCAPED(path), strerror(why));
		return EXIT_REFUSED;
	}
	*ret = fd;
	return EXIT_DONE;
}

static enum exit_code not_good(const struct tool *t, const char *path)
{
	if (t->json)
		return check_json(path, NULL);
	complain_detail(ERR_CONFIG);
	return EXIT_REFUSED;
}

static enum exit_code config_check(struct tool *t)
{
	const char *path = t->args.n_words ? t->args.words[0] : PATH_CONF;
	enum exit_code code = EXIT_DONE;
	struct policy *p;
	int fd = -1;

	if (t->json)
		json_in_english();
	if (t->args.n_words)
		code = open_file(path, &fd);
	else if (trusted_open(path, 0022, &fd) != ERR_OK)
		return not_good(t, path);
	if (code != EXIT_DONE)
		return EXIT_REFUSED;

	enum err e = policy_read(fd, path, &p);

	close(fd);
	if (e && e != ERR_CONFIG)
		return complain_err(e);
	if (e)
		return not_good(t, path);
	if (t->json) {
		code = check_json(path, p);
		policy_free(p);
		return code;
	}
	say(_("%s is in order. Classes, the first that applies counts:"), ESCAPED(path));
	for (size_t i = 0; i < p->n_classes; i++)
		say_class(&p->classes[i]);
	policy_free(p);
	return EXIT_DONE;
}

const struct command cmd_config_check = {
	.name = "config check",
	.usage = "[FILE] [--json]",
	.brief = N_("read a configuration as the daemon would, and say which line is wrong"),
	.example = "  cardtool config check /etc/cardmfa/cardmfa.conf",
	.options = options,
	.words_max = 1,
	.needs = NEED_NOBODY,
	.run = config_check,
};
