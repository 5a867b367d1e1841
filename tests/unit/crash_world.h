/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store goes through in a day, and what a crash may leave of it: after the k-th commit has returned the state that it
 * made, or, while the next one runs, the next one's; never another. Included by one .c of a program.
 */
#ifndef CARDMFA_CRASH_WORLD_H
#define CARDMFA_CRASH_WORLD_H

#include <dlfcn.h>
#include <sys/mman.h>

#include "crash_cut.h"
#include "enrol.h"
#include "stage.h"

#define CRASH_COMMITS 256
#define CRASH_POLICY STAGE_CHEAP "[default]\nfactors = card,totp\nattempts = 20\n"

/* -- what stands in the store, as the product reads it -- */

struct seen {
	enum card_state first, second;  /* of taro; 0: not enrolled */
	enum card_reason reason;
	int64_t tries, own_tries, failed, failures, step;       /* own: in taro's bucket */
	int64_t grants, granted, events;        /* granted: records of logins */
};

static struct {
	struct seen states[CRASH_COMMITS];      /* after each commit of the record */
	int commits;
	bool reads;             /* the states, at each commit */
	int64_t start_s;        /* the hour at which each run begins */
	struct {
		char code[16];
		int64_t at;
	} codes[2];             /* those that let in */
	struct key_info new_key;
	int event_refused;      /* SQLite's answer to whoever writes an event; 0: none */
	char next_boot[32];     /* a file with its id */
} crash;

static inline enum err crash_see_card(const struct card_row *c, void *arg)
{
	struct seen *is = arg;

	if (c->id == taros.row.id) {
		is->first = c->state;
		is->reason = c->reason;
	} else {
		is->second = c->state;
	}
	return ERR_OK;
}

static inline enum err crash_see_try(const struct try_row *t, void *arg)
{
	struct seen *is = arg;

	is->tries++;
	is->own_tries += t->person == taro && strcmp(t->origin, "local") == 0;
	return ERR_OK;
}

static inline enum err crash_see_event(const struct event_row *e, void *arg)
{
	struct seen *is = arg;

	is->granted += strcmp(e->type, "login") == 0 && strcmp(e->result, "OK") == 0;
	/* Without a hole, in the order in which they were written. */
	return e->seq == ++is->events ? ERR_OK : ERR_STORE_CORRUPT;
}

static inline enum err crash_see(struct store *s, struct seen *ret)
{
	static const struct event_filter all = { .last = 0 };
	struct seen is;
	struct moment now;
	struct bucket_row b;
	struct login_stat st;
	struct totp_row totp;
	struct grant_row grant = { .id = 0 };
	enum err e = clock_now(&now);

	memset(&is, 0, sizeof(is));
	if (e == ERR_OK)
		e = store_card_each(s, taro, crash_see_card, &is);
	if (e == ERR_OK)
		e = store_try_each(s, 0, NULL, crash_see_try, &is);
	if (e == ERR_OK)
		e = store_bucket_get(s, taro, "local", &b);
	if (e == ERR_OK)
		e = store_login_stat_get(s, taro, &st);
	if (e == ERR_OK)
		e = store_totp_get(s, taro, &totp);
	if (e == ERR_OK)
		e = store_event_each(s, &all, crash_see_event, &is);
	if (e != ERR_OK)
		return e;
	e = store_grant_of_host(s, now.boot_id, stage.peer.pid, stage.peer.start, taro, "login", true, false, &grant);
	is.failed = b.failed;
	is.failures = st.failures;
	is.step = totp.last_step;
	is.grants = grant.id;
	*ret = is;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* -- each commit -- */

static inline void crash_committed(void)
{
	struct store *s = NULL;

	disk_need(++*disk.commits < CRASH_COMMITS);
	if (!crash.reads)
		return;
	disk.watches = false;
	disk_need(store_open(disk.dir, STORE_LOOK, RULES_LOCK_MS, &s) == ERR_OK);
	disk_need(crash_see(s, &crash.states[*disk.commits]) == ERR_OK);
	store_close(s);
	disk.watches = true;
}

int sqlite3_step(sqlite3_stmt *statement)
{
	static int (*real)(sqlite3_stmt *statement);
	const char *sql = sqlite3_sql(statement);
	int code;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
	if (crash.event_refused && sql && strncmp(sql, "INSERT INTO event ", 18) == 0)
		return crash.event_refused;
	code = real(statement);
	if (disk.watches && code == SQLITE_DONE && sql && strcmp(sql, "COMMIT") == 0)
		crash_committed();
	return code;
}

/* -- what happens in a day: false when it did not go as it should -- */

static inline bool crash_opens(void)
{
	return store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &rules_store) == ERR_OK;
}

