/* SPDX-License-Identifier: Apache-2.0 */
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cardtool.h"
#include "change.h"
#include "clock.h"
#include "factor_totp.h"
#include "find.h"
#include "output.h"
#include "prompt.h"
#include "qr.h"
#include "random.h"
#include "totp.h"
#include "words.h"

#define CODE_TRIES 3
/* steps each way: a phone that is up to a minute off is told so here, not at the first login */
#define ENROL_WINDOW 2
#define URI_SIZE 1280
#define BASE32_SIZE 80
/* The largest code of URI_SIZE bytes: 145 modules a side, two bytes each, colours, and the words. */
#define SCREEN_SIZE 65536

/* ---- totp enroll ---- */

static const struct option_row enroll_options[] = {
	{ "replace", NULL, N_("replace the app that is enrolled already") },
	{ 0 },
};

struct enrolment {
	const struct tool *tool;
	struct person person;
	struct secret seed;
	bool replace;
	int64_t step;
	int offset;
};

static void enrolment_wipe(struct enrolment *n)
{
	secret_wipe(&n->seed);
}

static enum err make_seed(struct secret *ret)
{
	unsigned char bytes[TOTP_SEED_LEN];
	enum err e = random_bytes(bytes, sizeof(bytes));

	if (!e)
		e = secret_set(ret, bytes, sizeof(bytes));
	wipe(bytes, sizeof(bytes));
	return e;
}

/* All that holds the seed in words: one block, wiped as one. */
struct shown {
	char uri[URI_SIZE], base32[BASE32_SIZE];
	size_t len;
	char screen[SCREEN_SIZE];
};

static enum err draw(const struct enrolment *n, struct shown *s)
{
	bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	enum err e = totp_uri(&n->seed, TOTP_PARAMS_DEFAULT, n->tool->policy->settings.issuer,
			      n->person.login, s->uri, sizeof(s->uri));

	if (!e)
		e = totp_base32(&n->seed, s->base32, sizeof(s->base32));
	if (e)
		return e;
	s->len = (size_t)snprintf(s->screen, sizeof(s->screen),
				  _("Scan this with the app of %s:\n\n"), n->person.login);
	e = qr_draw(s->uri, utf8, s->screen, sizeof(s->screen), &s->len);
	if (e)
		return e;

	size_t room = sizeof(s->screen) - s->len;
	int len = snprintf(
		s->screen + s->len, room,
		_("\n%s\n\nTo type it in instead: %s\n(time-based, 6 digits, 30 seconds)\n\n"),
		s->uri, s->base32);

	if (len < 0 || (size_t)len >= room)
		return fail(ERR_INVALID, "too long for a QR code");
	s->len += (size_t)len;
	return ERR_OK;
}

/*
 * To the terminal and nowhere else: a seed must not land in the file that the output goes to, and
 * not in a buffer of stdio.
 */
static enum err show_seed(const struct enrolment *n)
{
	struct shown *s = calloc(1, sizeof(*s));

	if (!s)
		return fail(ERR_MEMORY, "QR code");

	enum err e = draw(n, s);

	if (!e)
		e = prompt_show(s->screen, s->len);
	wipe(s, sizeof(*s));
	free(s);
	return e;
}

static enum exit_code confirm(struct enrolment *n)
{
	for (int left = CODE_TRIES; left > 0; left--) {
		SECRET(code);
		enum err e =
			prompt_line(_("Type the code your app shows now: "), PROMPT_SHOWN, &code);

		if (e)
			return complain_err(e);
		if (!text_normalise_digits(code.bytes, &code.len, TOTP_PARAMS_DEFAULT.digits)) {
			complain(_("a code has %u digits"), TOTP_PARAMS_DEFAULT.digits);
			continue;
		}
		e = totp_verify(&n->seed, TOTP_PARAMS_DEFAULT, ENROL_WINDOW, clock_real_s(), &code,
				&n->step, &n->offset);
		if (e == ERR_OK)
			return EXIT_DONE;
		if (e != ERR_SECRET_WRONG)
			return complain_err(e);
		complain(_(
			"this is not the code of now: look at the clocks of the phone and of this machine"));
	}
	complain(_("not enrolled; nothing was changed"));
	return EXIT_REFUSED;
}

