/* SPDX-License-Identifier: Apache-2.0 */
#include "who.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "locality.h"
#include "log.h"
#include "text.h"

#define NSS_BUFFER 65536
#define CALLER "uid:"           /* before his uid: an origin */

static void free_buffer(char **p)
{
	free(*p);
}

/* It only tells. */
static bool writes(const struct auth_call *c)
{
	return !auth_only_tells(c->request->op);
}

/* By name, or by uid where that is NULL. */
static enum err find_account(const char *user, int64_t uid, struct who *w)
{
	__attribute__((cleanup(free_buffer))) char *buf = malloc(NSS_BUFFER);
	struct passwd pw, *found;
	int rc;

	if (!buf)
		return fail(ERR_MEMORY, "account lookup");
	rc = user ? getpwnam_r(user, &pw, buf, NSS_BUFFER, &found) :
		    getpwuid_r((uid_t)uid, &pw, buf, NSS_BUFFER, &found);
	/* A source that does not answer says nothing of the name: a session that can't be closed is not closed. */
	if (rc && rc != ENOENT)
		return fail(ERR_UNAVAILABLE, "account lookup: %s", strerror(rc));
	w->has_account = found;
	if (!w->has_account)
		return ERR_OK;
	w->uid = (int64_t)pw.pw_uid;
	w->gid = (int64_t)pw.pw_gid;
	if (!text_copy(w->login, sizeof(w->login), pw.pw_name))
		w->has_account = false;
	return ERR_OK;
}

/* By uid, so that aliases share one state; by name where the account has vanished (then nothing but refusals and records come of it). */
static enum err find_person(const struct auth_call *c, const char *user, struct who *w)
{
	enum err e = ERR_NOT_FOUND;

	if (w->has_account)
		e = store_person_by_uid(c->store, w->uid, &w->person);
	else if (text_is_login(user))
		e = store_person_by_login(c->store, user, &w->person);
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	w->known = e == ERR_OK && w->has_account;
	return ERR_OK;
}

struct group_source {
	const struct auth_call *call;
	const struct who *who;
	bool writes;
};

/* The person's name, and that of the account that was asked for: they share a uid. */
static const char *person_name(const struct who *w)
{
	return w->known ? w->person.login : w->login;
}

static bool is_member(const struct group *g, const struct group_source *src)
{
	if (src->who->has_account && (int64_t)g->gr_gid == src->who->gid)
		return true;
	for (char **m = g->gr_mem; m && *m; m++)
		if (!strcmp(*m, person_name(src->who)) || !strcmp(*m, src->who->login))
			return true;
	return false;
}

/* A group that once resolved and does not now: its source failed, it was not emptied. */
static enum err missing_group(const struct group_source *src, const char *name)
{
	bool known;
	enum err e = store_group_known(src->call->store, name, &known);

	if (e != ERR_OK)
		return e;
	return known ? fail(ERR_UNAVAILABLE, "group %s no longer resolves", name) : ERR_NOT_FOUND;
}

static void remember_group(struct store *s, const char *name)
{
	bool known;

	if (store_group_known(s, name, &known) != ERR_OK || known || store_begin(s) != ERR_OK)
		return;
	if (store_group_add(s, name) != ERR_OK || store_commit(s) != ERR_OK)
		store_rollback(s);
}

static enum err in_group(const char *name, bool *ret, void *arg)
{
	const struct group_source *src = arg;
	__attribute__((cleanup(free_buffer))) char *buf = malloc(NSS_BUFFER);
	struct group gr, *found;
	int rc;

	if (!buf)
		return fail(ERR_MEMORY, "group lookup");
	rc = getgrnam_r(name, &gr, buf, NSS_BUFFER, &found);
	if (rc == ENOENT || (rc == 0 && !found))
		return missing_group(src, name);
	if (rc)
		return fail(ERR_UNAVAILABLE, "group %s: %s", name, strerror(rc));
	if (src->writes)
		remember_group(src->call->store, name);
	*ret = is_member(&gr, src);
	return ERR_OK;
}

/*
 * The class of the person, whatever the service at hand, and only from a source that worked: it stands in when the
 * source fails.
 */
