/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

#define CHUNK (1 << 16)
#define SECRET_ROOM 64
#define MAP_MAX (1L << 26)      /* a sanitizer has larger ones of its own */

static void add(char *dst, const char *text)
{
	size_t used = strlen(dst);

	snprintf(dst + used, STATE_TEXT - used, "%s ", text);
}

/* Each open descriptor with what it is and whether exec closes it. */
static void take_fds(char *dst, pam_handle_t *pamh)
{
	(void)pamh;
	for (int fd = 0; fd < 1024; fd++) {
		char path[64], target[128], text[256];
		int flags = fcntl(fd, F_GETFD);
		ssize_t n;

		if (flags < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		snprintf(text, sizeof(text), "%d:%d:%s", fd, flags & FD_CLOEXEC ? 1 : 0, target);
		add(dst, text);
	}
}

/* uids, gids, groups, capabilities, umask, blocked, ignored and caught signals, seccomp: as the kernel tells them. */
static void take_status(char *dst, pam_handle_t *pamh)
{
	static const char *const wanted[] = { "Umask:", "Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:", "SigCgt:", "Cap", "NoNewPrivs:", "Seccomp:" };
	FILE *f = fopen("/proc/self/status", "re");
	char line[1024];

	(void)pamh;
	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (!strncmp(line, wanted[i], strlen(wanted[i])))
				add(dst, line);
	if (f)
		fclose(f);
}

static void take_handlers(char *dst, pam_handle_t *pamh)
{
	(void)pamh;
	for (int sig = 1; sig < 65; sig++) {
		struct sigaction sa;
		char text[64];

		if (sigaction(sig, NULL, &sa))
			continue;
		snprintf(text, sizeof(text), "%d:%p:%x", sig, *(void **)&sa.sa_handler, (unsigned)sa.sa_flags);
		add(dst, text);
	}
}

static void take_itimers(char *dst, pam_handle_t *pamh)
{
	(void)pamh;
	for (int which = 0; which < 3; which++) {
		struct itimerval v = { 0 };
		char text[64];
		bool known = false;

		/* One that has just fired is wound up again when its signal is taken, before the next look. */
		for (int look = 0; look == 0 || (look < 10 && !timerisset(&v.it_value) && timerisset(&v.it_interval)); look++)
			known = getitimer((__itimer_which_t)which, &v) == 0;
		if (!known)
			continue;
		snprintf(text, sizeof(text), "%ld.%06ld:%d", (long)v.it_interval.tv_sec, (long)v.it_interval.tv_usec,
			 timerisset(&v.it_value));
		add(dst, text);
	}
}

static void take_limits(char *dst, pam_handle_t *pamh)
{
	(void)pamh;
	for (int what = 0; what < RLIM_NLIMITS; what++) {
		struct rlimit r;
		char text[64];

		if (getrlimit((__rlimit_resource_t)what, &r))
			continue;
		snprintf(text, sizeof(text), "%llx,%llx", (unsigned long long)r.rlim_cur, (unsigned long long)r.rlim_max);
		add(dst, text);
	}
}

static void take_place(char *dst, pam_handle_t *pamh)
{
	char text[512];

	(void)pamh;
	if (getcwd(text, sizeof(text)))
		add(dst, text);
	snprintf(text, sizeof(text), "%s %d %d %ld %d", setlocale(LC_ALL, NULL), prctl(PR_GET_SECUREBITS), prctl(PR_GET_DUMPABLE),
		 syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0), getpriority(PRIO_PROCESS, 0));
	add(dst, text);
}

static void take_environ(char *dst, pam_handle_t *pamh)
{
	(void)pamh;
	for (char **e = environ; e && *e; e++)
		add(dst, *e);
}

static void take_item(char *dst, pam_handle_t *pamh, int item)
{
	const void *v = NULL;

	if (pamh && pam_get_item(pamh, item, &v) == PAM_SUCCESS)
		add(dst, v ? v : "(null)");
}

static void take_user(char *dst, pam_handle_t *pamh)
{
	take_item(dst, pamh, PAM_USER);
}

