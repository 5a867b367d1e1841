/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a peer: of real processes, and of a kernel of the test's own where a real one can't be made to say it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define PIDFD_OPTION 77         /* SO_PEERPIDFD, since Linux 6.5 */

/* The kernel of the test: all zero is the real one. */
static struct {
	struct ucred peer;              /* pid 0: the real one's */
	bool no_peer;
	int pidfd;                      /* what the socket gives, 0: the real one's, -1: the option is not known */
	const char *files[16][2];       /* of /proc, by their paths; what is not there can't be opened */
	size_t piece;                   /* so much at a time is read, 0: as the kernel likes */
	const char *broken;             /* reading of this one fails behind the first piece */
	int broken_fd;
	const char *closed;             /* this one finds no descriptor */
	const char *exe;
} kernel;

static int open_here(const char *path, int flags)
{
	assert_true(flags & O_CLOEXEC);
	if (!kernel.files[0][0])
		return open(path, flags);
	if (kernel.closed && !strcmp(kernel.closed, path)) {
		errno = EMFILE;
		return -1;
	}
	for (size_t i = 0; i < 16 && kernel.files[i][0]; i++)
		if (!strcmp(kernel.files[i][0], path)) {
			int fd = memfd_create("file", MFD_CLOEXEC);
			size_t len = strlen(kernel.files[i][1]);

			assert_int_equal(write(fd, kernel.files[i][1], len), len);
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			if (kernel.broken)
				kernel.broken_fd = strcmp(kernel.broken, path) ? 0 : fd;
			return fd;
		}
	errno = ENOENT;
	return -1;
}

static ssize_t read_here(int fd, void *dst, size_t size)
{
	if (kernel.broken && fd == kernel.broken_fd && lseek(fd, 0, SEEK_CUR) > 0) {
		errno = ESRCH;
		return -1;
	}
	return read(fd, dst, kernel.piece && size > kernel.piece ? kernel.piece : size);
}

static ssize_t readlink_here(const char *path, char *dst, size_t size)
{
	size_t len = kernel.exe ? strlen(kernel.exe) : 0;

	if (!kernel.exe)
		return readlink(path, dst, size);
	if (len > size)
		len = size;
	memcpy(dst, kernel.exe, len);
	return (ssize_t)len;
}

static int getsockopt_here(int sock, int level, int name, void *value, socklen_t *len)
{
	if (name == SO_PEERCRED && (kernel.peer.pid || kernel.no_peer)) {
		memcpy(value, &kernel.peer, sizeof(kernel.peer));
		return 0;
	}
	if (name != SO_PEERCRED && (name != PIDFD_OPTION || kernel.pidfd < 0)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	if (name == PIDFD_OPTION && kernel.pidfd > 0) {
		memcpy(value, &kernel.pidfd, sizeof(int));
		return 0;
	}
	return getsockopt(sock, level, name, value, len);
}

#define open(path, flags) open_here(path, flags)
#define read(fd, dst, size) read_here(fd, dst, size)
#define readlink(path, dst, size) readlink_here(path, dst, size)
#define getsockopt(sock, level, name, value, len) getsockopt_here(sock, level, name, value, len)
#include "../../cardmfad/peer.c"
#undef open
#undef read
#undef readlink
#undef getsockopt

static int reset(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

/* Two ends of our own, which the kernel says what it likes about. */
static enum err facts(struct wire_peer *p, int *pidfd)
{
	int pair[2];
	enum err e;

	memset(p, 0xA5, sizeof(*p));
	*pidfd = -7;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	e = peer_facts(pair[0], p, pidfd);
	close(pair[0]);
	close(pair[1]);
	return e;
}

static void refused(void)
{
	struct wire_peer p, untouched;
	int pidfd;

	memset(&untouched, 0xA5, sizeof(untouched));
	assert_int_equal(facts(&p, &pidfd), ERR_UNAVAILABLE);
	assert_memory_equal(&p, &untouched, sizeof(p));
	assert_int_equal(pidfd, -7);
}

static struct wire_peer told(void)
{
	struct wire_peer p;
	int pidfd;

	assert_int_equal(facts(&p, &pidfd), ERR_OK);
	close(pidfd);
	return p;
}

/* -- real processes -- */

/* Field 22 of its stat, read in another way: by splitting at blanks behind the last parenthesis. */
static long long start_of(pid_t pid)
{
	char buf[2048] = "", *p, *save = NULL;
	FILE *f;

	snprintf(buf, sizeof(buf), "/proc/%d/stat", (int)pid);
	f = fopen(buf, "re");
	assert_non_null(f);
	memset(buf, 0, sizeof(buf));
	assert_true(fread(buf, 1, sizeof(buf) - 1, f) > 0);
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
	assert_int_equal(p.start, start_of(getpid()));
	assert_int_equal(p.parent_start, getppid() ? start_of(getppid()) : 0);
	assert_string_equal(p.exe, exe);
	assert_int_equal(p.cgroup[0], '/');
	assert_false(p.root_socket);
	assert_false(p.config_fallback);
	assert_true(pidfd > 2);
	assert_int_equal(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), 0);
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

/* A line for another field in the name is part of the name. */
static void a_name_with_uids_changes_none(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "\nUid:\t7\t7\t7\t7", 0, 0, 0), 0);
	facts_are_those_of_the_process(state);
	assert_int_equal(prctl(PR_SET_NAME, "test_peer", 0, 0, 0), 0);
}

