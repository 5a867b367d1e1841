/* SPDX-License-Identifier: Apache-2.0 */
/* Which class applies. */
#include "policy.h"

#include <string.h>

#include "cidr.h"

static bool meets_place(const struct policy_class *c, const struct policy_facts *f)
{
	struct policy_cidr address;

	if (c->service.n && !word_list_has(&c->service, f->service))
		return false;
	if ((c->where == WHERE_LOCAL && f->remote) || (c->where == WHERE_REMOTE && !f->remote))
		return false;
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

static bool meets_group(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	bool unknown = false, member;

	for (size_t i = 0; i < c->group.n; i++) {
		enum err e = f->in_group(c->group.words[i], &member, f->arg);

		if (e == ERR_OK && member)
			return true;
		unknown = unknown || (e != ERR_OK && e != ERR_NOT_FOUND);
	}
	*failed = *failed || unknown;
	return unknown && group_unknown(p, c, f);
}

static bool meets_person(const struct policy *p, const struct policy_class *c,
	const struct policy_facts *f, bool *failed)
{
	if (strcmp(c->name, f->assigned_class) == 0)
		return true;
	if (c->person.n && !word_list_has(&c->person, f->login))
		return false;
	return c->group.n == 0 || meets_group(p, c, f, failed);
}

const struct policy_class *policy_select(
	const struct policy *p, const struct policy_facts *f, bool *group_failed)
{
	const struct policy_class *last = &p->classes[p->n_classes - 1];

	*group_failed = false;
	for (const struct policy_class *c = p->classes; c < last; c++)
		if (meets_place(c, f) && meets_person(p, c, f, group_failed))
			return c;
	return last;
}

const struct policy_class *policy_class_of_person(
	const struct policy *p, const struct policy_facts *f, bool *group_failed)
{
	const struct policy_class *last = &p->classes[p->n_classes - 1];

	*group_failed = false;
	for (const struct policy_class *c = p->classes; c < last; c++)
		if (c->group.n && meets_person(p, c, f, group_failed))
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
