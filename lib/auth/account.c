/* SPDX-License-Identifier: Apache-2.0 */
/* The account check stands on its own: cron, su from root and others never call authenticate. */
#include "account.h"

#include <string.h>
#include <syslog.h>

#include "clock.h"
#include "event.h"
#include "log.h"
#include "proved.h"
#include "text.h"

#define AGAIN_S 600
#define AGAIN_EVENTS 16         /* the newest of a person, among which the same refusal is looked for */
#define SYSTEM_UID_MAX 999      /* Debian and RHEL: accounts of people begin at 1000 */

enum row_needs {
	NEEDS_NOTHING,          /* an active person is enough */
	NEEDS_BATCH,            /* the class allows cron and at jobs */
	NEEDS_ROOT_CALLER,      /* the host's real uid is 0 */
	NEEDS_SESSION,          /* or what its login session proved satisfies the class */
};

/* For persons, and for system accounts that are none. */
static const struct row {
	const char *service;
	enum row_needs needs;
} table[] = {
	{ "cron", NEEDS_BATCH },
	{ "crond", NEEDS_BATCH },
	{ "atd", NEEDS_BATCH },
	{ "systemd-user", NEEDS_NOTHING },
	{ "su", NEEDS_ROOT_CALLER },
	{ "su-l", NEEDS_ROOT_CALLER },
	{ "runuser", NEEDS_ROOT_CALLER },
	{ "runuser-l", NEEDS_ROOT_CALLER },
	{ "sudo", NEEDS_SESSION },
	{ "sudo-i", NEEDS_SESSION },
};

static const struct row *find_row(const char *service)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].service, service))
			return &table[i];
	return NULL;
}

static bool wants_root(const struct row *row)
{
	return row->needs == NEEDS_ROOT_CALLER || row->needs == NEEDS_SESSION;
}

/* Where [machine] names it; a system account also at the services of the table. */
static enum err machine_account(const struct auth_call *c, const struct who *w, const struct row *row)
{
	if (!w->has_account)
		return ERR_NOT_A_PERSON;
	if (policy_machine_may(c->policy, w->login, c->request->service))
		return ERR_OK;
	if (!row || w->uid > SYSTEM_UID_MAX || (wants_root(row) && c->peer->ruid != 0))
		return ERR_NOT_A_PERSON;
	return ERR_OK;
}

enum err account_without_grant(const struct auth_call *c, const struct who *w, int64_t *card)
{
	const struct row *row = find_row(c->request->service);

	*card = -1;
	if (!w->known)
		return machine_account(c, w, row);
	if (w->person.state != PERSON_ACTIVE)
		return ERR_LOCKED;
	if (!row)
		return ERR_NO_GRANT;
	if (row->needs == NEEDS_BATCH)
		return w->class_of->batch ? ERR_OK : ERR_NO_GRANT;
	if (row->needs == NEEDS_NOTHING || c->peer->ruid == 0)
		return ERR_OK;
	return row->needs == NEEDS_SESSION ? proved_enough(c, w, card) : ERR_NO_GRANT;
}

/* *tacit: nothing was asked for, and what the login session proved is the reason. */
static enum err judge(const struct auth_call *c, const struct who *w, bool *tacit)
{
	const struct row *row = find_row(c->request->service);
	struct grant_row g;
	int64_t unused;
	enum err e = grant_of_host(c, w, &g);

	if (e != ERR_NO_GRANT && e != ERR_NOT_A_PERSON)
		return e;
	*tacit = w->known && row && row->needs == NEEDS_SESSION && c->peer->ruid != 0;
	return account_without_grant(c, w, &unused);
}

struct again {
	const struct auth_call *call;
	enum err why;
	int64_t since;
	bool found;
};

static enum err compare(const struct event_row *e, void *arg)
{
	struct again *a = arg;

	a->found |= e->at > a->since && !strcmp(e->type, event_name(EVENT_ACCOUNT)) && !strcmp(e->result, err_name(a->why)) &&
		    !strcmp(e->service, a->call->request->service);
	return ERR_OK;
}

