/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store_internal.h"

static const struct table *const tables[] = {
	&meta_table, &person_table, &card_table, &totp_table, &password_table, &bucket_table, &try_table,
	&login_stat_table, &unproved_table, &grant_table, &session_table, &event_table, &group_table,
};

static enum err good(const void *row, void *arg)
{
	(void)row;
	(void)arg;
	return ERR_OK;
}

static enum err check_host_id(struct store *s)
{
	char id[33];
	enum err e = store_meta_get(s, "host_id", id, sizeof(id));

	if (e == ERR_NOT_FOUND || e == ERR_INVALID ||
	    (e == ERR_OK && (strlen(id) != 32 || strspn(id, "0123456789abcdef") != 32)))
		return fail(ERR_STORE_CORRUPT, "store: no host_id in meta");
	return e;
}

enum err store_check(struct store *s)
{
	enum err e = db_integrity(s->db);

	for (size_t i = 0; e == ERR_OK && i < sizeof(tables) / sizeof(tables[0]); i++)
		e = row_each(s, tables[i], "", NULL, 0, good, NULL);
	return e == ERR_OK ? check_host_id(s) : e;
}
