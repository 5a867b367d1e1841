/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_sim.h"
#include "login_sim.h"
#include "paths.h"
#include "text.h"
#include "words.h"

#define NEAR 3                  /* edits between a name and what was meant */

/* ---- names of services ---- */

/* "sshd ssh-server": those that are nearest, "" if none is near. */
static const char *nearest(const struct doctor_facts *f, const char *word, char *dst, size_t size)
{
	unsigned best = NEAR + 1;
	size_t len = 0;

	*dst = '\0';
	for (size_t i = 0; i < f->n_services; i++) {
		unsigned distance = text_distance(word, f->services[i].pam.name);

		best = distance < best ? distance : best;
	}
	for (size_t i = 0; best <= NEAR && i < f->n_services && len < size; i++)
		if (text_distance(word, f->services[i].pam.name) == best)
			len += (size_t)snprintf(dst + len, size - len, "%s%s", len ? " " : "", f->services[i].pam.name);
	return dst;
}

/* True: it is wrong. */
static bool look_at_word(struct doctor *d, const struct policy_class *c, const char *word, const char *key)
{
	const struct doctor_facts *f = doctor_facts(d);
	const struct doctor_service *s = doctor_facts_service(f, word);
	const unsigned line = doctor_facts_line(f, c, key);
	const char *section = c ? c->name : "settings";
	struct doctor_mark mark = { .finding = "misspelt", .service = word, .file = PATH_CONF, .line = line, .class_name = section };
	char names[256], advice[512];

	if (s)
		return false;
	if (host_service_known(word)) {
		mark.finding = "not-installed";
		if (c && host_service_ready(word))
			doctor_find(d, DOCTOR_NOTE, &mark, NULL, _("[%s] names %s, which is not installed here"), section, word);
		return false;
	}
	if (*nearest(f, word, names, sizeof(names)))
		snprintf(advice, sizeof(advice), _("did you mean %s? The names are those of the files in %s and %s"), names,
			 pam_stack_dirs[0], pam_stack_dirs[1]);
	else
		snprintf(advice, sizeof(advice), _("the names are those of the files in %s and %s"), pam_stack_dirs[0],
			 pam_stack_dirs[1]);
	doctor_find(d, DOCTOR_ERROR, &mark, advice, _("[%s], %s: there is no service %s, so this has no effect"), section, key,
		    word);
	return true;
}

static void say_unasked(struct doctor *d, const struct policy_class *c)
{
	const struct doctor_facts *f = doctor_facts(d);
	struct doctor_mark mark = { .finding = "unasked", .file = PATH_CONF, .class_name = c->name,
				    .line = doctor_facts_line(f, c, "service") };
	char advice[1024] = "";
	size_t len = 0;
	DOCTOR_NAMES(names);

	for (size_t i = 0; i < c->service.n; i++) {
		const struct doctor_service *s = doctor_facts_service(f, c->service.words[i]);

		if (!s || !host_service_ready(s->pam.name) || stack_judge_uses_us(&s->verdict))
			continue;
		/* A package's own file is not changed: one of this name in /etc stands before it. */
		if (*s->pam.path && strncmp(s->pam.path, pam_stack_dirs[0], strlen(pam_stack_dirs[0])) != 0 && len < sizeof(advice))
			len += (size_t)snprintf(advice + len, sizeof(advice) - len, "cp %s %s/; ", s->pam.path, pam_stack_dirs[0]);
		mark.service = names.n ? NULL : s->pam.name;
		doctor_names_add(d, &names, s->pam.name);
	}
	if (!names.n)
		return;
	if (len < sizeof(advice))
		snprintf(advice + len, sizeof(advice) - len, _("put pam_cardmfa.so into their files in %s, or take them out of [%s]"),
			 pam_stack_dirs[0], c->name);
	doctor_find(d, DOCTOR_NOTE, &mark, advice, _("[%s] names services that do not ask pam_cardmfa: %s"), c->name,
		    doctor_names_text(&names));
}

/* Nothing to advise: those services have to wait. */
static void say_unready(struct doctor *d, const struct policy_class *c)
{
	const struct doctor_facts *f = doctor_facts(d);
	const struct doctor_mark mark = { .finding = "not-ready", .file = PATH_CONF, .class_name = c->name,
					  .line = doctor_facts_line(f, c, "service") };
	DOCTOR_NAMES(names);

	for (size_t i = 0; i < c->service.n; i++) {
		const char *word = c->service.words[i];
		const struct doctor_service *s = doctor_facts_service(f, word);

		if (!host_service_ready(word) && (s ? !stack_judge_uses_us(&s->verdict) : host_service_known(word)))
			doctor_names_add(d, &names, word);
	}
	if (names.n)
		doctor_find(d, DOCTOR_NOTE, &mark, NULL,
			    _("[%s] has no effect at these services, which this version of cardmfa is not made for yet: %s"),
			    c->name, doctor_names_text(&names));
}

