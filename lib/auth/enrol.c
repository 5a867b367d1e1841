/* SPDX-License-Identifier: Apache-2.0 */
#include "enrol.h"

#include <string.h>

#include "card_id.h"
#include "challenge.h"
#include "l10n.h"
#include "random.h"
#include "text.h"

/* 31^7 identifiers: a second try is rare, a third says that something is broken */
#define ID_TRIES 8
#define PIN_MIN 6
#define PIN_MAX 8
/* SP 800-73-4 part 1, table 4b: Card Authentication, never wants a PIN */
#define KEY_REF_CARD_AUTH 0x9E

enum err enrol_person(const struct person *p)
{
	if (p->state == PERSON_ACTIVE)
		return ERR_OK;
	if (p->state == PERSON_LOCKED)
		return fail(ERR_LOCKED, _("%s is locked by an administrator"), p->login);
	return fail(ERR_BAD_STATE, "%s is %s", p->login, person_state_name(p->state));
}

enum err enrol_certificate(const void *der, size_t len, int64_t now, struct cert_info *ret)
{
	struct cert_info cert;
	char when[24];
	enum err e = key_from_certificate(der, len, &cert);

	if (e)
		return e;
	if (cert.not_after < now)
		return fail(ERR_EXPIRED, _("the certificate on the card ended %s"),
			    text_local_time(when, sizeof(when), cert.not_after));
	if (cert.not_before > now)
		return fail(ERR_EXPIRED,
			    _("the certificate on the card begins only %s (is the clock right?)"),
			    text_local_time(when, sizeof(when), cert.not_before));
	*ret = cert;
	return ERR_OK;
}

enum err enrol_key_free(struct store *s, const struct key_info *key, struct card_row *holder)
{
	struct card_row row;
	enum err e = store_card_by_spki(s, key->spki_sha256, &row);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e)
		return e;
	*holder = row;
	return fail(ERR_EXISTS, _("this key is pinned already, as card %s"), row.card_id.text);
}

/* One fresh challenge of our own, signed and judged with the key of the certificate. */
static enum err sign_and_judge(const struct enrol *e, const struct secret *pin)
{
	struct challenge c;
	unsigned char input[512], sig[KEY_SIGNATURE_MAX];
	size_t input_len, sig_len = 0;
	const struct key_info *key = &e->cert.key;
	enum err err = challenge_make(CHALLENGE_ENROL, e->host_id, "enroll", e->person.login, &c);

	if (!err)
		err = key_signing_input(key->algorithm, c.message, c.len, input, &input_len);
	if (!err)
		err = e->signer->sign(e->signer->arg, e->key_ref, key->algorithm, pin, input,
				      input_len, sig, &sig_len);
	if (err)
		return err;
	if (sig_len > sizeof(sig))
		return fail(ERR_CARD_FAILED, "a signature of %zu bytes", sig_len);
	err = challenge_fresh(&c);
	if (err)
		return err;
	/* ERR_DENIED of the signer means "wants a PIN"; a false signature must not look like it. */
	err = key_verify(key, c.message, c.len, sig, sig_len);
	return err == ERR_DENIED ?
		       fail(ERR_INVALID,
			    "the signature is not of the key in the card's certificate") :
		       err;
}

enum err enrol_without_pin(struct enrol *e)
{
	enum err err = sign_and_judge(e, NULL);

	e->refuses_without_pin = false;
	e->signed_without_pin = false;
	switch (err) {
	case ERR_OK:
		e->signed_without_pin = true;
		return ERR_OK;
	case ERR_DENIED:
		e->refuses_without_pin = true;
		return ERR_OK;
	case ERR_INVALID:
		return fail(
			ERR_CARD_FAILED,
			_("without PIN the card answered with something that is no signature of its key"));
	default:
		return err;
	}
}

/* Cards come with 123456, some with it filled up to eight: whoever finds such a card can use it. */
static const char *const factory_pins[] = { "123456", "1234567", "12345678" };

