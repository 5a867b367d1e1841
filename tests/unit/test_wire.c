/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "unit.h"

static int pair[2];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void reopen(struct wire_buf *b, enum wire_type want)
{
	enum wire_type type;
	unsigned version;

	assert_int_equal(wire_open(b, &version, &type), ERR_OK);
	assert_int_equal(version, WIRE_VERSION);
	assert_int_equal(type, want);
}

static void request_survives_the_trip(void **state)
{
	struct wire_request in = { .op = WIRE_AUTH, .flags = 0x8001, .service = "login", .user = "taro", .tty = "/dev/tty1" }, out;
	WIRE_BUF(b);

	(void)state;
	wire_put_request(&b, &in);
	assert_int_equal(wire_send(pair[0], &b, -1, deadline_in(1000)), ERR_OK);
	assert_int_equal(wire_recv_type(pair[1], &b, WIRE_REQUEST, NULL, deadline_in(1000)), ERR_OK);
	assert_int_equal(wire_get_request(&b, WIRE_VERSION, &out), ERR_OK);
	assert_int_equal(out.op, WIRE_AUTH);
	assert_int_equal(out.flags, 0x8001);
	assert_string_equal(out.service, "login");
	assert_string_equal(out.user, "taro");
	assert_string_equal(out.rhost, "");
	assert_string_equal(out.tty, "/dev/tty1");
}

/* Every shorter and every longer form of every message is refused: no length is taken on trust. */
static void cut_and_padded_messages_are_refused(void **state)
{
	struct wire_request rq = { .op = WIRE_CLOSE, .service = "s", .user = "u" }, rq_out;
	struct wire_peer peer = { .root_socket = true, .pid = 7, .cgroup = "/x" }, peer_out;
	struct wire_buf whole;

	(void)state;
	wire_put_request(&whole, &rq);
	for (size_t n = 8; n <= whole.len + 1; n++) {
		struct wire_buf b = whole;

		b.len = n;
		reopen(&b, WIRE_REQUEST);
		assert_int_equal(wire_get_request(&b, WIRE_VERSION, &rq_out), n == whole.len ? ERR_OK : ERR_PROTOCOL);
	}
	wire_put_peer(&whole, &peer);
	for (size_t n = 8; n <= whole.len + 1; n++) {
		struct wire_buf b = whole;

		b.len = n;
		reopen(&b, WIRE_PEER);
		assert_int_equal(wire_get_peer(&b, &peer_out), n == whole.len ? ERR_OK : ERR_PROTOCOL);
	}
}

static void headers_of_others_are_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
	} rows[] = { { 0, 'X' }, { 3, 0 }, { 4, 0xFF }, { 5, 0 }, { 5, WIRE_VERSION + 1 } };
	enum wire_type type;
	unsigned version;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_buf b;

		wire_put_ready(&b, 1);
		b.bytes[rows[i].at] = rows[i].value;
		assert_int_equal(wire_open(&b, &version, &type), ERR_PROTOCOL);
	}
}

static void strings_with_nul_or_too_long_are_refused(void **state)
{
	struct wire_message m;
	char text[WIRE_TEXT_MAX + 8];
	WIRE_BUF(b);

	(void)state;
	wire_start(&b, WIRE_MESSAGE);
	wire_put_u8(&b, WIRE_INFO);
	wire_put_u32(&b, 0);
	wire_put_bytes(&b, "a\0b", 3);
	reopen(&b, WIRE_MESSAGE);
	assert_int_equal(wire_get_message(&b, &m), ERR_PROTOCOL);

	memset(text, 'x', sizeof(text));
	wire_start(&b, WIRE_MESSAGE);
	wire_put_u8(&b, WIRE_INFO);
	wire_put_u32(&b, 0);
	wire_put_bytes(&b, text, WIRE_TEXT_MAX);
	reopen(&b, WIRE_MESSAGE);
	assert_int_equal(wire_get_message(&b, &m), ERR_PROTOCOL);
}

