/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everybody, who is registered and the accounts with a password that are not, at every service in
 * which people log in or switch, or that asks pam_cardmfa or is named by the configuration; and at
 * those where it may be switched on, as they will be then. Where it is not asked only who gets in
 * is told, and the place makes no difference. Who can't log in there is not told of at what is called
 * within a session.
 */
#ifndef CARDMFA_DOCTOR_SIM_H
#define CARDMFA_DOCTOR_SIM_H

#include "doctor.h"

enum sim_outcome { SIM_TWO_KINDS, SIM_ONE_KIND, SIM_NOTHING_ASKED, SIM_LOCKED_OUT };
#define SIM_OUTCOMES (SIM_LOCKED_OUT + 1)

enum sim_why {
	SIM_NO_REASON,
	SIM_LACKS,              /* factors: ways, missing */
	SIM_NOTHING_OFFERED,    /* no alternative of the class can be used at this place */
	SIM_NO_CLASS,           /* the class that the person is assigned to is not in the file */
	SIM_NO_ACCOUNT,         /* none with this name and uid */
	SIM_LINUX_PASSWORD,     /* the stack asks for that too, and it is locked */
	SIM_STACK,              /* nobody gets through the stack */
	SIM_NO_BATCH,           /* the class runs no jobs */
	SIM_LOCKED,             /* by an administrator; ways: what lacks besides */
	SIM_NOT_REGISTERED,
};

/* One that is reached from afar may depend on the network. */
struct sim_place {
	bool remote;
	char address[65];       /* in the network, "" any other */
	char network[70];
};

struct sim_result {
	const struct doctor_person *person;
	const struct doctor_service *service;
	const struct sim_place *place;
	const struct policy_class *class_of;    /* NULL: SIM_NO_CLASS, SIM_NO_ACCOUNT, or nothing of ours is asked */
	enum sim_outcome outcome;
	enum sim_why why;
	size_t n_ways;                          /* as in struct login_sim */
	unsigned ways[POLICY_ALTERNATIVES_MAX];
	unsigned missing;
};

typedef void (*sim_cb)(const struct sim_result *r, void *arg);

/* Service by service, then the planned ones; place by place; strangers, then people, each in order. Needs f->policy. */
void doctor_sim_each(const struct doctor_facts *f, sim_cb cb, void *arg);

/* At this one alone, which f holds. */
void doctor_sim_service(const struct doctor_facts *f, const struct doctor_service *s, sim_cb cb, void *arg);

/* The class of a registered person at this service here; NULL: nobody's name, or a class that the file lacks. */
const struct policy_class *doctor_sim_class(const struct doctor_facts *f, const char *login, const char *service);

/* It is su, and asks for the factors of whom it names: r->class_of is given. */
bool doctor_sim_asks_target(const struct sim_result *r);

bool doctor_sim_same_ways(const struct sim_result *a, const struct sim_result *b);

/* "two-kinds", "lacks": for --json. */
const char *doctor_sim_outcome_name(enum sim_outcome o);
const char *doctor_sim_why_name(enum sim_why w);

/* The key of its class to change, for doctor_facts_line. */
const char *doctor_sim_key(const struct sim_result *r);

#endif
