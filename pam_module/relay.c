/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "paths.h"

#define SEND_MS 5000
#define CALL_MS 190000          /* longer than the daemon lets anything run */
#define MESSAGES_MAX 64         /* in one call */
#define PATH_LOG "/dev/log"

/* Fixed texts: there is nobody to translate them when the daemon is away. */
static const char text_unreachable[] = "cardmfa: the login service does not answer. Please tell the systems section.";
static const char text_version[] = "cardmfa: the login service is of another version. Please tell the systems section.";

struct relay {
	pam_handle_t *pamh;
	const struct pam_conv *conv;
	enum wire_op op;
	int flags;
	pid_t pid;
	int sock;
	struct wire_buf buf;
};

static void relay_end(struct relay *r)
{
	if (r->sock >= 0)
		close(r->sock);
	wire_wipe(&r->buf);
}

/* At least 3, so that a host without standard descriptors does not write into it. */
static int safe_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), up;

	if (fd < 0 || fd >= 3)
		return fd;
	up = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return up;
}

/* Not by syslog(3): that waits as long as the log is busy, and leaves its socket open in the host. */
static void log_error(pam_handle_t *pamh, const char *what, const char *detail)
{
	const struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = PATH_LOG };
	char line[512] = "";
	const void *service = NULL;
	int fd = safe_socket(SOCK_DGRAM);

	if (fd < 0)
		return;
	if (pam_get_item(pamh, PAM_SERVICE, &service) != PAM_SUCCESS || !service)
		service = "?";
	snprintf(line, sizeof(line), "<%d>pam_cardmfa[%d]: (%s) %s: %s", LOG_AUTHPRIV | LOG_ERR, (int)getpid(),
		 (const char *)service, what, detail);
	for (char *p = line; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	(void)sendto(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&a, sizeof(a));
	close(fd);
}

/* The daemon, or systemd in its place, listens as root: anybody else at this path is a fraud. */
static int listener_is_root(int sock)
{
	struct ucred c;
	socklen_t len = sizeof(c);

	return !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &len) && c.uid == 0;
}

static enum err connect_daemon(struct relay *r)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = PATH_ROOT_SOCKET };
	const int64_t deadline = deadline_in(SEND_MS);

	if (geteuid() != 0)
		memcpy(a.sun_path, PATH_USER_SOCKET, sizeof(PATH_USER_SOCKET));
	r->sock = safe_socket(SOCK_SEQPACKET);
	if (r->sock < 0)
		return ERR_SYSTEM;
	while (connect(r->sock, (const struct sockaddr *)&a, sizeof(a))) {
		const struct timespec pause = { .tv_nsec = 20000000 };

		/* EAGAIN: the backlog is full. */
		if (errno != EINTR && errno != EAGAIN)
			return ERR_UNAVAILABLE;
		if (!deadline_left(deadline))
			return ERR_TIMEOUT;
		nanosleep(&pause, NULL);
	}
	return listener_is_root(r->sock) ? ERR_OK : ERR_UNAVAILABLE;
}

static void put_item(char *dst, size_t size, pam_handle_t *pamh, int item, int *bad)
{
	const void *v = NULL;

	/* An item that can't be had is not an empty one: no rhost would mean a local login. */
	if (pam_get_item(pamh, item, &v) != PAM_SUCCESS || (v && strlen(v) >= size))
		*bad = 1;
	else if (v)
		strcpy(dst, v);
}

static enum err send_request(struct relay *r)
{
	struct wire_request rq = { .op = r->op, .flags = (uint32_t)r->flags };
	const char *info = NULL;
	int bad = 0;

	put_item(rq.service, sizeof(rq.service), r->pamh, PAM_SERVICE, &bad);
	put_item(rq.user, sizeof(rq.user), r->pamh, PAM_USER, &bad);
	put_item(rq.rhost, sizeof(rq.rhost), r->pamh, PAM_RHOST, &bad);
	put_item(rq.tty, sizeof(rq.tty), r->pamh, PAM_TTY, &bad);
	/* In the session phase a person can have put it there himself. */
	if (r->op == WIRE_AUTH || r->op == WIRE_ACCOUNT)
		info = pam_getenv(r->pamh, "SSH_AUTH_INFO_0");
	if (bad || !rq.user[0] || (info && strlen(info) >= sizeof(rq.auth_info)))
		return ERR_INVALID;
	if (info)
		strcpy(rq.auth_info, info);
	wire_put_request(&r->buf, &rq);
	return wire_send(r->sock, &r->buf, -1, deadline_in(SEND_MS));
}

/* What a conversation gave back is overwritten before it is freed; a failing one gave nothing, its pointer is not touched. */
static void take_reply(struct wire_answer *a, int rc, struct pam_response *reply)
{
	if (rc != PAM_SUCCESS || !reply)
		return;
	if (reply->resp) {
		size_t len = strlen(reply->resp);

		a->given = secret_set(&a->text, reply->resp, len) == ERR_OK;
		wipe(reply->resp, len);
		free(reply->resp);
	}
	free(reply);
}

static void converse(struct relay *r, const struct wire_message *m, struct wire_answer *a)
{
	const struct pam_message msg = { .msg_style = (int)m->style, .msg = m->text }, *list = &msg;
	struct pam_response *reply = NULL;
	int rc;

	if (!r->conv->conv)
		return;
	rc = r->conv->conv(1, &list, &reply, r->conv->appdata_ptr);
	take_reply(a, rc, reply);
}

static enum err show(struct relay *r, const struct wire_message *m)
{
	const bool prompt = m->style == WIRE_PROMPT_HIDDEN || m->style == WIRE_PROMPT_SHOWN;
	struct wire_answer a = { .number = m->number };

