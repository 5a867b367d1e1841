/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_plan.h"

#include <stdlib.h>
#include <string.h>

#include "host_service.h"

static struct pam_line our_line(const struct pam_service *s, bool confirm)
{
	static char control[] = "required", module[] = "pam_cardmfa.so", none[] = "", with_confirm[] = "confirm";
	struct pam_line l = { .kind = LINE_MODULE, .file = s->path, .control = control, .module = module,
			      .arguments = confirm ? with_confirm : none };

	(void)pam_control_parse(control, false, &l.actions);
	return l;
}

/* RHEL's postlogin stays as it is. */
static bool is_replaced(const char *path)
{
	const char *slash = strrchr(path, '/');

	return host_service_is_part(path) && strcmp(slash ? slash + 1 : path, "postlogin") != 0;
}

static bool is_shared(const struct pam_line *l)
{
	return is_replaced(l->kind == LINE_SUBSTACK ? l->module : l->file);
}

/* Where people log in it has to be there. */
static bool makes_session(const char *service, const struct pam_stack *s)
{
	char name[64];

	if (host_service_find(service)->kind == HOST_LOGIN)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (s->lines[i].kind == LINE_MODULE &&
		    strcmp(pam_stack_module_name(&s->lines[i], name, sizeof(name)), "pam_systemd") == 0)
			return true;
	return false;
}

static bool plan_phase(const struct pam_service *s, enum pam_phase phase, struct pam_stack *ret)
{
	const struct pam_stack *old = &s->stacks[phase];
	size_t first = old->n, end = 0, n = 0;
	struct pam_line *lines = calloc(old->n + 2, sizeof(*lines));

	if (!lines)
		return false;
	for (size_t i = old->n; i-- > 0;) {
		if (!is_shared(&old->lines[i]))
			continue;
		first = i;
		end = end ? end : i + 1;
	}
	if (!end) {
		first = 0;
		end = old->n;
	}
	for (size_t i = 0; i <= old->n; i++) {
		if (i == first)
			lines[n++] = our_line(s, false);
		if (i == end && phase == PHASE_SESSION && makes_session(s->name, old))
			lines[n++] = our_line(s, true);
		if (i < old->n && (phase != PHASE_AUTH || !is_shared(&old->lines[i])))
			lines[n++] = old->lines[i];
	}
	*ret = (struct pam_stack){ .n = n, .lines = lines };
	return true;
}

bool pam_plan_make(const struct pam_service *s, struct pam_service *ret)
{
	struct pam_service plan = { .name = s->name, .path = s->path };

	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_SESSION; w++) {
		if (!plan_phase(s, w, &plan.stacks[w])) {
			pam_plan_free(&plan);
			return false;
		}
	}
	*ret = plan;
	return true;
}

void pam_plan_free(struct pam_service *plan)
{
	for (enum pam_phase w = PHASE_AUTH; w <= PHASE_SESSION; w++)
		free(plan->stacks[w].lines);
}
