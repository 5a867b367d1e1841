/* SPDX-License-Identifier: Apache-2.0 */
/* PIV card application (NIST SP 800-73-4 part 2; algorithms: SP 800-78-4 table 6-2). */
#include "app.h"

#include <string.h>

#include "tlv.h"

#define OBJECT_MAX 4096
#define CONTAINER_MAX (CARD_CERT_MAX + 64)
#define GUID_LEN 16
#define PIN_MIN 6
#define PIN_MAX 8
#define PIN_REF 0x80
#define KEY_AUTHENTICATION 0x9A
#define KEY_CARD_AUTHENTICATION 0x9E

#define INS_VERIFY 0x20
#define INS_GENERAL_AUTHENTICATE 0x87
#define INS_SELECT 0xA4
#define INS_GET_DATA 0xCB

static const uint8_t aid[] = { 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00 };

/* What a status word means to one command; the first row that matches. Not in the table: the card failed. */
struct sw_row {
	uint16_t sw, mask;
	enum err result;
	int left;               /* LEFT_IN_SW, CARD_TRIES_UNKNOWN or a number */
};

#define LEFT_IN_SW (-2)

static const struct sw_row select_sw[] = {
	{ 0x9000, 0xFFFF, ERR_OK, 0 },
	{ 0x6A82, 0xFFFF, ERR_NOT_FOUND, 0 },
	{ 0x6A81, 0xFFFF, ERR_NOT_FOUND, 0 },
	{ 0x6D00, 0xFFFF, ERR_NOT_FOUND, 0 },
	{ 0x6E00, 0xFFFF, ERR_NOT_FOUND, 0 },
};

/* 6982 and 6A81: not over this (contactless) interface. */
static const struct sw_row object_sw[] = {
	{ 0x9000, 0xFFFF, ERR_OK, 0 },
	{ 0x6A82, 0xFFFF, ERR_NOT_FOUND, 0 },
	{ 0x6A88, 0xFFFF, ERR_NOT_FOUND, 0 },
	{ 0x6A81, 0xFFFF, ERR_NOT_FOUND, 0 },
	{ 0x6982, 0xFFFF, ERR_NOT_FOUND, 0 },
};

/* 63C0 must stand before 63CX: a card that blocks may say either it or 6983. */
static const struct sw_row verify_sw[] = {
	{ 0x9000, 0xFFFF, ERR_OK, CARD_TRIES_UNKNOWN },
	{ 0x63C0, 0xFFFF, ERR_PIN_BLOCKED, 0 },
	{ 0x63C0, 0xFFF0, ERR_PIN_WRONG, LEFT_IN_SW },
	{ 0x6300, 0xFFF0, ERR_PIN_WRONG, CARD_TRIES_UNKNOWN },
	{ 0x6983, 0xFFFF, ERR_PIN_BLOCKED, 0 },
	{ 0x6984, 0xFFFF, ERR_PIN_BLOCKED, 0 },
};

static const struct sw_row sign_sw[] = {
	{ 0x9000, 0xFFFF, ERR_OK, 0 },
	{ 0x6982, 0xFFFF, ERR_DENIED, 0 },
};

/* template: 7C with its length, 82 00, 81 with its length. signature: exact for RSA, the most for ECDSA. */
static const struct algorithm_row {
	enum key_algorithm algorithm;
	uint8_t p1;
	size_t input, signature_min, signature_max;
	uint8_t header[10];
	size_t header_len;
} algorithms[] = {
	{ KEY_RSA2048, 0x07, 256, 256, 256,
	  { 0x7C, 0x82, 0x01, 0x06, 0x82, 0x00, 0x81, 0x82, 0x01, 0x00 }, 10 },
	{ KEY_RSA3072, 0x05, 384, 384, 384,
	  { 0x7C, 0x82, 0x01, 0x86, 0x82, 0x00, 0x81, 0x82, 0x01, 0x80 }, 10 },
	{ KEY_RSA4096, 0x16, 512, 512, 512,
	  { 0x7C, 0x82, 0x02, 0x06, 0x82, 0x00, 0x81, 0x82, 0x02, 0x00 }, 10 },
	{ KEY_P256, 0x11, 32, 8, 72, { 0x7C, 0x24, 0x82, 0x00, 0x81, 0x20 }, 6 },
	{ KEY_P384, 0x14, 48, 8, 104, { 0x7C, 0x34, 0x82, 0x00, 0x81, 0x30 }, 6 },
};

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

static const struct sw_row *find_sw(const struct sw_row *rows, size_t n, uint16_t sw)
{
	for (size_t i = 0; i < n; i++)
		if ((sw & rows[i].mask) == rows[i].sw)
			return &rows[i];
	return NULL;
}

