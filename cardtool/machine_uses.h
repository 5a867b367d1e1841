/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs on this machine in the name of some account without anybody at a prompt: jobs, units with PAM, lingering managers, sudo
 * that asks nothing, keys of ssh. Files and programs are looked at for a bounded time; what can't be read is left out.
 */
#ifndef CARDMFA_MACHINE_USES_H
#define CARDMFA_MACHINE_USES_H

#include "doctor.h"
#include "sudoers.h"

enum machine_source { SOURCE_CRON = 1, SOURCE_AT, SOURCE_UNIT, SOURCE_LINGER, SOURCE_SUDO, SOURCE_KEYS };

struct machine_use {
	char login[STORE_LOGIN_MAX + 1];
	char service[65];               /* the PAM service that is asked about it */
	enum machine_source source;
	char file[256];                 /* or unit */
	unsigned line;                  /* 0: all of it */
};

struct machine_uses {
	size_t n;
	struct machine_use *rows;       /* in order of login, service, source */
	bool sudo_known;
	char sudo_trouble[256];         /* "" unless sudo is there and its rules can't be read */
	struct sudoers_options sudo;
};

void machine_uses_read(const struct doctor_facts *f, struct machine_uses *ret);
void machine_uses_free(struct machine_uses *u);

#endif