void doctor_services(struct doctor *d)
{
	const struct policy *p = doctor_facts(d)->policy;
	bool wrong = false;

	if (!p)
		return;
	for (size_t i = 0; i < p->n_classes; i++) {
		for (size_t k = 0; k < p->classes[i].service.n; k++)
			wrong |= look_at_word(d, &p->classes[i], p->classes[i].service.words[k], "service");
		say_unasked(d, &p->classes[i]);
		say_unready(d, &p->classes[i]);
	}
	for (size_t k = 0; k < p->settings.local_services.n; k++)
		wrong |= look_at_word(d, NULL, p->settings.local_services.words[k], "local-services");
	if (!wrong)
		doctor_say(d, DOCTOR_OK, NULL, _("the services that the configuration names exist, or are known"));
}

/* ---- classes that stand in each other's way ---- */

/* Every word of the second list is in the first; an empty first one holds all. */
static bool holds(const struct word_list *a, const struct word_list *b)
{
	if (a->n == 0)
		return true;
	for (size_t i = 0; i < b->n; i++)
		if (!word_list_has(a, b->words[i]))
			return false;
	return b->n > 0;
}

/* Whoever and whatever is of class b would be of a, that stands before it. */
static bool shadows(const struct policy_class *a, const struct policy_class *b)
{
	bool place = a->where == WHERE_ANY || a->where == b->where;
	bool networks = a->n_from == 0;

	return place && networks && holds(&a->service, &b->service) && holds(&a->person, &b->person) &&
	       holds(&a->group, &b->group);
}

static bool say_shadowed(struct doctor *d, const struct policy *p, size_t i)
{
	const struct policy_class *c = &p->classes[i];
	const struct doctor_mark mark = { .finding = "shadowed", .file = PATH_CONF, .line = c->line, .class_name = c->name };
	char advice[512];

	for (size_t k = 0; k < i; k++) {
		if (!shadows(&p->classes[k], c))
			continue;
		snprintf(advice, sizeof(advice), _("put it above [%s] (line %u), or take it out"), p->classes[k].name,
			 p->classes[k].line);
		doctor_find(d, DOCTOR_WARNING, &mark, advice,
			    _("%s:%u: [%s] never applies: [%s] stands before it and takes all of it"), PATH_CONF, c->line, c->name,
			    p->classes[k].name);
		return true;
	}
	return false;
}

static bool is_of_jobs(const char *service)
{
	return host_service_find(service)->kind == HOST_JOBS;
}

/* `batch` concerns cron and at alone. */
static bool say_batch(struct doctor *d, const struct policy_class *c)
{
	struct doctor_mark mark = { .finding = "batch", .file = PATH_CONF, .class_name = c->name };
	size_t jobs = 0;

	mark.line = doctor_facts_line(doctor_facts(d), c, "batch");

	for (size_t i = 0; i < c->service.n; i++)
		jobs += is_of_jobs(c->service.words[i]);
	if (jobs && !c->batch) {
		doctor_find(d, DOCTOR_WARNING, &mark, _("write `batch = yes` in it, or take cron and atd out of `service`"),
			    _("%s:%u: [%s] names a service of jobs, but lets no jobs run"), PATH_CONF, mark.line, c->name);
		return true;
	}
	if (c->service.n && !jobs && c->batch) {
		mark.finding = "batch-unused";
		doctor_find(d, DOCTOR_NOTE, &mark, _("take `batch` out of it, or add cron to `service`"),
			    _("%s:%u: `batch = yes` has no effect in [%s], which names no service of jobs"), PATH_CONF, mark.line,
			    c->name);
	}
	return false;
}

static bool say_groups(struct doctor *d, const struct policy_class *c)
{
	const unsigned line = doctor_facts_line(doctor_facts(d), c, "group");
	const struct doctor_mark mark = { .finding = "no-group", .file = PATH_CONF, .line = line, .class_name = c->name };
	size_t there = 0;

	/* Where look-ups stall, that has been said. */
	if (c->group.n == 0 || doctor_facts(d)->lookup_ms < 0)
		return false;
	for (size_t i = 0; i < c->group.n; i++)
		there += getgrnam(c->group.words[i]) != NULL;
	if (there)
		return false;
	doctor_find(d, DOCTOR_WARNING, &mark, _("write groups that `getent group` shows"),
		    _("%s:%u: none of the groups of [%s] exists here"), PATH_CONF, line, c->name);
	return true;
}

/* ---- classes beside the people ---- */

/* planned: at services that will ask, of which only is told where none asks yet. */
struct class_use {
	size_t people, satisfied, planned;
};

struct census {
	const struct policy *policy;
	struct class_use uses[POLICY_CLASSES_MAX];
	size_t results;
	bool none_asks;
};

static void count(const struct sim_result *r, void *arg)
{
	struct census *n = arg;

	n->results += stack_judge_uses_us(&r->service->verdict);
	if (!r->class_of || r->why == SIM_NO_BATCH || r->service->host->kind == HOST_JOBS)
		return;

	struct class_use *u = &n->uses[r->class_of - n->policy->classes];

	u->planned += r->service->planned;
	if (r->service->planned && !n->none_asks)
		return;
	u->people++;
	u->satisfied += r->outcome == SIM_TWO_KINDS || r->why == SIM_LINUX_PASSWORD || r->why == SIM_STACK ||
			(r->why == SIM_LOCKED && !r->n_ways);
}

