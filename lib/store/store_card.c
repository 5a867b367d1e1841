/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store_internal.h"

static const char *const app_names[] = { "piv", NULL };
static const char *const state_names[] = {
	"", "issued", "active", "suspended", "revoked", "found", "collected", "destroyed", NULL,
};
static const char *const reason_names[] = {
	"", "lost", "stolen", "damaged", "defrauded", "replaced", "retired", "transferred", NULL,
};
static const char *const algorithm_names[] = {
	"", "rsa2048", "rsa3072", "rsa4096", "p256", "p384", NULL,
};

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])) - 1)

static const struct column columns[] = {
	COLUMN_NUMBER(struct card_row, id, "id", 1, INT64_MAX),
	COLUMN_STRING(struct card_row, card_id.text, "card_id", row_is_card_id),
	COLUMN_NUMBER(struct card_row, person, "person", 1, INT64_MAX),
	COLUMN_OPTIONAL_STRING(struct card_row, label, "label", row_is_label),
	{ .name = "app", .kind = COLUMN_FIXED, .names = app_names },
	{ .name = "key_ref", .kind = COLUMN_UNSIGNED, COLUMN_AT(struct card_row, key_ref),
	  .min = 1, .max = 255 },
	COLUMN_ENUM(struct card_row, algorithm, "algorithm", algorithm_names),
	{ .name = "spki", .kind = COLUMN_BLOB, COLUMN_AT(struct card_row, spki),
	  .beside = offsetof(struct card_row, spki_len), .min = 32, .max = KEY_SPKI_MAX },
	{ .name = "spki_sha256", .kind = COLUMN_BYTES, COLUMN_AT(struct card_row, spki_sha256) },
	{ .name = "guid", .kind = COLUMN_BYTES, .optional = true, COLUMN_AT(struct card_row, guid),
	  .beside = offsetof(struct card_row, has_guid) },
	{ .name = "pin_proved", .kind = COLUMN_BOOL, COLUMN_AT(struct card_row, pin_proved), .max = 1 },
	COLUMN_ENUM(struct card_row, state, "state", state_names),
	{ .name = "reason", .kind = COLUMN_NAME, .optional = true, COLUMN_AT(struct card_row, reason),
	  .names = reason_names },
	COLUMN_OPTIONAL_NUMBER(struct card_row, not_after, "not_after", ROW_TIME_MAX),
	COLUMN_TIME(struct card_row, enrolled_at, "enrolled_at"),
	COLUMN_TIME(struct card_row, changed_at, "changed_at"),
	COLUMN_OPTIONAL_NUMBER(struct card_row, revoked_at, "revoked_at", ROW_TIME_MAX),
	COLUMN_OPTIONAL_NUMBER(struct card_row, reported_at, "reported_at", ROW_TIME_MAX),
	COLUMN_OPTIONAL_STRING(struct card_row, reported_by, "reported_by", row_is_plain),
	COLUMN_OPTIONAL_NUMBER(struct card_row, last_used_at, "last_used_at", ROW_TIME_MAX),
};

/* DER: SEQUENCE, and its length is what is left. A cut key must not look like another one. */
static bool is_sequence(const unsigned char *der, size_t len)
{
	if (der[0] != 0x30)
		return false;
	if (der[1] < 0x80)
		return len == 2U + der[1];
	if (der[1] == 0x81)
		return len == 3U + der[2];
	return der[1] == 0x82 && len == 4U + ((size_t)der[2] << 8 | der[3]);
}

static bool agrees(const void *row)
{
	const struct card_row *c = row;
	bool revoked = c->state >= CARD_REVOKED;

	return is_sequence(c->spki, c->spki_len) && revoked == (c->revoked_at != -1);
}

const struct table card_table = {
	.name = "card", .key = "id",
	TABLE_COLUMNS(columns, struct card_row), .valid = agrees,
};

const char *card_state_name(enum card_state state)
{
	return state >= CARD_ISSUED && (int)state < COUNT(state_names) ? state_names[state] : "";
}

