/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite keeps of its own schema, asked through db.h: only db_sqlite.c knows the library. */
#include "sqlite_schema.h"

#include <string.h>

bool sqlite_schema_is_text(const struct db_value *v, const char *text)
{
	return v->type == DB_TEXT && v->len == strlen(text) && memcmp(v->bytes, text, v->len) == 0;
}

static const char *skip_blank(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\n;");
		if (strncmp(p, "--", 2) != 0)
			return p;
		p += strcspn(p, "\n");
	}
}

/*
 * SQLite keeps the text of each CREATE as it was given, in order: whatever is not in the expected
 * text at its place is not ours. It adds unnamed indexes (no text) and its own sequence table.
 */
static enum err check_schema_row(struct db_query *q, const char **expected)
{
	struct db_value type, name, sql;
	enum err e = db_column(q, 0, &type);

	if (e == ERR_OK)
		e = db_column(q, 1, &name);
	if (e == ERR_OK)
		e = db_column(q, 2, &sql);
	if (e != ERR_OK)
		return e;
	if (sqlite_schema_is_text(&name, "sqlite_sequence") &&
	    sqlite_schema_is_text(&sql, "CREATE TABLE sqlite_sequence(name,seq)"))
		return ERR_OK;
	if (sql.type == DB_NULL && sqlite_schema_is_text(&type, "index"))
		return ERR_OK;
	*expected = skip_blank(*expected);
	if (sql.type != DB_TEXT || sql.len == 0 || strncmp(*expected, sql.bytes, sql.len) != 0 ||
	    (*expected)[sql.len] != ';')
		return fail(ERR_STORE_CORRUPT, "store: the schema is not ours at \"%.*s\"",
			    name.type == DB_TEXT ? (int)name.len : 0,
			    name.type == DB_TEXT ? (const char *)name.bytes : "");
	*expected += sql.len;
	return ERR_OK;
}

enum err sqlite_schema_check(struct db *db, const char *schema)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	bool more = true;
	enum err e = db_query(db, "SELECT type, name, sql FROM sqlite_schema ORDER BY rowid", NULL, 0,
			      &q);

	if (e != ERR_OK)
		return e;
	for (;;) {
		e = db_next(q, &more);
		if (e != ERR_OK)
			return e;
		if (!more)
			break;
		e = check_schema_row(q, &schema);
		if (e != ERR_OK)
			return e;
	}
	if (*skip_blank(schema) != '\0')
		return fail(ERR_STORE_CORRUPT, "store: a part of the schema is missing");
	return ERR_OK;
}

enum err sqlite_schema_first(struct db *db, const char *sql, struct db_query **q, struct db_value *ret)
{
	bool more = false;
	enum err e = db_query(db, sql, NULL, 0, q);

	*ret = (struct db_value){ .type = DB_NULL };
	if (e == ERR_OK)
		e = db_next(*q, &more);
	return e == ERR_OK && more ? db_column(*q, 0, ret) : e;
}

static enum err first_fault(struct db *db, const char *sql, bool ok_is_a_row)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	struct db_value v;
	enum err e = sqlite_schema_first(db, sql, &q, &v);

	if (e != ERR_OK)
		return e;
	if (ok_is_a_row ? sqlite_schema_is_text(&v, "ok") : v.type == DB_NULL)
		return ERR_OK;
	return fail(ERR_STORE_CORRUPT, "store: %s: %.*s", sql, v.type == DB_TEXT ? (int)v.len : 0,
		    v.type == DB_TEXT ? (const char *)v.bytes : "");
}

enum err db_integrity(struct db *db)
{
	enum err e = first_fault(db, "PRAGMA integrity_check(1)", true);

	return e == ERR_OK ? first_fault(db, "PRAGMA foreign_key_check", false) : e;
}
