/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's ends: what hosts, the listener and the card process may answer, or not. The other ends are the test's. */
#include "worker_io.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "card_link.h"
#include "clock.h"
#include "log.h"
#include "unit.h"

#define PAM_SILENT 0x8000u

static int host_end, listener_end, card_end, cards_socket;
static unsigned complaints;
static struct worker_io io;
static struct auth_io calls;

/* A pair whose one end is the worker's at `fd`; the other one is returned. */
static int pair_at(int fd)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(dup2(ends[0], fd), fd);
	close(ends[0]);
	return ends[1];
}

static int setup(void **state)
{
	int ends[2];

	(void)state;
	host_end = pair_at(WIRE_FD_HOST);
	listener_end = pair_at(WIRE_FD_CONTROL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	card_end = ends[1];
	cards_socket = ends[0];
	memset(&io, 0, sizeof(io));
	io.card = -1;
	complaints = 0;
	calls = worker_io_calls(&io);
	return 0;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int teardown(void **state)
{
	(void)state;
	worker_io_end(&io);
	close_end(&host_end);
	close_end(&listener_end);
	close_end(&card_end);
	close_end(&cards_socket);
	close(WIRE_FD_HOST);
	close(WIRE_FD_CONTROL);
	/* The places stay taken: nothing else is opened there. */
	assert_int_equal(dup2(0, WIRE_FD_HOST), WIRE_FD_HOST);
	assert_int_equal(dup2(0, WIRE_FD_CONTROL), WIRE_FD_CONTROL);
	return 0;
}

#define IO_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static int64_t soon(void)
{
	return deadline_in(60);
}

static int64_t later(void)
{
	return deadline_in(20000);
}

/* -- greeting -- */

static void send_peer(int64_t pid)
{
	struct wire_peer p = { .root_socket = true, .pid = pid, .start = 7, .audit_session = 4294967295LL, .loginuid = 4294967295LL };
	WIRE_BUF(b);

	wire_put_peer(&b, &p);
	assert_int_equal(wire_send(listener_end, &b, -1, later()), ERR_OK);
}

/* The fields of a request, whatever type the packet says it has. */
static void send_request_as(enum wire_type type)
{
	struct wire_request r = { .op = WIRE_AUTH, .service = "login", .user = "taro" };
	WIRE_BUF(b);

	wire_put_request(&b, &r);
	b.bytes[7] = (unsigned char)type;
	assert_int_equal(wire_send(host_end, &b, -1, later()), ERR_OK);
}

static void send_request(void)
{
	send_request_as(WIRE_REQUEST);
}

static void the_host_is_greeted(void **state)
{
	uint32_t silence = 0;
	WIRE_BUF(b);

	(void)state;
	send_peer(42);
	send_request();
	io.card = 99;
	assert_int_equal(worker_io_greet(&io, later(), 180000), ERR_OK);
	assert_int_equal(io.card, -1);
	assert_int_equal(io.peer.pid, 42);
	assert_string_equal(io.request.user, "taro");
	assert_int_equal(wire_recv_type(host_end, &b, WIRE_READY, NULL, later()), ERR_OK);
	assert_int_equal(wire_get_ready(&b, &silence), ERR_OK);
	assert_int_equal(silence, 180000);
}

static void without_a_request_there_is_no_greeting(void **state)
{
	WIRE_BUF(b);

	(void)state;
	assert_int_equal(worker_io_greet(&io, soon(), 1), ERR_TIMEOUT);
	send_peer(42);
	assert_int_equal(worker_io_greet(&io, soon(), 1), ERR_TIMEOUT);
	/* Something else, though well-formed. */
	send_peer(42);
	wire_put_ready(&b, 5);
	assert_int_equal(wire_send(host_end, &b, -1, later()), ERR_OK);
	assert_int_equal(worker_io_greet(&io, later(), 1), ERR_PROTOCOL);
	send_peer(42);
	send_request_as(WIRE_ANSWER);
	assert_int_equal(worker_io_greet(&io, later(), 1), ERR_PROTOCOL);
	send_peer(42);
	assert_int_equal(send(host_end, "CMFA\0\x01\0\x01", 8, 0), 8);
	assert_int_equal(worker_io_greet(&io, later(), 1), ERR_PROTOCOL);
	send_peer(42);
	assert_int_equal(send(host_end, "x", 1, 0), 1);
	assert_int_equal(worker_io_greet(&io, later(), 1), ERR_PROTOCOL);
	/* A peer that is none. */
	assert_int_equal(send(listener_end, "CMFA\0\x01\0\x20", 8, 0), 8);
	send_request();
	assert_int_equal(worker_io_greet(&io, later(), 1), ERR_PROTOCOL);
	close_end(&listener_end);
	assert_int_equal(worker_io_greet(&io, later(), 1), ERR_UNAVAILABLE);
	/* Nothing was said to the host. */
	assert_int_equal(wire_recv(host_end, &b, NULL, soon()), ERR_TIMEOUT);
}

/* -- prompts -- */

static void queue_answer(uint32_t number, bool given, const char *text)
{
	struct wire_answer a = { .number = number, .given = given };
	WIRE_BUF(b);

	assert_int_equal(secret_set(&a.text, text, strlen(text)), ERR_OK);
	wire_put_answer(&b, &a);
	assert_int_equal(wire_send(host_end, &b, -1, later()), ERR_OK);
}

static void shown(enum wire_style style, uint32_t number, const char *text)
{
	struct wire_message m;
	WIRE_BUF(b);

	assert_int_equal(wire_recv_type(host_end, &b, WIRE_MESSAGE, NULL, later()), ERR_OK);
	assert_int_equal(wire_get_message(&b, &m), ERR_OK);
	assert_int_equal(m.style, style);
	assert_int_equal(m.number, number);
	assert_string_equal(m.text, text);
}

static enum err ask(const char *text, struct secret *ret)
{
	return calls.ask(calls.arg, true, text, ret, soon());
}

static void answers_belong_to_their_prompt(void **state)
{
	SECRET(s);

	(void)state;
	queue_answer(1, true, "123456");
	assert_int_equal(ask("PIN: ", &s), ERR_OK);
	assert_int_equal(s.len, 6);
	assert_memory_equal(s.bytes, "123456", 6);
	shown(WIRE_PROMPT_HIDDEN, 1, "PIN: ");
	queue_answer(2, true, "");
	assert_int_equal(calls.ask(calls.arg, false, "Name: ", &s, later()), ERR_OK);
	assert_int_equal(s.len, 0);
	shown(WIRE_PROMPT_SHOWN, 2, "Name: ");
	/* One of before, one of later. */
	queue_answer(2, true, "late");
	assert_int_equal(ask("PIN: ", &s), ERR_PROTOCOL);
	queue_answer(5, true, "early");
	assert_int_equal(ask("PIN: ", &s), ERR_PROTOCOL);
	queue_answer(0, true, "none");
	assert_int_equal(ask("PIN: ", &s), ERR_PROTOCOL);
	assert_int_equal(s.len, 0);
	queue_answer(6, false, "not given");
	assert_int_equal(ask("PIN: ", &s), ERR_CONVERSATION);
	assert_int_equal(s.len, 0);
	queue_answer(7, true, "right");
	assert_int_equal(ask("PIN: ", &s), ERR_OK);
	assert_int_equal(s.len, 5);
}

static void a_host_that_does_not_answer(void **state)
{
	WIRE_BUF(b);
	SECRET(s);

	(void)state;
	assert_int_equal(ask("PIN: ", &s), ERR_TIMEOUT);
	wire_put_ready(&b, 5);
	assert_int_equal(wire_send(host_end, &b, -1, later()), ERR_OK);
	assert_int_equal(ask("PIN: ", &s), ERR_PROTOCOL);
	assert_int_equal(send(host_end, "CMFA\0\x01\0\x02", 8, 0), 8);
	assert_int_equal(ask("PIN: ", &s), ERR_PROTOCOL);
	/* What it said before it went answers nothing. */
	queue_answer(4, true, "early");
	close_end(&host_end);
	assert_int_equal(ask("PIN: ", &s), ERR_UNAVAILABLE);
	assert_int_equal(s.len, 0);
}

static void texts_are_shown_escaped(void **state)
{
	char long_text[2000], cut[WIRE_TEXT_MAX];
	WIRE_BUF(b);

	(void)state;
	assert_int_equal(calls.tell(calls.arg, true, "no\x1b[2J"), ERR_OK);
	shown(WIRE_ERROR, 0, "no\\x1B[2J");
	assert_int_equal(calls.tell(calls.arg, false, "yes"), ERR_OK);
	shown(WIRE_INFO, 0, "yes");
	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	memset(cut, 'a', sizeof(cut) - 1);
	strcpy(cut + sizeof(cut) - 4, "...");
	assert_int_equal(calls.tell(calls.arg, false, long_text), ERR_OK);
	shown(WIRE_INFO, 0, cut);
	/* A host that wants silence gets it, prompts apart. */
	io.request.flags = PAM_SILENT;
	assert_int_equal(calls.tell(calls.arg, true, "no"), ERR_OK);
	assert_int_equal(calls.tell(calls.arg, false, "no"), ERR_OK);
	assert_int_equal(wire_recv(host_end, &b, NULL, soon()), ERR_TIMEOUT);
	queue_answer(1, true, "x");
	{
		SECRET(s);

		assert_int_equal(ask("PIN: ", &s), ERR_OK);
	}
	shown(WIRE_PROMPT_HIDDEN, 1, "PIN: ");
	io.request.flags = ~PAM_SILENT;
	assert_int_equal(calls.tell(calls.arg, true, "loud"), ERR_OK);
	shown(WIRE_ERROR, 0, "loud");
	close_end(&host_end);
	assert_int_equal(calls.tell(calls.arg, true, "gone"), ERR_UNAVAILABLE);
	io.request.flags = PAM_SILENT;
	assert_int_equal(calls.tell(calls.arg, true, "gone"), ERR_OK);
}

/* -- what the listener gives -- */

static void queue_given(enum err result, int fd)
{
	WIRE_BUF(b);

	wire_put_given(&b, result);
	assert_int_equal(wire_send(listener_end, &b, fd, later()), ERR_OK);
}

static void asked(enum wire_ask what, int64_t group)
{
	enum wire_ask got;
	int64_t number;
	WIRE_BUF(b);

	assert_int_equal(wire_recv_type(listener_end, &b, WIRE_ASK, NULL, later()), ERR_OK);
	assert_int_equal(wire_get_ask(&b, &got, &number), ERR_OK);
	assert_int_equal(got, what);
	assert_int_equal(number, group);
}

static void nothing_was_asked(void)
{
	WIRE_BUF(b);

	assert_int_equal(wire_recv(listener_end, &b, NULL, soon()), ERR_TIMEOUT);
}

static void a_place_is_asked_for_and_given_back(void **state)
{
	(void)state;
	queue_given(ERR_OK, -1);
	assert_int_equal(calls.hash_begin(calls.arg, 12345, later()), ERR_OK);
	asked(WIRE_ASK_HASH, 12345);
	calls.hash_done(calls.arg);
	asked(WIRE_ASK_HASH_DONE, 0);
	/* Once. */
	calls.hash_done(calls.arg);
	nothing_was_asked();
}

static void a_place_that_is_not_given(void **state)
{
	static const enum err refusals[] = { ERR_BUSY, ERR_DENIED, ERR_UNAVAILABLE, ERR_SYSTEM };
	WIRE_BUF(b);

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		queue_given(refusals[i], -1);
		assert_int_equal(calls.hash_begin(calls.arg, 1, later()), refusals[i]);
		asked(WIRE_ASK_HASH, 1);
		calls.hash_done(calls.arg);
		nothing_was_asked();
	}
	/* No answer in time: too many at once. */
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_BUSY);
	asked(WIRE_ASK_HASH, 1);
	calls.hash_done(calls.arg);
	nothing_was_asked();
	/* Descriptors where none belong, another message, half of one. */
	queue_given(ERR_OK, 0);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_PROTOCOL);
	wire_put_ready(&b, 5);
	assert_int_equal(wire_send(listener_end, &b, -1, later()), ERR_OK);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_PROTOCOL);
	assert_int_equal(send(listener_end, "CMFA\0\x01\0\x22", 8, 0), 8);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_PROTOCOL);
	calls.hash_done(calls.arg);
	/* A listener that gave what nobody had asked for yet, and went. */
	queue_given(ERR_OK, -1);
	close_end(&listener_end);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_UNAVAILABLE);
}

