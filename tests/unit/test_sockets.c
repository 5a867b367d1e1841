/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd hands over, and what is no socket of ours. Sockets made by the daemon: tests/pam/daemon.py. */
#include "../../cardmfad/sockets.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "unit.h"

#define FIRST_FD 3

/* A socket at the descriptor; listening if it is bound, which the kernel chooses a name for. */
static bool put_socket(int fd, int type, bool listening)
{
	const struct sockaddr name = { .sa_family = AF_UNIX };
	int low = socket(AF_UNIX, type, 0), sock = fcntl(low, F_DUPFD, 40);

	close(low);
	if (sock < 0 || (listening && (bind(sock, &name, sizeof(sa_family_t)) || listen(sock, 1))))
		return false;
	return dup2(sock, fd) == fd && close(sock) == 0;
}

struct handed {
	const char *fds, *names;
	int types[2];
	bool listening[2];
};

/* In a child, which may have any descriptors: the result, or 255 when it is not as it should be. */
static int result_of(const struct handed *h)
{
	struct sockets s = { -7, -7 };
	int status = 0, wanted = atoi(h->fds);
	char pid[16];
	pid_t child = fork();

	if (child == 0) {
		enum err e;

		log_set_sink(NULL);
		for (int fd = FIRST_FD; fd < 64; fd++)
			close(fd);
		for (int i = wanted - 1; i >= 0; i--)
			if (!put_socket(FIRST_FD + i, h->types[i], h->listening[i]))
				_exit(254);
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		if (setenv("LISTEN_PID", pid, 1) || setenv("LISTEN_FDS", h->fds, 1) ||
		    (h->names ? setenv("LISTEN_FDNAMES", h->names, 1) : unsetenv("LISTEN_FDNAMES")))
			_exit(253);
		e = sockets_get(&s);
		if (e == ERR_OK && (!(fcntl(s.root, F_GETFD) & FD_CLOEXEC) || !(fcntl(s.root, F_GETFL) & O_NONBLOCK)))
			_exit(255);
		if (e != ERR_OK && (s.root != -7 || s.user != -7))
			_exit(255);
		_exit((int)e);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void sockets_of_systemd_are_taken_by_name(void **state)
{
	static const struct handed rows[] = {
		{ "1", "root", { SOCK_SEQPACKET }, { true } },
		{ "2", "root:user", { SOCK_SEQPACKET, SOCK_SEQPACKET }, { true, true } },
		{ "2", "user:root", { SOCK_SEQPACKET, SOCK_SEQPACKET }, { true, true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(result_of(&rows[i]), ERR_OK);
}

static void others_are_refused(void **state)
{
	static const struct handed rows[] = {
		{ "1", "user", { SOCK_SEQPACKET }, { true } },
		{ "1", "other", { SOCK_SEQPACKET }, { true } },
		{ "1", "", { SOCK_SEQPACKET }, { true } },
		{ "1", NULL, { SOCK_SEQPACKET }, { true } },
		{ "2", "root:root", { SOCK_SEQPACKET, SOCK_SEQPACKET }, { true, true } },
		{ "2", "root", { SOCK_SEQPACKET, SOCK_SEQPACKET }, { true, true } },
		{ "1", "root", { SOCK_STREAM }, { true } },
		{ "1", "root", { SOCK_SEQPACKET }, { false } },
		{ "2", "root:user", { SOCK_SEQPACKET, SOCK_DGRAM }, { true, false } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(result_of(&rows[i]), ERR_CONFIG);
}

static void readiness_is_one_datagram(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(name);
	char path[128] = "@", text[32] = "";
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(sock, (const struct sockaddr *)&name, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(sock, (struct sockaddr *)&name, &len), 0);
	snprintf(path + 1, sizeof(path) - 1, "%.*s", (int)(len - offsetof(struct sockaddr_un, sun_path) - 1), name.sun_path + 1);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	sockets_notify("READY=1");
	assert_int_equal(recv(sock, text, sizeof(text) - 1, MSG_DONTWAIT), 7);
	assert_string_equal(text, "READY=1");
	/* Nobody there, or no address at all: nothing happens. */
	close(sock);
	sockets_notify("READY=1");
	assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1234", 1), 0);
	sockets_notify("READY=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_of_systemd_are_taken_by_name),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(readiness_is_one_datagram),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
