/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a machine knows: accounts of its own files, and people of the store beside their accounts. */
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authorized_keys.h"
#include "clock.h"
#include "doctor.h"
#include "key_ssh.h"
#include "lifecycle.h"
#include "paths.h"
#include "privilege.h"
#include "secret.h"
#include "text.h"

#define PEOPLE_MS 30000
#define LOCK_MS 5000
#define LOOKUP_MS 3000
#define LOOKUPS_MS 5000         /* all names together that are not in /etc/passwd */

/* Room for one more; false: no memory. */
static bool grow(void **rows, size_t n, size_t size)
{
	void *more = n & (n - 1) ? *rows : reallocarray(*rows, n ? 2 * n : 1, size);

	if (more)
		*rows = more;
	return more != NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* ---- accounts ---- */

static enum linux_password judge_hash(const char *hash)
{
	if (!hash[0])
		return LINUX_EMPTY;
	return strchr("!*", hash[0]) ? LINUX_NONE : LINUX_SET;
}

static bool is_shell(const char *shell)
{
	const char *name = strrchr(shell, '/');

	name = name ? name + 1 : shell;
	return strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0 && strcmp(name, "sync") != 0;
}

static void read_passwd(struct doctor_facts *f)
{
	FILE *file = fopen("/etc/passwd", "re");

	for (const struct passwd *pw; file && (pw = fgetpwent(file));) {
		struct doctor_account a = { .uid = pw->pw_uid, .gid = pw->pw_gid, .can_work = is_shell(pw->pw_shell) };
		void *rows = f->accounts;

		if (!text_copy(a.name, sizeof(a.name), pw->pw_name) || !grow(&rows, f->n_accounts, sizeof(a)))
			continue;
		text_copy_or_none(a.home, sizeof(a.home), pw->pw_dir);
		/* "x": it stands in /etc/shadow. */
		a.password = strcmp(pw->pw_passwd, "x") == 0 ? LINUX_UNKNOWN : judge_hash(pw->pw_passwd);
		f->accounts = rows;
		f->accounts[f->n_accounts++] = a;
	}
	if (file)
		fclose(file);
	if (f->n_accounts)
		qsort(f->accounts, f->n_accounts, sizeof(*f->accounts), by_text);
}

static struct doctor_account *find_account(const struct doctor_facts *f, const char *name)
{
	char key[sizeof(struct doctor_account)] = "";

	if (!f->n_accounts || !text_copy(key, STORE_LOGIN_MAX + 1, name))
		return NULL;
	return bsearch(key, f->accounts, f->n_accounts, sizeof(*f->accounts), by_text);
}

const struct doctor_account *doctor_people_account(const struct doctor_facts *f, const char *name)
{
	return find_account(f, name);
}

static void read_shadow(struct doctor_facts *f)
{
	FILE *file = fopen("/etc/shadow", "re");

	for (const struct spwd *sp; file && (sp = fgetspent(file));) {
		struct doctor_account *a = find_account(f, sp->sp_namp);

		if (a && a->password == LINUX_UNKNOWN)
			a->password = judge_hash(sp->sp_pwdp);
		wipe(sp->sp_pwdp, strlen(sp->sp_pwdp));
	}
	if (file)
		fclose(file);
}

/* ---- people: read by a child that has become cardmfa, handed over in memory ---- */

struct gathering {
	int fd;
	struct store *store;
	struct doctor_person now;
	bool has_totp, has_password;
};

static void note_key(struct doctor_person *p, const struct card_row *c)
{
	struct key_ssh key;
	char text[KEY_SSH_TEXT_SIZE];
	size_t i = 0;

	if (key_ssh_from_spki(c->algorithm, c->spki, c->spki_len, &key))
		return;
	while (i < DOCTOR_KEYS_MAX && p->keys[i])
		i++;
	if (i < DOCTOR_KEYS_MAX)
		p->keys[i] = authorized_keys_mark(key_ssh_text(&key, text, sizeof(text)));
}

static enum err note_card(const struct card_row *c, void *arg)
{
	struct doctor_person *p = arg;
	enum err e = lifecycle_usable(c, clock_real_s());
	int64_t until = c->not_after < 0 ? INT64_MAX : c->not_after;

	if (e) {
		p->card_unusable = true;
		p->suspended = e == ERR_SUSPENDED ? c->card_id : p->suspended;
		p->expired = e == ERR_EXPIRED ? c->card_id : p->expired;
		return ERR_OK;
	}
	note_key(p, c);
	p->card |= c->pin_proved;
	p->card_nopin |= !c->pin_proved;
	p->card_until = until > p->card_until ? until : p->card_until;
	return ERR_OK;
}

static enum err hand_over(const struct person *person, void *arg)
{
	const struct gathering *g = arg;
	struct doctor_person p = { .person = *person, .registered = true, .account_uid = -1, .account_gid = -1 };
	struct totp_row totp;
	struct password_row password;
	enum err e = store_card_each(g->store, person->id, note_card, &p), t, w;

	if (e)
		return e;
	t = store_totp_get(g->store, person->id, &totp);
	w = store_password_get(g->store, person->id, &password);
	if ((t && t != ERR_NOT_FOUND) || (w && w != ERR_NOT_FOUND))
		return t && t != ERR_NOT_FOUND ? t : w;
	p.totp = t == ERR_OK;
	p.password = w == ERR_OK;
	p.card_unusable = p.card_unusable && !p.card && !p.card_nopin;
	wipe(&totp, sizeof(totp));
	wipe(&password, sizeof(password));
	return write(g->fd, &p, sizeof(p)) == (ssize_t)sizeof(p) ? ERR_OK : fail(ERR_MEMORY, "people: %m");
}

static enum err gather_people(void *arg)
{
	struct gathering *g = arg;
	enum err e = store_open(PATH_STORE_DIR, STORE_LOOK, LOCK_MS, &g->store);

	if (e)
		return e;
	e = store_person_each(g->store, false, hand_over, g);
	store_close(g->store);
	return e;
}

static void take_people(struct doctor_facts *f, int fd)
{
	struct stat st;

	if (fstat(fd, &st) || st.st_size % (off_t)sizeof(*f->people))
		return;
	f->n_people = (size_t)st.st_size / sizeof(*f->people);
	f->people = calloc(f->n_people + 1, sizeof(*f->people));
	f->people_known = f->people && pread(fd, f->people, (size_t)st.st_size, 0) == st.st_size;
	if (!f->people_known)
		f->n_people = 0;
}

static void read_people(struct doctor_facts *f)
{
	struct gathering g = { .fd = memfd_create("people", MFD_CLOEXEC) };

	if (g.fd < 0)
		return;
	if (!doctor_disk_is_full() && privilege_run_as(USER_WORKER, gather_people, &g, deadline_in(PEOPLE_MS)) == ERR_OK)
		take_people(f, g.fd);
	close(g.fd);
}

/* ---- their accounts ---- */

static enum err look_up_nobody(void *arg)
{
	(void)arg;
	(void)getpwnam("no-such-person");
	(void)getgrnam("no-such-group");
	return ERR_OK;
}

static void time_lookup(struct doctor_facts *f)
{
	int64_t begin = clock_boot_ms();

	/* In a process of its own: a source may also end it. */
	f->lookup_ms = privilege_run_as("nobody", look_up_nobody, NULL, deadline_in(LOOKUP_MS)) == ERR_OK ?
			       clock_boot_ms() - begin : -1;
}

static int by_login(const void *login, const void *row)
{
	return strcmp(login, ((const struct doctor_person *)row)->person.login);
}

const struct doctor_person *doctor_people_person(const struct doctor_facts *f, const char *login)
{
	return f->n_people ? bsearch(login, f->people, f->n_people, sizeof(*f->people), by_login) : NULL;
}

bool doctor_people_is_account(const struct doctor_facts *f, const char *login)
{
	return find_account(f, login) || (f->lookup_ms >= 0 && getpwnam(login));
}

static void take_account(struct doctor_person *p, const struct doctor_account *a)
{
	p->account_uid = a->uid;
	p->account_gid = a->gid;
	p->linux_password = a->password;
}

static void find_accounts(struct doctor_facts *f)
{
	int64_t deadline = deadline_in(LOOKUPS_MS);

	for (size_t i = 0; i < f->n_people; i++) {
		struct doctor_person *p = &f->people[i];
		struct doctor_account *a = find_account(f, p->person.login);
		const struct passwd *pw = NULL;

		if (a) {
			a->registered = true;
			take_account(p, a);
			continue;
		}
		/* A directory's: one by one, for a bounded time. */
		if (f->lookup_ms >= 0 && deadline_left(deadline) > 0)
			pw = getpwnam(p->person.login);
		p->account_uid = pw ? (int64_t)pw->pw_uid : -1;
		p->account_gid = pw ? (int64_t)pw->pw_gid : -1;
		p->linux_password = LINUX_UNKNOWN;
	}
}

static bool is_usable(const struct doctor_account *a)
{
	return a->can_work && (a->password == LINUX_SET || a->password == LINUX_EMPTY);
}

static void find_strangers(struct doctor_facts *f)
{
	f->strangers = f->people_known ? calloc(f->n_accounts + 1, sizeof(*f->strangers)) : NULL;
	for (size_t i = 0; f->strangers && i < f->n_accounts; i++) {
		const struct doctor_account *a = &f->accounts[i];
		struct doctor_person *s = &f->strangers[f->n_strangers];

		if (a->registered || !is_usable(a) || !text_copy(s->person.login, sizeof(s->person.login), a->name))
			continue;
		s->person.uid = a->uid;
		take_account(s, a);
		f->n_strangers++;
	}
}

void doctor_people_read(struct doctor_facts *f)
{
	time_lookup(f);
	read_passwd(f);
	read_shadow(f);
	read_people(f);
	find_accounts(f);
	find_strangers(f);
}
