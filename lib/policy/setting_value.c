/* SPDX-License-Identifier: Apache-2.0 */
#include "setting_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cidr.h"
#include "factor.h"
#include "l10n.h"
#include "text.h"

#define BLANKS " \t"
#define WORD_SIZE (POLICY_NAME_SIZE * 2)

static void *field_of(const struct value_rule *rule, void *object)
{
	return (char *)object + rule->offset;
}

static enum err put_integer(const struct value_rule *rule, void *object, int64_t value)
{
	union { int64_t i64; uint32_t u32; bool flag; } v;

	if (rule->size == sizeof(v.i64))
		v.i64 = value;
	else if (rule->size == sizeof(v.u32))
		v.u32 = (uint32_t)value;
	else
		v.flag = value != 0;
	memcpy(field_of(rule, object), &v, rule->size);
	return ERR_OK;
}

bool value_kib(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	static const struct { const char *name; int64_t kib; } units[] = {
		{ "KiB", 1 }, { "MiB", 1024 }, { "GiB", 1024 * 1024 },
	};
	size_t len = strspn(s, "0123456789");
	char number[16];
	int64_t n;

	if (!text_copy_n(number, sizeof(number), s, len))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(s + len, units[i].name) != 0)
			continue;
		if (!text_to_i64(number, 0, INT64_MAX / units[i].kib, &n) ||
		    n * units[i].kib < min || n * units[i].kib > max)
			return false;
		*ret = n * units[i].kib;
		return true;
	}
	return false;
}

/* "5..1000" as the rule measures it. */
static bool read_bounds(const struct value_rule *rule, int64_t *min, int64_t *max)
{
	const char *dots = strstr(rule->shape, "..");
	char low[16];

	return dots && text_copy_n(low, sizeof(low), rule->shape, (size_t)(dots - rule->shape)) &&
	       rule->measure(low, 0, INT64_MAX, min) && rule->measure(dots + 2, 0, INT64_MAX, max);
}

enum err value_number(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	int64_t min, max, n;

	if (read_bounds(rule, &min, &max) && rule->measure(value, min, max, &n))
		return put_integer(rule, object, n);
	(void)snprintf(why, size, _("write a value within %s, as it is written there"), rule->shape);
	return ERR_CONFIG;
}

enum err value_choice(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	size_t len = strlen(value), n;
	int64_t place = 0;

	for (const char *at = rule->shape; *at; at += n + (at[n] == '|'), place++) {
		n = strcspn(at, "|");
		if (n == len && memcmp(at, value, n) == 0)
			return put_integer(rule, object, place);
	}
	(void)snprintf(why, size, _("write one of %s"), rule->shape);
	return ERR_CONFIG;
}

bool value_next_word(const char **at, const char **word, size_t *len)
{
	*word = *at + strspn(*at, BLANKS);
	*len = strcspn(*word, BLANKS);
	*at = *word + *len;
	return *len > 0;
}

static bool is_made_of(const char *s, const char *others, bool upper, bool beyond_ascii)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (!(c >= 'a' && c <= 'z') && !(upper && c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && !(beyond_ascii && c >= 0x80) &&
		    !strchr(others, *s))
			return false;
	}
	return true;
}

static bool is_person(const char *word)
{
	return text_is_login(word) || strcmp(word, PERSON_ASSIGNED) == 0;
}

/* Directories give groups names that useradd would not: domains after '@', any script. */
static bool is_group(const char *word)
{
	return is_made_of(word, "._-@+$", true, true) && *word != '-' && *word != '.' &&
	       !strstr(word, "\xE3\x80\x80") && text_is_label(word, WORD_SIZE - 1);
}

/* pam_start(3) makes service names lower case, so others would never match. */
static bool is_service(const char *word)
{
	return is_made_of(word, "._-", false, false) && *word != '-' && *word != '.';
}

const struct word_kind value_persons = { is_person, N_("login name"),
	N_("login names with blanks between, or @assigned") };
const struct word_kind value_groups = { is_group, N_("group name"),
	N_("group names with blanks (ASCII) between") };
const struct word_kind value_services = {
	is_service, N_("PAM service"),
	N_("names of files in /etc/pam.d, in lower case, with blanks between"),
};

static bool add_word(struct word_list *list, const struct word_kind *kind, const char *word,
	size_t len, char *why, size_t size)
{
	char *dst = list->words[list->n];

	if (!text_copy_n(dst, WORD_SIZE, word, len) || !kind->is_one(dst))
		(void)snprintf(why, size, _("'%.*s' is no %s; write %s"), (int)len, word,
			gettext(kind->name), gettext(kind->write));
	else if (word_list_has(list, dst))
		(void)snprintf(why, size, _("'%s' stands there twice; write it once"), dst);
	else
		return ++list->n;
	return false;
}

