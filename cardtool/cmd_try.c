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
#include "words.h"

#define ANSWERS_MAX 16

static const struct option_row options[] = {
	{ "service", "SERVICE", N_("log in as this PAM service: login, sshd, sudo ...") },
	{ "tty", "TTY", N_("terminal that the host would name (a virtual console, tty1, gets English)") },
	{ "rhost", "ADDRESS", N_("address that the host would say the login comes from") },
	{ "json", NULL, N_("for programs: all of it at the end; questions stay on the terminal") },
	{ 0 },
};

struct trying {
	struct tool *tool;
	struct wire_request request;
	struct told *before, *after;
	json_t *readers, *said;         /* with --json, else NULL */
	size_t n_answers;
	char questions[ANSWERS_MAX][WIRE_TEXT_MAX];
	bool given[ANSWERS_MAX];
	enum err auth, account, session;        /* what the daemon said */
	bool account_asked, session_asked;
};

/* ---- what is asked for ---- */

static bool take(char *dst, size_t size, const char *value)
{
	return !value || text_copy(dst, size, value);
}

static enum exit_code take_request(struct trying *y)
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

static enum exit_code explain(struct trying *y, struct told *told)
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
	struct trying *y = arg;
	enum prompt_echo echo = m->style == WIRE_PROMPT_SHOWN ? PROMPT_SHOWN : PROMPT_HIDDEN;
	enum err e = prompt_line(ESCAPED(m->text), echo, ret);

	if (y->n_answers < ANSWERS_MAX) {
		memcpy(y->questions[y->n_answers], m->text, sizeof(m->text));
		y->given[y->n_answers++] = !e;
	}
	if (e)
		complain_detail(e);
	return e;
}

static void tell(const struct wire_message *m, void *arg)
{
	struct trying *y = arg;

	if (y->said) {
		json_array_append_new(y->said, json_string(ESCAPED(m->text)));
		advise("%s", ESCAPED(m->text));
	} else {
		say("%s", ESCAPED(m->text));
	}
}

static enum exit_code call(struct trying *y, enum wire_op op, enum err *ret)
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
static enum exit_code log_in(struct trying *y)
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

/* ---- the outcome ---- */

/* Of this very try; NULL: nothing was recorded. */
static const struct wire_event *event_of(const struct trying *y, json_t **ret_detail)
{
	const struct wire_event *ev = &y->after->event;

	*ret_detail = NULL;
	if (ev->seq <= y->before->event.seq || strcmp(ev->type, "login") != 0)
		return NULL;
	*ret_detail = json_loads(ev->detail, 0, NULL);
	return ev;
}

/* Is the name in "password,totp"? n: the how-manieth is it; the list's length where the name lacks. */
static size_t place_in(const char *list, const char *name, size_t len)
{
	size_t n = 0;

	for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','), n++)
		if (name && strcspn(at, ",") == len && memcmp(at, name, len) == 0)
			return n;
	return n;
}

static bool is_pin_result(enum err e)
{
	return e == ERR_PIN_WRONG || e == ERR_PIN_FORMAT || e == ERR_PIN_BLOCKED;
}

/*
 * What became of the i-th answer. judged, wrong: names from the event; the PIN, which the card judges, stands before
 * them and has no name there.
 */
static const char *answer_verdict(const struct trying *y, size_t i, const char *judged, const char *wrong)
{
	const size_t n_judged = place_in(judged, NULL, 0), pins = y->n_answers - n_judged;

	if (!y->given[i])
		return _("no answer");
	if (!y->auth)
		return _("right");
	if (is_pin_result(y->auth))
		return i + 1 == y->n_answers ? _("wrong") : _("right");
	/* Where the machinery failed, some of those behind the PIN have no name in the list either. */
	if (!n_judged || n_judged > y->n_answers || y->auth >= ERR_UNAVAILABLE)
		return _("not judged");
	if (i < pins)
		return _("right");
	for (size_t k = 0; k < i - pins; k++)
		judged += strcspn(judged, ",") + 1;

	const size_t len = strcspn(judged, ",");

	return place_in(wrong, judged, len) < place_in(wrong, NULL, 0) ? _("wrong") : _("right");
}

static void say_answers(const struct trying *y, const char *judged, const char *wrong)
{
	for (size_t i = 0; i < y->n_answers; i++) {
		char question[WIRE_TEXT_MAX];
		size_t len = strlen(y->questions[i]);

		while (len && strchr(" :", y->questions[i][len - 1]))
			len--;
		if (text_copy_n(question, sizeof(question), y->questions[i], len))
			say(_("Answer %zu (%s): %s"), i + 1, ESCAPED(question), answer_verdict(y, i, judged, wrong));
	}
}

static void say_check(const char *name, bool asked, enum err e)
{
	if (asked)
		say("%s: %s", name, e ? gettext(err_text(e)) : _("allowed"));
	else
		say(_("%s: not asked, a host stops before it"), name);
}

static bool all_allowed(const struct trying *y)
{
	return !y->auth && y->account_asked && !y->account && y->session_asked && !y->session;
}

