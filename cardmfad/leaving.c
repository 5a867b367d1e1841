/* SPDX-License-Identifier: Apache-2.0 */
#include "leaving.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <syslog.h>

#include "card_link.h"
#include "clock.h"
#include "log.h"

/* It ends itself before. */
#define LEAVING_MS (CARD_LEAVE_MS + 500)
#define LOOK_MS 10

void leaving_add(struct leaving *l, pid_t pid, bool of_user)
{
	/* There are no more of them than places. */
	if (l->n == BOUNDS_CARDS) {
		kill(pid, SIGKILL);
		return;
	}
	kill(pid, SIGTERM);
	l->list[l->n++] = (struct leaver){ pid, of_user, deadline_in(LEAVING_MS) };
}

bool leaving_reaped(struct leaving *l, pid_t pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].pid == pid) {
			l->list[i] = l->list[--l->n];
			return true;
		}
	return false;
}

size_t leaving_of_users(const struct leaving *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->list[i].of_user;
	return n;
}

int leaving_left(const struct leaving *l)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].deadline < first)
			first = l->list[i].deadline;
	return first == INT64_MAX ? -1 : deadline_left(first);
}

void leaving_enforce(struct leaving *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!deadline_left(l->list[i].deadline)) {
			log_line(LOG_NOTICE, "card process %d did not end in time: killed", (int)l->list[i].pid);
			kill(l->list[i].pid, SIGKILL);
			l->list[i].deadline = INT64_MAX;
		}
}

void leaving_wait(struct leaving *l)
{
	pid_t pid;

	while (leaving_left(l) >= 0) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			(void)leaving_reaped(l, pid);
		leaving_enforce(l);
		(void)poll(NULL, 0, LOOK_MS);
	}
}
