/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that SQLite has already, for when the file system has none left. */
#include "db.h"
#include "sqlite_schema.h"

enum err db_room(struct db *db, int64_t *pages)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	struct db_value v;
	enum err e = sqlite_schema_first(db, "PRAGMA freelist_count", &q, &v);

	if (e == ERR_OK)
		*pages = v.number;
	return e;
}

/*
 * 16 rows of 16 pages, written and removed: the file keeps the pages for what comes next. secure_delete has each
 * of them written as zeros, so the log has grown by as many and the file has no holes.
 */
enum err db_room_make(struct db *db)
{
	enum err e = db_run(db, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16)"
				" INSERT INTO meta (key, value) SELECT 'room ' || i, hex(zeroblob(32500)) FROM n",
			    NULL, 0, NULL);

	return e == ERR_OK ? db_run(db, "DELETE FROM meta WHERE key GLOB 'room *'", NULL, 0, NULL) : e;
}

void db_move_log(struct db *db)
{
	__attribute__((cleanup(db_query_freep))) struct db_query *q = NULL;
	struct db_value busy;

	if (sqlite_schema_first(db, "PRAGMA wal_checkpoint", &q, &busy) != ERR_OK)
		(void)fail(ERR_STORE, "store: the log stays as it is");
}
