/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshd's own configuration: does it make people prove their card's key and then ask PAM, whatever its Match blocks say of whom? Without
 * such a block it says the same of everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_keys.h"
#include "doctor_sim.h"
#include "paths.h"
#include "sshd_conf.h"
#include "text.h"
#include "words.h"

#define PATH_SSHD_CONF CARDMFA_SYSCONFDIR "/ssh/sshd_config"
#define DIR_SSHD_CONF CARDMFA_SYSCONFDIR "/ssh/sshd_config.d"
#define PATH_SSHD_SAMPLE CARDMFA_DATADIR "/cardmfa/sshd.conf"
#define KEYS_COMMAND PATH_CARDTOOL " ssh-keys"
#define SAMPLES_MAX 32
#define OF_CLASS_MAX 4                  /* people of one class at one place, where Match may tell them apart */
#define ANY_ADDRESS "192.0.2.1"         /* RFC 5737: of no network here */
#define TRIES_MIN 3                     /* fewer are used up by the keys that ssh offers by itself */

struct sample {
	const struct doctor_person *person;
	const struct policy_class *class_of;
	char address[65];
	struct sshd_conf conf;
	unsigned ways;
	bool needs_card;        /* every way that the class offers over ssh has a card */
	const char *keys_user;  /* of the configuration */
};

struct survey {
	struct doctor *d;
	bool asked;             /* sshd's stack has pam_cardmfa */
	unsigned n_matches;
	char matches[8192];
	size_t n, n_people;
	struct sample samples[SAMPLES_MAX];
};

/* ---- what is wrong with one ---- */

static bool no_pam(const struct sample *s)
{
	return !s->conf.use_pam;
}

static bool no_questions(const struct sample *s)
{
	return s->conf.use_pam && !s->conf.kbd_interactive;
}

static bool no_keys(const struct sample *s)
{
	return s->conf.use_pam && s->needs_card && !s->conf.pubkey;
}

static bool gets_in(const struct sample *s)
{
	return s->ways & (s->needs_card ? (unsigned)WAY_KEY_PAM : WAY_KEY_PAM | WAY_PAM);
}

static bool too_few_ways(const struct sample *s)
{
	return !gets_in(s);
}

static bool no_way(const struct sample *s)
{
	return !no_pam(s) && !no_questions(s) && !no_keys(s) && too_few_ways(s);
}

static bool more_ways(const struct sample *s)
{
	return s->conf.use_pam && gets_in(s) && s->ways & ~(unsigned)(s->needs_card ? WAY_KEY_PAM : WAY_KEY_PAM | WAY_PAM);
}

static bool plain_password(const struct sample *s)
{
	return s->conf.use_pam && s->ways & WAY_PASSWORD;
}

static bool uses_our_command(const struct sample *s)
{
	size_t len = strlen(KEYS_COMMAND);

	return strncmp(s->conf.keys_command, KEYS_COMMAND, len) == 0 && (s->conf.keys_command[len] == ' ' || !s->conf.keys_command[len]);
}

static bool other_keys(const struct sample *s)
{
	return s->needs_card && s->conf.pubkey && !uses_our_command(s);
}

static bool other_keys_user(const struct sample *s)
{
	return uses_our_command(s) && strcmp(s->conf.keys_user, s->keys_user) != 0;
}

static bool few_tries(const struct sample *s)
{
	return s->conf.max_tries < TRIES_MIN;
}

static bool short_grace(const struct sample *s)
{
	return s->conf.grace_s && s->conf.grace_s < s->class_of->login_time_s;
}

static bool endless_grace(const struct sample *s)
{
	return s->conf.grace_s == 0;
}

static bool user_environment(const struct sample *s)
{
	return s->conf.user_environment;
}

#define LINE_METHODS "AuthenticationMethods publickey,keyboard-interactive:pam"

#define LINE_GRACE "LoginGraceTime"     /* with the seconds of the class behind it */
#define LINE_USER "AuthorizedKeysCommandUser"   /* with the name of the configuration */