static void free_words(struct word_list *list)
{
	free(list->words);
}

enum err value_word_list(const struct word_kind *kind, const char *value, struct word_list *ret, char *why,
	size_t size)
{
	__attribute__((cleanup(free_words))) struct word_list list = { 0 };
	const char *at = value, *word;
	size_t len, n = 0;

	while (value_next_word(&at, &word, &len))
		n++;
	if (n == 0 || n > POLICY_WORDS_MAX) {
		(void)snprintf(why, size, _("write 1 to %d words"), POLICY_WORDS_MAX);
		return ERR_CONFIG;
	}
	list.words = calloc(n, sizeof(*list.words));
	if (!list.words)
		return ERR_MEMORY;
	for (at = value; value_next_word(&at, &word, &len);)
		if (!add_word(&list, kind, word, len, why, size))
			return ERR_CONFIG;
	*ret = list;
	list = (struct word_list){ 0 };
	return ERR_OK;
}

enum err value_words(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	struct word_list *field = field_of(rule, object), old = *field;
	enum err e = value_word_list(rule->words, value, field, why, size);

	if (e == ERR_OK)
		free_words(&old);
	return e;
}

/* The label of an otpauth URI separates issuer and account by ':'. */
enum err value_issuer(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	if (text_is_label(value, rule->size - 1) && !strchr(value, ':') &&
	    text_copy(field_of(rule, object), rule->size, value))
		return ERR_OK;
	(void)snprintf(why, size, _("write a name of 1 to %zu bytes without ':'"), rule->size - 1);
	return ERR_CONFIG;
}

enum err value_login(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	if (text_is_login(value) && text_copy(field_of(rule, object), rule->size, value))
		return ERR_OK;
	(void)snprintf(why, size, _("'%s' is no login name; write the name of one account"), value);
	return ERR_CONFIG;
}

static void free_networks(struct policy_cidr **list)
{
	free(*list);
}

bool value_network(const char *word, size_t len, struct policy_cidr *ret, char *why, size_t size)
{
	char text[WORD_SIZE];

	if (text_copy_n(text, sizeof(text), word, len) && cidr_network(text, ret))
		return true;
	(void)snprintf(why, size,
		_("'%.*s' is no numeric network; "
		"write as in 192.0.2.0/24 or 2001:db8::/32, "
		"with no bits set beyond the prefix"),
		(int)len, word);
	return false;
}

enum err value_networks(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	__attribute__((cleanup(free_networks))) struct policy_cidr *list =
		calloc(POLICY_WORDS_MAX, sizeof(*list));
	struct policy_class *c = object;
	struct policy_cidr *old = c->from;
	const char *at = value, *word;
	size_t len, n = 0;

	(void)rule;
	if (!list)
		return ERR_MEMORY;
	while (value_next_word(&at, &word, &len)) {
		if (n == POLICY_WORDS_MAX) {
			(void)snprintf(why, size, _("write at most %d networks"), POLICY_WORDS_MAX);
			return ERR_CONFIG;
		}
		if (!value_network(word, len, &list[n++], why, size))
			return ERR_CONFIG;
	}
	c->n_from = n;
	c->from = list;
	list = old;
	return ERR_OK;
}

enum err value_factors(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	struct alternative list[POLICY_ALTERNATIVES_MAX];
	struct policy_class *c = object;
	const char *at = value, *word;
	char text[256];
	size_t len, n = 0;

	while (value_next_word(&at, &word, &len)) {
		if (n == POLICY_ALTERNATIVES_MAX || !text_copy_n(text, sizeof(text), word, len)) {
			(void)snprintf(why, size, _("write at most %d alternatives"),
				POLICY_ALTERNATIVES_MAX);
			return ERR_CONFIG;
		}
		if (!alternative_parse(text, &list[n], why, size))
			return ERR_CONFIG;
		for (size_t i = 0; i < n; i++)
			if (alternative_same(&list[i], &list[n])) {
				(void)snprintf(why, size,
					_("'%s' asks for the same as an alternative before it; "
					"write it once"),
					text);
				return ERR_CONFIG;
			}
		n++;
	}
	c->n_alternatives = n;
	memcpy(field_of(rule, object), list, n * sizeof(*list));
	return ERR_OK;
}
