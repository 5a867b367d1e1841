/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "pam_known.h"
#include "pam_plan.h"
#include "paths.h"
#include "trusted.h"

/* ---- the configuration ---- */

static void read_policy(struct doctor_facts *f)
{
	int fd;

	if (trusted_open(PATH_CONF, 0022, &fd) != ERR_OK)
		return;
	if (policy_read(fd, PATH_CONF, &f->policy) != ERR_OK)
		f->policy = NULL;
	close(fd);
}

unsigned doctor_facts_line(const struct doctor_facts *f, const struct policy_class *c, const char *key)
{
	const char *section = c ? "class" : "settings";
	const unsigned *lines = f->policy->lines[c ? 1 + (size_t)(c - f->policy->classes) : 0];
	size_t n;
	const struct setting_doc *docs = policy_settings_table(&n);

	for (size_t i = 0; i < n; i++)
		if (lines[i] && strcmp(docs[i].section, section) == 0 && strcmp(docs[i].key, key) == 0)
			return lines[i];
	return c ? c->line : 0;
}

/* ---- services ---- */

static int by_service(const void *a, const void *b)
{
	const struct doctor_service *x = a, *y = b;

	return strcmp(x->pam.name, y->pam.name);
}

static bool has_service(const struct doctor_facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_services; i++)
		if (strcmp(f->services[i].pam.name, name) == 0)
			return true;
	return false;
}

static bool is_named(const struct policy *p, const char *service)
{
	for (size_t i = 0; p && i < p->n_classes; i++)
		if (word_list_has(&p->classes[i].service, service))
			return true;
	return false;
}

static void add_service(struct doctor_facts *f, const char *name)
{
	struct doctor_service s = { .host = host_service_find(name), .named = is_named(f->policy, name) };
	struct doctor_service *rows;

	if (s.host->kind == HOST_PART || host_service_is_leftover(name) || has_service(f, name))
		return;
	rows = reallocarray(f->services, f->n_services + 1, sizeof(s));
	if (!rows)
		return;
	f->services = rows;
	if (pam_stack_read(pam_stack_dirs, name, &s.pam) != ERR_OK)
		return;
	stack_judge(&s.pam, s.host, pam_known_dirs, &s.verdict);
	f->services[f->n_services++] = s;
}

static void read_services(struct doctor_facts *f)
{
	for (const char *const *path = pam_stack_dirs; *path; path++) {
		DIR *dir = opendir(*path);

		for (const struct dirent *e; dir && (e = readdir(dir));)
			if (e->d_type != DT_DIR && e->d_name[0] != '.')
				add_service(f, e->d_name);
		if (dir)
			closedir(dir);
	}
	if (f->n_services)
		qsort(f->services, f->n_services, sizeof(*f->services), by_service);
}

static bool may_be_switched_on(const struct doctor_service *s)
{
	return host_service_ready(s->pam.name) && (s->host->kind == HOST_LOGIN || s->host->kind == HOST_SWITCH) &&
	       !s->pam.broken && !stack_judge_uses_us(&s->verdict);
}

static void plan_services(struct doctor_facts *f)
{
	f->plans = calloc(f->n_services + 1, sizeof(*f->plans));
	for (size_t i = 0; f->plans && i < f->n_services; i++) {
		const struct doctor_service *s = &f->services[i];
		struct doctor_service plan = { .host = s->host, .named = s->named, .planned = true };

		if (!may_be_switched_on(s) || !pam_plan_make(&s->pam, &plan.pam))
			continue;
		stack_judge(&plan.pam, plan.host, pam_known_dirs, &plan.verdict);
		f->plans[f->n_plans++] = plan;
	}
}

const struct doctor_service *doctor_facts_service(const struct doctor_facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_services; i++)
		if (strcmp(f->services[i].pam.name, name) == 0)
			return &f->services[i];
	return NULL;
}

const struct doctor_service *doctor_facts_plan(const struct doctor_facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_plans; i++)
		if (strcmp(f->plans[i].pam.name, name) == 0)
			return &f->plans[i];
	return NULL;
}

bool doctor_facts_asked(const struct doctor_facts *f)
{
	for (size_t i = 0; i < f->n_services; i++)
		if (stack_judge_uses_us(&f->services[i].verdict))
			return true;
	return false;
}

void doctor_facts_read(struct doctor_facts *f)
{
	read_policy(f);
	read_services(f);
	plan_services(f);
	doctor_people_read(f);
}

void doctor_facts_free(struct doctor_facts *f)
{
	for (size_t i = 0; i < f->n_plans; i++)
		pam_plan_free(&f->plans[i].pam);
	for (size_t i = 0; i < f->n_services; i++)
		pam_stack_free(&f->services[i].pam);
	free(f->plans);
	free(f->services);
	free(f->accounts);
	free(f->people);
	free(f->strangers);
	policy_free(f->policy);
}
