/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a virtual card keeps when it has no power: keys, objects, PIN, PUK and their counters.
 * The state file is text, one line each, written anew and renamed with every change.
 */
#ifndef VCARD_CARD_H
#define VCARD_CARD_H

#include "vcard_keys.h"
#include "vcard_kind.h"

#define VCARD_SLOTS 5
#define VCARD_OBJECTS 16
#define VCARD_PIN_LEN 8
#define VCARD_ADMIN_LEN 24		/* 9B, three keys of DES */

enum vpin_policy { VPIN_NEVER = 1, VPIN_ONCE = 2, VPIN_ALWAYS = 3 };
enum vcert_form { VCERT_PLAIN, VCERT_GZIP, VCERT_NONE };

struct vslot {
	uint8_t ref;			/* 0x9A */
	uint32_t object;		/* of its certificate: 0x5FC105 */
	const struct valg *alg;		/* NULL: no key */
	EVP_PKEY *key;
	enum vpin_policy policy;
	enum vcert_form form;
	bool imported;
	struct vbuf cert;		/* DER */
};

struct vobject {
	uint32_t tag;			/* 0: free */
	struct vbuf data;		/* with its 53 */
};

struct vcounter {
	uint8_t secret[VCARD_PIN_LEN];
	int left;
};

struct vcard {
	const struct vkind *kind;
	bool chuid;
	uint8_t guid[16];
	uint32_t serial;
	struct vbuf cn;
	struct vbuf label;
	char not_after[9];		/* YYYYMMDD */
	struct vcounter pin;
	struct vcounter puk;
	uint8_t admin[VCARD_ADMIN_LEN];	/* 9B, the management key */
	struct vslot slots[VCARD_SLOTS];
	struct vobject objects[VCARD_OBJECTS];
	char *path;
	bool sync;
};

#define VCARD_AUTO __attribute__((cleanup(vcard_free))) struct vcard

extern const uint8_t vcard_admin_sold[VCARD_ADMIN_LEN];

/* A card of that kind without keys; random GUID and serial. */
void vcard_init(struct vcard *c, const struct vkind *kind);
void vcard_free(struct vcard *c);
/* The same card in everything but the private keys, which are new. */
bool vcard_clone(struct vcard *c, const struct vcard *from);

struct vslot *vcard_slot(struct vcard *c, unsigned int ref);
/* Pads with FF; false when it is not 1 to 8 bytes. */
bool vcard_set_secret(struct vcounter *to, const char *text);
/* Makes key (unless there is one) and certificate of the slot. */
bool vcard_issue(struct vcard *c, struct vslot *s);
/* The certificates of all slots anew, after a change of CN or end date. */
bool vcard_reissue(struct vcard *c);

/* false: said on stderr why not. */
bool vcard_load(struct vcard *c, const char *path);
bool vcard_save(const struct vcard *c);

const char *vcard_policy_text(enum vpin_policy p);
bool vcard_policy_parse(const char *text, enum vpin_policy *ret);
const char *vcard_form_text(enum vcert_form f);
bool vcard_form_parse(const char *text, enum vcert_form *ret);

#endif
