/* SPDX-License-Identifier: Apache-2.0 */
/* Who may begin a call, and whose place goes to whom. */
#include "../../cardmfad/room.h"

#include <string.h>

#include "unit.h"

static int64_t now;

static int left(int64_t deadline)
{
	return deadline > now ? (int)(deadline - now) : 0;
}

/* clock.h first: only what is below shall ask this one. */
#include "clock.h"
#define deadline_left left
#include "../../cardmfad/room.c"
#undef deadline_left

#define SSHD 107
#define TARO 1001
#define HANAKO 1002

static struct daemon d;
static struct call calls[BOUNDS_CALLS];
static bool silent[BOUNDS_CALLS];

bool call_is_silent(const struct call *c)
{
	return silent[c - calls];
}

static int setup(void **state)
{
	(void)state;
	d = (struct daemon){ .conf = { .keys_uid = SSHD } };
	memset(silent, 0, sizeof(silent));
	now = 1000000;
	return 0;
}

/* A call at work, with all the time there is. */
static struct call *add(bool root_socket, int64_t uid)
{
	struct call *c = &calls[d.n_calls];

	assert_true(d.n_calls < BOUNDS_CALLS);
	*c = (struct call){ .root_socket = root_socket, .uid = uid, .worker = 1, .deadline = now + CALL_MAX_MS };
	d.calls[d.n_calls++] = c;
	return c;
}

static struct call *add_silent(int64_t uid, int left_ms)
{
	struct call *c = add(false, uid);

	c->worker = 0;
	c->deadline = now + left_ms;
	silent[c - calls] = true;
	return c;
}

static void add_many(size_t n, bool root_socket, int64_t uid)
{
	for (size_t i = 0; i < n; i++)
		add(root_socket, uid);
}

static void add_strangers(size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(false, 200000 + (int64_t)i);
}

static void one_person_has_a_few(void **state)
{
	(void)state;
	assert_true(room_for(&d, false, TARO));
	/* What root does for him is none of them. */
	add_many(BOUNDS_CALLS_SU_UID, true, TARO);
	add_many(BOUNDS_CALLS_USER_UID - 1, false, TARO);
	assert_true(room_for(&d, false, TARO));
	add(false, TARO);
	assert_false(room_for(&d, false, TARO));
	assert_true(room_for(&d, false, HANAKO));
	assert_true(room_for(&d, true, 0));
	assert_true(room_for(&d, true, TARO));
}

static void all_people_leave_places_for_others(void **state)
{
	(void)state;
	add_strangers(BOUNDS_CALLS_USER - 1);
	assert_true(room_for(&d, false, TARO));
	add(false, HANAKO);
	assert_false(room_for(&d, false, TARO));
	assert_true(room_for(&d, false, 0));
	assert_true(room_for(&d, true, 0));
	assert_true(room_for(&d, false, SSHD));
}

/* Ordinary users begin nothing when few places are free. */
static void the_last_places_are_roots(void **state)
{
	(void)state;
	add_many(BOUNDS_CALLS_OTHERS - BOUNDS_CALLS_ROOT - 1, true, 0);
	assert_true(room_for(&d, false, TARO));
	add(true, 0);
	assert_false(room_for(&d, false, TARO));
	assert_true(room_for(&d, false, 0));
	add_many(BOUNDS_CALLS_ROOT - 1, true, 0);
	assert_true(room_for(&d, true, 0));
	assert_true(room_at(&d, true));
	add(true, 0);
	assert_false(room_for(&d, true, 0));
	assert_false(room_for(&d, false, 0));
	assert_false(room_at(&d, true));
	/* sshd's account is still let in. */
	assert_true(room_at(&d, false));
	assert_true(room_for(&d, false, SSHD));
}

static void sshds_places_are_apart(void **state)
{
	(void)state;
	add_many(BOUNDS_CALLS_KEYS - 1, false, SSHD);
	assert_true(room_for(&d, false, SSHD));
	add(false, SSHD);
	assert_false(room_for(&d, false, SSHD));
	assert_true(room_for(&d, false, TARO));
	add_many(BOUNDS_CALLS_OTHERS - 1, true, 0);
	assert_true(room_for(&d, true, 0));
	assert_true(room_at(&d, true));
	assert_true(room_at(&d, false));
	add(true, 0);
	/* Now all is taken. */
	assert_int_equal(d.n_calls, BOUNDS_CALLS);
	for (int root_socket = 0; root_socket < 2; root_socket++) {
		assert_false(room_at(&d, root_socket));
		assert_false(room_for(&d, root_socket, 0));
	}
	assert_false(room_for(&d, false, SSHD));
	assert_false(room_for(&d, false, TARO));
}

/* A reload names another account: the calls of the one before count among all others', and may be more than these shall have. */
static void no_reload_makes_more_places(void **state)
{
	(void)state;
	add_many(BOUNDS_CALLS_KEYS, false, SSHD);
	add_many(BOUNDS_CALLS_OTHERS - 1, true, 0);
	d.conf.keys_uid = TARO;
	assert_true(room_for(&d, false, TARO));
	add(false, TARO);
	assert_false(room_for(&d, false, TARO));
}

