/* SPDX-License-Identifier: Apache-2.0 */
/* A card's identifier as somebody types it. */
#include "card_id.h"
#include "fuzz.h"

#define SYMBOLS "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

static void check_tidy(const char *typed, const struct card_id *id)
{
	char tidy[16], small[4];
	bool has = card_id_tidy(typed, tidy, sizeof(tidy));

	must(!id || (has && strcmp(tidy, id->text) == 0));
	if (!has)
		return;
	must(strlen(tidy) >= 1 && strlen(tidy) <= 13);
	must(strspn(tidy, SYMBOLS "-") == strlen(tidy));
	must(card_id_tidy(tidy, tidy, sizeof(tidy)));
	if (card_id_tidy(typed, small, sizeof(small)))
		must(strlen(small) < sizeof(small));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	char *typed = rest_text(&in);
	struct card_id id, again;
	enum err e;

	memset(&id, UNTOUCHED, sizeof(id));
	e = card_id_parse(typed, &id);
	must(e == ERR_OK || (e == ERR_INVALID && is_untouched(&id, sizeof(id))));
	if (e == ERR_OK) {
		must(strlen(id.text) == CARD_ID_LEN && id.text[4] == '-');
		must(strspn(id.text, SYMBOLS) == 4 && strspn(id.text + 5, SYMBOLS) == 4);
		must(card_id_parse(id.text, &again) == ERR_OK && !strcmp(again.text, id.text));
	}
	check_tidy(typed, e == ERR_OK ? &id : NULL);
	free(typed);
	return 0;
}