static void remember_class(const struct auth_call *c, const struct policy_facts *facts, struct who *w)
{
	bool failed;
	const struct policy_class *k = policy_class_of_person(c->policy, facts, &failed);

	if (!writes(c) || !w->known || failed || !strcmp(w->person.last_class, k->name) || store_begin(c->store) != ERR_OK)
		return;
	if (store_person_set_last_class(c->store, w->person.id, k->name) != ERR_OK ||
	    store_commit(c->store) != ERR_OK)
		store_rollback(c->store);
}

/* Numeric addresses as such; a name is kept as it came, never looked up: all such share one bucket. */
static void find_address(const struct auth_call *c, struct who *w)
{
	/* A peer that is not root could name anybody's: it would lock that address out, or pick a class by it. */
	if (!c->peer->root_socket)
		return;
	policy_address(c->request->rhost, w->address, sizeof(w->address));
	if (w->address[0] || !c->request->rhost[0])
		return;
	text_escape(w->address, sizeof(w->address), c->request->rhost);
	if (!text_is_label(w->address, STORE_ADDRESS_SIZE))
		snprintf(w->address, sizeof(w->address), "other");
}

/* The class that was given by an administrator must be in the file: its absence loosens nothing. */
static enum err check_assigned(const struct auth_call *c, const struct who *w)
{
	if (!w->known || !w->person.class_name[0] || policy_class_by_name(c->policy, w->person.class_name))
		return ERR_OK;
	return fail(ERR_CONFIG, "class %s, assigned to %s, is not in the configuration", w->person.class_name,
		    w->person.login);
}

/* Where distributions put the program that runs PAM for sshd. Who explains a login is asked what sshd would be. */
static bool is_sshd(const struct auth_call *c)
{
	static const char *const programs[] = {
		"/usr/sbin/sshd", "/usr/lib/openssh/sshd-session", "/usr/libexec/openssh/sshd-session",
	};

	if (strcmp(c->request->service, "sshd") || !c->peer->root_socket || c->peer->ruid != 0)
		return false;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(c->peer->exe, programs[i]))
			return true;
	return c->request->op == WIRE_EXPLAIN;
}

static void find_origin(const struct auth_call *c, struct who *w)
{
	w->remote = !locality_is_local(c->peer, c->request->rhost, c->request->service, c->request->op, &c->policy->settings);
	w->ssh = w->remote && is_sshd(c);
	find_address(c, w);
	if (c->peer->ruid != 0)
		snprintf(w->origin, sizeof(w->origin), CALLER "%lld", (long long)c->peer->ruid);
	else
		snprintf(w->origin, sizeof(w->origin), "%s", w->remote ? "remote" : "local");
}

static struct policy_facts facts_of(struct group_source *src, const char *service, bool remote)
{
	const struct who *w = src->who;

	return (struct policy_facts){
		.login = person_name(w), .service = service, .remote = remote, .address = w->address,
		.assigned_class = w->known ? w->person.class_name : "",
		.last_class = w->known ? w->person.last_class : "",
		.in_group = in_group, .arg = src,
	};
}

/* user NULL: whose real uid the host has. */
static enum err find(const struct auth_call *c, const char *user, struct who *ret)
{
	struct who w = { .uid = -1, .gid = -1, .caller = !user };
	bool group_failed;
	enum err e;

	if (!text_copy(w.login, sizeof(w.login), user ? user : ""))
		return fail(ERR_PROTOCOL, "user name too long");
	e = find_account(user, c->peer->ruid, &w);
	if (e == ERR_OK)
		e = find_person(c, w.login, &w);
	if (e == ERR_OK)
		e = check_assigned(c, &w);
	if (e != ERR_OK)
		return e;
	find_origin(c, &w);

	struct group_source src = { .call = c, .who = &w, .writes = writes(c) };
	const struct policy_facts facts = facts_of(&src, c->request->service, w.remote);

	w.class_of = policy_select(c->policy, &facts, &group_failed);
	if (!group_failed)
		remember_class(c, &facts, &w);
	else
		log_line(LOG_ALERT, "a group source failed; the last known class is used");
	*ret = w;
	return ERR_OK;
}

/* Of a service's two names. */
static bool is_service(const struct auth_call *c, const char *name, const char *login_name)
{
	return !strcmp(c->request->service, name) || !strcmp(c->request->service, login_name);
}

/* Only a set-uid host has another's real uid; who is root needs nobody's factors. */
static bool has_caller(const struct auth_call *c)
{
	return c->peer->root_socket && c->peer->ruid > 0;
}

