/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry point relayed: what is sent, shown and answered, which code comes back, how long is waited for what. The daemon's end is a
 * real socket with its messages waiting in it; libpam, the clock and the kernel's word on the listener are the test's.
 */
#include "../../pam_module/relay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "paths.h"
#include "unit.h"

#define ITEMS 16
#define PACKETS 96
#define WAITS 128
#define PID 4711

static int listening;
static struct sockaddr_un listening_name;
static socklen_t listening_name_len;

static struct {
	/* libpam */
	const void *items[ITEMS];
	int missing;                    /* this item can't be had, 0: none */
	const char *auth_info;
	bool no_data;
	char *data;
	void (*free_data)(pam_handle_t *, void *, int);
	/* the kernel */
	uid_t euid, listener;
	pid_t pid;
	bool no_socket, no_listener, no_memory;
	int connect_errors[4], n_connects;
	bool always_full;
	char path[108];
	char log[600];
	/* time */
	int64_t now, per_message;
	int64_t waits[WAITS];           /* for each message, in ms */
	size_t n_waits;
	int64_t send_ms;                /* of the last send */
	/* the daemon */
	struct wire_buf queued[PACKETS], sent[PACKETS];
	size_t n_queued, n_sent;
	bool leaves;                    /* behind its messages, the request read */
	int daemon;
	/* the conversation */
	const char *answers[8];         /* NULL: an answer without text */
	bool no_reply;
	int conv_rc;
	struct { int style; char text[WIRE_TEXT_MAX]; } shown[PACKETS];
	size_t n_shown;
	pid_t pid_behind;               /* what this process is behind a conversation, 0: the same */
} world;

static pam_handle_t *const handle = (pam_handle_t *)(void *)&world;

/* -- libpam -- */

int pam_get_item(const pam_handle_t *pamh, int item, const void **ret)
{
	assert_ptr_equal(pamh, handle);
	assert_in_range(item, 1, ITEMS - 1);
	if (item == world.missing)
		return PAM_BAD_ITEM;
	*ret = world.items[item];
	return PAM_SUCCESS;
}

const char *pam_getenv(pam_handle_t *pamh, const char *name)
{
	assert_ptr_equal(pamh, handle);
	assert_string_equal(name, "SSH_AUTH_INFO_0");
	return world.auth_info;
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data, void (*cleanup)(pam_handle_t *, void *, int))
{
	assert_ptr_equal(pamh, handle);
	assert_string_equal(name, "systemd.runtime_max_sec");
	if (world.no_data)
		return PAM_BUF_ERR;
	world.data = data;
	world.free_data = cleanup;
	return PAM_SUCCESS;
}

static int talk(int n, const struct pam_message **msg, struct pam_response **resp, void *appdata)
{
	static const char *garbage = "not to be looked at";
	size_t at = world.n_shown++;

	assert_int_equal(n, 1);
	assert_ptr_equal(appdata, &world.n_shown);
	assert_null(*resp);
	assert_true(at < PACKETS);
	world.shown[at].style = msg[0]->msg_style;
	snprintf(world.shown[at].text, sizeof(world.shown[at].text), "%s", msg[0]->msg);
	if (world.pid_behind)
		world.pid = world.pid_behind;
	if (world.conv_rc != PAM_SUCCESS) {
		memcpy(resp, &garbage, sizeof(garbage));
		return world.conv_rc;
	}
	if (world.no_reply)
		return PAM_SUCCESS;
	*resp = calloc(1, sizeof(**resp));
	assert_non_null(*resp);
	for (size_t i = 0, prompt = 0; i <= at; i++) {
		bool asked = world.shown[i].style == PAM_PROMPT_ECHO_OFF || world.shown[i].style == PAM_PROMPT_ECHO_ON;

		if (asked && i == at && world.answers[prompt])
			(*resp)->resp = strdup(world.answers[prompt]);
		prompt += asked;
	}
	return PAM_SUCCESS;
}

static const struct pam_conv conversation = { .conv = talk, .appdata_ptr = &world.n_shown };

/* -- the kernel, the clock, the daemon's end -- */

