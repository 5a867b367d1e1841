/* SPDX-License-Identifier: Apache-2.0 */
/* sudo's rules, as sudo's own cvtsudoers(1) gives them in JSON, all that they include in it. */
#ifndef CARDMFA_SUDOERS_H
#define CARDMFA_SUDOERS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* Options of some Defaults line, of whomever it is. */
struct sudoers_options {
	bool no_account;        /* !pam_acct_mgmt */
	bool no_session;        /* !pam_session */
	bool no_auth;           /* !authenticate */
	bool target;            /* targetpw, runaspw or rootpw: PAM is asked about whom they become */
	bool rhost;             /* pam_rhost */
	char service[65];       /* pam_service, "" as it is */
};

/* Who may run something without authentication: a name, or a group ("%wheel"). Aliases are replaced by what they hold. */
typedef void (*sudoers_cb)(const char *who, void *arg);

/* ERR_INVALID: no JSON of cvtsudoers. */
MUST_USE enum err sudoers_parse(const char *json, struct sudoers_options *ret, sudoers_cb cb, void *arg);

/* Of this machine. ERR_NOT_FOUND: no sudo, or none with cvtsudoers; ERR_CONFIG: its file is broken; ERR_TIMEOUT. */
MUST_USE enum err sudoers_read(struct sudoers_options *ret, sudoers_cb cb, void *arg);

#endif
