/* SPDX-License-Identifier: Apache-2.0 */
/* Acts on a PIV card: a byte for each act, followed by the card's answers to it (fuzz_script.h). */
#include "../../lib/card/app.h"
#include "fuzz_script.h"

static void select_piv(struct apdu_channel *ch, struct input *in)
{
	enum err e = app_piv.select(ch);

	(void)in;
	must(e != ERR_OK || ch->sw == SW_OK);
}

static void guid(struct apdu_channel *ch, struct input *in)
{
	static const uint8_t none[16];
	uint8_t bytes[16];
	bool has = false;
	enum err e;

	(void)in;
	memset(bytes, UNTOUCHED, sizeof(bytes));
	e = app_piv.guid(ch, &has, bytes);
	must(e == ERR_OK || !has);
	must(has ? memcmp(bytes, none, sizeof(none)) != 0 : is_untouched(bytes, sizeof(bytes)));
}

static void certificate(struct apdu_channel *ch, struct input *in)
{
	static const uint8_t refs[] = { 0x9A, 0x9E, 0x9C, 0x80 };
	uint8_t *buf = malloc(CARD_CERT_MAX + 1);
	size_t len = SIZE_MAX;
	uint8_t ref = refs[take_u8(in) % 4];
	enum err e;

	must(buf != NULL);
	buf[CARD_CERT_MAX] = UNTOUCHED;
	e = app_piv.certificate(ch, ref, buf, &len);
	must(buf[CARD_CERT_MAX] == UNTOUCHED);
	must(e == ERR_OK ? len <= CARD_CERT_MAX : len == SIZE_MAX);
	must((ref == 0x9A || ref == 0x9E) || e == ERR_INVALID);
	free(buf);
}

static void tries(struct apdu_channel *ch, struct input *in)
{
	struct app_tries t;
	enum err e;

	(void)in;
	memset(&t, UNTOUCHED, sizeof(t));
	e = app_piv.tries(ch, &t);
	if (e != ERR_OK) {
		must(t.left == 0x5A5A5A5A);
		return;
	}
	must(t.left >= CARD_TRIES_UNKNOWN && t.left <= 15);
	must(t.verified == (ch->sw == SW_OK));
}

static void verify(struct apdu_channel *ch, struct input *in)
{
	const struct script *s = ch->transport->state;
	struct input pin = take_part(in, take_u8(in) % 12);
	size_t before = s->verifies;
	SECRET(secret);
	int left = 99;
	enum err e;

	must(secret_set(&secret, pin.p, pin.len) == ERR_OK);
	e = app_piv.verify(ch, &secret, &left);
	must(left >= CARD_TRIES_UNKNOWN && left <= 15);
	must(s->verifies - before == (app_piv.pin_ok(&secret) ? 1 : 0));
	must((e == ERR_PIN_FORMAT) == !app_piv.pin_ok(&secret));
	must(e != ERR_OK || ch->sw == SW_OK);
	must(e != ERR_PIN_BLOCKED || left == 0);
	must(e != ERR_PIN_WRONG || left != 0);
}

static void sign(struct apdu_channel *ch, struct input *in)
{
	static const size_t sizes[] = { 0, 256, 384, 512, 32, 48 };
	static const size_t longest[] = { 0, 256, 384, 512, 72, 104 };
	uint8_t message[512] = { 0 }, sig[KEY_SIGNATURE_MAX + 1];
	uint8_t choice = take_u8(in);
	struct app_signing s = {
		.key_ref = choice & 0x80 ? 0x9E : 0x9A,
		.algorithm = (enum key_algorithm)(choice % 7), .input = message,
		.input_len = sizes[choice % 7 % 6] + (choice >> 4 & 1),
	};
	size_t len = SIZE_MAX, sent = ((struct script *)ch->transport->state)->sent;
	bool fit = app_piv.signing_ok(&s);
	enum err e;

	memset(sig, UNTOUCHED, sizeof(sig));
	e = app_piv.sign(ch, &s, sig, &len);
	must(sig[KEY_SIGNATURE_MAX] == UNTOUCHED);
	must(fit || (e == ERR_INVALID && sent == ((struct script *)ch->transport->state)->sent));
	must(e == ERR_OK ? len >= 8 && len <= longest[choice % 7]
			 : len == SIZE_MAX && is_untouched(sig, sizeof(sig)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const acts[])(struct apdu_channel *ch, struct input *in) = {
		select_piv, guid, certificate, tries, verify, sign
	};
	struct input in = fuzz_input(data, size);
	struct script s = { .in = &in };
	struct transport t;
	struct apdu_channel ch = script_channel(&t, &s);

	for (int i = 0; i < 12 && in.len > 0; i++) {
		s.chained = false;
		acts[take_u8(&in) % 6](&ch, &in);
	}
	return 0;
}
