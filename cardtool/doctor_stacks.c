/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "pam_known.h"
#include "words.h"

/* ---- what each fault is called, and what to do about it ---- */

/* In the advice {PHASE} becomes the phase, {FILE} the file to write in. */
static const struct fault_row {
	enum stack_fault fault;
	const char *name;
	enum doctor_level level;
	const char *text, *advice;
} faults[] = {
	{ FAULT_BROKEN, "broken", DOCTOR_ERROR, N_("libpam can't read this stack: nobody gets in here"),
	  N_("mend the line that is named here") },
	{ FAULT_ABSENT, "absent", DOCTOR_ERROR, N_("pam_cardmfa is not asked"),
	  N_("put the line `{PHASE} required pam_cardmfa.so` into {FILE}, above what leads to the line shown here") },
	{ FAULT_ENDS_BEFORE, "ends-before", DOCTOR_ERROR,
	  N_("people get past pam_cardmfa: this line lets them in before it is asked"),
	  N_("put the line `{PHASE} required pam_cardmfa.so` above it, in {FILE}, or take this line out of this service") },
	{ FAULT_JUMPS_OVER, "jumps-over", DOCTOR_ERROR, N_("people get past pam_cardmfa: this line jumps over it"),
	  N_("put the line `{PHASE} required pam_cardmfa.so` above it, in {FILE}, or take this line out of this service") },
	{ FAULT_NOT_OBEYED, "not-obeyed", DOCTOR_ERROR,
	  N_("people get in although pam_cardmfa refuses them: this line does not obey it"),
	  N_("write `required` as the control of this line") },
	{ FAULT_RESET, "reset", DOCTOR_ERROR, N_("this line takes back a refusal by pam_cardmfa"),
	  N_("write the control of this line without `reset`") },
	{ FAULT_SUFFICIENT, "sufficient", DOCTOR_WARNING,
	  N_("pam_cardmfa is obeyed only because nothing behind it lets people in"),
	  N_("write `required` as the control of this line") },
	{ FAULT_NEVER_PASSES, "never-passes", DOCTOR_ERROR, N_("nobody gets in here: this line always fails"),
	  N_("install the module, mend the line, or take it out") },
	{ FAULT_ARGUMENT, "argument", DOCTOR_ERROR, N_("pam_cardmfa refuses everybody: it does not know this argument"),
	  N_("take it out; there is one argument, `confirm`, for the session line behind pam_systemd.so") },
	{ FAULT_ALSO_NEEDS, "also-needs", DOCTOR_WARNING,
	  N_("this module asks as well: who has nothing to answer it with is locked out"),
	  N_("take it out of this service, if pam_cardmfa is to decide alone") },
	{ FAULT_NO_OPEN, "no-open", DOCTOR_ERROR, N_("sessions are not entered before they begin"),
	  N_("put the line `session required pam_cardmfa.so` into {FILE}, before pam_systemd.so") },
	{ FAULT_OPEN_LATE, "open-late", DOCTOR_ERROR, N_("this line stands behind pam_systemd.so: a session's limit can't be set any more"),
	  N_("move it above what leads to pam_systemd.so, in {FILE}") },
	{ FAULT_NO_CONFIRM, "no-confirm", DOCTOR_ERROR, N_("sessions are not confirmed: revoking a card would not find them"),
	  N_("put the line `session required pam_cardmfa.so confirm` into {FILE}, below what leads to pam_systemd.so") },
	{ FAULT_CONFIRM_EARLY, "confirm-early", DOCTOR_ERROR,
	  N_("nobody gets in here: `confirm` stands before pam_systemd.so, where there is no session yet"),
	  N_("move it below what leads to pam_systemd.so, in {FILE}") },
	{ FAULT_CONFIRM_LONELY, "confirm-lonely", DOCTOR_ERROR,
	  N_("every session is refused: `confirm` wants one that pam_systemd.so has made, and here is none"),
	  N_("take this line out of {FILE}, or put pam_systemd.so before it") },
	{ FAULT_TOO_LARGE, "too-large", DOCTOR_WARNING, N_("this stack is too intricate to be judged"),
	  N_("write it simpler: pam_cardmfa.so as `required`, before all that lets people in") },
};

static const struct fault_row *row_of(enum stack_fault fault)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].fault == fault)
			return &faults[i];
	return &faults[0];
}

