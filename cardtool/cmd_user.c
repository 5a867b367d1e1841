/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cardtool.h"
#include "change.h"
#include "clock.h"
#include "find.h"
#include "lockout.h"
#include "output.h"
#include "person_fields.h"
#include "revoke.h"
#include "words.h"

/* ---- user add ---- */

static void show_system_users(const char *login)
{
	struct candidates *c = candidates_new(login);
	const struct passwd *pw;

	setpwent();
	while ((pw = getpwent()))
		candidates_add(c, pw->pw_name, pw->pw_name);
	endpwent();
	candidates_show(c);
}

/* The system's own spelling and uid: several names of one uid are one person. */
static enum exit_code take_login(const char *typed, struct person *p)
{
	if (!text_is_login(typed)) {
		complain(_("%s is no login name: at most %d letters, digits, dots, dashes and underscores"), ESCAPED(typed),
			 STORE_LOGIN_MAX);
		return EXIT_USAGE;
	}
	errno = 0;

	const struct passwd *pw = getpwnam(typed);

	if (!pw && errno && errno != ENOENT && errno != ESRCH)
		return complain_err(
			fail(ERR_SYSTEM, "the system's users can't be read: %s", strerror(errno)));
	if (!pw) {
		complain(_("this system has no user %s; make the account first"), typed);
		show_system_users(typed);
		return EXIT_REFUSED;
	}
	if (!text_is_login(pw->pw_name) || !text_copy(p->login, sizeof(p->login), pw->pw_name)) {
		complain(_("the system's name for %s can't be taken"), typed);
		return EXIT_REFUSED;
	}
	p->uid = (int64_t)pw->pw_uid;
	return EXIT_DONE;
}

static enum err add_person(struct change *c, void *arg)
{
	struct person *p = arg;
	enum err e = store_person_add(change_store(c), p);
	struct event event = {
		.type = EVENT_PERSON_ADD, .person = p->login,
		.fields = { { "staff_number", p->staff_number }, { "class", p->class_name } },
	};

	return e ? e : change_event(c, &event);
}

static enum exit_code user_add(struct tool *t)
{
	struct person p = { .state = PERSON_ACTIVE };
	enum exit_code code = person_take_fields(t, &p);

	if (!code)
		code = take_login(t->args.words[0], &p);
	if (code)
		return code;

	enum err e = change_run(t, add_person, &p);

	if (e == ERR_EXISTS)
		return person_refuse_duplicate(t, &p);
	if (e)
		return complain_err(e);
	say(_("Registered %s. Next: `cardtool enroll %s`, then `cardtool totp enroll %s` or `cardtool password set %s`."),
	    p.login, p.login, p.login, p.login);
	if (!*p.staff_number)
		say(_("Without a staff number `cardtool revoke --staff-number` does not find %s; `cardtool revoke --user %s` does."),
		    p.login, p.login);
	return EXIT_DONE;
}

static const struct option_row options[] = { PERSON_OPTIONS, { 0 } };

const struct command cmd_user_add = {
	.name = "user add",
	.usage =
		"USER [--staff-number NUMBER] [--name TEXT] [--section TEXT] [--class NAME] [--language ja|en]",
	.brief = N_("register a person who has an account on this system"),
	.example =
		N_("  sudo cardtool user add taro --staff-number 10234 \\\n"
		   "      --name \"Yamada Taro\" --section Tax"),
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.needs = NEED_STORE | NEED_POLICY_MAYBE,
	.run = user_add,
};

/* ---- user remove ---- */

static const struct option_row remove_options[] = {
	{ "revoke-cards", "REASON",
	  N_("revoke the person's cards too: retired, transferred, ...") },
	{ 0 },
};

struct removal {
	struct person person;
	struct revocation revocation;   /* step.reason REASON_NONE: not asked for */
	struct card_id left;            /* why it is ERR_BAD_STATE */
	bool had_totp, had_password;
};

/* ERR_NOT_FOUND is as good as done. */
static enum err removed(enum err e, bool *had)
{
	*had = e == ERR_OK;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err check_cards(struct removal *m)
{
	for (size_t i = 0; i < m->revocation.n; i++) {
		const struct card_row *c = &m->revocation.cards[i].card;

		if (c->state < CARD_REVOKED) {
			m->left = c->card_id;
			return fail(ERR_BAD_STATE, "card %s is left", c->card_id.text);
		}
	}
	return ERR_OK;
}

static enum err remove_person(struct change *c, void *arg)
{
	struct removal *m = arg;
	struct store *s = change_store(c);
	int buckets;

	m->revocation.n = 0;

	enum err e = store_person_by_id(s, m->person.id, &m->person);

	if (!e)
		e = revocation_add_person(&m->revocation, s, &m->person);
	if (!e)
		e = m->revocation.step.reason == REASON_NONE ? check_cards(m) :
							       revocation_work(c, &m->revocation);
	if (!e)
		e = removed(store_totp_remove(s, m->person.id), &m->had_totp);
	if (!e)
		e = removed(store_password_remove(s, m->person.id), &m->had_password);
	if (!e)
		e = lockout_clear(s, m->person.id, &buckets);
	if (e)
		return e;
	m->person.state = PERSON_REMOVED;
	e = store_person_update(s, &m->person);

	struct event event = { .type = EVENT_PERSON_REMOVE, .person = m->person.login };

	return e ? e : change_event(c, &event);
}

static void removal_free(struct removal *m)
{
	revocation_free(&m->revocation);
}

static enum exit_code user_remove(struct tool *t)
{
	const char *reason = option_value(&t->args, "revoke-cards");
	struct removal m __attribute__((cleanup(removal_free))) = {
		.revocation.step = { .to = CARD_REVOKED, .reported_at = -1 },
	};

	if (reason) {
		m.revocation.step.reason = word_to_reason(reason);
		if (m.revocation.step.reason == REASON_NONE) {
			complain(_(
				"--revoke-cards takes lost, stolen, damaged, defrauded, replaced, retired or transferred"));
			return EXIT_USAGE;
		}
	}

	enum exit_code code = find_person(t, t->args.words[0], &m.person);

	if (code)
		return code;

	enum err e = change_run(t, remove_person, &m);

	if (e == ERR_BAD_STATE) {
		complain(
			_("%s still has a card (%s). Revoke it first, or give --revoke-cards retired (or transferred ...)"),
			m.person.login, m.left.text);
		return EXIT_REFUSED;
	}
	if (e)
		return complain_err(e);
	if (reason)
		revocation_say(&m.revocation);
	say(_("Removed %s. The row is kept for the log; the account on the system is as it was."),
	    m.person.login);
	if (m.had_totp)
		say(_("The app for codes was removed."));
	if (m.had_password)
		say(_("The password was removed."));
	return revocation_sessions(t, m.person.id, 0, NULL);
}

const struct command cmd_user_remove = {
	.name = "user remove",
	.usage = "USER [--revoke-cards REASON]",
	.brief = N_("remove a person: no login any more"),
	.example = "  sudo cardtool user remove taro --revoke-cards retired",
	.options = remove_options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE,
	.run = user_remove,
};