/* sudo authenticates its caller by name, but opens the session in the name of whom he becomes. */
static bool is_sudo_session(const struct auth_call *c)
{
	return wire_is_session(c->request->op) && is_service(c, "sudo", "sudo-i");
}

/* Whom su asks about in place of the one it names: who started it, if a class says so of him. */
static enum err find_su_caller(const struct auth_call *c, bool *found, struct who *ret)
{
	struct who caller;
	enum err e = find(c, NULL, &caller);

	if (e == ERR_OK && caller.known && caller.class_of->su == SU_CALLER) {
		*found = true;
		*ret = caller;
	}
	return e;
}

enum err who_find(const struct auth_call *c, struct who *ret)
{
	bool found = false;

	if (has_caller(c) && is_sudo_session(c))
		return find(c, NULL, ret);
	if (has_caller(c) && is_service(c, "su", "su-l")) {
		enum err e = find_su_caller(c, &found, ret);

		if (e != ERR_OK || found)
			return e;
	}
	return find(c, c->request->user, ret);
}

enum err who_of_uid(const struct auth_call *c, int64_t uid, struct who *ret)
{
	struct who w = { .uid = uid, .gid = -1 };
	enum err e = store_person_by_uid(c->store, uid, &w.person);

	if (e == ERR_NOT_FOUND) {
		*ret = w;
		return ERR_OK;
	}
	/* For its groups; they do without where the name has gone to another account. */
	if (e == ERR_OK)
		e = find_account(w.person.login, -1, &w);
	if (e != ERR_OK)
		return e;
	w.known = true;
	w.has_account = w.has_account && w.uid == uid;
	w.uid = uid;
	*ret = w;
	return ERR_OK;
}

bool who_has_no_space(const struct auth_call *c, const struct who *w)
{
	return (c->store_full || store_reserve_used(c->store)) && !w->class_of->when_full;
}

unsigned who_unmet(const struct auth_call *c, const struct who *w, const struct policy_class *k)
{
	struct group_source src = { .call = c, .who = w };
	const struct policy_facts facts = facts_of(&src, c->request->service, w->remote);
	bool failed;

	return policy_unmet(c->policy, k, &facts, &failed);
}

static int64_t longest_lock(const struct policy *p)
{
	int64_t s = 0;

	for (size_t i = 0; i < p->n_classes; i++)
		if (p->classes[i].lock_s > s)
			s = p->classes[i].lock_s;
	return s;
}

struct lockout_limits who_limits(const struct policy *p, const struct policy_class *k)
{
	return (struct lockout_limits){
		.attempts = k->attempts, .lock_s = k->lock_s, .keep_s = longest_lock(p),
		.address_attempts = p->settings.address_attempts, .address_lock_s = p->settings.address_lock_s,
	};
}

/* From nowhere in particular. */
static const struct policy_class *class_at(const struct auth_call *c, const struct who *w, bool remote)
{
	struct group_source src = { .call = c, .who = w };
	const struct policy_facts facts = facts_of(&src, remote ? "sshd" : "login", remote);
	bool failed;

	return policy_select(c->policy, &facts, &failed);
}

/* A login at the place that is asked about counts there; a caller's su, sudo or locker counts as the caller's wherever he is. */
static bool counts_in(const struct who *w, const char *origin)
{
	return w->class_of && (!strcmp(origin, w->origin) || (!strncmp(origin, CALLER, sizeof(CALLER) - 1) && !w->ssh));
}

enum err who_locked_until(const struct auth_call *c, const struct who *w, const char *origin, int64_t *ret)
{
	const struct policy_class *k = counts_in(w, origin) ? w->class_of : class_at(c, w, !strcmp(origin, "remote"));
	const struct lockout_limits limits = who_limits(c->policy, k);
	int64_t until = -1;
	enum err e = lockout_state(c->store, w->person.id, origin, &limits, &until);

	if (e != ERR_OK && e != ERR_LOCKED)
		return e;
	*ret = until;
	return ERR_OK;
}

const char *who_target(const struct auth_call *c, const struct who *w)
{
	return w->caller && strcmp(c->request->user, w->login) ? c->request->user : NULL;
}

const char *who_from(const struct who *w)
{
	return w->address[0] ? w->address : w->remote ? "remote" : "local";
}
