/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verb is one file cmd_*.c that ends in its own row; cardtool.c is the loop over the rows. A
 * command's run() is called with everything in `needs` open and, save for NEED_ROOT_KEPT, as the
 * user cardmfa for good. It says its own failures and returns an exit code.
 */
#ifndef CARDMFA_CARDTOOL_H
#define CARDMFA_CARDTOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "keyring.h"
#include "options.h"
#include "policy.h"
#include "store.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,       /* or not found */
	EXIT_USAGE = 2,
	EXIT_SERVICE = 3,       /* store or service unavailable */
	EXIT_PARTLY = 4,        /* what was not done has been said */
};

enum need {
	NEED_STORE = 1,         /* tool.store */
	NEED_KEYS = 2,          /* tool.keyring */
	NEED_POLICY = 4,        /* tool.policy, refused when the configuration is broken */
	NEED_POLICY_MAYBE = 8,  /* tool.policy or NULL */
	NEED_CARD = 16,         /* tool.card_fd */
	NEED_ROOT_KEPT = 32,    /* stays root and opens nothing: init, doctor, try */
	NEED_STORE_MAYBE = 128, /* tool.store or NULL; tool.store_result says why */
	NEED_NOBODY = 64,       /* runs as whoever calls, opens nothing: config check, ssh-keys, status, tune */
};

struct tool {
	const struct command *command;
	struct arguments args;
	bool json;
	int64_t actor;          /* the kernel's loginuid of this process, -1: none */
	struct store *store;
	enum err store_result;
	struct keyring *keyring;
	struct policy *policy;
	int card_fd;
};

struct command {
	const char *name;       /* one or two words: "user add" */
	const char *usage;      /* "USER [--label TEXT]" */
	const char *brief;      /* marked with N_() */
	const char *example;    /* lines as typed; marked with N_() where it holds Japanese words */
	/* marked with N_(): said whenever run() did not do it, also when it was never called; NULL */
	const char *undone;
	const struct option_row *options;       /* ends with a NULL name; NULL: none but --help */
	size_t words_min, words_max;
	unsigned needs;
	enum exit_code (*run)(struct tool *t);
};

extern const struct command cmd_init, cmd_doctor, cmd_config_check, cmd_config_show;
extern const struct command cmd_user_add, cmd_user_list, cmd_user_show, cmd_user_change, cmd_user_remove;
extern const struct command cmd_enroll, cmd_list, cmd_show, cmd_suspend, cmd_resume, cmd_revoke;
extern const struct command cmd_totp_enroll, cmd_totp_remove, cmd_password_set;
extern const struct command cmd_unlock, cmd_log, cmd_pin_try, cmd_status, cmd_try, cmd_tune, cmd_ssh_keys;

#endif
