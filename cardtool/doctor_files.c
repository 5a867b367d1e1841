/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "doctor.h"
#include "keyring.h"
#include "paths.h"
#include "policy.h"
#include "privilege.h"
#include "text.h"
#include "trusted.h"
#include "words.h"

#define STORE_MS 60000          /* every row of a large store is looked at */
#define LOCK_MS 5000
#define FILE_OF_STORE "store.db"

void doctor_users(struct doctor *d)
{
	static const char *const users[] = { USER_WORKER, USER_CARD, USER_KEYS };
	bool good = true;

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		const struct passwd *pw = getpwnam(users[i]);

		if (pw && pw->pw_uid != 0 && pw->pw_gid != 0)
			continue;
		good = false;
		doctor_say(d, DOCTOR_ERROR, "cardtool init",
			   pw ? _("the system user %s must not be root") :
				_("the system user %s does not exist"),
			   users[i]);
	}
	if (good)
		doctor_say(d, DOCTOR_OK, NULL, _("the system users exist"));
}

/* How a file is to be. loose: other modes without these bits are good too. */
struct wanted {
	const char *user;
	mode_t type, mode, loose;
};

/* running: exists only while the units run. */
static const struct path {
	const char *path, *user;
	mode_t type, mode, loose;
	bool running;
} paths[] = {
	{ PATH_CONF_DIR, "root", S_IFDIR, 0755, 0022, false },
	{ PATH_CONF, "root", S_IFREG, 0644, 0022, false },
	{ PATH_KEY_DIR, "root", S_IFDIR, 0700, 0077, false },
	{ PATH_KEY_FILE, "root", S_IFREG, 0600, 0077, false },
	{ PATH_STORE_DIR, USER_WORKER, S_IFDIR, 0700, 0, false },
	{ PATH_STATE_DIR, "root", S_IFDIR, 0700, 0077, false },
	{ PATH_RUN_DIR, "root", S_IFDIR, 0755, 0022, true },
	{ PATH_ROOT_SOCKET, "root", S_IFSOCK, 0600, 0, true },
	{ PATH_USER_SOCKET, "root", S_IFSOCK, 0666, 0, true },
};

/* Root's, for all to read: what they hold is run or believed. */
static const char *const installed[] = {
	CARDMFA_SBINDIR "/cardmfad", PATH_CARDTOOL, PATH_WORKER, PATH_CARD,
	CARDMFA_LOCALEDIR "/ja/LC_MESSAGES/cardmfa.mo",
};

/* Of each file in it. */
struct contents {
	const char *dir;
	struct wanted wanted;
};
static const struct contents store_files = { PATH_STORE_DIR, { USER_WORKER, S_IFREG, 0600, 0 } };
static const struct contents state_files = { PATH_STATE_DIR, { "root", S_IFREG, 0600, 0077 } };

static bool mode_good(const struct wanted *w, mode_t mode)
{
	return (mode & 07777) == w->mode || (w->loose && !(mode & w->loose & 07777) && !(mode & 07000));
}

static bool is_as_wanted(const struct wanted *w, const struct stat *st)
{
	const struct passwd *owner = getpwnam(w->user);

	return (st->st_mode & S_IFMT) == w->type && (!S_ISREG(st->st_mode) || st->st_nlink == 1) && owner &&
	       st->st_uid == owner->pw_uid && mode_good(w, st->st_mode);
}

/* What makes it so. */
static void mend(const char *path, const struct wanted *w, const struct stat *st, char advice[DOCTOR_ADVICE_SIZE])
{
	char commands[1024];

	*commands = '\0';
	if ((st->st_mode & S_IFMT) == w->type && (!S_ISREG(st->st_mode) || st->st_nlink == 1))
		snprintf(commands, sizeof(commands), "chown %s:%s %s && chmod %04o %s", w->user, w->user, path, w->mode, path);
	doctor_mend_text(advice, path, commands);
}

static bool file_good(struct doctor *d, const char *path, const struct wanted *w, const struct stat *st)
{
	char advice[DOCTOR_ADVICE_SIZE];

	if (is_as_wanted(w, st))
		return true;
	mend(path, w, st, advice);
	doctor_find(d, DOCTOR_ERROR, &(struct doctor_mark){ .finding = "mode", .file = path }, advice,
		    _("%s is not as it should be: uid %u, mode %06o; wanted: %s, %06o"), path, st->st_uid, st->st_mode, w->user,
		    w->type | w->mode);
	return false;
}

static bool path_good(struct doctor *d, const struct path *p)
{
	const struct wanted w = { p->user, p->type, p->mode, p->loose };
	const char *name = strrchr(p->path, '/');
	char dir[256];
	struct stat st;
	bool good = !text_copy_n(dir, sizeof(dir), p->path, (size_t)(name - p->path)) || doctor_trust(d, dir);

	if (lstat(p->path, &st)) {
		doctor_say(d, DOCTOR_ERROR,
			   p->running ? "systemctl enable --now cardmfad.socket cardmfad-user.socket" : "cardtool init",
			   "%s: %m", p->path);
		return false;
	}
	/* Said as one of those on the way to what lies in it. */
	if (p->loose == 0022 && S_ISDIR(p->type) && S_ISDIR(st.st_mode))
		return good & doctor_trust(d, p->path);
	return good & file_good(d, p->path, &w, &st);
}

static bool installed_good(struct doctor *d, const char *path)
{
	if (access(path, F_OK) == 0)
		return doctor_trust(d, path);
	doctor_find(d, DOCTOR_ERROR, &(struct doctor_mark){ .finding = "missing", .file = path }, _("install cardmfa once more"),
		    "%s: %m", path);
	return false;
}

