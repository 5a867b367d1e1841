/* SPDX-License-Identifier: Apache-2.0 */
#include "complete.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "card_start.h"
#include "clock.h"
#include "event.h"
#include "output.h"
#include "paths.h"
#include "privilege.h"
#include "trusted.h"
#include "words.h"

#define LOCK_MS 500
#define LIST_MS 2000

/* Behind the tab: without line breaks, whatever it says. */
static void offer(const char *typed, const char *word, const char *text)
{
	if (strncmp(word, typed, strlen(typed)) == 0)
		printf(*text ? "%s\t%s\n" : "%s\n", ESCAPED(word), ESCAPED(text));
}

/* ---- values ---- */

struct offering {
	const char *typed;
	struct store *store;
};

static enum err offer_person(const struct person *p, void *arg)
{
	const struct offering *o = arg;

	offer(o->typed, p->login, p->name);
	return ERR_OK;
}

static enum err offer_card(const struct card_row *c, void *arg)
{
	const struct offering *o = arg;
	struct person p;
	char text[ESCAPED_SIZE];

	if (store_person_by_id(o->store, c->person, &p) != ERR_OK)
		return ERR_OK;
	snprintf(text, sizeof(text), "%s, %s %s", p.login, word_card(c, clock_real_s()), c->label);
	offer(o->typed, c->card_id.text, text);
	return ERR_OK;
}

/* As root alone, and as the store's user for good. */
static struct store *open_store(void)
{
	struct store *s = NULL;

	if (!privilege_is_root() || privilege_drop(USER_WORKER) != ERR_OK ||
	    store_open(PATH_STORE_DIR, STORE_USE, LOCK_MS, &s) != ERR_OK)
		return NULL;
	return s;
}

static void people(const char *typed)
{
	struct offering o = { .typed = typed, .store = open_store() };

	if (o.store && store_person_each(o.store, false, offer_person, &o) != ERR_OK)
		fflush(stdout);
	store_close(o.store);
}

static void cards(const char *typed)
{
	struct offering o = { .typed = typed, .store = open_store() };

	if (o.store && store_card_each(o.store, 0, offer_card, &o) != ERR_OK)
		fflush(stdout);
	store_close(o.store);
}

static void readers(const char *typed)
{
	struct card_request q = { .op = CARD_OP_LIST };
	struct card_answer list;
	int fd;

	if (!privilege_is_root() || card_start(&fd) != ERR_OK)
		return;
	if (card_ask(fd, &q, &list, LIST_MS) == ERR_OK && list.result == ERR_OK)
		for (size_t i = 0; i < list.n_readers; i++)
			offer(typed, list.readers[i].name, "");
	close(fd);
}

static void states(const char *typed)
{
	for (enum card_state s = CARD_ISSUED; s <= CARD_DESTROYED; s++)
		offer(typed, card_state_name(s), word_card_state(s));
}

static void reasons(const char *typed)
{
	for (enum card_reason r = REASON_LOST; r <= REASON_TRANSFERRED; r++)
		offer(typed, card_reason_name(r), word_reason(r));
}

static void event_types(const char *typed)
{
	for (enum event_type e = EVENT_NONE + 1; e < EVENT_N; e++)
		offer(typed, event_name(e), word_event(event_name(e)));
}

static void classes(const char *typed)
{
	struct policy *p = NULL;
	int fd;

	if (trusted_open(PATH_CONF, 0022, &fd) != ERR_OK)
		return;
	if (policy_read(fd, PATH_CONF, &p) == ERR_OK)
		for (size_t i = 0; i < p->n_classes; i++)
			offer(typed, p->classes[i].name, "");
	policy_free(p);
	close(fd);
}

/* Files of /etc/pam.d are named as the services. */
static void services(const char *typed)
{
	DIR *d = opendir(CARDMFA_SYSCONFDIR "/pam.d");
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, "common-", strlen("common-")) != 0)
			offer(typed, entry->d_name, "");
	if (d)
		closedir(d);
}

static void files(const char *typed)
{
	(void)typed;
	puts("/");
}

static const struct {
	const char *name;       /* of an option, or of a word in the usage */
	void (*list)(const char *typed);
} values[] = {
	{ "user", people },   { "USER", people },	   { "card", cards },	      { "CARD", cards },
	{ "reader", readers }, { "state", states },	   { "reason", reasons },     { "revoke-cards", reasons },
	{ "type", event_types }, { "class", classes },	   { "service", services },   { "FILE", files },
	{ "output", files },
};

static void offer_value(const char *name, size_t len, const char *typed)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (strlen(values[i].name) == len && memcmp(values[i].name, name, len) == 0)
			values[i].list(typed);
}

