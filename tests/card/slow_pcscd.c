/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands before pcscd (LD_PRELOAD): from when it has closed a client's socket, the thread that served the client sleeps before
 * each mutex. So a client that is gone is cleaned up slowly, step by step, as on a machine that is busy otherwise.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 50

static __thread bool slow;

int close(int fd)
{
	static int (*real)(int);
	int domain;
	socklen_t len = sizeof(domain);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "close");
	if (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_UNIX)
		slow = true;
	return real ? real(fd) : -1;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static int (*real)(pthread_mutex_t *);
	const struct timespec step = { 0, STEP_MS * 1000000 };

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	if (slow)
		nanosleep(&step, NULL);
	if (!real)
		abort();
	return real(mutex);
}
