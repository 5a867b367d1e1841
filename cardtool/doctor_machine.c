/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would stop, or does, where cardmfa is asked about accounts that are no person's: before it is switched on. And sudo's own options that
 * lead past it, or into a refusal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_sim.h"
#include "machine_uses.h"
#include "paths.h"
#include "sshd_conf.h"
#include "text.h"
#include "words.h"

#define SYSTEM_UID_MAX 999              /* lib/auth/account.c */
#define CROWDS_MAX 64
#define PLACES_SHOWN 4
#define ENTRIES_ASKED_MAX 16            /* of [machine], for which sshd is asked one by one */
#define ANY_ADDRESS "192.0.2.1"         /* RFC 5737 */

static bool is_asked(const struct doctor_facts *f, const char *service)
{
	const struct doctor_service *s = doctor_facts_service(f, service);

	return s && s->verdict.ours[PHASE_ACCOUNT];
}

/* ---- accounts that are no person's ---- */

/* As account.c has it, for an account without a person whose programs call it by themselves. */
static bool passes(const struct doctor_facts *f, const struct doctor_account *a, const char *service)
{
	static const char *const of_system[] = { "cron", "crond", "atd", "systemd-user" };

	for (size_t i = 0; a->uid <= SYSTEM_UID_MAX && i < sizeof(of_system) / sizeof(of_system[0]); i++)
		if (strcmp(of_system[i], service) == 0)
			return true;
	return (a->uid == 0 && strcmp(service, "sudo") == 0) || policy_machine_may(f->policy, a->name, service);
}

/* Made for somebody to log in with: more often a person's than not. */
static bool is_like_a_person(const struct doctor_account *a)
{
	return a->uid > SYSTEM_UID_MAX && a->can_work && a->home[0] && access(a->home, F_OK) == 0;
}

/* Accounts of which the same is to be said. */
struct crowd_of_machines {
	char services[256];             /* "cron sshd" */
	bool asked;                     /* some of them ask pam_cardmfa now */
	bool root, people;
	const struct machine_use *first;
	struct doctor_names names, places;
};

struct survey {
	struct doctor *d;
	const struct doctor_facts *facts;
	struct machine_uses uses;
	size_t n;
	struct crowd_of_machines crowds[CROWDS_MAX];
	bool found;
};

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static void add_word(char *list, size_t size, const char *word)
{
	size_t len = strlen(list);

	if (!has_word(list, word))
		snprintf(list + len, size - len, "%s%s", len ? " " : "", word);
}

static struct crowd_of_machines *crowd_of(struct survey *s, const char *services, bool asked, const struct doctor_account *a)
{
	const struct crowd_of_machines new = { .asked = asked, .root = a->uid == 0, .people = is_like_a_person(a) };

	for (size_t i = 0; i < s->n; i++)
		if (!s->crowds[i].root && !new.root && s->crowds[i].people == new.people && s->crowds[i].asked == asked &&
		    strcmp(s->crowds[i].services, services) == 0)
			return &s->crowds[i];
	if (s->n == CROWDS_MAX)
		return NULL;
	s->crowds[s->n] = new;
	text_copy_or_none(s->crowds[s->n].services, sizeof(s->crowds[s->n].services), services);
	return &s->crowds[s->n++];
}

static void note_places(struct survey *s, struct crowd_of_machines *c, const struct machine_use *use, size_t n)
{
	for (size_t i = 0; i < n && c->places.n < PLACES_SHOWN; i++) {
		char text[320];

		if (!has_word(c->services, use[i].service))
			continue;
		if (use[i].line)
			snprintf(text, sizeof(text), "%s:%u", use[i].file, use[i].line);
		else
			snprintf(text, sizeof(text), "%s", use[i].file);
		doctor_names_add(s->d, &c->places, text);
	}
}

/* n uses of one account. */
static void look_at_account(struct survey *s, const struct machine_use *use, size_t n)
{
	const struct doctor_account *a = doctor_people_account(s->facts, use->login);
	char services[256] = "";
	bool asked = false;
	struct crowd_of_machines *c;

	if (!a || a->registered)
		return;
	for (size_t i = 0; i < n; i++) {
		if (passes(s->facts, a, use[i].service))
			continue;
		add_word(services, sizeof(services), use[i].service);
		asked |= is_asked(s->facts, use[i].service);
	}
	c = *services ? crowd_of(s, services, asked, a) : NULL;
	if (!c)
		return;
	c->first = c->first ? c->first : use;
	doctor_names_add(s->d, &c->names, a->name);
	note_places(s, c, use, n);
}

