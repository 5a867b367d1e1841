/* SPDX-License-Identifier: Apache-2.0 */
/* Many processes on one store: order, deaths, what a kill or a torn write leaves. */
#include "store_fixture.h"

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#define PROCESSES_MAX 200

/* SQLite's calls of these come here first. */
int fsync(int fd);
int fdatasync(int fd);

static int syncs;

int fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static bool is_long;

struct context {
	char dir[256];
	struct store *s;
};

/* Children open the store themselves: the one of the parent is closed before they are made. */
static int setup(void **state)
{
	struct context *c = fixture_begin(state, sizeof(*c));
	struct person p = fixture_person("taro", 1000);
	struct totp_row t;
	struct card_row card;

	c->s = fixture_create(c->dir);
	assert_int_equal(store_begin(c->s), ERR_OK);
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	t = fixture_totp(p.id);
	assert_int_equal(store_totp_put(c->s, &t), ERR_OK);
	card = fixture_card(p.id, 1);
	assert_int_equal(store_card_add(c->s, &card), ERR_OK);
	assert_int_equal(store_commit(c->s), ERR_OK);
	store_close(c->s);
	c->s = NULL;
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;

	store_close(c->s);
	return fixture_end(state);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Starts them at once; results[] are their exit statuses. */
static void run_at_once(const char *dir, int count, int (*work)(struct store *s, int n, int out), int out,
			int results[])
{
	pid_t pids[PROCESSES_MAX];
	int gate[2];
	char byte;

	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < count; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			struct store *s = NULL;
			int status;

			close(gate[1]);
			if (read(gate[0], &byte, 1) != 0 || store_open(dir, STORE_USE, LOCK_MS, &s) != ERR_OK)
				_exit(99);
			status = work(s, i, out);
			store_close(s);
			_exit(status);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < count; i++)
		results[i] = fixture_wait(pids[i]);
}

static int count_of(const int results[], int count, int status)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		n += results[i] == status;
	return n;
}

static int add_one_failure(struct store *s, int n, int out)
{
	struct bucket_row b;
	enum err e = store_begin(s);

	(void)n;
	(void)out;
	if (e == ERR_OK)
		e = store_bucket_get(s, 1, "local", &b);
	if (e == ERR_OK) {
		b.failed++;
		b.last = fixture_moment();
		e = store_bucket_put(s, &b);
	}
	if (e == ERR_OK)
		e = store_commit(s);
	return (int)e;
}

static void first_failures_of_parallel_processes_all_count(void **state)
{
	struct context *c = *state;
	int results[PROCESSES_MAX];
	struct bucket_row b;

	run_at_once(c->dir, 50, add_one_failure, -1, results);
	assert_int_equal(count_of(results, 50, 0), 50);
	c->s = fixture_open(c->dir);
	assert_int_equal(store_bucket_get(c->s, 1, "local", &b), ERR_OK);
	assert_int_equal(b.failed, 50);
}

static int consume(struct store *s, int n, int out)
{
	enum err e = store_begin(s);

	(void)n;
	(void)out;
	if (e == ERR_OK)
		e = store_totp_consume(s, 1, 101);
	if (e == ERR_OK)
		e = store_commit(s);
	else
		store_rollback(s);
	return (int)e;
}

static void one_code_sixteen_times_at_once_is_consumed_once(void **state)
{
	struct context *c = *state;
	int results[PROCESSES_MAX];

	for (int round = 0; round < 5; round++) {
		run_at_once(c->dir, 16, consume, -1, results);
		assert_int_equal(count_of(results, 16, 0), 1);
		assert_int_equal(count_of(results, 16, ERR_CODE_REPLAYED), 15);
		fixture_raw(c->dir, "UPDATE totp SET last_step = 100");
	}
}

static int three_transactions(struct store *s, int n, int out)
{
	for (int i = 0; i < 3; i++) {
		struct event_row row = fixture_event("taro");
		int64_t start = now_us(), waited;
		enum err e = store_begin(s);

		waited = now_us() - start;
		row.actor = n;
		if (e == ERR_OK)
			e = store_event_add(s, &row);
		if (e == ERR_OK)
			e = store_commit(s);
		if (e != ERR_OK)
			return (int)e;
		if (write(out, &waited, sizeof(waited)) != (ssize_t)sizeof(waited))
			return 98;
	}
	return 0;
}

