/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

static enum err once(struct store *s, store_body body, void *arg)
{
	enum err e = store_begin(s);

	if (e != ERR_OK)
		return e;
	e = body(s, arg);
	if (e == ERR_OK)
		return store_commit(s);
	store_rollback(s);
	return e;
}

enum err store_transaction(struct store *s, bool by_reserve, store_body body, void *arg)
{
	enum err e;

	if (!by_reserve && store_reserve_used(s))
		return ERR_STORE_FULL;
	e = once(s, body, arg);
	return e == ERR_STORE_FULL && by_reserve ? once(s, body, arg) : e;
}