static enum err check_none(struct store *s, const struct enrolment *n)
{
	struct totp_row row;
	enum err e = store_totp_get(s, n->person.id, &row);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	return e || n->replace ? e : fail(ERR_EXISTS, "%s has an app for codes", n->person.login);
}

static enum err put(struct change *c, void *arg)
{
	struct enrolment *n = arg;
	struct event event = { .type = EVENT_TOTP_ENROL, .person = n->person.login };
	enum err e = store_person_by_id(change_store(c), n->person.id, &n->person);

	if (!e && n->person.state == PERSON_REMOVED)
		return fail(ERR_BAD_STATE, "%s was removed", n->person.login);
	if (!e)
		e = check_none(change_store(c), n);
	if (!e)
		e = factor_totp_enrol(change_store(c), n->tool->keyring, n->person.id, &n->seed,
				      TOTP_PARAMS_DEFAULT, n->step);
	return e ? e : change_event(c, &event);
}

static void say_clock(int offset)
{
	int seconds = abs(offset) * (int)TOTP_PARAMS_DEFAULT.period;

	if (offset == 0)
		say(_("Confirmed. The phone's clock agrees with this machine's."));
	else if (offset > 0)
		say(_("Confirmed. The phone's clock is about %d s ahead: have it set by the network."),
		    seconds);
	else
		say(_("Confirmed. The phone's clock is about %d s behind: have it set by the network."),
		    seconds);
}

static enum exit_code refuse_existing(const struct enrolment *n)
{
	complain(_("%s has an app for codes already; --replace puts this one in its place"),
		 n->person.login);
	return EXIT_REFUSED;
}

static enum exit_code totp_enroll(struct tool *t)
{
	struct enrolment n __attribute__((cleanup(enrolment_wipe))) = {
		.tool = t, .replace = option_given(&t->args, "replace"),
	};
	enum exit_code code = find_person(t, t->args.words[0], &n.person);

	if (code)
		return code;

	enum err e = check_none(t->store, &n);

	if (e == ERR_EXISTS)
		return refuse_existing(&n);
	if (!e)
		e = make_seed(&n.seed);
	if (!e)
		e = show_seed(&n);
	code = e ? complain_err(e) : confirm(&n);
	if (code)
		return code;
	e = change_run(t, put, &n);
	if (e == ERR_EXISTS)
		return refuse_existing(&n);
	if (e)
		return complain_err(e);
	say_clock(n.offset);
	return EXIT_DONE;
}

const struct command cmd_totp_enroll = {
	.name = "totp enroll",
	.usage = "USER [--replace]",
	.brief = N_("enroll an app for codes: QR code, then its first code"),
	.example = "  sudo cardtool totp enroll taro",
	.options = enroll_options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE | NEED_KEYS | NEED_POLICY,
	.run = totp_enroll,
};

/* ---- totp remove ---- */

static enum err drop(struct change *c, void *arg)
{
	const struct person *p = arg;
	struct event event = { .type = EVENT_TOTP_REMOVE, .person = p->login };
	enum err e = store_totp_remove(change_store(c), p->id);

	return e ? e : change_event(c, &event);
}

static enum exit_code totp_remove(struct tool *t)
{
	struct person p;
	enum exit_code code = find_person(t, t->args.words[0], &p);

	if (code)
		return code;

	enum err e = change_run(t, drop, &p);

	if (e == ERR_NOT_FOUND) {
		complain(_("%s has no app for codes"), p.login);
		return EXIT_REFUSED;
	}
	if (e)
		return complain_err(e);
	say(_("Removed the app for codes of %s. Its codes are refused from now on."), p.login);
	return EXIT_DONE;
}

const struct command cmd_totp_remove = {
	.name = "totp remove",
	.usage = "USER",
	.brief = N_("remove a person's app for codes"),
	.example = "  sudo cardtool totp remove taro",
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE,
	.run = totp_remove,
};