/* The verdict's reason is said behind it. */
static void a_place_given_back_changes_no_reason(void **state)
{
	(void)state;
	queue_given(ERR_OK, -1);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_OK);
	assert_int_equal(fail(ERR_DENIED, "the reason"), ERR_DENIED);
	calls.hash_done(calls.arg);
	assert_string_equal(err_detail(), "the reason");
	/* Unless the machinery has failed. */
	queue_given(ERR_OK, -1);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_OK);
	close_end(&listener_end);
	calls.hash_done(calls.arg);
	assert_string_equal(err_detail(), "the listener is gone");
}

/* -- the card process -- */

static const struct card_request next = { .op = CARD_OP_NEXT };

static void queue_card(enum card_op op, enum err result)
{
	static struct card_answer a;

	a = (struct card_answer){ .op = op, .result = result, .tries = 3, .handle = 4 };
	assert_int_equal(card_link_send_answer(card_end, &a, later()), ERR_OK);
}

static struct card_answer got;

static enum err exchange(int64_t deadline)
{
	memset(&got, 0xA5, sizeof(got));
	return calls.card(calls.arg, &next, &got, deadline);
}

static void one_card_process_serves_a_call(void **state)
{
	struct card_request seen;
	int kept;

	(void)state;
	queue_given(ERR_OK, cards_socket);
	close_end(&cards_socket);
	queue_card(CARD_OP_NEXT, ERR_NO_CARD);
	assert_int_equal(exchange(later()), ERR_OK);
	assert_int_equal(got.result, ERR_NO_CARD);
	assert_int_equal(got.tries, 3);
	assert_int_equal(complaints, 0);
	asked(WIRE_ASK_CARD, 0);
	assert_int_equal(card_link_get_request(card_end, &seen, later()), ERR_OK);
	assert_int_equal(seen.op, CARD_OP_NEXT);
	queue_card(CARD_OP_NEXT, ERR_OK);
	assert_int_equal(exchange(later()), ERR_OK);
	assert_int_equal(got.result, ERR_OK);
	nothing_was_asked();
	/* Its end: the socket is closed, once. */
	kept = io.card;
	assert_true(kept > 4);
	calls.card_done(calls.arg);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	assert_int_equal(io.card, -1);
	calls.card_done(calls.arg);
	/* Another exchange asks anew. */
	queue_given(ERR_BUSY, -1);
	assert_int_equal(exchange(later()), ERR_BUSY);
	asked(WIRE_ASK_CARD, 0);
}