/* Whatever is made is no standard descriptor of the host, nor left to its children, nor does it hold anybody. */
static void is_safe(int fd)
{
	assert_true(fd >= 3);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int socket_here(int domain, int type, int protocol)
{
	if (world.no_socket)
		return -1;
	return socket(domain, type, protocol);
}

static int connect_here(int sock, const struct sockaddr *a, socklen_t len)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)a;
	int e = world.always_full ? EAGAIN : world.connect_errors[world.n_connects < 4 ? world.n_connects : 3];

	world.n_connects++;
	is_safe(sock);
	assert_int_equal(un->sun_family, AF_UNIX);
	assert_int_equal(len, sizeof(*un));
	snprintf(world.path, sizeof(world.path), "%s", un->sun_path);
	if (e) {
		errno = e;
		return -1;
	}
	assert_int_equal(connect(sock, (const struct sockaddr *)&listening_name, listening_name_len), 0);
	world.daemon = accept(listening, NULL, NULL);
	assert_true(world.daemon >= 0);
	for (size_t i = 0; i < world.n_queued; i++)
		assert_int_equal(wire_send(world.daemon, &world.queued[i], -1, deadline_in(1000)), ERR_OK);
	return 0;
}

static int getsockopt_here(int sock, int level, int name, void *value, socklen_t *len)
{
	struct ucred c = { .pid = 1, .uid = world.listener };

	is_safe(sock);
	assert_int_equal(level, SOL_SOCKET);
	assert_int_equal(name, SO_PEERCRED);
	assert_int_equal(*len, sizeof(c));
	if (world.no_listener)
		return -1;
	memcpy(value, &c, sizeof(c));
	return 0;
}

static ssize_t sendto_here(int sock, const char *line, size_t len, int flags, const struct sockaddr *a, socklen_t a_len)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)a;

	is_safe(sock);
	assert_int_equal(flags, MSG_NOSIGNAL | MSG_DONTWAIT);
	assert_int_equal(a_len, sizeof(*un));
	assert_int_equal(un->sun_family, AF_UNIX);
	assert_string_equal(un->sun_path, "/dev/log");
	assert_string_equal(world.log, "");
	assert_int_equal(len, strlen(line));
	memcpy(world.log, line, len + 1);
	return (ssize_t)len;
}

static int nanosleep_here(const struct timespec *t)
{
	world.now += t->tv_sec * 1000 + t->tv_nsec / 1000000;
	return 0;
}

/* What the host has sent so far. */
static void drain(void)
{
	while (world.daemon >= 0 && world.n_sent < PACKETS &&
	       wire_recv(world.daemon, &world.sent[world.n_sent], NULL, deadline_in(0)) == ERR_OK)
		world.n_sent++;
}

static void hang_up(void)
{
	if (world.daemon >= 0)
		close(world.daemon);
	world.daemon = -1;
}

static enum err recv_here(int sock, struct wire_buf *b, int *fd, int64_t deadline)
{
	drain();
	if (world.leaves)
		hang_up();
	assert_true(world.n_waits < WAITS);
	assert_null(fd);
	world.waits[world.n_waits++] = deadline - world.now;
	world.now += world.per_message;
	return wire_recv(sock, b, fd, deadline_in(0));
}

static enum err send_here(int sock, const struct wire_buf *b, int fd, int64_t deadline)
{
	assert_true(fd < 0);
	world.send_ms = deadline - world.now;
	return wire_send(sock, b, fd, deadline_in(0));
}

#define socket(domain, type, protocol) socket_here(domain, type, protocol)
#define connect(sock, a, len) connect_here(sock, a, len)
#define getsockopt(sock, level, name, value, len) getsockopt_here(sock, level, name, value, len)
#define sendto(sock, line, len, flags, a, a_len) sendto_here(sock, line, len, flags, a, a_len)
#define nanosleep(t, rest) nanosleep_here(t)
#define geteuid() (world.euid)
#define getpid() (world.pid)
#undef asprintf          /* a macro already where the compiler lacks va_arg_pack */
#define asprintf(p, ...) (world.no_memory ? -1 : asprintf(p, __VA_ARGS__))
#define deadline_in(ms) (world.now + (ms))
#define deadline_left(deadline) ((deadline) > world.now ? (int)((deadline) - world.now) : 0)
#define wire_recv(sock, b, fd, deadline) recv_here(sock, b, fd, deadline)
#define wire_send(sock, b, fd, deadline) send_here(sock, b, fd, deadline)
#include "../../pam_module/relay.c"
#undef socket
#undef connect
#undef getsockopt
#undef sendto
#undef nanosleep
#undef geteuid
#undef getpid
#undef asprintf
#undef deadline_in
#undef deadline_left
#undef wire_recv
#undef wire_send

