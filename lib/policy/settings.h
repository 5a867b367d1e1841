/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings: what a key means, may hold and has without being written. */
#ifndef CARDMFA_SETTINGS_H
#define CARDMFA_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

#define SETTINGS_WHY_SIZE 512

/* `section` is "settings" or "class" ([default] too). Index into the table; -1: no such key. */
int settings_find(const char *section, const char *key);

/* Says who or where a class applies to: no meaning in [default]. */
bool settings_is_condition(int i);

/*
 * Reads a value into its field of a struct settings or struct policy_class, which then owns what
 * it points to. ERR_CONFIG: the field is as it was, `why` says what to write instead. ERR_MEMORY.
 */
MUST_USE enum err settings_parse(
	int i, const char *value, void *object, char why[SETTINGS_WHY_SIZE]);

/*
 * Fills every setting of the section that has a preset. ERR_MEMORY, ERR_CONFIG if the table is
 * wrong.
 */
MUST_USE enum err settings_preset(const char *section, void *object);

/* Copies a class's setting that falls back to [default]; nothing for those that do not. */
void settings_inherit(int i, struct policy_class *to, const struct policy_class *from);

/* The value of row i in its object, as it is written. Returns dst. */
const char *settings_text(int i, const void *object, char *dst, size_t size);

/*
 * "did you mean 'lock'?", "it belongs in [settings]", "write one of: ..." for a key that the
 * section does not have. Returns dst.
 */
const char *settings_suggest(const char *section, const char *key, char *dst, size_t size);

#endif
