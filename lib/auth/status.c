/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <string.h>

#include "clock.h"
#include "lifecycle.h"
#include "text.h"

/* Records of each kind: the newest cards, and the counts of the machine and the network before those of programs. */
#define TOLD_MAX 64

struct telling {
	bool marks;
	size_t n_cards, n_counts;
	struct wire_card cards[TOLD_MAX];       /* a ring */
	struct wire_count counts[TOLD_MAX];
};

static enum err tell_person(const struct auth_call *c, const struct who *w)
{
	struct wire_record r = { .kind = WIRE_RECORD_PERSON };
	struct wire_person *p = &r.person;
	struct login_stat st;
	struct totp_row app;
	struct password_row password;
	enum err e = store_login_stat_get(c->store, w->person.id, &st), has_app, has_password;

	if (e != ERR_OK)
		return e;
	has_app = store_totp_get(c->store, w->person.id, &app);
	has_password = store_password_get(c->store, w->person.id, &password);
	if (has_app != ERR_OK && has_app != ERR_NOT_FOUND)
		return has_app;
	if (has_password != ERR_OK && has_password != ERR_NOT_FOUND)
		return has_password;
	text_copy_or_none(p->login, sizeof(p->login), w->person.login);
	text_copy_or_none(p->state, sizeof(p->state), person_state_name(w->person.state));
	p->app_at = has_app == ERR_OK ? app.created_at : -1;
	p->password_at = has_password == ERR_OK ? password.set_at : -1;
	p->last_at = st.last_at;
	text_copy_or_none(p->last_from, sizeof(p->last_from), st.last_from);
	p->failures = st.failures;
	p->failure_at = st.failure_at;
	text_copy_or_none(p->failure_from, sizeof(p->failure_from), st.failure_from);
	return c->io->record(c->io->arg, &r);
}

static enum err take_card(const struct card_row *row, void *arg)
{
	struct telling *t = arg;
	struct wire_card c = { .not_after = row->not_after, .last_used_at = row->last_used_at };

	text_copy_or_none(c.id, sizeof(c.id), row->card_id.text);
	text_copy_or_none(c.label, sizeof(c.label), row->label);
	text_copy_or_none(c.state, sizeof(c.state), card_state_name(row->state));
	text_copy_or_none(c.usable, sizeof(c.usable), err_name(lifecycle_usable(row, clock_real_s())));
	if (t->marks && row->has_guid) {
		c.guid_len = sizeof(c.guid);
		memcpy(c.guid, row->guid, sizeof(c.guid));
	}
	t->cards[t->n_cards++ % TOLD_MAX] = c;
	return ERR_OK;
}

static enum err take_count(const struct bucket_row *b, void *arg)
{
	struct telling *t = arg;
	struct wire_count c = { .failed = b->failed, .last_at = b->last.real_s };

	if (t->n_counts == TOLD_MAX)
		return ERR_OK;
	text_copy_or_none(c.origin, sizeof(c.origin), b->origin);
	t->counts[t->n_counts++] = c;
	return ERR_OK;
}

static enum err tell_card(const struct auth_call *c, const struct wire_card *card)
{
	return c->io->record(c->io->arg, &(struct wire_record){ .kind = WIRE_RECORD_CARD, .card = *card });
}

static enum err tell_count(const struct auth_call *c, const struct who *w, const struct wire_count *count)
{
	struct wire_record r = { .kind = WIRE_RECORD_COUNT, .count = *count };
	enum err e = who_locked_until(c, w, count->origin, &r.count.locked_until);

	return e == ERR_OK ? c->io->record(c->io->arg, &r) : e;
}

/* Rows first, then groups and the peer, who may both be slow: no query stays open meanwhile. */
enum err status_tell(const struct auth_call *c, const struct who *w, bool marks)
{
	struct telling t = { .marks = marks };
	enum err e = tell_person(c, w);

	if (e == ERR_OK)
		e = store_card_each(c->store, w->person.id, take_card, &t);
	if (e == ERR_OK)
		e = store_bucket_each(c->store, w->person.id, take_count, &t);
	for (size_t i = t.n_cards > TOLD_MAX ? t.n_cards - TOLD_MAX : 0; e == ERR_OK && i < t.n_cards; i++)
		e = tell_card(c, &t.cards[i % TOLD_MAX]);
	for (size_t i = 0; e == ERR_OK && i < t.n_counts; i++)
		e = tell_count(c, w, &t.counts[i]);
	return e;
}

static bool names_something(const struct wire_request *r)
{
	return r->service[0] || r->user[0] || r->rhost[0] || r->tty[0] || r->auth_info[0] || r->flags;
}

enum err status_run(const struct auth_call *c, struct wire_result *ret)
{
	struct who w;
	enum err e;

	if (names_something(c->request))
		return fail(ERR_NOT_ALLOWED, "uid %lld asked for more than its own status", (long long)c->peer->ruid);
	e = who_of_uid(c, c->peer->ruid, &w);
	if (e == ERR_OK)
		/* An uid that was given to somebody else is not the person's any more. */
		e = w.known && w.has_account ? status_tell(c, &w, false) : ERR_NOT_A_PERSON;
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}