/* Where the administrator writes: files of packages are copied to /etc first. */
static void place_to_write(const struct pam_service *s, char *dst, size_t size)
{
	if (s->path[0] && strncmp(s->path, pam_stack_dirs[0], strlen(pam_stack_dirs[0])) == 0)
		snprintf(dst, size, "%s", s->path);
	else if (s->path[0])
		snprintf(dst, size, _("%s/%s (a copy of %s)"), pam_stack_dirs[0], s->name, s->path);
	else
		snprintf(dst, size, "%s/%s", pam_stack_dirs[0], s->name);
}

static void fill_in(char *dst, size_t size, const char *text, const char *phase, const char *file)
{
	size_t len = 0;

	dst[0] = '\0';
	while (*text && len < size) {
		const char *word = strncmp(text, "{PHASE}", 7) == 0 ? phase : strncmp(text, "{FILE}", 6) == 0 ? file : NULL;

		len += (size_t)snprintf(dst + len, size - len, word ? "%s" : "%.1s", word ? word : text);
		text += word == phase ? 7 : word == file ? 6 : 1;
	}
}

static void say_fault(struct doctor *d, const struct doctor_service *s, const struct stack_finding *f)
{
	const struct fault_row *row = row_of(f->fault);
	const struct pam_line *l = f->line ? f->line : f->beside;
	const char *phase = pam_stack_phase_name(f->phase);
	char detail[512] = "", advice[768], place[256];
	const struct doctor_mark mark = {
		.finding = row->name, .service = s->pam.name, .phase = phase, .file = l ? l->file : NULL,
		.line = l ? l->number : 0, .detail = detail,
	};

	if (f->fault == FAULT_BROKEN)
		snprintf(detail, sizeof(detail), "%s", s->pam.why);
	else if (l)
		snprintf(detail, sizeof(detail), "%s:%u: %s%s %s %s%s%s", l->file, l->number, l->quiet ? "-" : "", phase,
			 l->control, l->module, *l->arguments ? " " : "", l->arguments);
	place_to_write(&s->pam, place, sizeof(place));
	fill_in(advice, sizeof(advice), gettext(row->advice), phase, place);
	doctor_find(d, row->level, &mark, advice, "%s, %s: %s", s->pam.name, phase, gettext(row->text));
}

/* ---- one service ---- */

static bool has_errors(const struct doctor_service *s)
{
	for (size_t i = 0; i < s->verdict.n; i++)
		if (row_of(s->verdict.findings[i].fault)->level == DOCTOR_ERROR)
			return true;
	return false;
}

static void say_service(struct doctor *d, const struct doctor_service *s)
{
	const struct doctor_mark mark = { .finding = "asked", .service = s->pam.name, .file = s->pam.path };

	for (size_t i = 0; i < s->verdict.n; i++)
		say_fault(d, s, &s->verdict.findings[i]);
	if (!has_errors(s))
		doctor_find(d, DOCTOR_OK, &mark, NULL, _("%s: nobody gets past pam_cardmfa"), s->pam.name);
}

static void list_service(json_t *list, const struct doctor_service *s)
{
	json_t *phases = json_object();

	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_SESSION; w++)
		json_object_set_new(phases, pam_stack_phase_name(w), json_boolean(s->verdict.ours[w]));
	json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b, s:o}", "service", s->pam.name, "file", s->pam.path,
					      "uses", stack_judge_uses_us(&s->verdict), "named", s->named, "asked", phases));
}

/* ---- all services ---- */

/* A line of ours that stands in a file which several services include. */
static const struct pam_line *shared_line(const struct doctor_service *s)
{
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_SESSION; w++) {
		for (size_t i = 0; s->host->phases & HOST_CALLS(w) && i < s->pam.stacks[w].n; i++) {
			const struct pam_line *l = &s->pam.stacks[w].lines[i];
			struct pam_known known;

			pam_known_line(l, w, NULL, &known);
			if (known.ours && host_service_is_part(l->file))
				return l;
		}
	}
	return NULL;
}

