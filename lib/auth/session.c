/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>
#include <syslog.h>

#include "account.h"
#include "clock.h"
#include "event.h"
#include "grant.h"
#include "locality.h"
#include "log.h"
#include "text.h"
#include "who.h"

/* Bodies of one write transaction get this; their event is published after the commit. */
struct step {
	const struct auth_call *c;
	const struct who *w;
	struct event ev;
	int64_t seq;
	bool begins;            /* what space the store has left is for those who may log in then; what is open goes its way */
	char logind[65];
	struct card_row card;
};

/* Of a person, with the card it falls with and the name of logind's session if it had made one. */
static enum err record(struct step *s, enum event_type type, int64_t card)
{
	enum err e = card == -1 ? ERR_OK : store_card_by_id(s->c->store, card, &s->card);

	if (e != ERR_OK)
		return e;
	s->ev = (struct event){
		.type = type, .result = ERR_OK, .person = s->w->person.login, .actor = s->c->peer->ruid,
		.card = card == -1 ? NULL : s->card.card_id.text,
		.service = s->c->request->service, .origin = s->w->origin, .address = s->w->address,
		.fields = { { "logind_session", s->logind }, { "target", who_target(s->c, s->w) } },
	};
	return event_record(s->c->store, &s->ev, &s->seq);
}

/* As the person is now: a removal since the call began counts. */
static enum err still_active(const struct step *s)
{
	struct person now;
	enum err e = store_person_by_id(s->c->store, s->w->person.id, &now);

	if (e == ERR_NOT_FOUND)
		return ERR_NOT_A_PERSON;
	return e == ERR_OK && now.state != PERSON_ACTIVE ? ERR_LOCKED : e;
}

static enum err in_transaction(struct step *s, store_body body)
{
	enum err e;

	if (s->begins && who_has_no_space(s->c, s->w))
		return ERR_STORE_FULL;
	e = store_transaction(s->c->store, !s->begins || s->w->class_of->when_full, body, s);
	if (e == ERR_OK && s->seq)
		event_publish(&s->ev, s->seq);
	return e;
}

static enum err insert_pending(struct store *store, void *arg)
{
	const struct step *s = arg;
	const struct auth_call *c = s->c;
	struct session_row r = {
		.person = s->w->person.id, .card = -1, .grant = -1, .host_pid = c->peer->pid, .host_start = c->peer->start,
		.state = SESSION_PENDING, .closed_at = -1,
	};
	struct grant_row g;
	enum err e = still_active(s);

	if (e != ERR_OK)
		return e;
	e = grant_of_host(c, s->w, &g);
	/* login, sshd, su, sudo and display managers open one session each: what is opened again was not proved again. */
	if (e == ERR_OK && g.used_at != -1)
		e = fail(ERR_NO_GRANT, "this login has its session already");
	else if (e == ERR_OK) {
		r.card = g.card;
		r.grant = g.id;
		e = store_grant_used(store, g.id, clock_real_s());
	} else if (e == ERR_NO_GRANT) {
		e = account_without_grant(c, s->w, &r.card);
	}
	if (e == ERR_OK)
		e = clock_now(&r.at);
	if (e != ERR_OK)
		return e;
	if (!text_copy(r.service, sizeof(r.service), c->request->service) ||
	    !text_copy(r.address, sizeof(r.address), s->w->address))
		return fail(ERR_PROTOCOL, "a name is too long for a session");
	text_escape(r.tty, sizeof(r.tty), c->request->tty);
	return store_session_add(store, &r);
}

/* An account that is no person's: nothing is kept of its sessions. */
static enum err machine_session(const struct auth_call *c, const struct who *w)
{
	int64_t unused;

	return account_without_grant(c, w, &unused);
}

/* ---- a refusal: su and runuser keep it to themselves ---- */

static void log_refusal(const struct auth_call *c, const struct who *w, enum err why)
{
	const char *name = w->known ? w->person.login : w->has_account ? w->login : "";
	char account[TEXT_WORD_SIZE(sizeof(w->login))], service[TEXT_WORD_SIZE(sizeof(c->request->service))],
	     origin[TEXT_WORD_SIZE(sizeof(w->origin))], address[TEXT_WORD_SIZE(sizeof(w->address))];

	log_line(LOG_NOTICE, "session refused: %s %s=%s service=%s origin=%s address=%s", err_name(why), w->known ? "person" : "account",
		 text_word(account, sizeof(account), name), text_word(service, sizeof(service), c->request->service),
		 text_word(origin, sizeof(origin), w->origin), text_word(address, sizeof(address), w->address));
}