static void a_card_process_that_is_not_given(void **state)
{
	(void)state;
	queue_given(ERR_SYSTEM, -1);
	assert_int_equal(exchange(later()), ERR_SYSTEM);
	queue_given(ERR_OK, -1);
	assert_int_equal(exchange(later()), ERR_PROTOCOL);
	assert_int_equal(exchange(later()), ERR_BUSY);
	assert_int_equal(io.card, -1);
}

static void have_card_process(void)
{
	io.card = dup(cards_socket);
	close_end(&cards_socket);
	assert_true(io.card > 4);
}

static void a_card_process_that_is_silent_or_ends(void **state)
{
	(void)state;
	have_card_process();
	assert_int_equal(exchange(soon()), ERR_PCSC);
	assert_non_null(strstr(err_detail(), "did not answer in time"));
	close_end(&card_end);
	assert_int_equal(exchange(later()), ERR_PCSC);
	assert_non_null(strstr(err_detail(), "the card process ended"));
}

static void a_card_process_that_says_something_else(void **state)
{
	(void)state;
	have_card_process();
	queue_card(CARD_OP_SIGN, ERR_OK);
	assert_int_equal(exchange(later()), ERR_PROTOCOL);
	assert_int_equal(send(card_end, "x", 1, 0), 1);
	assert_int_equal(exchange(later()), ERR_PROTOCOL);
}

