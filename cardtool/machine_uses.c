/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_uses.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crontab.h"
#include "doctor_keys.h"
#include "program.h"
#include "sshd_conf.h"
#include "text.h"

#define USES_MAX 16384
#define FILES_MAX 20000                 /* of one directory */
#define UNITS_SIZE 1048576

struct gathering {
	const struct doctor_facts *facts;
	struct machine_uses uses;
};

static void add(struct gathering *g, const char *login, const char *service, enum machine_source source, const char *file, unsigned line)
{
	struct machine_uses *u = &g->uses;
	struct machine_use use = { .source = source, .line = line };

	if (u->n == USES_MAX || !text_copy(use.login, sizeof(use.login), login) || !text_copy(use.service, sizeof(use.service), service))
		return;
	text_copy_or_none(use.file, sizeof(use.file), file);
	if (!(u->n & (u->n - 1))) {
		struct machine_use *more = reallocarray(u->rows, u->n ? 2 * u->n : 1, sizeof(*more));

		if (!more)
			return;
		u->rows = more;
	}
	u->rows[u->n++] = use;
}

/* Of these the one that is installed; the first, if none is. */
static const char *installed(const struct doctor_facts *f, const char *first, const char *second)
{
	return !doctor_facts_service(f, first) && doctor_facts_service(f, second) ? second : first;
}

/* ---- cron and at ---- */

/* login NULL: each line has its own. */
static void read_crontab(struct gathering *g, const char *path, const char *login)
{
	const char *service = installed(g->facts, "cron", "crond");
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	char line[2048], user[STORE_LOGIN_MAX + 1];

	if (!f && fd >= 0)
		close(fd);
	for (unsigned number = 1; f && fgets(line, sizeof(line), f); number++) {
		if (!crontab_job(line, login ? NULL : user, sizeof(user)))
			continue;
		add(g, login ? login : user, service, SOURCE_CRON, path, number);
		if (login)
			break;
	}
	if (f)
		fclose(f);
}

typedef void (*file_cb)(struct gathering *g, const char *path, const char *name);

static void each_file(struct gathering *g, const char *path, file_cb cb)
{
	DIR *dir = opendir(path);
	size_t n = 0;
	char file[512];

	for (const struct dirent *e; dir && n < FILES_MAX && (e = readdir(dir)); n++)
		if (e->d_name[0] != '.' && (size_t)snprintf(file, sizeof(file), "%s/%s", path, e->d_name) < sizeof(file))
			cb(g, file, e->d_name);
	if (dir)
		closedir(dir);
}

static void look_at_persons_crontab(struct gathering *g, const char *path, const char *name)
{
	read_crontab(g, path, name);
}

static void look_at_crontab(struct gathering *g, const char *path, const char *name)
{
	(void)name;
	read_crontab(g, path, NULL);
}

/* A job is its owner's. */
static void look_at_job(struct gathering *g, const char *path, const char *name)
{
	struct stat st;

	(void)name;
	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		return;
	for (size_t i = 0; i < g->facts->n_accounts; i++) {
		if (g->facts->accounts[i].uid != (int64_t)st.st_uid)
			continue;
		add(g, g->facts->accounts[i].name, "atd", SOURCE_AT, path, 0);
		return;
	}
}

static void look_at_linger(struct gathering *g, const char *path, const char *name)
{
	add(g, name, "systemd-user", SOURCE_LINGER, path, 0);
}

/* ---- units ---- */

/* systemd knows users of units by uid too. */
static void add_unit(struct gathering *g, const char *unit, const char *user, const char *service)
{
	int64_t uid;

	if (!*user || !*service)
		return;
	if (!text_to_i64(user, 0, UINT32_MAX, &uid)) {
		add(g, user, service, SOURCE_UNIT, unit, 0);
		return;
	}
	for (size_t i = 0; i < g->facts->n_accounts; i++)
		if (g->facts->accounts[i].uid == uid)
			add(g, g->facts->accounts[i].name, service, SOURCE_UNIT, unit, 0);
}

static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) == 0 && line[len] == '=' ? line + len + 1 : NULL;
}