static void take_items(char *dst, pam_handle_t *pamh)
{
	take_item(dst, pamh, PAM_SERVICE);
	take_item(dst, pamh, PAM_RHOST);
	take_item(dst, pamh, PAM_RUSER);
	take_item(dst, pamh, PAM_TTY);
}

static const struct {
	const char *name;
	void (*take)(char *dst, pam_handle_t *pamh);
} parts[] = {
	{ "fds", take_fds }, { "status", take_status }, { "handlers", take_handlers }, { "itimers", take_itimers },
	{ "limits", take_limits }, { "place", take_place }, { "environ", take_environ }, { "user", take_user },
	{ "items", take_items },
};
_Static_assert(sizeof(parts) / sizeof(parts[0]) <= STATE_PARTS, "room for the parts");

void state_take(struct state *s, pam_handle_t *pamh)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		parts[i].take(s->part[i], pamh);
}

void state_differs(const struct state *a, const struct state *b, char *dst, size_t size)
{
	snprintf(dst, size, "-");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t used = strcmp(dst, "-") ? strlen(dst) : 0;

		if (strcmp(a->part[i], b->part[i]))
			snprintf(dst + used, size - used, "%s%s", used ? "," : "", parts[i].name);
	}
}

void state_new_fds(const struct state *before, char *dst, size_t size)
{
	dst[0] = '\0';
	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);
		char open_before[32];
		size_t used = strlen(dst);

		snprintf(open_before, sizeof(open_before), "%s%d:", fd ? " " : "", fd);
		if (flags < 0 || strstr(before->part[0], open_before) || !strncmp(before->part[0], open_before + 1, strlen(open_before) - 1))
			continue;
		snprintf(dst + used, size - used, "%d:%d ", fd, flags & FD_CLOEXEC ? 1 : 0);
	}
}

int state_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

long state_rss_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long total = 0, resident = 0;

	if (!f || fscanf(f, "%ld %ld", &total, &resident) != 2)
		resident = -1;
	if (f)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* -- looking for secrets -- */

static unsigned char window[CHUNK + SECRET_ROOM];

static size_t read_masked(const char *masked, unsigned char *dst)
{
	size_t n = 0;

	for (; masked[2 * n] && masked[2 * n + 1] && n < SECRET_ROOM; n++) {
		const char pair[3] = { masked[2 * n], masked[2 * n + 1], '\0' };

		dst[n] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return n;
}

/* want is masked; the window is not. */
static int count_in(const unsigned char *bytes, size_t len, const unsigned char *want, size_t n)
{
	int hits = 0;

	for (size_t i = 0; i + n <= len; i++) {
		size_t k = 0;

		while (k < n && (bytes[i + k] ^ TALK_MASK) == want[k])
			k++;
		hits += k == n;
	}
	return hits;
}

static int scan_range(int mem, unsigned long from, unsigned long to, const unsigned char *want, size_t n)
{
	const unsigned long own = (unsigned long)window, own_end = own + sizeof(window);
	int hits = 0;

	while (from < to) {
		size_t len = to - from < sizeof(window) ? to - from : sizeof(window);
		ssize_t got;

		/* The window would find itself. */
		if (from >= own && from < own_end) {
			from = own_end;
			continue;
		}
		if (from < own && from + len > own)
			len = own - from;
		got = pread(mem, window, len, (off_t)from);
		if (got <= 0)
			return hits;
		hits += count_in(window, (size_t)got, want, n);
		from += (size_t)got > n && from + (size_t)got < to && (size_t)got == sizeof(window) ? (size_t)got - (n - 1) : (size_t)got;
	}
	return hits;
}

int state_scan(const char *masked)
{
	unsigned char want[SECRET_ROOM];
	size_t n = read_masked(masked, want);
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), hits = 0;
	char line[1024];

	while (maps && mem >= 0 && n > 0 && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' && to - from < (unsigned long)MAP_MAX)
			hits += scan_range(mem, from, to, want, n);
	}
	memset(window, 0, sizeof(window));
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	return mem < 0 || !maps ? -1 : hits;
}