/* Whatever is waited for: a host that has gone ends it at once, and it is the host that is named. */
static void a_host_that_goes_ends_every_wait(void **state)
{
	int64_t begun = clock_boot_ms();

	(void)state;
	have_card_process();
	close_end(&host_end);
	assert_int_equal(exchange(later()), ERR_UNAVAILABLE);
	/* Also when an answer is there, or its process has ended. */
	queue_card(CARD_OP_NEXT, ERR_OK);
	assert_int_equal(exchange(later()), ERR_UNAVAILABLE);
	close_end(&card_end);
	assert_int_equal(exchange(later()), ERR_UNAVAILABLE);
	assert_int_equal(calls.hash_begin(calls.arg, 1, later()), ERR_UNAVAILABLE);
	worker_io_end(&io);
	assert_int_equal(exchange(later()), ERR_UNAVAILABLE);
	assert_true(clock_boot_ms() - begun < 5000);
}

/* The same while it is waited for. */
static void a_host_that_goes_meanwhile_ends_every_wait(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	have_card_process();
	for (int n = 0; n < 2; n++) {
		int64_t begun = clock_boot_ms();

		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			usleep(50000);
			_exit(0);
		}
		close_end(&host_end);
		assert_int_equal(n ? exchange(later()) : calls.hash_begin(calls.arg, 1, later()), ERR_UNAVAILABLE);
		assert_true(clock_boot_ms() - begun < 5000);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		close(WIRE_FD_HOST);
		host_end = pair_at(WIRE_FD_HOST);
	}
}

