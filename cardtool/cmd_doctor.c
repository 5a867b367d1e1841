/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --json is one object:
 *   findings  check, finding, level (ok note warning error), text, detail, advice, and where known
 *             service, phase, file, line, person, class; else null
 *   services  service, file, uses, named, asked {auth, account, session}
 *   logins    everybody at every service that was tried: person, registered, service, planned, where
 *             (local remote), from, class, line, outcome (two-kinds one-kind nothing-asked locked-out),
 *             why (lacks nothing-offered no-class no-account linux-password stack no-batch locked
 *             not-registered), missing, alternatives
 *   sum       error, warning, note
 * Exit code 0: no errors, 1: errors.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "fold.h"
#include "output.h"
#include "words.h"

static const struct option_row options[] = {
	{ "all", NULL, N_("name everybody, not only the first ones") },
	{ "json", NULL, N_("for programs") },
	{ 0 },
};

/* name: stable, for --json. */
static const struct check {
	const char *name;
	void (*run)(struct doctor *d);
} checks[] = {
	{ "users", doctor_users },
	{ "paths", doctor_paths },
	{ "disk", doctor_disk },
	{ "key-file", doctor_key_file },
	{ "configuration", doctor_configuration },
	{ "store", doctor_store },
	{ "cards", doctor_cards },
	{ "units", doctor_units },
	{ "daemon", doctor_daemon },
	{ "readers", doctor_readers },
	{ "pcscd-socket", doctor_pcscd_socket },
	{ "vpcd", doctor_vpcd },
	{ "clock", doctor_clock },
	{ "nsswitch", doctor_nsswitch },
	{ "accounts", doctor_accounts },
	{ "rescue", doctor_rescue },
	{ "pam", doctor_stacks },
	{ "sshd", doctor_sshd },
	{ "machine", doctor_machine },
	{ "services", doctor_services },
	{ "classes", doctor_classes },
	{ "logins", doctor_logins },
};

static const struct {
	const char *name, *shown;
} levels[] = {
	[DOCTOR_OK] = { "ok", N_("ok") },
	[DOCTOR_NOTE] = { "note", N_("note") },
	[DOCTOR_WARNING] = { "warning", N_("WARNING") },
	[DOCTOR_ERROR] = { "error", N_("ERROR") },
};

struct doctor {
	const struct check *check;
	json_t *json;                   /* NULL: text */
	bool all;
	struct doctor_facts facts;
	struct doctor_judgements judged;
	unsigned counts[DOCTOR_ERROR + 1];
};

const struct doctor_facts *doctor_facts(const struct doctor *d)
{
	return &d->facts;
}

struct doctor_judgements *doctor_judgements(struct doctor *d)
{
	return &d->judged;
}

json_t *doctor_list(struct doctor *d, const char *name)
{
	json_t *list = d->json ? json_object_get(d->json, name) : NULL;

	if (d->json && !list) {
		list = json_array();
		json_object_set_new(d->json, name, list);
	}
	return list;
}

/* ---- names ---- */

#define NAMES_SHOWN 10

void doctor_names_add(const struct doctor *d, struct doctor_names *l, const char *name)
{
	char *more;

	l->n++;
	if (!d->all && !d->json && l->shown == NAMES_SHOWN)
		return;
	if (asprintf(&more, "%s%s%s", l->text ? l->text : "", l->text ? ", " : "", name) < 0)
		abort();
	free(l->text);
	l->text = more;
	l->shown++;
}

const char *doctor_names_text(struct doctor_names *l)
{
	size_t rest = l->n - l->shown;
	char *more;

	if (!l->text || !rest)
		return l->text ? l->text : "";
	if (asprintf(&more, ngettext("%s and %zu more (--all names them)", "%s and %zu more (--all names them)", rest), l->text,
		     rest) < 0)
		abort();
	free(l->text);
	l->text = more;
	l->shown = l->n;
	return l->text;
}

void doctor_names_free(struct doctor_names *l)
{
	free(l->text);
	l->text = NULL;
}

/* ---- findings ---- */

/* Where the texts stand, behind level and name. */
#define TEXT_COLUMN 25
#define FURTHER_COLUMN 10       /* detail and advice: commands should fit on one line */

static void print_further(const char *mark, const char *text)
{
	printf("%*s%s", FURTHER_COLUMN, "", mark);
	fold_print(stdout, text, FURTHER_COLUMN + fold_columns(mark),
		   FURTHER_COLUMN + fold_columns(mark), fold_width(stdout));
	putchar('\n');
}