static void malformed_messages_leave_the_result_alone(void **state)
{
	struct wire_request request;
	struct wire_message message = { .style = WIRE_ERROR, .number = 7, .text = "before" };
	struct wire_answer answer = { .number = 7, .given = true };
	struct wire_peer peer;
	WIRE_BUF(b);

	(void)state;
	memset(&request, 0x5A, sizeof(request));
	memset(&peer, 0x5A, sizeof(peer));
	wire_put_request(&b, &(const struct wire_request){ .op = WIRE_AUTH, .flags = 1, .user = "taro" });
	b.len--;
	reopen(&b, WIRE_REQUEST);
	assert_int_equal(wire_get_request(&b, WIRE_VERSION, &request), ERR_PROTOCOL);
	assert_int_equal(request.flags, 0x5A5A5A5A);
	assert_int_equal(request.user[0], 0x5A);
	wire_put_message(&b, &(const struct wire_message){ .style = 9, .number = 1, .text = "after" });
	reopen(&b, WIRE_MESSAGE);
	assert_int_equal(wire_get_message(&b, &message), ERR_PROTOCOL);
	assert_int_equal(message.number, 7);
	assert_string_equal(message.text, "before");
	wire_put_answer(&b, &(const struct wire_answer){ .number = 1 });
	b.bytes[b.len++] = 0;
	reopen(&b, WIRE_ANSWER);
	assert_int_equal(wire_get_answer(&b, &answer), ERR_PROTOCOL);
	assert_true(answer.number == 7 && answer.given);
	wire_put_peer(&b, &(const struct wire_peer){ .pid = 1, .exe = "/usr/bin/login" });
	b.len--;
	reopen(&b, WIRE_PEER);
	assert_int_equal(wire_get_peer(&b, &peer), ERR_PROTOCOL);
	assert_int_equal(peer.exe[0], 0x5A);
}

static void an_answer_not_given_has_no_text(void **state)
{
	struct wire_answer a = { .given = true };
	WIRE_BUF(b);

	(void)state;
	wire_start(&b, WIRE_ANSWER);
	wire_put_u32(&b, 1);
	wire_put_u8(&b, 0);
	wire_put_bytes(&b, "123456", 6);
	reopen(&b, WIRE_ANSWER);
	assert_int_equal(wire_get_answer(&b, &a), ERR_PROTOCOL);
	assert_int_equal(a.text.len, 0);
}

static void only_known_results_are_given(void **state)
{
	enum err e = ERR_CANCELLED;
	WIRE_BUF(b);

	(void)state;
	wire_put_given(&b, ERR_BUSY);
	reopen(&b, WIRE_GIVEN);
	assert_int_equal(wire_get_given(&b, &e), ERR_OK);
	assert_int_equal(e, ERR_BUSY);
	for (unsigned i = 1; i < 10; i++) {
		wire_put_given(&b, (enum err)i);
		reopen(&b, WIRE_GIVEN);
		assert_int_equal(wire_get_given(&b, &e), ERR_PROTOCOL);
		assert_int_equal(e, ERR_BUSY);
	}
}

/* A yes is one exact pattern together with success: no single, double or triple bit flip makes one out of a no. */
static void only_the_exact_verdict_allows(void **state)
{
	struct wire_result out;
	WIRE_BUF(b);

	(void)state;
	assert_true(__builtin_popcount(VERDICT_ALLOW ^ VERDICT_DENY) > 3);
	assert_true(__builtin_popcount(VERDICT_ALLOW) > 3);
	for (int i = 0; i < 32; i++)
		for (int j = i; j < 32; j++)
			for (int k = j; k < 32; k++) {
				const struct wire_result r = { .verdict = VERDICT_DENY ^ (1u << i | 1u << j | 1u << k), .result = ERR_OK };

				wire_put_result(&b, &r);
				reopen(&b, WIRE_RESULT);
				assert_int_equal(wire_get_result(&b, &out), ERR_PROTOCOL);
			}
	const struct wire_result mixed[] = {
		{ .verdict = VERDICT_ALLOW, .result = ERR_DENIED }, { .verdict = VERDICT_DENY, .result = ERR_OK },
		{ .verdict = 0, .result = ERR_OK }, { .verdict = 1, .result = ERR_DENIED },
	};
	for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
		wire_put_result(&b, &mixed[i]);
		reopen(&b, WIRE_RESULT);
		assert_int_equal(wire_get_result(&b, &out), ERR_PROTOCOL);
	}
	const struct wire_result yes = { .verdict = VERDICT_ALLOW, .result = ERR_OK };

	wire_put_result(&b, &yes);
	reopen(&b, WIRE_RESULT);
	assert_int_equal(wire_get_result(&b, &out), ERR_OK);
}