/* A host that only talks is still there. */
static void words_of_the_host_end_no_wait(void **state)
{
	(void)state;
	have_card_process();
	queue_answer(9, true, "unasked");
	queue_card(CARD_OP_NEXT, ERR_OK);
	assert_int_equal(exchange(later()), ERR_OK);
	assert_int_equal(exchange(soon()), ERR_PCSC);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A child that interrupts this process again and again; then the card process answers, if it does. */
static pid_t interrupt(bool answer)
{
	pid_t pid, worker = getpid();

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < 200; i++) {
			kill(worker, SIGUSR1);
			usleep(100);
		}
		if (answer)
			queue_card(CARD_OP_NEXT, ERR_OK);
		_exit(0);
	}
	return pid;
}

/* Its signals interrupt this too. */
static void wait_for_end(pid_t pid)
{
	pid_t ended;

	do
		ended = waitpid(pid, NULL, 0);
	while (ended < 0 && errno == EINTR);
	assert_int_equal(ended, pid);
}

static void signals_end_no_wait(void **state)
{
	const struct sigaction sa = { .sa_handler = on_alarm };
	pid_t pid;

	(void)state;
	have_card_process();
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	pid = interrupt(true);
	assert_int_equal(exchange(later()), ERR_OK);
	wait_for_end(pid);
	/* Nor do they make it longer. */
	pid = interrupt(false);
	assert_int_equal(exchange(soon()), ERR_PCSC);
	wait_for_end(pid);
}

