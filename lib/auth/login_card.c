/* SPDX-License-Identifier: Apache-2.0 */
/* The card's part of an authentication: recognise, ask for the PIN, let it sign. */
#include "login.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "challenge.h"
#include "clock.h"
#include "digest.h"
#include "key.h"
#include "l10n.h"
#include "lifecycle.h"
#include "log.h"
#include "speech.h"
#include "text.h"

#define CARD_EXCHANGE_MS 20000          /* a slow RSA-4096 card, and others before us at this reader */
#define CARD_SECOND_MS 10000            /* a second look, without a reader that is held */
#define CARD_LOOK_MS 1000               /* until pcscd, which polls, has seen a card that was put in just before */
#define CARD_PROMPTS_MAX 5u             /* a host that answers by itself ends at some time */
#define CARD_TRIES_LEAST 3              /* cards begin with so many or more */

static enum err exchange(const struct login *l, const struct card_request *rq, struct card_answer *an, int64_t ms)
{
	int64_t deadline = deadline_in(ms);

	return l->c->io->card(l->c->io->arg, rq, an, deadline < l->deadline ? deadline : l->deadline);
}

struct recognition {
	const struct card_answer *seen;
	const unsigned char *spki_sha256;       /* NULL: no certificate was read */
	int64_t now;
	struct login *l;
	bool hit;
};

/* Recognition only says whom to ask: the pinned key decides. */
static enum err compare(const struct card_row *row, void *arg)
{
	struct recognition *r = arg;
	bool same = r->spki_sha256 ? !memcmp(row->spki_sha256, r->spki_sha256, 32) :
		    r->seen->has_guid && row->has_guid && !memcmp(row->guid, r->seen->guid, sizeof(row->guid));

	enum err usable = same && !r->hit ? lifecycle_usable(row, r->now) : ERR_DENIED;

	if (same && usable == ERR_OK) {
		r->l->card = *row;
		r->hit = true;
	} else if (same && !r->hit) {
		r->l->stale = usable;
		r->l->stale_card = row->card_id;
	}
	return ERR_OK;
}

static enum err recognise(struct login *l, const struct card_answer *seen, bool *hit)
{
	struct cert_info cert;
	struct recognition r = { .seen = seen, .now = clock_real_s(), .l = l };
	enum err e;

	if (!seen->has_guid) {
		if (!seen->cert_len || key_from_certificate(seen->cert, seen->cert_len, &cert) != ERR_OK) {
			*hit = false;
			return ERR_OK;
		}
		r.spki_sha256 = cert.key.spki_sha256;
	}
	/* Unknown people have no cards (row 0 is nobody's): the same question to the store. */
	e = store_card_each(l->c->store, l->who.known ? l->who.person.id : INT64_MAX, compare, &r);
	*hit = r.hit;
	return e;
}

static enum err take(struct login *l, const struct card_answer *seen)
{
	bool hit;
	enum err e = recognise(l, seen, &hit);

	if (e != ERR_OK)
		return e;
	if (!hit) {
		l->face = FACE_STRANGER;
		return ERR_OK;
	}
	l->face = FACE_KNOWN;
	l->handle = seen->handle;
	l->tries = seen->tries;
	return ERR_OK;
}

/* sudo shows no text of ours, and ^C does nothing there but at a prompt. */
static bool is_silent(const struct login *l)
{
	return l->c->request->flags & WIRE_FLAG_SILENT;
}

/* A prompt that is only to be confirmed: what is typed is dropped, and not shown, for it may be a PIN. */
static enum err ask_enter(const struct login *l, const char *text, int64_t until)
{
	SECRET(dropped);

	/* Who thinks takes nobody's place at the readers. */
	l->c->io->card_done(l->c->io->arg);
	return l->c->io->ask(l->c->io->arg, true, text, &dropped, until);
}

/* sshd keeps to itself what was said in front of a refusal. */
static bool texts_are_lost(const struct login *l)
{
	return is_silent(l) || l->who.ssh;
}

enum err login_card_tell_holder(const struct login *l, const char *text)
{
	char prompt[WIRE_TEXT_MAX];
	enum err e;

	if (!texts_are_lost(l))
		return l->c->io->tell(l->c->io->arg, true, text);
	snprintf(prompt, sizeof(prompt), "%s %s", text, _("Press Enter: "));
	e = ask_enter(l, prompt, l->deadline);
	return e == ERR_TIMEOUT ? ERR_OK : e;
}

enum err login_card_stop(const struct login *l, enum err why)
{
	enum err e = texts_are_lost(l) ? login_card_tell_holder(l, speech_refusal(why)) : ERR_OK;

	return e == ERR_OK ? why : e;
}

/* How long a card is looked for, and how often the person is asked for one. */
struct wait {
	int64_t over;           /* no more asking */
	int64_t until;          /* of the present look into the readers, 0: those that are there now */
	unsigned rounds;
	bool broken;            /* a card that can't be read is there */
};

