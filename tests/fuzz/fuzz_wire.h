/* SPDX-License-Identifier: Apache-2.0 */
/* A packet from the input, and its only form. */
#ifndef CARDMFA_FUZZ_WIRE_H
#define CARDMFA_FUZZ_WIRE_H

#include "fuzz.h"
#include "wire.h"

/* A message of the protocol, and what reads its body. */
struct wire_kind {
	enum wire_type type;
	void (*read)(struct wire_buf *b);
};

/* What is no message, and one of a type that is not in the table, is passed over. */
static inline void wire_feed(const uint8_t *data, size_t size, const struct wire_kind *kinds, size_t n)
{
	static struct wire_buf b;
	enum wire_type type;
	unsigned version = 0;

	(void)fuzz_input(data, size);
	b = (struct wire_buf){ .len = size < WIRE_MAX ? size : WIRE_MAX };
	if (b.len)
		memcpy(b.bytes, data, b.len);
	if (wire_open(&b, &version, &type) != ERR_OK)
		return;
	must(version >= WIRE_VERSION_OLDEST && version <= WIRE_VERSION);
	for (size_t i = 0; i < n; i++)
		if (kinds[i].type == type)
			kinds[i].read(&b);
}

/* What was read writes the same bytes. */
static inline void must_be_same(const struct wire_buf *written, const struct wire_buf *read)
{
	must(!written->bad && written->len == read->len);
	must(memcmp(written->bytes, read->bytes, read->len) == 0);
}

#endif
