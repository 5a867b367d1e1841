/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_crowd.h"

#include <stdio.h>
#include <string.h>

#include "doctor_lack.h"
#include "paths.h"
#include "words.h"

#define PLACE_SIZE 512

struct speech {
	char finding[40], advice[1024], place[PLACE_SIZE];
	struct doctor_mark mark;
};

/* What will be needs no place where there is only one. */
static bool has_one_place(const struct doctor_service *s, const struct sim_place *p)
{
	return s->host->kind == HOST_JOBS || (s->planned && s->host->kind == HOST_LOGIN && !*p->network);
}

/* "su, su-l, over the network" */
static const char *place_text(const char *names, const struct doctor_service *s, const struct sim_place *p, char dst[PLACE_SIZE])
{
	char where[PLACE_SIZE / 2];

	if (has_one_place(s, p))
		snprintf(where, sizeof(where), "%s", names);
	else if (*p->network)
		snprintf(where, sizeof(where), _("%s, over the network from %s"), names, p->network);
	else
		snprintf(where, sizeof(where), p->remote ? _("%s, over the network") : _("%s, in front of this machine"), names);
	snprintf(dst, PLACE_SIZE, s->planned ? _("%s, with the lines of README") : "%s", where);
	return dst;
}

static bool same_place(const struct doctor_service *s, const struct sim_place *p, const struct doctor_service *t,
		       const struct sim_place *q)
{
	return has_one_place(s, p) == has_one_place(t, q) &&
	       (has_one_place(s, p) || (p->remote == q->remote && strcmp(p->network, q->network) == 0));
}

/* For --json: what is not so yet has a name of its own. */
static void begin_speech(struct speech *s, const struct doctor_service *of, const char *finding)
{
	snprintf(s->finding, sizeof(s->finding), "%s%s", of->planned ? "planned-" : "", finding);
	s->mark = (struct doctor_mark){ .finding = s->finding, .service = of->pam.name };
}

/* All that it is said of. */
static void name_services(struct speech *s, struct doctor_names *names, const struct doctor_service *of, const struct sim_place *p)
{
	place_text(doctor_names_text(names), of, p, s->place);
	s->mark.service = names->n == 1 ? of->pam.name : NULL;
}

/* ---- who gets in ---- */

static void say_site(struct doctor *d, const struct crowd_site *site, struct doctor_names *names)
{
	struct speech s;
	const struct doctor_service *service = site->service;
	size_t good = site->counts[SIM_TWO_KINDS], n = 0;

	for (int i = 0; i < SIM_OUTCOMES; i++)
		n += site->counts[i];
	begin_speech(&s, service, doctor_sim_outcome_name(SIM_TWO_KINDS));
	name_services(&s, names, service, &site->place);
	if (service->planned)
		doctor_find(d, good == n ? DOCTOR_OK : DOCTOR_NOTE, &s.mark, NULL,
			    _("%s: %zu of %zu people would get in, with two kinds of proof"), s.place, good, n);
	else if (service->host->kind == HOST_JOBS)
		doctor_find(d, DOCTOR_OK, &s.mark, NULL, _("%s: jobs of %zu of %zu people run"), s.place, good, n);
	else
		doctor_find(d, DOCTOR_OK, &s.mark, NULL, _("%s: %zu of %zu people can log in, with two kinds of proof"), s.place,
			    good, n);
}

/* What is planned for several services in one go. */
static bool is_like_site(const struct crowd_site *a, const struct crowd_site *b)
{
	return a == b || (!b->said && a->service->planned && b->service->planned &&
			  same_place(a->service, &a->place, b->service, &b->place) &&
			  memcmp(a->counts, b->counts, sizeof(a->counts)) == 0);
}

void doctor_crowd_say_sites(struct doctor *d, struct crowd_site *sites, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		DOCTOR_NAMES(names);

		if (sites[i].said || !sites[i].counts[SIM_TWO_KINDS])
			continue;
		for (size_t k = i; k < n; k++) {
			if (!is_like_site(&sites[i], &sites[k]))
				continue;
			sites[k].said = true;
			doctor_names_add(d, &names, sites[k].service->pam.name);
		}
		say_site(d, &sites[i], &names);
	}
}