static void say_shared(struct doctor *d, const struct doctor_facts *f, bool ready)
{
	DOCTOR_NAMES(names);
	const struct pam_line *line = NULL;
	struct doctor_mark mark = { .finding = ready ? "shared" : "shared-unready" };

	for (size_t i = 0; i < f->n_services; i++) {
		const struct pam_line *l = shared_line(&f->services[i]);

		if (!l || host_service_ready(f->services[i].pam.name) != ready)
			continue;
		line = l;
		doctor_names_add(d, &names, f->services[i].pam.name);
	}
	if (!line)
		return;
	mark.file = line->file;
	mark.line = line->number;
	if (ready)
		doctor_find(d, DOCTOR_NOTE, &mark,
			    _("if it is meant for some of them only: take it out there (Debian: pam-auth-update), and put it into their files"),
			    _("%s:%u: pam_cardmfa stands in a file that others include, and is asked at all of them: %s"), line->file,
			    line->number, doctor_names_text(&names));
	else
		doctor_find(d, DOCTOR_WARNING, &mark,
			    _("try each of them out; an account that is no person's needs a line in [machine] there"),
			    _("%s:%u: pam_cardmfa stands in a file that others include, and so is asked also at services that it was not tried with: %s"),
			    line->file, line->number, doctor_names_text(&names));
}

/* Where people log in without us. */
static void say_unused(struct doctor *d, const struct doctor_facts *f)
{
	DOCTOR_NAMES(names);

	for (size_t i = 0; i < f->n_services; i++) {
		const struct doctor_service *s = &f->services[i];

		if (!stack_judge_uses_us(&s->verdict) && (s->host->kind == HOST_LOGIN || s->host->kind == HOST_SWITCH))
			doctor_names_add(d, &names, s->pam.name);
	}
	if (names.n)
		doctor_find(d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "not-asked" }, NULL,
			    _("services that people use and that ask for no card: %s"), doctor_names_text(&names));
}

static void say_jobs(struct doctor *d, const struct doctor_facts *f)
{
	DOCTOR_NAMES(names);

	for (size_t i = 0; i < f->n_services; i++)
		if (!stack_judge_uses_us(&f->services[i].verdict) && f->services[i].host->kind == HOST_JOBS)
			doctor_names_add(d, &names, f->services[i].pam.name);
	if (names.n)
		doctor_find(d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "jobs" },
			    _("`account required pam_cardmfa.so` there stops them, and wants `batch = yes` in the classes of those who have jobs"),
			    _("jobs of people whose card was revoked go on: %s"), doctor_names_text(&names));
}

/* ---- files and modules: who could change them decides who gets in ---- */

static void look_at_service(struct doctor *d, const struct pam_service *s)
{
	char path[PAM_LINE_MAX + 128];

	for (size_t i = 0; i < s->n_files; i++)
		(void)doctor_trust(d, s->files[i]);
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_PASSWORD; w++) {
		for (size_t i = 0; i < s->stacks[w].n; i++) {
			const struct pam_line *l = &s->stacks[w].lines[i];

			if (l->kind == LINE_MODULE && pam_known_path(l->module, pam_known_dirs, path, sizeof(path)))
				(void)doctor_trust(d, path);
		}
	}
}

/* The directories too: who can write there writes a service that is not there yet. */
static void look_at_files(struct doctor *d, const struct doctor_facts *f)
{
	for (const char *const *dir = pam_stack_dirs; *dir; dir++)
		(void)doctor_trust(d, *dir);
	(void)doctor_trust(d, CARDMFA_PAMDIR "/" PAM_KNOWN_OURS ".so");
	for (size_t i = 0; i < f->n_services; i++)
		look_at_service(d, &f->services[i].pam);
}

void doctor_stacks(struct doctor *d)
{
	const struct doctor_facts *f = doctor_facts(d);
	json_t *list = doctor_list(d, "services");
	size_t n = 0;

	for (size_t i = 0; i < f->n_services; i++) {
		const struct doctor_service *s = &f->services[i];

		if (list)
			list_service(list, s);
		if (stack_judge_uses_us(&s->verdict)) {
			say_service(d, s);
			n++;
		} else if (s->pam.broken) {
			doctor_find(d, DOCTOR_WARNING,
				    &(struct doctor_mark){ .finding = "broken", .service = s->pam.name, .detail = s->pam.why },
				    _("mend the line that is named here"), "%s: %s", s->pam.name,
				    _("libpam can't read this stack: nobody gets in here"));
		}
	}
	if (n == 0)
		doctor_find(
			d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "nowhere" },
			_("when all else here is in order, change /etc/pam.d/login as README and pam_cardmfa(8) say, with a root shell open"),
			_("no service uses pam_cardmfa.so yet: nothing asks for cards"));
	say_shared(d, f, true);
	say_shared(d, f, false);
	if (n > 0) {
		say_unused(d, f);
		say_jobs(d, f);
	}
	look_at_files(d, f);
}
