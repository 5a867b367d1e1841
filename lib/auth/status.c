/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <string.h>

#include "clock.h"
#include "lifecycle.h"
#include "text.h"

/* Records of each kind; more than these are history. */
#define TOLD_MAX 64

struct telling {
	const struct auth_call *c;
	const struct who *w;
	bool marks;
	size_t told;
};

static enum err send_record(const struct auth_call *c, const struct wire_record *r)
{
	return c->io->record(c->io->arg, r);
}

static void fill(char *dst, size_t size, const char *text)
{
	if (!text_copy(dst, size, text))
		dst[0] = '\0';
}

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
	fill(p->login, sizeof(p->login), w->person.login);
	fill(p->state, sizeof(p->state), person_state_name(w->person.state));
	p->app_at = has_app == ERR_OK ? app.created_at : -1;
	p->password_at = has_password == ERR_OK ? password.set_at : -1;
	p->last_at = st.last_at;
	fill(p->last_from, sizeof(p->last_from), st.last_from);
	p->failures = st.failures;
	p->failure_at = st.failure_at;
	fill(p->failure_from, sizeof(p->failure_from), st.failure_from);
	return send_record(c, &r);
}

static enum err tell_card(const struct card_row *row, void *arg)
{
	struct telling *t = arg;
	struct wire_record r = { .kind = WIRE_RECORD_CARD };
	struct wire_card *c = &r.card;

	if (t->told++ >= TOLD_MAX)
		return ERR_OK;
	fill(c->id, sizeof(c->id), row->card_id.text);
	fill(c->label, sizeof(c->label), row->label);
	fill(c->state, sizeof(c->state), card_state_name(row->state));
	c->not_after = row->not_after;
	c->last_used_at = row->last_used_at;
	fill(c->usable, sizeof(c->usable), err_name(lifecycle_usable(row, clock_real_s())));
	if (t->marks) {
		c->guid_len = row->has_guid ? sizeof(c->guid) : 0;
		memcpy(c->guid, row->guid, sizeof(c->guid));
		c->key_len = sizeof(c->key);
		memcpy(c->key, row->spki_sha256, sizeof(c->key));
	}
	return send_record(t->c, &r);
}

enum err status_locked_until(const struct auth_call *c, const struct who *w, const char *origin, int64_t *ret)
{
	const bool remote = !strcmp(origin, "remote");
	const struct policy_class *k = who_class_at(c, w, remote ? "sshd" : "login", remote);
	const struct lockout_limits limits = who_limits(c->policy, k);
	int64_t until = -1;
	enum err e = lockout_state(c->store, w->person.id, origin, &limits, &until);

	if (e != ERR_OK && e != ERR_LOCKED)
		return e;
	*ret = e == ERR_LOCKED ? until : -1;
	return ERR_OK;
}

static enum err tell_count(const struct bucket_row *b, void *arg)
{
	struct telling *t = arg;
	struct wire_record r = { .kind = WIRE_RECORD_COUNT };
	enum err e;

	if (t->told++ >= TOLD_MAX)
		return ERR_OK;
	fill(r.count.origin, sizeof(r.count.origin), b->origin);
	r.count.failed = b->failed;
	r.count.last_at = b->last.real_s;
	e = status_locked_until(t->c, t->w, b->origin, &r.count.locked_until);
	return e == ERR_OK ? send_record(t->c, &r) : e;
}

enum err status_tell(const struct auth_call *c, const struct who *w, bool marks)
{
	struct telling cards = { .c = c, .w = w, .marks = marks }, counts = { .c = c, .w = w };
	enum err e = tell_person(c, w);

	if (e == ERR_OK)
		e = store_card_each(c->store, w->person.id, tell_card, &cards);
	if (e == ERR_OK)
		e = store_bucket_each(c->store, w->person.id, tell_count, &counts);
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
