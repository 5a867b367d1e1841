/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_sim.h"

#include <arpa/inet.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "login_sim.h"
#include "pam_known.h"

#define PLACES_MAX (2 + POLICY_CLASSES_MAX)

static const char *const outcome_names[] = { "two-kinds", "one-kind", "nothing-asked", "locked-out" };
static const char *const why_names[] = { "", "lacks", "nothing-offered", "no-class", "no-account", "linux-password",
					 "stack", "no-batch", "locked", "not-registered" };

const char *doctor_sim_outcome_name(enum sim_outcome o)
{
	return outcome_names[o];
}

const char *doctor_sim_why_name(enum sim_why w)
{
	return why_names[w];
}

const char *doctor_sim_key(const struct sim_result *r)
{
	return r->why == SIM_NO_BATCH ? "batch" : "factors";
}

bool doctor_sim_same_ways(const struct sim_result *a, const struct sim_result *b)
{
	return a->n_ways == b->n_ways && memcmp(a->ways, b->ways, a->n_ways * sizeof(a->ways[0])) == 0;
}

/* ---- groups of the configuration, each looked up once ---- */

struct sim_group {
	const char *name;
	bool there;
	gid_t gid;
	size_t n;
	char **members;         /* sorted */
};

struct sim_groups {
	size_t n;
	struct sim_group *rows;
};

static int by_string(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void look_up(struct sim_group *g)
{
	const struct group *gr = getgrnam(g->name);

	if (!gr)
		return;
	g->there = true;
	g->gid = gr->gr_gid;
	for (char **m = gr->gr_mem; *m; m++)
		g->n++;
	g->members = calloc(g->n + 1, sizeof(*g->members));
	for (size_t i = 0; g->members && i < g->n; i++)
		g->members[i] = strdup(gr->gr_mem[i]);
	for (size_t i = 0; g->members && i < g->n; i++)
		if (!g->members[i])
			g->n = i;
	if (!g->members)
		g->n = 0;
	if (g->n)
		qsort(g->members, g->n, sizeof(*g->members), by_string);
}

static struct sim_group *find_group(const struct sim_groups *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->rows[i].name, name) == 0)
			return &all->rows[i];
	return NULL;
}

static void read_groups(const struct doctor_facts *f, struct sim_groups *all)
{
	const struct policy *p = f->policy;
	size_t room = 0;

	for (size_t i = 0; i < p->n_classes; i++)
		room += p->classes[i].group.n;
	all->rows = calloc(room + 1, sizeof(*all->rows));
	for (size_t i = 0; all->rows && f->lookup_ms >= 0 && i < p->n_classes; i++) {
		for (size_t k = 0; k < p->classes[i].group.n; k++) {
			const char *name = p->classes[i].group.words[k];

			if (find_group(all, name))
				continue;
			all->rows[all->n] = (struct sim_group){ .name = name };
			look_up(&all->rows[all->n++]);
		}
	}
}

static void free_groups(struct sim_groups *all)
{
	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < all->rows[i].n; k++)
			free(all->rows[i].members[k]);
		free(all->rows[i].members);
	}
	free(all->rows);
}

struct member {
	const struct sim_groups *groups;
	const struct doctor_person *person;
};

static enum err in_group(const char *name, bool *ret, void *arg)
{
	const struct member *m = arg;
	const struct sim_group *g = find_group(m->groups, name);
	const char *login = m->person->person.login;

	if (!g || !g->there)
		return ERR_NOT_FOUND;
	*ret = m->person->account_gid == (int64_t)g->gid ||
	       (g->n && bsearch(&login, g->members, g->n, sizeof(*g->members), by_string));
	return ERR_OK;
}

/* ---- places ---- */

static bool applies_at(const struct policy_class *c, const char *service)
{
	return c->service.n == 0 || word_list_has(&c->service, service);
}

static bool network_place(const struct policy_cidr *c, struct sim_place *ret)
{
	int family = c->family_bits == 32 ? AF_INET : AF_INET6;

	ret->remote = true;
	if (!inet_ntop(family, c->address, ret->address, sizeof(ret->address)))
		return false;
	snprintf(ret->network, sizeof(ret->network), "%s/%u", ret->address, c->prefix);
	return true;
}

/* Where we are not asked one place stands for all. Far away: from anywhere, and from the first network of each class that asks for one. */
static size_t find_places(const struct doctor_facts *f, const struct doctor_service *s, struct sim_place *places)
{
	const struct policy *p = f->policy;
	bool local = word_list_has(&p->settings.local_services, s->pam.name);
	size_t n = 0;

	memset(places, 0, PLACES_MAX * sizeof(*places));
	if (local)
		n++;
	if (local && (!s->host->remote || !stack_judge_uses_us(&s->verdict)))
		return n;
	places[n++].remote = true;
	if (!stack_judge_uses_us(&s->verdict))
		return n;
	for (size_t i = 0; i < p->n_classes; i++)
		if (p->classes[i].n_from && applies_at(&p->classes[i], s->pam.name) &&
		    network_place(&p->classes[i].from[0], &places[n]))
			n++;
	return n;
}