/* -- a call -- */

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* As it was at first, the messages of the daemon apart. */
static void begin(void)
{
	hang_up();
	free(world.data);
	memset(world.items, 0, sizeof(world.items));
	memset(world.connect_errors, 0, sizeof(world.connect_errors));
	memset(world.answers, 0, sizeof(world.answers));
	world.items[PAM_SERVICE] = "login";
	world.items[PAM_USER] = "taro";
	world.items[PAM_CONV] = &conversation;
	world.auth_info = NULL;
	world.data = NULL;
	world.missing = world.conv_rc = 0;
	world.euid = world.listener = 0;
	world.pid = PID;
	world.pid_behind = 0;
	world.now = 1000000;
	world.per_message = 0;
	world.no_data = world.no_socket = world.no_listener = world.no_memory = false;
	world.always_full = world.leaves = world.no_reply = false;
	world.n_queued = 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.daemon = -1;
	begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hang_up();
	free(world.data);
	return 0;
}

static int call(enum wire_op op, int flags)
{
	int rc, before;

	hang_up();
	world.n_waits = world.n_sent = world.n_shown = 0;
	world.n_connects = 0;
	world.path[0] = world.log[0] = '\0';
	world.send_ms = -1;
	before = descriptors();
	rc = relay_run(handle, op, flags);
	assert_int_equal(descriptors(), before + (world.daemon >= 0));
	drain();
	return rc;
}

static struct wire_buf *next(void)
{
	assert_true(world.n_queued < PACKETS);
	return &world.queued[world.n_queued++];
}

static void say_ready(uint32_t ms)
{
	wire_put_ready(next(), ms);
}

static void say(enum wire_style style, uint32_t number, const char *text)
{
	struct wire_message m = { .style = style, .number = number };

	snprintf(m.text, sizeof(m.text), "%s", text);
	wire_put_message(next(), &m);
}

static void say_result(uint32_t verdict, unsigned result, uint32_t runtime)
{
	const struct wire_result r = { .verdict = verdict, .result = (enum err)result, .runtime_max_s = runtime };

	wire_put_result(next(), &r);
}

static struct wire_request request(void)
{
	struct wire_request rq;
	enum wire_type type;
	unsigned version;

	assert_true(world.n_sent > 0);
	assert_int_equal(wire_open(&world.sent[0], &version, &type), ERR_OK);
	assert_int_equal(type, WIRE_REQUEST);
	assert_int_equal(wire_get_request(&world.sent[0], version, &rq), ERR_OK);
	return rq;
}

/* The n-th packet behind the request. text NULL: not given. */
static void answered(size_t n, uint32_t number, const char *text)
{
	struct wire_answer a;
	enum wire_type type;
	unsigned version;

	assert_true(world.n_sent > n);
	assert_int_equal(wire_open(&world.sent[n], &version, &type), ERR_OK);
	assert_int_equal(type, WIRE_ANSWER);
	assert_int_equal(wire_get_answer(&world.sent[n], &a), ERR_OK);
	assert_int_equal(a.number, number);
	assert_int_equal(a.given, text != NULL);
	assert_int_equal(a.text.len, text ? strlen(text) : 0);
	if (text)
		assert_memory_equal(a.text.bytes, text, a.text.len);
}

static void shown(size_t n, int style, const char *text)
{
	assert_true(world.n_shown > n);
	assert_int_equal(world.shown[n].style, style);
	assert_string_equal(world.shown[n].text, text);
}

#define UNREACHABLE "cardmfa: the login service does not answer. Please tell the systems section."
#define OTHER_VERSION "cardmfa: the login service is of another version. Please tell the systems section."

/* No answer: a line in the log, in auth a word to the person. */
static void failed(int rc, int wanted, const char *reason, const char *text)
{
	char line[200];

	assert_int_equal(rc, wanted);
	snprintf(line, sizeof(line), "<83>pam_cardmfa[4711]: (login) no answer from cardmfad: %s", reason);
	assert_string_equal(world.log, line);
	if (text) {
		assert_true(world.n_shown > 0);
		shown(world.n_shown - 1, PAM_ERROR_MSG, text);
	}
}

