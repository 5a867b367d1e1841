/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "unit.h"

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

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

static void peer_survives_the_trip(void **state)
{
	const struct wire_peer in = {
		.root_socket = true, .pid = 1, .start = INT64_MAX, .parent = 3, .parent_start = 4, .ruid = 5, .euid = 6,
		.loginuid = 4294967295LL, .audit_session = -8, .exe = "/usr/bin/login", .cgroup = "/user.slice",
		.config_fallback = true,
	};
	struct wire_peer out;
	WIRE_BUF(b);

	(void)state;
	wire_put_peer(&b, &in);
	reopen(&b, WIRE_PEER);
	assert_int_equal(wire_get_peer(&b, &out), ERR_OK);
	assert_true(out.root_socket && out.config_fallback);
	assert_int_equal(out.pid, 1);
	assert_int_equal(out.start, INT64_MAX);
	assert_int_equal(out.parent, 3);
	assert_int_equal(out.parent_start, 4);
	assert_int_equal(out.ruid, 5);
	assert_int_equal(out.euid, 6);
	assert_int_equal(out.loginuid, 4294967295LL);
	assert_int_equal(out.audit_session, -8);
	assert_string_equal(out.exe, "/usr/bin/login");
	assert_string_equal(out.cgroup, "/user.slice");
	wire_put_peer(&b, &(const struct wire_peer){ .pid = 2 });
	reopen(&b, WIRE_PEER);
	assert_int_equal(wire_get_peer(&b, &out), ERR_OK);
	assert_false(out.root_socket || out.config_fallback);
}

static void message_survives_the_trip(void **state)
{
	struct wire_message out;
	WIRE_BUF(b);

	(void)state;
	wire_put_message(&b, &(const struct wire_message){ WIRE_PROMPT_SHOWN, 0x01020304, "Password: " });
	reopen(&b, WIRE_MESSAGE);
	assert_int_equal(wire_get_message(&b, &out), ERR_OK);
	assert_int_equal(out.style, WIRE_PROMPT_SHOWN);
	assert_int_equal(out.number, 0x01020304);
	assert_string_equal(out.text, "Password: ");
}

static void an_answer_arrives_as_it_was_given(void **state)
{
	static const char *const texts[] = { "123456", "", "a" };
	struct wire_answer out;
	WIRE_BUF(b);

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct wire_answer in = { .number = 7 + i, .given = true };

		assert_int_equal(secret_set(&in.text, texts[i], strlen(texts[i])), ERR_OK);
		wire_put_answer(&b, &in);
		reopen(&b, WIRE_ANSWER);
		assert_int_equal(wire_get_answer(&b, &out), ERR_OK);
		assert_int_equal(out.number, 7 + i);
		assert_true(out.given && secret_equal(&in.text, &out.text));
	}
	/* What was typed before it was cancelled is not sent. */
	wire_put_answer(&b, &(const struct wire_answer){ .number = 9, .text = { 3, "123" } });
	reopen(&b, WIRE_ANSWER);
	assert_int_equal(wire_get_answer(&b, &out), ERR_OK);
	assert_int_equal(out.number, 9);
	assert_false(out.given);
	assert_int_equal(out.text.len, 0);
}

/* What can be no uid is nobody's. */
static void the_judged_uid_is_one(void **state)
{
	static const struct {
		int64_t uid;
		bool taken;
	} rows[] = {
		{ -1, true }, { 0, true }, { 996, true }, { 4294967294, true }, { -2, false }, { 4294967295, false }, { INT64_MIN, false },
		{ INT64_MAX, false },
	};
	WIRE_BUF(b);

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		int64_t uid = 7;

		wire_put_judged(&b, rows[i].uid);
		reopen(&b, WIRE_JUDGED);
		assert_int_equal(wire_get_judged(&b, &uid), rows[i].taken ? ERR_OK : ERR_PROTOCOL);
		assert_int_equal(uid, rows[i].taken ? rows[i].uid : 7);
	}
}

/* However long a worker asks for. */
static void silence_has_a_limit(void **state)
{
	static const struct {
		uint32_t sent, taken;
	} rows[] = {
		{ 0, 0 }, { 5000, 5000 }, { 179999, 179999 }, { 180000, 180000 }, { 180001, 180000 },
		{ 180002, 180000 }, { UINT32_MAX, 180000 },
	};
	WIRE_BUF(b);

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		uint32_t ms = 1;

		wire_put_ready(&b, rows[i].sent);
		reopen(&b, WIRE_READY);
		assert_int_equal(wire_get_ready(&b, &ms), ERR_OK);
		assert_int_equal(ms, rows[i].taken);
	}
}

