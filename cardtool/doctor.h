/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the doctor: doctor_*.c hold them, cmd_doctor.c is the table and the printing. A check
 * looks and changes nothing; each wait in it is bounded. It may find several things.
 */
#ifndef CARDMFA_DOCTOR_H
#define CARDMFA_DOCTOR_H

#include "cardtool.h"
#include "error.h"

enum doctor_level { DOCTOR_OK = 1, DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR };

struct doctor;          /* what was found */

/*
 * advice: what to do, NULL: nothing. Both translated by the caller, names from outside escaped by
 * the printer.
 */
void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* A failure with err_detail(), as an error. */
void doctor_fail(struct doctor *d, enum err e, const char *advice);

void doctor_daemon(struct doctor *d);
void doctor_units(struct doctor *d);
void doctor_readers(struct doctor *d);
void doctor_pcscd_socket(struct doctor *d);
void doctor_vpcd(struct doctor *d);

void doctor_users(struct doctor *d);
void doctor_paths(struct doctor *d);
void doctor_key_file(struct doctor *d);
void doctor_configuration(struct doctor *d);
void doctor_store(struct doctor *d);

void doctor_clock(struct doctor *d);
void doctor_rescue(struct doctor *d);
void doctor_stacks(struct doctor *d);

#endif
