/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/cardmfa/cardmfa.conf: read whole or refused whole; which class applies. Knows no store and no daemon. */
#ifndef CARDMFA_POLICY_H
#define CARDMFA_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define POLICY_NAME_SIZE 33
#define POLICY_CLASSES_MAX 64
#define POLICY_MACHINES_MAX 64          /* accounts in [machine] */
#define POLICY_WORDS_MAX 64             /* words in one list */
#define POLICY_ALTERNATIVES_MAX 8
#define POLICY_FACTORS_MAX 4            /* in one alternative */
#define POLICY_FILE_MAX 262144          /* bytes */
#define POLICY_SETTINGS_MAX 32          /* rows of the table of settings */
#define POLICY_VALUE_SIZE 8192          /* any value as it is written */
#define POLICY_SSH_FROM_MAX 16          /* networks in ssh-from */
#define POLICY_SSH_OPTIONS_SIZE 1024

enum factor { FACTOR_CARD = 1, FACTOR_CARD_NOPIN, FACTOR_TOTP, FACTOR_PASSWORD, FACTOR_SESSION };
enum factor_kind { KIND_KNOWLEDGE = 1, KIND_POSSESSION = 2, KIND_INHERENCE = 4 };     /* a set of bits */

const char *factor_name(enum factor f);         /* "card-nopin" */
enum factor factor_find(const char *name, size_t len);  /* by those bytes; 0: none of this version's */
unsigned factor_kinds(enum factor f);           /* what it proves; session: both, as each login does */

struct alternative {
	size_t n;
	enum factor factors[POLICY_FACTORS_MAX];        /* in the order of checking: card first */
};

/* "card,totp": as in the file. dst >= 129. */
const char *alternative_text(const struct alternative *a, char *dst, size_t size);
bool alternative_has(const struct alternative *a, enum factor f);
bool alternative_has_card(const struct alternative *a);         /* of either kind; it comes first */
unsigned alternative_kinds(const struct alternative *a);        /* all that it joins */

struct login_place {
	bool remote;
	bool ssh;               /* remote, by sshd itself */
	bool session;           /* in a login session whose grant proves something here */
};
/*
 * A login there may be asked for it. A remote one never uses the host's own reader: only over ssh does a card prove itself, by the key
 * that sshd has verified.
 */
bool alternative_offered(const struct alternative *a, struct login_place at);

enum policy_where { WHERE_ANY = 0, WHERE_LOCAL, WHERE_REMOTE };
/* The PIN of a card over ssh is asked for far away, by the card: does it count here? */
enum policy_ssh_card { SSH_CARD_PIN = 0, SSH_CARD_POSSESSION };
/* Who of this class switches to another account by su proves what: the other's factors, or their own. */
enum policy_su { SU_TARGET = 0, SU_CALLER };
/* What a session over ssh may do besides running programs, a set of bits; with all of them nothing is said to sshd. */
enum policy_ssh_allow {
	SSH_ALLOW_PTY = 1, SSH_ALLOW_PORT_FORWARDING = 2, SSH_ALLOW_AGENT_FORWARDING = 4, SSH_ALLOW_X11_FORWARDING = 8,
	SSH_ALLOW_USER_RC = 16, SSH_ALLOW_ALL = 32,
};
enum policy_language { LANGUAGE_AUTO = 0, LANGUAGE_JA, LANGUAGE_EN };

struct word_list {
	size_t n;
	char (*words)[POLICY_NAME_SIZE * 2];
};

bool word_list_has(const struct word_list *list, const char *word);     /* exactly this word */

struct policy_class {
	char name[POLICY_NAME_SIZE];            /* "default" for [default] */
	unsigned line;                          /* of its section header */
	struct word_list person, group, service;        /* n = 0: no condition */
	enum policy_where where;
	size_t n_from;
	struct policy_cidr { uint8_t family_bits /* 32, 128 */, prefix; uint8_t address[16]; } *from;
	size_t n_alternatives;
	struct alternative alternatives[POLICY_ALTERNATIVES_MAX];
	unsigned attempts;                      /* limit of failures per person and origin */
	int64_t lock_s;                         /* how long a full bucket refuses after its last failure */
	unsigned code_window;                   /* TOTP steps each way, 0..10 */
	unsigned card_wait_s;                   /* for a card to be inserted */
	unsigned login_time_s;                  /* whole authentication */
	unsigned pin_keep;                      /* tries of the card that are never used, 0..2 */
	enum policy_ssh_card ssh_card;
	enum policy_su su;
	int64_t reuse_s;                        /* how long what a login proved counts within its session */
	uint32_t ssh_allow;                     /* enum policy_ssh_allow; ALL stands alone */
	struct policy_networks {
		size_t n;                       /* 0: any */
		struct policy_cidr at[POLICY_SSH_FROM_MAX];
	} ssh_from;
	bool when_full;                         /* may log in when the store has no space */
	bool batch;                             /* cron and at jobs run */
	enum policy_language language;
};

