/* SPDX-License-Identifier: Apache-2.0 */
#include "card.h"

#include "card_world.h"
#include "log.h"

static struct card *card;
static struct card_answer answer;

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.n_readers = WORLD_READERS;
	return card_open(&world_host, &world_transport, &card) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	card_close(card);
	assert_false(world.connected[0] || world.connected[1] || world.locked);
	return 0;
}

static enum err next(void)
{
	struct card_request r = { .op = CARD_OP_NEXT };

	card_serve(card, &r, &answer);
	assert_int_equal(answer.op, CARD_OP_NEXT);
	return answer.result;
}

/* pin NULL: none */
static enum err sign(uint8_t handle, const char *pin, uint8_t floor)
{
	struct card_request r = { .op = CARD_OP_SIGN, .handle = handle, .key_ref = 0x9A,
				  .algorithm = KEY_P256, .input_len = 32, .floor = floor,
				  .pin_mode = pin ? CARD_PIN_BYTES : CARD_PIN_NONE };

	if (pin)
		assert_int_equal(secret_set(&r.pin, pin, strlen(pin)), ERR_OK);
	card_serve(card, &r, &answer);
	assert_int_equal(r.pin.len, 0);
	assert_int_equal(r.pin.bytes[0], 0);
	assert_false(world.locked || world.in_transaction[0] || world.in_transaction[1]);
	assert_int_equal(answer.signature_len > 0, answer.result == ERR_OK);
	return answer.result;
}

static void test_six_apdus_one_reset(void **state)
{
	(void)state;
	world_insert(1, 0x11);
	assert_int_equal(next(), ERR_OK);
	assert_string_equal(answer.reader, "reader 1");
	assert_int_equal(answer.tries, 3);
	assert_int_equal(answer.guid[15], 0x11);
	assert_int_equal(answer.cert_len, 0);
	assert_int_equal(world.cards[1].apdus, 3);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_OK);
	assert_int_equal(world.cards[1].apdus, 6);
	assert_int_equal(world.cards[1].resets, 1);
	assert_false(world.cards[1].verified);
}

static void test_told_once_and_again_when_reinserted(void **state)
{
	uint8_t first;

	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	first = answer.handle;
	assert_int_equal(next(), ERR_NO_CARD);
	world_remove(0);
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	assert_int_not_equal(answer.handle, first);
	assert_int_equal(sign(first, "123456", 1), ERR_CARD_REMOVED);
	assert_int_equal(world.cards[0].verifies, 0);
}

static void test_handles_run_out(void **state)
{
	int seen = 0;

	(void)state;
	do {
		world_insert(0, 0x11);
	} while (next() == ERR_OK && ++seen < 1000);
	assert_int_equal(seen, 255);
	assert_int_equal(answer.result, ERR_BUSY);
}

static void comes(struct world *w)
{
	if (w->waits == 3)
		world_insert(0, 0x22);
	if (w->waits == 2)
		w->n_readers = WORLD_READERS;
}

static void test_waits_for_reader_and_card(void **state)
{
	struct card_request r = { .op = CARD_OP_NEXT, .wait_ms = 5000 };

	(void)state;
	world.n_readers = 0;
	world.on_wait = comes;
	card_serve(card, &r, &answer);
	assert_int_equal(answer.result, ERR_OK);
	assert_int_equal(world.waits, 3);
}

static void test_list(void **state)
{
	struct card_request r = { .op = CARD_OP_LIST };

	(void)state;
	world_insert(1, 1);
	card_serve(card, &r, &answer);
	assert_int_equal(answer.result, ERR_OK);
	assert_int_equal(answer.n_readers, 2);
	assert_false(answer.readers[0].present);
	assert_true(answer.readers[1].present);
	assert_int_equal(world.cards[1].apdus, 0);
}

static void A62_left_verified(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world.cards[0].verified = true;
	assert_int_equal(next(), ERR_OK);
	assert_true(answer.was_verified);
	assert_int_equal(answer.tries, 3);
	assert_int_equal(world.cards[0].resets, 1);
	world.cards[0].verified = true;
	assert_int_equal(sign(answer.handle, NULL, 1), ERR_DENIED);
	assert_false(world.cards[0].verified);
}

static void A62_stays_verified(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world.cards[0].verified = world.cards[0].keeps_verified = true;
	assert_int_equal(next(), ERR_CARD_FAILED);
	assert_int_equal(next(), ERR_NO_CARD);
}

