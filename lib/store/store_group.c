/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store_internal.h"
#include "text.h"

struct group_row {
	char name[STORE_LABEL_SIZE];
};

static const struct column columns[] = {
	COLUMN_STRING(struct group_row, name, "name", row_is_plain),
};

const struct table group_table = {
	.name = "known_group", .key = "name",
	TABLE_COLUMNS(columns, struct group_row),
};

enum err store_group_known(struct store *s, const char *name, bool *ret)
{
	struct db_value args[] = { DB_ARG_TEXT(name) };
	struct group_row row;
	enum err e = row_one(s, &group_table, "WHERE name = $1", args, 1, &row);

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	*ret = e == ERR_OK;
	return ERR_OK;
}

enum err store_group_add(struct store *s, const char *name)
{
	struct group_row row;

	if (!text_copy(row.name, sizeof(row.name), name))
		return fail(ERR_INVALID, "store: the name of a group is too long");
	return row_put(s, &group_table, &row);
}
