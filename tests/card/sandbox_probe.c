/* SPDX-License-Identifier: Apache-2.0 */
/* Enters the sandbox of cardmfa-card and tries what must fail in it, and what must not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "card_sandbox.h"
#include "secret.h"

static char *const no_strings[] = { NULL };
static struct open_how how = { .flags = O_RDONLY };

#define P(x) ((long)(x))

static const struct {
	const char *name;
	long call, args[5];
} refused[] = {
	{ "open", SYS_open, { P("/etc/passwd"), O_RDONLY } },
	{ "open_write", SYS_open, { P("/tmp/x"), O_WRONLY | O_CREAT, 0600 } },
	{ "creat", SYS_creat, { P("/tmp/x"), 0600 } },
	{ "openat", SYS_openat, { AT_FDCWD, P("/etc/passwd"), O_RDONLY } },
	{ "openat2", SYS_openat2, { AT_FDCWD, P("/etc/passwd"), P(&how), sizeof(how) } },
	{ "execve", SYS_execve, { P("/bin/true"), P(no_strings), P(no_strings) } },
	{ "execveat", SYS_execveat, { AT_FDCWD, P("/bin/true"), P(no_strings), P(no_strings), 0 } },
	{ "fork", SYS_fork, { 0 } },
	{ "vfork", SYS_vfork, { 0 } },
	{ "clone", SYS_clone, { 17, 0, 0, 0, 0 } },
	{ "socket_inet", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
	{ "socket_inet6", SYS_socket, { AF_INET6, SOCK_DGRAM, 0 } },
	{ "socket_netlink", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 } },
	{ "socket_packet", SYS_socket, { AF_PACKET, SOCK_RAW, 0 } },
	/* The kernel looks at 32 bits of the family; so must the filter. */
	{ "socket_inet_wide", SYS_socket, { (1L << 32) | AF_INET, SOCK_STREAM, 0 } },
	{ "bind", SYS_bind, { 0, 0, 0 } },
	{ "ptrace", SYS_ptrace, { 0, 0, 0, 0 } },
	{ "kill", SYS_kill, { 0, 0 } },
	{ "unlink", SYS_unlink, { P("/tmp/x") } },
	{ "mmap_exec", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1 } },
	{ "memfd", SYS_memfd_create, { P("x"), 0 } },
	{ "io_uring", SYS_io_uring_setup, { 1, 0 } },
	{ "prctl", SYS_prctl, { 0, 0, 0, 0 } },
	{ "fcntl_setown", SYS_fcntl, { 0, F_SETOWN, 1 } },
};

static int failed;

static void report(int good, const char *name)
{
	printf("%s card/sandbox_probe/%s\n", good ? "ok" : "not ok", name);
	failed |= !good;
}

static void try_refused(void)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const long *a = refused[i].args;
		long rc;

		errno = 0;
		rc = syscall(refused[i].call, a[0], a[1], a[2], a[3], a[4]);
		if (rc == 0 && strstr(refused[i].name, "fork"))
			_exit(1);
		report(rc == -1 && errno == EPERM, refused[i].name);
	}
}

static void try_allowed(void)
{
	const struct sockaddr_un nowhere = { .sun_family = AF_UNIX, .sun_path = "/run/none" };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	struct timespec t;
	struct stat st;
	void *m;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	report(fd >= 0, "allows_socket_unix");
	errno = 0;
	report(connect(fd, (const struct sockaddr *)&nowhere, sizeof(nowhere)) == -1 && errno == ENOENT,
	       "allows_connect");
	report(stat("/run", &st) == 0, "allows_stat");
	report(poll(NULL, 0, 1) == 0, "allows_poll");
	report(clock_gettime(CLOCK_BOOTTIME, &t) == 0, "allows_clock");
	errno = 0;
	report(fcntl(-1, F_SETLKW, &lock) == -1 && errno == EBADF, "allows_lock");
	m = malloc(4 << 20);
	report(m != NULL, "allows_memory");
	free(m);
	close(fd);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (secret_harden_process() != ERR_OK || card_sandbox_enter() != ERR_OK)
		return EXIT_FAILURE;
	try_refused();
	try_allowed();
	_exit(failed);
}
