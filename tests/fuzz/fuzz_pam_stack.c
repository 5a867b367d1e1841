/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of /etc/pam.d: length (u16) and content of a service's file, of `other`, then of a file that they may include. The
 * service is a host that calls all phases.
 */
#include <fcntl.h>

#include "fuzz.h"
#include "stack_judge.h"

static char folder[64];

static void remove_folder(void)
{
	static const char *const names[] = { "/login", "/other", "/common", "" };
	char path[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", folder, names[i]);
		(void)remove(path);
	}
}

static void write_file(const char *name, struct input content)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && (content.len == 0 || write(fd, content.p, content.len) == (ssize_t)content.len));
	close(fd);
}

static void check_line(const struct pam_line *l)
{
	char name[64];

	must(l->kind >= LINE_MODULE && l->kind <= LINE_BROKEN);
	must(l->file && l->control && l->module && l->arguments);
	must(l->number >= 1 && l->level <= PAM_LEVELS_MAX);
	must(strlen(l->module) < PAM_LINE_MAX && strlen(pam_stack_module_name(l, name, sizeof(name))) < sizeof(name));
	for (int i = 0; i < PAM_CODES; i++)
		must(l->actions.actions[i] >= ACTION_RESET);
}

static void check_service(const struct pam_service *s)
{
	const struct host_service *host = host_service_find("login");
	struct stack_verdict v;

	must(s->broken == (s->why[0] != '\0'));
	for (int phase = 0; phase < PAM_PHASES; phase++)
		for (size_t i = 0; i < s->stacks[phase].n; i++)
			check_line(&s->stacks[phase].lines[i]);
	stack_judge(s, host, NULL, &v);
	must(v.n <= STACK_FINDINGS_MAX);
	for (size_t i = 0; i < v.n; i++)
		must(v.findings[i].fault >= FAULT_BROKEN && v.findings[i].fault <= FAULT_TOO_LARGE);
	/* Nobody gets through a service that libpam does not start. */
	must(!s->broken || (!stack_judge_lets_in(s, host, NULL, true) && !stack_judge_passes_by(s, host, NULL, 7, true)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const dirs[] = { folder, NULL };
	struct input in = fuzz_input(data, size);
	struct pam_service s;
	enum err e;

	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "/tmp/fuzz-pam-XXXXXX");
		must(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
	}
	write_file("login", take_part(&in, take_u16(&in)));
	write_file("other", take_part(&in, take_u16(&in)));
	write_file("common", in);
	e = pam_stack_read(dirs, "login", &s);
	must(e == ERR_OK || e == ERR_MEMORY);
	if (e == ERR_OK) {
		check_service(&s);
		pam_stack_free(&s);
	}
	return 0;
}