static void silence_ends_at_the_deadline(void **state)
{
	WIRE_BUF(b);
	int64_t begun = clock_boot_ms();

	(void)state;
	assert_int_equal(wire_recv(pair[0], &b, NULL, deadline_in(50)), ERR_TIMEOUT);
	assert_true(clock_boot_ms() - begun < 2000);
	wire_put_ready(&b, 1);
	for (int i = 0; i < 100000; i++)        /* nobody reads: the buffer fills */
		if (wire_send(pair[0], &b, -1, deadline_in(10)) == ERR_TIMEOUT)
			return;
	assert_true(false);
}

static void a_closed_end_is_no_message(void **state)
{
	WIRE_BUF(b);
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	close(ends[1]);
	assert_int_equal(wire_recv(ends[0], &b, NULL, deadline_in(1000)), ERR_UNAVAILABLE);
	wire_put_ready(&b, 1);
	assert_int_equal(wire_send(ends[0], &b, -1, deadline_in(1000)), ERR_UNAVAILABLE);
	close(ends[0]);
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void descriptors_come_only_where_they_belong(void **state)
{
	int before = count_fds(), fd = -1;
	WIRE_BUF(b);

	(void)state;
	wire_put_given(&b, ERR_OK);
	assert_int_equal(wire_send(pair[0], &b, STDERR_FILENO, deadline_in(1000)), ERR_OK);
	assert_int_equal(wire_recv(pair[1], &b, NULL, deadline_in(1000)), ERR_PROTOCOL);
	assert_int_equal(count_fds(), before);

	wire_put_given(&b, ERR_OK);
	assert_int_equal(wire_send(pair[0], &b, STDERR_FILENO, deadline_in(1000)), ERR_OK);
	assert_int_equal(wire_recv(pair[1], &b, &fd, deadline_in(1000)), ERR_OK);
	assert_true(fd >= 3);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

/* A packet that is larger than any message of ours is no message, cut or not. */
static void oversized_packets_are_refused(void **state)
{
	static char big[WIRE_MAX + 1];
	WIRE_BUF(b);

	(void)state;
	assert_int_equal(send(pair[0], big, sizeof(big), 0), sizeof(big));
	assert_int_equal(wire_recv(pair[1], &b, NULL, deadline_in(1000)), ERR_PROTOCOL);
}

/* One of each kind, every field filled. */
static const struct wire_record records[] = {
	{ .kind = WIRE_RECORD_PERSON, .person = { "taro", "active", 1, 2, 3, 4, 5, "tty1", "192.0.2.1" } },
	{ .kind = WIRE_RECORD_CARD, .card = { "7K2M-9QXD", "\xE9\x9D\x92", "revoked", -1, 9, "REVOKED", 16, { 1 } } },
	{ .kind = WIRE_RECORD_CARD, .card = { .id = "7K2M-9QXD", .state = "active", .usable = "OK" } },
	{ .kind = WIRE_RECORD_COUNT, .count = { "uid:1000", 3, 4, -1 } },
	{ .kind = WIRE_RECORD_PLACE, .place = { true, false, true, "remote", "2001:db8::1" } },
	{ .kind = WIRE_RECORD_CLASS, .class_of = { "admin", 12, 5, 900, 31, 4, false } },
	{ .kind = WIRE_RECORD_CLASS, .class_of = { "default", 40, 5, 900, 0, 0, true } },
	{ .kind = WIRE_RECORD_WAY, .way = { "card,totp", WIRE_WAY_NO_APP } },
	{ .kind = WIRE_RECORD_EVENT, .event = { 7, 8, "card-revoke", "OK", "7K2M-9QXD", "login", "{\"class\":\"default\"}" } },
};
#define N_RECORDS (sizeof(records) / sizeof(records[0]))

static void records_survive_the_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_RECORDS; i++) {
		struct wire_record out;
		WIRE_BUF(b);
		WIRE_BUF(again);

		wire_put_record(&b, &records[i]);
		reopen(&b, WIRE_RECORD);
		assert_int_equal(wire_get_record(&b, &out), ERR_OK);
		wire_put_record(&again, &out);
		assert_int_equal(again.len, b.len);
		assert_memory_equal(again.bytes, b.bytes, b.len);
	}
}

