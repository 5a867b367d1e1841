/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the doctor: doctor_*.c hold them, cmd_doctor.c is the table and the printing. A check
 * looks and changes nothing; each wait in it is bounded. It may find several things.
 */
#ifndef CARDMFA_DOCTOR_H
#define CARDMFA_DOCTOR_H

#include <stdbool.h>

#include <jansson.h>

#include "cardtool.h"
#include "error.h"
#include "policy.h"
#include "stack_judge.h"
#include "store.h"

enum doctor_level { DOCTOR_OK = 1, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR };

struct doctor;          /* what was found */

/* ---- saying what was found ---- */

/*
 * advice: what to do, NULL: nothing. Both translated by the caller, names from outside escaped by
 * the printer.
 */
void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* A failure with err_detail(), as an error. */
void doctor_fail(struct doctor *d, enum err e, const char *advice);

/* What --json adds to a finding, by stable names; NULL and 0: nothing. */
struct doctor_mark {
	const char *finding;            /* tells findings of one check apart */
	const char *service, *phase, *file, *person, *class_name;
	unsigned line;
	const char *detail;             /* as it stands in a file, not translated */
};

void doctor_find(struct doctor *d, enum doctor_level level, const struct doctor_mark *m, const char *advice,
		 const char *fmt, ...) PRINTF_LIKE(5, 6);

/* The list under this name in the output of --json, NULL for text. */
json_t *doctor_list(struct doctor *d, const char *name);

/* ---- who could change a file ---- */

/*
 * Each directory on the way to the file, what its links lead to, and the file itself are root's and not
 * writable by others, and no file of them is set-uid or set-gid. False: one is not; what is wrong was
 * said, once however many files share it. A file that is not there is no fault.
 */
bool doctor_trust(struct doctor *d, const char *path);

/* What was judged so far, by paths without links. */
struct doctor_judgements {
	size_t n;
	struct doctor_judged {
		char *path;
		bool good;
	} *rows;
};
struct doctor_judgements *doctor_judgements(struct doctor *d);
void doctor_judgements_free(struct doctor_judgements *j);

/*
 * The advice to run these commands, for a file that others could change. "", or a name that a shell would
 * take for more than a name (whoever can make files here may have made it): the advice to look at it.
 */
#define DOCTOR_ADVICE_SIZE 10240
void doctor_mend_text(char dst[DOCTOR_ADVICE_SIZE], const char *path, const char *commands);

/* Names, as many as may be shown: "taro, hanako and 302 more". */
struct doctor_names {
	size_t n, shown;
	char *text;
};
#define DOCTOR_NAMES(name) struct doctor_names name __attribute__((cleanup(doctor_names_free))) = { .n = 0 }
void doctor_names_add(const struct doctor *d, struct doctor_names *l, const char *name);
/* Valid as long as l is; "" without a name. */
const char *doctor_names_text(struct doctor_names *l);
void doctor_names_free(struct doctor_names *l);

/* ---- what several checks look at: read once, before them ---- */

enum linux_password { LINUX_UNKNOWN = 0, LINUX_NONE, LINUX_EMPTY, LINUX_SET };

#define DOCTOR_HOME_SIZE 256
#define DOCTOR_KEYS_MAX 4       /* cards of one person whose keys are compared with those in files */

/* A row of /etc/passwd and /etc/shadow. */
struct doctor_account {
	char name[STORE_LOGIN_MAX + 1];
	int64_t uid, gid;
	char home[DOCTOR_HOME_SIZE];    /* "": too long */
	enum linux_password password;
	bool can_work;                  /* its shell is one */
	bool registered;                /* a person has this login name */
};