const char *card_reason_name(enum card_reason reason)
{
	return (int)reason < COUNT(reason_names) ? reason_names[reason] : "";
}

enum card_reason card_reason_from_name(const char *name)
{
	return (enum card_reason)row_name_value(reason_names, name);
}

const char *key_algorithm_name(enum key_algorithm algorithm)
{
	return algorithm >= KEY_RSA2048 && (int)algorithm < COUNT(algorithm_names)
		       ? algorithm_names[algorithm] : "";
}

enum err store_card_add(struct store *s, struct card_row *c)
{
	int64_t id;
	enum err e = row_add(s, &card_table, c, &id);

	if (e == ERR_OK)
		c->id = id;
	return e;
}

enum err store_card_by_card_id(struct store *s, const struct card_id *id, struct card_row *ret)
{
	struct db_value args[] = { DB_ARG_TEXT(id->text) };

	return row_one(s, &card_table, "WHERE card_id = $1", args, 1, ret);
}

enum err store_card_by_spki(struct store *s, const unsigned char sha256[32], struct card_row *ret)
{
	struct db_value args[] = { DB_ARG_BLOB(sha256, 32) };

	return row_one(s, &card_table, "WHERE spki_sha256 = $1", args, 1, ret);
}

enum err store_card_by_id(struct store *s, int64_t id, struct card_row *ret)
{
	struct db_value args[] = { DB_ARG_INT(id) };

	return row_one(s, &card_table, "WHERE id = $1", args, 1, ret);
}

struct card_each {
	store_card_cb cb;
	void *arg;
};

static enum err hand_card(const void *row, void *arg)
{
	struct card_each *each = arg;

	return each->cb(row, each->arg);
}

enum err store_card_each(struct store *s, int64_t person, store_card_cb cb, void *arg)
{
	struct db_value args[] = { DB_ARG_INT(person) };
	struct card_each each = { .cb = cb, .arg = arg };

	if (person == 0)
		return row_each(s, &card_table, "ORDER BY id", NULL, 0, hand_card, &each);
	return row_each(s, &card_table, "WHERE person = $1 ORDER BY id", args, 1, hand_card, &each);
}

enum err store_card_each_stopped(struct store *s, int64_t after, int64_t now, int64_t max, store_card_cb cb, void *arg)
{
	struct db_value args[] = { DB_ARG_INT(after), DB_ARG_INT(now), DB_ARG_INT(max) };
	struct card_each each = { .cb = cb, .arg = arg };

	return row_each(s, &card_table, "WHERE id > $1 AND (state NOT IN ('issued', 'active') OR not_after < $2 OR EXISTS"
					" (SELECT 1 FROM person WHERE person.id = card.person AND person.state <> 'active'))"
					" ORDER BY id LIMIT $3", args, 3, hand_card, &each);
}

enum err store_card_set_state(struct store *s, const struct card_row *c, enum card_state from)
{
	static const char *const names[] = {
		"state", "reason", "revoked_at", "reported_at", "reported_by", "changed_at", NULL,
	};
	bool changed = false;
	struct card_row now;
	enum err e = row_update(s, &card_table, c, c->id, names, "state", card_state_name(from), &changed);

	if (e != ERR_OK || changed)
		return e;
	e = store_card_by_id(s, c->id, &now);
	if (e != ERR_OK)
		return e;
	return fail(ERR_BAD_STATE, "store: card %s is %s, not %s", now.card_id.text,
		    card_state_name(now.state), card_state_name(from));
}

enum err store_card_used(struct store *s, int64_t id, int64_t at)
{
	static const char *const names[] = { "last_used_at", NULL };
	struct card_row row = { .id = id, .last_used_at = at };
	bool changed = false;
	enum err e = row_update(s, &card_table, &row, id, names, NULL, NULL, &changed);

	return e == ERR_OK && !changed ? ERR_NOT_FOUND : e;
}
