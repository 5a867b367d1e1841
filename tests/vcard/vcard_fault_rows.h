/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table of faults, for vcard_fault.c. */
#ifndef VCARD_FAULT_ROWS_H
#define VCARD_FAULT_ROWS_H

#include "vcard_fault.h"

struct vfault_row {
	const char *name;
	const char *args;
	const char *help;
	int least, most;		/* arguments, the APDU's name among them */
	bool on_apdu;			/* the first argument names the APDU */
	bool sticky;			/* once fired it also answers every GET RESPONSE */
	size_t flag;			/* a bool of struct vquirks to set; 0: none */
	bool (*arm)(struct vfault *f, struct vfaults *fs, struct vcard *card, char **args, int n);
	void (*before)(struct vfault *f, struct vexchange *x);
	void (*after)(struct vfault *f, struct vexchange *x);
};

/* Ends with a row without name. */
extern const struct vfault_row vfault_rows[];

#endif
