/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication. MUST: ask everybody without a recognised card of that name the same; count before checking; hand out
 * nothing but what login_end_grant made durable. MUST NOT: let anyone without a proved card guess where the class wants a card.
 */
#include "login.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "clock.h"
#include "grant.h"
#include "l10n.h"
#include "log.h"
#include "speech.h"
#include "text.h"

static bool wants_card(const struct login *l, size_t alternative)
{
	return alternative_has_card(&l->who.class_of->alternatives[alternative]);
}

static bool builds_on_session(const struct login *l, size_t alternative)
{
	return alternative_has(&l->who.class_of->alternatives[alternative], FACTOR_SESSION);
}

/* Who is within a session that counts is asked for nothing that it proved already. */
static enum err offer(struct login *l)
{
	const struct policy_class *k = l->who.class_of;
	enum err e = login_session_find(l);
	bool any = false;

	for (size_t i = 0; i < k->n_alternatives; i++) {
		const struct login_place at = { l->who.remote, l->who.ssh, l->in_session };

		l->open[i] = alternative_offered(&k->alternatives[i], at) && proved_joins(&l->session, k, &k->alternatives[i]);
		any |= l->open[i] && builds_on_session(l, i);
	}
	for (size_t i = 0; any && i < k->n_alternatives; i++)
		l->open[i] = l->open[i] && builds_on_session(l, i);
	/* Another card may be asked for then. */
	l->in_session = any;
	return e;
}

struct offered {
	size_t with_card, without;
};

static struct offered count_offers(const struct login *l)
{
	struct offered n = { 0, 0 };

	for (size_t i = 0; i < l->who.class_of->n_alternatives; i++) {
		n.with_card += l->open[i] && wants_card(l, i);
		n.without += l->open[i] && !wants_card(l, i);
	}
	return n;
}

/* Keep only alternatives with (or without) a card. */
static void keep(struct login *l, bool with_card)
{
	for (size_t i = 0; i < l->who.class_of->n_alternatives; i++)
		l->open[i] = l->open[i] && wants_card(l, i) == with_card;
}

/* Somebody who may hear it: the lock and its end, before the PIN is asked. */
static enum err tell_lock(const struct login *l)
{
	char when[32], text[WIRE_TEXT_MAX];
	int64_t until = 0;
	enum err e;

	if (l->who.person.state != PERSON_ACTIVE)
		return login_card_stop(l, ERR_LOCKED);
	e = lockout_state(l->c->store, l->who.person.id, l->who.origin, &l->limits, &until);
	if (e != ERR_LOCKED)
		return e;
	snprintf(text, sizeof(text), _("Locked after too many failures until %s. The systems section can unlock you."),
		 text_local_time(when, sizeof(when), until));
	return login_card_tell_holder(l, text) == ERR_OK ? ERR_DENIED : ERR_CONVERSATION;
}

static enum err card_part(struct login *l)
{
	struct offered n = count_offers(l);
	enum err e;

	if (!n.with_card)
		return ERR_OK;
	e = l->who.ssh ? login_ssh_find(l) : login_card_find(l, !n.without);
	/* No card, a stranger's, or a reader out of order: the other way in stays open. */
	if (l->face != FACE_KNOWN && n.without &&
	    (e == ERR_OK || e == ERR_NO_CARD || e == ERR_CARD_FAILED || e == ERR_PCSC || e == ERR_BUSY)) {
		keep(l, false);
		l->face = FACE_NONE;
		return ERR_OK;
	}
	if (e != ERR_OK)
		return e;
	keep(l, true);
	if (l->face == FACE_KNOWN) {
		e = tell_lock(l);
		if (e != ERR_OK)
			return e;
	}
	/* Over ssh it is proved already, or nobody can prove it: the same prompts then, and a refusal. */
	return l->who.ssh ? ERR_OK : login_card_prove(l);
}

static enum err judge(struct login *l)
{
	/* Whose own session it is has no PIN to be asked for: before the code, then. */
	enum err e = l->in_session ? tell_lock(l) : ERR_OK;

	if (e == ERR_OK)
		e = card_part(l);
	if (e == ERR_OK)
		e = login_answer_collect(l);
	/* The card has done its part: nothing of it stays open while hashes are computed. */
	l->c->io->card_done(l->c->io->arg);
	if (e == ERR_OK)
		e = login_answer_check(l);
	if (e == ERR_OK)
		e = login_end_grant(l);
	return e;
}

/* Only who proved card and PIN, or holds the recognised card, hears the reason; all others one sentence. NULL: nobody to tell, or told already. */
static const char *refusal_text(const struct login *l, enum err why)
{
	static const enum err plain[] = { ERR_NO_CARD, ERR_PCSC, ERR_STORE_FULL, ERR_TIMEOUT, ERR_BUSY, ERR_CANCELLED };
	bool told = l->face == FACE_KNOWN || l->in_session;

	if (why == ERR_CONVERSATION || why == ERR_UNAVAILABLE || why == ERR_PIN_WRONG || (why == ERR_DENIED && told))
		return NULL;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		told |= why == plain[i];
	if (!told)
		why = l->face == FACE_STRANGER ? ERR_CARD_UNKNOWN : ERR_DENIED;
	return speech_refusal(why);
}

/* ssh shows a text in front of a refusal in numbers (\343\203), but for ASCII, and a question as it is. */
static bool is_shown_in_numbers(const struct login *l, const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return l->who.ssh && *text;
}

static void hear(enum err told)
{
	if (told != ERR_OK)
		log_line(LOG_INFO, "the refusal could not be shown");
}

static enum err refuse(struct login *l, enum err why)
{
	const char *text = refusal_text(l, why);
	bool asks = text && is_shown_in_numbers(l, text);

	if (text && !asks)
		hear(l->c->io->tell(l->c->io->arg, true, text));
	why = login_end_refuse(l, why);
	/* Somebody is waited for: all is recorded by then. */
	if (asks)
		hear(login_card_tell_holder(l, text));
	return why;
}

static void wipe_login(struct login *l)
{
	wipe(l, sizeof(*l));
}

enum err login_run(const struct auth_call *c, struct wire_result *ret)
{
	__attribute__((cleanup(wipe_login))) struct login l = { .c = c };
	const struct policy_class *k;
	enum err e = who_find(c, &l.who);

	if (e != ERR_OK)
		return e;
	/* A peer that is not root may only authenticate itself. */
	if (!c->peer->root_socket && (!l.who.has_account || l.who.uid != c->peer->ruid))
		return fail(ERR_UNAVAILABLE, "uid %lld asked for another person", (long long)c->peer->ruid);
	k = l.who.class_of;
	speech_choose(c, &l.who);
	l.deadline = deadline_in((int64_t)k->login_time_s * 1000);
	l.limits = who_limits(c->policy, k);
	e = offer(&l);
	if (e == ERR_OK)
		e = grant_withdraw(c, &l.who);
	if (e == ERR_OK)
		e = c->store_full && !k->when_full ? ERR_STORE_FULL : judge(&l);
	if (e == ERR_OK) {
		ret->verdict = VERDICT_ALLOW;
		return ERR_OK;
	}
	return refuse(&l, e);
}