struct settings {
	enum policy_language language;          /* for classes with auto */
	struct word_list local_services;        /* services at which a person can be in front of this machine */
	unsigned address_attempts;              /* per remote address across names */
	int64_t address_lock_s;
	uint32_t argon2_memory_kib, argon2_time;
	char keys_user[POLICY_NAME_SIZE];       /* sshd's AuthorizedKeysCommandUser */
	char issuer[129];                       /* shown by the TOTP app; default: the host's name */
};

/* A row of [machine]: an account that is no person's, and where it is let through without authentication. */
struct policy_machine {
	char login[POLICY_NAME_SIZE];
	struct word_list services;
	unsigned line;
};

struct policy {
	struct settings settings;
	size_t n_machines;
	struct policy_machine machines[POLICY_MACHINES_MAX];
	size_t n_classes;
	struct policy_class classes[POLICY_CLASSES_MAX];        /* order of the file; the last one is [default] */
	/* Where each setting was written: lines[0] for [settings], lines[1 + i] for class i; 0: it was not. */
	unsigned lines[1 + POLICY_CLASSES_MAX][POLICY_SETTINGS_MAX];
};

/*
 * Reads fd from offset 0 to its end (pread; at most POLICY_FILE_MAX bytes). `path` is for messages
 * only. ERR_CONFIG: fail() said "PATH:LINE: what is wrong and what to write instead", and nothing is returned. Refused: unknown or
 * misplaced keys, values out of range, forms that inih would cut; a class whose alternatives (as they can be offered where it applies) do not join two kinds.
 */
MUST_USE enum err policy_read(int fd, const char *path, struct policy **ret);
void policy_free(struct policy *p);

struct policy_facts {
	const char *login;              /* canonical name of the person */
	const char *service;
	bool remote;
	const char *address;            /* numeric address of the peer, "" if none or not numeric */
	const char *assigned_class;     /* from the store, "" none */
	const char *last_class;         /* from the store, "" none */
	/* Is the person in the group? ERR_OK: *ret says so. ERR_NOT_FOUND: no such group. Anything else: the source failed. */
	enum err (*in_group)(const char *group, bool *ret, void *arg);
	void *arg;
};

/*
 * The first class whose conditions all hold (and between keys, or between the words of one),
 * [default] at last: never NULL. assigned_class meets `person` and `group` of that class; one that
 * the file lacks is the caller's to refuse (policy_class_by_name). `from` needs a remote login with
 * a numeric address. *group_failed (always set): a group source that was needed failed. Then
 * `group` holds unless last_class stands below this class in the file: a failure never loosens.
 */
const struct policy_class *policy_select(
	const struct policy *p, const struct policy_facts *f, bool *group_failed);

/* The conditions of a class, a set of bits. */
enum policy_condition {
	CONDITION_SERVICE = 1, CONDITION_WHERE = 2, CONDITION_FROM = 4, CONDITION_PERSON = 8, CONDITION_GROUP = 16,
};

/* Those that the class has; and those of them that do not hold. None: it applies, if none before it does. */
unsigned policy_stated(const struct policy_class *c);
unsigned policy_unmet(const struct policy *p, const struct policy_class *c, const struct policy_facts *f,
	bool *group_failed);

/*
 * What to keep as last_class when *group_failed comes back false: the first class with `group`
 * whose `person` and `group` hold, whatever the service, place and address, else [default].
 * (policy_select's result of one service says nothing about another.)
 */
const struct policy_class *policy_class_of_person(
	const struct policy *p, const struct policy_facts *f, bool *group_failed);

/* [machine] names the service for this account, or it is systemd-user and the account is named for any. */
bool policy_machine_may(const struct policy *p, const char *login, const char *service);

/* The services of machines[i] with blanks between. Returns dst (size >= POLICY_VALUE_SIZE). */
const char *policy_machine_value(const struct policy *p, size_t i, char *dst, size_t size);

/* The class of that name; NULL if none. */
const struct policy_class *policy_class_by_name(const struct policy *p, const char *name);

/*
 * IPv4, IPv6 or v4-mapped (as IPv4) numeric address: no names, no zone, no DNS. Canonical text in
 * dst (size >= 65), "" for anything else and for NULL.
 */
const char *policy_address(const char *rhost, char *dst, size_t size);

/*
 * What stands before a key in a line of authorized_keys: of the class, and the end of the card's validity (-1: none). Numbers and words of
 * ours alone, "" if there is nothing to say. Returns dst (size >= POLICY_SSH_OPTIONS_SIZE).
 */
const char *policy_ssh_options(const struct policy_class *c, int64_t not_after, char *dst, size_t size);

/* One row per setting: for `config show`, the man page and its test. */
struct setting_doc {
	const char *section;            /* "settings" or "class" */
	const char *key;
	const char *value;              /* shape: "5min..1d" */
	const char *preset;
	const char *text;               /* English, one line */
};
const struct setting_doc *policy_settings_table(size_t *n);

/*
 * The value in use of row i of that table, as it would be written in the file ("" for a list or text without
 * any), c: the class, NULL in [settings]. *line: of the line it comes from, that of [default] for what a class
 * has from there, 0: the preset. Returns dst (size >= POLICY_VALUE_SIZE).
 */
const char *policy_value(const struct policy *p, const struct policy_class *c, size_t i, char *dst, size_t size,
	unsigned *line);

#endif
