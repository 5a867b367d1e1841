/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cardtool.h"
#include "change.h"
#include "clock.h"
#include "factor_password.h"
#include "find.h"
#include "output.h"
#include "password.h"
#include "prompt.h"
#include "words.h"

static const struct option_row options[] = {
	{ "stdin", NULL, N_("read the password from standard input, one line") },
	{ 0 },
};

static enum exit_code ask_twice(struct secret *ret)
{
	SECRET(again);
	enum err e = prompt_line(_("New password: "), PROMPT_HIDDEN, ret);

	if (!e)
		e = prompt_line(_("The same once more: "), PROMPT_HIDDEN, &again);
	if (e)
		return complain_err(e);
	if (!secret_equal(ret, &again)) {
		complain(_("the two are not the same; nothing was changed"));
		return EXIT_REFUSED;
	}
	return EXIT_DONE;
}

struct setting {
	struct person person;
	struct password_row row;
};

/* The person may have been removed while the password was typed and hashed. */
static enum err put(struct change *c, void *arg)
{
	struct setting *s = arg;
	struct event event = { .type = EVENT_PASSWORD_SET, .person = s->person.login };
	enum err e = store_person_by_id(change_store(c), s->person.id, &s->person);

	if (!e && s->person.state == PERSON_REMOVED)
		return fail(ERR_BAD_STATE, "%s was removed", s->person.login);
	if (!e)
		e = store_password_put(change_store(c), &s->row);
	return e ? e : change_event(c, &event);
}

static enum exit_code password_set(struct tool *t)
{
	struct setting s = { .person.id = 0 };
	SECRET(password);
	const struct settings *cost = &t->policy->settings;
	enum exit_code code = find_person(t, t->args.words[0], &s.person);

	if (!code)
		code = option_given(&t->args, "stdin") ?
			       complain_err(prompt_stdin(_("New password: "), &password)) :
			       ask_twice(&password);
	if (code)
		return code;

	const char *unfit = password_unfit(&password, PASSWORD_MIN_DEFAULT, s.person.login);

	if (unfit) {
		complain(_("this password can't be accepted: %s"), gettext(unfit));
		advise(_("A password has %d to %d printable ASCII characters. Nothing was changed."), PASSWORD_MIN_DEFAULT, PASSWORD_MAX);
		return EXIT_REFUSED;
	}

	enum err e = factor_password_make(t->keyring, s.person.id, &password,
					  (struct pwhash_cost){ .m_kib = cost->argon2_memory_kib,
								.t = cost->argon2_time },
					  clock_real_s(), &s.row);

	if (!e)
		e = change_run(t, put, &s);
	if (e)
		return complain_err(e);
	say(_("Password of %s set."), s.person.login);
	return EXIT_DONE;
}

const struct command cmd_password_set = {
	.name = "password set",
	.usage = "USER [--stdin]",
	.brief = N_("set a person's password"),
	.example = "  sudo cardtool password set taro",
	.options = options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE | NEED_KEYS | NEED_POLICY,
	.run = password_set,
};
