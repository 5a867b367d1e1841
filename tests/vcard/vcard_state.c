/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: one word and its values per line, bytes in hexadecimal. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vcard_card.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS 8

/* Bytes of a field; one of no bytes is written "-". */
static void put_hex(FILE *out, const void *data, size_t len)
{
	VBUF_AUTO hex = { 0 };

	vhex_add(&hex, data, len);
	if (!len)
		vbuf_byte(&hex, '-');
	fprintf(out, " %.*s", (int)hex.len, (const char *)hex.data);
}

static void put_counter(FILE *out, const char *word, const struct vcounter *n)
{
	fprintf(out, "%s %d", word, n->left);
	put_hex(out, n->secret, sizeof(n->secret));
	fputc('\n', out);
}

static void put_slot(FILE *out, const struct vslot *s)
{
	VBUF_AUTO der = { 0 };

	if (!s->key || !vkey_to_der(s->key, &der))
		return;
	fprintf(out, "slot %02X %s %s %s %s", s->ref, s->alg->name, vcard_policy_text(s->policy),
		vcard_form_text(s->form), s->imported ? "imported" : "generated");
	put_hex(out, der.data, der.len);
	put_hex(out, s->cert.data, s->cert.len);
	fputc('\n', out);
}

static void put_card(FILE *out, const struct vcard *c)
{
	fprintf(out, "kind %s\nguid", c->kind->name);
	put_hex(out, c->guid, sizeof(c->guid));
	fprintf(out, "\nchuid %s\nserial %u\nnot-after %s\ncn", c->chuid ? "present" : "absent",
		c->serial, c->not_after);
	put_hex(out, c->cn.data, c->cn.len);
	fputs("\nlabel", out);
	put_hex(out, c->label.data, c->label.len);
	fputc('\n', out);
	put_counter(out, "pin", &c->pin);
	put_counter(out, "puk", &c->puk);
	fputs("admin", out);
	put_hex(out, c->admin, sizeof(c->admin));
	fputc('\n', out);
	for (size_t i = 0; i < VCARD_SLOTS; i++)
		put_slot(out, &c->slots[i]);
	for (size_t i = 0; i < VCARD_OBJECTS; i++) {
		if (!c->objects[i].tag)
			continue;
		fprintf(out, "object %X", c->objects[i].tag);
		put_hex(out, c->objects[i].data.data, c->objects[i].data.len);
		fputc('\n', out);
	}
}

bool vcard_save(const struct vcard *c)
{
	char path[4096];
	FILE *out;
	bool ok;

	if (!c->path || snprintf(path, sizeof(path), "%s.new", c->path) >= (int)sizeof(path))
		return false;
	out = fopen(path, "we");
	if (!out) {
		fprintf(stderr, "vcard: cannot write %s: %m\n", path);
		return false;
	}
	put_card(out, c);
	ok = !fchmod(fileno(out), 0600) && !fflush(out) && (!c->sync || !fsync(fileno(out)));
	ok = !fclose(out) && ok;
	if (!ok || rename(path, c->path)) {
		fprintf(stderr, "vcard: cannot write %s: %m\n", c->path);
		return false;
	}
	return true;
}

static bool get_kind(struct vcard *c, char **v)
{
	const struct vkind *kind = vkind_by_name(v[0]);

	if (!kind || c->kind)
		return false;
	vcard_init(c, kind);
	return true;
}

static bool get_exactly(const char *hex, void *ret, size_t len)
{
	VBUF_AUTO b = { 0 };

	if (!vhex_parse(hex, &b) || b.len != len)
		return false;
	memcpy(ret, b.data, len);
	return true;
}

static bool get_guid(struct vcard *c, char **v)
{
	return get_exactly(v[0], c->guid, sizeof(c->guid));
}

static bool get_chuid(struct vcard *c, char **v)
{
	c->chuid = !strcmp(v[0], "present");
	return true;
}

