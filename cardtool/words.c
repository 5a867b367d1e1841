/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "text.h"

static const char *const card_states[] = {
	[CARD_ISSUED] = N_("issued"),
	[CARD_ACTIVE] = N_("active"),
	[CARD_SUSPENDED] = N_("suspended"),
	[CARD_REVOKED] = N_("revoked"),
	[CARD_FOUND] = N_("found"),
	[CARD_COLLECTED] = N_("collected"),
	[CARD_DESTROYED] = N_("destroyed"),
};

static const char *const person_states[] = {
	[PERSON_ACTIVE] = N_("active"),
	[PERSON_LOCKED] = N_("locked"),
	[PERSON_REMOVED] = N_("removed"),
};

static const char *const reasons[] = {
	[REASON_LOST] = N_("lost"),
	[REASON_STOLEN] = N_("stolen"),
	[REASON_DAMAGED] = N_("damaged"),
	[REASON_DEFRAUDED] = N_("defrauded"),
	[REASON_REPLACED] = N_("replaced"),
	[REASON_RETIRED] = N_("retired"),
	[REASON_TRANSFERRED] = N_("transferred"),
};

static const char *const algorithms[] = {
	[KEY_RSA2048] = "RSA-2048",
	[KEY_RSA3072] = "RSA-3072",
	[KEY_RSA4096] = "RSA-4096",
	[KEY_P256] = "P-256",
	[KEY_P384] = "P-384",
};

static const char *word(const char *const *table, size_t n, size_t i)
{
	return i < n && table[i] ? table[i] : NULL;
}
#define WORD(table, i) word(table, sizeof(table) / sizeof((table)[0]), (size_t)(i))

static const char *translated(const char *text)
{
	return text ? gettext(text) : "-";
}

const char *word_card_state(enum card_state state)
{
	return translated(WORD(card_states, state));
}

const char *word_person_state(enum person_state state)
{
	return translated(WORD(person_states, state));
}

const char *word_reason(enum card_reason reason)
{
	return translated(WORD(reasons, reason));
}

const char *word_algorithm(enum key_algorithm algorithm)
{
	const char *name = WORD(algorithms, algorithm);

	return name ? name : "-";
}

const char *word_time(char *dst, size_t size, int64_t real_s)
{
	if (real_s >= 0)
		return text_local_time(dst, size, real_s);
	snprintf(dst, size, "-");
	return dst;
}

const char *word_date(char *dst, size_t size, int64_t real_s)
{
	time_t t = (time_t)real_s;
	struct tm tm;

	if (real_s < 0 || !localtime_r(&t, &tm) || !strftime(dst, size, "%Y-%m-%d", &tm))
		snprintf(dst, size, "-");
	return dst;
}

const char *word_duration(char *dst, size_t size, int64_t seconds)
{
	int64_t s = seconds < 0 ? 0 : seconds;

	if (s < 60)
		snprintf(dst, size, _("%" PRId64 " s"), s);
	else if (s < 3600)
		snprintf(dst, size, _("%" PRId64 " min %" PRId64 " s"), s / 60, s % 60);
	else if (s < 86400)
		snprintf(dst, size, _("%" PRId64 " h %" PRId64 " min"), s / 3600, s / 60 % 60);
	else
		snprintf(dst, size, _("%" PRId64 " d %" PRId64 " h"), s / 86400, s / 3600 % 24);
	return dst;
}
