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
#include "doctor_sshd_rules.h"
#include "paths.h"
#include "text.h"
#include "words.h"

#define PATH_SSHD_CONF CARDMFA_SYSCONFDIR "/ssh/sshd_config"
#define DIR_SSHD_CONF CARDMFA_SYSCONFDIR "/ssh/sshd_config.d"
#define SAMPLES_MAX 32
#define OF_CLASS_MAX 4                  /* people of one class at one place, where Match may tell them apart */
#define ANY_ADDRESS "192.0.2.1"         /* RFC 5737: of no network here */

struct survey {
	struct doctor *d;
	bool asked;             /* sshd's stack has pam_cardmfa */
	unsigned n_matches;
	char matches[8192];
	size_t n, n_people;
	struct sshd_sample samples[SAMPLES_MAX];
};

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
	struct sshd_sample *new = &s->samples[s->n++];

	*new = (struct sshd_sample){ .person = p, .class_of = c, .needs_card = needs_card(c),
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
		struct sshd_sample *sample = &s->samples[i];

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

static const char *keys_user(const struct survey *s)
{
	return doctor_facts(s->d)->policy->settings.keys_user;
}

/* The first of the samples that fails it; NULL: none does. *seconds: the longest time of their classes. */
static const struct sshd_sample *failing(const struct survey *s, const struct sshd_rule *r,
					 bool (*fails)(const struct sshd_rule *r, const struct sshd_sample *s),
					 struct doctor_names *names, unsigned *seconds)
{
	const struct sshd_sample *first = NULL, *last = NULL;

	*seconds = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sshd_sample *now = &s->samples[i];

		if (!fails(r, now))
			continue;
		first = first ? first : now;
		*seconds = now->class_of->login_time_s > *seconds ? now->class_of->login_time_s : *seconds;
		if (now->person && (!last || last->person != now->person))
			doctor_names_add(s->d, names, now->person->person.login);
		last = now;
	}
	return first;
}

static bool fails_now(const struct sshd_rule *r, const struct sshd_sample *s)
{
	return r->fails(s);
}

static void say_rule(const struct survey *s, const struct sshd_rule *r)
{
	struct doctor_mark mark = { .finding = r->name, .service = "sshd", .file = PATH_SSHD_CONF };
	char advice[512], line[256];
	unsigned seconds;
	DOCTOR_NAMES(names);
	const struct sshd_sample *first = failing(s, r, fails_now, &names, &seconds);

	if (!first)
		return;
	doctor_sshd_rules_line(r, seconds, keys_user(s), line, sizeof(line));
	snprintf(advice, sizeof(advice), _("write `%s` into %s, then let sshd read it: systemctl reload ssh (of RHEL: sshd)"), line,
		 place_to_write());
	mark.class_name = first->class_of->name;
	if (s->n_matches && names.n)
		doctor_find(s->d, r->level, &mark, advice, "%s: %s", gettext(r->text), doctor_names_text(&names));
	else
		doctor_find(s->d, r->level, &mark, advice, "%s", gettext(r->text));
}

/* Where sshd does not ask yet nothing of it is wrong. */
static void say_before(const struct survey *s)
{
	char advice[1024];
	size_t len;
	unsigned seconds;
	const char *last = "";
	DOCTOR_NAMES(lines);

	for (const struct sshd_rule *r = doctor_sshd_rules; r->name; r++) {
		char line[256];
		DOCTOR_NAMES(names);

		if (r->level < DOCTOR_WARNING || strcmp(r->line, last) == 0 ||
		    !failing(s, r, doctor_sshd_rules_fails_later, &names, &seconds))
			continue;
		last = r->line;
		doctor_sshd_rules_line(r, seconds, keys_user(s), line, sizeof(line));
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

	for (const struct sshd_rule *r = doctor_sshd_rules; r->name; r++) {
		DOCTOR_NAMES(names);

		if (r->level >= DOCTOR_WARNING && failing(s, r, fails_now, &names, &seconds))
			return true;
	}
	return false;
}

static void say_all(const struct survey *s)
{
	const struct doctor_mark mark = { .finding = "in-order", .service = "sshd", .file = PATH_SSHD_CONF };

	for (const struct sshd_rule *r = doctor_sshd_rules; r->name; r++)
		say_rule(s, r);
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

static bool is_module(const struct pam_line *l, const char *wanted)
{
	char name[64];

	return strcmp(pam_stack_module_name(l, name, sizeof(name)), wanted) == 0;
}

/* pam_systemd takes seat, kind and class of a session from the environment; Debian reads the file behind it, where that harms nothing. */
static bool is_read_before_session(const struct pam_stack *stack, size_t i)
{
	while (++i < stack->n)
		if (is_module(&stack->lines[i], "pam_systemd") || is_module(&stack->lines[i], "pam_cardmfa"))
			return true;
	return false;
}

static void look_at_stack(struct doctor *d, const struct doctor_service *service)
{
	const struct pam_stack *stack = &service->pam.stacks[PHASE_SESSION];

	for (size_t i = 0; i < stack->n; i++) {
		const struct pam_line *l = &stack->lines[i];
		const struct doctor_mark mark = { .finding = "user-readenv", .service = "sshd", .phase = "session", .file = l->file,
						  .line = l->number };

		if (!is_module(l, "pam_env") || !pam_stack_has_argument(l, "user_readenv=1") || !is_read_before_session(stack, i))
			continue;
		doctor_find(d, DOCTOR_NOTE, &mark,
			    _("take `user_readenv=1` out of this line, unless somebody needs it; else put the line behind pam_systemd"),
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
