/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PAM application told by lines on its standard input what to do; tests/pam/rig.py drives it. Each command's output ends
 * with a line "."; a call into PAM gives "rc CODE ms=N prompts=N changed=LIST", LIST being what the call left different in
 * this process (pam_host_state.c), "-" for nothing. What conversations are shown appears as "msg STYLE TEXT".
 */
#include "pam_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HANDLES 4
#define PROTOCOL_FD 200         /* where the protocol goes on, so that 0-2 can be closed */

FILE *host_out;
static FILE *host_in;
static char confdir[512];
static pam_handle_t *handles[HANDLES];
static struct talk talks[HANDLES];
static volatile sig_atomic_t signals_seen;

/* What a module must never find instead of its own: same names as in the project and in libraries. */
int verify_card(void);
int log_init(void);
int relay_run(void);
int wire_send(void);
int secret_wipe(void);
int sqlite3_open(void);

static int intercepted(void)
{
	fputs("a module called a function of the host\n", stderr);
	abort();
}

int verify_card(void) { return intercepted(); }
int log_init(void) { return intercepted(); }
int relay_run(void) { return intercepted(); }
int wire_send(void) { return intercepted(); }
int secret_wipe(void) { return intercepted(); }
int sqlite3_open(void) { return intercepted(); }

static _Noreturn void usage(const char *line)
{
	fprintf(stderr, "pam_host: what is \"%s\"?\n", line);
	exit(64);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* -- the transaction -- */

static const struct {
	const char *name;
	int (*call)(pam_handle_t *, int);
} calls[] = {
	{ "auth", pam_authenticate }, { "acct", pam_acct_mgmt }, { "cred", pam_setcred },
	{ "open", pam_open_session }, { "close", pam_close_session },
};

static int call_named(const char *name, pam_handle_t *pamh, int flags)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].call(pamh, flags);
	return -1;
}

static void run_call(const char *name, int n, int flags)
{
	static struct state before, after;
	const pid_t pid = getpid();
	struct talk *t = &talks[n];
	char changed[256];
	int64_t start;
	int rc;

	t->prompts = 0;
	state_take(&before, handles[n]);
	t->before = &before;
	start = now_ms();
	rc = call_named(name, handles[n], flags);
	start = now_ms() - start;
	state_take(&after, handles[n]);
	state_differs(&before, &after, changed, sizeof(changed));
	fprintf(host_out, "%s %d ms=%lld prompts=%d changed=%s\n", getpid() == pid ? "rc" : "child", rc, (long long)start,
		t->prompts, changed);
	t->before = NULL;
	if (getpid() != pid) {
		fflush(host_out);
		_exit(0);
	}
	while (t->child && waitpid(t->child, NULL, 0) < 0 && errno == EINTR)
		;
	t->child = 0;
}

/* Other modules ask libpam to wait behind a failure; nothing is learnt from that here. */
static void no_delay(int status, unsigned microseconds, void *appdata)
{
	(void)status;
	(void)microseconds;
	(void)appdata;
}

static pam_handle_t *start(const char *service, const char *user, struct talk *t, int *rc)
{
	const struct pam_conv conv = { .conv = talk_converse, .appdata_ptr = t };
	pam_handle_t *pamh = NULL;

	*rc = pam_start_confdir(service, strcmp(user, "-") ? user : NULL, &conv, confdir, &pamh);
	if (*rc == PAM_SUCCESS)
		*rc = pam_set_item(pamh, PAM_FAIL_DELAY, (const void *)no_delay);
	return pamh;
}

static void set_item(int n, const char *item, const char *value)
{
	static const struct {
		const char *name;
		int item;
	} items[] = {
		{ "user", PAM_USER }, { "rhost", PAM_RHOST }, { "tty", PAM_TTY }, { "ruser", PAM_RUSER }, { "service", PAM_SERVICE },
	};
	const struct pam_conv no_function = { .conv = NULL };

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (!strcmp(items[i].name, item))
			fprintf(host_out, "rc %d\n", pam_set_item(handles[n], items[i].item, strcmp(value, "-") ? value : NULL));
	if (!strcmp(item, "noconv"))
		fprintf(host_out, "rc %d\n", pam_set_item(handles[n], PAM_CONV, &no_function));
}

/* -- signals -- */

static void on_signal(int sig)
{
	(void)sig;
	signals_seen++;
}

/* A child of ours sends each of these every millisecond, without SA_RESTART here; SIGALRM comes from a timer of our own. */
static pid_t signals_start(void)
{
	static const int sent[] = { SIGINT, SIGTSTP, SIGWINCH, SIGPIPE, SIGUSR1 };
	const struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction sa = { .sa_handler = on_signal };
	const pid_t host = getpid();
	pid_t pid;

	sigaction(SIGALRM, &sa, NULL);
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		sigaction(sent[i], &sa, NULL);
	pid = fork();
	if (pid == 0) {
		const struct timespec pause = { .tv_nsec = 1000000 };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
				if (kill(host, sent[i]))
					_exit(0);
			nanosleep(&pause, NULL);
		}
	}
	setitimer(ITIMER_REAL, &every, NULL);
	return pid;
}