/* "backup = cron sshd", with what is written of it already; systemd-user comes along with any other. */
static void line_to_write(const struct policy *p, const struct crowd_of_machines *c, char *dst, size_t size)
{
	char value[POLICY_VALUE_SIZE + 256] = "", services[256], *save = NULL;

	for (size_t i = 0; c->names.n == 1 && i < p->n_machines; i++)
		if (strcmp(p->machines[i].login, c->first->login) == 0)
			policy_machine_value(p, i, value, sizeof(value));
	text_copy_or_none(services, sizeof(services), c->services);
	for (char *word = strtok_r(services, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (strcmp(word, "systemd-user") != 0 || strcmp(c->services, word) == 0)
			add_word(value, sizeof(value), word);
	snprintf(dst, size, "%s = %s", c->names.n == 1 ? c->first->login : "NAME", value);
}

static void say_crowd(struct survey *s, struct crowd_of_machines *c)
{
	struct doctor_mark mark = {
		.finding = c->asked ? "stopped" : "would-stop", .file = c->first->file, .line = c->first->line,
		.service = strchr(c->services, ' ') ? NULL : c->services, .person = c->names.n == 1 ? c->first->login : NULL,
	};
	char line[POLICY_VALUE_SIZE + 512], advice[POLICY_VALUE_SIZE + 1024], detail[1024];

	line_to_write(s->facts->policy, c, line, sizeof(line));
	snprintf(detail, sizeof(detail), "%s", doctor_names_text(&c->places));
	mark.detail = detail;
	if (c->people)
		snprintf(advice, sizeof(advice), _("a person: `cardtool user add %s`; an account of programs: write `%s` into [machine] of %s"),
			 c->names.n == 1 ? c->first->login : "NAME", line, PATH_CONF);
	else
		snprintf(advice, sizeof(advice),
			 c->root ? _("better let an account of its own do it; or write `%s` into [machine] of %s") :
				   _("write `%s` into [machine] of %s"),
			 line, PATH_CONF);
	if (c->asked)
		doctor_find(s->d, DOCTOR_WARNING, &mark, advice,
			    ngettext("%zu account is no registered person's, and is refused by %s: %s",
				     "%zu accounts are no registered person's, and are refused by %s: %s", c->names.n),
			    c->names.n, c->services, doctor_names_text(&c->names));
	else
		doctor_find(s->d, DOCTOR_NOTE, &mark, advice,
			    ngettext("%zu account is no registered person's, and would be refused once pam_cardmfa is asked by %s: %s",
				     "%zu accounts are no registered person's, and would be refused once pam_cardmfa is asked by %s: %s",
				     c->names.n),
			    c->names.n, c->services, doctor_names_text(&c->names));
	s->found = true;
}

static void say_crowds(struct survey *s)
{
	for (size_t i = 0; i < s->uses.n;) {
		size_t n = 1;

		while (i + n < s->uses.n && strcmp(s->uses.rows[i].login, s->uses.rows[i + n].login) == 0)
			n++;
		look_at_account(s, &s->uses.rows[i], n);
		i += n;
	}
	for (size_t i = 0; i < s->n; i++) {
		say_crowd(s, &s->crowds[i]);
		doctor_names_free(&s->crowds[i].names);
		doctor_names_free(&s->crowds[i].places);
	}
}

/* ---- jobs of people ---- */

static bool is_job(const struct machine_use *use)
{
	return use->source == SOURCE_CRON || use->source == SOURCE_AT;
}

struct jobs {
	bool asked;
	struct doctor_names names;
	const struct machine_use *first;
};

static void say_jobs_of(struct survey *s, const struct policy_class *c, struct jobs *j)
{
	const unsigned line = doctor_facts_line(s->facts, c, "batch");
	const struct doctor_mark mark = { .finding = j->asked ? "no-batch" : "would-stop-jobs", .file = PATH_CONF, .line = line,
					  .class_name = c->name, .detail = j->first->file };
	char advice[256];

	snprintf(advice, sizeof(advice), _("%s:%u: write `batch = yes` in [%s], if these people may have jobs"), PATH_CONF, line, c->name);
	doctor_find(s->d, j->asked ? DOCTOR_WARNING : DOCTOR_NOTE, &mark, advice,
		    j->asked ? _("people have jobs, and [%s] runs none: %s") :
			       _("people have jobs, and [%s] would run none once cron and at ask pam_cardmfa: %s"),
		    c->name, doctor_names_text(&j->names));
	s->found = true;
}

static void say_jobs(struct survey *s)
{
	const struct policy *p = s->facts->policy;
	struct jobs jobs[POLICY_CLASSES_MAX] = { 0 };
	const char *last = "";

	for (size_t i = 0; i < s->uses.n; i++) {
		const struct machine_use *use = &s->uses.rows[i];
		const struct policy_class *c = is_job(use) && strcmp(last, use->login) != 0 ?
						       doctor_sim_class(s->facts, use->login, use->service) : NULL;
		struct jobs *j = c && !c->batch ? &jobs[c - p->classes] : NULL;

		if (!j)
			continue;
		last = use->login;
		j->first = j->first ? j->first : use;
		j->asked |= is_asked(s->facts, use->service);
		doctor_names_add(s->d, &j->names, use->login);
	}
	for (size_t i = 0; i < p->n_classes; i++) {
		if (jobs[i].names.n)
			say_jobs_of(s, &p->classes[i], &jobs[i]);
		doctor_names_free(&jobs[i].names);
	}
}

/* ---- sudo ---- */

static bool is_default_service(const char *service)
{
	return !*service || strcmp(service, "sudo") == 0;
}

static void say_option(struct survey *s, bool given, enum doctor_level level, const char *finding, const char *advice, const char *text)
{
	const bool asked = is_asked(s->facts, "sudo");

	if (!given)
		return;
	doctor_find(s->d, asked ? level : DOCTOR_NOTE,
		    &(struct doctor_mark){ .finding = finding, .service = "sudo", .file = CARDMFA_SYSCONFDIR "/sudoers" }, advice, "%s", text);
	s->found |= asked && level >= DOCTOR_WARNING;
}

static void say_free_people(struct survey *s)
{
	DOCTOR_NAMES(names);
	const char *last = "";

	for (size_t i = 0; i < s->uses.n; i++) {
		const struct machine_use *use = &s->uses.rows[i];
		const struct doctor_account *a = doctor_people_account(s->facts, use->login);

		if (use->source != SOURCE_SUDO || !a || !a->registered || strcmp(last, use->login) == 0)
			continue;
		last = use->login;
		doctor_names_add(s->d, &names, use->login);
	}
	if (names.n)
		doctor_find(s->d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "nopasswd", .service = "sudo" }, NULL,
			    _("sudo asks these people nothing (NOPASSWD): with pam_cardmfa in it they need a login session that satisfies their class: %s"),
			    doctor_names_text(&names));
}

static void look_at_sudo(struct survey *s)
{
	const struct sudoers_options *o = &s->uses.sudo;

	if (!doctor_facts_service(s->facts, "sudo"))
		return;
	if (!s->uses.sudo_known) {
		doctor_find(s->d, DOCTOR_NOTE,
			    &(struct doctor_mark){ .finding = "sudo-unknown", .service = "sudo", .detail = s->uses.sudo_trouble },
			    _("see what `visudo -c` says; cvtsudoers comes with sudo"), _("sudo's rules could not be read, and were not looked at"));
		return;
	}
	say_option(s, o->target, DOCTOR_ERROR, "sudo-target", _("take `targetpw`, `runaspw` and `rootpw` out"),
		   _("sudo has PAM asked about whom people become, not about themselves: root is no person, and nobody gets through"));
	say_option(s, o->no_account, DOCTOR_ERROR, "sudo-account", _("take `!pam_acct_mgmt` out"),
		   _("sudo does not ask whether the account may: with a ticket or NOPASSWD people get past pam_cardmfa"));
	say_option(s, !is_default_service(o->service), DOCTOR_WARNING, "sudo-service",
		   _("take `pam_service` out, or put pam_cardmfa.so into that file and its name into the classes"),
		   _("sudo uses another PAM service than sudo"));
	say_option(s, o->rhost, DOCTOR_WARNING, "sudo-rhost", _("take `pam_rhost` out"),
		   _("sudo tells PAM of a remote host even in front of this machine: no card is asked for there"));
	say_option(s, o->no_session, DOCTOR_NOTE, "sudo-session", NULL, _("sudo opens no PAM session (`!pam_session`): what it runs is not entered"));
	say_free_people(s);
}

/* ---- what [machine] says already ---- */

/* Keys that are no card's, wherever they come from. */
static bool has_own_keys(const struct sshd_conf *c)
{
	return strcmp(c->keys_file, "none") != 0 ||
	       (strcmp(c->keys_command, "none") != 0 && strncmp(c->keys_command, PATH_CARDTOOL " ", strlen(PATH_CARDTOOL " ")) != 0);
}

static void look_at_key_alone(struct survey *s, const struct policy_machine *m)
{
	struct sshd_conf c;
	char advice[256];

	if (!word_list_has(&m->services, "sshd") || sshd_conf_read(m->login, ANY_ADDRESS, &c) ||
	    (sshd_conf_ways(&c) & WAY_KEY && has_own_keys(&c)))
		return;
	snprintf(advice, sizeof(advice),
		 _("write at the end of sshd's configuration `Match User %s`, and below it `AuthenticationMethods publickey` and `AuthorizedKeysFile .ssh/authorized_keys`"),
		 m->login);
	doctor_find(s->d, DOCTOR_WARNING,
		    &(struct doctor_mark){ .finding = "key-not-enough", .service = "sshd", .file = PATH_CONF, .line = m->line, .person = m->login },
		    advice, _("[machine] lets %s in over ssh, but sshd does not let it in by a key of its own alone"), m->login);
	s->found = true;
}

static void look_at_entry(struct survey *s, const struct policy_machine *m)
{
	struct doctor_mark mark = { .finding = "machine-unknown", .file = PATH_CONF, .line = m->line, .person = m->login };

	if (!doctor_people_is_account(s->facts, m->login)) {
		doctor_find(s->d, DOCTOR_WARNING, &mark, _("`getent passwd` shows the names that there are"),
			    _("%s:%u: [machine] names %s, which is no account of this machine"), PATH_CONF, m->line, m->login);
		s->found = true;
	}
	if (doctor_people_person(s->facts, m->login)) {
		mark.finding = "machine-person";
		doctor_find(s->d, DOCTOR_WARNING, &mark, _("take the line out; for jobs write `batch = yes` in the class"),
			    _("%s:%u: [machine] names %s, who is registered: a person is judged as one, and this has no effect"), PATH_CONF,
			    m->line, m->login);
		s->found = true;
	}
	for (size_t i = 0; i < m->services.n; i++) {
		if (doctor_facts_service(s->facts, m->services.words[i]) || host_service_known(m->services.words[i]))
			continue;
		mark.finding = "machine-service";
		mark.service = m->services.words[i];
		doctor_find(s->d, DOCTOR_WARNING, &mark, _("the names are those of the files in /etc/pam.d and /usr/lib/pam.d"),
			    _("%s:%u: there is no service %s, so this has no effect"), PATH_CONF, m->line, mark.service);
		s->found = true;
	}
}

static void look_at_entries(struct survey *s)
{
	const struct policy *p = s->facts->policy;

	for (size_t i = 0; i < p->n_machines; i++) {
		look_at_entry(s, &p->machines[i]);
		if (i < ENTRIES_ASKED_MAX)
			look_at_key_alone(s, &p->machines[i]);
	}
}

void doctor_machine(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	struct survey *s;

	if (!f->policy || !f->people_known)
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->d = d;
	s->facts = f;
	machine_uses_read(f, &s->uses);
	look_at_entries(s);
	say_crowds(s);
	say_jobs(s);
	look_at_sudo(s);
	if (!s->found)
		doctor_say(d, DOCTOR_OK, NULL, _("nothing that accounts of this machine do by themselves is stopped"));
	machine_uses_free(&s->uses);
	free(s);
}
