/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"
#include "fold.h"
#include "output.h"
#include "words.h"

static const struct option_row options[] = {
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
	{ "key-file", doctor_key_file },
	{ "configuration", doctor_configuration },
	{ "store", doctor_store },
	{ "units", doctor_units },
	{ "daemon", doctor_daemon },
	{ "readers", doctor_readers },
	{ "pcscd-socket", doctor_pcscd_socket },
	{ "vpcd", doctor_vpcd },
	{ "clock", doctor_clock },
	{ "rescue", doctor_rescue },
	{ "pam", doctor_stacks },
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
	json_t *found;                  /* NULL: text */
	unsigned counts[DOCTOR_ERROR + 1];
};

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
	fold_print(stdout, ESCAPED(text), TEXT_COLUMN, TEXT_COLUMN, fold_width(stdout));
	putchar('\n');
	if (*detail)
		print_further(_("Detail: "), ESCAPED(detail));
	if (*advice)
		print_further("-> ", advice);
	fflush(stdout);
}

static void found(struct doctor *d, enum doctor_level level, const char *text, const char *detail,
		  const char *advice)
{
	d->counts[level]++;
	if (!d->found)
		print_finding(d, level, text, detail, advice);
	else
		json_array_append_new(d->found,
				      json_pack("{s:s, s:s, s:o, s:o, s:o}", "check",
						d->check->name, "level", levels[level].name, "text",
						json_text(ESCAPED(text)), "detail",
						json_text(ESCAPED(detail)), "advice",
						json_text(advice)));
}

void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
{
	char text[ESCAPED_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	found(d, level, text, "", advice ? advice : "");
}

void doctor_fail(struct doctor *d, enum err e, const char *advice)
{
	found(d, DOCTOR_ERROR, gettext(err_text(e)), err_detail(), advice ? advice : "");
}

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

static enum exit_code doctor(struct tool *t)
{
	struct doctor d = { .found = t->json ? json_array() : NULL };

	/* --json is never translated. */
	if (t->json)
		setlocale(LC_MESSAGES, "C");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		d.check = &checks[i];
		d.check->run(&d);
	}
	if (d.found)
		json_print(d.found);
	else
		say_sum(&d);
	return d.counts[DOCTOR_ERROR] ? EXIT_REFUSED : EXIT_DONE;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "[--json]",
	.brief = N_("look at everything that logins need, and say what to do; changes nothing"),
	.example = "  sudo cardtool doctor",
	.options = options,
	.needs = NEED_ROOT_KEPT,
	.run = doctor,
};
