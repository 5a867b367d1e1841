/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_host.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *volatile planted;
static char watched[2 * 64 + 1];

void talk_say(struct talk *t, const char *answers)
{
	char *save = NULL;

	t->words = strdup(answers);
	if (!t->words)
		abort();
	t->n = t->at = 0;
	t->all = false;
	for (char *w = strtok_r(t->words, " ", &save); w && t->n < TALK_MAX; w = strtok_r(NULL, " ", &save))
		if (!strcmp(w, "all"))
			t->all = true;
		else
			t->answers[t->n++] = w;
}

void talk_clear(struct talk *t)
{
	free(t->words);
	free(t->kept);
	t->words = NULL;
	t->kept = NULL;
	t->n = t->at = 0;
}

/* Straight into the memory that is handed over. */
static char *unmask(const char *masked)
{
	size_t len = strlen(masked) / 2;
	char *text = malloc(len + 1);

	for (size_t i = 0; text && i < len; i++) {
		const char pair[3] = { masked[2 * i], masked[2 * i + 1], '\0' };

		text[i] = (char)(strtoul(pair, NULL, 16) ^ TALK_MASK);
	}
	if (text)
		text[len] = '\0';
	return text;
}

void talk_plant(const char *masked)
{
	planted = unmask(masked);
}

void talk_watch(const char *masked)
{
	snprintf(watched, sizeof(watched), "%s", masked);
}

static char *text_of(struct talk *t, const char *answer)
{
	const char *colon = strchr(answer, ':');

	if (!strncmp(answer, "m:", 2))
		return unmask(answer + 2);
	if (!strncmp(answer, "long:", 5)) {
		size_t n = strtoul(answer + 5, NULL, 10);
		char *text = malloc(n + 1);

		if (text)
			memset(text, 'x', n), text[n] = '\0';
		return text;
	}
	if (!strncmp(answer, "wait:", 5)) {
		long ms = atol(answer + 5);
		struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

		while (nanosleep(&left, &left) && errno == EINTR)
			;
		colon = strchr(answer + 5, ':');
		if (colon && !strncmp(colon + 1, "m:", 2))
			return unmask(colon + 3);
	}
	if (!strncmp(answer, "fork:", 5)) {
		fflush(host_out);
		t->child = fork();
	}
	return strdup(colon ? colon + 1 : "");
}

/* What a conversation can get wrong. False: it is an ordinary answer. */
static bool misbehave(struct talk *t, const char *answer, struct pam_response **resp, int *rc)
{
	static const struct {
		const char *name;
		int rc;
		enum { UNTOUCHED, GARBAGE, EMPTY_ARRAY, NOTHING, KEPT_ARRAY } resp;
	} table[] = {
		{ "fail", PAM_CONV_ERR, GARBAGE }, { "buf", PAM_BUF_ERR, GARBAGE }, { "again", PAM_CONV_AGAIN, GARBAGE },
		{ "fail0", PAM_CONV_ERR, UNTOUCHED }, { "failarr", PAM_CONV_ERR, KEPT_ARRAY },
		{ "null", PAM_SUCCESS, NOTHING }, { "nullresp", PAM_SUCCESS, EMPTY_ARRAY },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].name, answer))
			continue;
		*rc = table[i].rc;
		if (table[i].resp == GARBAGE)
			*resp = (struct pam_response *)(uintptr_t)0xDEAD1000; /* not mapped */
		else if (table[i].resp == NOTHING)
			*resp = NULL;
		else if (table[i].resp != UNTOUCHED)
			*resp = calloc(1, sizeof(**resp));
		if (table[i].resp == KEPT_ARRAY)
			t->kept = *resp;
		return true;
	}
	return false;
}

static void show(const struct talk *t, const struct pam_message *m)
{
	char fds[256];

	if (t->quiet)
		return;
	fprintf(host_out, "msg %d ", m->msg_style);
	for (const unsigned char *p = (const unsigned char *)m->msg; *p; p++)
		fprintf(host_out, *p < 32 || *p == 127 ? "\\x%02X" : "%c", *p);
	fputc('\n', host_out);
	/* The module before the probe has just returned: its part of the stack is as it left it. */
	if (watched[0] && !strncmp(m->msg, "probe authtok", 13))
		fprintf(host_out, "leftover %d\n", state_scan(watched));
	if (t->before) {
		state_new_fds(t->before, fds, sizeof(fds));
		fprintf(host_out, "inside %s\n", fds);
	}
	fflush(host_out);
}

int talk_converse(int n, const struct pam_message **msg, struct pam_response **resp, void *appdata)
{
	struct talk *t = appdata;
	const bool prompt = msg[0]->msg_style == PAM_PROMPT_ECHO_OFF || msg[0]->msg_style == PAM_PROMPT_ECHO_ON;
	struct pam_response *r;
	int rc;

	if (n != 1)
		return PAM_CONV_ERR;
	show(t, msg[0]);
	t->prompts += prompt;
	/* As some hosts do: nothing was asked, *resp stays as it came. */
	if (!prompt && !t->all)
		return PAM_SUCCESS;
	if (t->at == t->n)
		return PAM_CONV_ERR;
	if (misbehave(t, t->answers[t->at], resp, &rc)) {
		t->at++;
		return rc;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return PAM_BUF_ERR;
	r->resp = text_of(t, t->answers[t->at++]);
	*resp = r;
	return PAM_SUCCESS;
}
