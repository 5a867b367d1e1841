/* SPDX-License-Identifier: Apache-2.0 */
/* Services that are known by name: what their hosts call, and where the person stands. */
#ifndef CARDMFA_HOST_SERVICE_H
#define CARDMFA_HOST_SERVICE_H

#include <stdbool.h>

#include "pam_stack.h"

enum host_kind {
	HOST_LOGIN = 1,         /* opens a person's session */
	HOST_SWITCH,            /* changes who works in a session: su, sudo */
	HOST_ASK,               /* asks who is there and opens nothing: screen lockers, polkit */
	HOST_JOBS,              /* runs what a person left to be run */
	HOST_MACHINE,           /* acts for the system, nobody is asked */
	HOST_PART,              /* a file that others include */
};

struct host_service {
	const char *name;       /* "" of the row for all others */
	enum host_kind kind;
	unsigned phases;        /* HOST_CALLS() of what it calls */
	bool remote;            /* people far away can use it */
	bool ready;             /* host_service_ready() */
};

#define HOST_CALLS(phase) (1u << (phase))

/* Never NULL: an unknown service logs people in from far away, and calls everything. */
const struct host_service *host_service_find(const char *name);

/* It has a row of its own. */
bool host_service_known(const char *name);

/* The last part of this path is a file that services include: HOST_PART. */
bool host_service_is_part(const char *path);

/* This version has lines for it: those of pam_cardmfa(8), `account` alone for jobs and managers of people. */
bool host_service_ready(const char *name);

/* A screen locker that answers every question with one line, typed before anything is asked. */
bool host_service_takes_one_line(const char *name);

/* Backup and package files in /etc/pam.d, which nobody calls by name. */
bool host_service_is_leftover(const char *name);

#endif
