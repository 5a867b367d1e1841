/* SPDX-License-Identifier: Apache-2.0 */
#include "cardtool.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card_start.h"
#include "complete.h"
#include "log.h"
#include "output.h"
#include "paths.h"
#include "privilege.h"
#include "trusted.h"
#include "words.h"

#define STORE_LOCK_MS 5000

static const struct command *const commands[] = {
	&cmd_init, &cmd_doctor, &cmd_config_check, &cmd_config_show,
	&cmd_user_add, &cmd_user_list, &cmd_user_show, &cmd_user_change, &cmd_user_remove,
	&cmd_enroll, &cmd_list, &cmd_show, &cmd_suspend, &cmd_resume, &cmd_revoke,
	&cmd_totp_enroll, &cmd_totp_remove, &cmd_password_set,
	&cmd_unlock, &cmd_log, &cmd_pin_try, &cmd_try, &cmd_status, &cmd_ssh_keys, &cmd_tune,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- help ---- */

static void print_commands(const char *first_word)
{
	struct table *t = table_new(2);
	size_t len = strlen(first_word);

	for (size_t i = 0; i < N_COMMANDS; i++) {
		char left[ESCAPED_SIZE];

		if (strncmp(commands[i]->name, first_word, len) != 0)
			continue;
		snprintf(left, sizeof(left), "  %s", commands[i]->name);
		table_add(t, left);
		table_add(t, gettext(commands[i]->brief));
	}
	table_print(t);
}

static void help_tool(void)
{
	say(_("Usage: cardtool COMMAND [WORDS] [--OPTIONS]\n"
	      "Administers logins with IC cards. Start it as root: sudo cardtool ...\n"));
	print_commands("");
	say(_("\ncardtool COMMAND --help tells more, with an example. cardtool --version\n"
	      "\n"
	      "Exit codes: 0 done, 1 refused or not found, 2 wrong usage,\n"
	      "3 store or service unavailable, 4 done in part (what was not is said)."));
}

static void help_command(const struct command *c)
{
	struct table *t = table_new(2);

	print_usage(stdout, c);
	say("%s\n", gettext(c->brief));
	for (const struct option_row *r = c->options; r && r->name; r++) {
		char left[ESCAPED_SIZE];

		snprintf(left, sizeof(left), "  --%s%s%s", r->name, r->value ? " " : "",
			 r->value ? r->value : "");
		table_add(t, left);
		table_add(t, gettext(r->text));
	}
	table_add(t, "  --help");
	table_add(t, _("this text"));
	table_print(t);
	print_example(stdout, c);
}

/* ---- which command ---- */

/* "user add" takes two words of argv, "list" one; 0: not this one. */
static int matches(const struct command *c, int argc, char *const *argv)
{
	const char *blank = strchr(c->name, ' ');
	size_t len = blank ? (size_t)(blank - c->name) : strlen(c->name);

	if (strlen(argv[0]) != len || memcmp(argv[0], c->name, len) != 0)
		return 0;
	if (!blank)
		return 1;
	return argc > 1 && strcmp(argv[1], blank + 1) == 0 ? 2 : 0;
}

static bool is_first_word(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strncmp(commands[i]->name, word, len) == 0 && commands[i]->name[len] == ' ')
			return true;
	return false;
}

static enum exit_code no_command(int argc, char *const *argv)
{
	size_t near = 0;

	if (is_first_word(argv[0])) {
		bool help = argc > 1 && strcmp(argv[1], "--help") == 0;

		if (!help && argc > 1)
			complain(_("there is no such command; after %s comes one of these:"), argv[0]);
		else if (!help)
			complain(_("%s wants one more word:"), argv[0]);
		print_commands(argv[0]);
		return help ? EXIT_DONE : EXIT_USAGE;
	}
	complain(_("there is no such command (`cardtool --help` lists all)"));
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (text_distance(argv[0], commands[i]->name) > 2)
			continue;
		if (!near++)
			advise(_("Nothing was done. Did you mean:"));
		advise("  cardtool %s", commands[i]->name);
	}
	return EXIT_USAGE;
}

/* ---- what a command needs ---- */

/* Opened while root, used after. */
struct opened {
	int conf, keys;
};

static void close_opened(struct opened *o)
{
	if (o->conf >= 0)
		close(o->conf);
	if (o->keys >= 0)
		close(o->keys);
}

static enum err open_as_root(struct tool *t, struct opened *o)
{
	unsigned needs = t->command->needs;
	enum err e = ERR_OK;

	if (needs & NEED_KEYS)
		e = trusted_open(PATH_KEY_FILE, 0077, &o->keys);
	if (!e && needs & (NEED_POLICY | NEED_POLICY_MAYBE))
		e = trusted_open(PATH_CONF, 0022, &o->conf);
	if (e && needs & NEED_POLICY_MAYBE)
		e = ERR_OK;
	if (!e && needs & NEED_CARD)
		e = card_start(&t->card_fd);
	return e;
}

static enum err open_as_worker(struct tool *t, const struct opened *o)
{
	unsigned needs = t->command->needs;
	enum err e = ERR_OK;