static void two_hundred_writers_are_all_served(void **state)
{
	struct context *c = *state;
	int64_t waited, worst = 0, start;
	int results[PROCESSES_MAX], out[2];

	assert_int_equal(pipe(out), 0);
	start = now_us();
	run_at_once(c->dir, 200, three_transactions, out[1], results);
	close(out[1]);
	while (read(out[0], &waited, sizeof(waited)) == (ssize_t)sizeof(waited))
		worst = waited > worst ? waited : worst;
	close(out[0]);
	print_message("600 transactions of 200 processes: %.2f s, worst wait %.3f s\n",
		      (double)(now_us() - start) / 1e6, (double)worst / 1e6);
	assert_int_equal(count_of(results, 200, 0), 200);
	assert_int_equal(fixture_count(c->dir, "SELECT count(*) FROM event"), 600);
}

/* -- the queue -- */

static int64_t drawn(const char *dir)
{
	int64_t counter = 0;
	int fd = open(fixture_path(dir, "lock"), O_RDONLY);

	assert_int_equal(pread(fd, &counter, sizeof(counter), 0), sizeof(counter));
	close(fd);
	return counter;
}

/* A child that opens, says so, and queues; it writes its letter when its turn came. */
static pid_t queue_up(const char *dir, int out, char letter)
{
	int64_t before = drawn(dir);
	pid_t pid = fork();

	if (pid == 0) {
		struct store *s = NULL;
		enum err e = store_open(dir, STORE_USE, LOCK_MS, &s);

		if (e == ERR_OK)
			e = store_begin(s);
		if (e == ERR_OK && write(out, &letter, 1) != 1)
			e = ERR_SYSTEM;
		if (letter == '!')
			pause();
		if (e == ERR_OK)
			e = store_commit(s);
		store_close(s);
		_exit((int)e);
	}
	while (drawn(dir) == before)
		poll(NULL, 0, 1);
	return pid;
}

static void writers_are_served_in_order_of_arrival(void **state)
{
	struct context *c = *state;
	pid_t holder, pids[8];
	char order[9] = "";
	int out[2];

	assert_int_equal(pipe(out), 0);
	holder = queue_up(c->dir, out[1], '!');
	assert_int_equal(read(out[0], order, 1), 1);
	for (int i = 0; i < 8; i++)
		pids[i] = queue_up(c->dir, out[1], (char)('a' + i));
	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(fixture_wait(holder), 128 + SIGKILL);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(fixture_wait(pids[i]), 0);
		assert_int_equal(read(out[0], order + i, 1), 1);
	}
	assert_string_equal(order, "abcdefgh");
	close(out[0]);
	close(out[1]);
}

static void dead_holder_and_dead_waiter_free_the_queue(void **state)
{
	struct context *c = *state;
	pid_t holder, waiter, last;
	struct pollfd p;
	int out[2];
	char letter;

	assert_int_equal(pipe(out), 0);
	holder = queue_up(c->dir, out[1], '!');
	assert_int_equal(read(out[0], &letter, 1), 1);
	waiter = queue_up(c->dir, out[1], 'w');
	last = queue_up(c->dir, out[1], 'l');
	assert_int_equal(kill(waiter, SIGKILL), 0);
	assert_int_equal(fixture_wait(waiter), 128 + SIGKILL);
	p = (struct pollfd){ .fd = out[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 100), 0);
	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(fixture_wait(holder), 128 + SIGKILL);
	assert_int_equal(fixture_wait(last), 0);
	assert_int_equal(read(out[0], &letter, 1), 1);
	assert_int_equal(letter, 'l');
	close(out[0]);
	close(out[1]);
}