/* ---- who gets past ---- */

/* The line of the stack that is to blame, where there is one. */
static const struct pam_line *blamed_line(const struct doctor_service *s)
{
	for (size_t i = 0; i < s->verdict.n; i++)
		if (s->verdict.findings[i].phase == PHASE_AUTH && s->verdict.findings[i].line)
			return s->verdict.findings[i].line;
	return NULL;
}

static void say_weak(struct doctor *d, struct crowd *c, struct speech *s)
{
	const struct doctor_service *of = c->like.service;
	const struct pam_line *l = blamed_line(of);
	const char *names = doctor_names_text(&c->names);

	if (l && of->planned)
		snprintf(s->advice, sizeof(s->advice), _("first take %s:%u out of this service"), l->file, l->number);
	else if (l)
		snprintf(s->advice, sizeof(s->advice), _("change %s:%u as the check `pam` says"), l->file, l->number);
	else
		snprintf(s->advice, sizeof(s->advice), _("look at what lets people by in %s"), of->pam.path);
	s->mark.file = l ? l->file : NULL;
	s->mark.line = l ? l->number : 0;
	if (c->like.outcome == SIM_NOTHING_ASKED)
		doctor_find(d, DOCTOR_ERROR, &s->mark, s->advice,
			    ngettext("%s: %zu person can get in without proving anything: %s",
				     "%s: %zu people can get in without proving anything: %s", c->names.n),
			    s->place, c->names.n, names);
	else
		doctor_find(d, DOCTOR_ERROR, &s->mark, s->advice,
			    ngettext("%s: %zu person can get in with one kind of proof alone: %s",
				     "%s: %zu people can get in with one kind of proof alone: %s", c->names.n),
			    s->place, c->names.n, names);
}

/* ---- who is locked out, why, and what to do ---- */

static const char *user_of(const struct crowd *c)
{
	return c->names.n == 1 ? c->like.person->person.login : "USER";
}

static void look_at_stack(const struct crowd *c, char *dst, size_t size)
{
	const struct doctor_service *of = c->like.service;
	const struct pam_line *l = blamed_line(of);

	if (!of->planned)
		snprintf(dst, size, "%s", _("see what the check `pam` says of this service"));
	else if (l)
		snprintf(dst, size, _("look at %s:%u, which would stay in this service"), l->file, l->number);
	else
		snprintf(dst, size, _("look at what would stay in %s"), of->pam.path);
}

static const char *card_text(const struct sim_result *r)
{
	switch (doctor_lack_card(r)) {
	case LACK_SUSPENDED:
		return _(" (their card is suspended)");
	case LACK_EXPIRED:
		return _(" (the certificate on their card has ended)");
	default:
		return "";
	}
}

static void because_of_class(const struct crowd *c, unsigned line, char *why, size_t why_size, char *advice, size_t size)
{
	const char *name = c->like.class_of->name;
	char factors[256];

	if (c->like.why == SIM_LACKS) {
		doctor_lack_commands(&c->like, c->names.n == 1, advice, size);
		snprintf(why, why_size, _("[%s] asks for what they lack: %s"), name,
			 doctor_lack_text(&c->like, factors, sizeof(factors)));
		snprintf(why + strlen(why), why_size - strlen(why), "%s", card_text(&c->like));
	} else if (c->like.why == SIM_NO_BATCH) {
		snprintf(advice, size, _("%s:%u: write `batch = yes` in [%s], if these people may have jobs"), PATH_CONF, line,
			 name);
		snprintf(why, why_size, _("[%s] runs no jobs"), name);
	} else {
		snprintf(advice, size, _("%s:%u: add to `factors` of [%s] a way without a card, as in password,totp"), PATH_CONF, line,
			 name);
		snprintf(why, why_size, _("nothing that [%s] asks for can be given there"), name);
	}
}

static void because_locked(const struct crowd *c, char *why, size_t why_size, char *advice, size_t size)
{
	char more[800];

	doctor_lack_commands(&c->like, c->names.n == 1, more, sizeof(more));
	snprintf(advice, size, "cardtool unlock %s%s%s", user_of(c), *more ? "; " : "", more);
	snprintf(why, why_size, "%s", _("an administrator has locked them"));
}

