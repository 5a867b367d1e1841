/* SPDX-License-Identifier: Apache-2.0 */
#include "factor.h"

#include <stdio.h>
#include <string.h>

#include "l10n.h"
#include "text.h"

static const struct factor_row {
	const char *name;
	enum factor factor;             /* 0: known by name, not in this version */
	unsigned kinds;
	bool card;                      /* a card proves it */
} factors[] = {
	{ "card",       FACTOR_CARD,            KIND_KNOWLEDGE | KIND_POSSESSION,       true },
	{ "card-nopin", FACTOR_CARD_NOPIN,      KIND_POSSESSION,                        true },
	{ "totp",       FACTOR_TOTP,            KIND_POSSESSION,                        false },
	{ "password",   FACTOR_PASSWORD,        KIND_KNOWLEDGE,                         false },
	{ "session",    FACTOR_SESSION,         KIND_KNOWLEDGE | KIND_POSSESSION,       false },
	{ "uid",        0,                      0,                                      true },
	{ "recovery",   0,                      0,                                      false },
};

#define N_FACTORS (sizeof(factors) / sizeof(*factors))
#define KNOWN_FACTORS "card, card-nopin, totp, password, session"

static const struct factor_row *row_of(enum factor f)
{
	for (size_t i = 0; i < N_FACTORS; i++)
		if (f && factors[i].factor == f)
			return &factors[i];
	return NULL;
}

const char *factor_name(enum factor f)
{
	const struct factor_row *row = row_of(f);

	return row ? row->name : "unknown";
}

enum factor factor_find(const char *name, size_t len)
{
	for (size_t i = 0; i < N_FACTORS; i++)
		if (strlen(factors[i].name) == len && !memcmp(factors[i].name, name, len))
			return factors[i].factor;
	return (enum factor)0;
}

unsigned factor_kinds(enum factor f)
{
	const struct factor_row *row = row_of(f);

	return row ? row->kinds : 0;
}

const char *alternative_text(const struct alternative *a, char *dst, size_t size)
{
	size_t len = 0;

	*dst = '\0';
	for (size_t i = 0; i < a->n && len < size; i++)
		len += (size_t)snprintf(
			dst + len, size - len, "%s%s", i ? "," : "", factor_name(a->factors[i]));
	return dst;
}

static const struct factor_row *row_by_name(const char *name, char *why, size_t size)
{
	unsigned distance, best = 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < N_FACTORS; i++) {
		if (strcmp(factors[i].name, name) == 0 && factors[i].factor)
			return &factors[i];
		if (strcmp(factors[i].name, name) == 0) {
			(void)snprintf(why, size,
				_("'%s' is not available in this version; write %s"), name,
				KNOWN_FACTORS);
			return NULL;
		}
		distance = text_distance(factors[i].name, name);
		if (factors[i].factor && distance < best) {
			best = distance;
			nearest = factors[i].name;
		}
	}
	if (nearest)
		(void)snprintf(why, size, _("'%s' is no factor; did you mean '%s'?"), name, nearest);
	else
		(void)snprintf(why, size, _("'%s' is no factor; write %s"), name, KNOWN_FACTORS);
	return NULL;
}

bool alternative_has(const struct alternative *a, enum factor f)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->factors[i] == f)
			return true;
	return false;
}

static bool add_factor(struct alternative *a, const char *name, char *why, size_t size)
{
	const struct factor_row *row = row_by_name(name, why, size);

	if (!row)
		return false;
	if (alternative_has(a, row->factor))
		(void)snprintf(why, size, _("'%s' twice in one alternative; write it once"), name);
	else if (row->card && alternative_has_card(a))
		(void)snprintf(
			why, size, _("card and card-nopin in one alternative; write one of them"));
	else if (row->card && a->n)
		(void)snprintf(why, size,
			_("'%s' is checked before all others; write it first in its alternative"),
			name);
	else if (a->n == POLICY_FACTORS_MAX)
		(void)snprintf(
			why, size, _("more than %d factors in one alternative"), POLICY_FACTORS_MAX);
	else {
		a->factors[a->n++] = row->factor;
		return true;
	}
	return false;
}

bool alternative_parse(const char *text, struct alternative *ret, char *why, size_t size)
{
	struct alternative a = { 0 };
	const char *at = text, *comma;
	char name[32];
	size_t len;

	do {
		comma = strchr(at, ',');
		len = comma ? (size_t)(comma - at) : strlen(at);
		if (!text_copy_n(name, sizeof(name), at, len)) {
			(void)snprintf(why, size, _("'%s' is no factor; write %s"), at, KNOWN_FACTORS);
			return false;
		}
		if (len == 0) {
			(void)snprintf(why, size,
				_("'%s' lacks a factor beside a comma; "
				"write as in card,totp without blanks"),
				text);
			return false;
		}
		if (!add_factor(&a, name, why, size))
			return false;
		at += len + 1;
	} while (comma);
	*ret = a;
	return true;
}

bool alternative_same(const struct alternative *a, const struct alternative *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!alternative_has(b, a->factors[i]))
			return false;
	return a->n == b->n;
}

bool alternative_has_card(const struct alternative *a)
{
	const struct factor_row *row = a->n ? row_of(a->factors[0]) : NULL;

	return row && row->card;
}

unsigned alternative_kinds(const struct alternative *a)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < a->n; i++)
		kinds |= factor_kinds(a->factors[i]);
	return kinds;
}

bool alternative_offered(const struct alternative *a, struct login_place at)
{
	return (at.session || !alternative_has(a, FACTOR_SESSION)) &&
	       !(at.remote && !at.ssh && alternative_has_card(a));
}

bool alternative_is_enough(const struct alternative *a)
{
	unsigned kinds = alternative_kinds(a);

	/* By itself `session` asks nothing. */
	return (kinds & (kinds - 1)) != 0 && !(a->n == 1 && a->factors[0] == FACTOR_SESSION);
}