static bool is_locked_out(const struct trying *y)
{
	const struct told *t = y->before;

	for (size_t i = 0; i < t->n_counts; i++)
		if (t->counts[i].locked_until >= 0 && strcmp(t->counts[i].origin, t->place.origin) == 0)
			return true;
	return false;
}

/* The name of the reason: the one that is hidden from the person, else that in the log, else the daemon's word. */
static const char *reason_of(const struct trying *y, const struct wire_event *ev, const json_t *detail)
{
	const char *because = json_string_value(json_object_get(detail, "because"));
	enum err e = y->auth ? y->auth : y->account ? y->account : y->session;

	if (y->auth && y->auth < ERR_UNAVAILABLE && !y->after->known)
		return err_name(ERR_NOT_A_PERSON);
	if (y->auth == ERR_DENIED && is_locked_out(y))
		return err_name(ERR_LOCKED);
	return y->auth && because ? because : y->auth && ev ? ev->result : err_name(e);
}

static void say_end(const struct trying *y, const char *why)
{
	if (all_allowed(y)) {
		say(_("The grant is of this process alone (%d) and ends with it. The login counts as one of %s's."), (int)getpid(),
		    y->request.user);
		say(_("ALLOWED"));
		return;
	}
	say(_("REFUSED: %s (%s)"), word_result(why), why);
}

static enum exit_code show_text(const struct trying *y)
{
	json_t *detail;
	const struct wire_event *ev = event_of(y, &detail);
	const char *judged = json_string_value(json_object_get(detail, "judged"));
	const char *wrong = json_string_value(json_object_get(detail, "wrong"));

	say("%s", "");
	say_answers(y, judged ? judged : "", wrong ? wrong : "");
	say_check(_("Authentication"), true, y->auth);
	say_check(_("Account check"), y->account_asked, y->account);
	say_check(_("Session"), y->session_asked, y->session);
	if (ev)
		say(_("In the log: event %lld, %s, %s"), (long long)ev->seq, word_event(ev->type), word_result(ev->result));
	say_end(y, reason_of(y, ev, detail));
	json_decref(detail);
	return all_allowed(y) ? EXIT_DONE : EXIT_REFUSED;
}

static json_t *result_json(bool asked, enum err e)
{
	return asked ? json_string(err_name(e)) : json_null();
}

static enum exit_code show_json(struct trying *y)
{
	json_t *detail;
	const struct wire_event *ev = event_of(y, &detail);
	json_t *value = told_json(y->before);
	json_t *more = json_pack("{s:s, s:s, s:O, s:O, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
				 "user", ESCAPED(y->request.user),
				 "service", ESCAPED(y->request.service),
				 "readers", y->readers,
				 "said", y->said,
				 "allowed", all_allowed(y),
				 "reason", all_allowed(y) ? json_null() : json_string(reason_of(y, ev, detail)),
				 "authentication", result_json(true, y->auth),
				 "account", result_json(y->account_asked, y->account),
				 "session", result_json(y->session_asked, y->session),
				 "event", ev ? json_integer(ev->seq) : json_null(),
				 "detail", detail ? detail : json_object());

	if (!value || !more || json_object_update(value, more)) {
		json_decref(value);
		value = NULL;
	}
	json_decref(more);
	json_decref(y->readers);
	json_decref(y->said);
	json_print(value);
	return all_allowed(y) ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- the whole ---- */

static void announce(const struct trying *y)
{
	say(_("A whole login of %s at %s, as a host would ask for it.\n"
	      "Wrong answers count as at any login, and wrong PINs in the card too.\n"),
	    ESCAPED(y->request.user), ESCAPED(y->request.service));
	told_show(y->before, y->request.user);
}

/* The key of a card is proved to sshd, which is not here. */
static void warn_of_sshd(const struct trying *y)
{
	if (y->before->place.remote && strcmp(y->request.service, "sshd") == 0)
		advise(_("Without sshd no card is proved here: a way in with a card ends in a refusal. Try those with ssh itself."));
}

static enum exit_code try_login(struct trying *y)
{
	enum exit_code code = take_request(y);

	if (!code)
		code = explain(y, y->before);
	if (code)
		return code;
	if (y->tool->json) {
		y->readers = json_array();
		y->said = json_array();
		advise(_("Wrong answers count as at any login, and wrong PINs in the card too."));
	} else {
		announce(y);
	}
	warn_of_sshd(y);
	if (!y->before->place.remote)
		reader_look(y->before, y->request.user, y->readers);
	if (!y->tool->json)
		say(_("\nThe login begins:"));
	code = log_in(y);
	if (!code)
		code = explain(y, y->after);
	if (code)
		return code;
	return y->tool->json ? show_json(y) : show_text(y);
}

static enum exit_code run_try(struct tool *t)
{
	struct told *before __attribute__((cleanup(told_free))) = told_new();
	struct told *after __attribute__((cleanup(told_free))) = told_new();
	struct trying y = {
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
