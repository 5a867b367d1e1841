/* SPDX-License-Identifier: Apache-2.0 */
/* The store's directory where something else lies in the way. Owners, modes and links: test_store. */
#include "store_fixture.h"

#include <sys/resource.h>

#include "../../lib/store/store_internal.h"

struct context {
	char path[256];
	int dir;
};

static int setup(void **state)
{
	struct context *c = fixture_begin(state, sizeof(*c));

	assert_int_equal(store_dir_open(c->path, &c->dir), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;

	close(c->dir);
	return fixture_end(state);
}

static void put(const struct context *c, const char *name)
{
	int fd = -1;

	assert_int_equal(store_dir_file(c->dir, name, &fd), ERR_OK);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void an_interrupted_creation_is_cleared_away(void **state)
{
	static const char *const remains[] = { "store.new", "store.new-wal", "store.new-shm", "store.new-journal" };
	struct context *c = *state;
	struct stat st;

	for (size_t i = 0; i < 4; i++)
		put(c, remains[i]);
	put(c, "store.db");
	assert_int_equal(store_dir_fresh(c->dir), ERR_OK);
	assert_int_equal(stat(fixture_path(c->path, "store.new"), &st), 0);
	assert_int_equal(st.st_size, 0);
	for (size_t i = 1; i < 4; i++)
		assert_false(store_dir_has(c->dir, remains[i]));
	assert_true(store_dir_has(c->dir, "store.db"));
}

static void what_can_not_be_cleared_away_is_an_error(void **state)
{
	struct context *c = *state;

	assert_int_equal(mkdirat(c->dir, "store.new-wal", 0700), 0);
	assert_int_equal(store_dir_fresh(c->dir), ERR_STORE);
}

static void a_store_is_published_once_and_whole(void **state)
{
	struct context *c = *state;

	assert_int_equal(store_dir_publish(c->dir), ERR_STORE);
	put(c, "store.new");
	put(c, "store.new-wal");
	assert_int_equal(store_dir_publish(c->dir), ERR_STORE);
	assert_false(store_dir_has(c->dir, "store.db"));
	assert_int_equal(unlinkat(c->dir, "store.new-wal", 0), 0);
	assert_int_equal(store_dir_publish(c->dir), ERR_OK);
	assert_true(store_dir_has(c->dir, "store.db") && !store_dir_has(c->dir, "store.new"));
	put(c, "store.new");
	assert_int_equal(store_dir_publish(c->dir), ERR_EXISTS);
}

/* A hole is no reserve: it would not be given back as space. */
static void a_reserve_is_space_and_not_a_length(void **state)
{
	struct context *c = *state;
	int fd = -1;

	assert_int_equal(store_dir_file(c->dir, STORE_RESERVE, &fd), ERR_OK);
	assert_int_equal(ftruncate(fd, STORE_RESERVE_SIZE), 0);
	close(fd);
	assert_false(store_dir_holds(c->dir, STORE_RESERVE, STORE_RESERVE_SIZE));
	assert_int_equal(store_reserve_fill(c->dir), ERR_OK);
	assert_true(store_dir_holds(c->dir, STORE_RESERVE, STORE_RESERVE_SIZE));
	store_reserve_drop(c->dir);
	assert_false(store_dir_has(c->dir, STORE_RESERVE));
	store_reserve_drop(c->dir);
}

static void half_a_reserve_does_not_stay(void **state)
{
	struct context *c = *state;
	struct rlimit was, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){ .rlim_cur = STORE_RESERVE_SIZE / 2, .rlim_max = was.rlim_max };
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(store_reserve_fill(c->dir), ERR_STORE_FULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_false(store_dir_has(c->dir, STORE_RESERVE));
}

static void a_reserve_that_is_none_is_left_alone(void **state)
{
	struct context *c = *state;

	assert_int_equal(mkdirat(c->dir, STORE_RESERVE, 0700), 0);
	store_reserve_drop(c->dir);
	assert_true(store_dir_has(c->dir, STORE_RESERVE));
	assert_int_not_equal(store_reserve_fill(c->dir), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_interrupted_creation_is_cleared_away, setup, teardown),
		cmocka_unit_test_setup_teardown(what_can_not_be_cleared_away_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_is_published_once_and_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reserve_is_space_and_not_a_length, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_reserve_does_not_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reserve_that_is_none_is_left_alone, setup, teardown),
	};

	fixture_drop();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