/* line: what to write. */
static const struct rule {
	const char *name;
	enum doctor_level level;
	bool (*fails)(const struct sample *s);
	const char *line, *text;
} rules[] = {
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
};
#define N_RULES (sizeof(rules) / sizeof(rules[0]))

/* ---- whom it is tried for ---- */

static bool needs_card(const struct policy_class *c)
{
	const struct login_place at = { .remote = true, .ssh = true };

	for (size_t i = 0; i < c->n_alternatives; i++)
		if (alternative_offered(&c->alternatives[i], at) && !alternative_has_card(&c->alternatives[i]))
			return false;
	return true;
}

static void add_sample(struct survey *s, const struct doctor_person *p, const struct policy_class *c, const char *address)
{
	struct sample *new = &s->samples[s->n++];

	*new = (struct sample){ .person = p, .class_of = c, .needs_card = needs_card(c),
				.keys_user = doctor_facts(s->d)->policy->settings.keys_user };
	text_copy_or_none(new->address, sizeof(new->address), *address ? address : ANY_ADDRESS);
}

static bool is_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || strchr(" ,\n\t\"", at[-1])) && (!at[len] || strchr(" ,\n\t\"", at[len])))
			return true;
	return false;
}

/* One of each class and place; with Match a few more, and whom it names. */
static void take(const struct sim_result *r, void *arg)
{
	struct survey *s = arg;
	const char *address = *r->place->address ? r->place->address : ANY_ADDRESS;
	size_t alike = 0;

	if (!r->class_of || r->why == SIM_NO_BATCH)
		return;
	s->n_people += strcmp(address, ANY_ADDRESS) == 0;
	for (size_t i = 0; i < s->n; i++)
		alike += s->samples[i].class_of == r->class_of && strcmp(s->samples[i].address, address) == 0;
	if (s->n == SAMPLES_MAX ||
	    (alike >= (s->n_matches ? OF_CLASS_MAX : 1) && !is_word(s->matches, r->person->person.login)))
		return;
	add_sample(s, r->person, r->class_of, address);
}

static enum err ask_sshd(struct survey *s)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < s->n; i++) {
		struct sample *sample = &s->samples[i];

		if (i > 0 && !s->n_matches)
			sample->conf = s->samples[0].conf;
		else
			e = sshd_conf_read(sample->person ? sample->person->person.login : "nobody", sample->address, &sample->conf);
		sample->ways = sshd_conf_ways(&sample->conf);
	}
	return e;
}

/* ---- what is said ---- */

static const char *place_to_write(void)
{
	return access(DIR_SSHD_CONF, F_OK) == 0 ? DIR_SSHD_CONF "/10-cardmfa.conf" : PATH_SSHD_CONF;
}

/* Room between the end of the class's time and of sshd's. */
#define GRACE_MORE_S 10

static void line_to_write(const struct survey *s, const struct rule *r, unsigned seconds, char *dst, size_t size)
{
	if (strcmp(r->line, LINE_GRACE) == 0)
		snprintf(dst, size, "%s %u", r->line, seconds + GRACE_MORE_S);
	else if (strcmp(r->line, LINE_USER) == 0)
		snprintf(dst, size, "%s %s", r->line, doctor_facts(s->d)->policy->settings.keys_user);
	else
		snprintf(dst, size, "%s", r->line);
}

/* What one of these samples fails; NULL: none does. *seconds: the longest time of their classes. */
static const struct sample *failing(const struct survey *s, const struct rule *r, struct doctor_names *names, unsigned *seconds)
{
	const struct sample *first = NULL, *last = NULL;

	*seconds = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sample *now = &s->samples[i];

		if (!r->fails(now))
			continue;
		first = first ? first : now;
		*seconds = now->class_of->login_time_s > *seconds ? now->class_of->login_time_s : *seconds;
		if (now->person && (!last || last->person != now->person))
			doctor_names_add(s->d, names, now->person->person.login);
		last = now;
	}
	return first;
}

