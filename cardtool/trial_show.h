/* SPDX-License-Identifier: Apache-2.0 */
/* A login that was tried, and what came of it. */
#ifndef CARDMFA_TRIAL_SHOW_H
#define CARDMFA_TRIAL_SHOW_H

#include "told.h"

#define TRIAL_ANSWERS_MAX 16

struct trial {
	struct tool *tool;
	struct wire_request request;
	struct told *before, *after;
	json_t *readers, *said;         /* with --json, else NULL */
	size_t n_answers;
	char questions[TRIAL_ANSWERS_MAX][WIRE_TEXT_MAX];
	bool given[TRIAL_ANSWERS_MAX];
	enum err auth, account, session;        /* what the daemon said */
	bool account_asked, session_asked;
	bool untried;
};

/*
 * Once, at the end. EXIT_DONE: all was allowed; EXIT_REFUSED; EXIT_PARTLY: untried, for only sshd can say whether a card is
 * proved.
 */
enum exit_code trial_show(const struct trial *y);

#endif
