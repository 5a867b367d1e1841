/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in the files that sshd reads for the accounts of this machine. */
#ifndef CARDMFA_DOCTOR_KEYS_H
#define CARDMFA_DOCTOR_KEYS_H

#include "doctor.h"

struct doctor_keys {
	size_t n;
	struct doctor_keys_row {
		char login[STORE_LOGIN_MAX + 1];
		bool registered;
		unsigned cards, others;         /* keys of usable cards of this person; others */
	} *rows;                                /* accounts with some key, in order of name */
};

/*
 * patterns: AuthorizedKeysFile. The files are people's: regular ones alone, of bounded size, in a process of its own with a deadline, for
 * a home may be on a server that is away. ERR_TIMEOUT; nothing in *ret then.
 */
MUST_USE enum err doctor_keys_read(const struct doctor_facts *f, const char *patterns, struct doctor_keys *ret);
void doctor_keys_free(struct doctor_keys *k);

#endif
