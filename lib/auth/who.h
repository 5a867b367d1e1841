/* SPDX-License-Identifier: Apache-2.0 */
/* Who is meant, from where, and which class applies: the first three steps of every call. */
#ifndef CARDMFA_WHO_H
#define CARDMFA_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "error.h"
#include "policy.h"
#include "store.h"

struct who {
	bool known;                     /* person is a registered one, not removed */
	struct person person;
	bool has_account;               /* the name exists in the system */
	int64_t uid, gid;               /* of that account */
	bool remote;
	char address[STORE_ADDRESS_SIZE];       /* of the peer: numeric, else what rhost said, escaped; "" none */
	char origin[STORE_ORIGIN_SIZE]; /* "local", "remote", "uid:N" */
	const struct policy_class *class_of;
};

/*
 * ERR_OK also for unknown names: they are given a class like anybody. Names of one uid are one person.
 * ERR_STORE… when the store can't tell; then nothing is assumed.
 */
MUST_USE enum err who_find(const struct auth_call *c, struct who *ret);

/* "local" or the address, for people and records. */
const char *who_from(const struct who *w);

#endif
