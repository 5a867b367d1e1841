/* SPDX-License-Identifier: Apache-2.0 */
#include "card_script.h"

#include "log.h"

static uint8_t data[APDU_DATA_MAX + 1];

/* Sends and expects; `size` of the answer's buffer, which is exact on the heap. */
static enum err run_script(struct script *s, const struct apdu *cmd, size_t size, uint16_t *sw,
			   size_t *len)
{
	struct transport t;
	struct apdu_channel ch = script_channel(&t, s);
	struct apdu_answer a = { .bytes = malloc(size ? size : 1), .size = size, .len = 77 };
	enum err e;

	assert_non_null(a.bytes);
	e = apdu_exchange(&ch, cmd, &a);
	*sw = ch.sw;
	*len = a.len;
	free(a.bytes);
	return e;
}

static void test_forms(void **state)
{
	static const struct {
		size_t len;
		bool le;
		const char *command;
	} rows[] = {
		{ 0, false, "00208081" }, { 0, true, "0020808100" }, { 2, false, "00208081020102" },
		{ 2, true, "0020808102010200" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .command = rows[i].command, .response = "9000" });
		const uint8_t two[] = { 1, 2 };
		const struct apdu cmd = { 0x20, 0x80, 0x81, two, rows[i].len, rows[i].le };
		size_t len;
		uint16_t sw;

		assert_int_equal(run_script(&s, &cmd, 0, &sw, &len), ERR_OK);
		assert_int_equal(sw, 0x9000);
		assert_int_equal(len, 0);
		script_done(&s);
	}
}

static void test_chaining(void **state)
{
	static const struct {
		size_t len, parts;
	} rows[] = { { 255, 1 }, { 256, 2 }, { 510, 2 }, { 511, 3 }, { 1024, 5 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .response = "9000" });
		const struct apdu cmd = { 0x87, 7, 0x9A, data, rows[i].len, true };
		size_t len;
		uint16_t sw;

		s.forever = true;
		assert_int_equal(run_script(&s, &cmd, 0, &sw, &len), ERR_OK);
		assert_int_equal(s.sent, rows[i].parts);
	}
}

static void test_chain_breaks_at_once(void **state)
{
	struct script refused = SCRIPT_OF({ .response = "9000" }, { .response = "6982" });
	struct script first = SCRIPT_OF({ .response = "6883" });
	struct script talks = SCRIPT_OF({ .response = "AA9000" });
	const struct apdu cmd = { 0x87, 7, 0x9A, data, 600, true };
	size_t len;
	uint16_t sw;

	(void)state;
	assert_int_equal(run_script(&refused, &cmd, 300, &sw, &len), ERR_OK);
	assert_int_equal(sw, 0x6982);
	assert_int_equal(refused.sent, 2);
	assert_int_equal(run_script(&first, &cmd, 300, &sw, &len), ERR_OK);
	assert_int_equal(sw, 0x6883);
	assert_int_equal(first.sent, 1);
	assert_int_equal(run_script(&talks, &cmd, 300, &sw, &len), ERR_CARD_FAILED);
	assert_int_equal(talks.sent, 1);
}

static void test_get_response(void **state)
{
	struct script s = SCRIPT_OF({ .command = "00cb3fff00", .response = "6100", .fill = 256 },
				    { .command = "00c0000000", .response = "6110", .fill = 256 },
				    { .command = "00c0000010", .response = "9000", .fill = 16 });
	struct script none_first = SCRIPT_OF({ .response = "6105" },
					     { .command = "00c0000005", .response = "9000", .fill = 5 });
	struct script wrong_le = SCRIPT_OF({ .command = "00cb3fff00", .response = "6C04" },
					   { .command = "00cb3fff04", .response = "9000", .fill = 4 });
	struct script bad_end = SCRIPT_OF({ .response = "6105", .fill = 200 }, { .response = "6F00" });
	const struct apdu cmd = { 0xCB, 0x3F, 0xFF, NULL, 0, true };
	size_t len;
	uint16_t sw;

	(void)state;
	assert_int_equal(run_script(&s, &cmd, 528, &sw, &len), ERR_OK);
	assert_int_equal(len, 528);
	script_done(&s);
	assert_int_equal(run_script(&none_first, &cmd, 5, &sw, &len), ERR_OK);
	assert_int_equal(len, 5);
	assert_int_equal(run_script(&wrong_le, &cmd, 4, &sw, &len), ERR_OK);
	assert_int_equal(len, 4);
	assert_int_equal(run_script(&bad_end, &cmd, 300, &sw, &len), ERR_OK);
	assert_int_equal(sw, 0x6F00);
	assert_int_equal(len, 0);
}

