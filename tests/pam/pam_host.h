/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the PAM application of these tests. */
#ifndef CARDMFA_PAM_HOST_H
#define CARDMFA_PAM_HOST_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

extern FILE *host_out;

/* -- pam_host_state.c: what a call may not change in the process -- */

#define STATE_PARTS 12
#define STATE_TEXT 8192

struct state {
	char part[STATE_PARTS][STATE_TEXT];
};

void state_take(struct state *s, pam_handle_t *pamh);
/* Names of the parts that differ, with commas; "-" when none does. */
void state_differs(const struct state *a, const struct state *b, char *dst, size_t size);
/* Descriptors open now that were not in `before`: "FD:CLOEXEC" words. */
void state_new_fds(const struct state *before, char *dst, size_t size);
int state_fds(void);
long state_rss_kib(void);
/* How often the bytes stand in this process' memory. masked: hexadecimal of them, each xor TALK_MASK: they are never put together here. */
int state_scan(const char *masked);

/* -- pam_host_talk.c: the conversation -- */

#define TALK_MASK 0x5A
#define TALK_MAX 32

struct talk {
	char *words;                    /* our copy of what talk_say got */
	char *answers[TALK_MAX];
	int n, at, prompts;
	bool quiet, all;                /* all: text messages are answered too */
	pid_t child;                    /* forked in the middle of a call */
	const struct state *before;
	struct pam_response *kept;      /* what was left in the module's hands without being given */
};

/*
 * Answers for the prompts to come, with blanks between: t:TEXT, m:MASKEDHEX, long:N, empty, wait:MS:TEXT or wait:MS:m:MASKEDHEX,
 * fork:TEXT (both processes go on with TEXT), and what conversations get wrong: fail buf again (garbage in *resp), fail0, failarr,
 * null, nullresp. "all" first: text messages get the next answer too. None left: fail0.
 */
void talk_say(struct talk *t, const char *answers);
void talk_clear(struct talk *t);
int talk_converse(int n, const struct pam_message **msg, struct pam_response **resp, void *appdata);
/* Search for these bytes (as state_scan) whenever pam_probe speaks: "leftover N". "": no longer. */
void talk_watch(const char *masked);
/* Leaves a copy in the heap, to prove that state_scan finds it. */
void talk_plant(const char *masked);

#endif