static void asks_survive_the_trip(void **state)
{
	static const int64_t groups[] = { 1, INT64_MIN, 0x0102030405060708 };
	WIRE_BUF(b);

	(void)state;
	for (size_t i = 0; i < N_OF(groups); i++) {
		enum wire_ask what = WIRE_ASK_CARD;
		int64_t group = 0;

		wire_put_ask(&b, WIRE_ASK_HASH, groups[i]);
		reopen(&b, WIRE_ASK);
		assert_int_equal(wire_get_ask(&b, &what, &group), ERR_OK);
		assert_int_equal(what, WIRE_ASK_HASH);
		assert_true(group == groups[i]);
	}
}

/* -- one of each message, to be changed -- */

static void put_request(struct wire_buf *b)
{
	wire_put_request(b, &(const struct wire_request){ .op = WIRE_CLOSE, .service = "s", .user = "u" });
}

static enum err get_request(struct wire_buf *b)
{
	return wire_get_request(b, WIRE_VERSION, &(struct wire_request){ 0 });
}

static void put_ready(struct wire_buf *b)
{
	wire_put_ready(b, 1000);
}

static enum err get_ready(struct wire_buf *b)
{
	return wire_get_ready(b, &(uint32_t){ 0 });
}

static void put_message(struct wire_buf *b)
{
	wire_put_message(b, &(const struct wire_message){ WIRE_INFO, 1, "text" });
}

static enum err get_message(struct wire_buf *b)
{
	return wire_get_message(b, &(struct wire_message){ 0 });
}

static void put_answer(struct wire_buf *b)
{
	wire_put_answer(b, &(const struct wire_answer){ 1, true, { 6, "123456" } });
}

static enum err get_answer(struct wire_buf *b)
{
	return wire_get_answer(b, &(struct wire_answer){ 0 });
}

static void put_yes(struct wire_buf *b)
{
	wire_put_result(b, &(const struct wire_result){ VERDICT_ALLOW, ERR_OK, 3600 });
}

static enum err get_result(struct wire_buf *b)
{
	return wire_get_result(b, &(struct wire_result){ 0 });
}

static void put_peer(struct wire_buf *b)
{
	wire_put_peer(b, &(const struct wire_peer){ .root_socket = true, .pid = 7, .cgroup = "/x" });
}

static enum err get_peer(struct wire_buf *b)
{
	return wire_get_peer(b, &(struct wire_peer){ 0 });
}

static void put_ask(struct wire_buf *b)
{
	wire_put_ask(b, WIRE_ASK_CARD, 7);
}

static enum err get_ask(struct wire_buf *b)
{
	return wire_get_ask(b, &(enum wire_ask){ 0 }, &(int64_t){ 0 });
}

/* Cut, it would begin with the number of a success. */
static void put_given(struct wire_buf *b)
{
	wire_put_given(b, ERR_OK);
}

static enum err get_given(struct wire_buf *b)
{
	return wire_get_given(b, &(enum err){ 0 });
}

static void put_judged(struct wire_buf *b)
{
	wire_put_judged(b, 996);
}

static enum err get_judged(struct wire_buf *b)
{
	return wire_get_judged(b, &(int64_t){ 0 });
}

static const struct {
	enum wire_type type;
	void (*put)(struct wire_buf *b);
	enum err (*get)(struct wire_buf *b);
	uint8_t first, last;    /* what its first byte may be; 0: it means nothing by itself */
} messages[] = {
	{ WIRE_REQUEST, put_request, get_request, 1, 9 },
	{ WIRE_READY, put_ready, get_ready, 0, 0 },
	{ WIRE_MESSAGE, put_message, get_message, 1, 4 },
	{ WIRE_ANSWER, put_answer, get_answer, 0, 0 },
	{ WIRE_RESULT, put_yes, get_result, 0, 0 },
	{ WIRE_PEER, put_peer, get_peer, 0, 0 },
	{ WIRE_ASK, put_ask, get_ask, 1, 3 },
	{ WIRE_GIVEN, put_given, get_given, 0, 0 },
	{ WIRE_JUDGED, put_judged, get_judged, 0, 0 },
};

