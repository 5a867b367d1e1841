/* SPDX-License-Identifier: Apache-2.0 */
#include "lockout.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "clock.h"
#include "lockout_bucket.h"
#include "lockout_owner.h"
#include "log.h"
#include "random.h"
#include "text.h"

#define TRY_MAX_MS 120000       /* longer than any login may take: an older try belongs to nobody */
#define DEAD_MAX 32             /* dead tries settled in one go */
#define ADDRESSES_MAX 10000
#define PRUNE_EVERY 64          /* one pruning in so many charges of an address */
#define ATTEMPTS_MAX 1000000
#define LOCK_S_MAX (INT64_C(366) * 86400)
#define WAIT_MIN_MS 10
#define WAIT_SPAN_MS 91         /* 10..100 ms */

enum { BY_PERSON, BY_ADDRESS, BUCKETS };

/* What the store says about one try's buckets at one moment. */
struct scan {
	const struct lockout_ticket *who;
	struct moment now;
	struct lockout_bucket by[BUCKETS];
	size_t n_dead;
	struct try_row dead[DEAD_MAX];
};

/* -- looking -- */

static enum err check_limits(const struct lockout_limits *l)
{
	if (l->attempts < 1 || l->attempts > ATTEMPTS_MAX || l->address_attempts < 1 ||
	    l->address_attempts > ATTEMPTS_MAX || l->lock_s < 1 || l->lock_s > LOCK_S_MAX ||
	    l->address_lock_s < 1 || l->address_lock_s > LOCK_S_MAX)
		return fail(ERR_INVALID, "limits of failures out of range");
	return ERR_OK;
}

static void scan_init(struct scan *sc, const struct lockout_ticket *who,
		      const struct lockout_limits *l)
{
	*sc = (struct scan){
		.who = who,
		.by = {
			[BY_PERSON] = {
				.counts = who->person != 0, .limit = l->attempts,
				.lock_ms = l->lock_s * 1000,
			},
			[BY_ADDRESS] = {
				.counts = who->address[0] != '\0', .limit = l->address_attempts,
				.lock_ms = l->address_lock_s * 1000,
			},
		},
	};
}

static bool try_dead(const struct scan *sc, const struct try_row *t, bool ours)
{
	if (strcmp(t->at.boot_id, sc->now.boot_id) != 0)
		return true;
	if (lockout_bucket_age_ms(&t->at, &sc->now, TRY_MAX_MS) >= TRY_MAX_MS)
		return true;
	return ours && lockout_owner_gone(t->pid, t->start);
}

/*
 * A dead try is settled where its limits are known: by a try in the same person's bucket, or, when
 * its card was not proved, by anybody. Another person's from the same address is only counted.
 */
static enum err on_try(const struct try_row *t, void *arg)
{
	struct scan *sc = arg;
	struct lockout_bucket *person = &sc->by[BY_PERSON], *address = &sc->by[BY_ADDRESS];
	const bool same_person = person->counts && t->person == sc->who->person &&
				 strcmp(t->origin, sc->who->origin) == 0;
	const bool same_address = address->counts && strcmp(t->address, sc->who->address) == 0;

	if (!try_dead(sc, t, same_person || same_address)) {
		person->pending += same_person;
		address->pending += same_address;
	} else if (same_person || t->person == 0) {
		if (sc->n_dead < DEAD_MAX)
			sc->dead[sc->n_dead++] = *t;
	} else if (same_address) {
		const int64_t age = lockout_bucket_age_ms(&t->at, &sc->now, address->lock_ms);

		address->lost += age < address->lock_ms;
	}
	return ERR_OK;
}

static enum err look(struct store *s, struct scan *sc)
{
	char origin[STORE_ORIGIN_SIZE];
	struct lockout_bucket *person = &sc->by[BY_PERSON], *address = &sc->by[BY_ADDRESS];
	enum err e = clock_now(&sc->now);

