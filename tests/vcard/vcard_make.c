/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_make.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vcard_cert.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "9A=REST": the slot, and REST copied to `rest`. */
static struct vslot *slot_and_rest(struct vcard *c, const char *value, char *rest, size_t size)
{
	char *end;
	unsigned long ref = strtoul(value, &end, 16);

	if (*end != '=' || strlen(end + 1) >= size)
		return NULL;
	strcpy(rest, end + 1);
	return vcard_slot(c, (unsigned int)ref);
}

static bool set_slot(struct vcard *c, const char *value)
{
	char rest[128];
	struct vslot *s = slot_and_rest(c, value, rest, sizeof(rest));
	char *save = NULL;
	char *word = s ? strtok_r(rest, ",", &save) : NULL;

	if (!word)
		return false;
	EVP_PKEY_free(s->key);
	s->key = NULL;
	vbuf_clear(&s->cert);
	s->alg = valg_by_name(word);
	while (s->alg && (word = strtok_r(NULL, ",", &save))) {
		if (!strncmp(word, "pin=", 4) && vcard_policy_parse(word + 4, &s->policy))
			continue;
		if (!strncmp(word, "cert=", 5) && vcard_form_parse(word + 5, &s->form))
			continue;
		return false;
	}
	return s->alg;
}

static bool set_key(struct vcard *c, const char *value)
{
	char file[4096];
	struct vslot *s = slot_and_rest(c, value, file, sizeof(file));

	if (!s)
		return false;
	EVP_PKEY_free(s->key);
	s->key = vkey_from_pem(file);
	s->alg = s->key ? valg_of_key(s->key) : NULL;
	s->imported = true;
	return s->alg;
}

static bool set_cert(struct vcard *c, const char *value)
{
	char file[4096];
	struct vslot *s = slot_and_rest(c, value, file, sizeof(file));

	return s && vcert_from_file(file, &s->cert);
}

static bool set_guid(struct vcard *c, const char *value)
{
	VBUF_AUTO b = { 0 };

	if (!vhex_parse(value, &b) || b.len != sizeof(c->guid))
		return false;
	memcpy(c->guid, b.data, b.len);
	return true;
}

static bool set_no_chuid(struct vcard *c, const char *value)
{
	(void)value;
	c->chuid = false;
	return true;
}

static bool set_cn(struct vcard *c, const char *value)
{
	return vtext_unescape(value, &c->cn);
}

static bool set_label(struct vcard *c, const char *value)
{
	return vtext_unescape(value, &c->label);
}

static bool set_not_after(struct vcard *c, const char *value)
{
	if (strlen(value) != 8)
		return false;
	memcpy(c->not_after, value, 9);
	return true;
}

static bool set_serial(struct vcard *c, const char *value)
{
	c->serial = (uint32_t)strtoul(value, NULL, 10);
	return true;
}

static bool set_pin(struct vcard *c, const char *value)
{
	return vcard_set_secret(&c->pin, value);
}

static bool set_puk(struct vcard *c, const char *value)
{
	return vcard_set_secret(&c->puk, value);
}

static bool set_tries(struct vcard *c, const char *value)
{
	c->pin.left = atoi(value);
	return c->pin.left >= 0 && c->pin.left <= 15;
}

/* In the order in which they are applied; kind and like come before all others. */
enum { KIND, LIKE, FIRST_SETTING };

static const struct {
	const char *name;
	const char *args;
	bool (*set)(struct vcard *c, const char *value);
	const char *help;
} settings[] = {
	[KIND] = { "kind",      "one|another", NULL, "the two sorts of card (one)" },
	[LIKE] = { "like",      "STATE", NULL, "the same in all but the private keys" },
	{ "slot",      "9A=ALG[,pin=never|once|always][,cert=plain|gzip|none]", set_slot,
	  "rsa1024 rsa2048 rsa3072 rsa4096 p256 p384 (9A=p256 and 9E=p256)" },
	{ "key",       "9A=FILE",       set_key,       "private key, PEM" },
	{ "cert",      "9A=FILE",       set_cert,      "certificate, PEM or DER" },
	{ "guid",      "32HEX",         set_guid,      "(random)" },
	{ "no-chuid",  NULL,            set_no_chuid,  "the card has none" },
	{ "cn",        "TEXT",          set_cn,        "of the certificates; \\xNN escapes" },
	{ "label",     "TEXT",          set_label,     "in SELECT's answer; \\xNN escapes" },
	{ "not-after", "YYYYMMDD",      set_not_after, "of the certificates (20291231)" },
	{ "serial",    "N",             set_serial,    "(random)" },
	{ "pin",       "PIN",           set_pin,       "(123456)" },
	{ "puk",       "PUK",           set_puk,       "(12345678)" },
	{ "tries",     "N",             set_tries,     "left of the PIN's" },
};
_Static_assert(COUNT(settings) <= VMAKE_OPTIONS, "room for every option");