/* Where the socket can't give it, as before Linux 6.5: a pidfd of the same process all the same. */
static void an_older_kernel_has_a_pidfd_too(void **state)
{
	(void)state;
	kernel.pidfd = -1;
	facts_are_those_of_the_process(state);
}

static void the_uid_is_that_of_who_connected(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(peer_uid(pair[0]), geteuid());
	kernel.peer = (struct ucred){ .pid = 1, .uid = 1001, .gid = 1 };
	assert_int_equal(peer_uid(pair[0]), 1001);
	/* Of another pid namespace. */
	kernel.peer.pid = 0;
	kernel.no_peer = true;
	assert_int_equal(peer_uid(pair[0]), -1);
	assert_int_equal(peer_uid(-1), -1);
	close(pair[0]);
	close(pair[1]);
}

/* Connected by a child that has ended; reaped: it is no zombie any more either. */
static int connected_by_a_child(bool reaped)
{
	int listening = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;
	struct sockaddr_storage name = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	siginfo_t info;
	pid_t pid;

	assert_int_equal(bind(listening, (struct sockaddr *)&name, len), 0);     /* autobind */
	len = sizeof(name);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&name, &len), 0);
	assert_int_equal(listen(listening, 1), 0);
	pid = fork();
	if (pid == 0) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		_exit(connect(fd, (struct sockaddr *)&name, len) ? 1 : 0);
	}
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | (reaped ? 0 : WNOWAIT)), 0);
	fd = accept(listening, NULL, NULL);
	assert_true(fd >= 0);
	close(listening);
	return fd;
}

static void a_process_that_is_gone_has_no_facts(void **state)
{
	struct wire_peer p;
	int fd = connected_by_a_child(true), pidfd = -1;

	(void)state;
	assert_int_equal(peer_facts(fd, &p, &pidfd), ERR_UNAVAILABLE);
	assert_int_equal(pidfd, -1);
	close(fd);
}