/* A stopped writer costs others their deadline, no more, and readers nothing. */
static void stopped_holder_is_waited_for_in_bounds(void **state)
{
	struct context *c = *state;
	struct store *s = NULL;
	struct person p;
	int64_t start, took;
	pid_t holder;
	int out[2];
	char letter;

	assert_int_equal(pipe(out), 0);
	holder = queue_up(c->dir, out[1], '!');
	assert_int_equal(read(out[0], &letter, 1), 1);
	assert_int_equal(kill(holder, SIGSTOP), 0);
	assert_int_equal(store_open(c->dir, STORE_USE, 300, &s), ERR_OK);
	start = now_us();
	assert_int_equal(store_begin(s), ERR_TIMEOUT);
	took = (now_us() - start) / 1000;
	assert_in_range(took, 290, 10000);
	assert_int_equal(store_person_by_login(s, "taro", &p), ERR_OK);
	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(fixture_wait(holder), 128 + SIGKILL);
	assert_int_equal(store_begin(s), ERR_OK);
	store_rollback(s);
	store_close(s);
	close(out[0]);
	close(out[1]);
}

static void lost_counter_of_the_queue_loses_nobody(void **state)
{
	static const char *const contents[] = { "", "short", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\0\0\0\0\0\0\0" };
	struct context *c = *state;
	int results[PROCESSES_MAX];

	for (size_t i = 0; i < 4; i++) {
		int fd = open(fixture_path(c->dir, "lock"), O_WRONLY | O_TRUNC);
		size_t len = i < 2 ? strlen(contents[i]) : 8;

		assert_int_equal(write(fd, contents[i], len), len);
		close(fd);
		run_at_once(c->dir, 20, add_one_failure, -1, results);
		assert_int_equal(count_of(results, 20, 0), 20);
	}
	assert_int_equal(fixture_count(c->dir, "SELECT failed FROM bucket"), 80);
}

/* Opening and closing are no transactions of ours, and must not disturb each other. */
static int open_and_close(struct store *s, int n, int out)
{
	char dir[256];

	(void)n;
	(void)s;
	if (pread(out, dir, sizeof(dir), 0) != (ssize_t)sizeof(dir))
		return 97;
	for (int i = 0; i < 10; i++) {
		struct store *other = NULL;
		enum err e = store_open(dir, STORE_USE, LOCK_MS, &other);

		if (e == ERR_OK)
			e = (enum err)add_one_failure(other, 0, -1);
		store_close(other);
		if (e != ERR_OK)
			return (int)e;
	}
	return 0;
}

/* Opens, says so, waits for the start; then counts ten times. */
static pid_t counter(const char *dir, int opened, const int start[2])
{
	pid_t pid = fork();

	if (pid == 0) {
		struct store *s = NULL;
		int status = 99;
		char byte = 'o';

		close(start[1]);
		if (store_open(dir, STORE_USE, LOCK_MS, &s) == ERR_OK && write(opened, &byte, 1) == 1 &&
		    read(start[0], &byte, 1) == 0)
			status = 0;
		for (int i = 0; status == 0 && i < 10; i++)
			status = add_one_failure(s, i, -1);
		store_close(s);
		_exit(status);
	}
	return pid;
}

/* Processes in queues of their own, after the file was deleted: SQLite's own lock still keeps them apart. */
static void lost_lock_file_loses_no_count(void **state)
{
	struct context *c = *state;
	int opened[2], start[2];
	pid_t pids[20];
	char byte;

	assert_int_equal(pipe(opened), 0);
	assert_int_equal(pipe(start), 0);
	for (int i = 0; i < 20; i++) {
		pids[i] = counter(c->dir, opened[1], start);
		assert_int_equal(read(opened[0], &byte, 1), 1);
		if (i % 5 == 0)
			assert_int_equal(unlink(fixture_path(c->dir, "lock")), 0);
	}
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < 20; i++)
		assert_int_equal(fixture_wait(pids[i]), 0);
	close(opened[0]);
	close(opened[1]);
	assert_int_equal(fixture_count(c->dir, "SELECT failed FROM bucket"), 200);
}

static void commit_reaches_the_disk(void **state)
{
	struct context *c = *state;
	struct event_row row = fixture_event("taro");

	c->s = fixture_open(c->dir);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_begin(c->s), ERR_OK);
		assert_int_equal(store_event_add(c->s, &row), ERR_OK);
		syncs = 0;
		assert_int_equal(store_commit(c->s), ERR_OK);
		assert_true(syncs > 0);
	}
}

/* -- killed at any point -- */