static enum err none_found(const struct wait *w)
{
	return w->broken ? ERR_CARD_FAILED : ERR_NO_CARD;
}

static enum err announce(const struct login *l, struct wait *w)
{
	char text[WIRE_TEXT_MAX];
	unsigned wait = l->who.class_of->card_wait_s;

	if (w->broken)
		snprintf(text, sizeof(text), _("The IC card could not be read. Take it out and insert it again (%u s)."), wait);
	else
		snprintf(text, sizeof(text), _("Insert your IC card (%u s)."), wait);
	w->until = w->over;
	return l->c->io->tell(l->c->io->arg, false, text);
}

static enum err ask_for_card(const struct login *l, struct wait *w)
{
	const char *text = w->broken ? _("The IC card could not be read. Insert it again and press Enter: ") :
			   w->rounds > 1 ? _("No IC card was found. Insert it and press Enter: ") :
			   _("Insert your IC card and press Enter: ");
	enum err e = ask_enter(l, text, w->over), none = none_found(w);

	/* The next process tells of every card again. */
	w->broken = false;
	w->until = deadline_in(CARD_LOOK_MS);
	return e == ERR_TIMEOUT ? none : e;
}

static enum err wait_for_card(const struct login *l, struct wait *w)
{
	if (w->rounds++ == (is_silent(l) ? CARD_PROMPTS_MAX : 1) || deadline_left(w->over) == 0)
		return none_found(w);
	return is_silent(l) ? ask_for_card(l, w) : announce(l, w);
}

enum err login_card_find(struct login *l, bool required)
{
	struct card_request rq = { .op = CARD_OP_NEXT };
	struct card_answer an = { .result = ERR_CARD_FAILED };
	struct wait w = { .over = deadline_in((int64_t)l->who.class_of->card_wait_s * 1000) };
	enum err e;

	for (int i = 0; i < 4 * CARD_READERS_MAX; i++) {
		rq.wait_ms = (uint32_t)deadline_left(w.until);
		e = exchange(l, &rq, &an, (rq.skip[0] ? CARD_SECOND_MS : CARD_EXCHANGE_MS) + rq.wait_ms);
		if (e != ERR_OK)
			return e;
		if (an.result == ERR_OK) {
			e = take(l, &an);
			if (e != ERR_OK || l->face == FACE_KNOWN)
				return e;
		} else if (an.result == ERR_BUSY && an.reader[0] && !rq.skip[0]) {
			/* Its process has ended; another one looks into the other readers. */
			l->c->io->card_done(l->c->io->arg);
			memcpy(rq.skip, an.reader, sizeof(rq.skip));
		} else if (an.result == ERR_CARD_FAILED || an.result == ERR_CARD_REMOVED) {
			w.broken |= an.result == ERR_CARD_FAILED;
		} else if (an.result != ERR_NO_CARD) {
			return an.result;
		} else if (rq.skip[0] && l->face != FACE_KNOWN) {
			/* The person's card may be in the reader that is held. */
			return ERR_BUSY;
		} else if (l->face == FACE_STRANGER) {
			return ERR_OK;
		} else {
			e = required ? wait_for_card(l, &w) : none_found(&w);
			if (e != ERR_OK)
				return e;
		}
	}
	return fail(ERR_CARD_FAILED, "readers and cards change without end");
}

static enum err check_tries(const struct login *l)
{
	if (l->tries == 0)
		return ERR_PIN_BLOCKED;
	if (l->tries != CARD_TRIES_UNKNOWN && l->tries <= (int)l->who.class_of->pin_keep)
		return ERR_PIN_LAST_TRY;
	return ERR_OK;
}

/* Six to eight ASCII digits; full-width ones count. */
static bool tidy_pin(struct secret *pin)
{
	for (size_t n = 6; n <= 8; n++)
		if (text_normalise_digits(pin->bytes, &pin->len, n))
			return true;
	return false;
}

/* What a text has said behind the wrong PIN stands in the next prompt where there are no texts. */
static enum err ask_pin(const struct login *l, struct secret *pin)
{
	const int here = l->tries - (int)l->who.class_of->pin_keep;
	char text[WIRE_TEXT_MAX];

	if (is_silent(l) && l->face == FACE_KNOWN && l->tries != CARD_TRIES_UNKNOWN && (l->tries < CARD_TRIES_LEAST || here == 1))
		snprintf(text, sizeof(text),
			 ngettext("PIN of your IC card (%d try left here): ", "PIN of your IC card (%d tries left here): ",
				  (unsigned long)here), here);
	else
		snprintf(text, sizeof(text), "%s", _("PIN of your IC card: "));
	return l->c->io->ask(l->c->io->arg, true, text, pin, l->deadline);
}

static enum err tell_wrong_pin(const struct login *l, int tries)
{
	char text[WIRE_TEXT_MAX];
	int usable = tries - (int)l->who.class_of->pin_keep;