/* A zombie's files can still be read. */
static void a_process_that_has_ended_has_no_facts(void **state)
{
	struct wire_peer p;
	int fd = connected_by_a_child(false), pidfd = -1;

	(void)state;
	assert_int_equal(peer_facts(fd, &p, &pidfd), ERR_UNAVAILABLE);
	assert_int_equal(pidfd, -1);
	assert_true(waitpid(-1, NULL, 0) > 0);
	close(fd);
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

/* -- a host as it is described -- */

#define PEER "/proc/4194305/"           /* above the highest pid there is: none of a real process */
#define PARENT "/proc/4194306/"

static void set_file(const char *path, const char *text)
{
	size_t i = 0;

	while (kernel.files[i][0] && strcmp(kernel.files[i][0], path))
		i++;
	kernel.files[i][0] = path;
	kernel.files[i][1] = text;
}

/* A pidfd of our own stands for the peer's. */
static int describe(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.peer = (struct ucred){ .pid = 4194305, .uid = 1001, .gid = 1 };
	kernel.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	kernel.exe = "/usr/bin/su";
	set_file(PEER "stat", "4194305 (su) S 4194306 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 777 23 24\n");
	set_file(PEER "status", "Name:\tsu\nUmask:\t0022\nUid:\t1000\t1001\t1002\t1003\nGid:\t1\t1\t1\t1\n");
	set_file(PEER "loginuid", "1000");
	set_file(PEER "sessionid", "42");
	set_file(PEER "cgroup", "0::/user.slice/user-1000.slice/session-42.scope\n");
	set_file(PARENT "stat", "4194306 (bash) S 1 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 555 23 24\n");
	return kernel.pidfd > 2 ? 0 : -1;
}

static void everything_is_told_of_the_peer(void **state)
{
	struct wire_peer p;
	int pidfd;

	(void)state;
	for (size_t piece = 0; piece < 3; piece++) {
		kernel.piece = piece;
		assert_int_equal(facts(&p, &pidfd), ERR_OK);
		/* The socket's own: a pid may be another's by now. */
		assert_int_equal(pidfd, kernel.pidfd);
		assert_int_equal(p.pid, 4194305);
		assert_int_equal(p.parent, 4194306);
		assert_int_equal(p.start, 777);
		assert_int_equal(p.parent_start, 555);
		assert_int_equal(p.ruid, 1000);
		assert_int_equal(p.euid, 1001);
		assert_int_equal(p.loginuid, 1000);
		assert_int_equal(p.audit_session, 42);
		assert_string_equal(p.cgroup, "/user.slice/user-1000.slice/session-42.scope");
		assert_string_equal(p.exe, "/usr/bin/su");
	}
}

static void who_connected_can_not_be_seen(void **state)
{
	(void)state;
	/* Of another pid namespace. */
	kernel.peer.pid = 0;
	kernel.no_peer = true;
	refused();
	/* No process has that pid any more. */
	kernel.no_peer = false;
	kernel.peer.pid = 4194305;
	kernel.pidfd = -1;
	refused();
}

static void the_first_process_is_a_peer_like_others(void **state)
{
	(void)state;
	kernel.peer.pid = 1;
	set_file("/proc/1/stat", "1 (systemd) S 0 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 3 23 24\n");
	set_file("/proc/1/status", "Name:\tsystemd\nUid:\t0\t1001\t0\t0\n");
	assert_int_equal(told().pid, 1);
	assert_int_equal(told().parent, 0);
	assert_int_equal(told().parent_start, 0);
	assert_int_equal(told().start, 3);
	assert_int_equal(peer_uid(-1), 1001);
}

static void files_that_are_not_what_they_should_be(void **state)
{
	static const char *const stats[] = {
		"", "no parenthesis at all", "4194305 (su)", "4194305 (su) S", "4194305 (su) S ", "4194305 (su) S x",
		"4194305 (su) S 4194306 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21\n",
		"4194305 (su) S 4194306 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 \n",
		"4194305 (su) S 4194306 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 -1 23\n",
		"4194305 (su) S 4194306 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 99999999999999999999 23\n",
		"4194305 (su) S  5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 21 22 23\n",
	};
	static const char *const statuses[] = { "", "Name:\tsu\n", "Uid:\t1\t1001\t1\t1\n", "Name:\tsu\nUid:\t1\n", "Name:\tsu\nUid:\tx\ty\n" };

	/* As a zero in the place of what is not told would have it. */
	kernel.peer.uid = 0;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		set_file(PEER "status", statuses[i]);
		refused();
	}
	assert_int_equal(reset(state) | describe(state), 0);
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		set_file(PEER "stat", stats[i]);
		refused();
	}
	/* It ended between two reads. */
	assert_int_equal(reset(state) | describe(state), 0);
	kernel.piece = 80;
	kernel.broken = PEER "stat";
	refused();
}

