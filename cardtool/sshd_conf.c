/* SPDX-License-Identifier: Apache-2.0 */
#include "sshd_conf.h"

#include <glob.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "program.h"
#include "text.h"

#define OUTPUT_SIZE 65536
#define INCLUDE_DEPTH 16                /* servconf.c: SERVCONF_MAX_DEPTH */
#define SSHD_DIR CARDMFA_SYSCONFDIR "/ssh/"

/* ---- what it prints ---- */

enum value_kind { VALUE_FLAG, VALUE_NUMBER, VALUE_TEXT };

/* other: what older ones call it. */
static const struct row {
	const char *key, *other;
	enum value_kind kind;
	size_t at;
	bool needed;
} rows[] = {
	{ "usepam", NULL, VALUE_FLAG, offsetof(struct sshd_conf, use_pam), true },
	{ "pubkeyauthentication", NULL, VALUE_FLAG, offsetof(struct sshd_conf, pubkey), true },
	{ "kbdinteractiveauthentication", "challengeresponseauthentication", VALUE_FLAG, offsetof(struct sshd_conf, kbd_interactive),
	  true },
	{ "passwordauthentication", NULL, VALUE_FLAG, offsetof(struct sshd_conf, password), true },
	{ "permituserenvironment", NULL, VALUE_FLAG, offsetof(struct sshd_conf, user_environment), false },
	{ "authenticationmethods", NULL, VALUE_TEXT, offsetof(struct sshd_conf, methods), true },
	{ "authorizedkeysfile", NULL, VALUE_TEXT, offsetof(struct sshd_conf, keys_file), false },
	{ "authorizedkeyscommand", NULL, VALUE_TEXT, offsetof(struct sshd_conf, keys_command), false },
	{ "authorizedkeyscommanduser", NULL, VALUE_TEXT, offsetof(struct sshd_conf, keys_user), false },
	{ "permitrootlogin", NULL, VALUE_TEXT, offsetof(struct sshd_conf, root_login), true },
	{ "maxauthtries", NULL, VALUE_NUMBER, offsetof(struct sshd_conf, max_tries), true },
	{ "logingracetime", NULL, VALUE_NUMBER, offsetof(struct sshd_conf, grace_s), true },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool is_key(const struct row *r, const char *line, size_t len)
{
	return (strlen(r->key) == len && strncmp(r->key, line, len) == 0) ||
	       (r->other && strlen(r->other) == len && strncmp(r->other, line, len) == 0);
}

static void take_value(const struct row *r, const char *value, size_t len, struct sshd_conf *c)
{
	char *at = (char *)c + r->at, text[SSHD_VALUE_SIZE];
	int64_t number;

	snprintf(text, sizeof(text), "%.*s", (int)len, value);
	switch (r->kind) {
	case VALUE_FLAG:
		/* A pattern of variables is yes as well. */
		*(bool *)at = strcmp(text, "no") != 0;
		break;
	case VALUE_NUMBER:
		if (text_to_i64(text, 0, 1000000, &number))
			*(unsigned *)(void *)at = (unsigned)number;
		break;
	case VALUE_TEXT:
		memcpy(at, text, sizeof(text));
		break;
	}
}

bool sshd_conf_parse(const char *text, struct sshd_conf *ret)
{
	struct sshd_conf c = { .keys_file = "none", .keys_command = "none", .keys_user = "none" };
	bool seen[N_ROWS] = { false };

	for (const char *line = text; *line; line += *line == '\n') {
		size_t len = strcspn(line, "\n"), key = strcspn(line, " \n");

		/* The first one counts, as in its files. */
		for (size_t i = 0; key < len && i < N_ROWS; i++) {
			if (seen[i] || !is_key(&rows[i], line, key))
				continue;
			seen[i] = true;
			take_value(&rows[i], line + key + 1, len - key - 1, &c);
		}
		line += len;
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].needed && !seen[i])
			return false;
	*ret = c;
	return true;
}

/* ---- lists of methods ---- */

static bool is_method(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && strncmp(word, name, len) == 0;
}

static bool asks_pam(const char *word, size_t len)
{
	return is_method(word, len, "keyboard-interactive") || is_method(word, len, "keyboard-interactive:pam");
}

