/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange: le 1, room 2, command's length 2 and INS, then the card's answers (fuzz_script.h). */
#include "fuzz_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	struct script s = { .in = &in };
	struct transport t;
	struct apdu_channel ch = script_channel(&t, &s);
	uint8_t flags = take_u8(&in);
	struct apdu_answer a = { .size = take_u16(&in) % 20000 };
	struct apdu cmd = { .le = flags & 1, .len = take_u16(&in) % (APDU_DATA_MAX + 8) };
	uint8_t *command = calloc(1, cmd.len + 1);
	bool wanted = !(flags & 2);
	size_t parts = cmd.len / 255 + 1;
	enum err e;

	a.bytes = malloc(a.size + 1);
	must(a.bytes != NULL && command != NULL);
	a.bytes[a.size] = UNTOUCHED;
	cmd.ins = take_u8(&in);
	cmd.data = command;
	e = apdu_exchange(&ch, &cmd, wanted ? &a : NULL);

	must(a.bytes[a.size] == UNTOUCHED);
	must(a.len <= a.size);
	must(a.len == 0 || (e == ERR_OK && ch.sw == SW_OK && wanted));
	must(e != ERR_OK || (ch.sw != 0 || s.sent > 0));
	must(e != ERR_OK || ch.io == IO_OK);
	must((e == ERR_INVALID) == (cmd.len > APDU_DATA_MAX));
	must(e != ERR_INVALID || s.sent == 0);
	/* Each round may be asked for twice (6CXX), and a part of an answer brings a byte at least. */
	must(s.sent <= parts + 1 + 2 * (9 + (wanted ? a.size / 64 : 0)));
	must(cmd.le || s.sent <= parts);
	free(a.bytes);
	free(command);
	return 0;
}
