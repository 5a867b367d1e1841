/* SPDX-License-Identifier: Apache-2.0 */
/* Our reading of stacks beside libpam's own: it runs the same files with pam_debug.so in each line. */
#include <security/pam_appl.h>
#include <sys/wait.h>

#include "pam_eval.h"
#include "pam_files.h"

#define STACKS 400

static uint32_t seed = 20261120;

static unsigned below(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const char *const answers[] = { "success", "success", "success", "auth_err", "ignore", "new_authtok_reqd",
				       "perm_denied", "module_unknown", "user_unknown" };
static const char *const controls[] = {
	"required", "requisite", "sufficient", "optional", "[success=1 default=ignore]", "[success=2 default=ignore]",
	"[success=ok default=die]", "[default=1]", "[success=1 new_authtok_reqd=done default=ignore]", "[success=done default=bad]",
	"[success=ok ignore=ignore module_unknown=ignore default=bad]", "[success=ok auth_err=reset default=bad]",
	"[success=reset default=ignore]", "[success=3 default=bad]", "[success=zero]", "REQUIRED",
};
static const char *const forms[] = { "auth include", "auth substack", "@include" };
#define PICK(list) list[below(sizeof(list) / sizeof(list[0]))]

static void write_stack(const char *name, const char *const *parts, unsigned n_parts)
{
	char text[4096] = "";
	size_t len = 0;

	for (unsigned i = 0, n = 1 + below(6); i < n; i++) {
		const char *fold = below(8) ? " " : " \\\n\t";

		if (n_parts && below(4) == 0) {
			/* libpam looks for included files in /etc/pam.d, whatever pam_start_confdir was told. */
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s/%s\n", PICK(forms), fold,
						pam_files_etc, parts[below(n_parts)]);
			continue;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "auth%s%s%s%s auth=%s\n", fold, PICK(controls), fold,
					below(30) ? "pam_debug.so" : "pam_not_there.so", PICK(answers));
	}
	pam_files_write(pam_files_etc, name, text);
}

static int no_talk(int n, const struct pam_message **m, struct pam_response **r, void *arg)
{
	(void)n, (void)m, (void)r, (void)arg;
	return PAM_CONV_ERR;
}

static int ask_libpam(const char *service)
{
	const struct pam_conv conv = { no_talk, NULL };
	pam_handle_t *h = NULL;
	int rc = pam_start_confdir(service, "nobody", &conv, pam_files_etc, &h);

	if (rc == PAM_SUCCESS)
		rc = pam_authenticate(h, PAM_SILENT);
	if (h)
		pam_end(h, rc);
	return rc;
}