/* Every shorter and every longer form of every message is refused: no length is taken on trust. */
static void cut_and_padded_messages_are_refused(void **state)
{
	struct wire_buf whole;

	(void)state;
	for (size_t i = 0; i < N_OF(messages); i++) {
		messages[i].put(&whole);
		whole.bytes[whole.len] = 0;
		for (size_t n = 8; n <= whole.len + 1; n++) {
			struct wire_buf b = whole;

			b.len = n;
			reopen(&b, messages[i].type);
			assert_int_equal(messages[i].get(&b), n == whole.len ? ERR_OK : ERR_PROTOCOL);
		}
	}
}

static void only_known_entries_styles_and_asks_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_OF(messages); i++)
		for (unsigned value = 0; messages[i].first && value < 256; value++) {
			bool known = value >= messages[i].first && value <= messages[i].last;
			struct wire_buf b;

			messages[i].put(&b);
			b.bytes[8] = (unsigned char)value;
			reopen(&b, messages[i].type);
			assert_int_equal(messages[i].get(&b), known ? ERR_OK : ERR_PROTOCOL);
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
	for (size_t i = 0; i < N_OF(rows); i++) {
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
	for (size_t i = 0; i < N_OF(mixed); i++) {
		wire_put_result(&b, &mixed[i]);
		reopen(&b, WIRE_RESULT);
		assert_int_equal(wire_get_result(&b, &out), ERR_PROTOCOL);
	}
	const struct wire_result yes = { .verdict = VERDICT_ALLOW, .result = ERR_OK };

	wire_put_result(&b, &yes);
	reopen(&b, WIRE_RESULT);
	assert_int_equal(wire_get_result(&b, &out), ERR_OK);
}

static void a_result_arrives_whole(void **state)
{
	static const struct wire_result results[] = {
		{ VERDICT_ALLOW, ERR_OK, 3600 },
		{ VERDICT_DENY, ERR_LOCKED, 0 },
		{ VERDICT_DENY, (enum err)999, UINT32_MAX },      /* of a later daemon */
	};
	WIRE_BUF(b);

	(void)state;
	for (size_t i = 0; i < N_OF(results); i++) {
		struct wire_result out = { .verdict = 1, .result = ERR_DENIED, .runtime_max_s = 1 };

		wire_put_result(&b, &results[i]);
		reopen(&b, WIRE_RESULT);
		assert_int_equal(wire_get_result(&b, &out), ERR_OK);
		assert_int_equal(out.verdict, results[i].verdict);
		assert_int_equal(out.result, results[i].result);
		assert_int_equal(out.runtime_max_s, results[i].runtime_max_s);
	}
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
	{ .kind = WIRE_RECORD_KEY, .key = { "7K2M-9QXD", "restrict,from=\"192.0.2.0/24\"", "ecdsa-sha2-nistp256 AAAAE2Vj+/Yz=" } },
	{ .kind = WIRE_RECORD_KEY, .key = { "7K2M-9QXD", "", "ssh-rsa AAAA" } },
};
#define N_RECORDS N_OF(records)

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
		{ .kind = WIRE_RECORD_KEY, .key = { "", "", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M 9QXD", "", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M\n", "", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "restrict ", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "restrict\nssh-rsa", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "\x7F", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "\xE9\x9D\x92", "ssh-rsa AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "ssh-rsa" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "ssh-rsa " } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", " AAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "ssh-rsa AAAA x" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "ssh-rsa AAAA\n" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "ssh-rsa\tAAAA" } },
		{ .kind = WIRE_RECORD_KEY, .key = { "7K2M", "", "x,ssh-rsa AAAA" } },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(bad); i++)
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

	wire_put_record(&b, &(struct wire_record){ .kind = (enum wire_record_kind)9 });
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
				assert_in_range(out.record.kind, WIRE_RECORD_PERSON, WIRE_RECORD_KEY);
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
		cmocka_unit_test(peer_survives_the_trip),
		cmocka_unit_test(message_survives_the_trip),
		cmocka_unit_test(an_answer_arrives_as_it_was_given),
		cmocka_unit_test(silence_has_a_limit),
		cmocka_unit_test(the_judged_uid_is_one),
		cmocka_unit_test(asks_survive_the_trip),
		cmocka_unit_test(cut_and_padded_messages_are_refused),
		cmocka_unit_test(only_known_entries_styles_and_asks_are_taken),
		cmocka_unit_test(headers_of_others_are_refused),
		cmocka_unit_test(strings_with_nul_or_too_long_are_refused),
		cmocka_unit_test(malformed_messages_leave_the_result_alone),
		cmocka_unit_test(an_answer_not_given_has_no_text),
		cmocka_unit_test(only_known_results_are_given),
		cmocka_unit_test(only_the_exact_verdict_allows),
		cmocka_unit_test(a_result_arrives_whole),
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
