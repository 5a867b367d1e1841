/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "words.h"

struct told *told_new(void)
{
	struct told *t = calloc(1, sizeof(*t));

	if (!t) {
		complain("%s", gettext(err_text(ERR_MEMORY)));
		exit(EXIT_SERVICE);
	}
	return t;
}

void told_free(struct told **t)
{
	free(*t);
}

#define KEEP(t, list, n, item) \
	((n) < TOLD_MAX ? ((list)[(n)++] = (item), (enum err)ERR_OK) : \
			  fail(ERR_PROTOCOL, "more records than the daemon may send"))

enum err told_keep(struct told *t, const struct wire_record *r)
{
	switch (r->kind) {
	case WIRE_RECORD_PERSON:
		if (t->known)
			return fail(ERR_PROTOCOL, "two persons in one answer");
		t->known = true;
		t->person = r->person;
		return ERR_OK;
	case WIRE_RECORD_CARD:
		return KEEP(t, t->cards, t->n_cards, r->card);
	case WIRE_RECORD_COUNT:
		return KEEP(t, t->counts, t->n_counts, r->count);
	case WIRE_RECORD_PLACE:
		t->place = r->place;
		return ERR_OK;
	case WIRE_RECORD_CLASS:
		return KEEP(t, t->classes, t->n_classes, r->class_of);
	case WIRE_RECORD_WAY:
		return KEEP(t, t->ways, t->n_ways, r->way);
	case WIRE_RECORD_EVENT:
		t->event = r->event;
		return ERR_OK;
	case WIRE_RECORD_KEY:
		break;
	}
	return ERR_PROTOCOL;
}

const char *told_card_state(const struct wire_card *c)
{
	if (strcmp(c->usable, err_name(ERR_EXPIRED)) == 0)
		return word_card_expired();
	for (enum card_state s = CARD_ISSUED; s <= CARD_DESTROYED; s++)
		if (strcmp(c->state, card_state_name(s)) == 0)
			return word_card_state(s);
	return c->state;
}

const char *told_person_state(const struct wire_person *p)
{
	for (enum person_state s = PERSON_ACTIVE; s <= PERSON_REMOVED; s++)
		if (strcmp(p->state, person_state_name(s)) == 0)
			return word_person_state(s);
	return p->state;
}

const char *told_origin(char dst[TOLD_ORIGIN_SIZE], const char *origin)
{
	if (strcmp(origin, "local") == 0)
		return _("at this machine");
	return strcmp(origin, "remote") == 0 ? _("over the network") : word_origin(dst, TOLD_ORIGIN_SIZE, origin);
}

const char *told_moment(char *dst, size_t size, int64_t at, const char *from)
{
	char text[24], place[TOLD_ORIGIN_SIZE];

	word_time(text, sizeof(text), at);
	if (*from)
		snprintf(dst, size, _("%s (%s)"), text, told_origin(place, from));
	else
		snprintf(dst, size, "%s", text);
	return dst;
}

json_t *told_cards_json(const struct told *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_cards; i++) {
		const struct wire_card *c = &t->cards[i];

		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:b, s:o, s:o}",
						      "card", c->id,
						      "label", json_text(c->label),
						      "state", c->state,
						      "usable", strcmp(c->usable, err_name(ERR_OK)) == 0,
						      "not_after", json_time(c->not_after),
						      "last_used_at", json_time(c->last_used_at)));
	}
	return list;
}

json_t *told_counts_json(const struct told *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_counts; i++) {
		const struct wire_count *c = &t->counts[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:o}",
						      "origin", c->origin,
						      "failed", (json_int_t)c->failed,
						      "last_at", json_time(c->last_at),
						      "locked_until", json_time(c->locked_until)));
	}
	return list;
}

enum exit_code told_older(void)
{
	complain(_("the login service that runs is older than this cardtool and can't tell"));
	advise(_("It must be started anew after an update: `systemctl restart cardmfad.service`."));
	return EXIT_SERVICE;
}