/* A file system of its own begins with a directory for what fsck(8) finds. */
static bool is_no_file(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0;
}

/* *ret_bad, if not NULL: what to do about the first one, and nothing is said. */
static bool contents_good(struct doctor *d, const struct contents *c, char *ret_bad)
{
	DIR *dir = opendir(c->dir);
	char path[512];
	struct stat st;
	bool good = true;

	for (const struct dirent *e; dir && (good || !ret_bad) && (e = readdir(dir));) {
		if (is_no_file(e->d_name) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		snprintf(path, sizeof(path), "%s/%s", c->dir, e->d_name);
		if (!ret_bad)
			good &= file_good(d, path, &c->wanted, &st);
		else if (!(good = is_as_wanted(&c->wanted, &st)))
			mend(path, &c->wanted, &st, ret_bad);
	}
	if (dir)
		closedir(dir);
	return good;
}

void doctor_paths(struct doctor *d)
{
	bool good = true;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		good &= path_good(d, &paths[i]);
	for (size_t i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
		good &= installed_good(d, installed[i]);
	good &= contents_good(d, &store_files, NULL);
	good &= contents_good(d, &state_files, NULL);
	if (good)
		doctor_say(d, DOCTOR_OK, NULL, _("owners and modes of programs, files, directories and sockets"));
}

/* What to do about a file that was refused. */
static const char *refused_advice(const char *path, char advice[DOCTOR_ADVICE_SIZE])
{
	struct stat st;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct path *p = &paths[i];
		const struct wanted w = { p->user, p->type, p->mode, p->loose };

		if (strcmp(p->path, path) != 0 || lstat(path, &st) || is_as_wanted(&w, &st))
			continue;
		mend(path, &w, &st, advice);
		return advice;
	}
	return _("see what the check `paths` says");
}

void doctor_key_file(struct doctor *d)
{
	struct keyring *k;
	char advice[DOCTOR_ADVICE_SIZE];
	int fd;
	enum err e = trusted_open(PATH_KEY_FILE, 0077, &fd);

	if (!e) {
		e = keyring_read(fd, &k);
		close(fd);
	}
	if (e) {
		doctor_fail(d, e,
			    access(PATH_STORE_DIR, F_OK) ? "cardtool init" :
			    e == ERR_NOT_ALLOWED ? refused_advice(PATH_KEY_FILE, advice) :
			    _("bring the key file back from its backup; without it no code and no password works"));
		return;
	}
	doctor_say(d, DOCTOR_OK, NULL, _("the store key file can be read; new rows use key %s"),
		   keyring_newest(k));
	keyring_free(k);
}

void doctor_configuration(struct doctor *d)
{
	struct policy *p;
	char advice[DOCTOR_ADVICE_SIZE];
	int fd;
	enum err e = trusted_open(PATH_CONF, 0022, &fd);

	if (!e) {
		e = policy_read(fd, PATH_CONF, &p);
		close(fd);
	}
	if (e) {
		doctor_fail(d, e, e == ERR_NOT_FOUND ? "cardtool init" :
			    e == ERR_NOT_ALLOWED ? refused_advice(PATH_CONF, advice) :
			    _("mend it, then: cardtool config check && systemctl reload-or-restart cardmfad.service"));
		return;
	}
	doctor_say(d, DOCTOR_OK, NULL,
		   ngettext("the configuration is in order: %zu class",
			    "the configuration is in order: %zu classes", p->n_classes),
		   p->n_classes);
	policy_free(p);
}

/* Becomes cardmfa: root must not open the store. ERR_PARTIAL: all is well but for the reserve. */
static enum err look_at_store(void *arg)
{
	struct store *s;
	enum err e = store_open(PATH_STORE_DIR, STORE_LOOK, LOCK_MS, &s);

	(void)arg;
	if (e)
		return e;
	e = store_check(s);
	if (!e && store_reserve_missing(s))
		e = fail(ERR_PARTIAL, "the reserve file is missing");
	store_close(s);
	return e;
}

static const char *store_advice(enum err e, char advice[DOCTOR_ADVICE_SIZE])
{
	struct stat st;

	switch (e) {
	case ERR_STORE_CORRUPT:
		return _("keep the files as they are and bring back the last backup");
	case ERR_STORE_VERSION:
		return _("install the version of cardmfa that made the store, or bring back a backup of this version");
	case ERR_TIMEOUT:
		return _("see who holds the store (`fuser -v /var/lib/cardmfa/store.db`), and look again");
	default:
		if (stat(PATH_STORE_DIR "/" FILE_OF_STORE, &st))
			return "cardtool init";
		return contents_good(NULL, &store_files, advice) ? refused_advice(PATH_STORE_DIR, advice) : advice;
	}
}

void doctor_store(struct doctor *d)
{
	char advice[DOCTOR_ADVICE_SIZE];

	if (doctor_disk_is_full()) {
		doctor_say(d, DOCTOR_ERROR, _("free some space on its file system, and look again"),
			   _("the store was not opened: on a full disk that would use up its reserve"));
		return;
	}

	enum err e = privilege_run_as(USER_WORKER, look_at_store, NULL, deadline_in(STORE_MS));

	if (e == ERR_OK)
		doctor_say(d, DOCTOR_OK, NULL, _("the store opens, and every row of it is sound"));
	else if (e == ERR_PARTIAL)
		doctor_say(
			d, DOCTOR_WARNING,
			_("free some space on its file system; the daemon makes the reserve again"),
			_("space ran out: the store has given up its reserve"));
	else
		doctor_fail(d, e, store_advice(e, advice));
}
