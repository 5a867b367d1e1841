/* SPDX-License-Identifier: Apache-2.0 */
#include "card_link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "unit.h"

static int ends[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int64_t soon(void)
{
	return deadline_in(5000);
}

static struct card_request full_request(void)
{
	struct card_request r = {
		.op = CARD_OP_SIGN, .wait_ms = 0xFEDCBA98, .want_cert = true, .handle = 200, .key_ref = 0x9A,
		.algorithm = KEY_RSA4096, .floor = 3, .pin_mode = CARD_PIN_BYTES, .pin = { .len = SECRET_MAX },
		.input_len = 512,
	};

	memset(r.pin.bytes, 0x31, sizeof(r.pin.bytes));
	memset(r.input, 0xA5, sizeof(r.input));
	return r;
}

static struct card_answer *full_answer(void)
{
	struct card_answer *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	*a = (struct card_answer){
		.op = CARD_OP_NEXT, .result = ERR_PIN_LAST_TRY, .sw = 0x63C1, .tries = -1, .handle = 255,
		.was_verified = true, .atr_len = CARD_ATR_MAX, .has_guid = true, .cert_len = CARD_CERT_MAX,
		.signature_len = KEY_SIGNATURE_MAX, .n_readers = CARD_READERS_MAX,
	};
	memset(a->reader, 'r', sizeof(a->reader) - 1);
	memset(a->atr, 0x3B, sizeof(a->atr));
	memset(a->guid, 0x22, sizeof(a->guid));
	memset(a->cert, 0x30, sizeof(a->cert));
	memset(a->signature, 0x55, sizeof(a->signature));
	for (size_t i = 0; i < CARD_READERS_MAX; i++) {
		memset(a->readers[i].name, (int)('a' + i), i * 8);
		a->readers[i].present = i % 2;
	}
	return a;
}

/* The bytes of a message, as they go over the wire. */
static size_t capture(const struct card_request *r, const struct card_answer *a, uint8_t *dst, size_t size)
{
	ssize_t n;

	assert_int_equal(r ? card_link_send_request(ends[0], r, soon())
			   : card_link_send_answer(ends[0], a, soon()), ERR_OK);
	n = recv(ends[1], dst, size, 0);
	assert_true(n > 0 && (size_t)n < size);
	return (size_t)n;
}

static void test_request_round_trip(void **state)
{
	struct card_request r = full_request(), got = { 0 };

	(void)state;
	assert_int_equal(card_link_send_request(ends[0], &r, soon()), ERR_OK);
	assert_int_equal(card_link_get_request(ends[1], &got, soon()), ERR_OK);
	assert_memory_equal(&got, &r, sizeof(r));
	for (enum card_op op = CARD_OP_NEXT; op <= CARD_OP_LIST; op++) {
		r = (struct card_request){ .op = op };
		assert_int_equal(card_link_send_request(ends[0], &r, soon()), ERR_OK);
		assert_int_equal(card_link_get_request(ends[1], &got, soon()), ERR_OK);
		assert_memory_equal(&got, &r, sizeof(r));
	}
}

static void test_answer_round_trip(void **state)
{
	struct card_answer *a = full_answer(), *got = calloc(1, sizeof(*got));

	(void)state;
	assert_non_null(got);
	assert_int_equal(card_link_send_answer(ends[0], a, soon()), ERR_OK);
	assert_int_equal(card_link_get_answer(ends[1], got, soon()), ERR_OK);
	assert_memory_equal(got, a, sizeof(*a));
	free(a);
	free(got);
}

/* Cut at every length, and with one byte too many: refused each time, and the output left alone. */
static void A85_cut_messages(void **state)
{
	static uint8_t bytes[40000];
	struct card_request r = full_request(), got = { .floor = 99 };
	struct card_answer *a = full_answer(), *got_a = calloc(1, sizeof(*a));
	size_t len = capture(&r, NULL, bytes, sizeof(bytes));

	(void)state;
	assert_non_null(got_a);
	got_a->handle = 99;
	for (size_t n = 1; n <= len + 1; n++) {
		if (n == len)
			continue;
		assert_int_equal(send(ends[0], bytes, n, 0), n);
		assert_int_equal(card_link_get_request(ends[1], &got, soon()), ERR_PROTOCOL);
		assert_int_equal(got.floor, 99);
	}
	len = capture(NULL, a, bytes, sizeof(bytes));
	for (size_t n = 1; n <= len + 1; n += n > 100 && n + 2000 < len ? 37 : 1) {
		if (n == len)
			continue;
		assert_int_equal(send(ends[0], bytes, n, 0), n);
		assert_int_equal(card_link_get_answer(ends[1], got_a, soon()), ERR_PROTOCOL);
		assert_int_equal(got_a->handle, 99);
	}
	free(a);
	free(got_a);
}

/* Whatever a byte is changed to, the result is a message within its bounds or a refusal. */
static void A85_changed_bytes(void **state)
{
	static uint8_t bytes[40000];
	struct card_request r = { .op = CARD_OP_SIGN, .pin_mode = CARD_PIN_BYTES, .pin = { 6, "123456" },
				  .input_len = 32 };
	struct card_answer *a = full_answer(), *got_a = calloc(1, sizeof(*a));
	struct card_request got;
	size_t len = capture(&r, NULL, bytes, sizeof(bytes));

	(void)state;
	assert_non_null(got_a);
	for (size_t i = 0; i < 16; i++) {
		for (int v = 0; v < 256; v++) {
			uint8_t kept = bytes[i];

			bytes[i] = (uint8_t)v;
			assert_int_equal(send(ends[0], bytes, len, 0), len);
			if (card_link_get_request(ends[1], &got, soon()) == ERR_OK)
				assert_true(got.pin.len <= SECRET_MAX && got.input_len <= 512 && got.op >= 1 &&
					    got.op <= 4);
			bytes[i] = kept;
		}
	}
	a->cert_len = 50;
	len = capture(NULL, a, bytes, sizeof(bytes));
	for (size_t i = 0; i < len; i++) {
		for (int v = 0; v < 256; v += i < 40 ? 1 : 51) {
			uint8_t kept = bytes[i];

			bytes[i] = (uint8_t)v;
			assert_int_equal(send(ends[0], bytes, len, 0), len);
			if (card_link_get_answer(ends[1], got_a, soon()) == ERR_OK)
				assert_true(got_a->cert_len <= CARD_CERT_MAX && got_a->tries >= -1 &&
					    memchr(got_a->reader, 0, CARD_READER_SIZE) &&
					    got_a->n_readers <= CARD_READERS_MAX &&
					    err_from_number(got_a->result) == got_a->result);
			bytes[i] = kept;
		}
	}
	free(a);
	free(got_a);
}

static void A85_random_messages(void **state)
{
	uint8_t bytes[600];
	struct card_request r;
	struct card_answer *a = calloc(1, sizeof(*a));
	unsigned seed = 7;

	(void)state;
	assert_non_null(a);
	for (int round = 0; round < 20000; round++) {
		size_t len = 1 + (size_t)rand_r(&seed) % sizeof(bytes);
		bool answer = round % 2;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)(rand_r(&seed) % 3 ? rand_r(&seed) % 4 : rand_r(&seed));
		bytes[0] = answer ? 'A' : 'Q';
		assert_int_equal(send(ends[0], bytes, len, 0), len);
		if (answer)
			assert_in_range(card_link_get_answer(ends[1], a, soon()), ERR_OK, ERR_PROTOCOL);
		else
			assert_in_range(card_link_get_request(ends[1], &r, soon()), ERR_OK, ERR_PROTOCOL);
	}
	free(a);
}

