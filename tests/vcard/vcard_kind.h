/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two kinds of PIV card that differ wherever SP 800-73 leaves room, or cards on sale take it.
 * Every member is one point on which the two were seen to differ.
 */
#ifndef VCARD_KIND_H
#define VCARD_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vkind {
	const char *name;
	int tries;			/* of PIN and PUK */
	uint16_t sw_last_wrong;		/* wrong PIN that uses up the last try */
	uint16_t sw_query_blocked;	/* VERIFY without data when blocked */
	uint16_t sw_length;		/* VERIFY with a length other than 8; uses no try */
	uint16_t sw_absent_aid;		/* SELECT of an application that is not there */
	uint16_t sw_chained_verify;	/* 0x9000: accepted */
	bool select_clears;		/* SELECT PIV again drops the verified state */
	bool selected_by_reset;		/* PIV is selected after power-on and reset */
	bool class_as_plain;		/* class 01 and 0C are taken as 00, else 6E00 */
	bool attests;			/* F9, with an F9 key that signs */
	bool long_select;		/* SELECT answers label, URL and the list of algorithms */
	uint8_t discovery[2];		/* 5F2F: PIN usage policy */
	uint8_t version[3];		/* FD */
	uint8_t atr[20];
	size_t atr_len;
};

/* NULL when there is none of that name. */
const struct vkind *vkind_by_name(const char *name);

#endif
