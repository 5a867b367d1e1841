/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_control.h"

#include <stddef.h>
#include <string.h>

#define UNSET -6
#define JUMP_MAX 10000

static const char *const code_names[PAM_CODES + 1] = {
	"success", "open_err", "symbol_err", "service_err", "system_err", "buf_err", "perm_denied", "auth_err",
	"cred_insufficient", "authinfo_unavail", "user_unknown", "maxtries", "new_authtok_reqd", "acct_expired",
	"session_err", "cred_unavail", "cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err",
	"authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging", "try_again", "ignore", "abort",
	"authtok_expired", "module_unknown", "bad_item", "conv_again", "incomplete", "default",
};

static const struct {
	const char *name;
	enum pam_action action;
} action_names[] = {
	{ "ignore", ACTION_IGNORE }, { "ok", ACTION_OK },   { "done", ACTION_DONE },
	{ "bad", ACTION_BAD },       { "die", ACTION_DIE }, { "reset", ACTION_RESET },
};

/* success and new_authtok_reqd do one thing, all other codes but `ignore` another. */
static const struct {
	const char *name;
	enum pam_action good, ignored, others;
} words[] = {
	{ "required", ACTION_OK, ACTION_IGNORE, ACTION_BAD },
	{ "requisite", ACTION_OK, ACTION_IGNORE, ACTION_DIE },
	{ "optional", ACTION_OK, ACTION_IGNORE, ACTION_IGNORE },
	{ "sufficient", ACTION_DONE, ACTION_IGNORE, ACTION_IGNORE },
};

const char *pam_control_code_name(int code)
{
	return code_names[code >= 0 && code < PAM_CODES ? code : PAM_CODES];
}

static void fill(struct pam_control *c, int from, int to)
{
	for (int i = 0; i < PAM_CODES; i++)
		if (c->actions[i] == from)
			c->actions[i] = to;
}

void pam_control_bad(struct pam_control *ret)
{
	for (int i = 0; i < PAM_CODES; i++)
		ret->actions[i] = ACTION_BAD;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\n\r\v\f");
}

/* Index of the name that the text begins with, PAM_CODES for "default"; -1. */
static int take_code(const char **at)
{
	for (int i = 0; i <= PAM_CODES; i++) {
		size_t len = strlen(code_names[i]);

		if (strncmp(*at, code_names[i], len) == 0) {
			*at += len;
			return i;
		}
	}
	return -1;
}

static bool take_jump(const char **at, int *ret)
{
	int n = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		if (n <= JUMP_MAX)
			n = 10 * n + (**at - '0');
	*ret = n;
	return n > 0;
}

static bool take_action(const char **at, int *ret)
{
	for (size_t i = 0; i < sizeof(action_names) / sizeof(action_names[0]); i++) {
		size_t len = strlen(action_names[i].name);

		if (strncmp(*at, action_names[i].name, len) == 0) {
			*at += len;
			*ret = action_names[i].action;
			return true;
		}
	}
	return take_jump(at, ret);
}

/* One "code=action"; blanks may stand around the sign. */
static bool take_pair(const char **at, struct pam_control *c)
{
	int code = take_code(at), action;

	*at = skip_blanks(*at);
	if (code < 0 || **at != '=')
		return false;
	*at = skip_blanks(*at + 1);
	if (!take_action(at, &action))
		return false;
	if (code == PAM_CODES)
		fill(c, UNSET, action);
	else
		c->actions[code] = action;
	return true;
}

static bool parse_word(const char *text, struct pam_control *c)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].name) != 0)
			continue;
		fill(c, UNSET, words[i].others);
		c->actions[CODE_SUCCESS] = words[i].good;
		c->actions[CODE_NEW_AUTHTOK_REQD] = words[i].good;
		c->actions[CODE_IGNORE] = words[i].ignored;
		return true;
	}
	return false;
}

bool pam_control_parse(const char *text, bool bracketed, struct pam_control *ret)
{
	const char *at = skip_blanks(text);

	for (int i = 0; i < PAM_CODES; i++)
		ret->actions[i] = UNSET;
	if (!bracketed && parse_word(text, ret))
		return true;
	while (*at) {
		if (!take_pair(&at, ret)) {
			pam_control_bad(ret);
			return false;
		}
		at = skip_blanks(at);
	}
	fill(ret, UNSET, ACTION_BAD);
	return true;
}