static void say_rule(const struct survey *s, const struct rule *r)
{
	struct doctor_mark mark = { .finding = r->name, .service = "sshd", .file = PATH_SSHD_CONF };
	char advice[512], line[256];
	unsigned seconds;
	DOCTOR_NAMES(names);
	const struct sample *first = failing(s, r, &names, &seconds);

	if (!first)
		return;
	line_to_write(s, r, seconds, line, sizeof(line));
	snprintf(advice, sizeof(advice), _("write `%s` into %s, then let sshd read it: systemctl reload ssh (of RHEL: sshd)"), line,
		 place_to_write());
	mark.class_name = first->class_of->name;
	if (s->n_matches && names.n)
		doctor_find(s->d, r->level, &mark, advice, "%s: %s", gettext(r->text), doctor_names_text(&names));
	else
		doctor_find(s->d, r->level, &mark, advice, "%s", gettext(r->text));
}

/* Does it fail this rule once all that is before is mended? */
static const struct sample *will_fail(const struct survey *s, const struct rule *r, struct doctor_names *names, unsigned *seconds)
{
	struct rule later = *r;

	if (r->fails == no_way)
		later.fails = too_few_ways;
	return failing(s, &later, names, seconds);
}

/* Where sshd does not ask yet nothing of it is wrong. */
static void say_before(const struct survey *s)
{
	char advice[1024];
	size_t len;
	unsigned seconds;
	bool methods = false;
	DOCTOR_NAMES(lines);

	for (size_t i = 0; i < N_RULES; i++) {
		char line[256];
		DOCTOR_NAMES(names);

		if (rules[i].level < DOCTOR_WARNING || !will_fail(s, &rules[i], &names, &seconds))
			continue;
		if (strcmp(rules[i].line, LINE_METHODS) == 0 && methods)
			continue;
		methods |= strcmp(rules[i].line, LINE_METHODS) == 0;
		line_to_write(s, &rules[i], seconds, line, sizeof(line));
		doctor_names_add(s->d, &lines, line);
	}
	if (!lines.n)
		return;
	len = (size_t)snprintf(advice, sizeof(advice), _("first write into %s, as in %s: "), place_to_write(),
			       PATH_SSHD_SAMPLE);
	snprintf(advice + len, len < sizeof(advice) ? sizeof(advice) - len : 0, "%s", doctor_names_text(&lines));
	doctor_find(s->d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "before", .service = "sshd", .file = PATH_SSHD_CONF }, advice,
		    _("sshd's configuration is not made for cards yet"));
}

static bool has_faults(const struct survey *s)
{
	unsigned seconds;

	for (size_t i = 0; i < N_RULES; i++) {
		DOCTOR_NAMES(names);

		if (rules[i].level >= DOCTOR_WARNING && failing(s, &rules[i], &names, &seconds))
			return true;
	}
	return false;
}

static void say_all(const struct survey *s)
{
	const struct doctor_mark mark = { .finding = "in-order", .service = "sshd", .file = PATH_SSHD_CONF };

	for (size_t i = 0; i < N_RULES; i++)
		say_rule(s, &rules[i]);
	if (!has_faults(s))
		doctor_find(s->d, DOCTOR_OK, &mark, NULL, _("sshd has the key of a card proved, then asks PAM"));
	if (s->n_matches && s->n_people > s->n)
		doctor_find(s->d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "sampled", .service = "sshd", .file = PATH_SSHD_CONF },
			    NULL, _("sshd's configuration has Match blocks: it was tried for %zu of %zu people"), s->n, s->n_people);
}

/* ---- root ---- */

static void look_at_root(struct survey *s)
{
	const struct policy *p = doctor_facts(s->d)->policy;
	const struct doctor_mark mark = { .finding = "root", .service = "sshd", .file = PATH_SSHD_CONF, .person = "root" };
	struct sshd_conf c;
	char advice[256];

	if (sshd_conf_read("root", ANY_ADDRESS, &c) || strcmp(c.root_login, "no") == 0)
		return;
	snprintf(advice, sizeof(advice), _("write `%s` into %s, then let sshd read it: systemctl reload ssh (of RHEL: sshd)"),
		 "PermitRootLogin no", place_to_write());
	if (policy_machine_may(p, "root", "sshd") && sshd_conf_ways(&c) & WAY_KEY)
		doctor_find(s->d, DOCTOR_WARNING, &mark, advice,
			    _("root gets in over ssh by a key alone, past cardmfa, and nobody can tell who it was: [machine] lets it"));
	else if (c.use_pam)
		doctor_find(s->d, DOCTOR_NOTE, &mark, advice, _("sshd would let root in, and cardmfa refuses: it is no person's account"));
}

