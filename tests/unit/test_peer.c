/* SPDX-License-Identifier: Apache-2.0 */
#include "../../cardmfad/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* Field 22 of our own stat, read in another way: by splitting at blanks behind the last parenthesis. */
static long long own_start(void)
{
	char buf[2048] = "", *p, *save = NULL;
	FILE *f = fopen("/proc/self/stat", "re");

	assert_non_null(f);
	assert_non_null(fgets(buf, sizeof(buf), f));
	fclose(f);
	p = strtok_r(strrchr(buf, ')') + 1, " ", &save);
	for (int field = 3; field < 22; field++)
		p = strtok_r(NULL, " ", &save);
	return atoll(p);
}

static void facts_are_those_of_the_process(void **state)
{
	struct wire_peer p;
	char exe[257];
	int pair[2], pidfd = -1;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	exe[n > 0 ? n : 0] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(peer_facts(pair[0], &p, &pidfd), ERR_OK);
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.parent, getppid());
	assert_int_equal(p.ruid, getuid());
	assert_int_equal(p.euid, geteuid());
	assert_true(p.start > 0);
	assert_int_equal(p.start, own_start());
	assert_string_equal(p.exe, exe);
	assert_int_equal(p.cgroup[0], '/');
	assert_true(pidfd >= 0);
	close(pidfd);
	close(pair[0]);
	close(pair[1]);
}

static void a_name_with_parentheses_shifts_nothing(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b c", 0, 0, 0), 0);
	facts_are_those_of_the_process(state);
	assert_int_equal(prctl(PR_SET_NAME, "test_peer", 0, 0, 0), 0);
}

static void a_process_that_is_gone_has_no_facts(void **state)
{
	struct wire_peer p;
	int listening = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd, pidfd = -1;
	struct sockaddr_storage name = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	pid_t pid;

	(void)state;
	assert_int_equal(bind(listening, (struct sockaddr *)&name, len), 0);     /* autobind */
	len = sizeof(name);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&name, &len), 0);
	assert_int_equal(listen(listening, 1), 0);
	pid = fork();
	if (pid == 0) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		_exit(connect(fd, (struct sockaddr *)&name, len) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fd = accept(listening, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(peer_facts(fd, &p, &pidfd), ERR_UNAVAILABLE);
	close(fd);
	close(listening);
}

/* A descriptor handed to one who has other rights by now: neither the one's nor the other's. */
static void a_process_that_became_another_has_no_facts(void **state)
{
	struct wire_peer p = { .pid = -7 };
	int pair[2], go[2], pidfd = -1, status;
	char byte;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		/* The pair's credentials are root's; who asks is asked about itself, as somebody else. */
		bool refused = socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && seteuid(65534) == 0 &&
			       peer_facts(pair[0], &p, &pidfd) == ERR_UNAVAILABLE && p.pid == -7 && pidfd == -1;

		_exit(write(go[1], refused ? "y" : "n", 1) == 1 ? 0 : 1);
	}
	assert_int_equal(read(go[0], &byte, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(byte, 'y');
	close(go[0]);
	close(go[1]);
}

static void what_is_no_local_socket_has_no_peer(void **state)
{
	struct wire_peer p;
	int fd = socket(AF_INET, SOCK_STREAM, 0), pidfd = -1;

	(void)state;
	assert_int_equal(peer_facts(fd, &p, &pidfd), ERR_UNAVAILABLE);
	assert_int_equal(peer_facts(-1, &p, &pidfd), ERR_UNAVAILABLE);
	assert_int_equal(pidfd, -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_those_of_the_process),
		cmocka_unit_test(a_name_with_parentheses_shifts_nothing),
		cmocka_unit_test(a_process_that_is_gone_has_no_facts),
		cmocka_unit_test(a_process_that_became_another_has_no_facts),
		cmocka_unit_test(what_is_no_local_socket_has_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