/* One list. 0: a method of it is switched off, so that it leads nowhere. */
static unsigned way_of(const struct sshd_conf *c, const char *list, size_t size)
{
	bool key = false, other = false, password = false;
	unsigned way = 0;

	for (const char *end = list + size; list < end; list += *list == ',') {
		size_t len = strcspn(list, ", ");

		if (asks_pam(list, len)) {
			if (!c->kbd_interactive)
				return 0;
			/* Whoever proves a key after that has not proved it to PAM. */
			way = key ? WAY_KEY_PAM : WAY_PAM;
		} else if (is_method(list, len, "publickey")) {
			if (!c->pubkey)
				return 0;
			key = true;
		} else if (is_method(list, len, "password")) {
			if (!c->password)
				return 0;
			password = true;
		} else {
			other = true;
		}
		list += len;
	}
	return way ? way : password ? WAY_PASSWORD : key ? WAY_KEY : other ? WAY_OTHER : 0;
}

unsigned sshd_conf_ways(const struct sshd_conf *c)
{
	unsigned ways = 0;

	if (strcmp(c->methods, "any") == 0)
		return (c->pubkey ? WAY_KEY : 0u) | (c->kbd_interactive ? WAY_PAM : 0u) | (c->password ? WAY_PASSWORD : 0u);
	for (const char *list = c->methods; *list; list += *list == ' ') {
		size_t len = strcspn(list, " ");

		ways |= way_of(c, list, len);
		list += len;
	}
	return ways;
}

/* ---- asking it ---- */

static void free_text(char **text)
{
	free(*text);
}

const char *sshd_conf_program(void)
{
	static const char *const paths[] = { "/usr/sbin/sshd", "/usr/local/sbin/sshd" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return "";
}

enum err sshd_conf_read(const char *user, const char *address, struct sshd_conf *ret)
{
	__attribute__((cleanup(free_text))) char *out = calloc(1, OUTPUT_SIZE);
	const char *program = sshd_conf_program();
	const char *argv[] = { program, "-T", NULL, NULL, NULL };
	char about[256];
	int status;
	enum err e;

	if (!out)
		return fail(ERR_MEMORY, "sshd -T");
	/* Where a Match asks for something that is not told, sshd ends. */
	if (user) {
		snprintf(about, sizeof(about), "user=%s,host=%s,addr=%s,laddr=127.0.0.1,lport=22,rdomain=", user, address, address);
		argv[2] = "-C";
		argv[3] = about;
	}
	e = *program ? program_run(argv, out, OUTPUT_SIZE, &status) : fail(ERR_NOT_FOUND, "sshd");
	if (e)
		return e;
	if (status != 0)
		return fail(ERR_CONFIG, "sshd -T: %.*s", (int)strcspn(out, "\r\n"), out);
	return sshd_conf_parse(out, ret) ? ERR_OK : fail(ERR_CONFIG, "sshd -T: it does not print what is looked for");
}

/* ---- Match ---- */

struct matches {
	char *dst;
	size_t size, len;
	unsigned n;
};

static void look_at_file(const char *path, unsigned depth, struct matches *m);

/* Patterns with blanks between, relative ones to sshd's directory. */
static void include(char *patterns, unsigned depth, struct matches *m)
{
	char *save = NULL, path[1024];

	for (char *word = strtok_r(patterns, " \t\"", &save); word; word = strtok_r(NULL, " \t\"", &save)) {
		glob_t found;

		snprintf(path, sizeof(path), "%s%s", word[0] == '/' ? "" : SSHD_DIR, word);
		if (glob(path, GLOB_NOSORT, NULL, &found) == 0)
			for (size_t i = 0; i < found.gl_pathc; i++)
				look_at_file(found.gl_pathv[i], depth + 1, m);
		globfree(&found);
	}
}

static void look_at_line(char *line, unsigned depth, struct matches *m)
{
	char *at = line + strspn(line, " \t"), *value;
	size_t key = strcspn(at, " \t=");
	int len;

	value = at + key + strspn(at + key, " \t=");
	if (key == strlen("include") && strncasecmp(at, "include", key) == 0 && depth < INCLUDE_DEPTH)
		include(value, depth, m);
	if (key != strlen("match") || strncasecmp(at, "match", key) != 0)
		return;
	m->n++;
	len = snprintf(m->dst + m->len, m->size - m->len, "%s\n", value);
	if (len > 0 && (size_t)len < m->size - m->len)
		m->len += (size_t)len;
	else
		m->dst[m->len] = '\0';
}

static void look_at_file(const char *path, unsigned depth, struct matches *m)
{
	FILE *f = fopen(path, "re");
	char line[2048];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		look_at_line(line, depth, m);
	}
	if (f)
		fclose(f);
}

unsigned sshd_conf_matches(const char *path, char *dst, size_t size)
{
	struct matches m = { .dst = dst, .size = size };

	*dst = '\0';
	look_at_file(path, 0, &m);
	return m.n;
}