/* One transaction over three tables that only agree after it; then the number goes out. */
static void keep_writing(const char *dir, int out)
{
	struct store *s = NULL;
	int64_t step;
	struct totp_row t;

	if (store_open(dir, STORE_USE, LOCK_MS, &s) != ERR_OK || store_totp_get(s, 1, &t) != ERR_OK)
		_exit(1);
	for (step = t.last_step + 1;; step++) {
		struct event_row row = fixture_event("taro");
		struct bucket_row b;

		if (store_begin(s) != ERR_OK || store_bucket_get(s, 1, "local", &b) != ERR_OK)
			_exit(2);
		b.failed++;
		b.last = fixture_moment();
		if (store_bucket_put(s, &b) != ERR_OK || store_totp_consume(s, 1, step) != ERR_OK ||
		    store_event_add(s, &row) != ERR_OK || store_commit(s) != ERR_OK)
			_exit(3);
		if (write(out, &step, sizeof(step)) != (ssize_t)sizeof(step))
			_exit(4);
	}
}

static enum err count_event(const struct event_row *e, void *n)
{
	(void)e;
	++*(int64_t *)n;
	return ERR_OK;
}

static void agrees(const char *dir, int64_t acknowledged)
{
	struct event_filter all = { .last = 0 };
	struct store *s = fixture_open(dir);
	struct card_row card;
	struct bucket_row b;
	struct totp_row t;
	int64_t events = 0;

	assert_int_equal(store_check(s), ERR_OK);
	assert_int_equal(store_bucket_get(s, 1, "local", &b), ERR_OK);
	assert_int_equal(store_totp_get(s, 1, &t), ERR_OK);
	assert_int_equal(store_event_each(s, &all, count_event, &events), ERR_OK);
	assert_int_equal(store_card_by_id(s, 1, &card), ERR_OK);
	assert_int_equal(card.state, CARD_REVOKED);
	assert_int_equal(b.failed, events);
	assert_int_equal(t.last_step, 100 + events);
	assert_in_range(t.last_step, acknowledged, acknowledged + 1);
	store_close(s);
}

static void revoke_the_card(const char *dir)
{
	struct store *s = fixture_open(dir);
	struct card_row card;

	assert_int_equal(store_begin(s), ERR_OK);
	assert_int_equal(store_card_by_id(s, 1, &card), ERR_OK);
	card.state = CARD_REVOKED;
	card.reason = REASON_LOST;
	card.revoked_at = NOW;
	assert_int_equal(store_card_set_state(s, &card, CARD_ACTIVE), ERR_OK);
	assert_int_equal(store_commit(s), ERR_OK);
	store_close(s);
}

