/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cardtool.h"
#include "challenge.h"
#include "change.h"
#include "clock.h"
#include "find.h"
#include "key.h"
#include "output.h"
#include "prompt.h"
#include "reader.h"
#include "words.h"

static const struct option_row options[] = {
	{ "reader", "NAME", N_("the reader, when several cards are inserted") },
	{ 0 },
};

struct pin_try {
	struct card_answer card;
	/* enrolled here: then the PIN is proved by a signature too */
	bool known;
	struct card_row row;
	struct person person;
	enum err result;
};

static enum err match_guid(const struct card_row *c, void *arg)
{
	struct pin_try *p = arg;

	if (c->has_guid && memcmp(p->card.guid, c->guid, sizeof(c->guid)) == 0) {
		p->row = *c;
		p->known = true;
	}
	return ERR_OK;
}

/*
 * By its key, or by its GUID where the key can't be read: nothing follows from it but whom to name
 * in the log.
 */
static enum err recognise(struct tool *t, struct pin_try *p)
{
	struct cert_info cert;
	enum err e = ERR_OK;

	if (p->card.cert_len &&
	    key_from_certificate(p->card.cert, p->card.cert_len, &cert) == ERR_OK) {
		e = store_card_by_spki(t->store, cert.key.spki_sha256, &p->row);
		p->known = e == ERR_OK;
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	} else if (p->card.has_guid) {
		e = store_card_each(t->store, 0, match_guid, p);
	}
	if (!e && p->known)
		e = store_person_by_id(t->store, p->row.person, &p->person);
	return e;
}

/* A card that merely says "right" is believed only where a signature can show it. */
static enum err try_pin(struct tool *t, struct pin_try *p, struct reader_signer *s,
			const struct secret *pin)
{
	struct enrol_signer by = reader_signer(s);
	struct key_info key;
	struct challenge c;
	char host_id[33];
	unsigned char input[512], sig[KEY_SIGNATURE_MAX];
	size_t input_len = 0, sig_len = 0;
	enum err e;

	if (!p->known || p->row.key_ref != 0x9A)
		return by.sign(by.arg, 0x9A, KEY_P256, pin, input, 0, sig, &sig_len);
	e = store_meta_get(t->store, "host_id", host_id, sizeof(host_id));
	if (!e)
		e = key_from_spki(p->row.spki, p->row.spki_len, &key);
	if (!e)
		e = challenge_make(CHALLENGE_PIN_TRY, host_id, "pin-try", p->person.login, &c);
	if (!e)
		e = key_signing_input(key.algorithm, c.message, c.len, input, &input_len);
	if (!e)
		e = by.sign(by.arg, p->row.key_ref, key.algorithm, pin, input, input_len, sig,
			    &sig_len);
	return e ? e : key_verify(&key, c.message, c.len, sig, sig_len);
}

static enum err record(struct change *c, void *arg)
{
	const struct pin_try *p = arg;
	struct event event = {
		.type = EVENT_PIN_TRY, .result = p->result,
		.person = p->known ? p->person.login : NULL,
		.card = p->known ? p->row.card_id.text : NULL,
		.fields = { { "reader", p->card.reader } },
	};

	return change_event(c, &event);
}

static enum exit_code begin(struct tool *t, struct pin_try *p)
{
	enum exit_code code = reader_card(t, option_value(&t->args, "reader"), &p->card);

	if (code)
		return code;

	enum err e = recognise(t, p);

	if (!e && p->card.tries == 0)
		e = fail(ERR_PIN_BLOCKED, "no PIN try is left");
	if (e)
		return complain_err(e);
	if (p->known)
		say(_("It is card %s of %s (%s)."), p->row.card_id.text, p->person.login,
		    word_card_state(p->row.state));
	else
		say(_("It is not enrolled here."));
	if (p->card.tries == 1)
		say(_("Only one try is left. A wrong PIN blocks the card; then only its PUK helps."));
	return EXIT_DONE;
}

static enum exit_code pin_try(struct tool *t)
{
	struct pin_try p = { .known = false };
	SECRET(pin);
	enum exit_code code = begin(t, &p);

	if (code)
		return code;

	enum err e = reader_ask_pin(p.card.tries, &pin);

	if (e)
		return complain_err(e);

	struct reader_signer s = {
		.fd = t->card_fd, .handle = p.card.handle, .floor = 0, .tries = p.card.tries
	};

	p.result = try_pin(t, &p, &s, &pin);
	code = reader_complain(p.result, s.tries);
	if (p.result == ERR_OK)
		say(_("The PIN is right; the card counts its tries anew."));
	e = change_run(t, record, &p);
	if (e) {
		complain(_("the try could not be recorded"));
		complain_err(e);
		return code == EXIT_DONE ? EXIT_PARTLY : code;
	}
	return code;
}

const struct command cmd_pin_try = {
	.name = "pin try",
	.usage = "[--reader NAME]",
	.brief = N_("spend a PIN try knowingly, the last one too (with the holder of the card)"),
	.example = "  sudo cardtool pin try",
	.options = options,
	.needs = NEED_STORE | NEED_CARD,
	.run = pin_try,
};
