/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MUST: only add what lacks; say of everything whether it was there. MUST NOT: change, replace or
 * remove anything.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cardtool.h"
#include "clock.h"
#include "event.h"
#include "output.h"
#include "paths.h"
#include "privilege.h"
#include "program.h"
#include "secret.h"
#include "trusted.h"
#include "words.h"

#define PATH_SYSUSERS "/usr/lib/sysusers.d/cardmfa.conf"
#define PATH_EXAMPLE CARDMFA_DATADIR "/cardmfa/cardmfa.conf"
#define EXAMPLE_MAX 65536
#define STORE_MS 30000
#define LOCK_MS 5000

/* ERR_OK: made now. ERR_EXISTS: was there and is as it should be. Anything else: said by fail(). */
struct step {
	const char *what, *where;
	enum err (*make)(struct tool *t);
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define CLOSED __attribute__((cleanup(close_fd)))

/* ---- users ---- */

static bool has_users(void)
{
	return getpwnam(USER_WORKER) && getpwnam(USER_CARD) && getpwnam(USER_KEYS);
}

static enum err run_or_fail(const char *const argv[])
{
	char out[512];
	int status;
	enum err e = program_run(argv, out, sizeof(out), &status);

	if (e || status == 0)
		return e;
	return fail(ERR_SYSTEM, "%s: exit code %d: %s", argv[0], status, out);
}

static enum err useradd(const char *name)
{
	const char *const argv[] = { "/usr/sbin/useradd",
				     "--system",
				     "--user-group",
				     "--no-create-home",
				     "--home-dir",
				     "/nonexistent",
				     "--shell",
				     "/usr/sbin/nologin",
				     name,
				     NULL };

	return getpwnam(name) ? ERR_OK : run_or_fail(argv);
}

static enum err make_users(struct tool *t)
{
	const char *const sysusers[] = { "/usr/bin/systemd-sysusers", PATH_SYSUSERS, NULL };
	enum err e;

	(void)t;
	if (has_users())
		return ERR_EXISTS;
	if (access(sysusers[0], X_OK) == 0 && access(PATH_SYSUSERS, R_OK) == 0 &&
	    run_or_fail(sysusers) == ERR_OK && has_users())
		return ERR_OK;
	e = useradd(USER_WORKER);
	if (!e)
		e = useradd(USER_CARD);
	if (!e)
		e = useradd(USER_KEYS);
	if (!e && !has_users())
		e = fail(ERR_SYSTEM, "the users %s, %s and %s still do not exist", USER_WORKER,
			 USER_CARD, USER_KEYS);
	return e;
}

/* ---- directories ---- */

static enum err check_dir(int fd, const char *path, uid_t uid, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(ERR_SYSTEM, "%s: %m", path);
	if (st.st_uid == uid && (st.st_mode & 07777) == mode)
		return ERR_EXISTS;
	return fail(ERR_NOT_ALLOWED,
		    "%s is of uid %u with mode %04o; it should be: chown %u %s; chmod %04o %s",
		    path, st.st_uid, st.st_mode & 07777, uid, path, mode, path);
}

static enum err own_dir(int fd, const char *path, const struct passwd *owner, mode_t mode)
{
	if (fchown(fd, owner->pw_uid, owner->pw_gid) || fchmod(fd, mode) || fsync(fd))
		return fail(ERR_SYSTEM, "%s: %m", path);
	return ERR_OK;
}

static enum err make_dir(const char *path, const char *user, mode_t mode)
{
	const char *name = strrchr(path, '/') + 1;
	char parent[256];
	int dir CLOSED = -1, fd CLOSED = -1;
	const struct passwd *owner = getpwnam(user);

	if (!owner)
		return fail(ERR_NOT_FOUND, "no system user %s", user);
	if (!text_copy_n(parent, sizeof(parent), path, (size_t)(name - path - 1)))
		return fail(ERR_INVALID, "%s: too long", path);

	enum err e = trusted_open_dir(parent, &dir);

	if (e)
		return e;

	bool made = mkdirat(dir, name, 0700) == 0;

