/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "clock.h"
#include "doctor.h"
#include "words.h"

#define SOON_S (INT64_C(30) * 86400)

/* Who has another card that can be used needs nothing. */
static bool has_expired(const struct doctor_person *p)
{
	return *p->expired.text && !p->card && !p->card_nopin;
}

static bool ends_soon(const struct doctor_person *p)
{
	return p->card_until > 0 && p->card_until != INT64_MAX && p->card_until - clock_real_s() <= SOON_S;
}

static const char *new_card_advice(void)
{
	return _("have a new key and certificate written to the card (the old key can't be enrolled again), then: "
		 "cardtool enroll USER; cardtool revoke OLD-CARD --reason replaced");
}

static bool say_expired(struct doctor *d, const struct doctor_facts *f)
{
	DOCTOR_NAMES(names);
	struct doctor_mark mark = { .finding = "expired" };

	for (size_t i = 0; i < f->n_people; i++) {
		const struct doctor_person *p = &f->people[i];

		if (!has_expired(p))
			continue;
		mark.person = mark.person ? mark.person : p->person.login;
		doctor_names_add(d, &names, p->person.login);
	}
	if (!names.n)
		return false;
	doctor_find(d, DOCTOR_WARNING, &mark, new_card_advice(),
		    ngettext("the certificate on the card of %zu person has ended, and it can't be used any more: %s",
			     "the certificates on the cards of %zu people have ended, and they can't be used any more: %s", names.n),
		    names.n, doctor_names_text(&names));
	return true;
}

static bool say_soon(struct doctor *d, const struct doctor_facts *f)
{
	DOCTOR_NAMES(names);
	struct doctor_mark mark = { .finding = "ends-soon" };

	for (size_t i = 0; i < f->n_people; i++) {
		const struct doctor_person *p = &f->people[i];
		char name[STORE_LOGIN_MAX + 32], until[24];

		if (!ends_soon(p))
			continue;
		mark.person = mark.person ? mark.person : p->person.login;
		snprintf(name, sizeof(name), _("%s (%s)"), p->person.login, word_date(until, sizeof(until), p->card_until));
		doctor_names_add(d, &names, name);
	}
	if (!names.n)
		return false;
	doctor_find(d, DOCTOR_WARNING, &mark, new_card_advice(),
		    ngettext("the certificate on the card of %zu person ends within 30 days: %s",
			     "the certificates on the cards of %zu people end within 30 days: %s", names.n),
		    names.n, doctor_names_text(&names));
	return true;
}

void doctor_cards(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	bool found;

	/* What is wrong with the store is said by its check. */
	if (!f->people_known)
		return;
	found = say_expired(d, f);
	found |= say_soon(d, f);
	if (!found)
		doctor_say(d, DOCTOR_OK, NULL, _("no certificate on a card ends within 30 days"));
}
