/* SPDX-License-Identifier: Apache-2.0 */
/* A packet from the input, and its only form. */
#ifndef CARDMFA_FUZZ_WIRE_H
#define CARDMFA_FUZZ_WIRE_H

#include "fuzz.h"
#include "wire.h"

/* Opened; false: no message of this protocol. */
static inline bool wire_input(struct wire_buf *b, const uint8_t *data, size_t size,
			      enum wire_type *type)
{
	unsigned version = 0;

	(void)fuzz_input(data, size);
	*b = (struct wire_buf){ .len = size < WIRE_MAX ? size : WIRE_MAX };
	if (b->len)
		memcpy(b->bytes, data, b->len);
	if (wire_open(b, &version, type) != ERR_OK)
		return false;
	must(version >= WIRE_VERSION_OLDEST && version <= WIRE_VERSION);
	return true;
}

/* What was read writes the same bytes. */
static inline void must_be_same(const struct wire_buf *written, const struct wire_buf *read)
{
	must(!written->bad && written->len == read->len);
	must(memcmp(written->bytes, read->bytes, read->len) == 0);
}

#endif
