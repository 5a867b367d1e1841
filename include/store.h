/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows, not rules. One directory (0700, cardmfa) holds the database, a FIFO lock file and a reserve
 * file. The database, its -wal and its -shm keep about 1 MiB of blocks in hand: on a full disk some
 * thousand logins can still be written, whoever takes what becomes free.
 * Every row that is read is validated (lengths, enums, UTF-8, ids): a bad one is
 * ERR_STORE_CORRUPT, never a default. Errors of all functions: ERR_STORE, ERR_STORE_FULL,
 * ERR_STORE_CORRUPT, ERR_STORE_VERSION, ERR_TIMEOUT (lock), ERR_MEMORY, and those named. *ret is
 * untouched on failure. Optional text: "" in the struct is NULL in the row. Optional numbers: -1.
 * Written values are checked like read ones: ERR_INVALID; a row that refers to a missing person, card
 * or grant: ERR_NOT_FOUND. After ERR_STORE..ERR_TIMEOUT, ERR_MEMORY the transaction is over and can't be
 * committed; after the others it goes on without that row. Callbacks must not write: collect, then act.
 * A process of uid 0 must not open the store: ERR_NOT_ALLOWED (-wal and -shm files would become root's).
 */
#ifndef CARDMFA_STORE_H
#define CARDMFA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "card_id.h"
#include "clock.h"
#include "error.h"
#include "key_algorithm.h"

#define STORE_LOGIN_MAX 32
#define STORE_LABEL_MAX 64      /* characters */
#define STORE_LABEL_SIZE (4 * STORE_LABEL_MAX + 1)
#define STORE_NAME_SIZE 33      /* class, staff number: 32 ASCII bytes */
#define STORE_SERVICE_SIZE 65
#define STORE_ORIGIN_SIZE 81
#define STORE_ADDRESS_SIZE 65
#define STORE_SEALED_MAX 128
#define STORE_HASH_SIZE 513
#define STORE_KEY_ID_SIZE 17    /* id of a key in the store key file: 1..16 of [a-z0-9] */
#define STORE_DETAIL_SIZE 2049

struct store;

enum store_mode {
	STORE_USE,              /* must exist, right schema version */
	STORE_CREATE,           /* cardtool init: must not exist */
	STORE_LOOK,             /* as STORE_USE, for who only reads: no reserve given up, no room made, no row written */
};

/*
 * dir: absolute path of the store's directory. Checked: no symlinks, owner is our euid, 0700;
 * files 0600; not on a network file system. Each transaction waits at most lock_ms for its turn in the
 * writers' queue, and lock_ms more for a stranger in the database (sqlite3, a backup).
 */
MUST_USE enum err store_open(const char *dir, enum store_mode mode, int lock_ms, struct store **ret);
void store_close(struct store *s);      /* NULL is allowed; rolls back */

/* PRAGMA integrity_check and foreign_key_check, plus validation of every row. ERR_STORE_CORRUPT says the first fault. */
MUST_USE enum err store_check(struct store *s);

/*
 * One write transaction: FIFO lock, BEGIN IMMEDIATE. Not nestable. Every function below that writes
 * needs one (ERR_STORE otherwise); reading works with or without. commit is durable when it
 * returns ERR_OK; on any failure the transaction is rolled back.
 */
MUST_USE enum err store_begin(struct store *s);
MUST_USE enum err store_commit(struct store *s);
void store_rollback(struct store *s);   /* no-op without a transaction */

/*
 * The same around body: committed when it returns ERR_OK, else rolled back, and what it returned is the answer.
 * by_reserve: where space ran out on the way, and the reserve was given up for it, all is done once more. Without it: ERR_STORE_FULL
 * then, and before anything is begun where the reserve is given up already.
 * body reads and writes rows; it must not begin, commit or roll back, nor do what can't be undone (publish, ask, tell). It may be called
 * twice: it sets anew what it hands out through arg, and that counts only after ERR_OK.
 */
typedef enum err (*store_body)(struct store *s, void *arg);
MUST_USE enum err store_transaction(struct store *s, bool by_reserve, store_body body, void *arg);

/*
 * True once space ran out in this process and the reserve file was given up; the caller lets only
 * `when-full` classes in. The call that met it returned ERR_STORE_FULL and ended the transaction: do it
 * once more. An open on an almost full disk gives the reserve up by itself and succeeds.
 */
bool store_reserve_used(const struct store *s);
/* True when the reserve file lacks (an earlier process gave it up). Re-made by store_reserve_make when space allows. */
bool store_reserve_missing(const struct store *s);
MUST_USE enum err store_reserve_make(struct store *s);

/* -- meta: "host_id" (32 hex digits) and "created" exist from STORE_CREATE on -- */
MUST_USE enum err store_meta_get(struct store *s, const char *key, char *dst, size_t size);   /* ERR_NOT_FOUND */

/* -- people -- */
enum person_state { PERSON_ACTIVE = 1, PERSON_LOCKED, PERSON_REMOVED };

struct person {
	int64_t id;
	char login[STORE_LOGIN_MAX + 1];
	int64_t uid;
	char staff_number[STORE_NAME_SIZE];
	char name[STORE_LABEL_SIZE];
	char section[STORE_LABEL_SIZE];
	enum person_state state;
	char class_name[STORE_NAME_SIZE];
	char last_class[STORE_NAME_SIZE];
	char language[3];
	int64_t created_at, changed_at;
};

/* "active", "locked", "removed"; "" for an unknown number. */
const char *person_state_name(enum person_state state);

/* id, created_at and changed_at are set here. ERR_EXISTS: login, uid or staff number is in use. */
MUST_USE enum err store_person_add(struct store *s, struct person *p);
/* Everything but id and created_at; ERR_NOT_FOUND, ERR_EXISTS. */
MUST_USE enum err store_person_update(struct store *s, struct person *p);
/* People not removed. ERR_NOT_FOUND. */
MUST_USE enum err store_person_by_login(struct store *s, const char *login, struct person *ret);
MUST_USE enum err store_person_by_uid(struct store *s, int64_t uid, struct person *ret);
MUST_USE enum err store_person_by_staff_number(struct store *s, const char *number, struct person *ret);
MUST_USE enum err store_person_by_id(struct store *s, int64_t id, struct person *ret);   /* removed ones too */
/* In order of login, removed ones last when wanted; cb returns ERR_OK to go on, anything else ends and is returned. */
typedef enum err (*store_person_cb)(const struct person *p, void *arg);
MUST_USE enum err store_person_each(struct store *s, bool with_removed, store_person_cb cb, void *arg);
/* Only last_class; no event, no changed_at. */
MUST_USE enum err store_person_set_last_class(struct store *s, int64_t id, const char *class_name);

/* -- cards -- */
enum card_state {
	CARD_ISSUED = 1, CARD_ACTIVE, CARD_SUSPENDED, CARD_REVOKED, CARD_FOUND, CARD_COLLECTED, CARD_DESTROYED
};
enum card_reason {
	REASON_NONE = 0, REASON_LOST, REASON_STOLEN, REASON_DAMAGED, REASON_DEFRAUDED, REASON_REPLACED,
	REASON_RETIRED, REASON_TRANSFERRED
};

struct card_row {
	int64_t id;
	struct card_id card_id;
	int64_t person;
	char label[STORE_LABEL_SIZE];
	unsigned key_ref;               /* 0x9A */
	enum key_algorithm algorithm;
	size_t spki_len;
	unsigned char spki[KEY_SPKI_MAX];
	unsigned char spki_sha256[32];
	bool has_guid;
	unsigned char guid[16];
	bool pin_proved;
	enum card_state state;
	enum card_reason reason;
	int64_t not_after;              /* -1: none */
	int64_t enrolled_at, changed_at;
	int64_t revoked_at, reported_at, last_used_at;  /* -1: none */
	char reported_by[2 * STORE_LABEL_SIZE];
};

/* "issued" … "destroyed"; "" for an unknown number. */
const char *card_state_name(enum card_state state);
const char *card_reason_name(enum card_reason reason);          /* "" for REASON_NONE */
enum card_reason card_reason_from_name(const char *name);       /* REASON_NONE when unknown */
const char *key_algorithm_name(enum key_algorithm algorithm);   /* "rsa2048" */

/* id is set here. spki: a whole DER SEQUENCE. ERR_EXISTS: card_id or key is in the store already. */
MUST_USE enum err store_card_add(struct store *s, struct card_row *c);
MUST_USE enum err store_card_by_card_id(struct store *s, const struct card_id *id, struct card_row *ret);
MUST_USE enum err store_card_by_spki(struct store *s, const unsigned char sha256[32], struct card_row *ret);
MUST_USE enum err store_card_by_id(struct store *s, int64_t id, struct card_row *ret);
typedef enum err (*store_card_cb)(const struct card_row *c, void *arg);
/* person 0: all. In order of enrolment. */
MUST_USE enum err store_card_each(struct store *s, int64_t person, store_card_cb cb, void *arg);
/*
 * Cards that were good and are not now: suspended or revoked, whatever came after that; past not_after at `now`; of people who are locked
 * or removed. Those with an id above `after`, at most `max` of them, by id.
 */
MUST_USE enum err store_card_each_stopped(struct store *s, int64_t after, int64_t now, int64_t max, store_card_cb cb, void *arg);
/*
 * state, reason, revoked_at, reported_at, reported_by, changed_at of the row c->id, only if the
 * stored state still is `from`: ERR_BAD_STATE otherwise. Which steps are allowed is lifecycle.c's, but
 * what was revoked never becomes issued, active or suspended: ERR_BAD_STATE. revoked_at is set from
 * CARD_REVOKED on and -1 before.
 */
MUST_USE enum err store_card_set_state(struct store *s, const struct card_row *c, enum card_state from);
MUST_USE enum err store_card_used(struct store *s, int64_t id, int64_t at);

/* -- factors -- */
enum totp_algorithm { TOTP_SHA1 = 1, TOTP_SHA256, TOTP_SHA512 };

struct totp_row {
	int64_t person;
	char key_id[STORE_KEY_ID_SIZE];
	size_t sealed_len;
	unsigned char sealed[STORE_SEALED_MAX];
	enum totp_algorithm algorithm;
	unsigned digits, period;
	int64_t last_step;
	int64_t created_at;
};
/* ERR_NOT_FOUND: no app is enrolled. */
MUST_USE enum err store_totp_get(struct store *s, int64_t person, struct totp_row *ret);
MUST_USE enum err store_totp_put(struct store *s, const struct totp_row *t);            /* replaces */
MUST_USE enum err store_totp_remove(struct store *s, int64_t person);                   /* ERR_NOT_FOUND */
/* Accepts step only if it is above last_step, and keeps it: ERR_CODE_REPLAYED otherwise. */
MUST_USE enum err store_totp_consume(struct store *s, int64_t person, int64_t step);

struct password_row {
	int64_t person;
	char key_id[STORE_KEY_ID_SIZE];
	char hash[STORE_HASH_SIZE];
	int64_t set_at;
};
/* ERR_NOT_FOUND: none is set. */
MUST_USE enum err store_password_get(struct store *s, int64_t person, struct password_row *ret);
/* Replaces. */
MUST_USE enum err store_password_put(struct store *s, const struct password_row *p);
/* ERR_NOT_FOUND. */
MUST_USE enum err store_password_remove(struct store *s, int64_t person);

/* -- counting (rules: lockout.c) -- */
struct bucket_row {
	int64_t person;                 /* 0: an address across names */
	char origin[STORE_ORIGIN_SIZE];
	int64_t failed;
	struct moment last;
};
/* ERR_OK with failed = 0 when there is no row. */
MUST_USE enum err store_bucket_get(struct store *s, int64_t person, const char *origin, struct bucket_row *ret);
MUST_USE enum err store_bucket_put(struct store *s, const struct bucket_row *b);        /* failed 0 deletes the row */
/* Every bucket of a person (cardtool unlock, show). */
typedef enum err (*store_bucket_cb)(const struct bucket_row *b, void *arg);
MUST_USE enum err store_bucket_each(struct store *s, int64_t person, store_bucket_cb cb, void *arg);
/* Keeps at most `keep` address buckets (person 0), the latest. */
MUST_USE enum err store_bucket_prune(struct store *s, int64_t keep);

struct try_row {
	int64_t id;
	int64_t person;
	char origin[STORE_ORIGIN_SIZE];
	char address[STORE_ADDRESS_SIZE];
	int64_t pid, start;
	struct moment at;
};
MUST_USE enum err store_try_add(struct store *s, struct try_row *t);                    /* sets id */
MUST_USE enum err store_try_remove(struct store *s, int64_t id);                        /* ERR_NOT_FOUND: another judged it dead */
typedef enum err (*store_try_cb)(const struct try_row *t, void *arg);
/* Those of one bucket; origin NULL: all of all. */
MUST_USE enum err store_try_each(struct store *s, int64_t person, const char *origin, store_try_cb cb, void *arg);

struct login_stat {
	int64_t person;
	int64_t last_at;                /* -1: never */
	char last_from[STORE_ADDRESS_SIZE];
	int64_t failures;
	int64_t failure_at;             /* -1 */
	char failure_from[STORE_ADDRESS_SIZE];
};
/* All "none" when there is no row. */
MUST_USE enum err store_login_stat_get(struct store *s, int64_t person, struct login_stat *ret);
MUST_USE enum err store_login_stat_put(struct store *s, const struct login_stat *st);
/* One more failure of nobody in particular in this origin and minute; keeps the newest 10,000 rows. */
MUST_USE enum err store_unproved_add(struct store *s, const char *origin, const char *address, int64_t real_s);

/* -- grants and sessions -- */
struct grant_row {
	int64_t id;
	int64_t person;
	int64_t card;                   /* -1: none */
	char factors[129];              /* "card,totp" in the policy's words */
	char class_name[STORE_NAME_SIZE];
	char service[STORE_SERVICE_SIZE];
	char origin[STORE_ORIGIN_SIZE];
	int64_t uid;
	struct moment at;
	int64_t audit_session;          /* 4294967295: none */
	char logind_session[65];
	int64_t host_pid, host_start;
	int64_t parent_pid, parent_start;       /* of the host: sshd opens the session there. 0: unknown */
	bool through_root;              /* the host connected as uid 0: never redeemed by the other kind */
	bool withdrawn;                 /* its host asked anew since: worth nothing */
	int64_t used_at;                /* -1 */
};
MUST_USE enum err store_grant_add(struct store *s, struct grant_row *g);                /* sets id */
/* The newest of this host process in this boot for this person and service; of_child: or of a child of it. ERR_NOT_FOUND. */
MUST_USE enum err store_grant_of_host(struct store *s, const char *boot_id, int64_t pid, int64_t start, int64_t person,
				      const char *service, bool through_root, bool of_child, struct grant_row *ret);
MUST_USE enum err store_grant_by_id(struct store *s, int64_t id, struct grant_row *ret);
typedef enum err (*store_grant_cb)(const struct grant_row *g, void *arg);
/* Those that were made inside this session of logind, in this boot, for this person, with an id above `after`: the newest 64, newest first. */
MUST_USE enum err store_grant_each_inside(struct store *s, const char *boot_id, const char *logind_session, int64_t person,
					  int64_t after, store_grant_cb cb, void *arg);
MUST_USE enum err store_grant_used(struct store *s, int64_t id, int64_t at);
MUST_USE enum err store_grant_withdraw(struct store *s, int64_t id);

enum session_state { SESSION_PENDING = 1, SESSION_OPEN, SESSION_CLOSED };

struct session_row {
	int64_t id;
	int64_t person;
	int64_t card, grant;            /* -1: none */
	char service[STORE_SERVICE_SIZE];
	char tty[65];
	char address[STORE_ADDRESS_SIZE];
	struct moment at;
	int64_t host_pid, host_start;
	char logind_session[65];
	enum session_state state;
	int64_t closed_at;
};
MUST_USE enum err store_session_add(struct store *s, struct session_row *r);            /* sets id */
/* The newest one not closed of this host process in this boot. ERR_NOT_FOUND. */
MUST_USE enum err store_session_of_host(struct store *s, const char *boot_id, int64_t pid, int64_t start,
					int64_t person, struct session_row *ret);
/* The newest of this service that became this session of logind in this boot, closed or not. ERR_NOT_FOUND. */
MUST_USE enum err store_session_of_logind(struct store *s, const char *boot_id, const char *logind_session,
					  const char *service, struct session_row *ret);
/* state, logind_session, closed_at (-1 unless closed). */
MUST_USE enum err store_session_update(struct store *s, const struct session_row *r);
typedef enum err (*store_session_cb)(const struct session_row *r, void *arg);
/* Those not closed; person 0: of all. */
MUST_USE enum err store_session_each(struct store *s, int64_t person, store_session_cb cb, void *arg);

/* -- events (names and fields: event.h) -- */
struct event_row {
	int64_t seq;
	int64_t at;
	char type[49];
	char result[33];
	char person[STORE_LOGIN_MAX + 1];
	char card[CARD_ID_LEN + 1];
	int64_t actor;                  /* -1: the system */
	char service[STORE_SERVICE_SIZE];
	char origin[STORE_ORIGIN_SIZE];
	char address[STORE_ADDRESS_SIZE];
	char detail[STORE_DETAIL_SIZE]; /* a JSON object, UTF-8 */
};
MUST_USE enum err store_event_add(struct store *s, struct event_row *e);                /* sets seq */
struct event_filter {
	const char *person, *card, *type;       /* NULL: every */
	int64_t since, until;                   /* UTC seconds; 0: no bound */
	bool failed;                            /* only results other than OK */
	int64_t last;                           /* only the newest N; 0: all */
	int64_t from, to;                       /* sequence numbers, both included; 0: no bound */
	int64_t first;                          /* only the oldest N; 0: all. Not beside last */
};
typedef enum err (*store_event_cb)(const struct event_row *e, void *arg);
MUST_USE enum err store_event_each(struct store *s, const struct event_filter *f, store_event_cb cb, void *arg); /* oldest first */
/*
 * Sequence numbers of the oldest and the newest event that the filter gives; 0: it gives none. Between these a long list is read in pieces
 * (from, to, first), so that nothing stays open while each of them is shown.
 */
MUST_USE enum err store_event_ends(struct store *s, const struct event_filter *f, int64_t *from, int64_t *to);

/* -- groups that once resolved -- */
MUST_USE enum err store_group_known(struct store *s, const char *name, bool *ret);
MUST_USE enum err store_group_add(struct store *s, const char *name);

#endif