static void signals_stop(pid_t pid)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &never, NULL);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	fprintf(host_out, "signals %d\n", (int)signals_seen);
}

/* -- threads -- */

struct work {
	const char *service, *user, *answer;
	int times, flags;
	int good, bad;
};

static void *transactions(void *arg)
{
	struct work *w = arg;

	for (int i = 0; i < w->times; i++) {
		struct talk t = { .quiet = true };
		int rc;
		pam_handle_t *pamh;

		talk_say(&t, w->answer);
		pamh = start(w->service, w->user, &t, &rc);
		if (rc == PAM_SUCCESS)
			rc = pam_authenticate(pamh, 0);
		w->good += rc == PAM_SUCCESS;
		w->bad += rc != PAM_SUCCESS;
		if (pamh)
			pam_end(pamh, rc);
		talk_clear(&t);
	}
	return NULL;
}

/* Even threads answer what is right for user A, odd ones for user B. */
static void run_threads(int n, int times, const char *service, const char *users[2], const char *answers[2])
{
	static struct work work[64];
	static pthread_t ids[64];
	int good[2] = { 0, 0 }, bad[2] = { 0, 0 };

	for (int i = 0; i < n; i++) {
		work[i] = (struct work){ .service = service, .user = users[i % 2], .answer = answers[i % 2], .times = times };
		if (pthread_create(&ids[i], NULL, transactions, &work[i]))
			abort();
	}
	for (int i = 0; i < n; i++) {
		pthread_join(ids[i], NULL);
		good[i % 2] += work[i].good;
		bad[i % 2] += work[i].bad;
	}
	fprintf(host_out, "threads good=%d,%d bad=%d,%d\n", good[0], good[1], bad[0], bad[1]);
}

/* Loads, calls and unloads in threads that live no longer than that. */
static void *load_and_call(void *arg)
{
	struct work *w = arg;
	void *h = dlopen(w->service, RTLD_NOW);

	if (!h) {
		w->bad++;
		return NULL;
	}
	w->good += dlsym(h, "pam_sm_authenticate") != NULL;
	dlclose(h);
	return NULL;
}

static void run_loads(const char *module, int times, const char *service, const char *user, const char *answer)
{
	struct work load = { .service = module }, call = { .service = service, .user = user, .answer = answer, .times = 1 };

	for (int i = 0; i < times; i++) {
		pthread_t id;

		if (pthread_create(&id, NULL, load_and_call, &load) || pthread_join(id, NULL) ||
		    pthread_create(&id, NULL, transactions, &call) || pthread_join(id, NULL))
			abort();
	}
	fprintf(host_out, "loads good=%d bad=%d calls good=%d bad=%d\n", load.good, load.bad, call.good, call.bad);
}

/* -- faults: pam_faults.so counts its calls into libc and fails one of them -- */

static void fault(const char *module, int at, const char *only)
{
	static char kept[64];
	void *h = dlopen(module, RTLD_NOW);
	int *where = h ? dlsym(h, "fault_at") : NULL, *count = h ? dlsym(h, "fault_calls") : NULL;
	const char **name = h ? dlsym(h, "fault_name") : NULL, **which = h ? dlsym(h, "fault_only") : NULL;

	if (!where || !count || !name || !which)
		usage(module);
	fprintf(host_out, "faults calls=%d failed=%s\n", *count, *name ? *name : "-");
	*where = at;
	*count = 0;
	*name = NULL;
	snprintf(kept, sizeof(kept), "%s", only);
	*which = strcmp(only, "-") ? kept : NULL;
}

/* -- commands -- */

static void command(char *line);