static void killed_writer_leaves_the_old_or_the_new_state(void **state)
{
	struct context *c = *state;
	int64_t acknowledged = 100, step;
	unsigned seed = (unsigned)getpid();

	revoke_the_card(c->dir);
	for (int i = 0; i < (is_long ? 300 : 50); i++) {
		int out[2];
		pid_t pid;

		assert_int_equal(pipe(out), 0);
		pid = fork();
		if (pid == 0)
			keep_writing(c->dir, out[1]);
		close(out[1]);
		if (i % 4 && read(out[0], &step, sizeof(step)) == (ssize_t)sizeof(step))
			acknowledged = step;
		usleep((useconds_t)rand_r(&seed) % 4000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(fixture_wait(pid), 128 + SIGKILL);
		while (read(out[0], &step, sizeof(step)) == (ssize_t)sizeof(step))
			acknowledged = step;
		close(out[0]);
		agrees(c->dir, acknowledged);
		acknowledged = fixture_count(c->dir, "SELECT last_step FROM totp");
	}
	print_message("%lld transactions survived\n", (long long)(acknowledged - 100));
}

/* From the first to behind the last byte in which two files differ. */
static void changed_part(const char *one, const char *other, off_t *from, off_t *to)
{
	FILE *a = fopen(one, "re"), *b = fopen(other, "re");

	assert_non_null(a);
	assert_non_null(b);
	*from = -1;
	for (off_t at = 0;; at++) {
		const int in_a = getc(a), in_b = getc(b);

		if (in_a == EOF && in_b == EOF)
			break;
		if (in_a == in_b)
			continue;
		*from = *from < 0 ? at : *from;
		*to = at + 1;
	}
	fclose(a);
	fclose(b);
	assert_true(*from >= 0);
}

static void write_start(const char *from, const char *to, off_t len)
{
	FILE *a = fopen(from, "re"), *b = fopen(to, "r+e");

	assert_non_null(a);
	assert_non_null(b);
	for (off_t at = 0; at < len; at++)
		assert_int_not_equal(putc(getc(a), b), EOF);
	fclose(a);
	assert_int_equal(fclose(b), 0);
}

/*
 * What a power cut leaves of the log: cut anywhere in the last transaction, or with rubbish or what
 * stood there before behind it. The transaction is there as a whole or not at all.
 */
static void torn_log_gives_the_old_or_the_new_state(void **state)
{
	struct context *c = *state;
	char copy[256], from[512], before[512], after[512], log[512], rubbish[512];
	off_t start, end;
	struct person p;
	int64_t people;

	c->s = fixture_open(c->dir);
	assert_int_equal(store_begin(c->s), ERR_OK);
	p = fixture_person("jiro", 2000);
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	assert_int_equal(store_commit(c->s), ERR_OK);
	snprintf(from, sizeof(from), "%s/store.db-wal", c->dir);
	fixture_dir(copy);
	snprintf(before, sizeof(before), "%s/before", copy);
	snprintf(after, sizeof(after), "%s/after", copy);
	snprintf(log, sizeof(log), "%s/store.db-wal", copy);
	fixture_copy(from, before);
	assert_int_equal(store_begin(c->s), ERR_OK);
	for (int i = 0; i < 40; i++) {
		snprintf(p.login, sizeof(p.login), "q%d", i);
		p.uid = 3000 + i;
		assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	}
	assert_int_equal(store_commit(c->s), ERR_OK);
	fixture_copy(from, after);
	changed_part(before, after, &start, &end);
	assert_true(end > start + 8192);
	memset(rubbish, 0x6B, sizeof(rubbish));
	for (off_t at = start; at <= end; at += at + 509 > end && at < end ? end - at : 509) {
		fixture_copy(fixture_path(c->dir, "store.db"), copy);
		fixture_copy(at % 3 ? after : before, log);
		if (at % 3 == 0)
			write_start(after, log, at);
		else
			assert_int_equal(truncate(log, at), 0);
		if (at % 3 == 1) {
			int fd = open(log, O_WRONLY | O_APPEND);

			assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
			close(fd);
		}
		assert_int_equal(fixture_verdict(copy), ERR_OK);
		people = fixture_count(copy, "SELECT count(*) FROM person");
		assert_int_equal(people, at == end ? 42 : 2);
	}
	fixture_remove(copy);
}

static void stores_are_opened_and_closed_at_once(void **state)
{
	struct context *c = *state;
	int results[PROCESSES_MAX];
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(c->dir, sizeof(c->dir), 1, f), 1);
	assert_int_equal(fflush(f), 0);
	run_at_once(c->dir, 20, open_and_close, fileno(f), results);
	fclose(f);
	assert_int_equal(count_of(results, 20, 0), 20);
	assert_int_equal(fixture_count(c->dir, "SELECT failed FROM bucket"), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(first_failures_of_parallel_processes_all_count),
		T(one_code_sixteen_times_at_once_is_consumed_once),
		T(two_hundred_writers_are_all_served),
		T(writers_are_served_in_order_of_arrival),
		T(dead_holder_and_dead_waiter_free_the_queue),
		T(stopped_holder_is_waited_for_in_bounds),
		T(lost_counter_of_the_queue_loses_nobody),
		T(lost_lock_file_loses_no_count),
		T(commit_reaches_the_disk),
		T(killed_writer_leaves_the_old_or_the_new_state),
		T(torn_log_gives_the_old_or_the_new_state),
		T(stores_are_opened_and_closed_at_once),
#undef T
	};

	is_long = getenv("CARDMFA_LONG") != NULL;
	fixture_drop();
	return cmocka_run_group_tests_name("store_parallel", tests, NULL, NULL);
}