/* As systemd has them loaded, drop-ins and all: a block for each unit. */
static void read_units(struct gathering *g)
{
	const char *const argv[] = { "/usr/bin/systemctl", "--no-pager", "show", "--property=Id,User,PAMName", "*.service", NULL };
	char *out = calloc(1, UNITS_SIZE), *rest = out, *line;
	const char *id = "", *user = "", *service = "", *value;
	int status;

	if (!out || access("/run/systemd/system", F_OK) || program_run(argv, out, UNITS_SIZE, &status) || status != 0)
		rest = NULL;
	while ((line = strsep(&rest, "\n"))) {
		id = (value = value_of(line, "Id")) ? value : id;
		user = (value = value_of(line, "User")) ? value : user;
		service = (value = value_of(line, "PAMName")) ? value : service;
		if (*line)
			continue;
		add_unit(g, id, user, service);
		id = user = service = "";
	}
	free(out);
}

/* ---- sudo ---- */

static void note_group(struct gathering *g, const char *name)
{
	const struct group *gr = g->facts->lookup_ms < 0 ? NULL : getgrnam(name);

	for (size_t i = 0; gr && i < g->facts->n_accounts; i++)
		if (g->facts->accounts[i].gid == (int64_t)gr->gr_gid)
			add(g, g->facts->accounts[i].name, "sudo", SOURCE_SUDO, CARDMFA_SYSCONFDIR "/sudoers", 0);
	for (char **m = gr ? gr->gr_mem : NULL; m && *m; m++)
		add(g, *m, "sudo", SOURCE_SUDO, CARDMFA_SYSCONFDIR "/sudoers", 0);
}

static void note_sudoer(const char *who, void *arg)
{
	struct gathering *g = arg;

	if (who[0] == '%')
		note_group(g, who + 1);
	else if (strcmp(who, "ALL") != 0)
		add(g, who, "sudo", SOURCE_SUDO, CARDMFA_SYSCONFDIR "/sudoers", 0);
}

static void read_sudo(struct gathering *g)
{
	enum err e = sudoers_read(&g->uses.sudo, note_sudoer, g);

	g->uses.sudo_known = e == ERR_OK;
	if (e && access(CARDMFA_SYSCONFDIR "/sudoers", F_OK) == 0)
		text_copy_or_none(g->uses.sudo_trouble, sizeof(g->uses.sudo_trouble), err_detail());
}

/* ---- keys of ssh ---- */

static void read_keys(struct gathering *g)
{
	struct doctor_keys keys = { .n = 0 };
	struct sshd_conf c;
	const char *patterns;

	if (sshd_conf_read(NULL, NULL, &c))
		return;
	/* As it was before the line that cardmfa ships for sshd. */
	patterns = strcmp(c.keys_file, "none") == 0 ? ".ssh/authorized_keys .ssh/authorized_keys2" : c.keys_file;
	if (doctor_keys_read(g->facts, patterns, &keys))
		return;
	for (size_t i = 0; i < keys.n; i++) {
		const struct doctor_account *a = doctor_people_account(g->facts, keys.rows[i].login);

		if (!keys.rows[i].registered && a && a->can_work && (a->uid != 0 || strcmp(c.root_login, "no") != 0))
			add(g, a->name, "sshd", SOURCE_KEYS, patterns, 0);
	}
	doctor_keys_free(&keys);
}

/* ---- all ---- */

static int by_use(const void *a, const void *b)
{
	const struct machine_use *x = a, *y = b;
	int order = strcmp(x->login, y->login);

	order = order ? order : strcmp(x->service, y->service);
	return order ? order : (int)x->source - (int)y->source;
}

void machine_uses_read(const struct doctor_facts *f, struct machine_uses *ret)
{
	struct gathering g = { .facts = f };

	read_crontab(&g, CARDMFA_SYSCONFDIR "/crontab", NULL);
	each_file(&g, CARDMFA_SYSCONFDIR "/cron.d", look_at_crontab);
	each_file(&g, "/var/spool/cron/crontabs", look_at_persons_crontab);
	if (access("/var/spool/cron/crontabs", F_OK))
		each_file(&g, "/var/spool/cron", look_at_persons_crontab);
	each_file(&g, "/var/spool/cron/atjobs", look_at_job);
	each_file(&g, "/var/spool/at", look_at_job);
	each_file(&g, "/var/lib/systemd/linger", look_at_linger);
	read_units(&g);
	read_sudo(&g);
	read_keys(&g);
	if (g.uses.n)
		qsort(g.uses.rows, g.uses.n, sizeof(*g.uses.rows), by_use);
	*ret = g.uses;
}

void machine_uses_free(struct machine_uses *u)
{
	free(u->rows);
}
