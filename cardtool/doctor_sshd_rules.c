/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_sshd_rules.h"

#include <stdio.h>
#include <string.h>

#include "paths.h"
#include "words.h"

#define KEYS_COMMAND PATH_CARDTOOL " ssh-keys"
#define TRIES_MIN 3                     /* fewer are used up by the keys that ssh offers by itself */
#define GRACE_MORE_S 10                 /* between the end of the class's time and of sshd's */

static bool no_pam(const struct sshd_sample *s)
{
	return !s->conf.use_pam;
}

static bool no_questions(const struct sshd_sample *s)
{
	return s->conf.use_pam && !s->conf.kbd_interactive;
}

static bool no_keys(const struct sshd_sample *s)
{
	return s->conf.use_pam && s->needs_card && !s->conf.pubkey;
}

static bool gets_in(const struct sshd_sample *s)
{
	return s->ways & (s->needs_card ? (unsigned)WAY_KEY_PAM : WAY_KEY_PAM | WAY_PAM);
}

static bool too_few_ways(const struct sshd_sample *s)
{
	return !gets_in(s);
}

static bool no_way(const struct sshd_sample *s)
{
	return !no_pam(s) && !no_questions(s) && !no_keys(s) && too_few_ways(s);
}

static bool more_ways(const struct sshd_sample *s)
{
	return s->conf.use_pam && gets_in(s) && s->ways & ~(unsigned)(s->needs_card ? WAY_KEY_PAM : WAY_KEY_PAM | WAY_PAM);
}

static bool plain_password(const struct sshd_sample *s)
{
	return s->conf.use_pam && s->ways & WAY_PASSWORD;
}

static bool uses_our_command(const struct sshd_sample *s)
{
	size_t len = strlen(KEYS_COMMAND);

	return strncmp(s->conf.keys_command, KEYS_COMMAND, len) == 0 && (s->conf.keys_command[len] == ' ' || !s->conf.keys_command[len]);
}

static bool other_keys(const struct sshd_sample *s)
{
	return s->needs_card && s->conf.pubkey && !uses_our_command(s);
}

static bool other_keys_user(const struct sshd_sample *s)
{
	return uses_our_command(s) && strcmp(s->conf.keys_user, s->keys_user) != 0;
}

static bool few_tries(const struct sshd_sample *s)
{
	return s->conf.max_tries < TRIES_MIN;
}

static bool short_grace(const struct sshd_sample *s)
{
	return s->conf.grace_s && s->conf.grace_s < s->class_of->login_time_s;
}

static bool endless_grace(const struct sshd_sample *s)
{
	return s->conf.grace_s == 0;
}

static bool user_environment(const struct sshd_sample *s)
{
	return s->conf.user_environment;
}

#define LINE_METHODS "AuthenticationMethods publickey,keyboard-interactive:pam"
#define LINE_GRACE "LoginGraceTime"     /* with the seconds of the class behind it */
#define LINE_USER "AuthorizedKeysCommandUser"   /* with the name of the configuration */

const struct sshd_rule doctor_sshd_rules[] = {
	{ "use-pam", DOCTOR_ERROR, no_pam, "UsePAM yes", N_("sshd does not ask PAM: nobody is asked for a card, a code or a password") },
	{ "keyboard-interactive", DOCTOR_ERROR, no_questions, "KbdInteractiveAuthentication yes",
	  N_("sshd can't ask for the second factor: nobody gets in") },
	{ "pubkey", DOCTOR_ERROR, no_keys, "PubkeyAuthentication yes", N_("sshd takes no keys: no card can be proved, and nobody gets in") },
	{ "methods", DOCTOR_ERROR, no_way, LINE_METHODS,
	  N_("sshd does not have a key proved and then the questions of PAM answered: no card counts, and nobody gets in") },
	{ "more-methods", DOCTOR_WARNING, more_ways, LINE_METHODS,
	  N_("sshd also offers methods that end in a refusal by cardmfa: people are led astray") },
	{ "password", DOCTOR_WARNING, plain_password, "PasswordAuthentication no",
	  N_("sshd offers its own password method, which knows one answer only and ends in a refusal") },
	{ "keys-command", DOCTOR_NOTE, other_keys, "AuthorizedKeysCommand " KEYS_COMMAND " %u %t %k",
	  N_("sshd does not take the keys of cards from cardmfa: they have to be copied into files, and taken out of them again") },
	{ "keys-user", DOCTOR_WARNING, other_keys_user, LINE_USER,
	  N_("sshd runs `cardtool ssh-keys` as another user than its own") },
	{ "tries", DOCTOR_NOTE, few_tries, "MaxAuthTries 6",
	  N_("sshd ends a connection after so few tries that the keys which ssh offers by itself use them up") },
	{ "grace", DOCTOR_WARNING, short_grace, LINE_GRACE, N_("sshd hangs up before `login-time` of the class is over") },
	{ "no-grace", DOCTOR_NOTE, endless_grace, LINE_GRACE, N_("sshd waits without end for a login") },
	{ "user-environment", DOCTOR_NOTE, user_environment, "PermitUserEnvironment no",
	  N_("people choose variables for their own sessions, of other modules too; cardmfa believes none of them") },
	{ 0 },
};

bool doctor_sshd_rules_fails_later(const struct sshd_rule *r, const struct sshd_sample *s)
{
	return r->fails == no_way ? too_few_ways(s) : r->fails(s);
}

void doctor_sshd_rules_line(const struct sshd_rule *r, unsigned seconds, const char *keys_user, char *dst, size_t size)
{
	if (strcmp(r->line, LINE_GRACE) == 0)
		snprintf(dst, size, "%s %u", r->line, seconds + GRACE_MORE_S);
	else if (strcmp(r->line, LINE_USER) == 0)
		snprintf(dst, size, "%s %s", r->line, keys_user);
	else
		snprintf(dst, size, "%s", r->line);
}