/* Hundreds of groups make a long status; the uids stand before them. */
static void a_person_may_have_many_groups(void **state)
{
	static char text[20000] = "Name:\tsu\nUid:\t1000\t1001\t1002\t1003\nGroups:\t";

	(void)state;
	memset(text + strlen(text), '1', sizeof(text) - 1 - strlen(text));
	set_file(PEER "status", text);
	assert_int_equal(told().ruid, 1000);
	assert_int_equal(told().euid, 1001);
}

static void a_parent_that_is_gone_has_no_start(void **state)
{
	(void)state;
	set_file(PARENT "stat", "");
	assert_int_equal(told().parent, 4194306);
	assert_int_equal(told().parent_start, 0);
}

static void sessions_are_numbers_or_none(void **state)
{
	static const struct {
		const char *text;
		int64_t number;
	} rows[] = {
		{ "0", 0 }, { "1", 1 }, { "4294967294", 4294967294LL }, { "4294967295", 4294967295LL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_file(PEER "sessionid", rows[i].text);
		assert_int_equal(told().audit_session, rows[i].number);
		assert_int_equal(told().loginuid, 1000);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_file(PEER "loginuid", rows[i].text);
		assert_int_equal(told().loginuid, rows[i].number);
	}
}

/* None is what the kernel says, not what can't be read: who has no session may stand at the console. */
static void what_is_not_said_of_sessions_is_not_none(void **state)
{
	static const char *const files[] = { PEER "sessionid", PEER "loginuid" };
	static const char *const texts[] = { "4294967296", "", "-1", "12x", "1111111111111111111111111111111111111111" };

	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			set_file(files[f], texts[i]);
			refused();
		}
		assert_int_equal(reset(state) | describe(state), 0);
	}
}

/* A25: no more descriptors, or a file that ends in the middle. */
static void A25_facts_that_can_not_be_read_are_no_facts(void **state)
{
	static const char *const files[] = { "stat", "status", "loginuid", "sessionid", "cgroup" };
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), PEER "%s", files[i]);
		kernel.closed = path;
		refused();
		kernel.closed = NULL;
		kernel.piece = 1;
		kernel.broken = path;
		refused();
		assert_int_equal(reset(state) | describe(state), 0);
	}
}

/* No audit in the kernel: session 0 would be another's. */
static void without_audit_there_is_no_session(void **state)
{
	(void)state;
	for (size_t i = 0; kernel.files[i][0]; i++)
		if (strstr(kernel.files[i][0], "loginuid") || strstr(kernel.files[i][0], "sessionid"))
			kernel.files[i][0] = "/nowhere";
	assert_int_equal(told().audit_session, 4294967295LL);
	assert_int_equal(told().loginuid, 4294967295LL);
}

