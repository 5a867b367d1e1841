/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makers and administrators of cards use: management key, PUT DATA, GENERATE, and vendors'
 * extensions.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "vcard_cert.h"
#include "vcard_piv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ADMIN_ALGORITHM 0x03
#define ADMIN_BLOCK 8

static bool admin_cipher(const struct vcard *c, const uint8_t *in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;
	bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_des_ede3_ecb(), NULL, c->admin, NULL) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		  EVP_EncryptUpdate(ctx, out, &len, in, ADMIN_BLOCK) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return ok && len == ADMIN_BLOCK;
}

/*
 * First step: a fresh number, sent plain (81, external) or enciphered (80, the witness of
 * mutual).
 */
static uint16_t admin_ask(struct vpiv *p, uint8_t tag, struct vbuf *out)
{
	uint8_t hidden[ADMIN_BLOCK];

	if (RAND_bytes(p->challenge, sizeof(p->challenge)) != 1 ||
	    !admin_cipher(p->card, p->challenge, hidden))
		return 0x6F00;
	p->challenge_tag = tag;
	vtlv_add(out, tag, tag == 0x80 ? hidden : p->challenge, ADMIN_BLOCK);
	vtlv_wrap(out, 0x7C);
	return 0x9000;
}

/*
 * Second step. External: 82 is the enciphered challenge. Mutual: 80 the deciphered witness, 81
 * one for the card.
 */
static uint16_t admin_answer(struct vpiv *p, const struct vtlv *what, struct vbuf *out)
{
	uint8_t tag = p->challenge_tag;
	uint8_t expected[ADMIN_BLOCK], answer[ADMIN_BLOCK];
	struct vtlv proof, theirs;

	p->challenge_tag = 0;
	if (!tag || !vtlv_find(what->data, what->len, tag == 0x80 ? 0x80 : 0x82, &proof) ||
	    proof.len != ADMIN_BLOCK)
		return 0x6A80;
	if (tag == 0x80)
		memcpy(expected, p->challenge, ADMIN_BLOCK);
	else if (!admin_cipher(p->card, p->challenge, expected))
		return 0x6F00;
	p->admin = !CRYPTO_memcmp(proof.data, expected, ADMIN_BLOCK);
	if (!p->admin)
		return 0x6982;
	if (tag != 0x80 || !vtlv_find(what->data, what->len, 0x81, &theirs) ||
	    theirs.len != ADMIN_BLOCK)
		return 0x9000;
	if (!admin_cipher(p->card, theirs.data, answer))
		return 0x6F00;
	vtlv_add(out, 0x82, answer, ADMIN_BLOCK);
	vtlv_wrap(out, 0x7C);
	return 0x9000;
}

uint16_t vpiv_authenticate_admin(struct vpiv *p, const struct vapdu *a, const struct vtlv *what,
				 struct vbuf *out)
{
	struct vtlv asked;

	/* 00 is the older name of 3DES, which OpenSC uses to get random bytes */
	if (a->p1 && a->p1 != ADMIN_ALGORITHM)
		return 0x6A86;
	if (vtlv_find(what->data, what->len, 0x80, &asked) && !asked.len)
		return admin_ask(p, 0x80, out);
	if (vtlv_find(what->data, what->len, 0x81, &asked) && !asked.len)
		return admin_ask(p, 0x81, out);
	return admin_answer(p, what, out);
}

/* Kept as it came; GET DATA looks here first. An empty one is deleted. */
static uint16_t put_object(struct vcard *c, uint32_t tag, const struct vtlv *data)
{
	struct vobject *to = NULL;

	for (size_t i = 0; i < VCARD_OBJECTS && !to; i++) {
		if (c->objects[i].tag == tag)
			to = &c->objects[i];
	}
	for (size_t i = 0; i < VCARD_OBJECTS && !to; i++) {
		if (!c->objects[i].tag)
			to = &c->objects[i];
	}
	if (!to)
		return 0x6A84;
	vbuf_clear(&to->data);
	to->tag = data->len ? tag : 0;
	vtlv_add(&to->data, 0x53, data->data, data->len);
	return vcard_save(c) ? 0x9000 : 0x6581;
}

uint16_t vpiv_put_data(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	struct vtlv list, data;
	uint32_t tag = 0;

	(void)out;
	if (!p->admin)
		return 0x6982;
	if (a->p1 != 0x3F || a->p2 != 0xFF)
		return 0x6A86;
	if (!vtlv_find(a->data, a->lc, 0x5C, &list) || list.len != 3 ||
	    !vtlv_find(a->data, a->lc, 0x53, &data))
		return 0x6A80;
	for (size_t i = 0; i < list.len; i++)
		tag = tag << 8 | list.data[i];
	return put_object(p->card, tag, &data);
}

