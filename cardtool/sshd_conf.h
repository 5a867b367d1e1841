/* SPDX-License-Identifier: Apache-2.0 */
/* sshd's configuration as `sshd -T` prints it, for one login. */
#ifndef CARDMFA_SSHD_CONF_H
#define CARDMFA_SSHD_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define SSHD_VALUE_SIZE 1024

struct sshd_conf {
	bool use_pam, pubkey, kbd_interactive, password, user_environment;
	char methods[SSHD_VALUE_SIZE];          /* AuthenticationMethods: "any", or lists with blanks between */
	char keys_file[SSHD_VALUE_SIZE];        /* AuthorizedKeysFile: patterns with blanks between; "none" */
	char keys_command[SSHD_VALUE_SIZE];     /* "none" */
	char keys_user[SSHD_VALUE_SIZE];
	char root_login[SSHD_VALUE_SIZE];       /* "no", "yes", "without-password", "forced-commands-only" */
	unsigned max_tries, grace_s;            /* grace_s 0: no end */
};

/* False: something is missing that every sshd with PAM prints. */
MUST_USE bool sshd_conf_parse(const char *text, struct sshd_conf *ret);

/* What somebody goes through before sshd lets him in: a set of bits, each that some list of methods leads to. */
enum sshd_way {
	WAY_KEY_PAM = 1,        /* a key, then the questions of PAM */
	WAY_PAM = 2,            /* the questions of PAM alone */
	WAY_PASSWORD = 4,       /* PAM with one answer to whatever it asks */
	WAY_KEY = 8,            /* a key alone: PAM's auth is not asked */
	WAY_OTHER = 16,
};

unsigned sshd_conf_ways(const struct sshd_conf *c);

/*
 * sshd's program, "" if there is none. Asks it about this user from this numeric address (NULL, NULL: what holds without any Match).
 * ERR_NOT_FOUND: no sshd; ERR_CONFIG: it can't tell, err_detail() says why; ERR_TIMEOUT.
 */
const char *sshd_conf_program(void);
MUST_USE enum err sshd_conf_read(const char *user, const char *address, struct sshd_conf *ret);

/*
 * Words of all Match lines of the file and those that it includes, lower-case keyword included, one line each. Returns how many there
 * are; what does not fit into dst is left out.
 */
unsigned sshd_conf_matches(const char *path, char *dst, size_t size);

#endif
