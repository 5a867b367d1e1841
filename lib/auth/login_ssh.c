/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card's part of a login over ssh: sshd has verified a signature by a key, and says so in SSH_AUTH_INFO_0 (a line for each
 * method: "publickey TYPE BASE64"). MUST: believe it in auth alone, of sshd alone, and only a key that is pinned for this person.
 */
#include "login.h"

#include <string.h>
#include <syslog.h>

#include "clock.h"
#include "key_ssh.h"
#include "lifecycle.h"
#include "log.h"

#define KEYS_MAX 4              /* methods of one login; further ones are not looked at */
#define METHOD "publickey "

struct proof {
	struct login *l;
	size_t n;
	struct key_ssh keys[KEYS_MAX];
	enum err trouble;       /* a row that can't be compared */
	int64_t now;
};

/* "TYPE BASE64", without the end of the line. Other kinds of key, and what is malformed, prove no card. */
static void take_key(struct proof *p, const char *s, size_t len)
{
	const char *blank = memchr(s, ' ', len);

	if (!blank || p->n == KEYS_MAX)
		return;
	if (key_ssh_read(s, (size_t)(blank - s), blank + 1, len - (size_t)(blank + 1 - s), &p->keys[p->n]) == ERR_OK)
		p->n++;
}

static void take_info(struct proof *p, const char *info)
{
	const size_t method = sizeof(METHOD) - 1;

	while (*info) {
		size_t len = strcspn(info, "\n");

		if (!strncmp(info, METHOD, method))
			take_key(p, info + method, len - method);
		info += len + (info[len] == '\n');
	}
}

static bool is_proved(const struct proof *p, const struct key_ssh *pinned)
{
	for (size_t i = 0; i < p->n; i++)
		if (key_ssh_same(&p->keys[i], pinned))
			return true;
	return false;
}

static enum err compare(const struct card_row *row, void *arg)
{
	struct proof *p = arg;
	struct login *l = p->l;
	struct key_info key;
	struct key_ssh pinned;
	enum err e, usable = lifecycle_usable(row, p->now);

	if (l->face == FACE_KNOWN)
		return ERR_OK;
	e = login_card_pinned(row, &key);
	if (e == ERR_OK)
		e = key_ssh_from_spki(key.algorithm, key.spki, key.spki_len, &pinned);
	if (e != ERR_OK) {
		p->trouble = e;
		return ERR_OK;
	}
	if (!is_proved(p, &pinned))
		return ERR_OK;
	if (usable == ERR_OK) {
		l->card = *row;
		l->face = FACE_KNOWN;
	} else {
		l->stale = usable;
		l->stale_card = row->card_id;
	}
	return ERR_OK;
}

enum err login_ssh_find(struct login *l)
{
	struct proof p = { .l = l, .trouble = ERR_OK, .now = clock_real_s() };
	enum err e;

	l->face = FACE_STRANGER;
	take_info(&p, l->c->request->auth_info);
	/* Unknown people have no cards (row 0 is nobody's): the same question to the store. */
	e = store_card_each(l->c->store, l->who.known ? l->who.person.id : INT64_MAX, compare, &p);
	if (e != ERR_OK || l->face != FACE_KNOWN)
		return e != ERR_OK ? e : p.trouble;
	l->proved = true;
	log_line(LOG_INFO, "card %s: its key was verified by sshd", l->card.card_id.text);
	return login_card_keep_kind(l);
}
