/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group of one unit test, run on demand: tests/mutate.py links this in the place of cmocka's
 * own run of a group. Asked on standard input, a line each time: "MUTANT SECONDS CPU-SECONDS
 * CASE...", cases by number from 0. They run in a process of its own behind the setup of the group,
 * which is done once. Answered on standard output: "group N" at the start, then "ran STATUS
 * MILLISECONDS CPU-MILLISECONDS LAST FUNCTIONS"; LAST is the place of the last case that ran among
 * those asked for, FUNCTIONS has a 1 for each mutated function that was entered, else a 0.
 */
#include <argon2.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#define CASES_MAX 255

/* In the mutated source. */
extern int mutant_now;
extern unsigned char *mutant_entered;
extern const int mutant_functions;

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup, CMFixtureFunction teardown);

int __real_argon2id_ctx(argon2_context *ctx);
int __wrap_argon2id_ctx(argon2_context *ctx);

static void *group_state;
static unsigned char *last;     /* shared with the process that runs the cases */

static int hand_over(void **state)
{
	*state = group_state;
	return 0;
}

/* Thousands of runs need no strong hashes: another one, the same for the same password, will do. */
int __wrap_argon2id_ctx(argon2_context *ctx)
{
	if (!getenv("MUTATE_STRONG_HASH")) {
		ctx->m_cost = 8;
		ctx->t_cost = 1;
	}
	return __real_argon2id_ctx(ctx);
}

struct request {
	int mutant;
	unsigned seconds, cpu_seconds;
	struct CMUnitTest cases[CASES_MAX];
	size_t n;
};

/* False: nobody asks any more. */
static bool read_request(FILE *f, const struct CMUnitTest *tests, size_t n, struct request *rq)
{
	char line[4096];
	int used = 0;
	unsigned i;

	if (!fgets(line, sizeof(line), f) ||
	    sscanf(line, "%d %u %u%n", &rq->mutant, &rq->seconds, &rq->cpu_seconds, &used) != 3)
		return false;
	rq->n = 0;
	for (const char *p = line + used; sscanf(p, "%u%n", &i, &used) == 1 && i < n; p += used)
		rq->cases[rq->n++] = tests[i];
	return true;
}

/* The tests set clocks of their own. */
static int64_t now_ms(void)
{
	struct timespec ts;

	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void run_cases(const char *name, const struct request *rq)
{
	const struct rlimit cpu = { rq->cpu_seconds, rq->cpu_seconds }, core = { 0, 0 };
	int nowhere = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2; fd++)
		dup2(nowhere, fd);
	setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_CORE, &core);
	alarm(rq->seconds);
	mutant_now = rq->mutant;
	for (*last = 0; *last < rq->n; ++*last)
		if (__real__cmocka_run_group_tests(name, &rq->cases[*last], 1, hand_over, NULL) != 0)
			_exit(1);
	_exit(0);
}

static void answer(FILE *f, const char *name, const struct request *rq)
{
	const int64_t start = now_ms();
	struct rusage used;
	int status = 0;
	pid_t pid;

	memset(mutant_entered, 0, (size_t)mutant_functions);
	pid = fork();
	if (pid == 0)
		run_cases(name, rq);
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		exit(1);
	/* What it left running. */
	kill(-pid, SIGKILL);
	fprintf(f, "ran %d %lld %lld %u ", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		(long long)(now_ms() - start),
		(long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
		(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000, *last);
	for (int i = 0; i < mutant_functions; i++)
		fputc('0' + mutant_entered[i], f);
	fputc('\n', f);
	fflush(f);
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
				   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	static struct request rq;
	FILE *asked = fdopen(fcntl(0, F_DUPFD_CLOEXEC, 100), "r");
	FILE *told = fdopen(fcntl(1, F_DUPFD_CLOEXEC, 100), "w");

	if (!asked || !told || n > CASES_MAX || (setup && setup(&group_state) != 0))
		return 1;
	last = mmap(NULL, (size_t)mutant_functions + 1, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (last == MAP_FAILED)
		return 1;
	mutant_entered = last + 1;
	fprintf(told, "group %zu\n", n);
	fflush(told);
	while (read_request(asked, tests, n, &rq))
		answer(told, name, &rq);
	return teardown ? teardown(&group_state) : 0;
}
