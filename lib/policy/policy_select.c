/* SPDX-License-Identifier: Apache-2.0 */
/* Which class applies. */
#include "policy.h"

#include <string.h>

#include "cidr.h"

static bool meets_service(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	(void)p;
	(void)failed;
	return c->service.n == 0 || word_list_has(&c->service, f->service);
}

static bool meets_where(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	(void)p;
	(void)failed;
	return !(c->where == WHERE_LOCAL && f->remote) && !(c->where == WHERE_REMOTE && !f->remote);
}

static bool meets_from(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	struct policy_cidr address;

	(void)p;
	(void)failed;
	if (c->n_from == 0)
		return true;
	if (!f->remote || !cidr_address(f->address, &address))
		return false;
	for (size_t i = 0; i < c->n_from; i++)
		if (cidr_contains(&c->from[i], &address))
			return true;
	return false;
}

/*
 * Without an answer only what was known counts: the person was in no class above last_class. That
 * class and those below it may be theirs; those above [default] ask for more, so they are taken.
 */
static bool group_unknown(
	const struct policy *p, const struct policy_class *c, const struct policy_facts *f)
{
	const struct policy_class *last = policy_class_by_name(p, f->last_class);

	return !last || c >= last;
}

static bool is_assigned(const struct policy_class *c, const struct policy_facts *f)
{
	return strcmp(c->name, f->assigned_class) == 0;
}

static bool meets_person(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	(void)p;
	(void)failed;
	return is_assigned(c, f) || c->person.n == 0 || word_list_has(&c->person, f->login);
}

static bool meets_group(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	bool unknown = false, member = false;

	if (is_assigned(c, f) || c->group.n == 0)
		return true;
	for (size_t i = 0; i < c->group.n; i++) {
		enum err e = f->in_group(c->group.words[i], &member, f->arg);

		if (e == ERR_OK && member)
			return true;
		unknown = unknown || (e != ERR_OK && e != ERR_NOT_FOUND);
	}
	*failed = *failed || unknown;
	return unknown && group_unknown(p, c, f);
}

/* In this order: a group source is asked only where all else holds. */
static const struct condition {
	enum policy_condition bit;
	bool (*holds)(const struct policy *p, const struct policy_class *c,
		const struct policy_facts *f, bool *failed);
} conditions[] = {
	{ CONDITION_SERVICE, meets_service }, { CONDITION_WHERE, meets_where },
	{ CONDITION_FROM, meets_from },	      { CONDITION_PERSON, meets_person },
	{ CONDITION_GROUP, meets_group },
};
#define N_CONDITIONS (sizeof(conditions) / sizeof(*conditions))

static bool meets(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, unsigned wanted, bool *failed)
{
	for (size_t i = 0; i < N_CONDITIONS; i++)
		if ((conditions[i].bit & wanted) && !conditions[i].holds(p, c, f, failed))
			return false;
	return true;
}

unsigned policy_stated(const struct policy_class *c)
{
	return (c->service.n ? CONDITION_SERVICE : 0u) | (c->where != WHERE_ANY ? CONDITION_WHERE : 0u) |
	       (c->n_from ? CONDITION_FROM : 0u) | (c->person.n ? CONDITION_PERSON : 0u) |
	       (c->group.n ? CONDITION_GROUP : 0u);
}

unsigned policy_unmet(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *group_failed)
{
	unsigned unmet = 0;

	*group_failed = false;
	for (size_t i = 0; i < N_CONDITIONS; i++)
		if (!conditions[i].holds(p, c, f, group_failed))
			unmet |= conditions[i].bit;
	return unmet;
}

const struct policy_class *policy_select(
	const struct policy *p, const struct policy_facts *f, bool *group_failed)
{
	const struct policy_class *last = &p->classes[p->n_classes - 1];

	*group_failed = false;
	for (const struct policy_class *c = p->classes; c < last; c++)
		if (meets(p, c, f, ~0u, group_failed))
			return c;
	return last;
}

const struct policy_class *policy_class_of_person(
	const struct policy *p, const struct policy_facts *f, bool *group_failed)
{
	const struct policy_class *last = &p->classes[p->n_classes - 1];

	*group_failed = false;
	for (const struct policy_class *c = p->classes; c < last; c++)
		if (c->group.n && meets(p, c, f, CONDITION_PERSON | CONDITION_GROUP, group_failed))
			return c;
	return last;
}

const char *policy_address(const char *rhost, char *dst, size_t size)
{
	struct policy_cidr address;

	if (!rhost || !cidr_address(rhost, &address))
		*dst = '\0';
	else
		(void)cidr_address_text(&address, dst, size);
	return dst;
}
