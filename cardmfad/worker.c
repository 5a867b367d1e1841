/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cardmfa-worker: one entry-point call, then exit. "call" answers the host at descriptor 3; "check" and "check-last-good"
 * judge the configuration at descriptor 5 (exit status 0: good).
 */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "auth.h"
#include "clock.h"
#include "event.h"
#include "l10n.h"
#include "log.h"
#include "paths.h"
#include "secret.h"
#include "worker_io.h"

#define LIFE_S 180              /* ends itself by then, whatever hangs */
#define GREETING_MS 2000
#define CHECK_LOCK_MS 2000      /* well within what the listener waits for a judgement */
#define LOCK_MS 20000           /* for the store's writers before us */
#define LOOK_MS 2000            /* for a stranger in the database */
#define JUDGED_MS 1000

/* SQLite's shared memory on a full disk: a denial, no core. The host sees the closed connection. */
static void on_sigbus(int sig)
{
	static const char text[] = "cardmfa-worker: SIGBUS: no space for the store\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(3);
	_exit(3);
}

/* What only tells waits for no writer, gives up no reserve and makes none. */
static enum err look_at_store(struct store **ret, bool *full)
{
	enum err e = store_open(PATH_STORE_DIR, STORE_LOOK, LOOK_MS, ret);

	if (e == ERR_OK)
		*full = store_reserve_missing(*ret);
	return e;
}

static enum err open_store(struct store **ret, int lock_ms, bool *full)
{
	enum err e = store_open(PATH_STORE_DIR, STORE_USE, lock_ms, ret);

	if (e != ERR_OK)
		return e;
	/* Space may be back: the reserve is made again before anything is judged. */
	*full = store_reserve_missing(*ret) && store_reserve_make(*ret) != ERR_OK;
	if (*full)
		log_line(LOG_ALERT, "no disk space for the store: only classes with when-full log in");
	return ERR_OK;
}

/* What a call works with. */
struct means {
	struct policy *policy;
	struct store *store;
	struct keyring *keys;
};

static void free_means(struct means *m)
{
	store_close(m->store);
	policy_free(m->policy);
	keyring_free(m->keys);
}

static void close_store(struct store **s)
{
	store_close(*s);
}

static void free_policy(struct policy **p)
{
	policy_free(*p);
}

static enum err serve(struct worker_io *io, struct means *m, const char *language, struct wire_result *result)
{
	const struct auth_io calls = worker_io_calls(io);
	char host_id[33];
	struct auth_call c = {
		.io = &calls, .peer = &io->peer, .request = &io->request, .system_language = language, .host_id = host_id,
	};
	enum err e = policy_read(WIRE_FD_CONFIG, PATH_CONF, &m->policy);

	if (e == ERR_OK)
		e = auth_only_tells(io->request.op) ? look_at_store(&m->store, &c.store_full) :
						      open_store(&m->store, LOCK_MS, &c.store_full);
	if (e == ERR_OK)
		e = store_meta_get(m->store, "host_id", host_id, sizeof(host_id));
	if (e != ERR_OK) {
		auth_tell_fault(&calls, &io->request, language);
		return e;
	}
	/* Without keys nothing can be verified, but an account can be refused and a session closed. */
	if (keyring_read(WIRE_FD_KEYS, &m->keys) != ERR_OK)
		m->keys = NULL;
	c.policy = m->policy;
	c.store = m->store;
	c.keys = m->keys;
	return auth_run(&c, result);
}

static int run_call(const char *language)
{
	static struct worker_io io;
	__attribute__((cleanup(free_means))) struct means m = { .store = NULL };
	struct wire_result result = { .verdict = VERDICT_DENY, .result = ERR_UNAVAILABLE };
	enum err e = worker_io_greet(&io, deadline_in(GREETING_MS), LIFE_S * 1000);

	if (e == ERR_OK)
		e = serve(&io, &m, language, &result);
	if (e != ERR_OK)
		result = (struct wire_result){ .verdict = VERDICT_DENY, .result = e };
	/* All that it rests on is committed: the host does not wait while the store is closed. */
	worker_io_end(&io);
	e = worker_io_result(&io, &result);
	return e == ERR_OK ? 0 : 4;
}

static void record_configuration(enum err found)
{
	__attribute__((cleanup(close_store))) struct store *store = NULL;
	const struct event ev = {
		.type = found == ERR_OK ? EVENT_CONFIG_LOADED : EVENT_CONFIG_BROKEN, .result = found, .actor = -1,
		.fields = { { found == ERR_OK ? NULL : "fault", err_detail() } },
	};
	bool full;

	/* The judgement does not depend on the store: it may not have been made yet. */
	if (open_store(&store, CHECK_LOCK_MS, &full) == ERR_OK && event_alone(store, &ev) != ERR_OK)
		log_line(LOG_ERR, "the configuration's event could not be recorded");
}

static void tell_judged(const struct policy *policy)
{
	WIRE_BUF(b);

	wire_put_judged(&b, auth_keys_uid(policy));
	/* A listener of before this message does not listen. */
	if (wire_send(WIRE_FD_CONTROL, &b, -1, deadline_in(JUDGED_MS)) != ERR_OK)
		log_line(LOG_WARNING, "the listener was not told whose calls are sshd's");
}

static int run_check(bool present)
{
	__attribute__((cleanup(free_policy))) struct policy *policy = NULL;
	enum err e = policy_read(WIRE_FD_CONFIG, present ? PATH_CONF : PATH_LAST_GOOD, &policy);

	if (e == ERR_OK)
		tell_judged(policy);
	if (present)
		record_configuration(e);
	return e == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct sigaction bus = { .sa_handler = on_sigbus }, ignore = { .sa_handler = SIG_IGN };

	log_set_program("cardmfa-worker");
	umask(077);
	alarm(LIFE_S + 2);
	if (argc != 3 || geteuid() == 0 || secret_harden_process() != ERR_OK || sigaction(SIGBUS, &bus, NULL) ||
	    sigaction(SIGPIPE, &ignore, NULL)) {
		fprintf(stderr, "cardmfa-worker: started by cardmfad only\n");
		return 2;
	}
	/* What gettext goes by; each further category is a file to open. */
	if (!setlocale(LC_CTYPE, "C.UTF-8") || !setlocale(LC_MESSAGES, "C.UTF-8") ||
	    !bindtextdomain("cardmfa", CARDMFA_LOCALEDIR) || !textdomain("cardmfa"))
		log_line(LOG_WARNING, "no locale C.UTF-8: messages are English");
	if (!strcmp(argv[2], "call"))
		return run_call(argv[1]);
	return run_check(!strcmp(argv[2], "check"));
}
