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

/* ---- rows first: no query stays open while the other end takes its time ---- */

struct page {
	size_t n;
	struct card_row rows[WIRE_RECORDS_MAX];
};

static void free_page(struct page **p)
{
	free(*p);
}

static enum err make_page(struct page **ret)
{
	*ret = malloc(sizeof(**ret));
	if (!*ret)
		return fail(ERR_MEMORY, "keys of cards");
	(*ret)->n = 0;
	return ERR_OK;
}

/* k: whose options stand before each; NULL: none do. */
static enum err tell_page(const struct auth_call *c, const struct page *p, const struct policy_class *k)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct card_row *row = &p->rows[i];
		struct key_ssh key;
		char options[POLICY_SSH_OPTIONS_SIZE];
		enum err e = key_ssh_from_spki(row->algorithm, row->spki, row->spki_len, &key);

		if (e == ERR_OK)
			e = tell_key(c, row, &key, k ? policy_ssh_options(k, row->not_after, options, sizeof(options)) : "");
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* ---- of one person ---- */

struct choice {
	const struct key_ssh *wanted;   /* NULL: all */
	int64_t now;
	struct page *page;
};

static enum err choose_card(const struct card_row *row, void *arg)
{
	struct choice *t = arg;
	struct key_ssh key;
	enum err e;

	if (lifecycle_usable(row, t->now) != ERR_OK || t->page->n == WIRE_RECORDS_MAX)
		return ERR_OK;
	e = key_ssh_from_spki(row->algorithm, row->spki, row->spki_len, &key);
	if (e == ERR_OK && (!t->wanted || key_ssh_same(&key, t->wanted)))
		t->page->rows[t->page->n++] = *row;
	return e;
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
	__attribute__((cleanup(free_page))) struct page *p = NULL;
	const char *key = c->request->auth_info;
	struct key_ssh wanted;
	struct who w;
	struct choice choice = { .wanted = *key ? &wanted : NULL, .now = clock_real_s() };
	enum err e;

	if (names_more(c->request) || !c->request->user[0])
		return fail(ERR_NOT_ALLOWED, "keys are asked for by name alone");
	e = make_page(&p);
	choice.page = p;
	if (e == ERR_OK)
		e = find_person(c, &w);
	if (e == ERR_OK && w.known && w.person.state == PERSON_ACTIVE && (!*key || read_wanted(key, &wanted)))
		e = store_card_each(c->store, w.person.id, choose_card, &choice);
	if (e == ERR_OK)
		e = tell_page(c, p, w.class_of);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}

/* ---- of everybody, that are good no more ---- */

static enum err take_row(const struct card_row *row, void *arg)
{
	struct page *p = arg;

	p->rows[p->n++] = *row;
	return ERR_OK;
}

enum err ssh_keys_run_stopped(const struct auth_call *c, struct wire_result *ret)
{
	__attribute__((cleanup(free_page))) struct page *p = NULL;
	const int64_t now = clock_real_s();
	int64_t after = 0;
	enum err e = make_page(&p);

	if (e != ERR_OK)
		return e;
	if (names_more(c->request) || c->request->user[0] || c->request->auth_info[0])
		return fail(ERR_NOT_ALLOWED, "the keys of all stopped cards are asked for without a name");
	do {
		p->n = 0;
		e = store_card_each_stopped(c->store, after, now, WIRE_RECORDS_MAX, take_row, p);
		if (e == ERR_OK)
			e = tell_page(c, p, NULL);
		after = p->n ? p->rows[p->n - 1].id : after;
	} while (e == ERR_OK && p->n == WIRE_RECORDS_MAX);
	if (e == ERR_OK)
		ret->verdict = VERDICT_ALLOW;
	return e;
}