/* "9a|9e": the choices themselves. */
static void offer_choices(const char *shape, const char *typed)
{
	char word[32];

	for (const char *at = shape; *at; at += strcspn(at, "|") + (at[strcspn(at, "|")] == '|'))
		if (text_copy_n(word, sizeof(word), at, strcspn(at, "|")))
			offer(typed, word, "");
}

/* ---- the line ---- */

static const struct option_row *option_of(const struct command *c, const char *word)
{
	if (strncmp(word, "--", 2) != 0)
		return NULL;
	for (const struct option_row *r = c->options; r && r->name; r++)
		if (strcmp(r->name, word + 2) == 0)
			return r;
	return NULL;
}

static bool is_given(const char *name, int argc, char *const *argv)
{
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
			return true;
	return false;
}

static void offer_option(const char *typed, const char *name, const char *text)
{
	char word[64];

	snprintf(word, sizeof(word), "--%s", name);
	offer(typed, word, text);
}

static void offer_options(const struct command *c, int argc, char *const *argv)
{
	for (const struct option_row *r = c->options; r && r->name; r++)
		if (!is_given(r->name, argc - 1, argv))
			offer_option(argv[argc - 1], r->name, gettext(r->text));
	offer_option(argv[argc - 1], "help", _("this text"));
}

/* The n-th word that a command takes, as its usage names it: "USER", "FILE". */
static const char *usage_word(const struct command *c, size_t n, size_t *len)
{
	const char *at = c->usage;

	for (size_t i = 0; *at && (*at != '[' || at[1] != '-'); i++) {
		at += *at == '[' || *at == '{';
		*len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (*len == 0)
			break;
		if (i == n)
			return at;
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	return NULL;
}

static void offer_rest(const struct command *c, int argc, char *const *argv)
{
	const char *typed = argv[argc - 1], *word;
	const struct option_row *r = argc > 1 ? option_of(c, argv[argc - 2]) : NULL;
	size_t words = 0, len;

	if (r && r->value) {
		if (strchr(r->value, '|'))
			offer_choices(r->value, typed);
		else
			offer_value(r->name, strlen(r->name), typed);
		return;
	}
	if (typed[0] == '-') {
		offer_options(c, argc, argv);
		return;
	}
	for (int i = 0; i + 1 < argc; i++) {
		r = option_of(c, argv[i]);
		if (r)
			i += r->value != NULL;
		else
			words++;
	}
	word = words < c->words_max ? usage_word(c, words, &len) : NULL;
	if (word)
		offer_value(word, len, typed);
	else
		offer_options(c, argc, argv);
}

/* How many words of the line are this command's name; 0: it is another. */
static int name_words(const struct command *c, int argc, char *const *argv)
{
	const char *blank = strchr(c->name, ' ');
	size_t len = blank ? (size_t)(blank - c->name) : strlen(c->name);

	if (argc < 2 || strlen(argv[0]) != len || memcmp(argv[0], c->name, len) != 0)
		return 0;
	if (!blank)
		return 1;
	return argc > 2 && strcmp(argv[1], blank + 1) == 0 ? 2 : 0;
}

/* Each first word once: rows of one family stand together. */
static void offer_names(const struct command *const *commands, size_t n, const char *typed)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(commands[i]->name, " ");
		char word[32];

		if (i > 0 && commands[i]->name[len] && strncmp(commands[i - 1]->name, commands[i]->name, len + 1) == 0)
			continue;
		if (text_copy_n(word, sizeof(word), commands[i]->name, len))
			offer(typed, word, commands[i]->name[len] ? "" : gettext(commands[i]->brief));
	}
	offer(typed, "--help", "");
	offer(typed, "--version", "");
}

static void offer_second_words(const struct command *const *commands, size_t n, char *const *argv)
{
	size_t len = strlen(argv[0]);

	for (size_t i = 0; i < n; i++)
		if (strncmp(commands[i]->name, argv[0], len) == 0 && commands[i]->name[len] == ' ')
			offer(argv[1], commands[i]->name + len + 1, gettext(commands[i]->brief));
}

enum exit_code complete_words(const struct command *const *commands, size_t n, int argc, char *const *argv)
{
	if (argc <= 1) {
		offer_names(commands, n, argc ? argv[0] : "");
		return EXIT_DONE;
	}
	for (size_t i = 0; i < n; i++) {
		int words = name_words(commands[i], argc, argv);

		if (words) {
			offer_rest(commands[i], argc - words, argv + words);
			return EXIT_DONE;
		}
	}
	if (argc == 2)
		offer_second_words(commands, n, argv);
	return EXIT_DONE;
}
