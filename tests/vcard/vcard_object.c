/* SPDX-License-Identifier: Apache-2.0 */
/* GET DATA (SP 800-73 part 1, appendix A: data objects). */
#include <string.h>

#include "vcard_cert.h"
#include "vcard_piv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct vshape {
	const char *name;
	void (*make)(const struct vbuf *cert, size_t len, struct vbuf *out);
};

/* What 53 holds for a certificate: 70 certificate, 71 how it is kept, FE. */
static void container(const struct vbuf *cert, unsigned int info, struct vbuf *out)
{
	uint8_t byte = (uint8_t)info;

	vtlv_add_buf(out, 0x70, cert);
	vtlv_add(out, 0x71, &byte, 1);
	vtlv_add(out, 0xFE, NULL, 0);
	vtlv_wrap(out, 0x53);
}

static void shape_huge(const struct vbuf *cert, size_t len, struct vbuf *out)
{
	VBUF_AUTO huge = { 0 };

	vbuf_copy(&huge, cert);
	vbuf_fill(&huge, 0x30, len > huge.len ? len - huge.len : 0);
	container(&huge, 0, out);
}

static void shape_truncated(const struct vbuf *cert, size_t len, struct vbuf *out)
{
	(void)len;
	container(cert, 0, out);
	out->len /= 2;
}

static void shape_gzip(const struct vbuf *cert, size_t len, struct vbuf *out)
{
	VBUF_AUTO zip = { 0 };

	(void)len;
	vcert_gzip(cert, &zip);
	container(&zip, 1, out);
}

static void shape_bomb(const struct vbuf *cert, size_t len, struct vbuf *out)
{
	VBUF_AUTO zip = { 0 };

	(void)cert, (void)len;
	vcert_gzip_bomb(2000000, &zip);
	container(&zip, 1, out);
}

static void shape_flag_lie(const struct vbuf *cert, size_t len, struct vbuf *out)
{
	(void)len;
	container(cert, 1, out);
}

static void shape_empty(const struct vbuf *cert, size_t len, struct vbuf *out)
{
	(void)cert, (void)len;
	container(&(struct vbuf){ 0 }, 0, out);
}

static const struct vshape shapes[] = {
	{ "cert-huge",      shape_huge },
	{ "cert-truncated", shape_truncated },
	{ "cert-gzip",      shape_gzip },
	{ "cert-bomb",      shape_bomb },
	{ "cert-flag-lie",  shape_flag_lie },
	{ "cert-empty",     shape_empty },
};

const struct vshape *vshape_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (!strcmp(shapes[i].name, name))
			return &shapes[i];
	}
	return NULL;
}

static uint16_t get_chuid(struct vpiv *p, struct vbuf *out)
{
	static const uint8_t fasc_n[] = {
		0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE, 0x73, 0x9D, 0x83, 0x68,
		0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB,
	};

	if (!p->card->chuid || p->quirks->no_chuid)
		return 0x6A82;
	vtlv_add(out, 0x30, fasc_n, sizeof(fasc_n));
	vtlv_add(out, 0x34, p->card->guid, sizeof(p->card->guid));
	vtlv_add(out, 0x35, p->card->not_after, 8);
	vtlv_add(out, 0x3E, NULL, 0);
	vtlv_add(out, 0xFE, NULL, 0);
	vtlv_wrap(out, 0x53);
	return 0x9000;
}

static uint16_t get_ccc(struct vpiv *p, struct vbuf *out)
{
	static const uint8_t head[] = { 0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02 };
	static const uint8_t empty[] = {
		0xF2, 0xF3, 0xF4, 0xF6, 0xF7, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE
	};
	VBUF_AUTO id = { 0 };

	vbuf_add(&id, head, sizeof(head));
	vbuf_add(&id, p->card->guid, 14);
	vtlv_add_buf(out, 0xF0, &id);
	vtlv_add(out, 0xF1, "\x21", 1);
	vtlv_add(out, 0xF5, "\x10", 1);
	for (size_t i = 0; i < sizeof(empty); i++)
		vtlv_add(out, empty[i], NULL, 0);
	vtlv_wrap(out, 0x53);
	return 0x9000;
}

/* Bare, without 53 (SP 800-73 part 2, 3.1.2). */
static uint16_t get_discovery(struct vpiv *p, struct vbuf *out)
{
	static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00,
				       0x00, 0x10, 0x00, 0x01, 0x00 };

	vtlv_add(out, 0x4F, aid, sizeof(aid));
	vtlv_add(out, 0x5F2F, p->card->kind->discovery, 2);
	vtlv_wrap(out, 0x7E);
	return 0x9000;
}

static uint16_t get_cert(struct vpiv *p, const struct vslot *s, struct vbuf *out)
{
	const struct vquirks *q = p->quirks;
	const struct vbuf *cert = s->ref == 0x9A && q->cert.len ? &q->cert : &s->cert;

	if (!s->key || !cert->len || s->form == VCERT_NONE || (s->ref == 0x9A && q->no_cert))
		return 0x6A82;
	if (s->ref == 0x9A && q->shape)
		q->shape->make(cert, q->shape_len, out);
	else if (s->form == VCERT_GZIP)
		shape_gzip(cert, 0, out);
	else
		container(cert, 0, out);
	return 0x9000;
}

/* SP 800-73 part 1, table 2: printed information is read with the PIN. Tools keep a secret there. */
#define PRINTED 0x5FC109

static const struct {
	uint32_t tag;
	uint16_t (*get)(struct vpiv *p, struct vbuf *out);
} objects[] = {
	{ 0x5FC102, get_chuid },
	{ 0x5FC107, get_ccc },
	{ 0x7E,     get_discovery },
};

static uint16_t get_object(struct vpiv *p, uint32_t tag, struct vbuf *out)
{
	if (p->quirks->object && p->quirks->object == tag) {
		vbuf_copy(out, &p->quirks->object_data);
		return 0x9000;
	}
	if (tag == PRINTED && !p->verified)
		return 0x6982;
	for (size_t i = 0; i < VCARD_OBJECTS; i++) {
		if (p->card->objects[i].tag != tag || !tag)
			continue;
		vbuf_copy(out, &p->card->objects[i].data);
		return 0x9000;
	}
	for (size_t i = 0; i < COUNT(objects); i++) {
		if (objects[i].tag == tag)
			return objects[i].get(p, out);
	}
	for (size_t i = 0; i < VCARD_SLOTS; i++) {
		if (p->card->slots[i].object == tag)
			return get_cert(p, &p->card->slots[i], out);
	}
	return 0x6A82;
}

uint16_t vpiv_get_data(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	struct vtlv list;
	uint32_t tag = 0;

	if (a->p1 != 0x3F || a->p2 != 0xFF)
		return 0x6A86;
	if (!vtlv_find(a->data, a->lc, 0x5C, &list) || !list.len || list.len > 3)
		return 0x6A80;
	for (size_t i = 0; i < list.len; i++)
		tag = tag << 8 | list.data[i];
	return get_object(p, tag, out);
}
