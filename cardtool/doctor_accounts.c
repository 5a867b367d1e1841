/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "words.h"

#define UID_PEOPLE 1000         /* Debian and RHEL: accounts of people begin here */
#define UID_NOBODY 65534

/* Names that systems and appliances are delivered with, or that are made for a day. */
static const char *const defaults[] = {
	"admin", "administrator", "ansible", "debian", "demo", "guest", "installer", "maintenance", "operator", "oracle", "pi",
	"postgres", "rescue", "service", "setup", "support", "temp", "test", "tester", "ubuntu", "user", "vagrant", "webadmin",
};

static bool is_default(const char *name)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (strcmp(defaults[i], name) == 0)
			return true;
	return false;
}

/* ---- accounts of this machine ---- */

static bool say_empty(struct doctor *d, const struct doctor_account *a)
{
	if (a->password != LINUX_EMPTY)
		return false;
	doctor_find(d, DOCTOR_ERROR, &(struct doctor_mark){ .finding = "empty-password", .person = a->name },
		    _("`passwd -l NAME` locks it; `passwd NAME` sets a password"),
		    _("the Linux password of %s is empty: anybody is this person where pam_cardmfa is not asked"), a->name);
	return true;
}

static bool say_other_root(struct doctor *d, const struct doctor_account *a)
{
	if (a->uid != 0 || strcmp(a->name, "root") == 0)
		return false;
	doctor_find(d, a->password == LINUX_NONE ? DOCTOR_WARNING : DOCTOR_ERROR,
		    &(struct doctor_mark){ .finding = "other-root", .person = a->name },
		    _("`userdel` it, or give it a uid of its own"), _("%s is another name of root (uid 0)"), a->name);
	return true;
}

static bool say_default(struct doctor *d, const struct doctor_account *a)
{
	if (!is_default(a->name) || a->password == LINUX_NONE || !a->can_work)
		return false;
	doctor_find(d, DOCTOR_WARNING, &(struct doctor_mark){ .finding = "default-account", .person = a->name },
		    _("lock it (`usermod -L NAME`), or remove it if nobody needs it"),
		    _("%s is an account that systems are delivered with, and it can be used"), a->name);
	return true;
}

static int by_uid(const void *a, const void *b)
{
	const struct doctor_account *const *x = a, *const *y = b;

	return (*x)->uid < (*y)->uid ? -1 : (*x)->uid > (*y)->uid ? 1 : strcmp((*x)->name, (*y)->name);
}

static bool say_shared_uids(struct doctor *d, const struct doctor_facts *f)
{
	const struct doctor_account **rows = calloc(f->n_accounts + 1, sizeof(*rows));
	bool found = false;

	for (size_t i = 0; rows && i < f->n_accounts; i++)
		rows[i] = &f->accounts[i];
	if (rows && f->n_accounts)
		qsort(rows, f->n_accounts, sizeof(*rows), by_uid);
	for (size_t i = 1; rows && i < f->n_accounts; i++) {
		if (rows[i]->uid != rows[i - 1]->uid || rows[i]->uid < UID_PEOPLE || rows[i]->uid == UID_NOBODY)
			continue;
		found = true;
		doctor_find(d, DOCTOR_WARNING, &(struct doctor_mark){ .finding = "shared-uid", .person = rows[i]->name },
			    _("give each person a uid of their own, unless both names are the same person's"),
			    _("%s and %s have the same uid %lld: for cardmfa they are one person"), rows[i - 1]->name,
			    rows[i]->name, (long long)rows[i]->uid);
	}
	free(rows);
	return found;
}

/* ---- the people of the store ---- */

static bool say_person(struct doctor *d, const struct doctor_person *p)
{
	struct doctor_mark mark = { .finding = "no-account", .person = p->person.login };
	char advice[512];

	if (p->account_uid < 0) {
		snprintf(advice, sizeof(advice), "cardtool user remove %s --revoke-cards retired", p->person.login);
		doctor_find(d, DOCTOR_WARNING, &mark, advice, _("%s is registered, but has no account on this machine"),
			    p->person.login);
		return true;
	}
	if (p->account_uid != p->person.uid) {
		mark.finding = "uid-differs";
		snprintf(advice, sizeof(advice),
			 _("the same person: `usermod -u %lld %s`; somebody else: `cardtool user remove %s --revoke-cards retired`, then register and enrol anew"),
			 (long long)p->person.uid, p->person.login, p->person.login);
		doctor_find(d, DOCTOR_ERROR, &mark, advice,
			    _("%s is registered with uid %lld, but the account has %lld: whoever has uid %lld now is taken for this person"),
			    p->person.login, (long long)p->person.uid, (long long)p->account_uid, (long long)p->person.uid);
		return true;
	}
	if (p->person.uid == 0) {
		mark.finding = "person-is-root";
		doctor_find(d, DOCTOR_WARNING, &mark,
			    _("register people under accounts of their own, and let them become root by sudo"),
			    _("root is registered as a person: nobody can tell who it was"));
		return true;
	}
	return false;
}

void doctor_accounts(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	bool found = false;

	for (size_t i = 0; i < f->n_accounts; i++) {
		const struct doctor_account *a = &f->accounts[i];

		/* root's own is the rescue check's. */
		if (strcmp(a->name, "root") != 0)
			found |= say_empty(d, a);
		found |= say_other_root(d, a);
		found |= say_default(d, a);
	}
	found |= say_shared_uids(d, f);
	for (size_t i = 0; i < f->n_people; i++)
		found |= say_person(d, &f->people[i]);
	if (!found)
		doctor_say(d, DOCTOR_OK, NULL, _("accounts: none is open, shared or out of step with the store"));
}
