/* SPDX-License-Identifier: Apache-2.0 */
/* Making a new card from options, and taking its parts out. */
#ifndef VCARD_MAKE_H
#define VCARD_MAKE_H

#include <getopt.h>

#include "vcard_card.h"

#define VMAKE_OPTIONS 16
#define VMAKE_VALUES 64

/* Options in the order they came; applied when all are known. */
struct vmake {
	struct {
		int option;
		const char *value;
	} given[VMAKE_VALUES];
	int count;
};

/* Fills in at most VMAKE_OPTIONS rows; returns how many. */
int vmake_options(struct option *ret);
/* false: none of these options. */
bool vmake_take(struct vmake *m, int option, const char *value);
/* Makes the card and its file; false: said on stderr why not. */
bool vmake_card(const struct vmake *m, const char *path);
/* what: cert, spki, key (PEM of the slot), guid, serial. */
bool vmake_export(struct vcard *c, const char *what, const char *slot);
void vmake_help(void);

#endif
