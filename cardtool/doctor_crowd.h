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
};

/* Somebody, or nobody. */
void doctor_crowd_say_site(struct doctor *d, const struct crowd_site *s);

/* Of a service that asks pam_cardmfa, or will. somebody: others get in at the same site. */
void doctor_crowd_say(struct doctor *d, struct crowd *c, bool somebody);

/* Of those that do not ask it: services of which the same is to be said of the same people share a line. */
void doctor_crowd_say_today(struct doctor *d, struct crowd *crowds, size_t n);

#endif