/* Too short, too long, without end: an error after a bounded number of commands. */
static void A70_response_framing(void **state)
{
	static const struct {
		struct line line;
		bool le;
		size_t size, most;
	} rows[] = {
		{ { .response = "" }, true, 300, 1 },
		{ { .response = "90" }, true, 300, 1 },
		{ { .response = "9000", .fill = 256 }, true, 255, 1 },
		{ { .response = "61FF", .fill = 256 }, true, 4096, 17 },
		{ { .response = "6100", .fill = 1 }, true, 4096, 8 + 4096 / 64 + 1 },
		{ { .response = "61FF" }, true, 4096, 2 },
		{ { .response = "6100" }, true, 4096, 2 },
		{ { .response = "9000", .fill = 1 }, false, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = { .lines = &rows[i].line, .n = 1, .forever = true };
		const struct apdu cmd = { 0xCB, 0x3F, 0xFF, NULL, 0, rows[i].le };
		size_t len;
		uint16_t sw;

		assert_int_equal(run_script(&s, &cmd, rows[i].size, &sw, &len), ERR_CARD_FAILED);
		assert_int_equal(len, 0);
		assert_true(s.sent <= rows[i].most);
	}
}

static void A70_wrong_le_for_ever(void **state)
{
	struct script s = SCRIPT_OF({ .response = "6C10" });
	const struct apdu cmd = { 0xCB, 0x3F, 0xFF, NULL, 0, true };
	size_t len;
	uint16_t sw;

	(void)state;
	s.forever = true;
	assert_int_equal(run_script(&s, &cmd, 64, &sw, &len), ERR_OK);
	assert_int_equal(sw, 0x6C10);
	assert_int_equal(s.sent, 2);
}

/* A65: VERIFY has no Le, so nothing in an answer can make it go out again. */
static void test_no_le_is_sent_once(void **state)
{
	static const char *const answers[] = { "6C08", "6108", "6100", "6700" };

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct script s = SCRIPT_OF({ .response = answers[i] });
		const struct apdu cmd = { 0x20, 0x00, 0x80, data, 8, false };
		size_t len;
		uint16_t sw;

		s.forever = true;
		assert_int_equal(run_script(&s, &cmd, 0, &sw, &len), ERR_OK);
		assert_int_not_equal(sw, SW_OK);
		assert_int_equal(s.sent, 1);
	}
}

static void test_transport_failures(void **state)
{
	static const struct {
		enum io io;
		enum err err;
	} rows[] = {
		{ IO_RESET, ERR_CARD_FAILED }, { IO_STALE, ERR_CARD_FAILED }, { IO_REMOVED, ERR_CARD_REMOVED },
		{ IO_BUSY, ERR_BUSY }, { IO_CARD, ERR_CARD_FAILED }, { IO_SERVICE, ERR_PCSC },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .io = rows[i].io });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		const struct apdu cmd = { 0xA4, 0x04, 0x00, data, 9, true };

		ch.sw = 0x9000;
		assert_int_equal(apdu_exchange(&ch, &cmd, NULL), rows[i].err);
		assert_int_equal(ch.io, rows[i].io);
		assert_int_equal(ch.sw, 0);
		assert_int_equal(apdu_io_err(rows[i].io), rows[i].err);
	}
	assert_int_equal(apdu_io_err(IO_OK), ERR_OK);
}

static void test_limits(void **state)
{
	struct script s = SCRIPT_OF({ .response = "9000" });
	struct transport t;
	struct apdu_channel ch = script_channel(&t, &s);
	struct apdu cmd = { 0xDB, 0x3F, 0xFF, data, APDU_DATA_MAX + 1, true };

	(void)state;
	assert_int_equal(apdu_exchange(&ch, &cmd, NULL), ERR_INVALID);
	cmd.len = 1;
	ch.deadline = deadline_in(-1);
	assert_int_equal(apdu_exchange(&ch, &cmd, NULL), ERR_TIMEOUT);
	assert_int_equal(s.sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_chaining),
		cmocka_unit_test(test_chain_breaks_at_once),
		cmocka_unit_test(test_get_response),
		cmocka_unit_test(A70_response_framing),
		cmocka_unit_test(A70_wrong_le_for_ever),
		cmocka_unit_test(test_no_le_is_sent_once),
		cmocka_unit_test(test_transport_failures),
		cmocka_unit_test(test_limits),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