	sc->n_dead = 0;
	person->pending = address->pending = person->lost = address->lost = 0;
	if (e == ERR_OK && person->counts)
		e = store_bucket_get(s, sc->who->person, sc->who->origin, &person->row);
	if (e == ERR_OK && address->counts) {
		lockout_bucket_origin(sc->who->address, origin);
		e = store_bucket_get(s, 0, origin, &address->row);
	}
	return e == ERR_OK ? store_try_each(s, 0, NULL, on_try, sc) : e;
}

/* ERR_LOCKED: failures alone reach the limit. ERR_BUSY: they do if all pending tries fail. */
static enum err judge(const struct scan *sc, int64_t *until)
{
	enum err e = ERR_DENIED;

	for (size_t i = 0; i < BUCKETS; i++) {
		const struct lockout_bucket *b = &sc->by[i];
		const int64_t failed = b->counts ? lockout_bucket_failed(b, &sc->now) : 0;

		e = i == 0 ? ERR_OK : e;
		if (!b->counts || failed + b->pending < b->limit)
			continue;
		if (failed < b->limit) {
			e = e == ERR_LOCKED ? e : ERR_BUSY;
			continue;
		}
		if (e != ERR_LOCKED || lockout_bucket_freed_at(b, &sc->now) > *until)
			*until = lockout_bucket_freed_at(b, &sc->now);
		e = ERR_LOCKED;
	}
	return e;
}

/* -- charging, within a transaction -- */

/* *full: this failure has filled it. */
static enum err charge_bucket(struct store *s, int64_t person, const char *origin,
			      const struct moment *at,
			      const struct moment *now, unsigned limit, int64_t lock_s, bool *full)
{
	struct lockout_bucket b = { .counts = true, .limit = limit, .lock_ms = lock_s * 1000 };
	int64_t before;
	enum err e = store_bucket_get(s, person, origin, &b.row);

	if (e != ERR_OK)
		return e;
	before = lockout_bucket_failed(&b, now);
	lockout_bucket_charge(&b.row, at, now, b.lock_ms);
	*full = before < b.limit && b.row.failed >= b.limit;
	return store_bucket_put(s, &b.row);
}

/* The try is gone from the store: its buckets are charged. *full: this filled the person's. */
static enum err charge_try(struct store *s, const struct try_row *t, const struct moment *now,
			   const struct lockout_limits *l, bool *full)
{
	char origin[STORE_ORIGIN_SIZE], address[TEXT_WORD_SIZE(STORE_ADDRESS_SIZE)];
	bool address_full = false;
	enum err e = ERR_OK;

	if (t->person != 0)
		e = charge_bucket(s, t->person, t->origin, &t->at, now, l->attempts,
				  l->keep_s > l->lock_s ? l->keep_s : l->lock_s,
				  full);
	if (e != ERR_OK || t->address[0] == '\0')
		return e;
	lockout_bucket_origin(t->address, origin);
	e = charge_bucket(s, 0, origin, &t->at, now, l->address_attempts, l->address_lock_s,
			  &address_full);
	if (e == ERR_OK && address_full)
		log_line(LOG_WARNING, "too many failures from %s: refused for %" PRId64 " s",
			 text_word(address, sizeof(address), t->address), l->address_lock_s);
	if (e == ERR_OK && t->id % PRUNE_EVERY == 0)
		e = store_bucket_prune(s, ADDRESSES_MAX);
	return e;
}

static enum err settle(struct store *s, const struct scan *sc, const struct lockout_limits *limits)
{
	for (size_t i = 0; i < sc->n_dead; i++) {
		const struct try_row *t = &sc->dead[i];
		bool full = false;
		enum err e = store_try_remove(s, t->id);

		if (e == ERR_OK)
			e = charge_try(s, t, &sc->now, limits, &full);
		if (e != ERR_OK)
			return e;
		log_line(LOG_WARNING, "process %" PRId64 " ended within a try of person %" PRId64
			 " at %s: counted as a failure%s", t->pid, t->person, t->origin,
			 full ? "; the bucket is full" : "");
	}
	return ERR_OK;
}

