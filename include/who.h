/* SPDX-License-Identifier: Apache-2.0 */
/* Who is meant, from where, and which class applies: the first three steps of every call. */
#ifndef CARDMFA_WHO_H
#define CARDMFA_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "error.h"
#include "lockout.h"
#include "policy.h"
#include "store.h"

struct who {
	bool known;                     /* person is a registered one, not removed */
	struct person person;
	char login[STORE_LOGIN_MAX * 8 + 1];    /* that name as the system writes it, else as it was asked for */
	bool has_account;               /* the name exists in the system */
	bool caller;                    /* judged in the place of the one asked for */
	int64_t uid, gid;               /* of that account */
	bool remote, ssh;               /* ssh: remote, by sshd itself */
	char address[STORE_ADDRESS_SIZE];       /* of the peer: numeric, else what rhost said, escaped; "" none */
	char origin[STORE_ORIGIN_SIZE]; /* "local", "remote", "uid:N" */
	const struct policy_class *class_of;
};

/*
 * ERR_OK also for unknown names: they are given a class like anybody. Names of one uid are one person. The one asked for is PAM_USER, save
 * for sudo's session, which is its caller's, and for su where the class of its caller says so: the caller is the host's real uid.
 * ERR_STORE… when the store can't tell, ERR_UNAVAILABLE when the source of accounts can't; then nothing is assumed. What was learnt
 * of groups and classes is kept in the store, save for operations that only tell (auth.h), which change nothing.
 */
MUST_USE enum err who_find(const struct auth_call *c, struct who *ret);

/* The registered person of a uid, known or not; has_account and groups where the name still has that uid. No place and no class; nothing is written. */
MUST_USE enum err who_of_uid(const struct auth_call *c, int64_t uid, struct who *ret);

/*
 * *ret: until when this origin of a known person refuses, -1: it does not. The limits are those of the class in w, where what is asked about
 * counts in this origin; else of the class that a login at the console gets, over the network that of ssh: a service with a class of its own
 * may count otherwise.
 */
MUST_USE enum err who_locked_until(const struct auth_call *c, const struct who *w, const char *origin, int64_t *ret);

/* The store has given up its reserve, and this one's class is none that goes on then. */
bool who_has_no_space(const struct auth_call *c, const struct who *w);

/* Which conditions of a class do not hold in this call (policy_unmet). w is of who_find. Nothing is written. */
unsigned who_unmet(const struct auth_call *c, const struct who *w, const struct policy_class *k);

/* The limits of a class, for the counters of lockout.h. */
struct lockout_limits who_limits(const struct policy *p, const struct policy_class *k);

/* Whom the one who is judged becomes, where that is another (sudo, su); NULL. For records. */
const char *who_target(const struct auth_call *c, const struct who *w);

/* "local" or the address, for people and records. */
const char *who_from(const struct who *w);

#endif
