/* SPDX-License-Identifier: Apache-2.0 */
#include "policy_check.h"

#include <stdbool.h>
#include <string.h>

#include "conf_reader.h"
#include "factor.h"
#include "l10n.h"

#define ALTERNATIVE_TEXT_SIZE 129

struct check {
	const struct policy *policy;
	const char *path;
	const struct policy_class *class;
	size_t i;                       /* its place in the file */
	bool is_default;
};

/* Line of the key in this class, else in [default], else of the class itself. */
static unsigned line_of(const struct check *k, const char *key)
{
	int setting = settings_find("class", key);
	unsigned own = k->policy->lines[1 + k->i][setting];
	unsigned inherited = k->policy->lines[k->policy->n_classes][setting];

	return own ? own : inherited ? inherited : k->class->line;
}

/* Some service of the class is a local one. Without a list it has all services. */
static bool has_local_service(const struct check *k)
{
	const struct word_list *services = &k->class->service;

	for (size_t i = 0; i < services->n; i++)
		if (word_list_has(&k->policy->settings.local_services, services->words[i]))
			return true;
	return services->n == 0;
}

/*
 * The host's reader serves local logins only; over the network only sshd brings a card's proof
 * (SSH_AUTH_INFO_0).
 */
static bool is_for_ssh(const struct policy_class *c)
{
	return c->where != WHERE_LOCAL && (c->service.n == 0 || word_list_has(&c->service, "sshd"));
}

static bool can_offer_card(const struct check *k)
{
	const struct policy_class *c = k->class;
	bool local = c->where != WHERE_REMOTE && c->n_from == 0 && has_local_service(k);

	return local || is_for_ssh(c);
}

/* Where a login session begins, none has begun. A name unknown here may be of something within one. */
static bool can_offer_session(const struct check *k)
{
	static const char *const begin[] = { "login", "sshd", "remote", "cron", "crond", "atd", "systemd-user" };
	const struct word_list *services = &k->class->service;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(begin) / sizeof(*begin); i++)
		n += word_list_has(services, begin[i]);
	return services->n == 0 || n < services->n;
}

/* It has a card, which over ssh proves possession alone here, and nothing beside it proves knowledge. */
static bool lacks_knowledge_over_ssh(const struct policy_class *c, const struct alternative *a)
{
	return c->ssh_card == SSH_CARD_POSSESSION && is_for_ssh(c) && alternative_has(a, FACTOR_CARD) &&
	       !alternative_has(a, FACTOR_PASSWORD) && !alternative_has(a, FACTOR_SESSION);
}

static enum err check_conditions(const struct check *k)
{
	const struct policy_class *c = k->class;

	if (k->is_default || c->person.n || c->group.n || c->service.n || c->n_from ||
	    c->where != WHERE_ANY)
		return ERR_OK;
	return conf_fault(k->path, c->line,
		_("[class %s] would be everybody's class, and none below it anyone's: "
		"write person, group, service, where or from in it"),
		c->name);
}

static enum err check_place(const struct check *k)
{
	const struct policy_class *c = k->class;

	if (c->where == WHERE_LOCAL && c->n_from)
		return conf_fault(k->path, line_of(k, "from"),
			_("'from' has no effect with 'where = local': "
			"write 'where = remote', or no 'from'"));
	if (c->where == WHERE_LOCAL && !has_local_service(k))
		return conf_fault(k->path, line_of(k, "service"),
			_("none of these services is a local one, so 'where = local' never holds: "
			"write 'where = any', or name them in local-services"));
	return ERR_OK;
}

static enum err check_times(const struct check *k)
{
	const struct policy_class *c = k->class;
	unsigned own;

	if (c->card_wait_s < c->login_time_s)
		return ERR_OK;
	own = k->policy->lines[1 + k->i][settings_find("class", "card-wait")];
	return conf_fault(k->path, own ? own : line_of(k, "login-time"),
		_("[class %s]: card-wait (%us) leaves no time of login-time (%us): "
		"write a shorter card-wait or a longer login-time"),
		c->name, c->card_wait_s, c->login_time_s);
}

static enum err check_kinds(const struct check *k)
{
	const struct policy_class *c = k->class;
	char text[ALTERNATIVE_TEXT_SIZE];
	size_t offered = 0;

	if (c->n_alternatives == 0)
		return conf_fault(k->path, c->line,
			_("this section has no 'factors', and they are not taken from elsewhere: "
			"write as in factors = card,totp"));
	for (size_t i = 0; i < c->n_alternatives; i++) {
		const struct alternative *a = &c->alternatives[i];

		if ((alternative_has_card(a) && !can_offer_card(k)) ||
		    (alternative_has(a, FACTOR_SESSION) && !can_offer_session(k)))
			continue;
		offered++;
		if (!alternative_is_enough(a))
			return conf_fault(k->path, line_of(k, "factors"),
				alternative_has(a, FACTOR_SESSION) ?
				_("'%s' asks nothing by itself: write as in session,totp or session,password") :
				_("'%s' does not join two of knowledge, possession and inherence: "
				"write as in card,totp or card,password or password,totp"),
				alternative_text(a, text, sizeof(text)));
		if (lacks_knowledge_over_ssh(c, a))
			return conf_fault(k->path, line_of(k, "factors"),
				_("over ssh '%s' proves possession twice with 'ssh-card = possession': "
				"write as in card,password, or 'where = local' for this class"),
				alternative_text(a, text, sizeof(text)));
	}
	if (offered == 0)
		return conf_fault(k->path, line_of(k, "factors"),
			_("none of these can be asked for where this class applies (a card: here or over sshd; session: by sudo and the like): "
			"add an alternative, as in password,totp"));
	return ERR_OK;
}

/* Services that by their nature stand for another machine's screen. */
static enum err check_local_services(const struct policy *p, const char *path)
{
	static const char *const never_local[] = { "sshd", "remote", "xrdp-sesman" };

	for (size_t i = 0; i < sizeof(never_local) / sizeof(*never_local); i++)
		if (word_list_has(&p->settings.local_services, never_local[i]))
			return conf_fault(path,
				p->lines[0][settings_find("settings", "local-services")],
				_("'%s' serves remote logins only: write local-services without it"),
				never_local[i]);
	return ERR_OK;
}

enum err policy_check(const struct policy *p, const char *path)
{
	static enum err (*const checks[])(const struct check *k) = {
		check_conditions, check_place, check_times, check_kinds,
	};
	enum err e = check_local_services(p, path);

	for (size_t i = 0; i < p->n_classes; i++) {
		struct check k = { p, path, &p->classes[i], i, i + 1 == p->n_classes };

		for (size_t j = 0; !e && j < sizeof(checks) / sizeof(*checks); j++)
			e = checks[j](&k);
	}
	return e;
}
