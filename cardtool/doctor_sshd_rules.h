/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with sshd's configuration for one person at one place, and the line that mends it. */
#ifndef CARDMFA_DOCTOR_SSHD_RULES_H
#define CARDMFA_DOCTOR_SSHD_RULES_H

#include "doctor.h"
#include "sshd_conf.h"

struct sshd_sample {
	const struct doctor_person *person;
	const struct policy_class *class_of;
	char address[65];
	struct sshd_conf conf;
	unsigned ways;
	bool needs_card;        /* every way that the class offers over ssh has a card */
	const char *keys_user;  /* of the configuration */
};

struct sshd_rule {
	const char *name;
	enum doctor_level level;
	bool (*fails)(const struct sshd_sample *s);
	const char *line, *text;        /* what to write; what is wrong, marked with N_() */
};

/* In the order in which they are to be mended; ends with a NULL name. */
extern const struct sshd_rule doctor_sshd_rules[];

/* Does it fail this rule once all that the rules before it say is mended? */
bool doctor_sshd_rules_fails_later(const struct sshd_rule *r, const struct sshd_sample *s);

/* The line to write. seconds: the longest time that a class gives for a login; keys_user: of the configuration. */
void doctor_sshd_rules_line(const struct sshd_rule *r, unsigned seconds, const char *keys_user, char *dst, size_t size);

#endif
