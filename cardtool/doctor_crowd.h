/* SPDX-License-Identifier: Apache-2.0 */
/* What the check `logins` says of people for whom a trial came out alike. */
#ifndef CARDMFA_DOCTOR_CROWD_H
#define CARDMFA_DOCTOR_CROWD_H

#include "doctor_sim.h"

struct crowd {
	struct sim_result like;         /* of the first one; not its place */
	struct sim_place place;
	struct doctor_names names;
	uint64_t members;               /* a digest of all names: the same people have the same */
	bool said;
};

/* A service at a place. */
struct crowd_site {
	const struct doctor_service *service;
	struct sim_place place;
	size_t counts[SIM_OUTCOMES];    /* of who is registered */
	bool said;
};

/* How many get in, where somebody does. */
void doctor_crowd_say_sites(struct doctor *d, struct crowd_site *sites, size_t n);

/*
 * Of a service that asks pam_cardmfa, or will; together with those of the crowds behind it, up to end, of which the
 * same is to be said. somebody: others get in at the same site.
 */
void doctor_crowd_say(struct doctor *d, struct crowd *c, struct crowd *end, bool somebody);

/* Of a service that may be switched on, but not of the console, where it begins: there it may never be meant. */
bool doctor_crowd_is_far_plan(const struct crowd *c);

/* Of those that do not ask it: services of which the same is to be said of the same people share a line. */
void doctor_crowd_say_today(struct doctor *d, struct crowd *crowds, size_t n);

#endif