/* The certificate of the slot stays as it was: of the key before, or none. Writing one is PUT DATA's. */
uint16_t vpiv_generate(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	struct vslot *s = vcard_slot(p->card, a->p2);
	const struct valg *alg;
	struct vtlv control, id;
	EVP_PKEY *key;

	if (!p->admin)
		return 0x6982;
	if (!s || s->ref == 0xF9)
		return 0x6A86;
	if (!vtlv_find(a->data, a->lc, 0xAC, &control) ||
	    !vtlv_find(control.data, control.len, 0x80, &id) || id.len != 1)
		return 0x6A80;
	alg = valg_by_id(id.data[0]);
	key = alg ? vkey_generate(alg) : NULL;
	if (!key)
		return 0x6A80;
	EVP_PKEY_free(s->key);
	s->key = key;
	s->alg = alg;
	s->imported = false;
	if (!vkey_public(key, alg, out) || !vcard_save(p->card))
		return 0x6F00;
	vtlv_wrap(out, 0x7F49);
	return 0x9000;
}

/* Yubico's: algorithm, 9B, length, the key. */
uint16_t vpiv_set_admin_key(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	static const uint8_t head[] = { ADMIN_ALGORITHM, 0x9B, VCARD_ADMIN_LEN };

	(void)out;
	if (!p->admin)
		return 0x6982;
	if (a->p1 != 0xFF || a->p2 != 0xFF)
		return 0x6A86;
	if (a->lc != sizeof(head) + VCARD_ADMIN_LEN || memcmp(a->data, head, sizeof(head)))
		return 0x6A80;
	memcpy(p->card->admin, a->data + sizeof(head), VCARD_ADMIN_LEN);
	return vcard_save(p->card) ? 0x9000 : 0x6581;
}

static void metadata_sold(bool as_sold, struct vbuf *out)
{
	vtlv_add(out, 0x05, as_sold ? "\x01" : "\x00", 1);
}

static void metadata_counter(const struct vcard *c, const struct vcounter *n, const char *factory,
			     struct vbuf *out)
{
	struct vcounter sold = { 0 };
	uint8_t tries[2] = { (uint8_t)c->kind->tries, (uint8_t)n->left };

	vcard_set_secret(&sold, factory);
	vtlv_add(out, 0x01, "\xFF", 1);
	metadata_sold(!memcmp(sold.secret, n->secret, VCARD_PIN_LEN), out);
	vtlv_add(out, 0x06, tries, 2);
}

static uint16_t metadata_slot(const struct vslot *s, struct vbuf *out)
{
	VBUF_AUTO key = { 0 };
	uint8_t policy[2], origin;

	if (!s || !s->key)
		return 0x6A88;
	policy[0] = (uint8_t)s->policy;
	policy[1] = 1;
	origin = s->imported ? 2 : 1;
	if (!vkey_public(s->key, s->alg, &key))
		return 0x6F00;
	vtlv_add(out, 0x01, &s->alg->id, 1);
	vtlv_add(out, 0x02, policy, 2);
	vtlv_add(out, 0x03, &origin, 1);
	vtlv_add_buf(out, 0x04, &key);
	return 0x9000;
}

uint16_t vpiv_get_metadata(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	const struct vcard *c = p->card;

	switch (a->p2) {
	case 0x80:
		metadata_counter(c, &c->pin, "123456", out);
		return 0x9000;
	case 0x81:
		metadata_counter(c, &c->puk, "12345678", out);
		return 0x9000;
	case 0x9B:
		vtlv_add(out, 0x01, "\x03", 1);
		vtlv_add(out, 0x02, "\x00\x01", 2);
		metadata_sold(!memcmp(c->admin, vcard_admin_sold, sizeof(c->admin)), out);
		return 0x9000;
	default:
		return metadata_slot(vcard_slot(p->card, a->p2), out);
	}
}

uint16_t vpiv_attest(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	const struct vkind *k = p->card->kind;
	struct vslot *s = vcard_slot(p->card, a->p1);
	struct vslot *by = vcard_slot(p->card, 0xF9);
	struct vcert_attested what = { .serial = p->card->serial };

	if (!k->attests || !by->key)
		return 0x6D00;
	if (!s || !s->key || s == by || s->imported)
		return 0x6A80;
	what.slot = s->ref;
	what.pin_policy = (uint8_t)s->policy;
	memcpy(what.version, k->version, sizeof(what.version));
	return vcert_attest(s->key, by->key, &what, out) ? 0x9000 : 0x6F00;
}

uint16_t vpiv_get_version(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	(void)a;
	vbuf_add(out, p->card->kind->version, 3);
	return 0x9000;
}

uint16_t vpiv_get_serial(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	(void)a;
	for (int shift = 24; shift >= 0; shift -= 8)
		vbuf_byte(out, p->card->serial >> shift);
	return 0x9000;
}
