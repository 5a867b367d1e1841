/* SPDX-License-Identifier: Apache-2.0 */
#include "vcard_piv.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CHAIN_MOST 16384

static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };
#define RID_LEN 5

void vquirks_clear(struct vquirks *q)
{
	vbuf_free(&q->cert);
	vbuf_free(&q->label);
	vbuf_free(&q->object_data);
	vbuf_free(&q->atr);
	*q = (struct vquirks){ 0 };
}

void vpiv_reset(struct vpiv *p)
{
	bool keep = p->quirks->reset_keeps && p->verified;

	p->selected = p->card->kind->selected_by_reset;
	p->verified = keep;
	p->fresh = false;
	p->admin = false;
	p->challenge_tag = 0;
	p->signed_with = NULL;
	vbuf_clear(&p->chain);
	vbuf_clear(&p->rest);
}

void vpiv_free(struct vpiv *p)
{
	vbuf_free(&p->chain);
	vbuf_free(&p->rest);
}

void vpiv_atr(const struct vpiv *p, struct vbuf *ret)
{
	const struct vkind *k = p->card->kind;
	uint8_t check = 0;

	if (p->quirks->has_atr) {
		vbuf_copy(ret, &p->quirks->atr);
		return;
	}
	vbuf_clear(ret);
	vbuf_add(ret, k->atr, k->atr_len - 1);
	for (size_t i = 1; i < ret->len; i++)
		check ^= ret->data[i];
	vbuf_byte(ret, check);
}

/* SP 800-73 part 2, table 3: application property template. */
static void select_answer(const struct vcard *c, const struct vbuf *given, struct vbuf *out)
{
	static const char label[] = "Virtual PIV card 2";
	static const char url[] = "https://vcard.invalid/piv/application/specification.html";
	static const uint8_t algs[] = { 0x07, 0x05, 0x16, 0x11, 0x14, 0x03, 0x0A, 0x0C };
	VBUF_AUTO list = { 0 };
	VBUF_AUTO rid = { 0 };

	vtlv_add(out, 0x4F, aid + RID_LEN, sizeof(aid) - RID_LEN);
	vtlv_add(&rid, 0x4F, aid, RID_LEN);
	vtlv_add_buf(out, 0x79, &rid);
	if (given->len)
		vtlv_add_buf(out, 0x50, given);
	else if (c->kind->long_select)
		vtlv_add(out, 0x50, label, strlen(label));
	if (c->kind->long_select) {
		vtlv_add(out, 0x5F50, url, strlen(url));
		for (size_t i = 0; i < sizeof(algs); i++)
			vtlv_add(&list, 0x80, algs + i, 1);
		vtlv_add(&list, 0x06, "", 1);
		vtlv_add_buf(out, 0xAC, &list);
	}
	vtlv_wrap(out, 0x61);
}

static uint16_t do_select(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	const struct vquirks *q = p->quirks;

	if (a->p1 != 0x04 || a->p2)
		return 0x6A86;
	/* right-truncated names are legal; the RID alone is what some tools send */
	if (a->lc < RID_LEN || a->lc > sizeof(aid) || memcmp(a->data, aid, a->lc))
		return p->card->kind->sw_absent_aid;
	p->selected = true;
	if (q->select_clears ||
	    (p->card->kind->select_clears && !q->select_keeps && !q->only_reset_clears))
		p->verified = false;
	p->admin = false;
	select_answer(p->card, q->label.len ? &q->label : &p->card->label, out);
	return 0x9000;
}

static uint16_t pin_tries(const struct vpiv *p)
{
	return (uint16_t)((p->quirks->query_630x ? 0x6300 : 0x63C0) | p->card->pin.left);
}

static uint16_t do_query(struct vpiv *p)
{
	bool was = p->verified;

	if (p->quirks->query_clears)
		p->verified = false;
	if (was && !p->quirks->query_630x)
		return 0x9000;
	if (!p->card->pin.left)
		return p->card->kind->sw_query_blocked;
	return pin_tries(p);
}

static bool counter_check(struct vpiv *p, struct vcounter *n, const uint8_t *secret)
{
	bool right = !memcmp(n->secret, secret, VCARD_PIN_LEN);

	n->left = right ? p->card->kind->tries : n->left - 1;
	vcard_save(p->card);
	return right;
}

static uint16_t do_verify(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	struct vcounter *pin = &p->card->pin;

	(void)out;
	if (a->p2 != 0x80)
		return 0x6A88;
	if (a->p1 == 0xFF && !a->lc) {
		if (!p->quirks->logout_ignored && !p->quirks->only_reset_clears)
			p->verified = false;
		return 0x9000;
	}
	if (a->p1)
		return 0x6A86;
	if (!a->lc)
		return do_query(p);
	if (p->quirks->any_pin) {
		p->verified = p->fresh = true;
		return 0x9000;
	}
	if (a->lc != VCARD_PIN_LEN)
		return p->card->kind->sw_length;
	if (!pin->left)
		return 0x6983;
	p->fresh = counter_check(p, pin, a->data);
	p->verified = p->fresh || (p->verified && p->quirks->only_reset_clears);
	if (p->fresh)
		return 0x9000;
	return pin->left ? pin_tries(p) : p->card->kind->sw_last_wrong;
}