	if (!prompt && ((unsigned)r->flags & PAM_SILENT))
		return ERR_OK;
	converse(r, m, &a);
	wire_put_answer(&r->buf, &a);
	secret_wipe(&a.text);
	/* The host forked meanwhile: the call belongs to its parent. */
	if (getpid() != r->pid)
		return ERR_SYSTEM;
	return prompt ? wire_send(r->sock, &r->buf, -1, deadline_in(SEND_MS)) : ERR_OK;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ERR_OK: *result came. Each message has to come before the time the daemon itself gave is over. */
static enum err listen_to_daemon(struct relay *r, struct wire_result *result)
{
	const int64_t end = deadline_in(CALL_MS);
	uint32_t silence_ms = WIRE_SILENCE_FIRST_MS;

	for (int i = 0; i < MESSAGES_MAX; i++) {
		struct wire_message m;
		enum wire_type type;
		unsigned version;
		enum err e = wire_recv(r->sock, &r->buf, NULL, sooner(deadline_in(silence_ms), end));

		if (e == ERR_OK)
			e = wire_open(&r->buf, &version, &type);
		if (e != ERR_OK)
			return e;
		switch (type) {
		case WIRE_READY:
			e = wire_get_ready(&r->buf, &silence_ms);
			break;
		case WIRE_MESSAGE:
			e = wire_get_message(&r->buf, &m);
			if (e == ERR_OK)
				e = show(r, &m);
			/* An answer too late: what the daemon said before it left is still there. */
			if (e == ERR_UNAVAILABLE) {
				silence_ms = 0;
				e = ERR_OK;
			}
			break;
		case WIRE_RESULT:
			return wire_get_result(&r->buf, result);
		default:
			return ERR_PROTOCOL;
		}
		if (e != ERR_OK)
			return e;
	}
	return ERR_PROTOCOL;
}

/* Sessions: PAM_SESSION_ERR would let sudo run the command. */
static int code_for(enum wire_op op, enum err e)
{
	static const struct {
		enum err first, last;
		int auth, account, session;
	} table[] = {
		{ ERR_CONVERSATION, ERR_CONVERSATION, PAM_CONV_ERR, PAM_PERM_DENIED, PAM_PERM_DENIED },
		{ ERR_CONFIG, ERR_CONFIG, PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_PERM_DENIED },
		{ ERR_UNAVAILABLE, ERR_CLOCK, PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED, PAM_PERM_DENIED },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (e >= table[i].first && e <= table[i].last)
			return op == WIRE_AUTH ? table[i].auth : op == WIRE_ACCOUNT ? table[i].account : table[i].session;
	return op == WIRE_AUTH ? PAM_AUTH_ERR : PAM_PERM_DENIED;
}

static void free_data(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

/* Seconds for pam_systemd, which stands behind this line. */
static int limit_session(pam_handle_t *pamh, uint32_t seconds)
{
	char *text = NULL;

	if (!seconds)
		return PAM_SUCCESS;
	if (asprintf(&text, "%u", seconds) < 0)
		return PAM_PERM_DENIED;
	if (pam_set_data(pamh, "systemd.runtime_max_sec", text, free_data) != PAM_SUCCESS) {
		free(text);
		return PAM_PERM_DENIED;
	}
	return PAM_SUCCESS;
}

static void tell(struct relay *r, const char *text)
{
	struct wire_message m = { .style = WIRE_ERROR };
	struct wire_answer unused = { .given = false };

	snprintf(m.text, sizeof(m.text), "%s", text);
	if (r->op == WIRE_AUTH && !((unsigned)r->flags & PAM_SILENT))
		converse(r, &m, &unused);
	secret_wipe(&unused.text);
}

int relay_run(pam_handle_t *pamh, enum wire_op op, int flags)
{
	__attribute__((cleanup(relay_end))) struct relay r = {
		.pamh = pamh, .op = op, .flags = flags, .pid = getpid(), .sock = -1,
	};
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	const void *conv = NULL;
	enum err e;

	if (pam_get_item(pamh, PAM_CONV, &conv) != PAM_SUCCESS || !conv)
		return code_for(op, ERR_CONVERSATION);
	r.conv = conv;
	e = connect_daemon(&r);
	if (e == ERR_OK)
		e = send_request(&r);
	if (e == ERR_OK)
		e = listen_to_daemon(&r, &result);
	if (e != ERR_OK) {
		log_error(pamh, "no answer from cardmfad", e == ERR_TIMEOUT ? "timed out" :
			  e == ERR_PROTOCOL ? "not understood" : e == ERR_INVALID ? "the request is not valid" : "unreachable");
		tell(&r, e == ERR_PROTOCOL ? text_version : text_unreachable);
		return code_for(op, e == ERR_INVALID ? ERR_DENIED : ERR_UNAVAILABLE);
	}
	if (result.verdict != VERDICT_ALLOW || result.result != ERR_OK)
		return code_for(op, result.result);
	return op == WIRE_OPEN ? limit_session(pamh, result.runtime_max_s) : PAM_SUCCESS;
}

int relay_arguments(pam_handle_t *pamh, int argc, const char **argv, int *confirm)
{
	int found = 0;

	for (int i = 0; i < argc; i++) {
		if (!confirm || strcmp(argv[i], "confirm") || found) {
			log_error(pamh, "argument not known here", argv[i]);
			return PAM_SERVICE_ERR;
		}
		found = 1;
	}
	if (confirm)
		*confirm = found;
	return PAM_SUCCESS;
}