/* ---- what the stack reads ---- */

static void look_at_stack(struct doctor *d, const struct doctor_service *service)
{
	const struct pam_stack *stack = &service->pam.stacks[PHASE_SESSION];
	char name[64];

	for (size_t i = 0; i < stack->n; i++) {
		const struct pam_line *l = &stack->lines[i];
		const struct doctor_mark mark = { .finding = "user-readenv", .service = "sshd", .phase = "session", .file = l->file,
						  .line = l->number };

		if (strcmp(pam_stack_module_name(l, name, sizeof(name)), "pam_env") != 0 ||
		    !pam_stack_has_argument(l, "user_readenv=1"))
			continue;
		doctor_find(d, DOCTOR_NOTE, &mark, _("take `user_readenv=1` out of this line, unless somebody needs it"),
			    _("%s:%u: ~/.pam_environment is read: people choose variables for the modules behind it; cardmfa believes none of them"),
			    l->file, l->number);
		return;
	}
}

/* ---- keys in files ---- */

static void say_keys(struct survey *s, const char *patterns)
{
	struct doctor_keys keys = { .n = 0 };
	const struct doctor_mark mark = { .finding = "other-keys", .service = "sshd", .detail = patterns };
	DOCTOR_NAMES(names);

	if (doctor_keys_read(doctor_facts(s->d), patterns, &keys) != ERR_OK)
		return;
	for (size_t i = 0; i < keys.n; i++)
		if (keys.rows[i].registered && keys.rows[i].others)
			doctor_names_add(s->d, &names, keys.rows[i].login);
	if (names.n)
		doctor_find(s->d, DOCTOR_NOTE, &mark, _("take them out; `AuthorizedKeysFile none` leaves only those of cards"),
			    _("keys in files that are of no card of theirs, and that cardmfa refuses: %s"), doctor_names_text(&names));
	doctor_keys_free(&keys);
}

/* ---- the check ---- */

static void find_people(struct survey *s, const struct doctor_service *service)
{
	const struct doctor_facts *f = doctor_facts(s->d);

	s->n_matches = sshd_conf_matches(PATH_SSHD_CONF, s->matches, sizeof(s->matches));
	if (f->people_known && f->lookup_ms >= 0)
		doctor_sim_service(f, service, take, s);
	if (!s->n)
		add_sample(s, NULL, &f->policy->classes[f->policy->n_classes - 1], "");
}

static void look_at(struct survey *s, const struct doctor_service *service)
{
	enum err e;

	find_people(s, service);
	e = ask_sshd(s);
	if (e) {
		doctor_find(s->d, s->asked ? DOCTOR_WARNING : DOCTOR_NOTE,
			    &(struct doctor_mark){ .finding = "unknown", .service = "sshd", .detail = err_detail() },
			    _("see what it complains about; where /run/sshd is missing it has not been started since the boot"),
			    _("sshd does not say what its configuration is, so it was not looked at"));
		return;
	}
	if (!s->asked) {
		say_before(s);
		return;
	}
	say_all(s);
	look_at_root(s);
	look_at_stack(s->d, service);
	say_keys(s, s->samples[0].conf.keys_file);
}

void doctor_sshd(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	const struct doctor_service *service = doctor_facts_service(f, "sshd"), *plan = doctor_facts_plan(f, "sshd");
	struct survey *s;

	if (!f->policy || !service || !*sshd_conf_program())
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->d = d;
	s->asked = stack_judge_uses_us(&service->verdict);
	if (s->asked || plan)
		look_at(s, s->asked ? service : plan);
	free(s);
}
