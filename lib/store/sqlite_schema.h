/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARDMFA_SQLITE_SCHEMA_H
#define CARDMFA_SQLITE_SCHEMA_H

#include <stdbool.h>

#include "db.h"

/* Every CREATE of the database stands in `schema`, in order, and the reverse. ERR_STORE_CORRUPT. */
MUST_USE enum err sqlite_schema_check(struct db *db, const char *schema);

/* The first column of the first row that `sql` gives, DB_NULL without a row; its bytes are those of *q. */
MUST_USE enum err sqlite_schema_first(struct db *db, const char *sql, struct db_query **q, struct db_value *ret);

/* A value that is exactly this text. */
bool sqlite_schema_is_text(const struct db_value *v, const char *text);

#endif
