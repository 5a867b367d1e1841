/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_sim.h"
#include "login_sim.h"
#include "paths.h"
#include "words.h"

/* People of whom the same is said. */
struct crowd {
	struct sim_result like;
	struct sim_place place;         /* like.place is gone by then */
	struct doctor_names names;
};

/* A service at a place. */
struct site {
	const struct doctor_service *service;
	struct sim_place place;
	size_t counts[SIM_OUTCOMES];    /* of who is registered */
};

struct survey {
	struct doctor *d;
	json_t *list;
	size_t n_crowds, n_sites;
	struct crowd *crowds;
	struct site *sites;
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

static bool same_ways(const struct sim_result *a, const struct sim_result *b)
{
	return a->n_ways == b->n_ways && memcmp(a->ways, b->ways, a->n_ways * sizeof(a->ways[0])) == 0;
}

/* The one to change. 0: nothing of the configuration. */
static unsigned line_of(const struct survey *s, const struct sim_result *r)
{
	const char *key = r->why == SIM_NO_BATCH ? "batch" : "factors";

	return r->class_of ? doctor_facts_line(doctor_facts(s->d), r->class_of, key) : 0;
}

#define CARD_FACTORS (FACTOR_BIT(FACTOR_CARD) | FACTOR_BIT(FACTOR_CARD_NOPIN))

/* Why a card that is there is no use, where one is asked for. */
enum lack_card { LACK_NO_TROUBLE, LACK_SUSPENDED, LACK_EXPIRED };

static enum lack_card lack_card(const struct sim_result *r)
{
	const struct doctor_person *p = r->person;

	if (r->outcome != SIM_LOCKED_OUT || !(r->missing & CARD_FACTORS))
		return LACK_NO_TROUBLE;
	return *p->suspended.text ? LACK_SUSPENDED : *p->expired.text ? LACK_EXPIRED : LACK_NO_TROUBLE;
}

/* ---- counting ---- */

static void *one_more(void *rows, size_t n, size_t size)
{
	void *more = reallocarray(rows, n + 1, size);

	if (!more)
		abort();
	return more;
}

static struct site *site_of(struct survey *s, const struct sim_result *r)
{
	struct site *last = s->n_sites ? &s->sites[s->n_sites - 1] : NULL;

