/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refused calls fail instead of killing: a libc that calls something new costs a login its card, not
 * its answer. Only what libpcsclite, the link, the lock file, the log and the timers need is listed.
 */
#include "card_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

static const int allowed[] = {
	/* the link, and sockets to pcscd (socket: see `limited`), whose path is looked at first */
	SCMP_SYS(connect), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(shutdown), SCMP_SYS(getsockopt), SCMP_SYS(newfstatat),
	SCMP_SYS(stat), SCMP_SYS(fstat), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
	/* time */
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(timer_settime), SCMP_SYS(restart_syscall),
	/* memory and threads of one */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sched_yield),
	/* signals and the end */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(tgkill),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
#if defined(__SANITIZE_ADDRESS__)
	SCMP_SYS(sigaltstack),
#endif
};

/* Allowed when (argument & mask) == value. */
static const struct {
	int call;
	unsigned arg;
	scmp_datum_t mask, value;
} limited[] = {
	{ SCMP_SYS(socket), 0, 0xFFFFFFFF, AF_UNIX },
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	{ SCMP_SYS(fcntl), 1, 0xFFFFFFFF, F_SETLK },
	{ SCMP_SYS(fcntl), 1, 0xFFFFFFFF, F_SETLKW },
	{ SCMP_SYS(fcntl), 1, 0xFFFFFFFF, F_GETFL },
	{ SCMP_SYS(fcntl), 1, 0xFFFFFFFF, F_SETFL },
	{ SCMP_SYS(fcntl), 1, 0xFFFFFFFF, F_GETFD },
	{ SCMP_SYS(fcntl), 1, 0xFFFFFFFF, F_SETFD },
};

static void release(scmp_filter_ctx *f)
{
	if (*f)
		seccomp_release(*f);
}

enum err card_sandbox_enter(void)
{
	scmp_filter_ctx f __attribute__((cleanup(release))) = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = f ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; rc == 0 && i < sizeof(limited) / sizeof(limited[0]); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, limited[i].call, 1,
				      SCMP_CMP(limited[i].arg, SCMP_CMP_MASKED_EQ, limited[i].mask,
					       limited[i].value));
	if (rc == 0)
		rc = seccomp_load(f);
	return rc == 0 ? ERR_OK : fail(ERR_SYSTEM, "seccomp: %s", strerror(-rc));
}
