/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a value is written: one reader per shape. Each returns ERR_OK, or leaves the object as it
 * was: ERR_CONFIG with `why`, ERR_MEMORY.
 */
#ifndef CARDMFA_SETTING_VALUE_H
#define CARDMFA_SETTING_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.h"

/* The person whom the store puts into the class; no login name has an '@'. */
#define PERSON_ASSIGNED "@assigned"

struct word_kind {
	bool (*is_one)(const char *word);
	const char *name;               /* "login name": what each word must be */
	const char *write;              /* what to write instead */
};

extern const struct word_kind value_persons, value_groups, value_services;

/* Whole string to a number within [min, max], as text_to_i64() and text_to_seconds(). */
typedef bool (*value_measure)(const char *s, int64_t min, int64_t max, int64_t *ret);

struct value_rule;

/* `why` has `size` bytes. */
typedef enum err value_parse(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size);

/* The reverse: what parse takes for the same value; "" for a list without words. dst is "" before. */
typedef void value_write(const struct value_rule *rule, const void *object, char *dst, size_t size);

/* The next word of a list with blanks between; false at its end. */
MUST_USE bool value_next_word(const char **at, const char **word, size_t *len);

struct value_rule {
	value_parse *parse;
	value_write *write;
	value_measure measure;          /* value_number */
	const struct word_kind *words;  /* value_words */
	const char *shape;              /* "5..1000", "auto|ja|en": obeyed by these two readers */
	size_t offset, size;            /* the field in the object */
};

/* "64MiB", "65536KiB", "1GiB" in KiB; the unit is needed. */
MUST_USE bool value_kib(const char *s, int64_t min, int64_t max, int64_t *ret);

/* A list of words; ret->words is the caller's to free. */
MUST_USE enum err value_word_list(const struct word_kind *kind, const char *value, struct word_list *ret, char *why,
	size_t size);

/* One network of a list. False: `why` says what to write. */
MUST_USE bool value_network(const char *word, size_t len, struct policy_cidr *ret, char *why, size_t size);

value_parse value_number, value_choice, value_words, value_issuer, value_networks, value_factors, value_login, value_ssh_allow,
	value_ssh_from;
value_write value_write_number, value_write_seconds, value_write_kib, value_write_choice, value_write_words,
	value_write_issuer, value_write_networks, value_write_factors, value_write_ssh_allow, value_write_ssh_from;

#endif