/* Of this person, service and reason, not long ago. What can't be read is not taken for the same. */
static bool is_again(const struct auth_call *c, const struct who *w, enum err why)
{
	const struct event_filter newest = { .person = w->person.login, .last = AGAIN_EVENTS };
	struct again a = { .call = c, .why = why, .since = clock_real_s() - AGAIN_S };

	return store_event_each(c->store, &newest, compare, &a) == ERR_OK && a.found;
}

static void log_again(const struct auth_call *c, const struct who *w, enum err why)
{
	char service[TEXT_WORD_SIZE(sizeof(c->request->service))], origin[TEXT_WORD_SIZE(sizeof(w->origin))],
	     address[TEXT_WORD_SIZE(sizeof(w->address))];

	log_line(LOG_NOTICE, "account %s again: %s person=%s service=%s origin=%s address=%s", why == ERR_OK ? "allowed" : "refused",
		 err_name(why), w->person.login, text_word(service, sizeof(service), c->request->service), text_word(origin, sizeof(origin), w->origin),
		 text_word(address, sizeof(address), w->address));
}

/* Of a person. A job, a sudo that asks nothing or a key that is in nobody's card may ask without end: said now and then. */
static enum err record(const struct auth_call *c, const struct who *w, enum err why,
		       enum err (*write)(const struct auth_call *c, const struct who *w, const struct event *ev))
{
	const struct event ev = {
		.type = EVENT_ACCOUNT, .result = why, .person = w->person.login, .actor = c->peer->ruid,
		.service = c->request->service, .origin = w->origin, .address = w->address,
	};

	if (!is_again(c, w, why))
		return write(c, w, &ev);
	log_again(c, w, why);
	return ERR_OK;
}

static enum err write_refusal(const struct auth_call *c, const struct who *w, const struct event *ev)
{
	(void)w;
	return event_alone(c->store, ev);
}

/* The rows as they are now, not as they were when the call began. */
static enum err judge_again(const struct auth_call *c, const struct who *w)
{
	struct who now = *w;
	int64_t unused;
	enum err e = store_person_by_id(c->store, w->person.id, &now.person);

	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? ERR_NOT_A_PERSON : e;
	return now.person.uid == w->uid ? account_without_grant(c, &now, &unused) : ERR_LOCKED;
}

struct tacit {
	const struct auth_call *call;
	const struct who *who;
	const struct event *ev;
	int64_t seq;
};

static enum err judge_and_record(struct store *s, void *arg)
{
	struct tacit *t = arg;
	enum err e = judge_again(t->call, t->who);

	return e == ERR_OK ? event_record(s, t->ev, &t->seq) : e;
}

static enum err write_tacit(const struct auth_call *c, const struct who *w, const struct event *ev)
{
	struct tacit t = { .call = c, .who = w, .ev = ev };
	enum err e = store_transaction(c->store, w->class_of->when_full, judge_and_record, &t);

	if (e == ERR_OK)
		event_publish(ev, t.seq);
	return e;
}

/* What a sudo does that asks nothing is on record like any grant: it may open no session of ours. */
static enum err record_tacit(const struct auth_call *c, const struct who *w)
{
	return who_has_no_space(c, w) ? ERR_STORE_FULL : record(c, w, ERR_OK, write_tacit);
}

enum err account_run(const struct auth_call *c, struct wire_result *ret)
{
	bool tacit = false;
	struct who w;
	enum err e = who_find(c, &w);

	if (e != ERR_OK)
		return e;
	if (!c->peer->root_socket && (!w.has_account || w.uid != c->peer->ruid))
		return fail(ERR_UNAVAILABLE, "uid %lld asked about another person", (long long)c->peer->ruid);
	e = judge(c, &w, &tacit);
	if (e == ERR_OK && tacit)
		e = record_tacit(c, &w);
	if (e == ERR_OK) {
		ret->verdict = VERDICT_ALLOW;
		return ERR_OK;
	}
	/*
	 * A refusal stands whether or not it can be written down. What a person can ask for without end is not kept,
	 * nor, on a full disk, what would use up the space of those who may log in.
	 */
	if (w.known && c->peer->root_socket && !who_has_no_space(c, &w) && record(c, &w, e, write_refusal) != ERR_OK)
		fail(ERR_STORE, "an account refusal could not be recorded");
	return e;
}
