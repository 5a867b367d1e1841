/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_crowd.h"
#include "doctor_lack.h"
#include "login_sim.h"
#include "words.h"

struct survey {
	struct doctor *d;
	json_t *list;
	size_t n_crowds, n_sites;
	struct crowd *crowds;
	struct crowd_site *sites;
};

static bool same_place(const struct sim_place *a, const struct sim_place *b)
{
	return a->remote == b->remote && strcmp(a->network, b->network) == 0;
}

/* Who gets past cardmfa gets past every class. */
static bool same_class(const struct sim_result *a, const struct sim_result *b)
{
	return a->outcome != SIM_LOCKED_OUT || a->class_of == b->class_of;
}

/* The one to change. 0: nothing of the configuration. */
static unsigned line_of(const struct survey *s, const struct sim_result *r)
{
	return r->class_of ? doctor_facts_line(doctor_facts(s->d), r->class_of, doctor_sim_key(r)) : 0;
}

/* ---- counting ---- */

static void *one_more(void *rows, size_t n, size_t size)
{
	void *more = reallocarray(rows, n + 1, size);

	if (!more)
		abort();
	return more;
}

static struct crowd_site *site_of(struct survey *s, const struct sim_result *r)
{
	struct crowd_site *last = s->n_sites ? &s->sites[s->n_sites - 1] : NULL;

	if (last && last->service == r->service && same_place(&last->place, r->place))
		return last;
	s->sites = one_more(s->sites, s->n_sites, sizeof(*s->sites));
	last = &s->sites[s->n_sites++];
	*last = (struct crowd_site){ .service = r->service, .place = *r->place };
	return last;
}

static struct crowd *crowd_of(struct survey *s, const struct sim_result *r)
{
	for (size_t i = s->n_crowds; i-- > 0;) {
		struct crowd *c = &s->crowds[i];

		if (c->like.service == r->service && same_class(&c->like, r) && c->like.outcome == r->outcome &&
		    c->like.why == r->why && doctor_sim_same_ways(&c->like, r) && same_place(&c->place, r->place) &&
		    doctor_lack_card(&c->like) == doctor_lack_card(r))
			return c;
	}
	s->crowds = one_more(s->crowds, s->n_crowds, sizeof(*s->crowds));
	s->crowds[s->n_crowds] = (struct crowd){ .like = *r, .place = *r->place };
	return &s->crowds[s->n_crowds++];
}

static json_t *missing_list(unsigned missing)
{
	json_t *list = json_array();

	for (enum factor f = FACTOR_CARD; f <= FACTOR_SESSION; f++)
		if (missing & FACTOR_BIT(f))
			json_array_append_new(list, json_string(factor_name(f)));
	return list;
}

static json_t *ways_list(const struct sim_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_ways; i++)
		json_array_append_new(list, missing_list(r->ways[i]));
	return list;
}

static void list_result(const struct survey *s, const struct sim_result *r)
{
	const struct policy_class *c = r->class_of;

	json_array_append_new(
		s->list, json_pack("{s:s, s:b, s:s, s:b, s:s, s:s?, s:s?, s:o, s:s, s:s?, s:o, s:o}", "person",
				   r->person->person.login, "registered", r->person->registered, "service", r->service->pam.name,
				   "planned", r->service->planned, "where", r->place->remote ? "remote" : "local", "from",
				   *r->place->network ? r->place->network : NULL, "class", c ? c->name : NULL, "line",
				   c ? json_integer(line_of(s, r)) : json_null(), "outcome",
				   doctor_sim_outcome_name(r->outcome), "why", r->why ? doctor_sim_why_name(r->why) : NULL,
				   "missing", missing_list(r->missing), "alternatives", ways_list(r)));
}

/* FNV-1a, each name with its end. */
static void add_member(struct doctor *d, struct crowd *c, const char *name)
{
	doctor_names_add(d, &c->names, name);
	for (size_t i = 0; i <= strlen(name); i++)
		c->members = (c->members ^ (unsigned char)name[i]) * 1099511628211u;
}

/* root has a password for the rescue boot, and is meant to get in nowhere else. */
static bool is_root_refused(const struct sim_result *r)
{
	return r->why == SIM_NOT_REGISTERED && r->person->account_uid == 0 && !r->service->planned;
}

static void take(const struct sim_result *r, void *arg)
{
	struct survey *s = arg;

	site_of(s, r)->counts[r->outcome] += r->person->registered;
	if (s->list)
		list_result(s, r);
	if (r->outcome != SIM_TWO_KINDS && !is_root_refused(r))
		add_member(s->d, crowd_of(s, r), r->person->person.login);
}

/* ---- the check ---- */

static bool somebody_gets_in(const struct survey *s, const struct crowd *c)
{
	for (size_t i = 0; i < s->n_sites; i++)
		if (s->sites[i].service == c->like.service && same_place(&s->sites[i].place, &c->place))
			return s->sites[i].counts[SIM_TWO_KINDS] > 0;
	return false;
}

static void say_crowds(struct survey *s, bool strangers)
{
	for (size_t i = 0; i < s->n_crowds; i++) {
		struct crowd *c = &s->crowds[i];

		/* What will be is told of them for the console, and for others together with it. */
		if (strangers && doctor_crowd_is_far_plan(c))
			continue;
		if (!c->said && strangers == (c->like.why == SIM_NOT_REGISTERED))
			doctor_crowd_say(s->d, c, s->crowds + s->n_crowds, somebody_gets_in(s, c));
	}
}

static void report(struct survey *s)
{
	doctor_crowd_say_today(s->d, s->crowds, s->n_crowds);
	doctor_crowd_say_sites(s->d, s->sites, s->n_sites);
	say_crowds(s, false);
	say_crowds(s, true);
	for (size_t i = 0; i < s->n_crowds; i++)
		doctor_names_free(&s->crowds[i].names);
	if (!s->n_sites)
		doctor_find(s->d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "nobody-asked" }, NULL,
			    _("nobody gets in at any service that was tried, and none asks pam_cardmfa"));
}

void doctor_logins(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	struct survey s = { .d = d, .list = doctor_list(d, "logins") };

	if (!f->policy || !f->people_known) {
		doctor_find(d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "not-tried" },
			    _("mend the configuration and the store first"),
			    _("no login was tried out: the configuration or the store can't be read"));
		return;
	}
	if (f->lookup_ms < 0) {
		doctor_find(d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "not-tried" },
			    _("see what the check `nsswitch` says"),
			    _("no login was tried out: groups can't be looked up"));
		return;
	}
	if (!f->n_people)
		doctor_find(d, doctor_facts_asked(f) ? DOCTOR_ERROR : DOCTOR_NOTE, &(struct doctor_mark){ .finding = "nobody" },
			    "cardtool user add USER",
			    _("nobody is registered yet: once pam_cardmfa.so is in a stack, nobody gets in there"));
	doctor_sim_each(f, take, &s);
	report(&s);
	free(s.crowds);
	free(s.sites);
}