	if (!made && errno != EEXIST)
		return fail(ERR_SYSTEM, "%s: %m", path);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(ERR_SYSTEM, "%s: %m", path);
	if (!made)
		return check_dir(fd, path, owner->pw_uid, mode);
	e = own_dir(fd, path, owner, mode);
	return !e && fsync(dir) ? fail(ERR_SYSTEM, "%s: %m", parent) : e;
}

static enum err make_conf_dir(struct tool *t)
{
	(void)t;
	return make_dir(PATH_CONF_DIR, "root", 0755);
}

static enum err make_key_dir(struct tool *t)
{
	(void)t;
	return make_dir(PATH_KEY_DIR, "root", 0700);
}

static enum err make_state_dir(struct tool *t)
{
	(void)t;
	return make_dir(PATH_STATE_DIR, "root", 0700);
}

static enum err make_store_dir(struct tool *t)
{
	(void)t;
	return make_dir(PATH_STORE_DIR, USER_WORKER, 0700);
}

/* ---- files ---- */

/*
 * Whole or not at all: written under another name, made durable, then given its name if that is
 * still free.
 */
static enum err write_new(const char *dirname, const char *path, mode_t mode, const char *bytes,
			  size_t len)
{
	const char *name = strrchr(path, '/') + 1;
	char temporary[64];
	int dir CLOSED = -1, fd CLOSED = -1;
	enum err e = trusted_open_dir(dirname, &dir);

	if (e)
		return e;
	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	if (unlinkat(dir, temporary, 0) && errno != ENOENT)
		return fail(ERR_SYSTEM, "%s/%s: %m", dirname, temporary);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || fchmod(fd, mode) || fsync(fd) ||
	    renameat2(dir, temporary, dir, name, RENAME_NOREPLACE) || fsync(dir)) {
		e = fail(ERR_SYSTEM, "%s: %m", path);
		unlinkat(dir, temporary, 0);
	}
	return e;
}

/*
 * A new key beside an old store would make all that it holds unreadable, and hide that the old key
 * is lost.
 */
static enum err refuse_beside_store(void)
{
	DIR *dir = opendir(PATH_STORE_DIR);
	bool empty = true;

	if (!dir)
		return errno == ENOENT ? ERR_OK : fail(ERR_SYSTEM, PATH_STORE_DIR ": %m");
	for (const struct dirent *d; (d = readdir(dir));)
		empty &= strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	closedir(dir);
	if (empty)
		return ERR_OK;
	return fail(ERR_KEY_FILE,
		    PATH_KEY_FILE " is missing, but " PATH_STORE_DIR " holds a store made with it: "
				  "bring the key file back from its backup");
}

static enum err make_key_file(struct tool *t)
{
	char line[128];
	int fd CLOSED = -1;
	enum err e = trusted_open(PATH_KEY_FILE, 0077, &fd);

	(void)t;
	if (e != ERR_NOT_FOUND)
		return e ? e : ERR_EXISTS;
	e = refuse_beside_store();
	if (!e)
		e = keyring_line("01", line, sizeof(line));
	if (!e)
		e = write_new(PATH_KEY_DIR, PATH_KEY_FILE, 0600, line, strlen(line));
	wipe(line, sizeof(line));
	return e;
}

static enum err make_conf(struct tool *t)
{
	char example[EXAMPLE_MAX];
	int old CLOSED = -1, fd CLOSED = -1;
	enum err e = trusted_open(PATH_CONF, 0022, &old);

	(void)t;
	if (e != ERR_NOT_FOUND)
		return e ? e : ERR_EXISTS;
	fd = open(PATH_EXAMPLE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	ssize_t n = fd < 0 ? -1 : read(fd, example, sizeof(example));

	if (n < 0)
		return fail(ERR_NOT_FOUND, PATH_EXAMPLE ": %m");
	return write_new(PATH_CONF_DIR, PATH_CONF, 0644, example, (size_t)n);
}

/* ---- store ---- */

/* As cardmfa: no process of root's opens the store. */
static enum err store_in_child(void *arg)
{
	const struct tool *t = arg;
	struct store *s;
	struct event created = { .type = EVENT_STORE_CREATED,
				 .actor = t->actor,
				 .service = "cardtool" };
	enum err e = store_open(PATH_STORE_DIR, STORE_CREATE, LOCK_MS, &s);
	bool old = e == ERR_EXISTS;