/* ---- what the stack lets by ---- */

struct stack_facts {
	bool lets_in[2];                /* without, with a Linux password */
	enum sim_outcome weakest[2];    /* SIM_TWO_KINDS: nobody gets past us */
};

static enum sim_outcome weakest_way(const struct doctor_service *s, bool linux_password)
{
	static const unsigned one[] = { KIND_KNOWLEDGE, KIND_POSSESSION, KIND_INHERENCE };

	if (stack_judge_passes_by(&s->pam, s->host, pam_known_dirs, 0, linux_password))
		return SIM_NOTHING_ASKED;
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		if (stack_judge_passes_by(&s->pam, s->host, pam_known_dirs, one[i], linux_password))
			return SIM_ONE_KIND;
	return SIM_TWO_KINDS;
}

static void look_at_stack(const struct doctor_service *s, struct stack_facts *ret)
{
	for (int pw = 0; pw <= 1; pw++) {
		ret->lets_in[pw] = stack_judge_lets_in(&s->pam, s->host, pam_known_dirs, pw);
		ret->weakest[pw] = s->host->kind == HOST_JOBS ? SIM_TWO_KINDS : weakest_way(s, pw);
	}
}

/* ---- one person ---- */

static unsigned has_factors(const struct doctor_person *p)
{
	return (p->card ? FACTOR_BIT(FACTOR_CARD) : 0) | (p->card_nopin ? FACTOR_BIT(FACTOR_CARD_NOPIN) : 0) |
	       (p->totp ? FACTOR_BIT(FACTOR_TOTP) : 0) | (p->password ? FACTOR_BIT(FACTOR_PASSWORD) : 0);
}

static const struct policy_class *class_at(const struct doctor_facts *f, const struct sim_groups *groups,
					   const struct sim_result *r, const char *service)
{
	const struct person *p = &r->person->person;
	struct member m = { groups, r->person };
	const struct policy_facts facts = {
		.login = p->login, .service = service, .remote = r->place->remote, .address = r->place->address,
		.assigned_class = p->class_name, .last_class = p->last_class, .in_group = in_group, .arg = &m,
	};
	bool failed;

	if (p->class_name[0] && !policy_class_by_name(f->policy, p->class_name))
		return NULL;
	return policy_select(f->policy, &facts, &failed);
}

/* Who switches within a session, or asks for something there, logged in before: how, or there is no such login. */
static const char *began_at(const struct doctor_facts *f, const struct sim_result *r)
{
	const char *name = r->place->remote ? "sshd" : "login";
	const struct doctor_service *s = doctor_facts_service(f, name);
	bool within = r->service->host->kind == HOST_SWITCH || r->service->host->kind == HOST_ASK;

	return within && s && (r->service->planned || stack_judge_uses_us(&s->verdict)) ? name : NULL;
}

bool doctor_sim_asks_target(const struct sim_result *r)
{
	const char *service = r->service->pam.name;

	return (strcmp(service, "su") == 0 || strcmp(service, "su-l") == 0) && r->class_of->su == SU_TARGET;
}

/*
 * What the login proved that this person's session began with; 0: nothing that counts here. False: it can't have begun, so
 * that the person never comes here.
 */
static bool came_in(const struct doctor_facts *f, const struct sim_groups *groups, const struct sim_result *r, unsigned *kinds)
{
	const char *begin = began_at(f, r);
	const struct policy_class *c = begin ? class_at(f, groups, r, begin) : NULL;
	const struct login_sim_place at = { r->place->remote, r->place->remote, 0 };
	struct login_sim sim;

	*kinds = 0;
	/* Another's session: nothing of it counts. */
	if (!c || doctor_sim_asks_target(r))
		return true;
	login_sim_run(c, at, has_factors(r->person), &sim);
	*kinds = sim.kinds;
	return sim.possible && r->person->person.state != PERSON_LOCKED;
}

static void lock_out(struct sim_result *r, enum sim_why why)
{
	r->outcome = SIM_LOCKED_OUT;
	r->why = why;
}

