/* SPDX-License-Identifier: Apache-2.0 */
#include "card_start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "paths.h"

/*
 * Exit codes of a child that could not become the card process; nobody reads more than "it ended".
 */
#define EXIT_NOT_STARTED 127

static _Noreturn void become_card(int link, int lock, uid_t uid, gid_t gid)
{
	char seconds[8];
	char program[] = PATH_CARD, path[] = "PATH=/usr/bin:/bin";
	char *argv[] = { program, seconds, NULL }, *envp[] = { path, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* First out of the way of the numbers they will get. */
	link = fcntl(link, F_DUPFD_CLOEXEC, 16);
	lock = fcntl(lock, F_DUPFD_CLOEXEC, 16);
	null = fcntl(null, F_DUPFD_CLOEXEC, 16);
	if (link < 0 || lock < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(null, 2) < 0 || dup2(link, CARD_LINK_FD) < 0 || dup2(lock, CARD_LOCK_FD) < 0 ||
	    close_range(CARD_LOCK_FD + 1, ~0U, 0))
		_exit(EXIT_NOT_STARTED);
	/* ^C and ^Z on the terminal are for cardtool: a card in use is not left half-way. */
	if (setsid() < 0 || setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		_exit(EXIT_NOT_STARTED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	snprintf(seconds, sizeof(seconds), "%d", CARD_START_SECONDS);
	execve(program, argv, envp);
	_exit(EXIT_NOT_STARTED);
}

/*
 * The daemon's lock file; without its directory no daemon runs, and nobody else uses a reader of
 * ours.
 */
static int open_reader_lock(void)
{
	int fd = open(PATH_READER_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0600);

	return fd >= 0 ? fd : open("/dev/null", O_RDWR | O_CLOEXEC);
}

enum err card_start(int *ret_fd)
{
	const struct passwd *pw = getpwnam(USER_CARD);
	int ends[2];

	if (!pw || pw->pw_uid == 0 || pw->pw_gid == 0)
		return fail(ERR_NOT_FOUND, "no system user %s: run `cardtool init`", USER_CARD);
	if (access(PATH_CARD, X_OK))
		return fail(ERR_NOT_FOUND, PATH_CARD ": %m");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return fail(ERR_SYSTEM, "socketpair: %m");

	uid_t uid = pw->pw_uid;
	gid_t gid = pw->pw_gid;
	int lock = open_reader_lock();
	pid_t pid = lock < 0 ? -1 : fork();

	if (pid == 0)
		become_card(ends[1], lock, uid, gid);
	close(ends[1]);
	if (lock >= 0)
		close(lock);
	if (pid < 0) {
		close(ends[0]);
		return fail(ERR_SYSTEM, "starting " PATH_CARD ": %m");
	}
	*ret_fd = ends[0];
	return ERR_OK;
}

enum err card_ask(int fd, const struct card_request *q, struct card_answer *ret, int64_t ms)
{
	int64_t deadline = deadline_in(ms);
	enum err e = card_link_send_request(fd, q, deadline);

	return e ? e : card_link_get_answer(fd, ret, deadline);
}