	if (last && last->service == r->service && same_place(&last->place, r->place))
		return last;
	s->sites = one_more(s->sites, s->n_sites, sizeof(*s->sites));
	last = &s->sites[s->n_sites++];
	*last = (struct site){ .service = r->service, .place = *r->place };
	return last;
}

static struct crowd *crowd_of(struct survey *s, const struct sim_result *r)
{
	for (size_t i = s->n_crowds; i-- > 0;) {
		struct crowd *c = &s->crowds[i];

		if (c->like.service == r->service && same_class(&c->like, r) && c->like.outcome == r->outcome &&
		    c->like.why == r->why && same_ways(&c->like, r) && same_place(&c->place, r->place) &&
		    lack_card(&c->like) == lack_card(r))
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
		s->list, json_pack("{s:s, s:b, s:s, s:s, s:s?, s:s?, s:o, s:s, s:s?, s:o, s:o}", "person",
				   r->person->person.login, "registered", r->person->registered, "service", r->service->pam.name, "where", r->place->remote ? "remote" : "local", "from",
				   *r->place->network ? r->place->network : NULL, "class", c ? c->name : NULL, "line",
				   c ? json_integer(line_of(s, r)) : json_null(), "outcome",
				   doctor_sim_outcome_name(r->outcome), "why", r->why ? doctor_sim_why_name(r->why) : NULL,
				   "missing", missing_list(r->missing), "alternatives", ways_list(r)));
}

static void take(const struct sim_result *r, void *arg)
{
	struct survey *s = arg;

	site_of(s, r)->counts[r->outcome] += r->person->registered;
	if (s->list)
		list_result(s, r);
	if (r->outcome != SIM_TWO_KINDS)
		doctor_names_add(s->d, &crowd_of(s, r)->names, r->person->person.login);
}

/* ---- words ---- */

#define PLACE_SIZE 256

/* "su, from afar" */
static const char *place_text(const struct doctor_service *s, const struct sim_place *p, char dst[PLACE_SIZE])
{
	if (s->host->kind == HOST_JOBS)
		snprintf(dst, PLACE_SIZE, "%s", s->pam.name);
	else if (*p->network)
		snprintf(dst, PLACE_SIZE, _("%s, over the network from %s"), s->pam.name, p->network);
	else
		snprintf(dst, PLACE_SIZE, p->remote ? _("%s, over the network") : _("%s, in front of this machine"),
			 s->pam.name);
	return dst;
}

/* What was cut is cut. */
static void add_text(char *dst, size_t size, const char *text)
{
	size_t len = strlen(dst);

	snprintf(dst + len, size - len, "%s", text);
}

/* "card,totp or card,password": as the configuration writes it. */
static const char *missing_text(const struct sim_result *r, char *dst, size_t size)
{
	*dst = '\0';
	for (size_t i = 0; i < r->n_ways; i++) {
		unsigned before = 0;

		add_text(dst, size, i ? _(" or ") : "");
		for (enum factor f = FACTOR_CARD; f <= FACTOR_SESSION; f++) {
			if (!(r->ways[i] & FACTOR_BIT(f)))
				continue;
			add_text(dst, size, before++ ? "," : "");
			add_text(dst, size, factor_name(f));
		}
	}
	return dst;
}

/* Whom the commands are for. */
struct addressee {
	const struct sim_result *result;
	const char *user;
	bool one;
};

/* Of the card that is there, if it need not be enrolled. */
static bool card_commands(const struct addressee *to, char *dst, size_t size)
{
	const struct doctor_person *p = to->result->person;
	enum lack_card trouble = lack_card(to->result);
	char text[512];

	if (trouble == LACK_SUSPENDED)
		snprintf(text, sizeof(text), "cardtool resume %s", to->one ? p->suspended.text : "CARD");
	else if (trouble == LACK_EXPIRED)
		snprintf(text, sizeof(text),
			 _("have a new key and certificate written to the card, then: cardtool enroll %s; cardtool revoke %s --reason replaced"),
			 to->user, to->one ? p->expired.text : "OLD-CARD");
	else
		return false;
	add_text(dst, size, text);
	return true;
}

static void commands_for(unsigned missing, const struct addressee *to, const char *between, char *dst, size_t size)
{
	static const struct {
		unsigned factor;
		const char *before, *behind;
	} rows[] = {
		{ FACTOR_BIT(FACTOR_CARD), "cardtool enroll ", "" },
		{ FACTOR_BIT(FACTOR_CARD_NOPIN), "cardtool enroll ", " --allow-no-pin" },
		{ FACTOR_BIT(FACTOR_TOTP), "cardtool totp enroll ", "" },
		{ FACTOR_BIT(FACTOR_PASSWORD), "cardtool password set ", "" },
	};
	unsigned before = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(missing & rows[i].factor))
			continue;
		add_text(dst, size, before++ ? between : "");
		if (rows[i].factor & CARD_FACTORS && card_commands(to, dst, size))
			continue;
		add_text(dst, size, rows[i].before);
		add_text(dst, size, to->user);
		add_text(dst, size, rows[i].behind);
	}
}

/* First what every way needs, then what is left of each. */
static void enrol_text(const struct sim_result *r, bool one, char *dst, size_t size)
{
	const struct addressee to = { r, one ? r->person->person.login : "USER", one };
	unsigned common = r->n_ways ? r->ways[0] : 0;

	for (size_t i = 1; i < r->n_ways; i++)
		common &= r->ways[i];
	*dst = '\0';
	commands_for(common, &to, "; ", dst, size);
	for (size_t i = 0; r->n_ways > 1 && i < r->n_ways; i++) {
		add_text(dst, size, i ? _(" or ") : common ? "; " : "");
		commands_for(r->ways[i] & ~common, &to, " && ", dst, size);
	}
}

/* The line of the stack that lets people by, where there is one. */
static const struct pam_line *leaking_line(const struct doctor_service *s)
{
	for (size_t i = 0; i < s->verdict.n; i++)
		if (s->verdict.findings[i].phase == PHASE_AUTH && s->verdict.findings[i].line)
			return s->verdict.findings[i].line;
	return NULL;
}

struct speech {
	char advice[1024], place[PLACE_SIZE], factors[256];
	struct doctor_mark mark;
};

