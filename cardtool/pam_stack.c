/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define BLANKS " \n\t"
#define OTHER "other"
#define ANY_PHASE -1
#define LINES_MAX 512           /* of one phase: beyond that nobody can tell what it does */
#define FILES_MAX 512           /* read for one service, each as often as it is included */

const char *const pam_stack_dirs[] = { "/etc/pam.d", "/usr/lib/pam.d", NULL };

static const char *const phase_names[PAM_PHASES] = { "auth", "account", "session", "password" };

const char *pam_stack_phase_name(enum pam_phase phase)
{
	return phase_names[phase];
}

struct reading {
	const char *const *dirs;
	struct pam_stack *stacks;
	struct pam_service *service;
	char *why;
	size_t why_size;
	unsigned files;
	bool no_memory;         /* or too large */
};

/* Where a line goes: of which file, included how deep, for which phase alone. */
struct place {
	const char *file;
	unsigned number, includes, level;
	int wanted;             /* enum pam_phase or ANY_PHASE */
};

/* ---- lines of a file ---- */

struct lines {
	FILE *f;
	unsigned at;            /* physical lines read */
	char text[PAM_LINE_MAX];
};

enum line_result { LINE_END, LINE_READ, LINE_UNFINISHED };

/* Appends one physical line; *more: it ends with a backslash. False: it does not fit. */
static bool append(struct lines *l, size_t *used, const char *raw, bool *more)
{
	const char *s = raw + strspn(raw, BLANKS);
	size_t len = strcspn(s, "#");
	bool comment = s[len] == '#';

	while (!comment && len > 0 && strchr(BLANKS, s[len - 1]))
		len--;
	*more = !comment && len > 0 && s[len - 1] == '\\';
	if (*used + len + 1 >= sizeof(l->text))
		return false;
	memcpy(l->text + *used, s, len);
	*used += len;
	if (*more)
		l->text[*used - 1] = ' ';
	l->text[*used] = '\0';
	return true;
}

/* The next line with its continuations; blank and comment lines are left out, also among them. */
static enum line_result next_line(struct lines *l, unsigned *number)
{
	char raw[PAM_LINE_MAX];
	size_t used = 0;
	bool more = true;

	*number = 0;
	while (more) {
		if (!fgets(raw, sizeof(raw), l->f))
			return used ? LINE_UNFINISHED : LINE_END;
		l->at++;
		if (!strchr(raw, '\n') && !feof(l->f))
			return LINE_UNFINISHED;

		const char *s = raw + strspn(raw, BLANKS);

		if (!*s || *s == '#')
			continue;
		if (!*number)
			*number = l->at;
		if (!append(l, &used, raw, &more))
			return LINE_UNFINISHED;
	}
	return LINE_READ;
}

/* The next word; "[...]" is one, with "\]" for a bracket in it. NULL: none is left. */
static char *take_word(char **at, bool *bracketed)
{
	char *s = *at + strspn(*at, BLANKS), *word, *end;

	*bracketed = *s == '[';
	if (!*s)
		return NULL;
	if (!*bracketed) {
		word = s;
		end = s + strcspn(s, BLANKS);
		*at = *end ? end + 1 : end;
		*end = '\0';
		return word;
	}
	word = end = ++s;
	for (; *s && *s != ']'; s++) {
		if (*s == '\\' && s[1] == ']')
			s++;
		*end++ = *s;
	}
	*at = *s ? s + 1 : s;
	*end = '\0';
	return word;
}

/* ---- one line ---- */

static char *copy(struct reading *r, const char *text)
{
	char *c = strdup(text);

	if (!c)
		r->no_memory = true;
	return c;
}

static void free_line(struct pam_line *l)
{
	free(l->file);
	free(l->control);
	free(l->module);
	free(l->arguments);
}

struct written {
	const char *control, *module;
	bool bracketed;
	char *rest;             /* arguments, to be taken apart; NULL: none */
};

static void join_arguments(char *dst, size_t size, char *rest)
{
	size_t len = 0;
	bool bracketed;
	char *word;

	dst[0] = '\0';
	while (rest && (word = take_word(&rest, &bracketed)) && len < size)
		len += (size_t)snprintf(dst + len, size - len, bracketed ? "%s[%s]" : "%s%s", len ? " " : "", word);
}