static enum err judge_sw(const struct sw_row *rows, size_t n, uint16_t sw, const char *what)
{
	const struct sw_row *row = find_sw(rows, n, sw);

	if (!row)
		return fail(ERR_CARD_FAILED, "PIV: %s answered %04X", what, sw);
	return row->result;
}

static enum err piv_select(struct apdu_channel *ch)
{
	const struct apdu cmd = { INS_SELECT, 0x04, 0x00, aid, sizeof(aid), true };
	uint8_t property[1024];
	struct apdu_answer a = { property, sizeof(property), 0 };
	enum err e = apdu_exchange(ch, &cmd, &a);

	return e == ERR_OK ? judge_sw(ROWS(select_sw), ch->sw, "SELECT") : e;
}

/* ERR_NOT_FOUND: no such object here. */
static enum err get_data(struct apdu_channel *ch, uint32_t tag, struct apdu_answer *a)
{
	const uint8_t list[] = {
		0x5C, 0x03, (uint8_t)(tag >> 16), (uint8_t)(tag >> 8), (uint8_t)tag
	};
	const struct apdu cmd = { INS_GET_DATA, 0x3F, 0xFF, list, sizeof(list), true };
	enum err e = apdu_exchange(ch, &cmd, a);

	return e == ERR_OK ? judge_sw(ROWS(object_sw), ch->sw, "GET DATA") : e;
}

/* A hint to find the card by, never a proof: a malformed one counts as none. */
static bool find_guid(const struct apdu_answer *a, uint8_t ret[GUID_LEN])
{
	static const uint8_t none[GUID_LEN];
	struct tlv object, guid;
	bool found;

	if (!tlv_padded(tlv_in(a->bytes, a->len), 0x53, &object) ||
	    !tlv_find(tlv_inside(&object), 0x34, &found, &guid) || !found || guid.len != GUID_LEN ||
	    memcmp(guid.value, none, GUID_LEN) == 0)
		return false;
	memcpy(ret, guid.value, GUID_LEN);
	return true;
}

static enum err piv_guid(struct apdu_channel *ch, bool *has, uint8_t ret[GUID_LEN])
{
	uint8_t chuid[OBJECT_MAX];
	struct apdu_answer a = { chuid, sizeof(chuid), 0 };
	enum err e = get_data(ch, 0x5FC102, &a);

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	*has = e == ERR_OK && find_guid(&a, ret);
	return ERR_OK;
}

/* SP 800-73-4 part 1, table 10: 70 certificate, 71 CertInfo (00: plain), 72, FE. */
static enum err find_certificate(const struct apdu_answer *a, uint8_t *buf, size_t *len)
{
	struct tlv object, cert, info;
	bool has_cert, has_info;

	if (!tlv_padded(tlv_in(a->bytes, a->len), 0x53, &object) ||
	    !tlv_find(tlv_inside(&object), 0x70, &has_cert, &cert) ||
	    !tlv_find(tlv_inside(&object), 0x71, &has_info, &info))
		return fail(ERR_CARD_FAILED, "PIV: malformed certificate object");
	if (!has_cert || cert.len == 0) {
		*len = 0;
		return ERR_OK;
	}
	if (has_info && (info.len != 1 || info.value[0] != 0x00))
		return fail(ERR_CARD_FAILED, "PIV: the certificate is compressed, which is not supported");
	if (cert.len > CARD_CERT_MAX)
		return fail(ERR_CARD_FAILED, "PIV: certificate of %zu bytes", cert.len);
	memcpy(buf, cert.value, cert.len);
	*len = cert.len;
	return ERR_OK;
}

/* SP 800-73-4 part 1, table 3. 0: no key of ours. */
static uint32_t certificate_tag(uint8_t key_ref)
{
	static const struct {
		uint8_t key_ref;
		uint32_t tag;
	} table[] = { { 0x9A, 0x5FC105 }, { 0x9E, 0x5FC101 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].key_ref == key_ref)
			return table[i].tag;
	return 0;
}

static enum err piv_certificate(struct apdu_channel *ch, uint8_t key_ref, uint8_t *buf, size_t *len)
{
	static uint8_t container[CONTAINER_MAX];
	struct apdu_answer a = { container, sizeof(container), 0 };
	uint32_t tag = certificate_tag(key_ref);
	enum err e = tag ? get_data(ch, tag, &a) : fail(ERR_INVALID, "PIV: no certificate of key %02X", key_ref);

	if (e == ERR_NOT_FOUND) {
		*len = 0;
		return ERR_OK;
	}
	return e == ERR_OK ? find_certificate(&a, buf, len) : e;
}