static void A65_floor_and_budget(void **state)
{
	static const struct {
		int tries;
		uint8_t floor;
		const char *pin;
		enum err result;
		unsigned verifies;
	} rows[] = {
		{ 3, 1, "123456", ERR_OK, 1 }, { 3, 1, "000000", ERR_PIN_WRONG, 1 },
		{ 2, 1, "000000", ERR_PIN_WRONG, 1 }, { 1, 1, "123456", ERR_PIN_LAST_TRY, 0 },
		{ 1, 0, "123456", ERR_OK, 1 }, { 1, 0, "000000", ERR_PIN_BLOCKED, 1 },
		{ 0, 0, "123456", ERR_PIN_BLOCKED, 0 }, { 0, 1, "123456", ERR_PIN_BLOCKED, 0 },
		{ 2, 2, "123456", ERR_PIN_LAST_TRY, 0 }, { -1, 1, "123456", ERR_OK, 1 },
		{ 3, 1, "12345", ERR_PIN_FORMAT, 0 }, { 3, 1, "", ERR_PIN_FORMAT, 0 },
		{ 3, 1, "123456789", ERR_PIN_FORMAT, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_insert(0, 0x11);
		world.cards[0].tries = rows[i].tries;
		assert_int_equal(next(), ERR_OK);
		assert_int_equal(sign(answer.handle, rows[i].pin, rows[i].floor), rows[i].result);
		assert_int_equal(world.cards[0].verifies, rows[i].verifies);
		assert_false(world.cards[0].verified);
		assert_int_equal(sign(answer.handle, "123456", 0) == ERR_INVALID, rows[i].verifies > 0 ||
				 answer.result == ERR_INVALID);
		assert_true(world.cards[0].verifies <= 1);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void test_reset_by_others_is_recognised_again(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	world_others_reset(0);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_OK);
	/* SELECT, CHUID, tries twice; VERIFY, GENERAL AUTHENTICATE */
	assert_int_equal(world.cards[0].apdus, 8);
}

static void test_reset_by_others_and_fewer_tries(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	world.cards[0].tries = 1;
	world_others_reset(0);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_PIN_LAST_TRY);
	assert_int_equal(answer.tries, 1);
	assert_int_equal(world.cards[0].verifies, 0);
}

static void test_another_card_after_a_reset(void **state)
{
	static const struct {
		uint8_t guid, cert, new_guid, new_cert;
		enum err result;
	} rows[] = {
		{ 1, 1, 1, 1, ERR_OK }, { 1, 1, 1, 2, ERR_OK }, { 1, 1, 2, 1, ERR_CARD_REMOVED },
		{ 1, 1, 0, 1, ERR_CARD_REMOVED }, { 0, 1, 0, 1, ERR_OK }, { 0, 1, 0, 2, ERR_CARD_REMOVED },
		{ 0, 1, 1, 1, ERR_CARD_REMOVED }, { 0, 1, 0, 0, ERR_CARD_REMOVED },
		{ 0, 0, 0, 0, ERR_CARD_REMOVED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_insert(0, rows[i].guid);
		world.cards[0].cert = rows[i].cert;
		assert_int_equal(next(), ERR_OK);
		assert_int_equal(answer.has_guid, rows[i].guid != 0);
		assert_int_equal(answer.cert_len, rows[i].guid || !rows[i].cert ? 0 : 100);
		world.cards[0].guid = rows[i].new_guid;
		world.cards[0].cert = rows[i].new_cert;
		world_others_reset(0);
		assert_int_equal(sign(answer.handle, "123456", 1), rows[i].result);
		assert_int_equal(world.cards[0].verifies, rows[i].result == ERR_OK);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* A PIN is sent with the reader's only connection, which ends with the signature. */
static void A66_alone_with_the_reader(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	assert_true(world.connected[0] && !world.alone[0]);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_OK);
	assert_true(world.cards[0].alone_at_verify);
	assert_int_equal(world.cards[0].before_verify, 1);
	assert_false(world.connected[0]);
	assert_int_equal(sign(1, NULL, 1), ERR_DENIED);
}

/* Beside other programs that are connected, what they sent before gets its turns first. */
static void A66_beside_others(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world.others[0] = true;
	assert_int_equal(next(), ERR_OK);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_OK);
	assert_false(world.cards[0].alone_at_verify);
	assert_int_equal(world.cards[0].before_verify, 1 + 4);
	assert_true(world.connected[0]);
}

static void A66_tries_that_others_spent_meanwhile_count(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world.others[0] = true;
	assert_int_equal(next(), ERR_OK);
	world.cards[0].tries = 1;
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_PIN_LAST_TRY);
	assert_int_equal(world.cards[0].verifies, 0);
}

/* One of ours that was killed has the reader alone until pcscd has cleaned up behind it. */
static void test_waits_for_who_is_alone(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world_insert(1, 0x33);
	assert_int_equal(next(), ERR_OK);
	assert_int_equal(next(), ERR_OK);
	world.held = 1 + 25;
	assert_int_equal(sign(1, "123456", 1), ERR_BUSY);
	assert_int_equal(world.cards[0].verifies, 0);
	world.held = 25;
	assert_int_equal(sign(2, "123456", 1), ERR_OK);
}

/* Seen by pcscd only while our connection is changed for another. */
static void exchanged(struct world *w, size_t i)
{
	w->cards[i].guid = 0x33;
	w->cards[i].event++;
	w->on_end = NULL;
}

static void test_exchanged_at_the_last_moment(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	world.on_end = exchanged;
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_CARD_REMOVED);
	assert_int_equal(world.cards[0].verifies, 0);
}