static void unreachable(void)
{
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "unreachable", UNREACHABLE);
	assert_int_equal(world.n_shown, 1);
	failed(call(WIRE_ACCOUNT, 0), PAM_PERM_DENIED, "unreachable", NULL);
	assert_int_equal(world.n_shown, 0);
	failed(call(WIRE_OPEN, 0), PAM_PERM_DENIED, "unreachable", NULL);
	assert_int_equal(world.n_shown, 0);
}

/* -- what is sent -- */

static void the_request_says_what_the_host_does(void **state)
{
	static const enum wire_op ops[] = { WIRE_AUTH, WIRE_ACCOUNT, WIRE_OPEN, WIRE_CONFIRM, WIRE_CLOSE };

	(void)state;
	world.items[PAM_RHOST] = "192.0.2.7";
	world.items[PAM_TTY] = "/dev/pts/3";
	world.auth_info = "publickey";
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct wire_request rq;

		assert_int_equal(call(ops[i], (int)(PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK)), PAM_SUCCESS);
		assert_string_equal(world.path, PATH_ROOT_SOCKET);
		assert_int_equal(world.send_ms, 5000);
		assert_string_equal(world.log, "");
		assert_int_equal(world.n_sent, 1);
		rq = request();
		assert_int_equal(rq.op, ops[i]);
		assert_int_equal(rq.flags, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
		assert_string_equal(rq.service, "login");
		assert_string_equal(rq.user, "taro");
		assert_string_equal(rq.rhost, "192.0.2.7");
		assert_string_equal(rq.tty, "/dev/pts/3");
		/* A person can have put it there himself by then. */
		assert_string_equal(rq.auth_info, ops[i] == WIRE_AUTH || ops[i] == WIRE_ACCOUNT ? "publickey" : "");
	}
	world.items[PAM_RHOST] = world.items[PAM_TTY] = world.auth_info = NULL;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	assert_string_equal(request().rhost, "");
	assert_string_equal(request().tty, "");
	assert_string_equal(request().auth_info, "");
	world.euid = 1000;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	assert_string_equal(world.path, PATH_USER_SOCKET);
}

/* An item that can't be had is not an empty one: no rhost would mean a local login. */
static void items_that_can_not_be_had_are_refused(void **state)
{
	static const int items[] = { PAM_SERVICE, PAM_USER, PAM_RHOST, PAM_TTY };

	(void)state;
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		world.missing = items[i];
		assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTH_ERR);
		assert_non_null(strstr(world.log, "the request is not valid"));
		assert_non_null(strstr(world.log, items[i] == PAM_SERVICE ? "(?)" : "(login)"));
		assert_int_equal(call(WIRE_ACCOUNT, 0), PAM_PERM_DENIED);
		assert_int_equal(world.n_sent, 0);
	}
	world.missing = 0;
	world.items[PAM_USER] = "";
	assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTH_ERR);
	world.items[PAM_USER] = NULL;
	failed(call(WIRE_AUTH, 0), PAM_AUTH_ERR, "the request is not valid", UNREACHABLE);
	assert_int_equal(world.n_sent, 0);
	world.items[PAM_USER] = "a";
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	/* The log has a name for a host without one. */
	world.items[PAM_USER] = NULL;
	world.items[PAM_SERVICE] = NULL;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTH_ERR);
	assert_non_null(strstr(world.log, "]: (?) no answer"));
}

static void items_that_do_not_fit_are_refused(void **state)
{
	static const struct {
		int item;
		size_t max;
	} rows[] = { { PAM_SERVICE, 64 }, { PAM_USER, 256 }, { PAM_RHOST, 1024 }, { PAM_TTY, 256 }, { 0, 4096 } };
	static char text[5000];

	(void)state;
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const void *was = world.items[rows[i].item];

		text[rows[i].max] = '\0';
		if (rows[i].item)
			world.items[rows[i].item] = text;
		else
			world.auth_info = text;
		assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
		assert_int_equal(strlen(request().service), rows[i].item == PAM_SERVICE ? 64 : 5);
		assert_int_equal(strlen(request().auth_info), rows[i].item ? 0 : 4096);
		text[rows[i].max] = 'x';
		text[rows[i].max + 1] = '\0';
		assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTH_ERR);
		assert_int_equal(world.n_sent, 0);
		text[rows[i].max + 1] = 'x';
		world.items[rows[i].item] = was;
	}
}

