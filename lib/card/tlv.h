/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BER-TLV (ISO 7816-4, 5.2.2): tags of up to three bytes, definite lengths of up to three bytes,
 * not necessarily minimal. Reads in place, never past the end, never recursively.
 */
#ifndef CARDMFA_TLV_H
#define CARDMFA_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct tlv {
	uint32_t tag;           /* as written: 0x53, 0x5FC105 */
	const uint8_t *value;
	size_t len;
};

struct tlv_cursor {
	const uint8_t *p, *end;
};

enum tlv_step { TLV_BAD = 0, TLV_ITEM, TLV_END };

struct tlv_cursor tlv_in(const uint8_t *bytes, size_t len);
struct tlv_cursor tlv_inside(const struct tlv *t);

/* The next object. After TLV_BAD or TLV_END the cursor stays where it is. */
MUST_USE enum tlv_step tlv_next(struct tlv_cursor *c, struct tlv *ret);

/* The object in `c` must have this tag and be the only one. */
MUST_USE bool tlv_only(struct tlv_cursor c, uint32_t tag, struct tlv *ret);

/* As tlv_only, but padding of 00 or FF may follow it. */
MUST_USE bool tlv_padded(struct tlv_cursor c, uint32_t tag, struct tlv *ret);

/*
 * The object with this tag among others. False when `c` is malformed anywhere or the tag occurs
 * twice; *found says whether it is there.
 */
MUST_USE bool tlv_find(struct tlv_cursor c, uint32_t tag, bool *found, struct tlv *ret);

#endif
