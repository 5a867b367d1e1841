/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of cards for sshd. It runs as whoever starts it, sshd's own account above all: the daemon knows by the kernel who that is. MUST
 * NOT: print anything before all of it is known, for sshd takes each line as it comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cardtool.h"
#include "clock.h"
#include "daemon.h"
#include "key_ssh.h"
#include "krl.h"
#include "output.h"
#include "replace.h"
#include "told.h"
#include "words.h"

#define KEYS_MS 10000           /* sshd waits, and the person before it */
#define STOPPED_MS 120000
#define FILE_MODE 0644          /* they are public keys */

static const struct option_row options[] = {
	{ "revoked", NULL, N_("the keys of all cards that are good no more, for sshd's RevokedKeys") },
	{ "krl", NULL, N_("that list in OpenSSH's own form (KRL)") },
	{ "output", "FILE", N_("write that list to FILE, which is replaced as a whole or not at all") },
	{ 0 },
};

struct listing {
	struct krl *krl;        /* NULL: lines of text */
	FILE *out;              /* to memory */
	char *bytes;
	size_t len;
};

static void free_listing(struct listing *l)
{
	if (l->out)
		(void)fclose(l->out);
	free(l->bytes);
	krl_free(&l->krl);
}

static enum err take_key(const struct wire_key *k, struct key_ssh *ret)
{
	const char *blank = strchr(k->key, ' ');

	if (!blank)
		return ERR_PROTOCOL;
	return key_ssh_read(k->key, (size_t)(blank - k->key), blank + 1, strlen(blank + 1), ret);
}

/* Its parts hold no more than wire.h says: nothing in them ends a line or a word. */
static enum err keep(const struct wire_record *r, void *arg)
{
	struct listing *l = arg;
	struct key_ssh key;
	enum err e;

	if (r->kind != WIRE_RECORD_KEY)
		return ERR_PROTOCOL;
	e = take_key(&r->key, &key);
	if (e)
		return e;
	if (l->krl)
		return krl_add(l->krl, &key);
	if (fprintf(l->out, "%s%s%s %s\n", r->key.options, *r->key.options ? " " : "", r->key.key, r->key.card) < 0)
		return fail(ERR_MEMORY, "the lines of keys");
	return ERR_OK;
}

/* ---- asking ---- */

static enum exit_code no_answer(enum err e)
{
	complain_detail(e);
	advise(_("The login service does not answer. Tell the systems section."));
	return EXIT_SERVICE;
}

static enum exit_code refused(enum err e)
{
	enum exit_code code;

	if (e == ERR_NOT_ALLOWED) {
		complain(_("only root, and the account that `keys-user` of the configuration names, may ask for keys"));
		return EXIT_REFUSED;
	}
	code = complain_err(e);
	return code == EXIT_REFUSED ? EXIT_SERVICE : code;
}

/* Busy: more logins begin than the daemon has places for; each takes some milliseconds. */
static enum err call_patiently(const struct wire_request *r, struct daemon_talk *talk, struct wire_result *ret, bool *older)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	const int64_t end = deadline_in(talk->whole_ms);
	enum err e;

	for (;;) {
		e = daemon_call(getuid() == 0, r, talk, ret, older);
		talk->whole_ms = deadline_left(end);
		if (e || ret->result != ERR_BUSY || talk->whole_ms == 0)
			return e;
		nanosleep(&pause, NULL);
	}
}

static enum exit_code ask(const struct wire_request *r, int ms, struct listing *l)
{
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	struct daemon_talk talk = { .record = keep, .arg = l, .whole_ms = ms, .packets_max = WIRE_STOPPED_MAX };
	bool older;
	enum err e;

	l->out = open_memstream(&l->bytes, &l->len);
	if (!l->out)
		return complain_err(fail(ERR_MEMORY, "the lines of keys"));
	e = call_patiently(r, &talk, &result, &older);
	if (e)
		return no_answer(e);
	if (older)
		return told_older();
	if (result.result != ERR_OK)
		return refused(result.result);
	if (l->krl)
		krl_write(l->krl, clock_real_s(), l->out);
	if (ferror(l->out) || fclose(l->out)) {
		l->out = NULL;
		return complain_err(fail(ERR_MEMORY, "the lines of keys"));
	}
	l->out = NULL;
	return EXIT_DONE;
}

/* ---- what was typed ---- */

static enum exit_code stopped(struct tool *t)
{
	struct listing l __attribute__((cleanup(free_listing))) = { .krl = NULL };
	const struct wire_request r = { .op = WIRE_SSH_STOPPED };
	const char *path = option_value(&t->args, "output");
	enum exit_code code;

	if (option_given(&t->args, "krl")) {
		l.krl = krl_new();
		if (!l.krl)
			return complain_err(fail(ERR_MEMORY, "the list of keys"));
	}
	code = ask(&r, STOPPED_MS, &l);
	if (code == EXIT_DONE && path)
		return complain_err(replace_file(path, l.bytes, l.len, FILE_MODE));
	if (code == EXIT_DONE)
		(void)fwrite(l.bytes, 1, l.len, stdout);
	return code;
}

/* What no card has, and no name of a person is, need not be asked about. False: there is nothing to tell. */
static bool fill_request(const struct arguments *a, struct wire_request *r)
{
	struct key_ssh key;

	if (!text_copy(r->user, sizeof(r->user), a->words[0]) || !*r->user)
		return false;
	if (a->n_words == 1)
		return true;
	if (key_ssh_read(a->words[1], strlen(a->words[1]), a->words[2], strlen(a->words[2]), &key) != ERR_OK)
		return false;
	/* Of a certificate the key inside. */
	key_ssh_text(&key, r->auth_info, sizeof(r->auth_info));
	return true;
}

static enum exit_code of_person(const struct tool *t)
{
	struct listing l __attribute__((cleanup(free_listing))) = { .krl = NULL };
	struct wire_request r = { .op = WIRE_SSH_KEYS };
	enum exit_code code = EXIT_DONE;

	if (fill_request(&t->args, &r))
		code = ask(&r, KEYS_MS, &l);
	if (code == EXIT_DONE && l.len)
		(void)fwrite(l.bytes, 1, l.len, stdout);
	return code;
}

static enum exit_code ssh_keys(struct tool *t)
{
	const bool revoked = option_given(&t->args, "revoked");
	const bool form = option_given(&t->args, "krl") || option_given(&t->args, "output");

	if (revoked ? t->args.n_words != 0 : form || t->args.n_words % 2 == 0) {
		complain("%s", revoked ? _("--revoked is about all cards: it takes no name") :
			       form    ? _("--krl and --output go with --revoked") :
					 _("one name is needed, and behind it a key's type and its base64, or nothing"));
		advise_usage(t->command);
		return EXIT_USAGE;
	}
	return revoked ? stopped(t) : of_person(t);
}

const struct command cmd_ssh_keys = {
	.name = "ssh-keys",
	.usage = "{USER [TYPE BASE64] | --revoked [--krl] [--output FILE]}",
	.brief = N_("tell sshd the keys of cards (as AuthorizedKeysCommand, and for RevokedKeys)"),
	.example = "  cardtool ssh-keys taro\n"
		   "  cardtool ssh-keys --revoked --krl --output /etc/ssh/cardmfa.krl",
	.options = options,
	.words_min = 0,
	.words_max = 3,
	.needs = NEED_NOBODY,
	.run = ssh_keys,
};
