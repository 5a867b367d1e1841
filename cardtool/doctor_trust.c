/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "text.h"
#include "words.h"

#define LINKS_MAX 40            /* as the kernel follows them */

void doctor_mend_text(char dst[DOCTOR_ADVICE_SIZE], const char *path, const char *commands)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:";

	if (!*commands || path[strspn(path, plain)])
		snprintf(dst, DOCTOR_ADVICE_SIZE, "%s", _("see what it is and who made it, and move it away"));
	else
		snprintf(dst, DOCTOR_ADVICE_SIZE, _("`%s`; then find out who changed it, and whether it still holds what it should"),
			 commands);
}

/* ---- what was judged before ---- */

static const struct doctor_judged *find(const struct doctor_judgements *j, const char *path)
{
	for (size_t i = 0; i < j->n; i++)
		if (strcmp(j->rows[i].path, path) == 0)
			return &j->rows[i];
	return NULL;
}

static bool note(struct doctor_judgements *j, const char *path, bool good)
{
	struct doctor_judged *more = reallocarray(j->rows, j->n + 1, sizeof(*more));
	char *copy = strdup(path);

	if (!more || !copy)
		abort();
	j->rows = more;
	j->rows[j->n++] = (struct doctor_judged){ .path = copy, .good = good };
	return good;
}

void doctor_judgements_free(struct doctor_judgements *j)
{
	for (size_t i = 0; i < j->n; i++)
		free(j->rows[i].path);
	free(j->rows);
}

/* ---- one part of the way ---- */

static bool say_loose(struct doctor *d, const char *path, const struct stat *st, mode_t set_id)
{
	const struct doctor_mark mark = { .finding = "mode", .file = path };
	bool others = st->st_uid != 0 || st->st_mode & 0022;
	char commands[2 * PATH_MAX], advice[DOCTOR_ADVICE_SIZE];

	snprintf(commands, sizeof(commands), "chown root %s && chmod %s %s", path, set_id ? "go-w,u-s,g-s" : "go-w", path);
	doctor_mend_text(advice, path, st->st_uid == 0 ? strstr(commands, "chmod") : commands);
	doctor_find(d, DOCTOR_ERROR, &mark, advice,
		    others ? _("%s can be changed by others than root: uid %u, mode %06o") :
			     _("%s was not installed to run as another user: uid %u, mode %06o"),
		    path, st->st_uid, st->st_mode);
	return false;
}

/* Devices (a masked unit leads to /dev/null) hold nothing. */
static bool part_good(struct doctor *d, const char *path, const struct stat *st)
{
	struct doctor_judgements *j = doctor_judgements(d);
	const struct doctor_judged *before = find(j, path);
	mode_t set_id = S_ISREG(st->st_mode) ? st->st_mode & (S_ISUID | S_ISGID) : 0;

	if (before)
		return before->good;
	if ((!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) || (st->st_uid == 0 && !(st->st_mode & 0022) && !set_id))
		return note(j, path, true);
	return note(j, path, say_loose(d, path, st, set_id));
}

/* ---- the way ---- */

/* done: what lies behind, without links and without a slash at its end; rest: what lies ahead. */
struct way {
	char done[PATH_MAX], rest[PATH_MAX];
	unsigned links;
};

/* The next name of the rest; false: there is none, or all is too long. */
static bool next_part(struct way *w, char name[NAME_MAX + 1])
{
	const char *at = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(at, "/");

	if (len == 0 || !text_copy_n(name, NAME_MAX + 1, at, len))
		return false;
	memmove(w->rest, at + len, strlen(at + len) + 1);
	return true;
}

static void one_up(struct way *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
}

/* The link leads on: what it holds is put before the rest. */
static bool follow(struct way *w, const char *link)
{
	char target[PATH_MAX], all[2 * PATH_MAX];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len < 0 || ++w->links > LINKS_MAX)
		return false;
	target[len] = '\0';
	snprintf(all, sizeof(all), "%s/%s", target, w->rest);
	if (target[0] == '/')
		w->done[0] = '\0';
	return text_copy(w->rest, sizeof(w->rest), all);
}

bool doctor_trust(struct doctor *d, const char *path)
{
	struct way w = { .links = 0 };
	char name[NAME_MAX + 1], here[PATH_MAX + NAME_MAX + 2];
	struct stat st;
	bool good = lstat("/", &st) != 0 || part_good(d, "/", &st);

	if (!text_copy(w.rest, sizeof(w.rest), path))
		return good;
	while (next_part(&w, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			one_up(&w);
			continue;
		}
		snprintf(here, sizeof(here), "%s/%s", w.done, name);
		if (lstat(here, &st))
			break;
		if (S_ISLNK(st.st_mode)) {
			if (!follow(&w, here))
				break;
			continue;
		}
		good &= part_good(d, here, &st);
		if (!text_copy(w.done, sizeof(w.done), here))
			break;
	}
	return good;
}
