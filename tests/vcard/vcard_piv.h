/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PIV application (SP 800-73 part 2) with power: what one card answers, and how it may
 * misbehave.
 */
#ifndef VCARD_PIV_H
#define VCARD_PIV_H

#include "vcard_apdu.h"
#include "vcard_card.h"

/* Lasting misbehaviour; all zero is a well-behaved card. */
struct vquirks {
	const struct vshape *shape;	/* of the 9A certificate */
	size_t shape_len;
	bool no_chuid;
	bool no_cert;
	bool any_pin;			/* every VERIFY is right, the counter stays */
	bool no_pin;			/* keys sign without PIN */
	bool select_keeps;
	bool select_clears;
	bool reset_keeps;		/* the verified state survives reset and power-off */
	bool logout_ignored;
	bool only_reset_clears;
	bool query_clears;
	bool query_630x;
	struct vbuf cert;		/* instead of the 9A certificate, when not empty */
	struct vbuf label;		/* in SELECT's answer, when not empty */
	const struct vsig *sig;
	uint32_t object;		/* answered as object_data; 0: none */
	struct vbuf object_data;
	struct vbuf atr;
	bool has_atr;
};

void vquirks_clear(struct vquirks *q);

struct vpiv {
	struct vcard *card;
	struct vquirks *quirks;
	bool selected;
	bool verified;
	bool fresh;			/* VERIFY was the command before (pin policy always) */
	bool admin;			/* 9B authenticated */
	struct vbuf chain;		/* data of a command chain under way */
	uint8_t chain_ins, chain_p1, chain_p2;
	struct vbuf rest;		/* of a response, for GET RESPONSE */
	uint8_t challenge[8];		/* of 9B; challenge_tag 0: none */
	uint8_t challenge_tag;
	const struct valg *signed_with;	/* the last command was a signature with this algorithm */
};

/* Power-on and reset; power-off forgets the same things. */
void vpiv_reset(struct vpiv *p);
void vpiv_atr(const struct vpiv *p, struct vbuf *ret);
/* Sets ret to the whole response: data and status word. */
void vpiv_command(struct vpiv *p, const struct vapdu *a, struct vbuf *ret);
void vpiv_free(struct vpiv *p);

/* The rows of the table of commands. Data into `out`; the status word is the result. */
typedef uint16_t vpiv_do(struct vpiv *p, const struct vapdu *a, struct vbuf *out);
vpiv_do vpiv_get_data;
vpiv_do vpiv_general_authenticate;
vpiv_do vpiv_put_data;
vpiv_do vpiv_generate;
vpiv_do vpiv_set_admin_key;
vpiv_do vpiv_get_metadata;
vpiv_do vpiv_attest;
vpiv_do vpiv_get_version;
vpiv_do vpiv_get_serial;
/* 9B (management key); called by GENERAL AUTHENTICATE with what 7C holds. */
uint16_t vpiv_authenticate_admin(struct vpiv *p, const struct vapdu *a, const struct vtlv *what,
				 struct vbuf *out);

/* Certificate containers that lie: a table of names. NULL when there is none such. */
const struct vshape *vshape_by_name(const char *name);
/* Signatures that should not verify: likewise. */
const struct vsig *vsig_by_name(const char *name);
/* Changes `sig`; false when the variant is not one of the key's sort. */
bool vsig_apply(const struct vsig *v, EVP_PKEY *key, const struct valg *alg, struct vbuf *sig);

#endif