static void say_weak(struct doctor *d, struct crowd *c, struct speech *s)
{
	const struct pam_line *l = leaking_line(c->like.service);
	const char *names = doctor_names_text(&c->names);
	/* Named by a class, but not asking yet: that is said beforehand. */
	enum doctor_level level = stack_judge_uses_us(&c->like.service->verdict) ? DOCTOR_ERROR : DOCTOR_WARNING;

	if (l)
		snprintf(s->advice, sizeof(s->advice), _("change %s:%u as the check `pam` says"), l->file, l->number);
	else
		snprintf(s->advice, sizeof(s->advice), _("put `auth required pam_cardmfa.so` into %s/%s as the first line of auth"),
			 pam_stack_dirs[0], c->like.service->pam.name);
	s->mark.file = l ? l->file : NULL;
	s->mark.line = l ? l->number : 0;
	if (c->like.outcome == SIM_NOTHING_ASKED)
		doctor_find(d, level, &s->mark, s->advice,
			    ngettext("%s: %zu person can get in without proving anything: %s",
				     "%s: %zu people can get in without proving anything: %s", c->names.n),
			    s->place, c->names.n, names);
	else
		doctor_find(d, level, &s->mark, s->advice,
			    ngettext("%s: %zu person can get in with one kind of proof alone: %s",
				     "%s: %zu people can get in with one kind of proof alone: %s", c->names.n),
			    s->place, c->names.n, names);
}

static void unlock_text(const struct crowd *c, char *dst, size_t size)
{
	const char *user = c->names.n == 1 ? c->like.person->person.login : "USER";
	char more[900];

	enrol_text(&c->like, c->names.n == 1, more, sizeof(more));
	snprintf(dst, size, "cardtool unlock %s%s%s", user, *more ? "; " : "", more);
}

static const char *reason_text(const struct crowd *c, struct speech *s, char *dst, size_t size)
{
	const char *class_name = c->like.class_of ? c->like.class_of->name : "";
	const unsigned line = s->mark.line;

	switch (c->like.why) {
	case SIM_LACKS:
		enrol_text(&c->like, c->names.n == 1, s->advice, sizeof(s->advice));
		snprintf(dst, size, _("[%s] asks for what they lack: %s"), class_name,
			 missing_text(&c->like, s->factors, sizeof(s->factors)));
		if (lack_card(&c->like) == LACK_SUSPENDED)
			add_text(dst, size, _(" (their card is suspended)"));
		if (lack_card(&c->like) == LACK_EXPIRED)
			add_text(dst, size, _(" (the certificate on their card has ended)"));
		break;
	case SIM_NOTHING_OFFERED:
		snprintf(s->advice, sizeof(s->advice), _("%s:%u: add to `factors` of [%s] a way without a card, as in password,totp"),
			 PATH_CONF, line, class_name);
		snprintf(dst, size, _("nothing that [%s] asks for can be given there"), class_name);
		break;
	case SIM_NO_BATCH:
		snprintf(s->advice, sizeof(s->advice), _("%s:%u: write `batch = yes` in [%s], if these people may have jobs"),
			 PATH_CONF, line, class_name);
		snprintf(dst, size, _("[%s] runs no jobs"), class_name);
		break;
	case SIM_NO_CLASS:
		snprintf(s->advice, sizeof(s->advice), _("write this class into %s"), PATH_CONF);
		snprintf(dst, size, _("[%s], which they were put into, is not in the configuration"),
			 c->like.person->person.class_name);
		break;
	case SIM_LOCKED:
		unlock_text(c, s->advice, sizeof(s->advice));
		snprintf(dst, size, "%s", _("an administrator has locked them"));
		break;
	case SIM_NO_ACCOUNT:
		snprintf(s->advice, sizeof(s->advice), "%s", _("see what the check `accounts` says"));
		snprintf(dst, size, "%s", _("they have no account with their uid"));
		break;
	case SIM_LINUX_PASSWORD:
		snprintf(s->advice, sizeof(s->advice), "%s", _("see what the check `pam` says of this service"));
		snprintf(dst, size, "%s", _("the stack asks for the Linux password too, and theirs is locked"));
		break;
	default:
		snprintf(s->advice, sizeof(s->advice), "%s", _("see what the check `pam` says of this service"));
		snprintf(dst, size, "%s", _("nobody gets through the stack"));
	}
	return dst;
}

static bool somebody_gets_in(const struct survey *s, const struct crowd *c)
{
	for (size_t i = 0; i < s->n_sites; i++)
		if (s->sites[i].service == c->like.service && same_place(&s->sites[i].place, &c->place))
			return s->sites[i].counts[SIM_TWO_KINDS] > 0;
	return false;
}