	if (old)
		e = store_open(PATH_STORE_DIR, STORE_USE, LOCK_MS, &s);
	if (e)
		return e;
	if (!old)
		e = event_alone(s, &created);
	store_close(s);
	return e ? e : old ? ERR_EXISTS : ERR_OK;
}

/* Said here by name, with the commands: the child would only refuse. */
static enum err check_store_files(void)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "lock", "reserve" };
	const struct passwd *owner = getpwnam(USER_WORKER);
	char path[256];
	struct stat st;

	for (size_t i = 0; owner && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), PATH_STORE_DIR "/%s", names[i]);
		if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
		    (st.st_uid == owner->pw_uid && (st.st_mode & 07777) == 0600))
			continue;
		return fail(ERR_NOT_ALLOWED, "%s is of uid %u with mode %04o; it should be: chown %s %s; chmod 0600 %s", path,
			    st.st_uid, st.st_mode & 07777, USER_WORKER, path, path);
	}
	return ERR_OK;
}

static enum err make_store(struct tool *t)
{
	enum err e = check_store_files();

	return e ? e : privilege_run_as(USER_WORKER, store_in_child, t, deadline_in(STORE_MS));
}

/* ---- all of it ---- */

/* Each needs those above it. */
static const struct step steps[] = {
	{ N_("system users"), USER_WORKER ", " USER_CARD ", " USER_KEYS, make_users },
	{ N_("directory"), PATH_CONF_DIR, make_conf_dir },
	{ N_("directory"), PATH_KEY_DIR, make_key_dir },
	{ N_("directory"), PATH_STATE_DIR, make_state_dir },
	{ N_("directory"), PATH_STORE_DIR, make_store_dir },
	{ N_("store key file"), PATH_KEY_FILE, make_key_file },
	{ N_("store"), PATH_STORE_DIR, make_store },
	{ N_("configuration"), PATH_CONF, make_conf },
};

static void say_next(void)
{
	say(_("\nWhat to do next:\n"
	      " 1. Keep a way in that does not pass through cardmfa: set a root password\n"
	      "    (passwd root) and try the rescue boot with it.\n"
	      "    Leave one root shell open until everything works.\n"
	      " 2. Copy %s to a safe place,\n"
	      "    apart from the backups of the store.\n"
	      " 3. Look at %s, then: cardtool config check\n"
	      " 4. systemctl enable --now cardmfad.socket cardmfad-user.socket\n"
	      " 5. cardtool user add USER, cardtool enroll USER,\n"
	      "    cardtool totp enroll USER (or cardtool password set USER)\n"
	      " 6. cardtool try USER --service login\n"
	      " 7. cardtool doctor (who would get in, and who would not)\n"
	      " 8. Only then the files of /etc/pam.d, one after the other, as README and\n"
	      "    pam_cardmfa(8) say: login; sshd, with %s;\n"
	      "    sudo, sudo-i and su; cron and others, if you want that.\n"
	      "    After each one: cardtool doctor, and a login beside the open root shell."),
	    PATH_KEY_FILE, PATH_CONF, PATH_SSHD_SAMPLE);
}

static enum exit_code init(struct tool *t)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		enum err e = steps[i].make(t);

		if (e != ERR_OK && e != ERR_EXISTS) {
			complain(_("stopped at: %s %s"), gettext(steps[i].what), steps[i].where);
			complain_err(e);
			advise(_("What was created so far stays. Mend this and run `cardtool init` again."));
			return i > 0 ? EXIT_PARTLY : exit_code_of(e);
		}
		say(e == ERR_OK ? _("created  %s %s") : _("existed  %s %s"),
		    gettext(steps[i].what), steps[i].where);
	}
	say_next();
	return EXIT_DONE;
}

const struct command cmd_init = {
	.name = "init",
	.usage = "",
	.brief = N_("create users, directories, key file, store, configuration: what is missing"),
	.example = "  sudo cardtool init",
	.needs = NEED_ROOT_KEPT,
	.run = init,
};