/* In a process of its own: libpam loses memory over a file that it refuses. */
static int ask_libpam_apart(const char *service)
{
	pid_t pid = fork();
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(ask_libpam(service));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int answer_of(const struct pam_line *l)
{
	if (strcmp(l->module, "pam_debug.so") != 0)
		return CODE_MODULE_UNKNOWN;
	for (int code = 0; code < PAM_CODES; code++)
		if (strcmp(l->arguments + strlen("auth="), pam_control_code_name(code)) == 0)
			return code;
	return CODE_ABORT;
}

static void stacks_end_as_libpam_ends_them(void **state)
{
	static const char *const parts[] = { "inner", "outer" };
	int codes[512], good = 0, bad = 0;

	(void)state;
	for (int i = 0; i < STACKS; i++) {
		write_stack("inner", NULL, 0);
		write_stack("outer", parts, 1);
		write_stack("svc", parts, 2);

		struct pam_service s = pam_files_read("svc");
		const struct pam_stack *auth = &s.stacks[PHASE_AUTH];
		int told = ask_libpam("svc"), ours = CODE_ABORT;

		assert_false(s.broken);
		for (size_t k = 0; k < auth->n; k++)
			codes[k] = auth->lines[k].kind == LINE_MODULE ? answer_of(&auth->lines[k]) : 0;
		ours = pam_eval_run(auth, codes);
		if (ours != told) {
			print_message("stack %d: libpam says %d, we say %d\n", i, told, ours);
			for (size_t k = 0; k < auth->n; k++)
				print_message("  %u %s %s %s\n", auth->lines[k].level, auth->lines[k].control,
					      auth->lines[k].module, auth->lines[k].arguments);
		}
		assert_int_equal(ours, told);
		good += told == PAM_SUCCESS;
		bad += told != PAM_SUCCESS;
		pam_stack_free(&s);
	}
	assert_true(good > STACKS / 20 && bad > STACKS / 20);
}

static void files_are_refused_as_libpam_refuses_them(void **state)
{
	static const char *const texts[] = {
		"auth required pam_permit.so\n@include nofile\n", "auth required pam_permit.so\\\n", "auth include nofile\n",
		"auth required pam_permit.so\nbogus required pam_permit.so\n", "auth required\n", "auth\n", "",
		"auth sufficient pam_permit.so\nauth include nofile\n", "auth required pam_permit.so # \\\n",
		"account required pam_permit.so\n", "auth [success=ok pam_permit.so\n", "# nothing\n",
		"auth optional pam_deny.so\n", "auth required pam_permit.so\nauth include svc\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pam_files_write(pam_files_etc, "svc", texts[i]);

		struct pam_service s = pam_files_read("svc");
		const struct pam_stack *auth = &s.stacks[PHASE_AUTH];
		int codes[64] = { 0 }, told = ask_libpam_apart("svc");
		bool good = !s.broken;

		assert_true(auth->n <= 64);
		for (size_t k = 0; k < auth->n; k++)
			if (strcmp(auth->lines[k].module, "pam_deny.so") == 0)
				codes[k] = CODE_AUTH_ERR;
		good = good && pam_eval_run(auth, codes) == CODE_SUCCESS;
		if (good != (told == PAM_SUCCESS))
			print_message("%s: libpam says %d\n", texts[i], told);
		assert_int_equal(good, told == PAM_SUCCESS);
		pam_stack_free(&s);
	}
}

/* Whatever the modules answer, the line at `watched` refusing: is there a success? */
static bool by_trying_all(const struct pam_stack *s, size_t watched)
{
	static const int some[] = { CODE_SUCCESS, CODE_AUTH_ERR, CODE_IGNORE, CODE_NEW_AUTHTOK_REQD, CODE_MODULE_UNKNOWN };
	size_t n = sizeof(some) / sizeof(some[0]), digits[16] = { 0 };
	int codes[16];

	for (;;) {
		size_t i = 0;

		for (size_t k = 0; k < s->n; k++)
			codes[k] = k == watched ? CODE_AUTH_ERR : some[digits[k]];
		if (pam_eval_run(s, codes) == CODE_SUCCESS)
			return true;
		while (i < s->n && ++digits[i] == n)
			digits[i++] = 0;
		if (i == s->n)
			return false;
	}
}

static void the_search_finds_what_trying_all_finds(void **state)
{
	int found = 0, none = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		write_stack("svc", NULL, 0);

		struct pam_service s = pam_files_read("svc");
		const struct pam_stack *auth = &s.stacks[PHASE_AUTH];
		code_set codes[16];
		bool watched[16] = { false };
		struct pam_trace trace;
		size_t ours = below((unsigned)auth->n);

		for (size_t k = 0; k < auth->n; k++)
			codes[k] = CODES_ANY;
		codes[ours] = CODE_BIT(CODE_SUCCESS) | CODE_BIT(CODE_AUTH_ERR);
		watched[ours] = true;

		enum eval_result got = pam_eval_find(auth, codes, watched, CODE_BIT(CODE_SUCCESS), false, &trace);

		assert_int_equal(got, by_trying_all(auth, ours) ? EVAL_FOUND : EVAL_NONE);
		found += got == EVAL_FOUND;
		none += got == EVAL_NONE;
		/* The way that is shown is one. */
		if (got == EVAL_FOUND) {
			int way[16] = { 0 };

			for (size_t k = 0; k < trace.n; k++)
				way[trace.steps[k].line] = trace.steps[k].code;
			assert_int_equal(pam_eval_run(auth, way), CODE_SUCCESS);
		}
		pam_stack_free(&s);
	}
	assert_true(found > 40 && none > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_end_as_libpam_ends_them),
		cmocka_unit_test(files_are_refused_as_libpam_refuses_them),
		cmocka_unit_test(the_search_finds_what_trying_all_finds),
	};

	return cmocka_run_group_tests(tests, pam_files_begin, pam_files_end);
}