/* SP 800-73: 6 to 8 characters, FF behind; cards on sale take any bytes. */
static bool secret_is_fit(const uint8_t *s)
{
	size_t len = 0;

	while (len < VCARD_PIN_LEN && s[len] != 0xFF)
		len++;
	for (size_t i = len; i < VCARD_PIN_LEN; i++) {
		if (s[i] != 0xFF)
			return false;
	}
	return len >= 6;
}

/* CHANGE REFERENCE DATA: old and new of the same; RESET RETRY COUNTER: PUK and new PIN. */
static uint16_t change_secret(struct vpiv *p, const struct vapdu *a, struct vcounter *asked,
			      struct vcounter *changed)
{
	if (a->p1 || !asked)
		return a->p1 ? 0x6A86 : 0x6A88;
	if (a->lc != 2 * VCARD_PIN_LEN)
		return p->card->kind->sw_length;
	if (!asked->left)
		return 0x6983;
	if (!secret_is_fit(a->data + VCARD_PIN_LEN))
		return 0x6A80;
	if (!counter_check(p, asked, a->data))
		return asked->left ? (uint16_t)(0x63C0 | asked->left)
				   : p->card->kind->sw_last_wrong;
	memcpy(changed->secret, a->data + VCARD_PIN_LEN, VCARD_PIN_LEN);
	changed->left = p->card->kind->tries;
	vcard_save(p->card);
	return 0x9000;
}

static uint16_t do_change(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	struct vcounter *n = a->p2 == 0x80 ? &p->card->pin : a->p2 == 0x81 ? &p->card->puk : NULL;

	(void)out;
	return change_secret(p, a, n, n);
}

static uint16_t do_unblock(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	(void)out;
	return change_secret(p, a, a->p2 == 0x80 ? &p->card->puk : NULL, &p->card->pin);
}

static const struct {
	uint8_t ins;
	bool chains;
	vpiv_do *run;
} commands[] = {
	{ 0xA4, false, do_select },
	{ 0xCB, false, vpiv_get_data },
	{ 0x20, false, do_verify },
	{ 0x24, false, do_change },
	{ 0x2C, false, do_unblock },
	{ 0x87, true,  vpiv_general_authenticate },
	{ 0xDB, true,  vpiv_put_data },
	{ 0x47, false, vpiv_generate },
	{ 0xFF, false, vpiv_set_admin_key },
	{ 0xF7, false, vpiv_get_metadata },
	{ 0xF9, false, vpiv_attest },
	{ 0xFD, false, vpiv_get_version },
	{ 0xF8, false, vpiv_get_serial },
};

static uint16_t run_command(struct vpiv *p, struct vapdu a, struct vbuf *out)
{
	const struct vkind *k = p->card->kind;
	uint8_t cla = a.cla & 0xEF;
	uint16_t chained;
	size_t i = 0;
	bool same =
		p->chain.len && p->chain_ins == a.ins && p->chain_p1 == a.p1 && p->chain_p2 == a.p2;

	if (cla && !(k->class_as_plain && (cla == 0x01 || cla == 0x0C)))
		return 0x6E00;
	if (!p->selected && a.ins != 0xA4)
		return 0x6986;
	while (i < COUNT(commands) && commands[i].ins != a.ins)
		i++;
	if (i == COUNT(commands))
		return 0x6D00;
	if (!same)
		vbuf_clear(&p->chain);
	chained = commands[i].chains ? 0x9000 : a.ins == 0x20 ? k->sw_chained_verify : 0x6884;
	if (a.cla & 0x10) {
		if (chained != 0x9000 || p->chain.len + a.lc > CHAIN_MOST)
			return chained != 0x9000 ? chained : 0x6700;
		p->chain_ins = a.ins;
		p->chain_p1 = a.p1;
		p->chain_p2 = a.p2;
		vbuf_add(&p->chain, a.data, a.lc);
		return 0x9000;
	}
	if (p->chain.len) {
		vbuf_add(&p->chain, a.data, a.lc);
		a.data = p->chain.data;
		a.lc = p->chain.len;
	}
	return commands[i].run(p, &a, out);
}

/* ISO 7816-4 5.1.3: as much as Le allows, 61xx while there is more. */
static uint16_t deliver(struct vpiv *p, const struct vapdu *a, struct vbuf *ret)
{
	size_t most = a->le ? a->le : 256;
	size_t part = p->rest.len < most ? p->rest.len : most;

	vbuf_add(ret, p->rest.data, part);
	vbuf_take(&p->rest, part);
	if (!p->rest.len)
		return 0x9000;
	return (uint16_t)(0x6100 | (p->rest.len < 256 ? p->rest.len : 0));
}

void vpiv_command(struct vpiv *p, const struct vapdu *a, struct vbuf *ret)
{
	uint16_t sw;

	vbuf_clear(ret);
	p->signed_with = NULL;
	if (a->ins != 0x20 && a->ins != 0x87)
		p->fresh = false;
	if (a->ins == 0xC0) {
		sw = p->rest.len ? deliver(p, a, ret) : 0x6985;
	} else {
		vbuf_clear(&p->rest);
		sw = run_command(p, *a, &p->rest);
		if (!(a->cla & 0x10))
			vbuf_clear(&p->chain);
		if (sw == 0x9000)
			sw = deliver(p, a, ret);
		else
			vbuf_clear(&p->rest);
	}
	vbuf_byte(ret, sw >> 8);
	vbuf_byte(ret, sw);
}