static void in_child(char *line)
{
	pid_t pid;

	fflush(host_out);
	pid = fork();
	if (pid == 0) {
		command(line);
		fflush(host_out);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int handle(const char *word)
{
	int n = word ? atoi(word) : -1;

	if (n < 0 || n >= HANDLES)
		usage(word ? word : "(nothing)");
	return n;
}

static void process_command(const char *verb, char *rest)
{
	static pid_t sender;
	char *word = strtok(rest, " ");
	uid_t id = word ? (uid_t)strtoul(word, NULL, 10) : 0;

	if (!strcmp(verb, "close012")) {
		close(0);
		close(1);
		close(2);
	} else if (!strcmp(verb, "signals")) {
		if (!sender)
			sender = signals_start();
		else
			signals_stop(sender);
	} else if (!strcmp(verb, "setuid")) {
		fprintf(host_out, "rc %d\n", setgid(id) || setuid(id));
	} else if (!strcmp(verb, "seteuid")) {
		fprintf(host_out, "rc %d\n", seteuid(id));
	} else if (!strcmp(verb, "abandon")) {
		_exit(0);
	} else {
		usage(verb);
	}
}

static void memory_command(const char *verb, char *rest)
{
	if (!strcmp(verb, "scan"))
		fprintf(host_out, "hits %d\n", state_scan(rest));
	else if (!strcmp(verb, "plant"))
		talk_plant(rest);
	else if (!strcmp(verb, "watch"))
		talk_watch(rest);
	else
		fprintf(host_out, "stat fds=%d rss=%ld\n", state_fds(), state_rss_kib());
}

static void many_command(const char *verb, char *rest)
{
	char *w[8];
	size_t n = 0;

	for (char *p = strtok(rest, " "); p && n < 8; p = strtok(NULL, " "))
		w[n++] = p;
	if (!strcmp(verb, "threads") && n == 7)
		run_threads(atoi(w[0]), atoi(w[1]), w[2], (const char *[]){ w[3], w[5] }, (const char *[]){ w[4], w[6] });
	else if (!strcmp(verb, "loads") && n == 5)
		run_loads(w[0], atoi(w[1]), w[2], w[3], w[4]);
	else if (!strcmp(verb, "fault") && n == 3)
		fault(w[0], atoi(w[1]), w[2]);
	else
		usage(verb);
}

static void handle_command(const char *verb, char *rest)
{
	char *save = NULL, *word = strtok_r(rest, " ", &save);
	const int n = handle(word);
	char *a = strtok_r(NULL, " ", &save), *b = strtok_r(NULL, "\n", &save);
	int rc = 0;

	if (!strcmp(verb, "start") && a && b) {
		handles[n] = start(a, b, &talks[n], &rc);
		fprintf(host_out, "rc %d\n", rc);
	} else if (!strcmp(verb, "end")) {
		fprintf(host_out, "rc %d\n", pam_end(handles[n], PAM_SUCCESS));
		handles[n] = NULL;
	} else if (!strcmp(verb, "set") && a) {
		set_item(n, a, b ? b : "");
	} else if (!strcmp(verb, "putenv") && a) {
		fprintf(host_out, "rc %d\n", pam_putenv(handles[n], a));
	} else {
		run_call(verb, n, a ? (int)strtoul(a, NULL, 0) : 0);
	}
}

static void say(char *rest)
{
	char *save = NULL, *word = strtok_r(rest, " ", &save), *answers = strtok_r(NULL, "\n", &save);
	const int n = handle(word);

	talk_clear(&talks[n]);
	if (answers)
		talk_say(&talks[n], answers);
}

static void command(char *line)
{
	static const struct {
		const char *verbs;
		void (*run)(const char *verb, char *rest);
	} table[] = {
		{ " start end set putenv auth acct cred open close ", handle_command },
		{ " scan plant watch stat ", memory_command },
		{ " threads loads fault ", many_command },
		{ " close012 signals setuid seteuid abandon ", process_command },
	};
	char verb[32] = " ", *rest = strchr(line, ' ');
	size_t len = rest ? (size_t)(rest - line) : strlen(line);

	if (len > sizeof(verb) - 3)
		usage(line);
	memcpy(verb + 1, line, len);
	verb[len + 1] = ' ';
	rest = rest ? rest + 1 : line + len;
	if (!strcmp(verb, " conf ")) {
		snprintf(confdir, sizeof(confdir), "%s", rest);
		return;
	}
	if (!strcmp(verb, " say ")) {
		say(rest);
		return;
	}
	if (!strcmp(verb, " fork ")) {
		in_child(rest);
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strstr(table[i].verbs, verb)) {
			verb[len + 1] = '\0';
			table[i].run(verb + 1, rest);
			return;
		}
	usage(line);
}

/* Signals interrupt even this program's own reading. */
static char *next_line(char *line, int size)
{
	for (;;) {
		clearerr(host_in);
		errno = 0;
		if (fgets(line, size, host_in))
			return line;
		if (errno != EINTR)
			return NULL;
	}
}

int main(void)
{
	static char line[65536];
	int in = fcntl(0, F_DUPFD_CLOEXEC, PROTOCOL_FD), out = fcntl(1, F_DUPFD_CLOEXEC, PROTOCOL_FD);

	host_in = in < 0 ? NULL : fdopen(in, "r");
	host_out = out < 0 ? NULL : fdopen(out, "w");
	if (!host_in || !host_out)
		return 70;
	while (next_line(line, sizeof(line))) {
		line[strcspn(line, "\n")] = '\0';
		command(line);
		fputs(".\n", host_out);
		while (fflush(host_out) && errno == EINTR)
			clearerr(host_out);
	}
	for (int i = 0; i < HANDLES; i++)
		talk_clear(&talks[i]);
	return 0;
}
