/* SPDX-License-Identifier: Apache-2.0 */
#include "reader_look.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "card_start.h"
#include "output.h"
#include "reader.h"
#include "words.h"

#define CARD_ANSWER_MS 20000

struct looking {
	const struct told *told;
	const char *user;
	json_t *json;           /* NULL: as text */
};

enum found { FOUND_NONE, FOUND_OWN, FOUND_OTHER, FOUND_NO_CHUID, FOUND_UNREADABLE };

/* For programs. */
static const char *const found_names[] = {
	[FOUND_NONE] = "none",
	[FOUND_OWN] = "own",
	[FOUND_OTHER] = "other",
	[FOUND_NO_CHUID] = "no-chuid",
	[FOUND_UNREADABLE] = "unreadable",
};

/* As the login does it. A card's certificate is read by nobody who is root. */
static bool is_card(const struct wire_card *c, const struct card_answer *a)
{
	return c->guid_len && memcmp(c->guid, a->guid, c->guid_len) == 0;
}

static enum found find(const struct looking *l, const struct card_answer *a, const struct wire_card **own)
{
	if (a->result != ERR_OK)
		return FOUND_UNREADABLE;
	if (!a->has_guid)
		return FOUND_NO_CHUID;
	for (size_t i = 0; i < l->told->n_cards; i++) {
		if (is_card(&l->told->cards[i], a)) {
			*own = &l->told->cards[i];
			return FOUND_OWN;
		}
	}
	return FOUND_OTHER;
}

static const char *found_text(char *dst, size_t size, const struct looking *l, enum found found, const struct wire_card *own)
{
	switch (found) {
	case FOUND_NONE:
		snprintf(dst, size, "%s", _("no card"));
		break;
	case FOUND_OWN:
		snprintf(dst, size, _("card %s of %s, %s"), own->id, ESCAPED(l->user), told_card_state(own));
		break;
	case FOUND_OTHER:
		snprintf(dst, size, _("a card that is none of %s's"), ESCAPED(l->user));
		break;
	case FOUND_NO_CHUID:
		snprintf(dst, size, "%s", _("a card without CHUID: the login looks at its certificate"));
		break;
	case FOUND_UNREADABLE:
		snprintf(dst, size, "%s", _("no PIV card, or it does not answer"));
		break;
	}
	return dst;
}

/* own: the card that is FOUND_OWN, else NULL. */
static void say_reader(const struct looking *l, const char *reader, enum found found, const struct wire_card *own)
{
	char text[ESCAPED_SIZE];

	if (l->json)
		json_array_append_new(l->json, json_pack("{s:s, s:s, s:o}",
							 "reader", ESCAPED(reader),
							 "found", found_names[found],
							 "card", own ? json_text(own->id) : json_null()));
	else
		say(_("Reader \"%s\": %s"), ESCAPED(reader), found_text(text, sizeof(text), l, found, own));
}

static enum err look_at_cards(const struct looking *l, int fd)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < 2 * CARD_READERS_MAX; i++) {
		struct card_request q = { .op = CARD_OP_NEXT };
		const struct wire_card *own = NULL;
		struct card_answer a;

		e = card_ask(fd, &q, &a, CARD_ANSWER_MS);
		if (e)
			return e;
		if (a.result != ERR_OK && a.result != ERR_CARD_FAILED)
			return a.result == ERR_NO_CARD ? ERR_OK : reader_result(&a);

		enum found found = find(l, &a, &own);

		say_reader(l, a.reader, found, own);
	}
	return e;
}

static enum err look_at_readers(const struct looking *l, int fd)
{
	struct card_request q = { .op = CARD_OP_LIST };
	struct card_answer list;
	enum err e = card_ask(fd, &q, &list, CARD_ANSWER_MS);

	if (!e)
		e = reader_result(&list);
	if (e)
		return e;
	for (size_t i = 0; i < list.n_readers; i++)
		if (!list.readers[i].present)
			say_reader(l, list.readers[i].name, FOUND_NONE, NULL);
	if (list.n_readers == 0 && !l->json)
		say(_("No card reader is attached."));
	return look_at_cards(l, fd);
}

void reader_look(const struct told *told, const char *user, json_t *json)
{
	const struct looking l = { .told = told, .user = user, .json = json };
	int fd;
	enum err e = card_start(&fd);

	if (!e) {
		e = look_at_readers(&l, fd);
		close(fd);
	}
	if (e)
		complain_detail(e);
}