struct doctor_person {
	struct person person;           /* never a removed one; of a stranger login and uid */
	bool registered;                /* false: a stranger */
	bool card, card_nopin;          /* one that can be used now */
	bool card_unusable;             /* some, but none of those */
	struct card_id suspended, expired;      /* one of those that can't be used, for this reason; "" none */
	int64_t card_until;             /* the latest end of one that can be used now; INT64_MAX: it has none; 0: no card */
	uint64_t keys[DOCTOR_KEYS_MAX]; /* authorized_keys_mark() of usable cards, 0: none */
	bool totp, password;
	int64_t account_uid;            /* of the account with this login name; -1: there is none */
	int64_t account_gid;
	enum linux_password linux_password;
};

struct doctor_service {
	struct pam_service pam;
	const struct host_service *host;
	struct stack_verdict verdict;
	bool named;                     /* by a class of the configuration */
	bool planned;                   /* not as it is: with the lines of README */
};

struct doctor_facts {
	struct policy *policy;          /* NULL: missing or broken */
	size_t n_services, n_plans, n_people, n_accounts, n_strangers;
	struct doctor_service *services;        /* in order of name */
	struct doctor_service *plans;           /* of those that people may be asked at, but are not yet; borrow from them */
	struct doctor_account *accounts;        /* in order of name */
	struct doctor_person *people;           /* in order of login */
	struct doctor_person *strangers;        /* accounts that work with a password and are nobody's who is registered */
	bool people_known;              /* false: the store could not be read */
	int64_t lookup_ms;              /* how long a look-up of an unknown name took; -1: it did not end, or failed */
};

const struct doctor_facts *doctor_facts(const struct doctor *d);
/* What can't be had is left out: the checks say why. */
void doctor_facts_read(struct doctor_facts *f);
void doctor_facts_free(struct doctor_facts *f);

/* NULL: not there. */
const struct doctor_service *doctor_facts_service(const struct doctor_facts *f, const char *name);
const struct doctor_service *doctor_facts_plan(const struct doctor_facts *f, const char *name);

/* Some service asks pam_cardmfa. */
bool doctor_facts_asked(const struct doctor_facts *f);

/* Where a class (NULL: [settings]) has this key, as PATH_CONF:LINE; else where its section begins, 0 of [settings]. */
unsigned doctor_facts_line(const struct doctor_facts *f, const struct policy_class *c, const char *key);

/* Of doctor_facts_read: accounts, people and strangers. f->policy may be NULL. */
void doctor_people_read(struct doctor_facts *f);

/* NULL: not there. */
const struct doctor_account *doctor_people_account(const struct doctor_facts *f, const char *name);
const struct doctor_person *doctor_people_person(const struct doctor_facts *f, const char *login);      /* a registered one */
/* This machine knows the name, from whatever source. */
bool doctor_people_is_account(const struct doctor_facts *f, const char *login);

/* Opening the store would give its reserve up: it must not be opened then. */
bool doctor_disk_is_full(void);

/* ---- checks ---- */

void doctor_daemon(struct doctor *d);
void doctor_readers(struct doctor *d);
void doctor_pcscd_socket(struct doctor *d);
void doctor_vpcd(struct doctor *d);

void doctor_units(struct doctor *d);

void doctor_users(struct doctor *d);
void doctor_paths(struct doctor *d);
void doctor_key_file(struct doctor *d);
void doctor_configuration(struct doctor *d);
void doctor_store(struct doctor *d);

void doctor_cards(struct doctor *d);

void doctor_clock(struct doctor *d);
void doctor_rescue(struct doctor *d);

void doctor_disk(struct doctor *d);
void doctor_nsswitch(struct doctor *d);
void doctor_accounts(struct doctor *d);

void doctor_sshd(struct doctor *d);
void doctor_machine(struct doctor *d);

void doctor_stacks(struct doctor *d);
void doctor_services(struct doctor *d);
void doctor_classes(struct doctor *d);

/* Of the check `classes`: screens that somebody locks and nobody opens. True: one was said. */
bool doctor_lockers(struct doctor *d);

void doctor_logins(struct doctor *d);

#endif
