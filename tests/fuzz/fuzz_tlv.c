/* SPDX-License-Identifier: Apache-2.0 */
/* A tag of three bytes that is looked for, then BER-TLV. */
#include "../../lib/card/tlv.h"
#include "fuzz.h"

#define DEEP 8

/* Walks all objects; how many have the tag. -1: malformed at this level. */
static int walk(struct tlv_cursor c, uint32_t tag, struct tlv *hit, int depth)
{
	struct tlv t;
	enum tlv_step step;
	int hits = 0;

	for (;;) {
		const uint8_t *before = c.p;

		memset(&t, UNTOUCHED, sizeof(t));
		step = tlv_next(&c, &t);
		if (step != TLV_ITEM) {
			must(c.p == before && is_untouched(&t, sizeof(t)));
			must((step == TLV_END) == (c.p == c.end));
			return step == TLV_END ? hits : -1;
		}
		must(t.value > before && t.value + t.len == c.p && c.p <= c.end);
		must(t.tag <= 0xFFFFFF);
		if (t.tag == tag) {
			hits++;
			*hit = t;
		}
		if (depth < DEEP) {
			struct tlv unused;

			(void)walk(tlv_inside(&t), tag, &unused, depth + 1);
		}
	}
}

static void check_find(struct tlv_cursor c, uint32_t tag)
{
	struct tlv hit = { 0 }, t;
	int hits = walk(c, tag, &hit, 0);
	bool found = false, good;

	memset(&t, UNTOUCHED, sizeof(t));
	good = tlv_find(c, tag, &found, &t);
	must(good == (hits == 0 || hits == 1));
	must(!good || found == (hits == 1));
	must(good && found ? t.value == hit.value && t.len == hit.len && t.tag == tag
			   : is_untouched(&t, sizeof(t)));
}

static void check_whole(struct tlv_cursor c, uint32_t tag)
{
	struct tlv only, padded;
	bool is_only, is_padded;

	memset(&only, UNTOUCHED, sizeof(only));
	memset(&padded, UNTOUCHED, sizeof(padded));
	is_only = tlv_only(c, tag, &only);
	is_padded = tlv_padded(c, tag, &padded);
	must(!is_only || is_padded);
	must(is_only ? only.tag == tag && only.value + only.len == c.end
		     : is_untouched(&only, sizeof(only)));
	must(is_padded ? padded.tag == tag && padded.value + padded.len <= c.end
		       : is_untouched(&padded, sizeof(padded)));
	for (const uint8_t *p = is_padded ? padded.value + padded.len : c.end; p < c.end; p++)
		must(*p == 0x00 || *p == 0xFF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	uint32_t tag = (uint32_t)take_u8(&in) << 16 | take_u16(&in);
	uint8_t *bytes = copy_of(in);

	check_find(tlv_in(bytes, in.len), tag);
	check_whole(tlv_in(bytes, in.len), tag);
	free(bytes);
	return 0;
}