static void cut_and_padded_records_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_RECORDS; i++) {
		struct wire_record out;
		struct wire_buf whole;

		wire_put_record(&whole, &records[i]);
		for (size_t n = 8; n <= whole.len + 1; n++) {
			struct wire_buf b = whole;

			b.len = n;
			reopen(&b, WIRE_RECORD);
			assert_int_equal(wire_get_record(&b, &out), n == whole.len ? ERR_OK : ERR_PROTOCOL);
		}
	}
}

static void assert_no_record(const struct wire_record *r)
{
	struct wire_record out;
	WIRE_BUF(b);

	wire_put_record(&b, r);
	reopen(&b, WIRE_RECORD);
	assert_int_equal(wire_get_record(&b, &out), ERR_PROTOCOL);
}

static void values_out_of_range_are_no_record(void **state)
{
	static const struct wire_record bad[] = {
		{ .kind = WIRE_RECORD_PERSON, .person = { "", "active", 1, 2, 3, 4, 5, "", "" } },
		{ .kind = WIRE_RECORD_PERSON, .person = { "taro", "", 1, 2, 3, 4, 5, "", "" } },
		{ .kind = WIRE_RECORD_PERSON, .person = { "taro", "a b", 1, 2, 3, 4, 5, "", "" } },
		{ .kind = WIRE_RECORD_PERSON, .person = { "taro", "active", -2, 2, 3, 4, 5, "", "" } },
		{ .kind = WIRE_RECORD_PERSON, .person = { "taro", "active", 1, 2, 3, -1, 5, "", "" } },
		{ .kind = WIRE_RECORD_CARD, .card = { "7K2M\n", "", "active", -1, -1, "OK", 0, { 0 } } },
		{ .kind = WIRE_RECORD_CARD, .card = { "7K2M-9QXD", "", "active", -1, -1, "", 0, { 0 } } },
		{ .kind = WIRE_RECORD_CARD, .card = { "7K2M-9QXD", "", "active", -1, -1, "OK", 15, { 0 } } },
		{ .kind = WIRE_RECORD_COUNT, .count = { "", 3, 4, 5 } },
		{ .kind = WIRE_RECORD_COUNT, .count = { "local", -1, 4, 5 } },
		{ .kind = WIRE_RECORD_CLASS, .class_of = { "admin", 1, 5, 900, 32, 0, true } },
		{ .kind = WIRE_RECORD_CLASS, .class_of = { "admin", 1, 5, 900, 1, 2, false } },
		{ .kind = WIRE_RECORD_CLASS, .class_of = { "admin", 1, 5, 900, 1, 1, true } },
		{ .kind = WIRE_RECORD_CLASS, .class_of = { "admin", 1, 5, 900, 1, 0, false } },
		{ .kind = WIRE_RECORD_WAY, .way = { "", WIRE_WAY_OPEN } },
		{ .kind = WIRE_RECORD_WAY, .way = { "card,totp", (enum wire_obstacle)6 } },
		{ .kind = WIRE_RECORD_EVENT, .event = { -1, 8, "login", "OK", "", "", "" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_no_record(&bad[i]);
	for (int kind = 0; kind < 256; kind++) {
		struct wire_record out;
		WIRE_BUF(b);

		wire_start(&b, WIRE_RECORD);
		wire_put_u8(&b, (uint8_t)kind);
		reopen(&b, WIRE_RECORD);
		assert_int_equal(wire_get_record(&b, &out), ERR_PROTOCOL);
	}
	/* What is no kind can't be sent. */
	WIRE_BUF(b);

	wire_put_record(&b, &(struct wire_record){ .kind = (enum wire_record_kind)8 });
	assert_true(b.bad);
}

/* A85 in small: random bytes and random changes of true messages are refused or understood, never more. */
static void noise_is_refused(void **state)
{
	const long rounds = getenv("CARDMFA_LONG") && getenv("CARDMFA_LONG")[0] == '1' ? 2000000 : 20000;
	struct wire_request rq = { .op = WIRE_AUTH, .service = "login", .user = "taro" };
	struct wire_buf whole, b;
	unsigned seed = 1;

	(void)state;
	for (long i = 0; i < rounds; i++) {
		if (i % 2)
			wire_put_record(&whole, &records[(size_t)i / 2 % N_RECORDS]);
		else
			wire_put_request(&whole, &rq);
		union {
			struct wire_request request;
			struct wire_message message;
			struct wire_answer answer;
			struct wire_result result;
			struct wire_peer peer;
			struct wire_record record;
		} out;
		enum wire_type type;
		enum wire_ask what;
		int64_t group;
		unsigned version;

		b = whole;
		for (int k = rand_r(&seed) % 4; k >= 0; k--)
			b.bytes[(size_t)rand_r(&seed) % whole.len] = (unsigned char)rand_r(&seed);
		if (rand_r(&seed) % 2)
			b.len = (size_t)rand_r(&seed) % whole.len;
		if (wire_open(&b, &version, &type) != ERR_OK)
			continue;
		switch (rand_r(&seed) % 8) {
		case 0:
			if (wire_get_request(&b, version, &out.request) == ERR_OK)
				assert_true(strlen(out.request.user) < sizeof(out.request.user));
			break;
		case 1:
			if (wire_get_message(&b, &out.message) == ERR_OK)
				assert_true(strlen(out.message.text) < sizeof(out.message.text));
			break;
		case 2:
			if (wire_get_answer(&b, &out.answer) == ERR_OK)
				assert_true(out.answer.text.len <= SECRET_MAX);
			break;
		case 3:
			assert_int_equal(wire_get_result(&b, &out.result), ERR_PROTOCOL);
			break;
		case 4:
			if (wire_get_peer(&b, &out.peer) == ERR_OK)
				assert_true(strlen(out.peer.exe) < sizeof(out.peer.exe));
			break;
		case 5:
		case 6:
			if (wire_get_record(&b, &out.record) == ERR_OK)
				assert_in_range(out.record.kind, WIRE_RECORD_PERSON, WIRE_RECORD_EVENT);
			break;
		default:
			if (wire_get_ask(&b, &what, &group) == ERR_OK)
				assert_in_range(what, WIRE_ASK_CARD, WIRE_ASK_HASH_DONE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_survives_the_trip),
		cmocka_unit_test(cut_and_padded_messages_are_refused),
		cmocka_unit_test(headers_of_others_are_refused),
		cmocka_unit_test(strings_with_nul_or_too_long_are_refused),
		cmocka_unit_test(malformed_messages_leave_the_result_alone),
		cmocka_unit_test(an_answer_not_given_has_no_text),
		cmocka_unit_test(only_known_results_are_given),
		cmocka_unit_test(only_the_exact_verdict_allows),
		cmocka_unit_test(descriptors_come_only_where_they_belong),
		cmocka_unit_test(oversized_packets_are_refused),
		cmocka_unit_test(records_survive_the_trip),
		cmocka_unit_test(cut_and_padded_records_are_refused),
		cmocka_unit_test(values_out_of_range_are_no_record),
		cmocka_unit_test(noise_is_refused),
		cmocka_unit_test(a_closed_end_is_no_message),
		cmocka_unit_test(silence_ends_at_the_deadline),
	};

	return cmocka_run_group_tests(tests, open_pair, close_pair);
}
