/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of cards for sshd. What is told here opens nothing: sshd checks the signature, and auth and account judge the person, the card and
 * the other factors anew. MUST NOT: write, take the writers' lock, need the store's keys.
 */
#include "ssh_keys.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "key_ssh.h"
#include "lifecycle.h"
#include "text.h"
#include "who.h"

_Static_assert(WIRE_KEY_SIZE > KEY_SSH_TEXT_SIZE && WIRE_OPTIONS_SIZE >= POLICY_SSH_OPTIONS_SIZE, "a record holds every line");

static enum err tell_key(const struct auth_call *c, const struct card_row *row, const struct key_ssh *key, const char *options)
{
	struct wire_record r = { .kind = WIRE_RECORD_KEY };

	text_copy_or_none(r.key.card, sizeof(r.key.card), row->card_id.text);
	text_copy_or_none(r.key.options, sizeof(r.key.options), options);
	key_ssh_text(key, r.key.key, sizeof(r.key.key));
	return c->io->record(c->io->arg, &r);
}

/* ---- of one person ---- */

struct telling {
	const struct auth_call *c;
	const struct who *w;
	const struct key_ssh *wanted;   /* NULL: all */
	size_t n;
	int64_t now;
};

static enum err tell_card(const struct card_row *row, void *arg)
{
	struct telling *t = arg;
	struct key_ssh key;
	char options[POLICY_SSH_OPTIONS_SIZE];
	enum err e;

	if (lifecycle_usable(row, t->now) != ERR_OK || t->n == WIRE_RECORDS_MAX)
		return ERR_OK;
	e = key_ssh_from_spki(row->algorithm, row->spki, row->spki_len, &key);
	if (e != ERR_OK || (t->wanted && !key_ssh_same(&key, t->wanted)))
		return e;
	t->n++;
	return tell_key(t->c, row, &key, policy_ssh_options(t->w->class_of, row->not_after, options, sizeof(options)));
}

/* "TYPE BASE64". False: a key that no card has. */
static bool read_wanted(const char *text, struct key_ssh *ret)
{
	const char *blank = strchr(text, ' ');

	return blank && key_ssh_read(text, (size_t)(blank - text), blank + 1, strlen(blank + 1), ret) == ERR_OK;
}

/* Of a login by sshd from nowhere in particular: sshd does not tell the address. */
static enum err find_person(const struct auth_call *c, struct who *ret)
{
	struct wire_request request = { .op = WIRE_SSH_KEYS, .service = "sshd" };
	struct auth_call call = *c;

	memcpy(request.user, c->request->user, sizeof(request.user));
	call.request = &request;
	return who_find(&call, ret);
}

static bool names_more(const struct wire_request *r)
{
	return r->service[0] || r->rhost[0] || r->tty[0] || r->flags;
}

enum err ssh_keys_run(const struct auth_call *c, struct wire_result *ret)
{
	const char *key = c->request->auth_info;
	struct key_ssh wanted;
	struct who w;
	struct telling t = { .c = c, .w = &w, .wanted = *key ? &wanted : NULL, .now = clock_real_s() };
	enum err e;

	if (names_more(c->request) || !c->request->user[0])
		return fail(ERR_NOT_ALLOWED, "keys are asked for by name alone");
	e = find_person(c, &w);
	if (e == ERR_OK && w.known && w.person.state == PERSON_ACTIVE && (!*key || read_wanted(key, &wanted)))
		e = store_card_each(c->store, w.person.id, tell_card, &t);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}

/* ---- of everybody, that are good no more ---- */

#define PAGE 256                /* rows between two looks at the store: none stays open while the other end takes its time */

struct page {
	size_t n;
	struct card_row rows[PAGE];
};

static void free_page(struct page **p)
{
	free(*p);
}

static enum err take_row(const struct card_row *row, void *arg)
{
	struct page *p = arg;

	p->rows[p->n++] = *row;
	return ERR_OK;
}

static enum err tell_page(const struct auth_call *c, const struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct key_ssh key;
		enum err e = key_ssh_from_spki(p->rows[i].algorithm, p->rows[i].spki, p->rows[i].spki_len, &key);

		if (e == ERR_OK)
			e = tell_key(c, &p->rows[i], &key, "");
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err ssh_keys_run_stopped(const struct auth_call *c, struct wire_result *ret)
{
	__attribute__((cleanup(free_page))) struct page *p = malloc(sizeof(*p));
	const int64_t now = clock_real_s();
	int64_t after = 0;
	enum err e;

	if (!p)
		return fail(ERR_MEMORY, "keys of stopped cards");
	if (names_more(c->request) || c->request->user[0] || c->request->auth_info[0])
		return fail(ERR_NOT_ALLOWED, "the keys of all stopped cards are asked for without a name");
	do {
		p->n = 0;
		e = store_card_each_stopped(c->store, after, now, PAGE, take_row, p);
		if (e == ERR_OK)
			e = tell_page(c, p);
		after = p->n ? p->rows[p->n - 1].id : after;
	} while (e == ERR_OK && p->n == PAGE);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}