static void test_too_long(void **state)
{
	uint8_t *bytes = calloc(1, 60000);
	struct card_request r;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(send(ends[0], bytes, 60000, 0), 60000);
	assert_int_equal(card_link_get_request(ends[1], &r, soon()), ERR_PROTOCOL);
	free(bytes);
}

static void test_refuses_to_send_nonsense(void **state)
{
	struct card_request r = full_request();
	struct card_answer *a = full_answer();

	(void)state;
	r.pin.len = SECRET_MAX + 1;
	assert_int_equal(card_link_send_request(ends[0], &r, soon()), ERR_INVALID);
	r.pin.len = 6;
	r.input_len = 513;
	assert_int_equal(card_link_send_request(ends[0], &r, soon()), ERR_INVALID);
	a->n_readers = CARD_READERS_MAX + 1;
	assert_int_equal(card_link_send_answer(ends[0], a, soon()), ERR_INVALID);
	a->n_readers = 0;
	memset(a->reader, 'r', sizeof(a->reader));
	assert_int_equal(card_link_send_answer(ends[0], a, soon()), ERR_INVALID);
	a->reader[0] = '\0';
	a->cert_len = CARD_CERT_MAX + 1;
	assert_int_equal(card_link_send_answer(ends[0], a, soon()), ERR_INVALID);
	free(a);
}

static void test_deadline_and_hangup(void **state)
{
	struct card_request r = { .op = CARD_OP_LIST };
	enum err e;

	(void)state;
	assert_int_equal(card_link_get_request(ends[1], &r, deadline_in(0)), ERR_TIMEOUT);
	do {
		e = card_link_send_request(ends[0], &r, deadline_in(0));
	} while (e == ERR_OK);
	assert_int_equal(e, ERR_TIMEOUT);
	close(ends[1]);
	assert_int_equal(card_link_send_request(ends[0], &r, soon()), ERR_UNAVAILABLE);
	assert_int_equal(card_link_get_request(ends[0], &r, soon()), ERR_UNAVAILABLE);
	ends[1] = dup(ends[0]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request_round_trip),
		TEST(test_answer_round_trip),
		TEST(A85_cut_messages),
		TEST(A85_changed_bytes),
		TEST(A85_random_messages),
		TEST(test_too_long),
		TEST(test_refuses_to_send_nonsense),
		TEST(test_deadline_and_hangup),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