static inline bool crash_closes(void)
{
	store_close(rules_store);
	rules_store = NULL;
	return true;
}

/* With the event of it, in one transaction, as cardtool does. */
static inline bool crash_records(enum err e, enum event_type type)
{
	const struct event ev = { .type = type, .person = "taro", .actor = 0, .service = "cardtool" };
	int64_t seq = 0;

	if (e == ERR_OK)
		e = event_record(rules_store, &ev, &seq);
	if (e == ERR_OK)
		e = store_commit(rules_store);
	store_rollback(rules_store);
	return e == ERR_OK;
}

static inline bool crash_enrols(void)
{
	struct enrol n = { .person.id = taro, .key_ref = 0x9A, .refuses_without_pin = true, .signed_with_pin = true };
	struct card_row row;
	enum err e = store_begin(rules_store);

	n.cert.key = crash.new_key;
	n.cert.not_after = clock_real_s() + 1000000;
	if (e == ERR_OK)
		e = enrol_store(rules_store, &n, clock_real_s(), &row);
	return crash_records(e, EVENT_CARD_ENROL);
}

static inline bool crash_revokes(void)
{
	const struct lifecycle_step step = { .to = CARD_REVOKED, .reason = REASON_LOST, .reported_at = -1 };
	struct card_row row;
	bool changed = false;
	enum err e = store_begin(rules_store);

	if (e == ERR_OK)
		e = store_card_by_id(rules_store, taros.row.id, &row);
	if (e == ERR_OK)
		e = lifecycle_move(rules_store, &row, &step, &changed);
	return crash_records(e, EVENT_CARD_REVOKE) && changed;
}

static inline enum err crash_login(const char *code)
{
	struct auth_call c;

	stage_reset_call();
	stage.request.op = WIRE_AUTH;
	stage_type(STAGE_PIN, code);
	c = stage_call();
	return auth_run(&c, &stage.result);
}

/* By a code of its own: the n-th. The answer is there only after the commit that holds its grant. */
static inline bool crash_logs_in(size_t n)
{
	const int before = *disk.commits;

	snprintf(crash.codes[n].code, sizeof(crash.codes[n].code), "%s", stage_code_of(6, (int)n));
	crash.codes[n].at = clock_real_s() + 30 * (int64_t)n;
	if (crash_login(crash.codes[n].code) != ERR_OK || stage.result.verdict != VERDICT_ALLOW)
		return false;
	return !crash.reads || crash.states[*disk.commits].grants == crash.states[before].grants + 1;
}

static inline bool crash_first_login(void)
{
	return crash_logs_in(0);
}

static inline bool crash_second_login(void)
{
	return crash_logs_in(1);
}

static inline bool crash_guesses(void)
{
	return crash_login("000000") == ERR_SECRET_WRONG;
}

static inline bool crash_tries_the_revoked(void)
{
	enum err e = crash_login(stage_code_of(6, 1));

	return e == ERR_SECRET_WRONG && stage.result.verdict == VERDICT_DENY;
}

/* As many as move the log into the file and begin it anew. */
static inline bool crash_writes_events(void)
{
	const struct event ev = { .type = EVENT_UNLOCK, .person = "taro", .actor = 0 };
	bool good = true;

	for (int i = 0; i < 12 && good; i++)
		good = event_alone(rules_store, &ev) == ERR_OK;
	return good;
}

typedef bool (*crash_act)(void);

static const crash_act crash_day[] = {
	crash_opens, crash_enrols, crash_first_login, crash_guesses, crash_second_login, crash_guesses, crash_writes_events,
	crash_revokes, crash_tries_the_revoked, crash_guesses, crash_closes, crash_opens, crash_writes_events, crash_closes, NULL,
};

/* Every run begins at the same second: steps are comparable. */
static inline bool crash_run(const crash_act *acts)
{
	host.real_s += crash.start_s - clock_real_s();
	for (; *acts; acts++)
		if (!(*acts)())
			return false;
	return true;
}

/* -- fixtures -- */

static inline void crash_next_boot(void)
{
	int fd = memfd_create("boot_id", MFD_CLOEXEC);

	assert_int_equal(write(fd, BOOT "\n", sizeof(BOOT)), (ssize_t)sizeof(BOOT));
	snprintf(crash.next_boot, sizeof(crash.next_boot), "/proc/self/fd/%d", fd);
}