static void explain(const struct crowd *c, unsigned line, char *why, size_t why_size, char *advice, size_t size)
{
	switch (c->like.why) {
	case SIM_LACKS:
	case SIM_NOTHING_OFFERED:
	case SIM_NO_BATCH:
		because_of_class(c, line, why, why_size, advice, size);
		break;
	case SIM_NO_CLASS:
		snprintf(advice, size, _("write this class into %s"), PATH_CONF);
		snprintf(why, why_size, _("[%s], which they were put into, is not in the configuration"),
			 c->like.person->person.class_name);
		break;
	case SIM_LOCKED:
		because_locked(c, why, why_size, advice, size);
		break;
	case SIM_NO_ACCOUNT:
		snprintf(advice, size, "%s", _("see what the check `accounts` says"));
		snprintf(why, why_size, "%s", _("they have no account with their uid"));
		break;
	case SIM_LINUX_PASSWORD:
		look_at_stack(c, advice, size);
		snprintf(why, why_size, "%s", _("the stack asks for the Linux password too, and theirs is locked"));
		break;
	default:
		look_at_stack(c, advice, size);
		snprintf(why, why_size, "%s", _("nobody gets through the stack"));
	}
}

/* Who is far away may still go to the machine: su, sudo and polkit serve both. */
static bool is_only_afar(const struct crowd *c)
{
	return c->place.remote && c->like.service->host->kind != HOST_LOGIN;
}

bool doctor_crowd_is_far_plan(const struct crowd *c)
{
	return c->like.service->planned && strcmp(c->like.service->pam.name, "login") != 0;
}

static enum doctor_level level_of(const struct crowd *c, bool somebody)
{
	if (doctor_crowd_is_far_plan(c))
		return somebody || is_only_afar(c) ? DOCTOR_NOTE : DOCTOR_WARNING;
	if (!somebody && !is_only_afar(c))
		return DOCTOR_ERROR;
	return c->like.why == SIM_LOCKED ? DOCTOR_NOTE : DOCTOR_WARNING;        /* a lock is meant */
}

static void say_locked_out(struct doctor *d, struct crowd *c, bool somebody, struct speech *s)
{
	const struct policy_class *class_of = c->like.class_of;
	const char *names = doctor_names_text(&c->names);
	char why[512], advice[900];

	if (class_of) {
		s->mark.file = PATH_CONF;
		s->mark.line = doctor_facts_line(doctor_facts(d), class_of, doctor_sim_key(&c->like));
		s->mark.class_name = class_of->name;
	}
	explain(c, s->mark.line, why, sizeof(why), advice, sizeof(advice));
	snprintf(s->advice, sizeof(s->advice), c->like.service->planned ? _("first: %s") : "%s", advice);
	doctor_find(d, level_of(c, somebody), &s->mark, s->advice,
		    c->like.service->planned ?
			    ngettext("%s: %zu person would be locked out, %s: %s", "%s: %zu people would be locked out, %s: %s",
				     c->names.n) :
			    ngettext("%s: %zu person is locked out, %s: %s", "%s: %zu people are locked out, %s: %s", c->names.n),
		    s->place, c->names.n, why, names);
}

static void say_strangers(struct doctor *d, struct crowd *c, struct speech *s)
{
	doctor_find(d, DOCTOR_NOTE, &s->mark,
		    _("cardtool user add USER, for those who are to log in there; root is better left to the rescue boot"),
		    c->like.service->planned ?
			    ngettext("%s: %zu account with a usable password is not registered and would get no further: %s",
				     "%s: %zu accounts with a usable password are not registered and would get no further: %s",
				     c->names.n) :
			    ngettext("%s: %zu account with a usable password is not registered and gets no further: %s",
				     "%s: %zu accounts with a usable password are not registered and get no further: %s",
				     c->names.n),
		    s->place, c->names.n, doctor_names_text(&c->names));
}

/* From afar no card of whom su names is there: that is meant, and locks nobody out of anything of their own. */
static bool is_other_card(const struct crowd *c)
{
	return c->like.why == SIM_NOTHING_OFFERED && c->place.remote && doctor_sim_asks_target(&c->like);
}