static void add(struct reading *r, const struct place *p, enum pam_phase phase, struct pam_line l,
		const struct written *w)
{
	struct pam_stack *s = &r->stacks[phase];
	char text[PAM_LINE_MAX + 2], arguments[PAM_LINE_MAX];
	struct pam_line *lines = s->n < LINES_MAX ? reallocarray(s->lines, s->n + 1, sizeof(*lines)) : NULL;

	if (!lines) {
		r->no_memory = true;
		return;
	}
	s->lines = lines;
	snprintf(text, sizeof(text), w->bracketed ? "[%s]" : "%s", w->control ? w->control : "");
	join_arguments(arguments, sizeof(arguments), w->rest);
	l.file = copy(r, p->file);
	l.number = p->number;
	l.level = p->level;
	l.control = copy(r, text);
	l.module = copy(r, w->module ? w->module : "");
	l.arguments = copy(r, arguments);
	lines[s->n++] = l;
}

static bool load(struct reading *r, const char *name, const struct place *from, unsigned level, int wanted);

/* False: the whole file can't be used. */
static bool take_include(struct reading *r, const struct place *p, enum pam_phase phase, const struct written *w)
{
	bool sub = strcasecmp(w->control, "substack") == 0;
	struct pam_line l = { .kind = LINE_SUBSTACK };

	pam_control_bad(&l.actions);
	if (sub)
		add(r, p, phase, l, w);
	if (w->module && load(r, w->module, p, p->level + sub, (int)phase))
		return true;
	l.kind = LINE_BROKEN;
	add(r, p, phase, l, w);
	return true;
}

static int find_phase(const char *word)
{
	for (int i = 0; i < PAM_PHASES; i++)
		if (strcasecmp(word, phase_names[i]) == 0)
			return i;
	return ANY_PHASE;
}

static bool take_line(struct reading *r, const struct place *p, char *text)
{
	struct pam_line l = { .kind = LINE_MODULE };
	struct written w = { .rest = text };
	bool unused;
	char *type = take_word(&w.rest, &unused);

	if (type && strcasecmp(type, "@include") == 0) {
		w.module = take_word(&w.rest, &unused);
		return w.module && load(r, w.module, p, p->level, p->wanted);
	}
	l.quiet = type && type[0] == '-';

	int phase = type ? find_phase(type + l.quiet) : ANY_PHASE;

	if (phase == ANY_PHASE) {
		/* Taken for the most sensitive, as libpam does. */
		l.kind = LINE_BROKEN;
		phase = p->wanted == ANY_PHASE ? PHASE_AUTH : p->wanted;
	}
	if (p->wanted != ANY_PHASE && phase != p->wanted)
		return true;
	w.control = take_word(&w.rest, &w.bracketed);
	w.module = take_word(&w.rest, &unused);
	if (w.control && !w.bracketed &&
	    (strcasecmp(w.control, "include") == 0 || strcasecmp(w.control, "substack") == 0))
		return take_include(r, p, (enum pam_phase)phase, &w);
	if (!w.control)
		pam_control_bad(&l.actions);
	else
		(void)pam_control_parse(w.control, w.bracketed, &l.actions);
	if (!w.control || !w.module)
		l.kind = LINE_BROKEN;
	add(r, p, (enum pam_phase)phase, l, &w);
	return true;
}

/* ---- files ---- */

static bool complain_of(struct reading *r, const char *file, unsigned number, const char *what)
{
	if (!r->why[0])
		snprintf(r->why, r->why_size, "%s:%u: %s", file, number, what);
	return false;
}

static void add_file(struct reading *r, const char *path)
{
	struct pam_service *s = r->service;
	char **files = reallocarray(s->files, s->n_files + 1, sizeof(*files));

	if (!files) {
		r->no_memory = true;
		return;
	}
	s->files = files;
	files[s->n_files] = copy(r, path);
	s->n_files += files[s->n_files] != NULL;
}

static bool read_lines(struct reading *r, FILE *f, const char *path, struct place p)
{
	struct lines l = { .f = f };
	enum line_result got;

	add_file(r, path);

	p.file = path;
	while ((got = next_line(&l, &p.number)) == LINE_READ)
		if (!take_line(r, &p, l.text))
			return complain_of(r, path, p.number, "what it includes can't be read");
	return got == LINE_END || complain_of(r, path, l.at, "the line is too long, or goes on beyond the end of the file");
}

/* Of a service. */
static FILE *open_config(const char *const *dirs, const char *name, char *path, size_t size)
{
	for (; *dirs; dirs++) {
		snprintf(path, size, "%s/%s", *dirs, name);

		FILE *f = fopen(path, "re");

		if (f)
			return f;
	}
	path[0] = '\0';
	return NULL;
}