/* As cardmfa itself would judge. False: this person never comes here. */
static bool judge(const struct doctor_facts *f, const struct sim_groups *groups, struct sim_result *r)
{
	bool locked = r->person->person.state == PERSON_LOCKED;
	struct login_sim_place at = { r->place->remote, r->place->remote && strcmp(r->service->pam.name, "sshd") == 0, 0 };
	struct login_sim sim;

	if (!r->person->registered) {
		lock_out(r, SIM_NOT_REGISTERED);
		return true;
	}
	if (r->person->account_uid != r->person->person.uid) {
		lock_out(r, SIM_NO_ACCOUNT);
		return true;
	}
	r->class_of = class_at(f, groups, r, r->service->pam.name);
	if (!r->class_of) {
		lock_out(r, SIM_NO_CLASS);
		return true;
	}
	if (r->service->host->kind == HOST_JOBS) {
		if (locked)
			lock_out(r, SIM_LOCKED);
		else if (!r->class_of->batch)
			lock_out(r, SIM_NO_BATCH);
		return true;
	}
	if (!came_in(f, groups, r, &at.session_kinds))
		return false;
	login_sim_run(r->class_of, at, has_factors(r->person), &sim);
	if (!sim.offered)
		lock_out(r, SIM_NOTHING_OFFERED);
	else if (locked)
		lock_out(r, SIM_LOCKED);
	else if (!sim.possible)
		lock_out(r, SIM_LACKS);
	else if (login_sim_count(sim.kinds) < 2)
		r->outcome = SIM_ONE_KIND;
	r->n_ways = sim.n_ways;
	memcpy(r->ways, sim.ways, sizeof(r->ways));
	r->missing = sim.missing;
	return true;
}

/* And with what stands around it. False: there is nothing to say of this person here. */
static bool combine(const struct stack_facts *stack, struct sim_result *r)
{
	bool linux_password = r->person->linux_password != LINUX_NONE;
	enum sim_outcome by = stack->weakest[linux_password];
	bool ours = stack_judge_uses_us(&r->service->verdict);

	if (by == SIM_ONE_KIND && r->person->linux_password == LINUX_EMPTY)
		by = SIM_NOTHING_ASKED;
	if (by != SIM_TWO_KINDS && r->person->account_uid >= 0) {
		r->outcome = by;
		r->why = SIM_NO_REASON;
		r->n_ways = 0;
		r->missing = 0;
		return true;
	}
	if (!ours)
		return false;
	if (r->outcome != SIM_LOCKED_OUT && !stack->lets_in[linux_password])
		lock_out(r, stack->lets_in[1] ? SIM_LINUX_PASSWORD : SIM_STACK);
	return true;
}

/* ---- all ---- */

static bool is_simulated(const struct doctor_service *s)
{
	bool ours = stack_judge_uses_us(&s->verdict);

	if (s->host->kind == HOST_JOBS)
		return s->verdict.ours[PHASE_ACCOUNT];
	if (s->host->kind == HOST_MACHINE || !(s->host->phases & HOST_CALLS(PHASE_AUTH)))
		return false;
	return s->host->kind == HOST_LOGIN || s->host->kind == HOST_SWITCH || ours || s->named;
}

static void run_service(const struct doctor_facts *f, const struct sim_groups *groups, const struct doctor_service *s,
			sim_cb cb, void *arg)
{
	struct sim_place places[PLACES_MAX];
	struct stack_facts stack;
	size_t n = find_places(f, s, places);

	look_at_stack(s, &stack);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < f->n_strangers + f->n_people; k++) {
			const struct doctor_person *p = k < f->n_strangers ? &f->strangers[k] : &f->people[k - f->n_strangers];
			struct sim_result r = { .person = p, .service = s, .place = &places[i] };

			/* Jobs of the system's accounts run, and others' are no logins. */
			if (!p->registered && s->host->kind == HOST_JOBS)
				continue;
			bool comes = !stack_judge_uses_us(&s->verdict) || judge(f, groups, &r);

			if (combine(&stack, &r) && (comes || r.outcome != SIM_TWO_KINDS))
				cb(&r, arg);
		}
	}
}

const struct policy_class *doctor_sim_class(const struct doctor_facts *f, const char *login, const char *service)
{
	static const struct sim_place here;
	const struct doctor_person *p = doctor_people_person(f, login);
	const struct sim_result r = { .person = p, .place = &here };
	struct sim_groups groups = { .n = 0 };
	const struct policy_class *c;

	if (!p)
		return NULL;
	read_groups(f, &groups);
	c = groups.rows ? class_at(f, &groups, &r, service) : NULL;
	free_groups(&groups);
	return c;
}

void doctor_sim_service(const struct doctor_facts *f, const struct doctor_service *s, sim_cb cb, void *arg)
{
	struct sim_groups groups = { .n = 0 };

	read_groups(f, &groups);
	if (groups.rows)
		run_service(f, &groups, s, cb, arg);
	free_groups(&groups);
}

void doctor_sim_each(const struct doctor_facts *f, sim_cb cb, void *arg)
{
	struct sim_groups groups = { .n = 0 };

	read_groups(f, &groups);
	for (size_t i = 0; groups.rows && i < f->n_services; i++)
		if (is_simulated(&f->services[i]))
			run_service(f, &groups, &f->services[i], cb, arg);
	for (size_t i = 0; groups.rows && i < f->n_plans; i++)
		run_service(f, &groups, &f->plans[i], cb, arg);
	free_groups(&groups);
}
