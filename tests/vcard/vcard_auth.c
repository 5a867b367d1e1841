/* SPDX-License-Identifier: Apache-2.0 */
/* GENERAL AUTHENTICATE (SP 800-73 part 2, 3.2.4): signing with a slot's key. */
#include "vcard_piv.h"

static bool slot_is_open(struct vpiv *p, const struct vslot *s)
{
	if (p->quirks->no_pin || s->policy == VPIN_NEVER)
		return true;
	return s->policy == VPIN_ALWAYS ? p->verified && p->fresh : p->verified;
}

static uint16_t sign(struct vpiv *p, const struct vslot *s, const struct vtlv *input,
		     struct vbuf *out)
{
	VBUF_AUTO sig = { 0 };

	if (s->alg->rsa ? input->len != s->alg->size : !input->len || input->len > s->alg->size)
		return 0x6A80;
	if (!vkey_sign(s->key, s->alg, input->data, input->len, &sig))
		return 0x6F00;
	p->signed_with = s->alg;
	if (p->quirks->sig && !vsig_apply(p->quirks->sig, s->key, s->alg, &sig))
		return 0x6F00;
	vtlv_add_buf(out, 0x82, &sig);
	vtlv_wrap(out, 0x7C);
	return 0x9000;
}

uint16_t vpiv_general_authenticate(struct vpiv *p, const struct vapdu *a, struct vbuf *out)
{
	struct vslot *s = vcard_slot(p->card, a->p2);
	struct vtlv what, input, output;
	uint16_t sw;

	if (!vtlv_find(a->data, a->lc, 0x7C, &what))
		return 0x6A80;
	if (a->p2 == 0x9B)
		return vpiv_authenticate_admin(p, a, &what, out);
	if (!s || !s->key || s->ref == 0xF9)
		return 0x6A80;
	if (a->p1 != s->alg->id)
		return 0x6A86;
	if (!slot_is_open(p, s))
		return 0x6982;
	p->fresh = false;
	/* an empty 82 asks for the response to the challenge in 81 */
	if (!vtlv_find(what.data, what.len, 0x82, &output) || output.len ||
	    !vtlv_find(what.data, what.len, 0x81, &input))
		return 0x6A80;
	sw = sign(p, s, &input, out);
	if (sw != 0x9000)
		vbuf_clear(out);
	return sw;
}
