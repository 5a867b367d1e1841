/* SPDX-License-Identifier: Apache-2.0 */
#include "trial_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "told_show.h"
#include "words.h"

/* Of this very try; NULL: nothing was recorded. */
static const struct wire_event *event_of(const struct trial *y, json_t **ret_detail)
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
static const char *answer_verdict(const struct trial *y, size_t i, const char *judged, const char *wrong)
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

static void say_answers(const struct trial *y, const char *judged, const char *wrong)
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

static bool all_allowed(const struct trial *y)
{
	return !y->auth && y->account_asked && !y->account && y->session_asked && !y->session;
}

static bool is_locked_out(const struct trial *y)
{
	const struct told *t = y->before;

	for (size_t i = 0; i < t->n_counts; i++)
		if (t->counts[i].locked_until >= 0 && strcmp(t->counts[i].origin, t->place.origin) == 0)
			return true;
	return false;
}

/* The name of the reason: the one that is hidden from the person, else that in the log, else the daemon's word. */
static const char *reason_of(const struct trial *y, const struct wire_event *ev, const json_t *detail)
{
	const char *because = json_string_value(json_object_get(detail, "because"));
	enum err e = y->auth ? y->auth : y->account ? y->account : y->session;

	if (y->auth && y->auth < ERR_UNAVAILABLE && !y->after->known)
		return err_name(ERR_NOT_A_PERSON);
	if (y->auth == ERR_DENIED && is_locked_out(y))
		return err_name(ERR_LOCKED);
	return y->auth && because ? because : y->auth && ev ? ev->result : err_name(e);
}

static void say_end(const struct trial *y, const char *why)
{
	if (all_allowed(y)) {
		say(_("The grant is of this process alone (%d) and ends with it. The login counts as one of %s's."), (int)getpid(),
		    y->request.user);
		say(_("ALLOWED"));
		return;
	}
	say(_("REFUSED: %s (%s)"), word_result(why), why);
}

static void show_text(const struct trial *y)
{
	json_t *detail;
	const struct wire_event *ev = event_of(y, &detail);
	const char *judged = json_string_value(json_object_get(detail, "judged"));
	const char *wrong = json_string_value(json_object_get(detail, "wrong"));
	const char *why = reason_of(y, ev, detail);

	say("%s", "");
	say_answers(y, judged ? judged : "", wrong ? wrong : "");
	/* The person and the host are told the same of much that is not. */
	if (y->auth && y->auth < ERR_UNAVAILABLE && strcmp(why, err_name(y->auth)) != 0)
		say(_("Authentication: refused; all that the host is told: %s"), gettext(err_text(y->auth)));
	else
		say_check(_("Authentication"), true, y->auth);
	say_check(_("Account check"), y->account_asked, y->account);
	say_check(_("Session"), y->session_asked, y->session);
	if (ev)
		say(_("In the log: event %lld, %s, %s"), (long long)ev->seq, word_event(ev->type), word_result(ev->result));
	say_end(y, why);
	json_decref(detail);
}

static void show_untried(const struct trial *y)
{
	say(_("A login of %s at %s would begin with this:\n"), ESCAPED(y->request.user), ESCAPED(y->request.service));
	told_show(y->before, y->request.user);
	say(_("\nNOT TRIED: over ssh a card is proved to sshd, which is not here.\n"
	      "To try it, from the person's own machine: ssh %s@HOST"),
	    ESCAPED(y->request.user));
}

static json_t *result_json(bool asked, enum err e)
{
	return asked ? json_string(err_name(e)) : json_null();
}

static json_t *reason_json(const struct trial *y, const struct wire_event *ev, const json_t *detail)
{
	return y->untried || all_allowed(y) ? json_null() : json_string(reason_of(y, ev, detail));
}

static void show_json(const struct trial *y)
{
	json_t *detail;
	const struct wire_event *ev = event_of(y, &detail);
	json_t *value = told_json(y->before);
	json_t *more = json_pack("{s:s, s:s, s:O, s:O, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				 "user", ESCAPED(y->request.user),
				 "service", ESCAPED(y->request.service),
				 "readers", y->readers,
				 "said", y->said,
				 "allowed", y->untried ? json_null() : json_boolean(all_allowed(y)),
				 "reason", reason_json(y, ev, detail),
				 "authentication", result_json(!y->untried, y->auth),
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
}

enum exit_code trial_show(const struct trial *y)
{
	if (y->tool->json)
		show_json(y);
	else if (y->untried)
		show_untried(y);
	else
		show_text(y);
	return y->untried ? EXIT_PARTLY : all_allowed(y) ? EXIT_DONE : EXIT_REFUSED;
}