/* -- reserving -- */

static enum err add_try(struct store *s, const struct scan *sc, int64_t *id)
{
	struct try_row t = { .person = sc->who->person, .at = sc->now };
	enum err e = lockout_owner_self(&t.pid, &t.start);

	if (e != ERR_OK)
		return e;
	if (!text_copy(t.origin, sizeof(t.origin), sc->who->origin) ||
	    !text_copy(t.address, sizeof(t.address), sc->who->address))
		return fail(ERR_INVALID, "origin or address is too long");
	e = store_try_add(s, &t);
	if (e == ERR_OK)
		*id = t.id;
	return e;
}

/*
 * Judges and reserves in the open transaction. *verdict is the judgement; *writes: there is
 * something to commit.
 */
static enum err judge_and_add(struct store *s, struct scan *sc, const struct lockout_limits *limits,
			      int64_t *id,
			      int64_t *until, enum err *verdict, bool *writes)
{
	enum err e;

	for (;;) {
		e = look(s, sc);
		if (e != ERR_OK)
			return e;
		if (sc->n_dead == 0)
			break;
		*writes = true;
		e = settle(s, sc, limits);
		if (e != ERR_OK)
			return e;
	}
	*verdict = judge(sc, until);
	if (*verdict != ERR_OK)
		return ERR_OK;
	*writes = true;
	return add_try(s, sc, id);
}

static enum err reserve_now(struct store *s, struct scan *sc, const struct lockout_limits *limits,
			    int64_t *id,
			    int64_t *until)
{
	enum err verdict = ERR_DENIED;
	bool writes = false;
	enum err e = store_begin(s);

	if (e != ERR_OK)
		return e;
	e = judge_and_add(s, sc, limits, id, until, &verdict, &writes);
	if (e == ERR_OK && writes)
		e = store_commit(s);
	else
		store_rollback(s);
	return e == ERR_OK ? verdict : e;
}

/* Jitter keeps those who wait for the same bucket from coming back together. */
static void pause_until(int64_t deadline)
{
	const int left = deadline_left(deadline);
	unsigned char jitter = 0;
	struct timespec ts = { .tv_sec = 0 };
	int ms;

	if (random_below(&jitter, 1, WAIT_SPAN_MS) != ERR_OK)
		jitter = WAIT_SPAN_MS / 2;
	ms = WAIT_MIN_MS + jitter;
	ts.tv_nsec = (left < ms ? left : ms) * 1000000L;
	(void)nanosleep(&ts, NULL);
}

/*
 * Reads only, until a place seems free or a try has died: the writers' queue stays free for those
 * who verify.
 */
static enum err wait_for_room(struct store *s, struct scan *sc, int64_t deadline)
{
	int64_t until = 0;
	enum err e;

	do {
		if (deadline_left(deadline) == 0)
			return fail(ERR_BUSY,
				    "person %" PRId64 ": other tries at %s did not end in time",
				    sc->who->person, sc->who->origin);
		pause_until(deadline);
		e = look(s, sc);
		if (e != ERR_OK)
			return e;
	} while (sc->n_dead == 0 && judge(sc, &until) == ERR_BUSY);
	return ERR_OK;
}

static enum err reserve_until(struct store *s, struct scan *sc, const struct lockout_limits *limits,
			      int64_t deadline, int64_t *id, int64_t *until)
{
	bool retried = false;

	for (;;) {
		enum err e = reserve_now(s, sc, limits, id, until);

		if (e == ERR_STORE_FULL && !retried) {
			retried = true;
			continue;
		}
		if (e == ERR_LOCKED)
			return fail(ERR_LOCKED,
				    "person %" PRId64 " at %s, address \"%s\": too many failures",
				    sc->who->person, sc->who->origin, sc->who->address);
		if (e != ERR_BUSY)
			return e;
		e = wait_for_room(s, sc, deadline);
		if (e != ERR_OK)
			return e;
	}
}