static bool is_factory_pin(const struct secret *pin)
{
	for (size_t i = 0; i < sizeof(factory_pins) / sizeof(factory_pins[0]); i++) {
		SECRET(known);

		if (secret_set(&known, factory_pins[i], strlen(factory_pins[i])) ||
		    secret_equal(pin, &known))
			return true;
	}
	return false;
}

const char *enrol_pin_unfit(const struct secret *pin)
{
	if (pin->len < PIN_MIN || pin->len > PIN_MAX)
		return N_("the PIN must be 6 to 8 digits");
	for (size_t i = 0; i < pin->len; i++)
		if (pin->bytes[i] < '0' || pin->bytes[i] > '9')
			return N_("the PIN must be 6 to 8 digits");
	if (is_factory_pin(pin))
		return N_("this is the PIN that cards are delivered with; the holder must change it first");
	return NULL;
}

enum err enrol_tries(int tries)
{
	if (tries == 0)
		return fail(ERR_PIN_BLOCKED, _("no PIN try is left"));
	if (tries == 1)
		return fail(ERR_PIN_LAST_TRY, _("one try is left; a wrong PIN would block the card"));
	return ERR_OK;
}

enum err enrol_prove(struct enrol *e, const struct secret *pin)
{
	e->signed_with_pin = false;
	if (e->key_ref == KEY_REF_CARD_AUTH)
		return fail(ERR_INVALID, _("key 9E is not protected by a PIN"));
	if (enrol_pin_unfit(pin))
		return fail(ERR_PIN_FORMAT, _("the PIN was not sent to the card"));

	enum err err = sign_and_judge(e, pin);

	if (err == ERR_INVALID)
		return fail(ERR_DENIED, _("the card does not hold the key of its certificate"));
	e->signed_with_pin = err == ERR_OK;
	return err;
}

static enum err free_id(struct store *s, struct card_id *ret)
{
	for (int i = 0; i < ID_TRIES; i++) {
		unsigned char values[7];
		struct card_row row;
		enum err e = random_below(values, sizeof(values), 31);

		if (!e)
			e = card_id_make(values, ret);
		if (!e)
			e = store_card_by_card_id(s, ret, &row);
		if (e == ERR_NOT_FOUND)
			return ERR_OK;
		if (e)
			return e;
	}
	return fail(ERR_CRYPTO, "no free card identifier in %d tries", ID_TRIES);
}

static void fill(const struct enrol *e, int64_t now, struct card_row *c)
{
	const struct key_info *key = &e->cert.key;

	c->person = e->person.id;
	memcpy(c->label, e->label, sizeof(c->label));
	c->key_ref = e->key_ref;
	c->algorithm = key->algorithm;
	c->spki_len = key->spki_len;
	memcpy(c->spki, key->spki, key->spki_len);
	memcpy(c->spki_sha256, key->spki_sha256, sizeof(c->spki_sha256));
	c->has_guid = e->has_guid;
	memcpy(c->guid, e->guid, sizeof(c->guid));
	c->pin_proved = e->refuses_without_pin && e->signed_with_pin;
	c->state = CARD_ACTIVE;
	c->not_after = e->cert.not_after;
	c->enrolled_at = now;
	c->changed_at = now;
	c->revoked_at = -1;
	c->reported_at = -1;
	c->last_used_at = -1;
}

enum err enrol_store(struct store *s, const struct enrol *e, int64_t now, struct card_row *ret)
{
	struct card_row c = { .id = 0 };
	struct person p;

	if (!(e->refuses_without_pin && e->signed_with_pin) && !e->signed_without_pin)
		return fail(ERR_DENIED, _("possession of the key was not proved"));

	enum err err = store_person_by_id(s, e->person.id, &p);

	if (!err)
		err = enrol_person(&p);
	if (!err)
		err = free_id(s, &c.card_id);
	if (err)
		return err;
	fill(e, now, &c);
	err = store_card_add(s, &c);
	if (!err)
		*ret = c;
	return err;
}