/* -- the connection -- */

static void a_busy_listener_is_asked_again(void **state)
{
	(void)state;
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	world.connect_errors[0] = EAGAIN;
	world.connect_errors[1] = EINTR;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	assert_int_equal(world.n_connects, 3);
	assert_int_equal(world.now, 1000040);
	/* Not for ever. */
	world.always_full = true;
	world.now = 0;
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "timed out", UNREACHABLE);
	assert_int_equal(world.now, 5000);
	assert_int_equal(world.n_connects, 251);
}

static void nobody_listens(void **state)
{
	static const int errors[] = { ECONNREFUSED, ENOENT, EACCES, EPROTOTYPE, ENOTSOCK, ETIMEDOUT };

	(void)state;
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		world.connect_errors[0] = errors[i];
		unreachable();
		assert_int_equal(world.n_connects, 1);
	}
}

static void a_listener_that_is_not_root_is_told_nothing(void **state)
{
	(void)state;
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	for (uid_t uid = 1; uid < 3; uid++) {
		world.listener = uid;
		unreachable();
		assert_int_equal(world.n_sent, 0);
	}
	world.listener = 0;
	world.no_listener = true;
	unreachable();
	assert_int_equal(world.n_sent, 0);
}

static void without_a_socket_there_is_a_refusal(void **state)
{
	(void)state;
	world.no_socket = true;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL);
	shown(0, PAM_ERROR_MSG, UNREACHABLE);
	assert_int_equal(call(WIRE_CLOSE, 0), PAM_PERM_DENIED);
	assert_string_equal(world.log, "");
}

/* A host may have closed its standard descriptors: nothing that is written there reaches us. */
static void no_standard_descriptor_is_taken(void **state)
{
	int kept[3];

	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		assert_true(kept[fd] >= 0);
	}
	for (int n = 1; n <= 3; n++) {
		for (int fd = 0; fd < n; fd++)
			close(fd);
		begin();
		world.connect_errors[0] = ENOENT;
		unreachable();
		for (int fd = 0; fd < n; fd++)
			assert_int_equal(fcntl(fd, F_GETFD), -1);
		for (int fd = 0; fd < n; fd++)
			assert_int_equal(dup2(kept[fd], fd), fd);
	}
	for (int fd = 0; fd < 3; fd++)
		close(kept[fd]);
}

/* -- the conversation -- */

static void prompts_are_answered(void **state)
{
	(void)state;
	say_ready(5000);
	say(WIRE_INFO, 0, "information");
	say(WIRE_PROMPT_HIDDEN, 7, "PIN: ");
	say(WIRE_ERROR, 0, "error");
	say(WIRE_PROMPT_SHOWN, 9, "Name: ");
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	world.answers[0] = "123456";
	world.answers[1] = "";
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	assert_int_equal(world.n_shown, 4);
	shown(0, PAM_TEXT_INFO, "information");
	shown(1, PAM_PROMPT_ECHO_OFF, "PIN: ");
	shown(2, PAM_ERROR_MSG, "error");
	shown(3, PAM_PROMPT_ECHO_ON, "Name: ");
	assert_int_equal(world.n_sent, 3);
	answered(1, 7, "123456");
	answered(2, 9, "");
	assert_int_equal(world.send_ms, 5000);
}

/* A host that wants silence gets it, prompts apart. */
static void silence_hides_texts_only(void **state)
{
	(void)state;
	say(WIRE_INFO, 0, "information");
	say(WIRE_ERROR, 0, "error");
	say(WIRE_PROMPT_HIDDEN, 1, "PIN: ");
	say(WIRE_PROMPT_SHOWN, 2, "Name: ");
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	assert_int_equal(call(WIRE_AUTH, PAM_SILENT), PAM_SUCCESS);
	assert_int_equal(world.n_shown, 2);
	shown(0, PAM_PROMPT_ECHO_OFF, "PIN: ");
	shown(1, PAM_PROMPT_ECHO_ON, "Name: ");
	assert_int_equal(call(WIRE_AUTH, (int)~PAM_SILENT), PAM_SUCCESS);
	assert_int_equal(world.n_shown, 4);
	/* Nor is trouble told. */
	world.connect_errors[0] = ENOENT;
	failed(call(WIRE_AUTH, PAM_SILENT), PAM_AUTHINFO_UNAVAIL, "unreachable", NULL);
	assert_int_equal(world.n_shown, 0);
	failed(call(WIRE_AUTH, (int)~PAM_SILENT), PAM_AUTHINFO_UNAVAIL, "unreachable", UNREACHABLE);
}