/* False: the check `services` has said that its services don't ask. */
static bool is_asked_somewhere(const struct doctor_facts *f, const struct policy_class *c)
{
	for (size_t i = 0; i < c->service.n; i++) {
		const struct doctor_service *s = doctor_facts_service(f, c->service.words[i]);

		if (s && (stack_judge_uses_us(&s->verdict) || doctor_facts_plan(f, s->pam.name)))
			return true;
	}
	return c->service.n == 0;
}

static bool say_use(struct doctor *d, const struct policy_class *c, const struct class_use *u)
{
	struct doctor_mark mark = { .finding = "unsatisfiable", .file = PATH_CONF, .line = c->line, .class_name = c->name };

	if (u->people && !u->satisfied) {
		mark.line = doctor_facts_line(doctor_facts(d), c, "factors");
		doctor_find(d, DOCTOR_ERROR, &mark,
			    _("enrol what it asks for (the check `logins` says what and for whom), or change its `factors`"),
			    _("%s:%u: nobody can log in with what [%s] asks for"), PATH_CONF, mark.line, c->name);
		return true;
	}
	if (!u->people && !u->planned && strcmp(c->name, "default") != 0 && is_asked_somewhere(doctor_facts(d), c)) {
		mark.finding = "unused";
		doctor_find(d, DOCTOR_NOTE, &mark, NULL,
			    _("%s:%u: [%s] applies to nobody who is registered, at no service that was tried"), PATH_CONF, c->line,
			    c->name);
	}
	return false;
}

static bool has_factor(const struct doctor_person *p, enum factor f)
{
	return (f == FACTOR_CARD && p->card) || (f == FACTOR_CARD_NOPIN && p->card_nopin) || (f == FACTOR_TOTP && p->totp) ||
	       (f == FACTOR_PASSWORD && p->password) || f == FACTOR_SESSION;
}

static bool somebody_has(const struct doctor_facts *f, enum factor factor)
{
	for (size_t i = 0; i < f->n_people; i++)
		if (has_factor(&f->people[i], factor))
			return true;
	return false;
}

/* Some alternative is of factors that are in people's hands. */
static bool can_do_without(const struct doctor_facts *f, const struct policy_class *c)
{
	for (size_t i = 0; i < c->n_alternatives; i++) {
		const struct alternative *a = &c->alternatives[i];
		size_t there = 0;

		while (there < a->n && somebody_has(f, a->factors[there]))
			there++;
		if (there == a->n)
			return true;
	}
	return false;
}

static bool has_alternative_with(const struct policy_class *c, enum factor factor)
{
	for (size_t i = 0; i < c->n_alternatives; i++)
		if (alternative_has(&c->alternatives[i], factor))
			return true;
	return false;
}

/* The first class that needs it and applies to nobody yet: of the others say_use tells. NULL: none. */
static const struct policy_class *asks_for(const struct doctor_facts *f, const struct census *n, enum factor factor)
{
	for (size_t i = 0; i < f->policy->n_classes; i++) {
		const struct policy_class *c = &f->policy->classes[i];

		if (!n->uses[i].people && !n->uses[i].planned && has_alternative_with(c, factor) && !can_do_without(f, c))
			return c;
	}
	return NULL;
}

static bool say_factor(struct doctor *d, const struct doctor_facts *f, const struct census *n, enum factor factor)
{
	const struct policy_class *c = somebody_has(f, factor) ? NULL : asks_for(f, n, factor);
	struct doctor_mark mark = { .finding = "factor-of-nobody", .file = PATH_CONF };

	if (!c)
		return false;
	mark.line = doctor_facts_line(f, c, "factors");
	mark.class_name = c->name;
	doctor_find(d, DOCTOR_WARNING, &mark, _("enrol it for those who need it, or take it out of `factors`"),
		    _("%s:%u: `%s` is asked for, but nobody has one"), PATH_CONF, mark.line, factor_name(factor));
	return true;
}

void doctor_classes(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	const struct policy *p = f->policy;
	struct census n = { .policy = p, .none_asks = !doctor_facts_asked(f) };
	bool found = false;

	if (!p)
		return;
	for (size_t i = 0; i < p->n_classes; i++) {
		found |= say_shadowed(d, p, i);
		found |= say_batch(d, &p->classes[i]);
		found |= say_groups(d, &p->classes[i]);
	}
	if (f->n_people && f->lookup_ms >= 0) {
		doctor_sim_each(f, count, &n);
		for (size_t i = 0; n.results && i < p->n_classes; i++)
			found |= say_use(d, &p->classes[i], &n.uses[i]);
		for (enum factor factor = FACTOR_CARD; factor <= FACTOR_PASSWORD; factor++)
			found |= say_factor(d, f, &n, factor);
		found |= doctor_lockers(d);
	}
	if (!found)
		doctor_say(d, DOCTOR_OK, NULL, _("no class stands in the way of another, and each can be satisfied"));
}