/* poll(2) itself fails where more is watched than may be open. */
static void a_wait_that_is_impossible_ends(void **state)
{
	struct rlimit limit, none;

	(void)state;
	have_card_process();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(exchange(later()), ERR_SYSTEM);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* -- records and the end -- */

static void records_are_sent(void **state)
{
	struct wire_record r = { .kind = WIRE_RECORD_WAY, .way = { .factors = "card,totp", .obstacle = WIRE_WAY_REMOTE } };
	struct wire_record seen;
	WIRE_BUF(b);

	(void)state;
	assert_int_equal(calls.record(calls.arg, &r), ERR_OK);
	assert_int_equal(wire_recv_type(host_end, &b, WIRE_RECORD, NULL, later()), ERR_OK);
	assert_int_equal(wire_get_record(&b, &seen), ERR_OK);
	assert_int_equal(seen.kind, WIRE_RECORD_WAY);
	assert_string_equal(seen.way.factors, "card,totp");
	assert_int_equal(seen.way.obstacle, WIRE_WAY_REMOTE);
	nothing_was_asked();
	close_end(&host_end);
	assert_int_equal(calls.record(calls.arg, &r), ERR_UNAVAILABLE);
}

static void the_result_is_sent(void **state)
{
	const struct wire_result sent = { .verdict = VERDICT_DENY, .result = ERR_LOCKED, .runtime_max_s = 0 };
	struct wire_result r;
	WIRE_BUF(b);

	(void)state;
	assert_int_equal(worker_io_result(&io, &sent), ERR_OK);
	assert_int_equal(wire_recv_type(host_end, &b, WIRE_RESULT, NULL, later()), ERR_OK);
	assert_int_equal(wire_get_result(&b, &r), ERR_OK);
	assert_int_equal(r.verdict, VERDICT_DENY);
	assert_int_equal(r.result, ERR_LOCKED);
	close_end(&host_end);
	assert_int_equal(worker_io_result(&io, &sent), ERR_UNAVAILABLE);
}

static void the_end_ends_the_card_process_and_hangs_up(void **state)
{
	int kept;
	char byte;

	(void)state;
	have_card_process();
	kept = io.card;
	worker_io_end(&io);
	assert_int_equal(fcntl(kept, F_GETFD), -1);
	assert_int_equal(recv(card_end, &byte, 1, 0), 0);
	/* The host still waits for its answer then. */
	assert_int_equal(recv(listener_end, &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(host_end, &byte, 1, MSG_DONTWAIT), -1);
}

static void count_complaint(int level, const char *line)
{
	(void)line;
	complaints += level == LOG_WARNING;
}

int main(void)
{
	const struct CMUnitTest list[] = {
		IO_TEST(the_host_is_greeted),
		IO_TEST(without_a_request_there_is_no_greeting),
		IO_TEST(answers_belong_to_their_prompt),
		IO_TEST(a_host_that_does_not_answer),
		IO_TEST(texts_are_shown_escaped),
		IO_TEST(a_place_is_asked_for_and_given_back),
		IO_TEST(a_place_that_is_not_given),
		IO_TEST(a_place_given_back_changes_no_reason),
		IO_TEST(one_card_process_serves_a_call),
		IO_TEST(a_card_process_that_is_not_given),
		IO_TEST(a_card_process_that_is_silent_or_ends),
		IO_TEST(a_card_process_that_says_something_else),
		IO_TEST(a_host_that_goes_ends_every_wait),
		IO_TEST(a_host_that_goes_meanwhile_ends_every_wait),
		IO_TEST(words_of_the_host_end_no_wait),
		IO_TEST(signals_end_no_wait),
		IO_TEST(a_wait_that_is_impossible_ends),
		IO_TEST(records_are_sent),
		IO_TEST(the_result_is_sent),
		IO_TEST(the_end_ends_the_card_process_and_hangs_up),
	};

	log_set_sink(count_complaint);
	/* Whatever was inherited there is no concern of this program. */
	if (dup2(0, WIRE_FD_HOST) < 0 || dup2(0, WIRE_FD_CONTROL) < 0)
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
