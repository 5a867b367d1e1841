/* SPDX-License-Identifier: Apache-2.0 */
/* Values back to the words of the file. */
#include "setting_value.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cidr.h"

struct unit {
	const char *name;
	int64_t size;
};

static const void *field_of(const struct value_rule *rule, const void *object)
{
	return (const char *)object + rule->offset;
}

static int64_t integer_of(const struct value_rule *rule, const void *object)
{
	union { int64_t i64; uint32_t u32; bool flag; } v;

	memset(&v, 0, sizeof(v));
	memcpy(&v, field_of(rule, object), rule->size);
	return rule->size == sizeof(v.i64) ? v.i64 : rule->size == sizeof(v.u32) ? (int64_t)v.u32 : v.flag;
}

/* A word more, with a blank before it if it is not the first. */
static void append(char *dst, size_t size, const char *word)
{
	size_t len = strlen(dst);

	(void)snprintf(dst + len, size - len, "%s%s", len ? " " : "", word);
}

/* In the largest unit that leaves no rest; units from large to small, the last of size 1. */
static void write_units(int64_t value, const struct unit *units, char *dst, size_t size)
{
	while (units->size > 1 && (value == 0 || value % units->size != 0))
		units++;
	(void)snprintf(dst, size, "%" PRId64 "%s", value / units->size, units->name);
}

void value_write_number(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%" PRId64, integer_of(rule, object));
}

void value_write_seconds(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	static const struct unit units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };

	write_units(integer_of(rule, object), units, dst, size);
}

void value_write_kib(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	static const struct unit units[] = { { "GiB", 1024 * 1024 }, { "MiB", 1024 }, { "KiB", 1 } };

	write_units(integer_of(rule, object), units, dst, size);
}

void value_write_choice(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	const char *at = rule->shape;

	for (int64_t place = integer_of(rule, object); place > 0 && *at; place--)
		at += strcspn(at, "|") + (at[strcspn(at, "|")] == '|');
	(void)snprintf(dst, size, "%.*s", (int)strcspn(at, "|"), at);
}

void value_write_words(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	const struct word_list *list = field_of(rule, object);

	for (size_t i = 0; i < list->n; i++)
		append(dst, size, list->words[i]);
}

void value_write_issuer(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s", (const char *)field_of(rule, object));
}

void value_write_networks(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	const struct policy_class *c = object;

	(void)rule;
	for (size_t i = 0; i < c->n_from; i++) {
		char address[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 4];

		(void)snprintf(text, sizeof(text), "%s/%u", cidr_address_text(&c->from[i], address, sizeof(address)),
			(unsigned)c->from[i].prefix);
		append(dst, size, text);
	}
}

void value_write_factors(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	const struct policy_class *c = object;
	char text[129];

	(void)rule;
	for (size_t i = 0; i < c->n_alternatives; i++)
		append(dst, size, alternative_text(&c->alternatives[i], text, sizeof(text)));
}
