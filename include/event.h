/* SPDX-License-Identifier: Apache-2.0 */
/* Names and fields of events, and the one way to record them: into the store, then the journal. */
#ifndef CARDMFA_EVENT_H
#define CARDMFA_EVENT_H

#include <stdint.h>

#include "error.h"
#include "store.h"

/* X(symbol, "name", syslog level on success, on failure, "English description") */
#define EVENT_LIST(X) \
	X(LOGIN,           "login",            5, 4, "authentication of a person ended") \
	X(ACCOUNT,         "account",          6, 4, "an account check was refused, or a grant redeemed") \
	X(SESSION_OPEN,    "session-open",     6, 4, "a session was opened") \
	X(SESSION_CLOSE,   "session-close",    6, 4, "a session was closed") \
	X(LOCKOUT,         "lockout",          4, 4, "a bucket of failures became full") \
	X(CARD_ENROL,      "card-enrol",       5, 4, "a card was enrolled") \
	X(CARD_SUSPEND,    "card-suspend",     5, 4, "a card was suspended") \
	X(CARD_RESUME,     "card-resume",      5, 4, "a suspended card was made active again") \
	X(CARD_REVOKE,     "card-revoke",      5, 4, "a card was revoked") \
	X(PERSON_ADD,      "person-add",       5, 4, "a person was registered") \
	X(PERSON_CHANGE,   "person-change",    5, 4, "a person's record was changed") \
	X(PERSON_REMOVE,   "person-remove",    5, 4, "a person was removed") \
	X(TOTP_ENROL,      "totp-enrol",       5, 4, "an app for codes was enrolled") \
	X(TOTP_REMOVE,     "totp-remove",      5, 4, "an app for codes was removed") \
	X(PASSWORD_SET,    "password-set",     5, 4, "a password was set") \
	X(UNLOCK,          "unlock",           5, 4, "failures of a person were cleared") \
	X(PIN_TRY,         "pin-try",          5, 4, "a PIN try was spent knowingly") \
	X(STORE_CREATED,   "store-created",    5, 3, "the store was created") \
	X(STORE_FULL,      "store-full",       1, 1, "space ran out and the reserve was given up") \
	X(CONFIG_BROKEN,   "config-broken",    1, 1, "the configuration is broken; the last good one is used") \
	X(CONFIG_LOADED,   "config-loaded",    5, 3, "a configuration was loaded") \
	X(PERSON_LOST,     "person-lost",      1, 1, "an enrolled person's row is missing")

enum event_type {
	EVENT_NONE = 0,
#define X(symbol, name, ok, bad, text) EVENT_##symbol,
	EVENT_LIST(X)
#undef X
	EVENT_N
};

struct event {
	enum event_type type;
	enum err result;
	const char *person;     /* login of a registered person; NULL: nobody. Unknown names are never recorded */
	const char *card;       /* card identifier; NULL */
	int64_t actor;          /* uid (for root the kernel's loginuid), -1: the system */
	const char *service, *origin, *address;         /* NULL: none. Untrusted ones are escaped here */
	/* Up to 8 more fields: names from a fixed vocabulary of the caller ([a-z_]), values escaped and cut to 200 bytes; without one it is left out. */
	struct event_field {
		const char *name, *value;
	} fields[8];
};

/* "card-revoke"; "unknown" for EVENT_NONE and other numbers. */
const char *event_name(enum event_type type);

/* Writes the row; needs a transaction of s. The caller commits, then calls event_publish. ERR_STORE…; ERR_INVALID for a field name not [a-z_]. */
MUST_USE enum err event_record(struct store *s, const struct event *e, int64_t *seq);

/*
 * Sends it to the journal with structured fields (CARDMFA_EVENT, CARDMFA_SEQ, CARDMFA_PERSON, CARDMFA_CARD, CARDMFA_RESULT,
 * CARDMFA_SERVICE, CARDMFA_ORIGIN, CARDMFA_ADDRESS …) and a line for readers of syslog. Never blocks long,
 * never fails: the store's row is the record.
 */
void event_publish(const struct event *e, int64_t seq);

/* begin, record, commit, publish: for events that stand alone. */
MUST_USE enum err event_alone(struct store *s, const struct event *e);

#endif
