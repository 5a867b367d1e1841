/* SPDX-License-Identifier: Apache-2.0 */
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "doctor.h"
#include "keyring.h"
#include "paths.h"
#include "policy.h"
#include "privilege.h"
#include "trusted.h"
#include "words.h"

#define STORE_MS 60000          /* every row of a large store is looked at */
#define LOCK_MS 5000

void doctor_users(struct doctor *d)
{
	static const char *const users[] = { USER_WORKER, USER_CARD };
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

/*
 * mode: exactly; loose: other modes without these bits are good too. running: exists only while the
 * units run.
 */
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
	{ PATH_WORKER, "root", S_IFREG, 0755, 0022, false },
	{ PATH_CARD, "root", S_IFREG, 0755, 0022, false },
};

static bool mode_good(const struct path *p, mode_t mode)
{
	return (mode & 07777) == p->mode ||
	       (p->loose && !(mode & p->loose & 07777) && !(mode & 07000));
}

static bool path_good(struct doctor *d, const struct path *p)
{
	const struct passwd *owner = getpwnam(p->user);
	struct stat st;

	if (lstat(p->path, &st)) {
		doctor_say(d, DOCTOR_ERROR,
			   p->running ? "systemctl enable --now cardmfad.socket cardmfad-user.socket" : "cardtool init",
			   "%s: %m", p->path);
		return false;
	}
	if ((st.st_mode & S_IFMT) == p->type && owner && st.st_uid == owner->pw_uid &&
	    mode_good(p, st.st_mode))
		return true;
	doctor_say(d, DOCTOR_ERROR,
		   _("give it back its owner and mode, and find out who changed them"),
		   _("%s is not as it should be: uid %u, mode %06o; wanted: %s, %06o"), p->path,
		   st.st_uid, st.st_mode, p->user, p->type | p->mode);
	return false;
}

void doctor_paths(struct doctor *d)
{
	bool good = true;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		good &= path_good(d, &paths[i]);
	if (good)
		doctor_say(d, DOCTOR_OK, NULL,
			   _("owners and modes of files, directories and sockets"));
}

void doctor_key_file(struct doctor *d)
{
	struct keyring *k;
	int fd;
	enum err e = trusted_open(PATH_KEY_FILE, 0077, &fd);

	if (!e) {
		e = keyring_read(fd, &k);
		close(fd);
	}
	if (e) {
		doctor_fail(
			d, e,
			access(PATH_STORE_DIR, F_OK) ?
				"cardtool init" :
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
	int fd;
	enum err e = trusted_open(PATH_CONF, 0022, &fd);

	if (!e) {
		e = policy_read(fd, PATH_CONF, &p);
		close(fd);
	}
	if (e) {
		doctor_fail(d, e, e == ERR_NOT_FOUND ? "cardtool init" :
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

static const char *store_advice(enum err e)
{
	switch (e) {
	case ERR_STORE_CORRUPT:
		return _("keep the files as they are and bring back the last backup");
	case ERR_STORE_VERSION:
		return _("install the version of cardmfa that made the store, or bring back a backup of this version");
	case ERR_TIMEOUT:
		return _("see who holds the store (`fuser -v /var/lib/cardmfa/store.db`), and look again");
	default:
		return "cardtool init";
	}
}

void doctor_store(struct doctor *d)
{
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
		doctor_fail(d, e, store_advice(e));
}