static void sshds_account_is_who_comes_through_the_user_socket(void **state)
{
	static const struct {
		bool root_socket;
		int64_t uid, keys_uid;
		bool is;
	} rows[] = {
		{ false, SSHD, SSHD, true },
		{ true, SSHD, SSHD, false },
		{ false, TARO, SSHD, false },
		{ false, 1, 1, true },
		{ false, 0, 0, false },
		{ false, -1, -1, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct call *c = add(rows[i].root_socket, rows[i].uid);

		d.conf.keys_uid = rows[i].keys_uid;
		assert_int_equal(room_is_for_sshd(&d, c), rows[i].is);
	}
}

static void su_has_bounds_of_its_own(void **state)
{
	(void)state;
	add_many(BOUNDS_CALLS_USER_UID, false, TARO);
	add_many(BOUNDS_CALLS_SU_UID - 1, true, TARO);
	assert_true(room_for_su(&d, TARO));
	add(true, TARO);
	assert_false(room_for_su(&d, TARO));
	assert_true(room_for_su(&d, HANAKO));
	for (int64_t uid = 3000; d.n_calls < BOUNDS_CALLS_USER_UID + BOUNDS_CALLS_SU - 1; uid++)
		add(true, uid);
	add(true, 0);
	assert_true(room_for_su(&d, HANAKO));
	add(true, 2999);
	assert_false(room_for_su(&d, HANAKO));
}

/* One gave way just now: until others had time to speak, nobody is let in at the user socket. */
static void who_comes_waits_for_the_turn(void **state)
{
	(void)state;
	d.turn = now + CALL_TURN_MS;
	assert_false(room_at(&d, false));
	assert_true(room_at(&d, true));
	now += CALL_TURN_MS;
	assert_true(room_at(&d, false));
}

static void who_is_silent_gives_way_when_places_are_short(void **state)
{
	struct call *late, *soon, *last;

	(void)state;
	late = add_silent(TARO, 900);
	soon = add_silent(HANAKO, 800);
	add_silent(HANAKO, 800);
	last = add_silent(HANAKO, 1000);
	add_strangers(BOUNDS_CALLS_USER - 5);
	assert_null(room_taken_from(&d, false, 1500));
	add(false, TARO);
	assert_ptr_equal(room_taken_from(&d, false, 1500), soon);
	/* They are no help to whom the user socket's bounds do not concern. */
	assert_null(room_taken_from(&d, true, 0));
	assert_null(room_taken_from(&d, true, 1500));
	assert_null(room_taken_from(&d, false, 0));
	assert_null(room_taken_from(&d, false, SSHD));
	silent[soon - calls] = false;
	assert_ptr_equal(room_taken_from(&d, false, 1500), soon + 1);
	silent[soon + 1 - calls] = false;
	assert_ptr_equal(room_taken_from(&d, false, 1500), late);
	silent[late - calls] = false;
	assert_ptr_equal(room_taken_from(&d, false, 1500), last);
	silent[last - calls] = false;
	assert_null(room_taken_from(&d, false, 1500));
}

/* Nobody loses a place to who has all of his. */
static void who_has_his_places_takes_no_others(void **state)
{
	struct call *c;

	(void)state;
	add_many(BOUNDS_CALLS_USER_UID - 1, false, TARO);
	c = add_silent(HANAKO, 500);
	add_strangers(BOUNDS_CALLS_USER - BOUNDS_CALLS_USER_UID);
	assert_ptr_equal(room_taken_from(&d, false, TARO), c);
	add(false, TARO);
	assert_null(room_taken_from(&d, false, TARO));
	assert_ptr_equal(room_taken_from(&d, false, 1500), c);
}

/* Not root, whichever way it came; not a host as root; not sshd's account. */
static void others_than_ordinary_users_keep_their_places(void **state)
{
	(void)state;
	add_strangers(BOUNDS_CALLS_USER);
	add_silent(0, 100);
	add_silent(SSHD, 100);
	add_silent(TARO, 100)->root_socket = true;
	assert_null(room_taken_from(&d, false, HANAKO));
	silent[0] = true;
	assert_ptr_equal(room_taken_from(&d, false, HANAKO), &calls[0]);
}

/* Of sshd's account also who takes longer than any answer does; of others nobody whose worker works. */
static void sshds_slow_ones_give_way(void **state)
{
	const int slow = CALL_KEYS_MS - CALL_FIRST_MS - 1;
	struct call *c, *other;

	(void)state;
	other = add_silent(TARO, 100);
	add(false, HANAKO)->deadline = now + 1;
	add_many(BOUNDS_CALLS_KEYS - 2, false, SSHD);
	c = add(false, SSHD);
	c->deadline = now + slow;
	assert_null(room_taken_from(&d, false, SSHD));
	add(false, SSHD);
	assert_ptr_equal(room_taken_from(&d, false, SSHD), c);
	c->deadline++;
	assert_null(room_taken_from(&d, false, SSHD));
	/* It has spoken, and its worker is yet to start. */
	c->deadline = now + slow;
	c->worker = 0;
	assert_null(room_taken_from(&d, false, SSHD));
	silent[c - calls] = true;
	assert_ptr_equal(room_taken_from(&d, false, SSHD), c);
	add_strangers(BOUNDS_CALLS_USER - 2);
	assert_ptr_equal(room_taken_from(&d, false, 1500), other);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(one_person_has_a_few),
		T(all_people_leave_places_for_others),
		T(the_last_places_are_roots),
		T(sshds_places_are_apart),
		T(no_reload_makes_more_places),
		T(sshds_account_is_who_comes_through_the_user_socket),
		T(su_has_bounds_of_its_own),
		T(who_comes_waits_for_the_turn),
		T(who_is_silent_gives_way_when_places_are_short),
		T(who_has_his_places_takes_no_others),
		T(others_than_ordinary_users_keep_their_places),
		T(sshds_slow_ones_give_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
