/* SPDX-License-Identifier: Apache-2.0 */
/* The list of readers' names as pcscd gives it. */
#include <stddef.h>

#include "../../lib/card/pcsc.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	char names[CARD_READERS_MAX + 1][CARD_READER_SIZE];
	char *list = (char *)copy_of(in);
	const char *at = list;
	size_t n;

	memset(names, UNTOUCHED, sizeof(names));
	n = pcsc_split_names(list, in.len, names);
	must(n <= CARD_READERS_MAX);
	must(is_untouched(names + n, sizeof(names) - n * sizeof(names[0])));
	for (size_t i = 0; i < n; i++) {
		size_t len = strnlen(names[i], CARD_READER_SIZE);

		must(len > 0 && len < CARD_READER_SIZE);
		/* In the order of the list, each from a place of its own. */
		at = memmem(at, in.len - (size_t)(at - list), names[i], len + 1);
		must(at != NULL);
		at += len + 1;
	}
	free(list);
	return 0;
}