static int left_of(const struct sw_row *row, uint16_t sw)
{
	if (!row)
		return CARD_TRIES_UNKNOWN;
	return row->left == LEFT_IN_SW ? sw & 0x0F : row->left;
}

/* VERIFY without data (part 2, 3.2.1). Cards that refuse the question (6700, 6A80) do not tell: unknown. */
static enum err piv_tries(struct apdu_channel *ch, struct app_tries *ret)
{
	const struct apdu cmd = { INS_VERIFY, 0x00, PIN_REF, NULL, 0, false };
	enum err e = apdu_exchange(ch, &cmd, NULL);

	if (e != ERR_OK)
		return e;
	ret->left = left_of(find_sw(ROWS(verify_sw), ch->sw), ch->sw);
	ret->verified = ch->sw == SW_OK;
	return ERR_OK;
}

static bool piv_pin_ok(const struct secret *pin)
{
	if (pin->len < PIN_MIN || pin->len > PIN_MAX)
		return false;
	for (size_t i = 0; i < pin->len; i++)
		if (pin->bytes[i] < '0' || pin->bytes[i] > '9')
			return false;
	return true;
}

static enum err piv_verify(struct apdu_channel *ch, const struct secret *pin, int *left)
{
	uint8_t padded[PIN_MAX];
	const struct apdu cmd = { INS_VERIFY, 0x00, PIN_REF, padded, sizeof(padded), false };
	enum err e;

	*left = CARD_TRIES_UNKNOWN;
	if (!piv_pin_ok(pin))
		return fail(ERR_PIN_FORMAT, "PIV: PIN of another form");
	memset(padded, 0xFF, sizeof(padded));
	memcpy(padded, pin->bytes, pin->len);
	e = apdu_exchange(ch, &cmd, NULL);
	wipe(padded, sizeof(padded));
	if (e != ERR_OK)
		return e;
	*left = left_of(find_sw(ROWS(verify_sw), ch->sw), ch->sw);
	return judge_sw(ROWS(verify_sw), ch->sw, "VERIFY");
}

static const struct algorithm_row *find_algorithm(enum key_algorithm algorithm)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (algorithms[i].algorithm == algorithm)
			return &algorithms[i];
	return NULL;
}

static bool piv_signing_ok(const struct app_signing *s)
{
	const struct algorithm_row *row = find_algorithm(s->algorithm);

	return row && s->input_len == row->input &&
	       (s->key_ref == KEY_AUTHENTICATION || s->key_ref == KEY_CARD_AUTHENTICATION);
}

static bool piv_pinless(uint8_t key_ref)
{
	return key_ref == KEY_CARD_AUTHENTICATION;
}

/* 7C { 82 signature } and nothing else. */
static enum err find_signature(const struct algorithm_row *row, const struct apdu_answer *a,
			       uint8_t *sig, size_t *sig_len)
{
	struct tlv template, signature;

	if (!tlv_only(tlv_in(a->bytes, a->len), 0x7C, &template) ||
	    !tlv_only(tlv_inside(&template), 0x82, &signature) ||
	    signature.len < row->signature_min || signature.len > row->signature_max)
		return fail(ERR_CARD_FAILED, "PIV: malformed signature");
	memcpy(sig, signature.value, signature.len);
	*sig_len = signature.len;
	return ERR_OK;
}

static enum err piv_sign(struct apdu_channel *ch, const struct app_signing *s, uint8_t *sig,
			 size_t *sig_len)
{
	const struct algorithm_row *row = find_algorithm(s->algorithm);
	uint8_t data[sizeof(row->header) + 512], answer[KEY_SIGNATURE_MAX + 16];
	struct apdu_answer a = { answer, sizeof(answer), 0 };
	enum err e;

	if (!piv_signing_ok(s))
		return fail(ERR_INVALID, "PIV: key %02X can't sign %zu bytes", s->key_ref, s->input_len);
	memcpy(data, row->header, row->header_len);
	memcpy(data + row->header_len, s->input, s->input_len);
	e = apdu_exchange(ch, &(struct apdu){ INS_GENERAL_AUTHENTICATE, row->p1, s->key_ref, data,
					      row->header_len + s->input_len, true }, &a);
	if (e == ERR_OK)
		e = judge_sw(ROWS(sign_sw), ch->sw, "GENERAL AUTHENTICATE");
	return e == ERR_OK ? find_signature(row, &a, sig, sig_len) : e;
}

const struct card_app app_piv = {
	.name = "PIV",
	.select = piv_select,
	.guid = piv_guid,
	.certificate = piv_certificate,
	.tries = piv_tries,
	.pin_ok = piv_pin_ok,
	.verify = piv_verify,
	.signing_ok = piv_signing_ok,
	.pinless = piv_pinless,
	.sign = piv_sign,
};