static bool get_serial(struct vcard *c, char **v)
{
	c->serial = (uint32_t)strtoul(v[0], NULL, 10);
	return true;
}

static bool get_not_after(struct vcard *c, char **v)
{
	if (strlen(v[0]) != 8)
		return false;
	memcpy(c->not_after, v[0], 9);
	return true;
}

static bool get_cn(struct vcard *c, char **v)
{
	return vhex_parse(v[0], &c->cn);
}

static bool get_label(struct vcard *c, char **v)
{
	return vhex_parse(v[0], &c->label);
}

static bool get_counter(struct vcounter *n, char **v)
{
	n->left = atoi(v[0]);
	return n->left >= 0 && get_exactly(v[1], n->secret, sizeof(n->secret));
}

static bool get_pin(struct vcard *c, char **v)
{
	return get_counter(&c->pin, v);
}

static bool get_puk(struct vcard *c, char **v)
{
	return get_counter(&c->puk, v);
}

static bool get_admin(struct vcard *c, char **v)
{
	return get_exactly(v[0], c->admin, sizeof(c->admin));
}

static bool get_slot(struct vcard *c, char **v)
{
	struct vslot *s = vcard_slot(c, (unsigned int)strtoul(v[0], NULL, 16));
	VBUF_AUTO der = { 0 };

	if (!s || s->key || !vcard_policy_parse(v[2], &s->policy) ||
	    !vcard_form_parse(v[3], &s->form) || !vhex_parse(v[5], &der) ||
	    !vhex_parse(v[6], &s->cert))
		return false;
	s->alg = valg_by_name(v[1]);
	s->imported = !strcmp(v[4], "imported");
	s->key = vkey_from_der(der.data, der.len);
	return s->alg && s->key;
}

static bool get_object(struct vcard *c, char **v)
{
	for (size_t i = 0; i < VCARD_OBJECTS; i++) {
		if (c->objects[i].tag)
			continue;
		c->objects[i].tag = (uint32_t)strtoul(v[0], NULL, 16);
		return c->objects[i].tag && vhex_parse(v[1], &c->objects[i].data);
	}
	return false;
}

static const struct {
	const char *word;
	int values;
	bool (*get)(struct vcard *c, char **v);
} lines[] = {
	{ "kind",      1, get_kind },
	{ "guid",      1, get_guid },
	{ "chuid",     1, get_chuid },
	{ "serial",    1, get_serial },
	{ "not-after", 1, get_not_after },
	{ "cn",        1, get_cn },
	{ "label",     1, get_label },
	{ "pin",       2, get_pin },
	{ "puk",       2, get_puk },
	{ "admin",     1, get_admin },
	{ "slot",      7, get_slot },
	{ "object",    2, get_object },
};

static bool get_line(struct vcard *c, char *text)
{
	char *v[WORDS + 1] = { 0 };
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(text, " \n", &save); w && n < WORDS + 1;
	     w = strtok_r(NULL, " \n", &save))
		v[n++] = w;
	for (size_t i = 0; n && i < COUNT(lines); i++) {
		if (!strcmp(lines[i].word, v[0]))
			return n - 1 == lines[i].values && (c->kind || !i) &&
			       lines[i].get(c, v + 1);
	}
	return false;
}

bool vcard_load(struct vcard *c, const char *path)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool ok = in;

	*c = (struct vcard){ 0 };
	if (!in)
		fprintf(stderr, "vcard: cannot read %s: %m\n", path);
	for (int n = 1; ok && getline(&line, &room, in) >= 0; n++) {
		ok = get_line(c, line);
		if (!ok)
			fprintf(stderr, "vcard: %s:%d: not a line of a card's state\n", path, n);
	}
	free(line);
	if (in)
		fclose(in);
	ok = ok && c->kind && (c->path = strdup(path));
	if (!ok)
		vcard_free(c);
	return ok;
}