static void print_finding(const struct doctor *d, enum doctor_level level, const char *text,
			  const char *detail, const char *advice)
{
	const char *shown = gettext(levels[level].shown);

	printf("%s%*s  %-13s  ", shown, (int)(8 - fold_columns(shown)), "", d->check->name);
	fold_print(stdout, text, TEXT_COLUMN, TEXT_COLUMN, fold_width(stdout));
	putchar('\n');
	if (*detail)
		print_further(_("Detail: "), detail);
	if (*advice)
		print_further("-> ", advice);
	fflush(stdout);
}

static json_t *optional(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static void list_finding(struct doctor *d, enum doctor_level level, const struct doctor_mark *m, const char *text,
			 const char *detail, const char *advice)
{
	json_t *list = doctor_list(d, "findings");

	json_array_append_new(
		list, json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "check", d->check->name, "finding",
				optional(m->finding ? m->finding : d->check->name), "level", levels[level].name, "text", optional(text), "detail",
				optional(detail), "advice", optional(advice), "service", optional(m->service), "phase",
				optional(m->phase), "file", optional(m->file), "line", m->line ? json_integer(m->line) : json_null(),
				"person", optional(m->person), "class", optional(m->class_name)));
}

/* Four bytes for each that is escaped. Free it. */
static char *escaped(const char *text)
{
	size_t size = 4 * strlen(text) + 4;
	char *copy = malloc(size);

	if (!copy)
		abort();
	text_escape(copy, size, text);
	return copy;
}

static void found(struct doctor *d, enum doctor_level level, const struct doctor_mark *m, const char *text,
		  const char *detail, const char *advice)
{
	char *shown = escaped(text), *shown_detail = escaped(detail), *shown_advice = escaped(advice);

	d->counts[level]++;
	if (d->json)
		list_finding(d, level, m, shown, shown_detail, shown_advice);
	else
		print_finding(d, level, shown, shown_detail, shown_advice);
	free(shown);
	free(shown_detail);
	free(shown_advice);
}

PRINTF_LIKE(5, 0) static void find_va(struct doctor *d, enum doctor_level level, const struct doctor_mark *m,
				      const char *advice, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	found(d, level, m, text, m->detail ? m->detail : "", advice ? advice : "");
	free(text);
}

void doctor_find(struct doctor *d, enum doctor_level level, const struct doctor_mark *m, const char *advice,
		 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	find_va(d, level, m, advice, fmt, ap);
	va_end(ap);
}

void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	find_va(d, level, &(struct doctor_mark){ .finding = NULL }, advice, fmt, ap);
	va_end(ap);
}

void doctor_fail(struct doctor *d, enum err e, const char *advice)
{
	const struct doctor_mark mark = { .finding = err_name(e) };

	found(d, DOCTOR_ERROR, &mark, gettext(err_text(e)), err_detail(), advice ? advice : "");
}

/* ---- the sum ---- */

static void say_sum(const struct doctor *d)
{
	unsigned errors = d->counts[DOCTOR_ERROR], warnings = d->counts[DOCTOR_WARNING],
		 notes = d->counts[DOCTOR_NOTE];
	char error_text[40], warning_text[40], note_text[40];

	snprintf(error_text, sizeof(error_text), ngettext("%u error", "%u errors", errors), errors);
	snprintf(warning_text, sizeof(warning_text),
		 ngettext("%u warning", "%u warnings", warnings), warnings);
	snprintf(note_text, sizeof(note_text), ngettext("%u note", "%u notes", notes), notes);
	say(_("\n%s, %s, %s. Nothing was changed."), error_text, warning_text, note_text);
}

static void print_json(struct doctor *d)
{
	json_object_set_new(d->json, "sum",
			    json_pack("{s:i, s:i, s:i}", "error", (int)d->counts[DOCTOR_ERROR], "warning",
				      (int)d->counts[DOCTOR_WARNING], "note", (int)d->counts[DOCTOR_NOTE]));
	json_print(d->json);
}

static enum exit_code doctor(struct tool *t)
{
	struct doctor d = { .json = t->json ? json_object() : NULL, .all = option_given(&t->args, "all") };
	static const char *const lists[] = { "findings", "services", "logins" };

	if (t->json)
		json_in_english();
	for (size_t i = 0; t->json && i < sizeof(lists) / sizeof(lists[0]); i++)
		(void)doctor_list(&d, lists[i]);
	doctor_facts_read(&d.facts);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		d.check = &checks[i];
		d.check->run(&d);
	}
	if (t->json)
		print_json(&d);
	else
		say_sum(&d);
	doctor_facts_free(&d.facts);
	doctor_judgements_free(&d.judged);
	return d.counts[DOCTOR_ERROR] ? EXIT_REFUSED : EXIT_DONE;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "[--all] [--json]",
	.brief = N_("look at everything that logins need, try out who could log in where, and say what to do; changes nothing "
		    "(exit code 1: errors)"),
	.example = "  sudo cardtool doctor",
	.options = options,
	.needs = NEED_ROOT_KEPT,
	.run = doctor,
};