int vmake_options(struct option *ret)
{
	for (size_t i = 0; i < COUNT(settings); i++)
		ret[i] = (struct option){ settings[i].name,
					  settings[i].args ? required_argument : no_argument, NULL,
					  (int)i };
	return (int)COUNT(settings);
}

bool vmake_take(struct vmake *m, int option, const char *value)
{
	if (option < 0 || option >= (int)COUNT(settings) || m->count == VMAKE_VALUES)
		return false;
	m->given[m->count].option = option;
	m->given[m->count++].value = value;
	return true;
}

static bool begin_card(const struct vmake *m, struct vcard *c)
{
	const struct vkind *kind = vkind_by_name("one");
	const char *like = NULL;
	VCARD_AUTO from = { 0 };

	for (int i = 0; i < m->count; i++) {
		if (m->given[i].option == KIND)
			kind = vkind_by_name(m->given[i].value);
		if (m->given[i].option == LIKE)
			like = m->given[i].value;
	}
	if (!kind)
		return false;
	if (like)
		return vcard_load(&from, like) && vcard_clone(c, &from);
	vcard_init(c, kind);
	return true;
}

static bool apply(const struct vmake *m, struct vcard *c)
{
	for (int i = FIRST_SETTING; i < (int)COUNT(settings); i++) {
		for (int k = 0; k < m->count; k++) {
			if (m->given[k].option != i || settings[i].set(c, m->given[k].value))
				continue;
			fprintf(stderr, "vcard: --%s %s: not possible\n", settings[i].name,
				m->given[k].value);
			return false;
		}
	}
	return true;
}

static bool issue_all(struct vcard *c)
{
	static const unsigned int standard[] = { 0x9A, 0x9E };
	bool any = false;

	for (size_t i = 0; i < VCARD_SLOTS; i++)
		any = any || c->slots[i].alg;
	for (size_t i = 0; i < COUNT(standard) && !any; i++)
		vcard_slot(c, standard[i])->alg = valg_by_name("p256");
	if (c->kind->attests && !vcard_slot(c, 0xF9)->alg)
		vcard_slot(c, 0xF9)->alg = valg_by_name("p256");
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		if (c->slots[i].alg && !vcard_issue(c, &c->slots[i]))
			return false;
	}
	return true;
}

bool vmake_card(const struct vmake *m, const char *path)
{
	VCARD_AUTO c = { 0 };

	if (!begin_card(m, &c)) {
		fputs("vcard: no such kind, or no card to be like\n", stderr);
		return false;
	}
	if (!apply(m, &c))
		return false;
	if (!issue_all(&c)) {
		fputs("vcard: could not make a key or certificate\n", stderr);
		return false;
	}
	c.path = strdup(path);
	return vcard_save(&c);
}

static void pem(const char *name, const struct vbuf *der)
{
	PEM_write(stdout, name, "", der->data, (long)der->len);
}

bool vmake_export(struct vcard *c, const char *what, const char *slot)
{
	struct vslot *s = vcard_slot(c, (unsigned int)strtoul(slot, NULL, 16));
	VBUF_AUTO b = { 0 };

	if (!strcmp(what, "guid")) {
		vhex_add(&b, c->guid, sizeof(c->guid));
		return printf("%.*s\n", (int)b.len, (const char *)b.data) > 0;
	}
	if (!strcmp(what, "serial"))
		return printf("%u\n", c->serial) > 0;
	if (!s || !s->key)
		return false;
	if (!strcmp(what, "cert"))
		pem("CERTIFICATE", &s->cert);
	else if (!strcmp(what, "spki") && vkey_spki(s->key, &b))
		pem("PUBLIC KEY", &b);
	else if (!strcmp(what, "key") && vkey_to_der(s->key, &b))
		pem("PRIVATE KEY", &b);
	else
		return false;
	return true;
}

void vmake_help(void)
{
	for (size_t i = 0; i < COUNT(settings); i++)
		printf("  --%s %s\n        %s\n", settings[i].name,
		       settings[i].args ? settings[i].args : "", settings[i].help);
}