static void control_groups_of_each_kind_of_host(void **state)
{
	static const char *const rows[][2] = {
		{ "0::/a\n", "/a" },
		{ "0::/a", "/a" },
		{ "0::/a#b/c\n", "/a#b/c" },
		{ "1:name=systemd:/a\n0::/\n", "/a" },
		{ "0::/\n1:name=systemd:/a\n", "/a" },
		{ "12:pids:/p\n10:name=systemd:/a#b\n9:cpu,cpuacct:/c\n", "/a#b" },
		{ "1:name=systemd:/a\n0::/b\n", "/b" },
		{ "0::/b\n1:name=systemd:/a\n", "/b" },
		{ "0::/b\n1:name=systemd:/\n", "/b" },
		{ "1:name=systemd:/\n0::/\n", "/" },
		{ "0::/\n", "/" },
		{ "1:name=systemd:/\n", "/" },
		{ "1:name=systemd:\n", "" },
		{ "1:name=systemd:a/b\n", "" },
		{ "1:name=elogind:/a\n", "" },
		{ "0::\n", "" },
		{ "0:x:/a\n", "" },
		{ "10::/a\n", "" },
		{ "", "" },
		{ "\n\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_file(PEER "cgroup", rows[i][0]);
		assert_string_equal(told().cgroup, rows[i][1]);
	}
	for (size_t i = 0; kernel.files[i][0]; i++)
		if (strstr(kernel.files[i][0], "cgroup"))
			kernel.files[i][0] = "/nowhere";
	assert_string_equal(told().cgroup, "");
}

static void names_that_do_not_fit_are_unknown(void **state)
{
	char text[1100] = "0::/";

	(void)state;
	memset(text + 4, 'a', 1023);
	set_file(PEER "cgroup", text);
	assert_int_equal(strlen(told().cgroup), 1024);
	memset(text + 4, 'a', 1024);
	assert_string_equal(told().cgroup, "");
	text[0] = '/';
	memset(text + 1, 'a', sizeof(text) - 2);
	text[255] = '\0';
	kernel.exe = text;
	assert_string_equal(told().exe, text);
	text[255] = 'a';
	text[256] = '\0';
	assert_string_equal(told().exe, "");
	text[256] = 'a';
	assert_string_equal(told().exe, "");
	assert_string_equal(told().cgroup, "");
	kernel.exe = "a";
	assert_string_equal(told().exe, "a");
	/* As of a process that may not be looked at. */
	kernel.exe = NULL;
	assert_string_equal(told().exe, "");
}

/* Where a person may make control groups of his own, he names their directories. */
static void a_named_path_is_no_hierarchy(void **state)
{
	(void)state;
	set_file(PEER "cgroup", "4:memory:/lent/x:name=systemd:/system.slice/getty@tty1.service\n"
		 "1:name=systemd:/user.slice/user-1000.slice/session-42.scope\n0::/\n");
	assert_string_equal(told().cgroup, "/user.slice/user-1000.slice/session-42.scope");
}

/* What was cut off might say something else. */
static void control_groups_that_do_not_fit_are_unknown(void **state)
{
	static char text[9000];
	static const size_t fits = 8190;
	char *last;

	(void)state;
	/* Many long ones in front of the one that counts, which is cut in its middle. */
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "5:memory:/", 10);
	last = text + fits - 28;
	strcpy(last, "\n0::/system.slice/a.service\n");
	set_file(PEER "cgroup", text);
	assert_int_equal(strlen(text), fits);
	assert_string_equal(told().cgroup, "/system.slice/a.service");
	strcpy(last, "\n0::/system.slice/a.service/b\n");
	assert_string_equal(told().cgroup, "");
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "5:memory:/", 10);
	assert_string_equal(told().cgroup, "");
}

#define DESCRIBED(function) cmocka_unit_test_setup_teardown(function, describe, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_those_of_the_process),
		cmocka_unit_test(a_name_with_parentheses_shifts_nothing),
		cmocka_unit_test(a_name_with_uids_changes_none),
		cmocka_unit_test_setup_teardown(an_older_kernel_has_a_pidfd_too, reset, reset),
		cmocka_unit_test_setup_teardown(the_uid_is_that_of_who_connected, reset, reset),
		cmocka_unit_test(a_process_that_is_gone_has_no_facts),
		cmocka_unit_test(a_process_that_has_ended_has_no_facts),
		cmocka_unit_test(a_process_that_became_another_has_no_facts),
		cmocka_unit_test(what_is_no_local_socket_has_no_peer),
		DESCRIBED(everything_is_told_of_the_peer),
		DESCRIBED(who_connected_can_not_be_seen),
		DESCRIBED(the_first_process_is_a_peer_like_others),
		DESCRIBED(files_that_are_not_what_they_should_be),
		DESCRIBED(a_person_may_have_many_groups),
		DESCRIBED(a_parent_that_is_gone_has_no_start),
		DESCRIBED(sessions_are_numbers_or_none),
		DESCRIBED(what_is_not_said_of_sessions_is_not_none),
		DESCRIBED(A25_facts_that_can_not_be_read_are_no_facts),
		DESCRIBED(without_audit_there_is_no_session),
		DESCRIBED(control_groups_of_each_kind_of_host),
		DESCRIBED(names_that_do_not_fit_are_unknown),
		DESCRIBED(a_named_path_is_no_hierarchy),
		DESCRIBED(control_groups_that_do_not_fit_are_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