/* Who is far away may still go to the machine: su, sudo and polkit serve both. */
static bool is_only_afar(const struct crowd *c)
{
	return c->place.remote && c->like.service->host->kind != HOST_LOGIN;
}

static enum doctor_level level_of(const struct survey *all, const struct crowd *c)
{
	if (!somebody_gets_in(all, c) && !is_only_afar(c))
		return DOCTOR_ERROR;
	return c->like.why == SIM_LOCKED ? DOCTOR_NOTE : DOCTOR_WARNING;        /* a lock is meant */
}

static void say_strangers(struct doctor *d, struct crowd *c, struct speech *s)
{
	s->mark.finding = doctor_sim_why_name(c->like.why);
	doctor_find(d, DOCTOR_NOTE, &s->mark,
		    _("cardtool user add USER, for those who are to log in there; root is better left to the rescue boot"),
		    ngettext("%s: %zu account with a usable password is not registered and gets no further: %s",
			     "%s: %zu accounts with a usable password are not registered and get no further: %s", c->names.n),
		    s->place, c->names.n, doctor_names_text(&c->names));
}

static void say_locked_out(const struct survey *all, struct crowd *c, struct speech *s)
{
	char reason[512];

	if (c->like.class_of) {
		s->mark.file = PATH_CONF;
		s->mark.line = line_of(all, &c->like);
		s->mark.class_name = c->like.class_of->name;
	}
	reason_text(c, s, reason, sizeof(reason));
	doctor_find(all->d, level_of(all, c), &s->mark, s->advice,
		    ngettext("%s: %zu person is locked out, %s: %s", "%s: %zu people are locked out, %s: %s", c->names.n),
		    s->place, c->names.n, reason, doctor_names_text(&c->names));
}

static void say_crowd(const struct survey *all, struct crowd *c)
{
	struct speech s = { .mark = { .finding = doctor_sim_outcome_name(c->like.outcome), .service = c->like.service->pam.name } };

	place_text(c->like.service, &c->place, s.place);
	if (c->like.why == SIM_NOT_REGISTERED)
		say_strangers(all->d, c, &s);
	else if (c->like.outcome == SIM_LOCKED_OUT)
		say_locked_out(all, c, &s);
	else
		say_weak(all->d, c, &s);
}

static void say_site(struct doctor *d, const struct site *s)
{
	char place[PLACE_SIZE];
	const struct doctor_mark mark = { .finding = "two-kinds", .service = s->service->pam.name };
	size_t good = s->counts[SIM_TWO_KINDS], n = 0;

	for (int i = 0; i < SIM_OUTCOMES; i++)
		n += s->counts[i];
	place_text(s->service, &s->place, place);
	if (s->service->host->kind == HOST_JOBS)
		doctor_find(d, DOCTOR_OK, &mark, NULL, _("%s: jobs of %zu of %zu people run"), place, good, n);
	else
		doctor_find(d, DOCTOR_OK, &mark, NULL, _("%s: %zu of %zu people can log in, with two kinds of proof"), place, good,
			    n);
}

/* ---- the check ---- */

static void report(struct survey *s)
{
	for (size_t i = 0; i < s->n_sites; i++)
		if (s->sites[i].counts[SIM_TWO_KINDS])
			say_site(s->d, &s->sites[i]);
	for (size_t i = 0; i < s->n_crowds; i++) {
		say_crowd(s, &s->crowds[i]);
		doctor_names_free(&s->crowds[i].names);
	}
	if (!s->n_sites && doctor_facts(s->d)->n_people)
		doctor_find(s->d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "nobody-asked" }, NULL,
			    _("no login was tried out: no service with pam_cardmfa.so asks people who they are"));
}

static bool is_asked_somewhere(const struct doctor_facts *f)
{
	for (size_t i = 0; i < f->n_services; i++)
		if (stack_judge_uses_us(&f->services[i].verdict))
			return true;
	return false;
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
		doctor_find(d, is_asked_somewhere(f) ? DOCTOR_ERROR : DOCTOR_NOTE, &(struct doctor_mark){ .finding = "nobody" },
			    "cardtool user add USER",
			    _("nobody is registered yet: once pam_cardmfa.so is in a stack, nobody gets in there"));
	doctor_sim_each(f, take, &s);
	report(&s);
	free(s.crowds);
	free(s.sites);
}
