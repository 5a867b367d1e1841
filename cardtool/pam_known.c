/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_known.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"
#include "text.h"

const char *const pam_known_dirs[] = { CARDMFA_PAMDIR, "/lib/x86_64-linux-gnu/security", "/lib/aarch64-linux-gnu/security",
				       "/lib/security", "/lib64/security", NULL };

#define ALWAYS_GOOD CODE_BIT(CODE_SUCCESS)
#define NEVER_SILENT (CODES_ANY & ~CODE_BIT(CODE_IGNORE))
#define SILENT CODE_BIT(CODE_IGNORE)
#define EVERY_PHASE 15u
#define IN(phase) (1u << (phase))

/* codes 0: any. argument: only where the line has it; NULL: always. */
static const struct row {
	const char *name, *argument;
	unsigned phases;
	code_set codes;
	unsigned kinds;
} rows[] = {
	{ "pam_deny", NULL, EVERY_PHASE, CODES_FAILING, 0 },
	{ "pam_permit", NULL, EVERY_PHASE, ALWAYS_GOOD, 0 },
	{ "pam_rootok", NULL, EVERY_PHASE, CODES_FAILING, 0 },
	{ "pam_succeed_if", "use_uid", EVERY_PHASE, CODES_FAILING, 0 },
	{ "pam_warn", NULL, EVERY_PHASE, SILENT, 0 },
	{ "pam_faildelay", NULL, EVERY_PHASE, SILENT, 0 },
	{ "pam_env", NULL, IN(PHASE_AUTH), SILENT, 0 },
	{ "pam_unix", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_sss", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_krb5", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_ldap", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_winbind", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_radius_auth", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_pwdfile", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_userdb", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_systemd_home", NULL, EVERY_PHASE, NEVER_SILENT, KIND_KNOWLEDGE },
	{ "pam_google_authenticator", NULL, EVERY_PHASE, 0, KIND_POSSESSION },
	{ "pam_oath", NULL, EVERY_PHASE, 0, KIND_POSSESSION },
	{ "pam_yubico", NULL, EVERY_PHASE, 0, KIND_POSSESSION },
	{ "pam_u2f", NULL, EVERY_PHASE, 0, KIND_POSSESSION },
	{ "pam_ssh_agent_auth", NULL, EVERY_PHASE, 0, KIND_POSSESSION },
	{ "pam_pkcs11", NULL, EVERY_PHASE, 0, KIND_POSSESSION | KIND_KNOWLEDGE },
	{ "pam_p11", NULL, EVERY_PHASE, 0, KIND_POSSESSION | KIND_KNOWLEDGE },
	{ "pam_fprintd", NULL, EVERY_PHASE, 0, KIND_INHERENCE },
};

/* "crond:atd" */
static bool is_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; *at; at += *at == ':') {
		size_t n = strcspn(at, ":");

		if (n == len && strncmp(at, word, len) == 0)
			return true;
		at += n;
	}
	return false;
}

/* pam_succeed_if.c: its words are flags, and conditions of three words. */
static bool is_flag(const char *word)
{
	static const char *const flags[] = { "quiet", "quiet_success", "quiet_fail", "audit", "debug", "use_uid" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i], word) == 0)
			return true;
	return false;
}

void pam_known_at(const struct pam_line *l, const char *service, struct pam_known *k)
{
	char name[64], text[PAM_LINE_MAX], *save = NULL;
	const char *words[3];
	size_t n = 0;
	bool holds;

	if (k->missing || l->kind != LINE_MODULE || strcmp(pam_stack_module_name(l, name, sizeof(name)), "pam_succeed_if") != 0 ||
	    !text_copy(text, sizeof(text), l->arguments))
		return;
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (is_flag(word))
			continue;
		if (n == 3)
			return;
		words[n++] = word;
	}
	if (n != 3 || strcmp(words[0], "service") != 0)
		return;
	if (strcmp(words[1], "in") == 0 || strcmp(words[1], "notin") == 0)
		holds = is_in(words[2], service) == (strcmp(words[1], "in") == 0);
	else if (strcmp(words[1], "=") == 0 || strcmp(words[1], "!=") == 0)
		holds = (strcmp(words[2], service) == 0) == (strcmp(words[1], "=") == 0);
	else
		return;
	k->codes = holds ? CODE_BIT(CODE_SUCCESS) : CODES_FAILING;
}

bool pam_known_path(const char *module, const char *const *dirs, char *dst, size_t size)
{
	if (module[0] == '/')
		return access(module, R_OK) == 0 && text_copy(dst, size, module);
	for (; *dirs; dirs++) {
		int len = snprintf(dst, size, "%s/%s", *dirs, module);

		if (len >= 0 && (size_t)len < size && access(dst, R_OK) == 0)
			return true;
	}
	return false;
}

static bool exists(const char *module, const char *const *dirs)
{
	char path[PAM_LINE_MAX + 128];

	return pam_known_path(module, dirs, path, sizeof(path));
}

/* The module itself refuses these: pam_module/relay.c. */
static bool refuses_arguments(const struct pam_line *l, enum pam_phase phase)
{
	return l->arguments[0] && (phase != PHASE_SESSION || strcmp(l->arguments, "confirm") != 0);
}

static void know_ours(const struct pam_line *l, enum pam_phase phase, struct pam_known *k)
{
	k->ours = true;
	k->codes = CODES_FAILING | CODE_BIT(CODE_SUCCESS);
	if (phase == PHASE_ACCOUNT)
		k->codes |= CODE_BIT(CODE_NEW_AUTHTOK_REQD);
	k->confirm = phase == PHASE_SESSION && pam_stack_has_argument(l, "confirm");
	k->bad_argument = refuses_arguments(l, phase);
	if (k->bad_argument || phase == PHASE_PASSWORD)
		k->codes = CODES_FAILING;
}

void pam_known_line(const struct pam_line *l, enum pam_phase phase, const char *const *dirs, struct pam_known *ret)
{
	struct pam_known k = { .codes = CODES_ANY };
	char name[64];

	pam_stack_module_name(l, name, sizeof(name));
	if (l->kind == LINE_MODULE && strcmp(name, PAM_KNOWN_OURS) == 0)
		know_ours(l, phase, &k);
	for (size_t i = 0; l->kind == LINE_MODULE && i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (strcmp(r->name, name) != 0 || !(r->phases & IN(phase)) ||
		    (r->argument && !pam_stack_has_argument(l, r->argument)))
			continue;
		k.codes = r->codes ? r->codes : CODES_ANY;
		k.kinds = phase == PHASE_AUTH ? r->kinds : 0;
	}
	k.systemd = l->kind == LINE_MODULE && strcmp(name, "pam_systemd") == 0;
	if (l->kind == LINE_MODULE && dirs && !exists(l->module, dirs)) {
		k.missing = true;
		k.codes = CODE_BIT(CODE_MODULE_UNKNOWN);
	}
	*ret = k;
}
