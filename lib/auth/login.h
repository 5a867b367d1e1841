/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one authentication. Shared by login*.c only. */
#ifndef CARDMFA_LOGIN_H
#define CARDMFA_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "key.h"
#include "lockout.h"
#include "proved.h"
#include "who.h"

enum login_face {
	FACE_NONE,              /* no card was looked for, or none is there */
	FACE_STRANGER,          /* a card that is no active card of this person: one face for all such */
	FACE_KNOWN,             /* recognised: not yet proved */
};

struct login_answer {
	enum factor factor;
	bool judged, wrong;     /* a verifier came to a verdict on it; to this one */
	struct secret text;
};

struct login {
	const struct auth_call *c;
	struct who who;
	int64_t deadline;
	bool open[POLICY_ALTERNATIVES_MAX];     /* alternatives of the class that still can be completed */
	enum login_face face;
	struct card_row card;   /* FACE_KNOWN */
	enum err stale;         /* FACE_STRANGER: a card this person had is no longer good (ERR_REVOKED, ...), ERR_OK: none such */
	struct card_id stale_card;
	uint8_t handle;
	int tries;
	bool proved;            /* the card signed, after its PIN where it has one */
	bool pin_tried;         /* the card's counter was touched */
	size_t n_answers;
	struct login_answer answers[POLICY_FACTORS_MAX];
	size_t chosen;          /* the alternative the answers belong to */
	char factors[137];      /* of a success, as grant and log name them */
	bool in_session;        /* proved: what the login of this session proved; card is its card's row, if it has one */
	struct proved session;
	bool hopeless;          /* nothing can be completed here: asked all the same, refused all the same */
	bool verified;          /* a verifier ran */
	bool renew;             /* password holds a fresh hash of the right password: put with the verdict */
	struct password_row password;
	struct lockout_ticket ticket;
	struct lockout_limits limits;
};

/* login_card.c: finds a card of this person; sets face, card, handle, tries. ERR_NO_CARD, ERR_PCSC, ERR_TIMEOUT… */
MUST_USE enum err login_card_find(struct login *l, bool required);
/* login_card.c: asks for the PIN and lets the card prove itself: l->proved. Tells the holder what the card tells. A stranger's PIN is asked for and dropped. */
MUST_USE enum err login_card_prove(struct login *l);

/*
 * login_card.c: the holder of a recognised card hears what stands in the way of asking for the PIN: a text, or where the host shows
 * none a prompt whose answer is dropped. ERR_CONVERSATION…
 */
MUST_USE enum err login_card_tell_holder(const struct login *l, const char *text);
/* login_card.c: he is refused before that. The refusal itself is told at the end, if at all: a host that shows no texts asks him to confirm it here. Returns `why`, or ERR_CONVERSATION… */
MUST_USE enum err login_card_stop(const struct login *l, enum err why);
/*
 * login_card.c: the card's kind must be what an open alternative asks (a key that signs without PIN is no `card`). ERR_NO_FACTOR: none is left open.
 */
MUST_USE enum err login_card_keep_kind(struct login *l);
/* login_card.c: the key that a row was enrolled with, if it still holds it. ERR_STORE_CORRUPT. */
MUST_USE enum err login_card_pinned(const struct card_row *card, struct key_info *ret);
/* login_session.c: what the login of this session proved: in_session, session, card. Nothing of it: ERR_OK, and in_session is false. */
MUST_USE enum err login_session_find(struct login *l);
/* login_session.c: in the verdict's transaction: it stands as it did. */
MUST_USE enum err login_session_again(const struct login *l);
/* The one who answers is known by a card, or by the login of the session. */
bool login_is_proved(const struct login *l);
/* What a grant falls with, -1: nothing. */
int64_t login_card_of(const struct login *l);
/* login_ssh.c: the card of this person whose key sshd has verified: face, card, and it is proved. */
MUST_USE enum err login_ssh_find(struct login *l);

/* login_answer.c: asks for what the open alternatives still need. */
MUST_USE enum err login_answer_collect(struct login *l);
/* login_answer.c: counts, then verifies all of them (dummies for who can't succeed). ERR_OK only if every one is right. */
MUST_USE enum err login_answer_check(struct login *l);

/* login_end.c: verdict, grant, counter and record in one transaction that reads person and card again. */
MUST_USE enum err login_end_grant(struct login *l);
/* login_end.c: the failure is counted and recorded. Returns `why`, or what kept it from being recorded. */
MUST_USE enum err login_end_refuse(struct login *l, enum err why);

MUST_USE enum err login_run(const struct auth_call *c, struct wire_result *ret);

#endif
