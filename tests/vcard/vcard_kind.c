/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_kind.h"

#include <string.h>

static const struct vkind kinds[] = {
	{
		.name = "one",
		.tries = 3,
		.sw_last_wrong = 0x6983,
		.sw_query_blocked = 0x63C0,
		.sw_length = 0x6700,
		.sw_absent_aid = 0x6A82,
		.sw_chained_verify = 0x9000,
		.select_clears = true,
		.selected_by_reset = true,
		.class_as_plain = false,
		.attests = false,
		.long_select = false,
		.discovery = { 0x40, 0x10 },
		.version = { 5, 4, 3 },
		/* T=1 only; historical bytes: category 80, issuer's data "VCARDONE" */
		.atr = { 0x3B, 0x8A, 0x01, 0x80, 0x58, 'V', 'C', 'A', 'R', 'D', 'O', 'N', 'E',
			 0x00 },
		.atr_len = 14,
	},
	{
		.name = "another",
		.tries = 5,
		.sw_last_wrong = 0x63C0,
		.sw_query_blocked = 0x6983,
		.sw_length = 0x6A80,
		.sw_absent_aid = 0x6D00,
		.sw_chained_verify = 0x6884,
		.select_clears = false,
		.selected_by_reset = false,
		.class_as_plain = true,
		.attests = true,
		.long_select = true,
		.discovery = { 0x40, 0x00 },
		.version = { 5, 7, 0 },
		/*
		 * T=0 and T=1 offered; the same with "VCARDTWO": OpenSC takes the bare 3B80800101
		 * for a card it knows
		 */
		.atr = { 0x3B, 0x8A, 0x80, 0x01, 0x80, 0x58, 'V', 'C', 'A', 'R', 'D', 'T', 'W', 'O',
			 0x00 },
		.atr_len = 15,
	},
};

const struct vkind *vkind_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	return NULL;
}
