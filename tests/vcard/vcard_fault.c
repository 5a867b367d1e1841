/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcard_fault_rows.h"

static void fault_free(struct vfault *f)
{
	vbuf_free(&f->data);
	free(f->text);
	free(f);
}

void vfault_clear(struct vfaults *fs)
{
	while (fs->first) {
		struct vfault *f = fs->first;

		fs->first = f->next;
		fault_free(f);
	}
	vquirks_clear(&fs->quirks);
}

static const struct vfault_row *row_find(const char *name)
{
	for (const struct vfault_row *r = vfault_rows; r->name; r++) {
		if (!strcmp(r->name, name))
			return r;
	}
	return NULL;
}

/* Takes nth= and times= off the end of the words. */
static int take_limits(struct vfault *f, char **words, int n)
{
	for (; n > 1; n--) {
		if (sscanf(words[n - 1], "nth=%u", &f->nth) != 1 &&
		    sscanf(words[n - 1], "times=%u", &f->times) != 1)
			break;
	}
	return n;
}

static bool arm(struct vfaults *fs, struct vcard *card, struct vfault *f, char **args, int n,
		const char **why)
{
	const struct vfault_row *r = f->row;
	int skip = r->on_apdu ? 1 : 0;

	*why = "too few or too many arguments";
	if (n < r->least || n > r->most)
		return false;
	*why = "no such APDU name";
	if (r->on_apdu && !vtarget_parse(args[0], &f->target))
		return false;
	*why = "the argument is not one of this fault's";
	if (r->flag)
		*(bool *)((char *)&fs->quirks + r->flag) = true;
	return !r->arm || r->arm(f, fs, card, args + skip, n - skip);
}

bool vfault_arm(struct vfaults *fs, struct vcard *card, char **words, int n, const char **why)
{
	struct vfault *f = calloc(1, sizeof(*f));
	struct vfault **end = &fs->first;

	if (!f)
		abort();
	f->nth = 1;
	f->target = (struct vtarget){ .name = -1, .ins = -1 };
	n = take_limits(f, words, n);
	f->row = row_find(words[0]);
	*why = "no such fault";
	if (!f->row || !arm(fs, card, f, words + 1, n - 1, why)) {
		fault_free(f);
		return false;
	}
	while (*end)
		end = &(*end)->next;
	*end = f;
	return true;
}

void vfault_list(const struct vfaults *fs, struct vbuf *out)
{
	for (const struct vfault *f = fs->first; f; f = f->next) {
		char text[128];

		snprintf(text, sizeof(text), "%s%s:fired=%u", f == fs->first ? "" : " ",
			 f->row->name, f->fired);
		vbuf_add(out, text, strlen(text));
	}
}

static bool fires(struct vfault *f, const struct vexchange *x)
{
	/* what began an endless answer goes on with it */
	if (f->row->sticky && f->fired && x->cmd.ins == 0xC0)
		return true;
	if (!vtarget_matches(&f->target, &x->cmd) || ++f->seen < f->nth)
		return false;
	if (f->times && f->fired >= f->times)
		return false;
	f->fired++;
	return true;
}

void vfault_before(struct vfaults *fs, struct vexchange *x)
{
	for (struct vfault *f = fs->first; f; f = f->next) {
		if (f->row->before && fires(f, x))
			f->row->before(f, x);
	}
}

void vfault_after(struct vfaults *fs, struct vexchange *x)
{
	for (struct vfault *f = fs->first; f; f = f->next) {
		if (f->row->after && fires(f, x))
			f->row->after(f, x);
	}
}

void vfault_help(void)
{
	for (const struct vfault_row *r = vfault_rows; r->name; r++)
		printf("  %-16s %-22s %s\n", r->name, r->args, r->help);
}
