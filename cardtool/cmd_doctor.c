/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"
#include "output.h"
#include "words.h"

static const struct option_row options[] = {
	{ "json", NULL, N_("for programs") },
	{ NULL },
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

void doctor_say(struct doctor *d, enum doctor_level level, const char *advice, const char *fmt, ...)
{
	char text[ESCAPED_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->counts[level]++;
	if (d->found) {
		json_array_append_new(d->found,
				      json_pack("{s:s, s:s, s:o, s:o}", "check", d->check->name,
						"level", levels[level].name, "text",
						json_text(ESCAPED(text)), "advice",
						json_text(advice ? advice : "")));
		return;
	}
	say("%s%*s  %-13s  %s", gettext(levels[level].shown),
	    (int)(8 - text_columns(gettext(levels[level].shown))), "", d->check->name,
	    ESCAPED(text));
	if (advice)
		say("%25s-> %s", "", advice);
}

void doctor_fail(struct doctor *d, enum err e, const char *advice)
{
	doctor_say(d, DOCTOR_ERROR, advice, "%s: %s", gettext(err_text(e)), err_detail());
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
		say(_("\n%u errors, %u warnings, %u notes. Nothing was changed."),
		    d.counts[DOCTOR_ERROR], d.counts[DOCTOR_WARNING], d.counts[DOCTOR_NOTE]);
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