	if (needs & NEED_KEYS)
		e = keyring_read(o->keys, &t->keyring);
	if (!e && needs & NEED_POLICY)
		e = policy_read(o->conf, PATH_CONF, &t->policy);
	if (!e && needs & NEED_POLICY_MAYBE && o->conf >= 0 &&
	    policy_read(o->conf, PATH_CONF, &t->policy))
		complain(_("the configuration is broken (`cardtool config check` tells the line)"));
	if (!e && needs & NEED_STORE_MAYBE)
		t->store_result = store_open(PATH_STORE_DIR, STORE_USE, STORE_LOCK_MS, &t->store);
	if (!e && needs & NEED_STORE)
		e = store_open(PATH_STORE_DIR, STORE_USE, STORE_LOCK_MS, &t->store);
	return e;
}

static enum exit_code not_root(const struct command *c)
{
	complain(_("this must be started as root: sudo cardtool %s ..."), c->name);
	return EXIT_REFUSED;
}

static enum exit_code open_needs(struct tool *t)
{
	struct opened o __attribute__((cleanup(close_opened))) = { .conf = -1, .keys = -1 };

	if (t->command->needs & NEED_NOBODY)
		return EXIT_DONE;
	if (!privilege_is_root())
		return not_root(t->command);
	t->actor = privilege_actor();
	if (t->command->needs & NEED_ROOT_KEPT)
		return EXIT_DONE;

	enum err e = open_as_root(t, &o);

	if (!e)
		e = privilege_drop(USER_WORKER);
	if (!e)
		e = open_as_worker(t, &o);
	if (e == ERR_NOT_FOUND) {
		complain_detail(e);
		advise(_("`cardtool init` creates what is missing; `cardtool doctor` shows it."));
		return EXIT_SERVICE;
	}
	if (e == ERR_NOT_ALLOWED) {
		complain(_("a file of cardmfa has not the owner or mode that it must have"));
		advise(_("  Detail: %s"), ESCAPED(err_detail()));
		advise(_("`cardtool doctor` says what to change."));
		return EXIT_SERVICE;
	}
	return complain_err(e);
}

static void close_needs(struct tool *t)
{
	store_close(t->store);
	keyring_free(t->keyring);
	policy_free(t->policy);
	if (t->card_fd >= 0)
		close(t->card_fd);
}

static enum exit_code run(const struct command *c, int argc, char *const *argv)
{
	struct tool t = { .command = c, .actor = -1, .card_fd = -1 };
	char why[OPTIONS_WHY_SIZE];

	if (options_parse(c->options, c->words_min, c->words_max, argc, argv, &t.args, why,
			  sizeof(why))) {
		complain("%s", why);
		advise_usage(c);
		return EXIT_USAGE;
	}
	if (t.args.help) {
		help_command(c);
		return EXIT_DONE;
	}
	for (const struct option_row *r = c->options; r && r->name; r++)
		if (strcmp(r->name, "json") == 0)
			t.json = option_given(&t.args, "json");

	enum exit_code code = open_needs(&t);

	if (code == EXIT_DONE)
		code = c->run(&t);
	close_needs(&t);
	return code;
}

static enum exit_code run_or_say(const struct command *c, int argc, char *const *argv)
{
	enum exit_code code = run(c, argc, argv);

	if (c->undone && code != EXIT_DONE && code != EXIT_PARTLY)
		advise("%s", gettext(c->undone));
	return code;
}

static enum exit_code choose(int argc, char *const *argv)
{
	if (argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
	    strcmp(argv[0], "help") == 0) {
		help_tool();
		return argc == 0 ? EXIT_USAGE : EXIT_DONE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		say("cardtool (cardmfa) %s", PACKAGE_VERSION);
		return EXIT_DONE;
	}
	/* For the shells' scripts. */
	if (strcmp(argv[0], "complete") == 0)
		return complete_words(commands, N_COMMANDS, argc - 1, argv + 1);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		int words = matches(commands[i], argc, argv);

		if (words)
			return run_or_say(commands[i], argc - words, argv + words);
	}
	return no_command(argc, argv);
}

/*
 * A locale that was asked for but never generated still says the language: gettext takes it from
 * LANGUAGE.
 */
static void set_language(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *wanted = NULL;
	char language[3] = "";

	if (!setlocale(LC_ALL, "")) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !(wanted && *wanted);
		     i++)
			wanted = getenv(names[i]);
		setlocale(LC_ALL, "C.UTF-8");
		if (wanted && strlen(wanted) > 2 &&
		    text_copy_n(language, sizeof(language), wanted, 2))
			setenv("LANGUAGE", language, 0);
	}
	bindtextdomain("cardmfa", CARDMFA_LOCALEDIR);
	bind_textdomain_codeset("cardmfa", "UTF-8");
	textdomain("cardmfa");
}

int main(int argc, char **argv)
{
	log_set_sink(NULL);
	log_set_program("cardtool");

	enum err e = privilege_begin();

	set_language();
	if (e)
		return (int)complain_err(e);
	return (int)output_end(choose(argc > 0 ? argc - 1 : 0, argv + 1));
}
