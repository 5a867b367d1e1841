/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that lock a screen and take one line, which is their answer to everything. */
#include <stdio.h>

#include "doctor.h"
#include "doctor_sim.h"
#include "host_service.h"
#include "paths.h"
#include "words.h"

struct lockers {
	struct doctor *d;
	const struct doctor_service *service;   /* of which classes were said */
	bool said[POLICY_CLASSES_MAX];
	bool found;
};

/* A session and a card without PIN ask nothing. */
static unsigned questions(const struct alternative *a)
{
	unsigned n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->factors[i] == FACTOR_CARD || a->factors[i] == FACTOR_TOTP || a->factors[i] == FACTOR_PASSWORD;
	return n;
}

static bool asks_one_thing(const struct policy_class *c)
{
	for (size_t i = 0; i < c->n_alternatives; i++)
		if (questions(&c->alternatives[i]) == 1)
			return true;
	return false;
}

static void say(struct doctor *d, const char *service, const struct policy_class *c)
{
	const struct doctor_mark mark = {
		.finding = "one-line", .service = service, .class_name = c->name, .file = PATH_CONF,
		.line = doctor_facts_line(doctor_facts(d), c, "factors"),
	};
	char advice[512];

	snprintf(advice, sizeof(advice),
		 _("write a class above it with `service = %s`, `where = local` and `factors = card`; else a locked screen stays locked"),
		 service);
	doctor_find(d, DOCTOR_WARNING, &mark, advice,
		    _("%s:%u: %s answers everything with one line, but [%s] asks for more than one thing"), PATH_CONF, mark.line, service,
		    c->name);
}

static void look(const struct sim_result *r, void *arg)
{
	struct lockers *l = arg;
	const struct policy *p = doctor_facts(l->d)->policy;

	if (l->service != r->service)
		*l = (struct lockers){ .d = l->d, .service = r->service, .found = l->found };
	if (r->outcome != SIM_TWO_KINDS || !r->class_of || !stack_judge_uses_us(&r->service->verdict) ||
	    !host_service_takes_one_line(r->service->pam.name) || asks_one_thing(r->class_of) || l->said[r->class_of - p->classes])
		return;
	l->said[r->class_of - p->classes] = true;
	l->found = true;
	say(l->d, r->service->pam.name, r->class_of);
}

bool doctor_lockers(struct doctor *d)
{
	struct lockers l = { .d = d };

	doctor_sim_each(doctor_facts(d), look, &l);
	return l.found;
}
