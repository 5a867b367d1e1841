/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cardtool.h"
#include "change.h"
#include "find.h"
#include "lockout.h"
#include "output.h"
#include "words.h"

static const struct option_row options[] = {
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

struct unlocking {
	struct person person;
	int buckets;
	char count[12];
	bool was_locked;                /* by an administrator */
};

static enum err unlock_it(struct change *c, void *arg)
{
	struct unlocking *u = arg;
	enum err e = store_person_by_id(change_store(c), u->person.id, &u->person);

	if (!e)
		e = lockout_clear(change_store(c), u->person.id, &u->buckets);
	if (e)
		return e;
	u->was_locked = u->person.state == PERSON_LOCKED;
	if (u->was_locked) {
		u->person.state = PERSON_ACTIVE;
		e = store_person_update(change_store(c), &u->person);
	}
	snprintf(u->count, sizeof(u->count), "%d", u->buckets);

	struct event event = {
		.type = EVENT_UNLOCK,
		.person = u->person.login,
		.fields = { { "buckets", u->count },
			    { "was", u->was_locked ? "locked" : "active" } },
	};

	return e ? e : change_event(c, &event);
}

static enum exit_code unlock(struct tool *t)
{
	struct unlocking u = { .buckets = 0 };
	enum exit_code code = find_person(t, t->args.words[0], &u.person);

	if (!code)
		code = complain_err(change_run(t, unlock_it, &u));
	if (code)
		return code;
	if (t->json)
		return json_print(json_pack("{s:s, s:b, s:i}", "user", u.person.login, "was_locked", u.was_locked,
					    "counters_cleared", u.buckets));
	if (u.was_locked)
		say(_("%s was locked by an administrator and is active again."), u.person.login);
	if (u.buckets > 0)
		say(_("Cleared the failures of %s; logins are possible again at once."),
		    u.person.login);
	else if (!u.was_locked)
		say(_("No failures were counted for %s."), u.person.login);
	return EXIT_DONE;
}

const struct command cmd_unlock = {
	.name = "unlock",
	.usage = "USER [--json]",
	.brief = N_("end a lock after too many failures"),
	.example = "  sudo cardtool unlock taro",
	.options = options,
	.words_min = 1, .words_max = 1,
	.needs = NEED_STORE,
	.run = unlock,
};