enum err lockout_reserve(struct store *s, int64_t person, const char *origin, const char *address,
			 const struct lockout_limits *limits, int64_t deadline,
			 struct lockout_ticket *ret, int64_t *until_s)
{
	struct lockout_ticket t = { .person = person };
	struct scan sc;
	int64_t until = 0;
	enum err e = check_limits(limits);

	if (e != ERR_OK)
		return e;
	if (*origin == '\0' || !text_copy(t.origin, sizeof(t.origin), origin))
		return fail(ERR_INVALID, "an origin is empty or too long");
	lockout_bucket_address(address, t.address);
	scan_init(&sc, &t, limits);
	e = reserve_until(s, &sc, limits, deadline, &t.try_id, &until);
	if (e == ERR_OK)
		*ret = t;
	else if (e == ERR_LOCKED)
		*until_s = until;
	return e;
}

/* -- verdicts, in the caller's transaction -- */

enum err lockout_failed(struct store *s, const struct lockout_ticket *t,
			const struct lockout_limits *limits,
			bool *full)
{
	struct try_row row = { .id = t->try_id, .person = t->person };
	bool became_full = false;
	enum err e = check_limits(limits);

	if (e == ERR_OK && t->try_id != 0) {
		e = store_try_remove(s, t->try_id);
		if (e == ERR_OK)
			e = clock_now(&row.at);
		if (e == ERR_OK && (!text_copy(row.origin, sizeof(row.origin), t->origin) ||
				    !text_copy(row.address, sizeof(row.address), t->address)))
			e = fail(ERR_INVALID, "origin or address is too long");
		if (e == ERR_OK)
			e = charge_try(s, &row, &row.at, limits, &became_full);
		else if (e == ERR_NOT_FOUND)
			e = ERR_OK;     /* judged dead: charged by who judged it */
	}
	if (e == ERR_OK)
		*full = became_full;
	return e;
}

enum err lockout_succeeded(struct store *s, const struct lockout_ticket *t)
{
	struct bucket_row b;
	enum err e;

	if (t->try_id == 0)
		return t->person == 0 ? ERR_OK : fail(ERR_DENIED, "no try was reserved");
	e = store_try_remove(s, t->try_id);
	if (e == ERR_NOT_FOUND)
		return fail(ERR_DENIED, "the try was judged dead before it succeeded");
	if (e != ERR_OK || t->person == 0)
		return e;
	e = store_bucket_get(s, t->person, t->origin, &b);
	if (e != ERR_OK || b.failed == 0)
		return e;
	b.failed = 0;
	return store_bucket_put(s, &b);
}

enum err lockout_returned(struct store *s, const struct lockout_ticket *t)
{
	enum err e = t->try_id != 0 ? store_try_remove(s, t->try_id) : ERR_OK;

	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* -- looking without writing -- */

/* Dead tries are charged in memory: who only looks writes nothing. */
static enum err charge_dead(const struct try_row *t, void *arg)
{
	struct scan *sc = arg;
	struct lockout_bucket *b = &sc->by[BY_PERSON];

	if (try_dead(sc, t, true))
		lockout_bucket_charge(&b->row, &t->at, &sc->now, b->lock_ms);
	return ERR_OK;
}

enum err lockout_state(struct store *s, int64_t person, const char *origin,
		       const struct lockout_limits *limits, int64_t *until_s)
{
	const struct lockout_ticket t = { .person = person };
	struct lockout_bucket *b;
	struct scan sc;
	enum err e = check_limits(limits);

	if (e != ERR_OK || person == 0)
		return e;
	scan_init(&sc, &t, limits);
	b = &sc.by[BY_PERSON];
	e = clock_now(&sc.now);
	if (e == ERR_OK)
		e = store_bucket_get(s, person, origin, &b->row);
	if (e == ERR_OK)
		e = store_try_each(s, person, origin, charge_dead, &sc);
	if (e != ERR_OK || lockout_bucket_failed(b, &sc.now) < b->limit)
		return e;
	*until_s = lockout_bucket_freed_at(b, &sc.now);
	return ERR_LOCKED;
}