static enum err add_unproved(struct store *store, void *arg)
{
	const struct step *s = arg;

	return store_unproved_add(store, s->w->remote ? "remote" : "local", s->w->address, clock_real_s());
}

/* It stands whether or not it can be written down. Behind a refused first line the second comes all the same: counted once. */
static void record_refusal(struct step *s, enum err why)
{
	log_refusal(s->c, s->w, why);
	if (s->w->known || s->c->request->op != WIRE_OPEN || who_has_no_space(s->c, s->w))
		return;
	if (store_transaction(s->c->store, false, add_unproved, s) != ERR_OK)
		log_line(LOG_DEBUG, "a refused session is not added up");
}

enum err session_open(const struct auth_call *c, struct wire_result *ret)
{
	struct who w = { .known = false };
	struct step s = { .c = c, .w = &w, .begins = true };
	enum err e = who_find(c, &w);

	if (e != ERR_OK)
		return e;
	e = w.known ? in_transaction(&s, insert_pending) : machine_session(c, &w);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	else
		record_refusal(&s, e);
	return e;
}

static enum err open_pending(struct store *store, void *arg)
{
	struct step *s = arg;
	struct session_row r;
	struct moment now;
	enum err e = clock_now(&now);

	if (e == ERR_OK)
		e = store_session_of_host(store, now.boot_id, s->c->peer->pid, s->c->peer->start, s->w->person.id, &r);
	if (e != ERR_OK)
		return e == ERR_NOT_FOUND ? fail(ERR_NO_GRANT, "no pending session of this host") : e;
	e = still_active(s);
	if (e == ERR_OK)
		e = grant_card_good(store, r.card);
	if (e != ERR_OK)
		return e;
	r.state = SESSION_OPEN;
	memcpy(r.logind_session, s->logind, sizeof(r.logind_session));
	e = store_session_update(store, &r);
	if (e == ERR_OK)
		e = record(s, EVENT_SESSION_OPEN, r.card);
	return e;
}

enum err session_confirm(const struct auth_call *c, struct wire_result *ret)
{
	struct who w;
	struct step s = { .c = c, .w = &w };
	enum err e = who_find(c, &w);

	if (e != ERR_OK)
		return e;
	/* pam_systemd is optional in every stack: without its scope nothing could end this session. */
	if (w.known && (!locality_session_of(c->peer->cgroup, s.logind, sizeof(s.logind)) || !locality_session_exists(s.logind)))
		return fail(ERR_UNAVAILABLE, "logind made no session for this login");
	/* A sshd that was started within a login gets none of its own, and would be ended with the other's. */
	if (w.known && w.ssh && !locality_session_is_of(s.logind, c->request->service, w.uid))
		return fail(ERR_UNAVAILABLE, "session %s, in which this sshd stands, is another login's", s.logind);
	e = w.known ? in_transaction(&s, open_pending) : machine_session(c, &w);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	else
		record_refusal(&s, e);
	return e;
}

static enum err close_own(struct store *store, void *arg)
{
	struct step *s = arg;
	struct session_row r;
	struct moment now;
	enum err e = clock_now(&now);

	s->seq = 0;
	if (e == ERR_OK)
		e = store_session_of_host(store, now.boot_id, s->c->peer->pid, s->c->peer->start, s->w->person.id, &r);
	if (e == ERR_NOT_FOUND)
		return ERR_OK;          /* closed already, or never opened */
	if (e != ERR_OK)
		return e;
	r.state = SESSION_CLOSED;
	/* The event is published after this frame is gone. */
	memcpy(s->logind, r.logind_session, sizeof(s->logind));
	r.closed_at = clock_real_s();
	e = store_session_update(store, &r);
	if (e == ERR_OK)
		e = record(s, EVENT_SESSION_CLOSE, r.card);
	return e;
}

enum err session_close(const struct auth_call *c, struct wire_result *ret)
{
	struct who w;
	struct step s = { .c = c, .w = &w };
	enum err e = who_find(c, &w);

	if (e == ERR_OK && w.known)
		e = in_transaction(&s, close_own);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}
