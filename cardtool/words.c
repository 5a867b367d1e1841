/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "login_name.h"
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

/* What is written on the form of who reports a loss. */
static const char *const reasons_typed[] = {
	[REASON_LOST] = "紛失",
	[REASON_STOLEN] = "盗難",
	[REASON_DAMAGED] = "破損",
	[REASON_DEFRAUDED] = "不正使用",
	[REASON_REPLACED] = "交換",
	[REASON_RETIRED] = "退職",
	[REASON_TRANSFERRED] = "異動",
};

static const char *const events[EVENT_N] = {
	[EVENT_LOGIN] = N_("login"),
	[EVENT_ACCOUNT] = N_("account check"),
	[EVENT_SESSION_OPEN] = N_("session opened"),
	[EVENT_SESSION_CLOSE] = N_("session closed"),
	[EVENT_LOCKOUT] = N_("locked out"),
	[EVENT_CARD_ENROL] = N_("card enrolled"),
	[EVENT_CARD_SUSPEND] = N_("card suspended"),
	[EVENT_CARD_RESUME] = N_("card resumed"),
	[EVENT_CARD_REVOKE] = N_("card revoked"),
	[EVENT_PERSON_ADD] = N_("person added"),
	[EVENT_PERSON_CHANGE] = N_("person changed"),
	[EVENT_PERSON_REMOVE] = N_("person removed"),
	[EVENT_TOTP_ENROL] = N_("app enrolled"),
	[EVENT_TOTP_REMOVE] = N_("app removed"),
	[EVENT_PASSWORD_SET] = N_("password set"),
	[EVENT_UNLOCK] = N_("unlocked"),
	[EVENT_PIN_TRY] = N_("PIN try"),
	[EVENT_STORE_CREATED] = N_("store created"),
	[EVENT_STORE_FULL] = N_("store full"),
	[EVENT_CONFIG_BROKEN] = N_("config broken"),
	[EVENT_CONFIG_LOADED] = N_("config loaded"),
	[EVENT_PERSON_LOST] = N_("person's row lost"),
};

/* Short for a table; what stands here twice is found at its first place. */
static const struct {
	const char *name, *text;
} results[] = {
	{ "OK", N_("success") },
	{ "CARD_UNKNOWN", N_("unknown card") },
	{ "PIN_WRONG", N_("PIN wrong") },
	{ "PIN_BLOCKED", N_("PIN blocked") },
	{ "PIN_FORMAT", N_("not a PIN") },
	{ "SECRET_WRONG", N_("secret wrong") },
	{ "CODE_REPLAYED", N_("code used before") },
	{ "LOCKED", N_("locked") },
	{ "NO_CARD", N_("no card") },
	{ "CARD_REMOVED", N_("card removed") },
	{ "CARD_FAILED", N_("card failed") },
	{ "PIN_LAST_TRY", N_("last PIN try") },
	{ "NO_GRANT", N_("no valid login") },
	{ "NOT_A_PERSON", N_("nobody known") },
	{ "NO_FACTOR", N_("no way in") },
	{ "STORE_FULL", N_("no space left") },
	{ "CONFIG", N_("broken") },
#define X(name, number, text) { #name, text },
	ERR_LIST(X)
#undef X
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

const char *word_card_expired(void)
{
	return _("expired");
}

const char *word_card(const struct card_row *c, int64_t now)
{
	return c->state == CARD_ACTIVE && c->not_after >= 0 && now > c->not_after ? word_card_expired() : word_card_state(c->state);
}

const char *word_person_state(enum person_state state)
{
	return translated(WORD(person_states, state));
}

const char *word_reason(enum card_reason reason)
{
	return translated(WORD(reasons, reason));
}

bool word_to_card_state(const char *typed, enum card_state *ret)
{
	for (enum card_state s = CARD_ISSUED; s <= CARD_DESTROYED; s++) {
		if (strcmp(typed, card_state_name(s)) == 0 || strcmp(typed, word_card_state(s)) == 0) {
			*ret = s;
			return true;
		}
	}
	return false;
}

bool word_to_person_state(const char *typed, enum person_state *ret)
{
	for (enum person_state s = PERSON_ACTIVE; s <= PERSON_REMOVED; s++) {
		if (strcmp(typed, person_state_name(s)) == 0 || strcmp(typed, word_person_state(s)) == 0) {
			*ret = s;
			return true;
		}
	}
	return false;
}

enum card_reason word_to_reason(const char *typed)
{
	for (size_t i = 0; i < sizeof(reasons_typed) / sizeof(reasons_typed[0]); i++)
		if (reasons_typed[i] && strcmp(reasons_typed[i], typed) == 0)
			return (enum card_reason)i;
	return card_reason_from_name(typed);
}

const char *word_event(const char *name)
{
	for (enum event_type e = EVENT_NONE + 1; e < EVENT_N; e++)
		if (events[e] && strcmp(event_name(e), name) == 0)
			return gettext(events[e]);
	return name;
}

const char *word_to_event(const char *typed)
{
	for (enum event_type e = EVENT_NONE + 1; e < EVENT_N; e++)
		if (strcmp(event_name(e), typed) == 0 ||
		    strcmp(word_event(event_name(e)), typed) == 0)
			return event_name(e);
	return NULL;
}

const char *word_result(const char *name)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (strcmp(results[i].name, name) == 0)
			return gettext(results[i].text);
	return name;
}

const char *word_origin(char *dst, size_t size, const char *origin)
{
	int64_t uid;

	if (strcmp(origin, "local") == 0)
		return _("local");
	if (strcmp(origin, "remote") == 0)
		return _("remote");
	if (strncmp(origin, "uid:", 4) != 0 || !text_to_i64(origin + 4, 0, UINT32_MAX, &uid))
		return origin;
	/* TRANSLATORS: whose it is, from which su, sudo or a screen locker was used */
	snprintf(dst, size, _("session of %s"), login_name(uid));
	return dst;
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