static void prompts_without_an_answer(void **state)
{
	static const struct pam_conv none = { .conv = NULL };
	char text[SECRET_MAX + 2];

	(void)state;
	say(WIRE_PROMPT_HIDDEN, 3, "PIN: ");
	say_result(VERDICT_DENY, ERR_CONVERSATION, 0);
	/* Its pointer is garbage then. */
	world.conv_rc = PAM_CONV_ERR;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
	answered(1, 3, NULL);
	world.conv_rc = PAM_SUCCESS;
	world.no_reply = true;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
	answered(1, 3, NULL);
	world.no_reply = false;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
	answered(1, 3, NULL);
	/* Longer than anything that is asked for. */
	memset(text, 'x', sizeof(text) - 1);
	text[SECRET_MAX + 1] = '\0';
	world.answers[0] = text;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
	answered(1, 3, NULL);
	text[SECRET_MAX] = '\0';
	assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
	answered(1, 3, text);
	/* A host that has no function for it, or nothing at all. */
	world.items[PAM_CONV] = &none;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
	answered(1, 3, NULL);
	for (int n = 0; n < 2; n++) {
		world.items[PAM_CONV] = NULL;
		world.missing = n ? PAM_CONV : 0;
		assert_int_equal(call(WIRE_AUTH, 0), PAM_CONV_ERR);
		assert_int_equal(call(WIRE_ACCOUNT, 0), PAM_PERM_DENIED);
		assert_int_equal(call(WIRE_OPEN, 0), PAM_PERM_DENIED);
		assert_int_equal(world.n_connects, 0);
	}
}

/* The host forked meanwhile: the call belongs to its parent. */
static void a_forked_host_sends_nothing(void **state)
{
	(void)state;
	for (int prompt = 0; prompt < 2; prompt++) {
		begin();
		say(prompt ? WIRE_PROMPT_HIDDEN : WIRE_INFO, 1, "Question: ");
		say_result(VERDICT_ALLOW, ERR_OK, 0);
		world.answers[0] = "x";
		world.pid_behind = PID + 1;
		assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(world.n_sent, 1);
	}
}

/* -- what the daemon says -- */

static void only_messages_of_the_daemon_are_understood(void **state)
{
	static const enum wire_type others[] = { WIRE_REQUEST, WIRE_ANSWER, WIRE_RECORD, WIRE_PEER, (enum wire_type)0, (enum wire_type)99 };
	static const enum wire_type empty[] = { WIRE_READY, WIRE_MESSAGE, WIRE_RESULT };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin();
		wire_start(next(), others[i]);
		say_result(VERDICT_ALLOW, ERR_OK, 0);
		failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "not understood", OTHER_VERSION);
	}
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		begin();
		wire_start(next(), empty[i]);
		say_result(VERDICT_ALLOW, ERR_OK, 0);
		failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "not understood", OTHER_VERSION);
		assert_int_equal(world.n_shown, 1);
		failed(call(WIRE_ACCOUNT, 0), PAM_PERM_DENIED, "not understood", NULL);
	}
	begin();
	wire_start(next(), WIRE_READY);
	world.queued[0].bytes[0] ^= 1;
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "not understood", OTHER_VERSION);
}

