/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row as the database gives it. Which table, then a value for each column: 'i' and eight bytes,
 * 't' or 'b' with a length (u16) and as many bytes, anything else: NULL.
 */
#include "fuzz_db.h"

static const struct table *const tables[] = {
	&meta_table, &person_table, &card_table, &totp_table, &password_table, &bucket_table,
	&try_table, &login_stat_table, &unproved_table, &grant_table, &session_table, &event_table,
	&group_table,
};

static struct db_value take_value(struct input *in, uint8_t **copy)
{
	uint8_t kind = take_u8(in);
	struct input part;
	uint64_t number = 0;

	*copy = NULL;
	if (kind == 'i') {
		for (int i = 0; i < 8; i++)
			number = number << 8 | take_u8(in);
		return DB_ARG_INT((int64_t)number);
	}
	if (kind != 't' && kind != 'b')
		return DB_ARG_NULL;
	part = take_part(in, take_u16(in));
	*copy = copy_of(part);
	return (struct db_value){ .type = kind == 't' ? DB_TEXT : DB_BLOB, .bytes = *copy, .len = part.len };
}

/* What was taken from the database goes back into it unchanged. */
static void check_written(struct store *s, const struct table *t, const void *row)
{
	const struct db *db = s->db;

	must(row_put(s, t, row) == ERR_OK);
	must(db->n_args == t->count);
	for (size_t i = 0; i < t->count; i++) {
		const struct db_value *a = &db->args[i], *v = &db->rows[0][i];

		must(a->type == v->type);
		must(a->type != DB_INT || a->number == v->number);
		must((a->type != DB_TEXT && a->type != DB_BLOB) ||
		     (a->len == v->len && memcmp(a->bytes, v->bytes, a->len) == 0));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct db db;
	struct input in = fuzz_input(data, size);
	const struct table *t = tables[take_u8(&in) % (sizeof(tables) / sizeof(tables[0]))];
	struct store s = { .db = &db, .dir = -1, .lock = -1, .in_transaction = true };
	_Alignas(max_align_t) unsigned char row[ROW_SIZE_MAX];
	struct db_value values[64];
	uint8_t *copies[64];
	enum err e;

	must(t->count <= sizeof(copies) / sizeof(copies[0]) && t->size <= sizeof(row));
	db.n_rows = 1;
	db.rows[0] = values;
	db.n_values = t->count;
	db.n_args = 0;
	for (size_t i = 0; i < t->count; i++)
		values[i] = take_value(&in, &copies[i]);
	memset(row, UNTOUCHED, sizeof(row));
	e = row_one(&s, t, "", NULL, 0, row);
	must(e == ERR_OK || e == ERR_STORE_CORRUPT);
	must(is_untouched(row + t->size, sizeof(row) - t->size));
	if (e == ERR_OK)
		check_written(&s, t, row);
	else
		must(is_untouched(row, sizeof(row)) && !s.in_transaction);
	for (size_t i = 0; i < t->count; i++)
		free(copies[i]);
	return 0;
}
