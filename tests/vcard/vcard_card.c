/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_card.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "vcard_cert.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint8_t ref;
	uint32_t object;
	enum vpin_policy policy;
} slot_rows[VCARD_SLOTS] = {
	{ 0x9A, 0x5FC105, VPIN_ONCE },
	{ 0x9C, 0x5FC10A, VPIN_ALWAYS },
	{ 0x9D, 0x5FC10B, VPIN_ONCE },
	{ 0x9E, 0x5FC101, VPIN_NEVER },
	{ 0xF9, 0x5FFF01, VPIN_NEVER },
};

static const char *const policies[] = {
	[VPIN_NEVER] = "never", [VPIN_ONCE] = "once", [VPIN_ALWAYS] = "always"
};
static const char *const forms[] = {
	[VCERT_PLAIN] = "plain", [VCERT_GZIP] = "gzip", [VCERT_NONE] = "none"
};

const char *vcard_policy_text(enum vpin_policy p)
{
	return policies[p];
}

bool vcard_policy_parse(const char *text, enum vpin_policy *ret)
{
	for (size_t i = VPIN_NEVER; i < COUNT(policies); i++) {
		if (strcmp(policies[i], text))
			continue;
		*ret = (enum vpin_policy)i;
		return true;
	}
	return false;
}

const char *vcard_form_text(enum vcert_form f)
{
	return forms[f];
}

bool vcard_form_parse(const char *text, enum vcert_form *ret)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		if (strcmp(forms[i], text))
			continue;
		*ret = (enum vcert_form)i;
		return true;
	}
	return false;
}

/* The value that cards are sold with. */
const uint8_t vcard_admin_sold[VCARD_ADMIN_LEN] = {
	1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
};

void vcard_init(struct vcard *c, const struct vkind *kind)
{
	*c = (struct vcard){ .kind = kind, .chuid = true, .not_after = "20291231" };
	vbuf_add(&c->cn, "Virtual card", strlen("Virtual card"));
	if (RAND_bytes(c->guid, sizeof(c->guid)) != 1 ||
	    RAND_bytes((uint8_t *)&c->serial, sizeof(c->serial)) != 1)
		abort();
	c->serial &= 0x00FFFFFF;
	/* RFC 4122: version 4 */
	c->guid[6] = (uint8_t)((c->guid[6] & 0x0F) | 0x40);
	c->guid[8] = (uint8_t)((c->guid[8] & 0x3F) | 0x80);
	vcard_set_secret(&c->pin, "123456");
	vcard_set_secret(&c->puk, "12345678");
	memcpy(c->admin, vcard_admin_sold, sizeof(c->admin));
	c->pin.left = kind->tries;
	c->puk.left = kind->tries;
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		c->slots[i].ref = slot_rows[i].ref;
		c->slots[i].object = slot_rows[i].object;
		c->slots[i].policy = slot_rows[i].policy;
	}
}

void vcard_free(struct vcard *c)
{
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		EVP_PKEY_free(c->slots[i].key);
		vbuf_free(&c->slots[i].cert);
	}
	for (size_t i = 0; i < VCARD_OBJECTS; i++)
		vbuf_free(&c->objects[i].data);
	vbuf_free(&c->cn);
	vbuf_free(&c->label);
	free(c->path);
	*c = (struct vcard){ 0 };
}

bool vcard_clone(struct vcard *c, const struct vcard *from)
{
	vcard_init(c, from->kind);
	c->chuid = from->chuid;
	memcpy(c->guid, from->guid, sizeof(c->guid));
	memcpy(c->not_after, from->not_after, sizeof(c->not_after));
	c->serial = from->serial;
	vbuf_copy(&c->cn, &from->cn);
	vbuf_copy(&c->label, &from->label);
	c->pin = from->pin;
	c->puk = from->puk;
	memcpy(c->admin, from->admin, sizeof(c->admin));
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		struct vslot *s = &c->slots[i];

		if (!from->slots[i].key)
			continue;
		s->alg = from->slots[i].alg;
		s->policy = from->slots[i].policy;
		s->form = from->slots[i].form;
		s->imported = from->slots[i].imported;
		vbuf_copy(&s->cert, &from->slots[i].cert);
		s->key = vkey_generate(s->alg);
		if (!s->key)
			return false;
	}
	for (size_t i = 0; i < VCARD_OBJECTS; i++) {
		c->objects[i].tag = from->objects[i].tag;
		vbuf_copy(&c->objects[i].data, &from->objects[i].data);
	}
	return true;
}

struct vslot *vcard_slot(struct vcard *c, unsigned int ref)
{
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		if (c->slots[i].ref == ref)
			return &c->slots[i];
	}
	return NULL;
}

bool vcard_set_secret(struct vcounter *to, const char *text)
{
	size_t len = strlen(text);

	if (!len || len > VCARD_PIN_LEN)
		return false;
	memset(to->secret, 0xFF, VCARD_PIN_LEN);
	memcpy(to->secret, text, len);
	return true;
}

static bool issue_cert(struct vcard *c, struct vslot *s)
{
	return vcert_self_signed(s->key,
				 &(struct vcert_subject){ .cn = &c->cn, .not_after = c->not_after },
				 &s->cert);
}

bool vcard_issue(struct vcard *c, struct vslot *s)
{
	if (!s->key)
		s->key = vkey_generate(s->alg);
	return s->key && (s->cert.len || issue_cert(c, s));
}

bool vcard_reissue(struct vcard *c)
{
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		if (c->slots[i].key && !issue_cert(c, &c->slots[i]))
			return false;
	}
	return true;
}
