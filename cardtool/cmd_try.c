/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole login without a host. MUST: go through the daemon's root socket like any host, and say
 * before that wrong answers count. MUST NOT: open the store, decide anything, start a program while
 * it holds a grant.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cardtool.h"
#include "daemon.h"
#include "output.h"
#include "prompt.h"
#include "reader_look.h"
#include "told_show.h"
#include "trial_show.h"
#include "words.h"

static const struct option_row options[] = {
	{ "service", "SERVICE", N_("log in as this PAM service: login, sshd, sudo ...") },
	{ "tty", "TTY", N_("terminal that the host would name (a virtual console, tty1, gets English)") },
	{ "rhost", "ADDRESS", N_("address that the host would say the login comes from") },
	{ "json", NULL, N_("for programs: all of it at the end; questions stay on the terminal") },
	{ 0 },
};

/* ---- what is asked for ---- */

static bool take(char *dst, size_t size, const char *value)
{
	return !value || text_copy(dst, size, value);
}

static enum exit_code take_request(struct trial *y)
{
	const struct arguments *a = &y->tool->args;
	struct wire_request *r = &y->request;

	if (!option_given(a, "service")) {
		complain(_("--service is missing: which login is tried? For example: --service login"));
		return EXIT_USAGE;
	}
	if (take(r->user, sizeof(r->user), a->words[0]) && *r->user &&
	    take(r->service, sizeof(r->service), option_value(a, "service")) &&
	    take(r->tty, sizeof(r->tty), option_value(a, "tty")) &&
	    take(r->rhost, sizeof(r->rhost), option_value(a, "rhost")))
		return EXIT_DONE;
	complain(_("a name is too long or empty"));
	return EXIT_USAGE;
}

/* ---- the daemon ---- */

static enum err keep(const struct wire_record *r, void *arg)
{
	return told_keep(arg, r);
}

static enum exit_code no_answer(enum err e)
{
	complain_detail(e);
	advise(_("Without the login service every login is refused. See what `cardtool doctor` says."));
	return EXIT_SERVICE;
}

static enum exit_code explain(struct trial *y, struct told *told)
{
	const struct daemon_talk talk = { .record = keep, .arg = told };
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	bool older;

	y->request.op = WIRE_EXPLAIN;

	enum err e = daemon_call(true, &y->request, &talk, &result, &older);

	if (e)
		return no_answer(e);
	if (older)
		return told_older();
	return complain_err(result.result);
}

/* ---- the login ---- */

static enum err ask(const struct wire_message *m, struct secret *ret, void *arg)
{
	struct trial *y = arg;
	enum prompt_echo echo = m->style == WIRE_PROMPT_SHOWN ? PROMPT_SHOWN : PROMPT_HIDDEN;
	enum err e = prompt_line(ESCAPED(m->text), echo, ret);

	if (y->n_answers < TRIAL_ANSWERS_MAX) {
		memcpy(y->questions[y->n_answers], m->text, sizeof(m->text));
		y->given[y->n_answers++] = !e;
	}
	if (e)
		complain_detail(e);
	return e;
}

static void tell(const struct wire_message *m, void *arg)
{
	struct trial *y = arg;

	if (y->said) {
		json_array_append_new(y->said, json_string(ESCAPED(m->text)));
		advise("%s", ESCAPED(m->text));
	} else {
		say("%s", ESCAPED(m->text));
	}
}

static enum exit_code call(struct trial *y, enum wire_op op, enum err *ret)
{
	const struct daemon_talk talk = { .ask = ask, .tell = tell, .arg = y };
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	bool older;

	y->request.op = op;

	enum err e = daemon_call(true, &y->request, &talk, &result, &older);

	if (e)
		return no_answer(e);
	*ret = result.result;
	return EXIT_DONE;
}

/* As a host goes on: only after a yes. The session that is begun is closed again. */
static enum exit_code log_in(struct trial *y)
{
	enum err closed = ERR_UNAVAILABLE;
	enum exit_code code = call(y, WIRE_AUTH, &y->auth);

	if (code || y->auth)
		return code;
	code = call(y, WIRE_ACCOUNT, &y->account);
	y->account_asked = !code;
	if (code || y->account)
		return code;
	code = call(y, WIRE_OPEN, &y->session);
	y->session_asked = !code;
	if (!code && !y->session)
		code = call(y, WIRE_CLOSE, &closed);
	return code;
}

/* ---- the whole ---- */

/* The key of a card is proved to sshd, which is not here. */
static bool is_without_sshd(const struct trial *y)
{
	return y->before->place.remote && strcmp(y->request.service, "sshd") == 0;
}

/* "card,totp", "card-nopin,password": a card is always the first. */
static bool has_card(const struct wire_way *w)
{
	return strncmp(w->factors, "card", strlen("card")) == 0;
}

/* Nothing but a card opens the way: a try would end in a refusal, and count, and say nothing of a login by ssh. */
static bool is_up_to_sshd(const struct trial *y)
{
	size_t open = 0;

	for (size_t i = 0; is_without_sshd(y) && i < y->before->n_ways; i++) {
		if (y->before->ways[i].obstacle != WIRE_WAY_OPEN)
			continue;
		if (!has_card(&y->before->ways[i]))
			return false;
		open++;
	}
	return open > 0;
}

static void announce(const struct trial *y)
{
	if (y->tool->json)
		advise(_("Wrong answers count as at any login, and wrong PINs in the card too."));
	else
		say(_("A whole login of %s at %s, as a host would ask for it.\n"
		      "Wrong answers count as at any login, and wrong PINs in the card too.\n"),
		    ESCAPED(y->request.user), ESCAPED(y->request.service));
	if (!y->tool->json)
		told_show(y->before, y->request.user);
	if (is_without_sshd(y))
		advise(_("Without sshd no card is proved here: a way in with a card ends in a refusal. Try those with ssh itself."));
}

static enum exit_code try_login(struct trial *y)
{
	enum exit_code code = take_request(y);

	if (!code)
		code = explain(y, y->before);
	if (code)
		return code;
	if (y->tool->json) {
		y->readers = json_array();
		y->said = json_array();
	}
	y->untried = is_up_to_sshd(y);
	if (y->untried)
		return trial_show(y);
	announce(y);
	if (!y->before->place.remote)
		reader_look(y->before, y->request.user, y->readers);
	if (!y->tool->json)
		say(_("\nThe login begins:"));
	code = log_in(y);
	if (!code)
		code = explain(y, y->after);
	if (code)
		return code;
	return trial_show(y);
}

static enum exit_code run_try(struct tool *t)
{
	struct told *before __attribute__((cleanup(told_free))) = told_new();
	struct told *after __attribute__((cleanup(told_free))) = told_new();
	struct trial y = {
		.tool = t, .before = before, .after = after,
		.auth = ERR_UNAVAILABLE, .account = ERR_UNAVAILABLE, .session = ERR_UNAVAILABLE,
	};
	enum err e = secret_harden_process();

	return e ? complain_err(e) : try_login(&y);
}

const struct command cmd_try = {
	.name = "try",
	.usage = "USER --service SERVICE [--tty TTY] [--rhost ADDRESS] [--json]",
	.brief = N_("try a whole login and explain each step of it"),
	.example = "  sudo cardtool try taro --service login",
	.options = options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_ROOT_KEPT,
	.run = run_try,
};