static void messages_are_waited_for_as_long_as_the_daemon_says(void **state)
{
	(void)state;
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "timed out", UNREACHABLE);
	assert_int_equal(world.n_waits, 1);
	assert_int_equal(world.waits[0], 10000);
	say_ready(25000);
	say(WIRE_INFO, 0, "x");
	say_ready(30000);
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "timed out", UNREACHABLE);
	assert_int_equal(world.n_waits, 4);
	assert_int_equal(world.waits[1], 25000);
	assert_int_equal(world.waits[2], 25000);
	assert_int_equal(world.waits[3], 30000);
	/* And all of it no longer than a call may last. */
	begin();
	say_ready(WIRE_SILENCE_MAX_MS);
	for (int i = 0; i < 3; i++)
		say(WIRE_INFO, 0, "x");
	world.per_message = 90000;
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "timed out", UNREACHABLE);
	assert_int_equal(world.waits[1], 100000);
	assert_int_equal(world.waits[2], 10000);
	assert_true(world.waits[3] < 0);
}

/* A person slower than the daemon still hears why. */
static void what_was_said_before_the_daemon_left_is_heard(void **state)
{
	(void)state;
	say_ready(5000);
	say(WIRE_PROMPT_HIDDEN, 1, "PIN: ");
	say(WIRE_ERROR, 0, "The time is over.");
	say_result(VERDICT_DENY, ERR_CONFIG, 0);
	world.answers[0] = "x";
	world.leaves = true;
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SERVICE_ERR);
	shown(1, PAM_ERROR_MSG, "The time is over.");
	assert_int_equal(world.waits[1], 5000);
	assert_int_equal(world.waits[2], 0);
	assert_int_equal(world.waits[3], 0);
	/* Or nothing. */
	begin();
	say(WIRE_PROMPT_HIDDEN, 1, "PIN: ");
	world.leaves = true;
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "unreachable", UNREACHABLE);
}

static void endless_messages_end(void **state)
{
	(void)state;
	for (int i = 0; i < 63; i++)
		say(WIRE_INFO, 0, "x");
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	assert_int_equal(world.n_shown, 63);
	world.n_queued--;
	say(WIRE_INFO, 0, "x");
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "not understood", OTHER_VERSION);
}

/* -- the code -- */

static void each_result_has_its_code(void **state)
{
	(void)state;
	for (unsigned e = 1; e < 1000; e++) {
		bool config = e == ERR_CONFIG, conversation_failed = e == ERR_CONVERSATION;
		bool machinery = e >= ERR_UNAVAILABLE && e <= ERR_CLOCK;
		int auth = config ? PAM_SERVICE_ERR : conversation_failed ? PAM_CONV_ERR : machinery ? PAM_AUTHINFO_UNAVAIL : PAM_AUTH_ERR;

		world.n_queued = 0;
		say_result(VERDICT_DENY, e, 5);
		assert_int_equal(call(WIRE_AUTH, 0), auth);
		assert_int_equal(call(WIRE_ACCOUNT, 0), config ? PAM_SERVICE_ERR : PAM_PERM_DENIED);
		/* PAM_SESSION_ERR would let sudo run the command. */
		for (enum wire_op op = WIRE_OPEN; op <= WIRE_CLOSE; op++)
			assert_int_equal(call(op, 0), PAM_PERM_DENIED);
		assert_null(world.data);
		assert_string_equal(world.log, "");
		assert_int_equal(world.n_shown, 0);
	}
}