/* libpam 1.5.2 looks for what is included in the first directory only. */
static FILE *open_included(const char *const *dirs, const char *name, char *path, size_t size)
{
	if (name[0] == '/')
		snprintf(path, size, "%s", name);
	else
		snprintf(path, size, "%s/%s", dirs[0], name);
	return fopen(path, "re");
}

static bool load(struct reading *r, const char *name, const struct place *from, unsigned level, int wanted)
{
	struct place p = { .includes = from->includes + 1, .level = level, .wanted = wanted };
	char path[512];

	if (p.includes >= PAM_LEVELS_MAX || level >= PAM_LEVELS_MAX)
		return complain_of(r, from->file, from->number, "files include each other without end");
	/* Sixteen levels of a file that includes itself ten times would never end. */
	r->no_memory |= ++r->files > FILES_MAX;
	if (r->no_memory)
		return false;

	FILE *f = open_included(r->dirs, name, path, sizeof(path));

	if (!f)
		return complain_of(r, from->file, from->number, "the included file does not exist");

	bool good = read_lines(r, f, path, p);

	fclose(f);
	return good;
}

/* *ret_read: there is such a file and it can be used. False: it is there and can't be used. */
static bool read_service(struct reading *r, const char *name, char *path, size_t size, bool *ret_read)
{
	FILE *f = open_config(r->dirs, name, path, size);

	*ret_read = false;
	if (!f)
		return true;
	*ret_read = read_lines(r, f, path, (struct place){ .wanted = ANY_PHASE });
	fclose(f);
	return *ret_read;
}

static void free_stack(struct pam_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		free_line(&s->lines[i]);
	free(s->lines);
	*s = (struct pam_stack){ .n = 0 };
}

/* A phase without a line of its own has those of `other`. */
static void fall_back(struct pam_service *s, struct pam_stack other[PAM_PHASES])
{
	for (int i = 0; i < PAM_PHASES; i++) {
		if (s->stacks[i].n > 0) {
			free_stack(&other[i]);
			continue;
		}
		s->stacks[i] = other[i];
		s->stacks[i].of_other = true;
	}
}

enum err pam_stack_read(const char *const *dirs, const char *service, struct pam_service *ret)
{
	struct pam_service s = { .broken = false };
	struct pam_stack other[PAM_PHASES] = { { .n = 0 } };
	struct reading r = { .dirs = dirs, .stacks = s.stacks, .service = &s, .why = s.why, .why_size = sizeof(s.why) };
	char path[512], unused[512];
	bool own, others = false;

	s.broken = !read_service(&r, service, path, sizeof(path), &own);
	if (!s.broken)
		s.why[0] = '\0';        /* of an include that fails alone: its line says it */
	r.stacks = other;
	if (!s.broken && !read_service(&r, OTHER, unused, sizeof(unused), &others))
		s.broken = true;
	if (!s.broken && !own && !others) {
		s.broken = true;
		snprintf(s.why, sizeof(s.why), "there is neither a file %s nor " OTHER, service);
	}
	if (!s.broken)
		s.why[0] = '\0';
	fall_back(&s, other);
	s.name = copy(&r, service);
	s.path = copy(&r, path);
	if (r.no_memory) {
		pam_stack_free(&s);
		return fail(ERR_MEMORY, "the stacks of %s are too large", service);
	}
	*ret = s;
	return ERR_OK;
}

void pam_stack_free(struct pam_service *s)
{
	for (int i = 0; i < PAM_PHASES; i++)
		free_stack(&s->stacks[i]);
	for (size_t i = 0; i < s->n_files; i++)
		free(s->files[i]);
	free(s->files);
	free(s->name);
	free(s->path);
}

/* ---- what a line names ---- */

const char *pam_stack_module_name(const struct pam_line *l, char *dst, size_t size)
{
	const char *slash = strrchr(l->module, '/'), *name = slash ? slash + 1 : l->module;
	size_t len = strlen(name);

	if (len > 3 && strcmp(name + len - 3, ".so") == 0)
		len -= 3;
	if (!text_copy_n(dst, size, name, len))
		snprintf(dst, size, "?");
	return dst;
}

bool pam_stack_has_argument(const struct pam_line *l, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = l->arguments; *at;) {
		size_t n = strcspn(at, " ");

		if (n == len && memcmp(at, word, len) == 0)
			return true;
		at += n + (at[n] == ' ');
	}
	return false;
}