static inline int crash_setup(void **state)
{
	int rc = stage_setup(state);
	struct der spki = spki_of(keys[1]);

	disk.commits = mmap(NULL, sizeof(*disk.commits), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(disk.commits, MAP_FAILED);
	*disk.commits = 0;
	assert_int_equal(key_from_spki(spki.bytes, spki.len, &crash.new_key), ERR_OK);
	stage_policy(CRASH_POLICY);
	stage_app(taro, 6);
	crash.start_s = clock_real_s();
	memset(crash.codes, 0, sizeof(crash.codes));
	if (!crash.next_boot[0])
		crash_next_boot();
	return rc;
}

static inline int crash_teardown(void **state)
{
	crash.reads = false;
	disk_stop();
	disk_forget();
	munmap(disk.commits, sizeof(*disk.commits));
	return stage_teardown(state);
}

/* The first state is known, and the store is closed. */
static inline void crash_record_from_here(const crash_act *acts)
{
	disk_record(rules_dir);
	crash.reads = true;
	assert_true(crash_run(acts));
	crash.reads = false;
	disk_stop();
	crash.commits = *disk.commits;
}

/* The acts done once, with every call and every state; the first is that of the store which is open. */
static inline void crash_record(const crash_act *acts)
{
	assert_int_equal(crash_see(rules_store, &crash.states[0]), ERR_OK);
	crash_closes();
	crash_record_from_here(acts);
}

/* -- judging what a crash has left -- */

/* A try of a dead process, or of another boot, is a failure. */
static inline bool crash_counts(struct store *s, const struct seen *is)
{
	const struct lockout_limits limits = {
		.attempts = (unsigned)(is->failed + is->own_tries), .lock_s = 600, .address_attempts = 1, .address_lock_s = 1,
	};
	int64_t until;

	return limits.attempts == 0 || lockout_state(s, taro, "local", &limits, &until) == ERR_LOCKED;
}

/* What was used up, counted or taken back stays so, and life goes on. NULL: all is well. */
static inline const char *crash_goes_on(struct store *s, const struct seen *is)
{
	const struct lifecycle_step back = { .to = CARD_ACTIVE, .reported_at = -1 };
	const struct event ev = { .type = EVENT_UNLOCK, .actor = -1 };
	struct card_row row;
	struct seen after;
	bool changed;

	if (store_card_by_id(s, taros.row.id, &row) != ERR_OK || store_begin(s) != ERR_OK)
		return "the card can't be read";
	if (is->first == CARD_REVOKED && (lifecycle_usable(&row, clock_real_s()) != ERR_REVOKED ||
					  lifecycle_move(s, &row, &back, &changed) != ERR_BAD_STATE))
		return "a revoked card came back";
	store_rollback(s);
	if (!crash_counts(s, is))
		return "a try is counted no more";
	for (size_t i = 0; i < 2 && crash.codes[i].at; i++) {
		const bool used = is->step >= crash.codes[i].at / 30;
		SECRET(code);

		if (secret_set(&code, crash.codes[i].code, 6) != ERR_OK ||
		    factor_totp_check(s, stage.keys, taro, 1, &code, crash.codes[i].at) != (used ? ERR_CODE_REPLAYED : ERR_OK))
			return used ? "a used code is good again" : "an unused code is lost";
	}
	if (event_alone(s, &ev) != ERR_OK || crash_see(s, &after) != ERR_OK || after.events != is->events + 1)
		return "no event can be added";
	if (host.boot_id && after.grants)
		return "a grant is good for another boot";
	return NULL;
}

/* commits: how many had returned. */
static inline const char *crash_judge_state(const struct seen *is, int commits)
{
	if (is->grants != is->granted)
		return "a grant without its record, or a record without its grant";
	if (memcmp(is, &crash.states[commits], sizeof(*is)) == 0)
		return NULL;
	if (commits < crash.commits && memcmp(is, &crash.states[commits + 1], sizeof(*is)) == 0)
		return NULL;
	return "neither the old state nor the new one";
}

/* Another boot, five seconds ago. */
static inline void crash_boot(void)
{
	host.boot_id = crash.next_boot;
	host.boot_s = 5 - clock_boot_ms() / 1000;
}

/* rebooted: what goes on does so in another boot. */
static inline const char *crash_judge(int commits, bool rebooted)
{
	struct store *s = NULL;
	struct seen is;
	const char *fault = NULL;

	if (store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &s) != ERR_OK)
		fault = "it can't be opened";
	else if (store_check(s) != ERR_OK)
		fault = "it is damaged";
	else if (crash_see(s, &is) != ERR_OK)
		fault = "it can't be read";
	if (!fault)
		fault = crash_judge_state(&is, commits);
	if (rebooted)
		crash_boot();
	if (!fault)
		fault = crash_goes_on(s, &is);
	host.boot_id = NULL;
	host.boot_s = 0;
	store_close(s);
	return fault;
}

#endif
