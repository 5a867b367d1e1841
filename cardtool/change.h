/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to change the store: work and its events in one transaction, published after the
 * commit. MUST NOT be stopped or ended from the terminal while the lock is held, nor print before
 * the commit.
 */
#ifndef CARDMFA_CHANGE_H
#define CARDMFA_CHANGE_H

#include <stdint.h>

#include "cardtool.h"
#include "error.h"
#include "event.h"

struct change;

/*
 * Runs work(c, arg) between begin and commit. Once more, from the start, when space ran out (the
 * store then has given up its reserve): work must set all that it returns anew. On failure nothing
 * was changed.
 */
MUST_USE enum err change_run(struct tool *t, enum err (*work)(struct change *c, void *arg),
			     void *arg);

struct store *change_store(const struct change *c);
/* One time for all rows of the change, UTC seconds. */
int64_t change_now(const struct change *c);
/* Records with actor and service filled in. What e points to must live until change_run returns. */
MUST_USE enum err change_event(struct change *c, const struct event *e);

#endif