static void test_removed_between(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	world_remove(0);
	world_insert(0, 0x33);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_CARD_REMOVED);
	assert_int_equal(world.cards[0].apdus, 0);
}

static void A77_signs_without_pin(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world.cards[0].pinless = true;
	assert_int_equal(next(), ERR_OK);
	assert_int_equal(sign(answer.handle, "000000", 1), ERR_PIN_WRONG);
	assert_int_equal(sign(answer.handle, NULL, 1), ERR_OK);
}

static void verified_by_others(struct world *w, size_t i)
{
	w->cards[i].verified = true;
}

/* Right after our transaction a stranger verifies; the next signature without PIN must not profit. */
static void test_no_pin_resets_first(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	world.on_end = verified_by_others;
	assert_int_equal(next(), ERR_OK);
	assert_int_equal(sign(answer.handle, NULL, 1), ERR_DENIED);
	assert_int_equal(world.cards[0].resets, 1);
}

static void test_bad_requests(void **state)
{
	static const struct card_request rows[] = {
		{ .op = (enum card_op)0 }, { .op = (enum card_op)5 },
		{ .op = CARD_OP_SIGN, .handle = 1, .pin_mode = CARD_PIN_NONE },
		{ .op = CARD_OP_SIGN, .handle = 1, .pin_mode = CARD_PIN_PAD, .key_ref = 0x9A,
		  .algorithm = KEY_P256, .input_len = 32 },
		{ .op = CARD_OP_SIGN, .handle = 1, .pin_mode = CARD_PIN_NONE, .key_ref = 0x9C,
		  .algorithm = KEY_P256, .input_len = 32 },
		{ .op = CARD_OP_SIGN, .handle = 1, .pin_mode = (enum card_pin_mode)0, .key_ref = 0x9A,
		  .algorithm = KEY_P256, .input_len = 32 },
		{ .op = CARD_OP_SIGN, .handle = 1, .pin_mode = CARD_PIN_BYTES, .key_ref = 0x9E,
		  .algorithm = KEY_P256, .input_len = 32, .pin = { 6, "123456" } },
	};

	(void)state;
	world_insert(0, 0x11);
	assert_int_equal(next(), ERR_OK);
	assert_int_equal(answer.handle, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_request r = rows[i];

		card_serve(card, &r, &answer);
		assert_int_equal(answer.result, ERR_INVALID);
	}
	assert_int_equal(world.cards[0].apdus, 3);
}

/* One login with the fail_at-th call into PC/SC failing. True when nothing failed any more. */
static bool login_with_fault(void **state, unsigned at, enum io io)
{
	bool through;
	enum err e;

	world_insert(0, 0x11);
	world.fail_at = at;
	world.fail_io = io;
	e = next();
	for (int i = 0; e != ERR_OK && i < 3; i++)
		e = next();
	if (e == ERR_OK)
		e = sign(answer.handle, "123456", 1);
	assert_true(world.cards[0].verifies <= 1);
	assert_true(e != ERR_OK || world.cards[0].verifies == 1);
	assert_false(world.locked || world.in_transaction[0]);
	assert_false(world.cards[0].verified);
	through = world.calls < at;
	assert_true(!through || e == ERR_OK);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	return through;
}

/* The first call, the second, ... of a login fails, in every way: no card left verified, no two VERIFYs. */
static void test_every_call_fails_once(void **state)
{
	for (enum io io = IO_RESET; io <= IO_SERVICE; io++) {
		unsigned at = 1;

		while (!login_with_fault(state, at, io))
			assert_true(++at < 100);
		assert_true(at > 10);
	}
}

/* SCARD_E_PROTO_MISMATCH right after connect costs nothing but a second connect. */
static void test_void_connection_is_made_again(void **state)
{
	(void)state;
	world_insert(0, 0x11);
	/* open, list, connect, begin, then the first transmit */
	world.fail_at = 5;
	world.fail_io = IO_STALE;
	assert_int_equal(next(), ERR_OK);
	assert_int_equal(sign(answer.handle, "123456", 1), ERR_OK);
	assert_int_equal(world.cards[0].verifies, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_six_apdus_one_reset),
		TEST(test_told_once_and_again_when_reinserted),
		TEST(test_handles_run_out),
		TEST(test_waits_for_reader_and_card),
		TEST(test_list),
		TEST(A62_left_verified),
		TEST(A62_stays_verified),
		TEST(A65_floor_and_budget),
		TEST(test_reset_by_others_is_recognised_again),
		TEST(test_reset_by_others_and_fewer_tries),
		TEST(test_another_card_after_a_reset),
		TEST(A66_alone_with_the_reader), TEST(A66_beside_others),
		TEST(A66_tries_that_others_spent_meanwhile_count), TEST(test_waits_for_who_is_alone),
		TEST(test_exchanged_at_the_last_moment), TEST(test_removed_between),
		TEST(A77_signs_without_pin),
		TEST(test_no_pin_resets_first),
		TEST(test_bad_requests),
		TEST(test_every_call_fails_once),
		TEST(test_void_connection_is_made_again),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
