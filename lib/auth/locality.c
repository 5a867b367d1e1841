/* SPDX-License-Identifier: Apache-2.0 */
#include "locality.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "text.h"

#define NO_AUDIT_SESSION 4294967295LL

static bool ends_with(const char *s, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len > n && !memcmp(s + len - n, tail, n);
}

bool locality_is_system_service(const char *cgroup)
{
	static const char slice[] = "/system.slice/";
	const char *unit = cgroup + sizeof(slice) - 1;

	if (strncmp(cgroup, slice, sizeof(slice) - 1) || strstr(cgroup, "/session-"))
		return false;
	/* system-getty.slice/getty@tty1.service[/...]: some component is the service. */
	while (*unit) {
		size_t len = strcspn(unit, "/");

		if (ends_with(unit, len, ".service"))
			return true;
		unit += len + (unit[len] == '/');
	}
	return false;
}

bool locality_session_of(const char *cgroup, char *dst, size_t size)
{
	static const char slice[] = "/user.slice/user-", prefix[] = "session-", tail[] = ".scope";
	const char *p;
	size_t len;

	if (strncmp(cgroup, slice, sizeof(slice) - 1))
		return false;
	p = strchr(cgroup + sizeof(slice) - 1, '/');
	if (!p || strncmp(p + 1, prefix, sizeof(prefix) - 1))
		return false;
	p += sizeof(prefix);
	len = strcspn(p, "/");
	if (!ends_with(p, len, tail))
		return false;
	len -= sizeof(tail) - 1;
	return strspn(p, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") >= len &&
	       text_copy_n(dst, size, p, len);
}

bool locality_session_exists(const char *session)
{
	char *state = NULL;
	int rc = sd_session_get_state(session, &state);

	free(state);
	return rc >= 0;
}

static bool in_list(const struct word_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->words[i], word))
			return true;
	return false;
}

/* They change who works in a session; where it is, they do not know. A helper of theirs may be a system service's and root's. */
static bool is_switch(const char *service)
{
	static const char *const names[] = { "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "polkit-1" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], service))
			return true;
	return false;
}

/* The files that logind leaves behind say how things were. Its control group on each kind of host. */
static bool logind_runs(void)
{
	static const char *const places[] = {
		"/sys/fs/cgroup/system.slice/systemd-logind.service/cgroup.procs",
		"/sys/fs/cgroup/unified/system.slice/systemd-logind.service/cgroup.procs",
		"/sys/fs/cgroup/systemd/system.slice/systemd-logind.service/cgroup.procs",
	};
	bool found = false;
	char byte;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		int fd = open(places[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		found = read(fd, &byte, 1) == 1;
		close(fd);
	}
	return found;
}

/* logind names a session by the number of the kernel's audit session, where it has one. */
static bool is_audit_session(const char *session, int64_t audit_session)
{
	int64_t number;

	return !text_to_i64(session, 0, NO_AUDIT_SESSION, &number) || number == audit_session;
}

/* A word that logind may have for a session, "" without one. */
static void ask(int (*question)(const char *session, char **ret), const char *session, char *dst, size_t size)
{
	char *word = NULL;

	dst[0] = '\0';
	if (question(session, &word) >= 0 && word)
		text_copy_or_none(dst, size, word);
	free(word);
}

/* logind takes "localhost" for no remote host; who came through it may have come from anywhere. */
static bool comes_from_no_host(const char *session)
{
	char *host = NULL;
	int rc = sd_session_get_remote_host(session, &host);

	free(host);
	return rc == -ENODATA && sd_session_is_remote(session) == 0;
}

/* Without seat and terminal it is a desktop that is shown elsewhere. State: "active", else "online" or "closing". */
static bool session_is_local(const char *session, const struct settings *settings)
{
	char service[65], state[17], seat[65], tty[65];

	ask(sd_session_get_service, session, service, sizeof(service));
	ask(sd_session_get_state, session, state, sizeof(state));
	ask(sd_session_get_seat, session, seat, sizeof(seat));
	ask(sd_session_get_tty, session, tty, sizeof(tty));
	return !strcmp(state, "active") && comes_from_no_host(session) && (seat[0] || tty[0]) &&
	       in_list(&settings->local_services, service) && !is_switch(service) && logind_runs();
}

bool locality_session_is_of(const char *session, const char *service, int64_t uid)
{
	char opener[65];
	uid_t owner;

	ask(sd_session_get_service, session, opener, sizeof(opener));
	return !strcmp(opener, service) && sd_session_get_uid(session, &owner) >= 0 && (int64_t)owner == uid;
}

bool locality_session_stands(const struct wire_peer *peer, enum wire_op op, const char *session, char *service, size_t size)
{
	char state[17];
	uid_t owner;

	ask(sd_session_get_state, session, state, sizeof(state));
	ask(sd_session_get_service, session, service, size);
	return (wire_is_session(op) || is_audit_session(session, peer->audit_session)) && state[0] && strcmp(state, "closing") != 0 &&
	       service[0] && sd_session_get_uid(session, &owner) >= 0 && (int64_t)owner == peer->ruid && logind_runs();
}

bool locality_is_local(const struct wire_peer *peer, const char *rhost, const char *service, enum wire_op op,
		       const struct settings *settings)
{
	char session[65];

	if (rhost[0] || !in_list(&settings->local_services, service))
		return false;
	if (locality_session_of(peer->cgroup, session, sizeof(session)))
		return (wire_is_session(op) || is_audit_session(session, peer->audit_session)) && session_is_local(session, settings);
	/* Who explains asks for whom stands here, and is in no session of his. */
	return peer->ruid == 0 && (wire_is_session(op) || peer->audit_session == NO_AUDIT_SESSION) &&
	       (op == WIRE_EXPLAIN || !is_switch(service)) && locality_is_system_service(peer->cgroup);
}
