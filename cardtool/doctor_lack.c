/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_lack.h"

#include <stdio.h>
#include <string.h>

#include "login_sim.h"
#include "words.h"

/* What was cut is cut. */
static void add_text(char *dst, size_t size, const char *text)
{
	size_t len = strlen(dst);

	snprintf(dst + len, size - len, "%s", text);
}

const char *doctor_lack_text(const struct sim_result *r, char *dst, size_t size)
{
	*dst = '\0';
	for (size_t i = 0; i < r->n_ways; i++) {
		unsigned before = 0;

		add_text(dst, size, i ? _(" or ") : "");
		for (enum factor f = FACTOR_CARD; f <= FACTOR_SESSION; f++) {
			if (!(r->ways[i] & FACTOR_BIT(f)))
				continue;
			add_text(dst, size, before++ ? "," : "");
			add_text(dst, size, factor_name(f));
		}
	}
	return dst;
}

#define CARD_FACTORS (FACTOR_BIT(FACTOR_CARD) | FACTOR_BIT(FACTOR_CARD_NOPIN))

enum lack_card doctor_lack_card(const struct sim_result *r)
{
	const struct doctor_person *p = r->person;

	if (r->outcome != SIM_LOCKED_OUT || !(r->missing & CARD_FACTORS))
		return LACK_NO_TROUBLE;
	return *p->suspended.text ? LACK_SUSPENDED : *p->expired.text ? LACK_EXPIRED : LACK_NO_TROUBLE;
}

/* Whom the commands are for. */
struct addressee {
	const struct sim_result *result;
	const char *user;
	bool one;
};

/* Of the card that is there, if it need not be enrolled. */
static bool card_commands(const struct addressee *to, char *dst, size_t size)
{
	const struct doctor_person *p = to->result->person;
	enum lack_card trouble = doctor_lack_card(to->result);
	char text[512];

	if (trouble == LACK_SUSPENDED)
		snprintf(text, sizeof(text), "cardtool resume %s", to->one ? p->suspended.text : "CARD");
	else if (trouble == LACK_EXPIRED)
		snprintf(text, sizeof(text),
			 _("have a new key and certificate written to the card, then: cardtool enroll %s; cardtool revoke %s --reason replaced"),
			 to->user, to->one ? p->expired.text : "OLD-CARD");
	else
		return false;
	add_text(dst, size, text);
	return true;
}

static void commands_for(unsigned missing, const struct addressee *to, const char *between, char *dst, size_t size)
{
	static const struct {
		unsigned factor;
		const char *before, *behind;
	} rows[] = {
		{ FACTOR_BIT(FACTOR_CARD), "cardtool enroll ", "" },
		{ FACTOR_BIT(FACTOR_CARD_NOPIN), "cardtool enroll ", " --allow-no-pin" },
		{ FACTOR_BIT(FACTOR_TOTP), "cardtool totp enroll ", "" },
		{ FACTOR_BIT(FACTOR_PASSWORD), "cardtool password set ", "" },
	};
	unsigned before = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(missing & rows[i].factor))
			continue;
		add_text(dst, size, before++ ? between : "");
		if (rows[i].factor & CARD_FACTORS && card_commands(to, dst, size))
			continue;
		add_text(dst, size, rows[i].before);
		add_text(dst, size, to->user);
		add_text(dst, size, rows[i].behind);
	}
}

/* First what every way needs, then what is left of each. */
void doctor_lack_commands(const struct sim_result *r, bool one, char *dst, size_t size)
{
	const struct addressee to = { r, one ? r->person->person.login : "USER", one };
	unsigned common = r->n_ways ? r->ways[0] : 0;

	for (size_t i = 1; i < r->n_ways; i++)
		common &= r->ways[i];
	*dst = '\0';
	commands_for(common, &to, "; ", dst, size);
	for (size_t i = 0; r->n_ways > 1 && i < r->n_ways; i++) {
		add_text(dst, size, i ? _(" or ") : common ? "; " : "");
		commands_for(r->ways[i] & ~common, &to, " && ", dst, size);
	}
}