	if (tries < 0)
		snprintf(text, sizeof(text), "%s", _("Wrong PIN."));
	else if (usable <= 0)
		snprintf(text, sizeof(text),
			 _("Wrong PIN. You can't try again here (%d left on the card). Ask the systems section."), tries);
	else
		snprintf(text, sizeof(text),
			 ngettext("Wrong PIN. You can try %d more time here (%d left on the card).",
				  "Wrong PIN. You can try %d more times here (%d left on the card).",
				  (unsigned long)usable), usable, tries);
	return l->c->io->tell(l->c->io->arg, true, text);
}

/* The row must hold the key it was enrolled with: its weakness was judged then, its identity is checked now. */
enum err login_card_pinned(const struct card_row *card, struct key_info *ret)
{
	enum err e = digest_sha256(card->spki, card->spki_len, ret->spki_sha256);

	if (e != ERR_OK)
		return e;
	if (memcmp(ret->spki_sha256, card->spki_sha256, sizeof(ret->spki_sha256)))
		return fail(ERR_STORE_CORRUPT, "card %s: its row does not hold the key it was enrolled with",
			    card->card_id.text);
	ret->algorithm = card->algorithm;
	ret->spki_len = card->spki_len;
	memcpy(ret->spki, card->spki, card->spki_len);
	return ERR_OK;
}

static enum err judge_answer(struct login *l, const struct card_answer *an, const struct challenge *ch)
{
	struct key_info key;
	enum err e;

	log_line(LOG_INFO, "card %s: %s (SW %04X)", l->card.card_id.text, err_name(an->result), an->sw);
	if (an->result == ERR_PIN_WRONG && tell_wrong_pin(l, an->tries) != ERR_OK)
		return ERR_CONVERSATION;
	if (an->result != ERR_OK)
		return an->result == ERR_DENIED ? ERR_CARD_FAILED : an->result;
	e = challenge_fresh(ch);
	if (e != ERR_OK)
		return e;
	e = login_card_pinned(&l->card, &key);
	if (e != ERR_OK)
		return e;
	e = key_verify(&key, ch->message, ch->len, an->signature, an->signature_len);
	if (e == ERR_DENIED)
		return fail(ERR_CARD_UNKNOWN, "card %s: the signature is not by the enrolled key", l->card.card_id.text);
	if (e == ERR_OK)
		l->proved = true;
	return e;
}

static enum err sign(struct login *l, const struct secret *pin)
{
	struct card_request rq = {
		.op = CARD_OP_SIGN, .handle = l->handle, .key_ref = (uint8_t)l->card.key_ref, .algorithm = l->card.algorithm,
		.floor = (uint8_t)l->who.class_of->pin_keep, .pin_mode = l->card.pin_proved ? CARD_PIN_BYTES : CARD_PIN_NONE,
	};
	struct card_answer an = { .result = ERR_CARD_FAILED };
	struct challenge ch;
	size_t len;
	enum err e = challenge_make(CHALLENGE_LOGIN, l->c->host_id, l->c->request->service, l->who.person.login, &ch);

	if (e == ERR_OK)
		e = key_signing_input(l->card.algorithm, ch.message, ch.len, rq.input, &len);
	if (e == ERR_OK && rq.pin_mode == CARD_PIN_BYTES)
		e = secret_set(&rq.pin, pin->bytes, pin->len);
	if (e == ERR_OK) {
		rq.input_len = (uint16_t)len;
		l->pin_tried = rq.pin_mode == CARD_PIN_BYTES;
		e = exchange(l, &rq, &an, CARD_EXCHANGE_MS);
	}
	secret_wipe(&rq.pin);
	return e == ERR_OK ? judge_answer(l, &an, &ch) : e;
}

enum err login_card_keep_kind(struct login *l)
{
	enum factor f = l->card.pin_proved ? FACTOR_CARD : FACTOR_CARD_NOPIN;
	size_t left = 0;

	for (size_t i = 0; i < l->who.class_of->n_alternatives; i++) {
		l->open[i] = l->open[i] && alternative_has(&l->who.class_of->alternatives[i], f);
		left += l->open[i];
	}
	return left ? ERR_OK : ERR_NO_FACTOR;
}

static bool wants_pin(const struct login *l)
{
	for (size_t i = 0; i < l->who.class_of->n_alternatives; i++)
		if (l->open[i] && alternative_has(&l->who.class_of->alternatives[i], FACTOR_CARD))
			return true;
	return false;
}

enum err login_card_prove(struct login *l)
{
	SECRET(pin);
	enum err e;

	if (l->face != FACE_KNOWN)
		return wants_pin(l) ? ask_pin(l, &pin) : ERR_OK;
	e = login_card_keep_kind(l);
	if (e == ERR_OK)
		e = check_tries(l);
	if (e != ERR_OK)
		return login_card_stop(l, e);
	if (l->card.pin_proved) {
		e = ask_pin(l, &pin);
		if (e == ERR_OK && !tidy_pin(&pin))
			e = ERR_PIN_FORMAT;
		if (e != ERR_OK)
			return e;
	}
	return sign(l, &pin);
}
