/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked around the module's own objects (-Wl,--wrap) into pam_faults.so: counts what the module calls and lets the call
 * number fault_at fail, every call if that is negative; with fault_only set, calls of that name alone are counted. A test host
 * finds the variables by their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <security/pam_modules.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

int fault_at, fault_calls;
const char *fault_name, *fault_only;

static int fails(const char *name)
{
	if (!fault_at || (fault_only && strcmp(fault_only, name)))
		return 0;
	fault_calls++;
	if (fault_at > 0 && fault_calls != fault_at)
		return 0;
	fault_name = name;
	return 1;
}

/* WRAP(result when it fails, errno, return type, name, (parameters), (arguments)) */
#define WRAP(failure, number, type, name, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		if (!fails(#name)) \
			return __real_##name arguments; \
		errno = number; \
		return failure; \
	}

WRAP(-1, EMFILE, int, socket, (int a, int b, int c), (a, b, c))
WRAP(-1, ECONNREFUSED, int, connect, (int s, const struct sockaddr *a, socklen_t n), (s, a, n))
WRAP(-1, EINVAL, int, getsockopt, (int s, int l, int o, void *v, socklen_t *n), (s, l, o, v, n))
WRAP(-1, ENOMEM, ssize_t, sendmsg, (int s, const struct msghdr *m, int f), (s, m, f))
WRAP(-1, ENOMEM, ssize_t, recvmsg, (int s, struct msghdr *m, int f), (s, m, f))
WRAP(-1, ENOMEM, int, poll, (struct pollfd *p, nfds_t n, int t), (p, n, t))
WRAP(-1, ENOMEM, ssize_t, sendto, (int s, const void *p, size_t n, int f, const struct sockaddr *a, socklen_t l), (s, p, n, f, a, l))
WRAP(-1, EINVAL, int, clock_gettime, (clockid_t c, struct timespec *t), (c, t))
WRAP(-1, EINTR, int, nanosleep, (const struct timespec *t, struct timespec *r), (t, r))
WRAP(NULL, ENOMEM, void *, malloc, (size_t n), (n))
WRAP(NULL, ENOMEM, void *, calloc, (size_t n, size_t m), (n, m))
WRAP(NULL, ENOMEM, char *, strdup, (const char *s), (s))
WRAP(-1, ENOMEM, int, vasprintf, (char **p, const char *f, va_list a), (p, f, a))
WRAP(PAM_BAD_ITEM, 0, int, pam_get_item, (const pam_handle_t *h, int i, const void **v), (h, i, v))
WRAP(PAM_SYSTEM_ERR, 0, int, pam_get_user, (pam_handle_t *h, const char **u, const char *p), (h, u, p))
WRAP(NULL, 0, const char *, pam_getenv, (pam_handle_t *h, const char *n), (h, n))
WRAP(PAM_BUF_ERR, 0, int, pam_set_data,
	(pam_handle_t *h, const char *n, void *d, void (*c)(pam_handle_t *, void *, int)), (h, n, d, c))

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...)
{
	va_list ap;
	int n;

	va_start(ap, what);
	n = va_arg(ap, int);
	va_end(ap);
	if (!fails("fcntl"))
		return __real_fcntl(fd, what, n);
	errno = EMFILE;
	return -1;
}

/* Both spellings of the one variadic function the module allocates by: with and without _FORTIFY_SOURCE. */
int __wrap_asprintf(char **p, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **p, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = __wrap_vasprintf(p, format, ap);
	va_end(ap);
	return n;
}

int __wrap___asprintf_chk(char **p, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
int __wrap___asprintf_chk(char **p, int flag, const char *format, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, format);
	n = __wrap_vasprintf(p, format, ap);
	va_end(ap);
	return n;
}
