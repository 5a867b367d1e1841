/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cardtool.h"
#include "clock.h"
#include "output.h"
#include "paths.h"
#include "random.h"
#include "tune.h"
#include "words.h"

#define ALL_MS 60000            /* for all runs together */
#define PLACES_MAX 4            /* hashes that the daemon computes at once */

static const struct option_row options[] = {
	{ "memory", "MEMORY", N_("at most this for one hash: 19MiB to 256MiB (default 64MiB)") },
	{ "time", "TIME", N_("at most this for one hash: 20ms to 5s (default 500ms)") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

/* ---- measuring ---- */

struct bench {
	struct secret password, key;
	bool shown;             /* progress on the terminal */
};

static void show_progress(const struct bench *b, struct pwhash_cost cost)
{
	if (!b->shown)
		return;
	fprintf(stderr, "\r");
	/* TRANSLATORS: ends with blanks, which overwrite the line before */
	fprintf(stderr, _("measuring: %u MiB, passes: %u   "), cost.m_kib / 1024, cost.t);
	fflush(stderr);
}

static enum err measure(struct pwhash_cost cost, int64_t *ms, void *arg)
{
	const struct bench *b = arg;

	show_progress(b, cost);

	int64_t begun = clock_boot_ms();
	enum err e = pwhash_dummy(&b->password, &b->key, cost);

	*ms = clock_boot_ms() - begun;
	return e;
}

/* Of no person and no store: the work does not depend on them. */
static enum err prepare(struct bench *b)
{
	unsigned char bytes[32];
	enum err e = random_bytes(bytes, sizeof(bytes));

	if (!e)
		e = secret_set(&b->key, bytes, sizeof(bytes));
	return e ? e : secret_set(&b->password, "password", strlen("password"));
}

static int processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (int)n;
}

/* ---- output ---- */

static const char *memory_text(char *dst, size_t size, uint32_t kib)
{
	snprintf(dst, size, "%uMiB", kib / 1024);
	return dst;
}

static void show_rows(const struct tune *t)
{
	struct table *table = table_new(3);
	char text[32];

	table_add(table, _("MEMORY"));
	table_add(table, _("PASSES"));
	table_add(table, _("TAKES"));
	for (size_t i = 0; i < t->n; i++) {
		table_add(table, memory_text(text, sizeof(text), t->rows[i].cost.m_kib));
		snprintf(text, sizeof(text), "%u", t->rows[i].cost.t);
		table_add(table, text);
		snprintf(text, sizeof(text), "%" PRId64 " ms", t->rows[i].ms);
		table_add(table, text);
	}
	table_print(table);
}

static void show_text(const struct tune *t)
{
	char text[32];
	int places = processors() < PLACES_MAX ? processors() : PLACES_MAX;

	say(_("Argon2id on this machine (%d processors), median of %d runs:\n"), processors(), TUNE_RUNS);
	show_rows(t);
	if (!t->complete)
		say(_("\nNot all was measured: the time for it was over, or memory was short."));
	if (t->fits)
		say(_("\nWithin %" PRId64 " ms and %u MiB (one hash takes %" PRId64 " ms):\n"), t->time_ms,
		    t->memory_kib / 1024, t->best.ms);
	else
		say(_("\nNothing fits %" PRId64 " ms. The least that is safe, and takes longer (%" PRId64 " ms):\n"), t->time_ms,
		    t->best.ms);
	say("argon2-memory = %s", memory_text(text, sizeof(text), t->best.cost.m_kib));
	say("argon2-time = %u\n", t->best.cost.t);
	say(_("Nothing was changed. The lines belong into [settings] of %s; each password moves to them at its next "
	      "login. Up to %d hashes at once take %u MiB."),
	    PATH_CONF, places, (unsigned)places * t->best.cost.m_kib / 1024);
}

static enum exit_code show_json(const struct tune *t)
{
	json_t *rows = json_array();
	char text[32];

	for (size_t i = 0; i < t->n; i++)
		json_array_append_new(rows, json_pack("{s:I, s:i, s:I, s:i}",
						      "memory_kib", (json_int_t)t->rows[i].cost.m_kib,
						      "passes", (int)t->rows[i].cost.t,
						      "ms", (json_int_t)t->rows[i].ms,
						      "runs", t->rows[i].runs));
	return json_print(json_pack("{s:i, s:I, s:I, s:o, s:b, s:b, s:s, s:i, s:I}",
				    "processors", processors(),
				    "memory_budget_kib", (json_int_t)t->memory_kib,
				    "time_budget_ms", (json_int_t)t->time_ms,
				    "measured", rows,
				    "complete", t->complete,
				    "fits", t->fits,
				    "argon2_memory", memory_text(text, sizeof(text), t->best.cost.m_kib),
				    "argon2_time", (int)t->best.cost.t,
				    "ms", (json_int_t)t->best.ms));
}

/* ---- the command ---- */

static enum exit_code take_budget(const struct arguments *a, struct tune *t)
{
	const char *memory = option_value(a, "memory"), *time = option_value(a, "time");

	if (memory && !tune_memory(memory, &t->memory_kib)) {
		complain(_("--memory is 19MiB to 256MiB, written so"));
		return EXIT_USAGE;
	}
	if (time && !tune_time(time, &t->time_ms)) {
		complain(_("--time is 20ms to 5s, written so"));
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static enum exit_code tune(struct tool *tool)
{
	struct tune t = { .memory_kib = PWHASH_COST_DEFAULT.m_kib, .time_ms = 500, .deadline = deadline_in(ALL_MS) };
	struct bench b = { .shown = isatty(STDERR_FILENO) };
	enum exit_code code = take_budget(&tool->args, &t);

	if (code)
		return code;

	enum err e = prepare(&b);

	if (!e)
		e = tune_run(&t, measure, &b);
	if (b.shown)
		fprintf(stderr, "\r\033[K");
	if (e)
		return complain_err(e);
	if (tool->json)
		return show_json(&t);
	show_text(&t);
	return EXIT_DONE;
}

const struct command cmd_tune = {
	.name = "tune",
	.usage = "[--memory MEMORY] [--time TIME] [--json]",
	.brief = N_("measure password hashing here and propose argon2-memory and argon2-time"),
	.example = "  cardtool tune --memory 128MiB --time 300ms",
	.options = options,
	.needs = NEED_NOBODY,
	.run = tune,
};
