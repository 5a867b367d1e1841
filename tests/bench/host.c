/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host SERVICE USER WORD...: a PAM application that does what the words say, in order. Lines of standard input answer the
 * prompts, in order.
 *   auth, account   the call; prints "NAME CODE MICROSECONDS"
 *   rhost=ADDRESS   where the login comes from
 *   memory          prints "memory PSS_KIB USS_KIB" of this process
 *   objects         prints "object PATH" for each file mapped as program
 */
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *arg)
{
	struct pam_response *replies = calloc((size_t)n, sizeof(*replies));
	char line[256];

	(void)arg;
	if (!replies)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		int style = messages[i]->msg_style;

		if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON)
			continue;
		if (!fgets(line, sizeof(line), stdin)) {
			free(replies);
			return PAM_CONV_ERR;
		}
		line[strcspn(line, "\n")] = '\0';
		replies[i].resp = strdup(line);
	}
	*ret = replies;
	return PAM_SUCCESS;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int timed(const char *name, int (*call)(pam_handle_t *, int), pam_handle_t *pamh)
{
	int64_t begun = now_us();
	int code = call(pamh, 0);

	printf("%s %d %lld\n", name, code, (long long)(now_us() - begun));
	return code;
}

static void memory(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib, pss = 0, uss = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Pss: %ld", &kib) == 1)
			pss = kib;
		if (sscanf(line, "Private_Clean: %ld", &kib) == 1 || sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			uss += kib;
	}
	if (f)
		fclose(f);
	printf("memory %ld %ld\n", pss, uss);
}

static void objects(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4352], mode[8], path[4096];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %7s %*s %*s %*s %4095[^\n]", mode, path) == 2 && mode[2] == 'x' && path[0] == '/')
			printf("object %s\n", path);
	if (f)
		fclose(f);
}

static int act(const char *word, pam_handle_t *pamh)
{
	if (!strcmp(word, "auth"))
		return timed(word, pam_authenticate, pamh);
	if (!strcmp(word, "account"))
		return timed(word, pam_acct_mgmt, pamh);
	if (!strncmp(word, "rhost=", 6))
		return pam_set_item(pamh, PAM_RHOST, word + 6);
	if (!strcmp(word, "memory"))
		memory();
	else if (!strcmp(word, "objects"))
		objects();
	else
		return PAM_ABORT;
	return PAM_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct pam_conv conv = { .conv = converse };
	pam_handle_t *pamh = NULL;
	int code;

	if (argc < 3)
		return 64;
	code = pam_start(argv[1], argv[2], &conv, &pamh);
	for (int i = 3; i < argc && code == PAM_SUCCESS; i++)
		code = act(argv[i], pamh);
	pam_end(pamh, code);
	return code;
}