static void say_other_card(struct doctor *d, const struct crowd *c, struct speech *s)
{
	s->mark.class_name = c->like.class_of->name;
	doctor_find(d, DOCTOR_OK, &s->mark, NULL,
		    _("%s: nobody becomes another person: [%s] asks for that person's card. sudo, which asks for one's own, is for this"),
		    s->place, c->like.class_of->name);
}

/* Not of what its own stack is to blame for. */
static bool is_like_plan(const struct crowd *a, const struct crowd *b)
{
	return a == b || (!b->said && a->like.service->planned && b->like.service->planned && a->like.outcome == SIM_LOCKED_OUT &&
			  a->like.outcome == b->like.outcome && a->like.why == b->like.why && a->like.why != SIM_STACK &&
			  a->like.why != SIM_LINUX_PASSWORD && a->like.class_of == b->like.class_of &&
			  a->names.n == b->names.n && a->members == b->members && doctor_sim_same_ways(&a->like, &b->like) &&
			  doctor_lack_card(&a->like) == doctor_lack_card(&b->like) &&
			  same_place(a->like.service, &a->place, b->like.service, &b->place));
}

void doctor_crowd_say(struct doctor *d, struct crowd *c, struct crowd *end, bool somebody)
{
	bool stranger = c->like.why == SIM_NOT_REGISTERED;
	struct speech s;
	DOCTOR_NAMES(services);

	for (struct crowd *o = c; o < end; o++) {
		if (!is_like_plan(c, o))
			continue;
		o->said = true;
		doctor_names_add(d, &services, o->like.service->pam.name);
	}
	begin_speech(&s, c->like.service, stranger ? doctor_sim_why_name(c->like.why) : doctor_sim_outcome_name(c->like.outcome));
	name_services(&s, &services, c->like.service, &c->place);
	if (stranger)
		say_strangers(d, c, &s);
	else if (is_other_card(c))
		say_other_card(d, c, &s);
	else if (c->like.outcome == SIM_LOCKED_OUT)
		say_locked_out(d, c, somebody, &s);
	else
		say_weak(d, c, &s);
}

/* ---- where it is not asked ---- */

static bool is_alike(const struct crowd *a, const struct crowd *b)
{
	return !b->said && !stack_judge_uses_us(&b->like.service->verdict) && a->like.outcome == b->like.outcome &&
	       a->names.n == b->names.n && a->members == b->members;
}

/* ready: there are lines for all of these services. */
static void say_one_today(struct doctor *d, struct crowd *c, const char *services, const char *only, bool ready)
{
	const struct doctor_mark mark = { .finding = doctor_sim_outcome_name(c->like.outcome), .service = only };

	if (c->like.outcome == SIM_NOTHING_ASKED)
		doctor_find(d, DOCTOR_WARNING, &mark, _("see what the check `accounts` says, and which line of these files lets them in"),
			    ngettext("%s: nothing has to be proved today by %zu account: %s",
				     "%s: nothing has to be proved today by %zu accounts: %s", c->names.n),
			    services, c->names.n, doctor_names_text(&c->names));
	else
		doctor_find(d, DOCTOR_NOTE, &mark, ready ? _("the lines of pam_cardmfa(8) in their files ask for two") : NULL,
			    ngettext("%s: one kind of proof is enough today for %zu account: %s",
				     "%s: one kind of proof is enough today for %zu accounts: %s", c->names.n),
			    services, c->names.n, doctor_names_text(&c->names));
}

void doctor_crowd_say_today(struct doctor *d, struct crowd *crowds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct crowd *c = &crowds[i];
		bool ready = true;
		DOCTOR_NAMES(services);

		if (!is_alike(c, c))
			continue;
		for (size_t k = i; k < n; k++) {
			if (!is_alike(c, &crowds[k]))
				continue;
			crowds[k].said = k > i;
			ready &= host_service_ready(crowds[k].like.service->pam.name);
			doctor_names_add(d, &services, crowds[k].like.service->pam.name);
		}
		say_one_today(d, c, doctor_names_text(&services), services.n == 1 ? c->like.service->pam.name : NULL, ready);
		c->said = true;
	}
}