static void only_the_exact_allowance_opens(void **state)
{
	static const struct {
		uint32_t verdict;
		unsigned result;
	} rows[] = { { 0, 0 }, { 1, 0 }, { VERDICT_DENY, 0 }, { ~0u, 0 }, { VERDICT_ALLOW, ERR_DENIED }, { VERDICT_ALLOW, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world.n_queued = 0;
		say_result(rows[i].verdict, rows[i].result, 0);
		failed(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL, "not understood", OTHER_VERSION);
		assert_int_equal(call(WIRE_OPEN, 0), PAM_PERM_DENIED);
	}
	for (int bit = 0; bit < 32; bit++) {
		world.n_queued = 0;
		say_result(VERDICT_ALLOW ^ 1u << bit, ERR_OK, 0);
		assert_int_equal(call(WIRE_AUTH, 0), PAM_AUTHINFO_UNAVAIL);
	}
}

static void the_session_gets_its_limit(void **state)
{
	(void)state;
	say_result(VERDICT_ALLOW, ERR_OK, 0);
	assert_int_equal(call(WIRE_OPEN, 0), PAM_SUCCESS);
	assert_null(world.data);
	world.n_queued = 0;
	say_result(VERDICT_ALLOW, ERR_OK, 1);
	assert_int_equal(call(WIRE_OPEN, 0), PAM_SUCCESS);
	assert_string_equal(world.data, "1");
	world.free_data(handle, world.data, 0);
	world.data = NULL;
	/* Only where a session is opened in front of pam_systemd. */
	assert_int_equal(call(WIRE_CONFIRM, 0), PAM_SUCCESS);
	assert_int_equal(call(WIRE_AUTH, 0), PAM_SUCCESS);
	assert_null(world.data);
	/* Without its limit there is no session. */
	world.no_memory = true;
	assert_int_equal(call(WIRE_OPEN, 0), PAM_PERM_DENIED);
	world.no_memory = false;
	world.no_data = true;
	assert_int_equal(call(WIRE_OPEN, 0), PAM_PERM_DENIED);
}

/* -- arguments -- */

static int arguments(int argc, const char *a, const char *b, int *confirm)
{
	const char *argv[] = { a, b };

	world.log[0] = '\0';
	return relay_arguments(handle, argc, argv, confirm);
}

static void the_only_argument_is_confirm(void **state)
{
	char text[700];
	int confirm = 7;

	(void)state;
	assert_int_equal(arguments(0, NULL, NULL, NULL), PAM_SUCCESS);
	assert_int_equal(arguments(0, NULL, NULL, &confirm), PAM_SUCCESS);
	assert_int_equal(confirm, 0);
	assert_int_equal(arguments(1, "confirm", NULL, &confirm), PAM_SUCCESS);
	assert_int_equal(confirm, 1);
	assert_string_equal(world.log, "");
	confirm = 7;
	assert_int_equal(arguments(1, "confirm", NULL, NULL), PAM_SERVICE_ERR);
	assert_int_equal(arguments(2, "confirm", "confirm", &confirm), PAM_SERVICE_ERR);
	assert_int_equal(arguments(2, "confirm", "debug", &confirm), PAM_SERVICE_ERR);
	assert_int_equal(arguments(1, "confir", NULL, &confirm), PAM_SERVICE_ERR);
	assert_int_equal(confirm, 7);
	/* What stands in the log is one line of plain text. */
	assert_int_equal(arguments(1, "a\n\x1b[2J ~\x7f\xe3\x82", NULL, &confirm), PAM_SERVICE_ERR);
	assert_string_equal(world.log, "<83>pam_cardmfa[4711]: (login) argument not known here: a??[2J ~???");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(arguments(1, text, NULL, &confirm), PAM_SERVICE_ERR);
	assert_int_equal(strlen(world.log), 511);
	/* Without a log there is no line, and no other code. */
	world.no_socket = true;
	assert_int_equal(arguments(1, "debug", NULL, &confirm), PAM_SERVICE_ERR);
	assert_string_equal(world.log, "");
}

static int listen_here(void **state)
{
	(void)state;
	listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	listening_name.sun_family = AF_UNIX;
	listening_name_len = sizeof(listening_name);
	return bind(listening, (const struct sockaddr *)&listening_name, sizeof(sa_family_t)) ||
	       getsockname(listening, (struct sockaddr *)&listening_name, &listening_name_len) || listen(listening, 8);
}

#define RELAY(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest list[] = {
		RELAY(the_request_says_what_the_host_does),
		RELAY(items_that_can_not_be_had_are_refused),
		RELAY(items_that_do_not_fit_are_refused),
		RELAY(a_busy_listener_is_asked_again),
		RELAY(nobody_listens),
		RELAY(a_listener_that_is_not_root_is_told_nothing),
		RELAY(without_a_socket_there_is_a_refusal),
		RELAY(no_standard_descriptor_is_taken),
		RELAY(prompts_are_answered),
		RELAY(silence_hides_texts_only),
		RELAY(prompts_without_an_answer),
		RELAY(a_forked_host_sends_nothing),
		RELAY(only_messages_of_the_daemon_are_understood),
		RELAY(messages_are_waited_for_as_long_as_the_daemon_says),
		RELAY(what_was_said_before_the_daemon_left_is_heard),
		RELAY(endless_messages_end),
		RELAY(each_result_has_its_code),
		RELAY(only_the_exact_allowance_opens),
		RELAY(the_session_gets_its_limit),
		RELAY(the_only_argument_is_confirm),
	};

	return cmocka_run_group_tests(list, listen_here, NULL);
}
