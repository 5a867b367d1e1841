/* SPDX-License-Identifier: Apache-2.0 */
/* Command APDUs (ISO 7816-4 5.1, short and extended) and the names tests call them by. */
#ifndef VCARD_APDU_H
#define VCARD_APDU_H

#include "vcard_tlv.h"

#define VAPDU_NAMES 32

struct vapdu {
	uint8_t cla, ins, p1, p2;
	const uint8_t *data;
	size_t lc;
	size_t le;			/* 0: none; 256 or 65536 where the command says 00 */
	bool extended;
};

/* Points into `bytes`; false when the lengths do not add up. */
bool vapdu_parse(const uint8_t *bytes, size_t len, struct vapdu *ret);

/* The most specific name: an index below VAPDU_NAMES. */
int vapdu_name(const struct vapdu *a);
const char *vapdu_name_text(int name);

/* What a fault or a wait is about: a name, ANY, GENAUTH or an INS in hexadecimal. */
struct vtarget {
	int name;			/* -1: any */
	int ins;			/* -1: any */
};

bool vtarget_parse(const char *text, struct vtarget *ret);
bool vtarget_matches(const struct vtarget *t, const struct vapdu *a);

#endif
