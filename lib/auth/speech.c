/* SPDX-License-Identifier: Apache-2.0 */
#include "speech.h"

#include <stdlib.h>
#include <string.h>

#include "l10n.h"

/* "tty1", "/dev/tty12": the kernel's own terminal emulator. "ttyS0" is a line to another terminal. */
static bool is_virtual_console(const char *tty)
{
	if (!strncmp(tty, "/dev/", 5))
		tty += 5;
	return !strncmp(tty, "tty", 3) && tty[3] && !tty[3 + strspn(tty + 3, "0123456789")];
}

static const char *from_setting(enum policy_language l)
{
	return l == LANGUAGE_JA ? "ja" : l == LANGUAGE_EN ? "en" : NULL;
}

void speech_in(const char *language, const char *tty)
{
	setenv("LANGUAGE", is_virtual_console(tty) ? "en" : language, 1);
}

void speech_choose(const struct auth_call *c, const struct who *w)
{
	const char *l = w->known && w->person.language[0] ? w->person.language : NULL;

	if (!l)
		l = from_setting(w->class_of->language);
	if (!l)
		l = from_setting(c->policy->settings.language);
	if (!l)
		l = c->system_language;
	speech_in(l, c->request->tty);
}

const char *speech_refusal(enum err why)
{
	static const struct {
		enum err why;
		const char *text;
	} table[] = {
		{ ERR_CARD_UNKNOWN, N_("This card can't be used for this name. Ask the systems section.") },
		{ ERR_NO_CARD, N_("No IC card was inserted in time.") },
		{ ERR_CARD_REMOVED, N_("The IC card was taken out. Insert it and try again.") },
		{ ERR_CARD_FAILED, N_("The IC card could not be read. Clean it, insert it again and try once more.") },
		{ ERR_PIN_FORMAT, N_("The PIN is 6 to 8 digits. No PIN try was used up.") },
		{ ERR_PIN_BLOCKED, N_("The PIN of this card is blocked. Ask the systems section.") },
		{ ERR_PIN_LAST_TRY,
		  N_("This card has only its last PIN try left, which logins never use. Ask the systems section.") },
		{ ERR_SECRET_WRONG, N_("Wrong code or password.") },
		{ ERR_CODE_REPLAYED, N_("This code was used already. Wait for the next one.") },
		{ ERR_REVOKED, N_("This card was revoked. Ask the systems section.") },
		{ ERR_SUSPENDED, N_("This card is suspended. Ask the systems section.") },
		{ ERR_EXPIRED, N_("This card has expired. Ask the systems section.") },
		{ ERR_LOCKED, N_("Your account is locked. Ask the systems section.") },
		{ ERR_CLOCK, N_("The clock of this machine is wrong. Ask the systems section.") },
		{ ERR_STORE, N_("The login service is out of order. Ask the systems section.") },
		{ ERR_STORE_FULL, N_("No disk space is left. Ask the systems section.") },
		{ ERR_PCSC, N_("The smart card service does not answer. Ask the systems section.") },
		{ ERR_BUSY, N_("The card reader or this machine is busy. Try again in a moment.") },
		{ ERR_TIMEOUT, N_("The time for logging in is over. Try again.") },
		{ ERR_CANCELLED, N_("Nothing was typed. Try again.") },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].why == why)
			return _(table[i].text);
	return _("Login refused. Ask the systems section if you need help.");
}
