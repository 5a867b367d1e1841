/* SPDX-License-Identifier: Apache-2.0 */
/* enrol.c is taken in as source, so that what it signs and its random numbers can be watched. */
#include "challenge.h"
#include "random.h"

static enum err watched_challenge(enum challenge_purpose purpose, const char *host_id, const char *service, const char *user,
				  struct challenge *ret);
static enum err watched_random(unsigned char *dst, size_t n, unsigned below);

#define challenge_make watched_challenge
#define random_below watched_random
#include "../../lib/auth/enrol.c"
#undef challenge_make
#undef random_below

#include <openssl/rsa.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "store_fixture.h"
#include "unit_keys.h"

#define BEGINS (NOW - 1000)
#define ENDS (NOW + 1000)

static struct {
	int same;               /* so many identifiers more are the first one again */
	enum err fails, challenge_fails;
	int64_t late_s;
} world;

/* Of use for nothing but an enrolment of this person. */
static enum err watched_challenge(enum challenge_purpose purpose, const char *host_id, const char *service, const char *user,
				  struct challenge *ret)
{
	assert_int_equal(purpose, CHALLENGE_ENROL);
	assert_int_equal(strlen(host_id), 32);
	assert_string_equal(service, "enroll");
	assert_string_equal(user, "taro");
	if (world.challenge_fails != ERR_OK)
		return world.challenge_fails;
	return challenge_make(purpose, host_id, service, user, ret);
}

static enum err watched_random(unsigned char *dst, size_t n, unsigned below)
{
	if (world.fails != ERR_OK)
		return world.fails;
	if (world.same <= 0)
		return random_below(dst, n, below);
	world.same--;
	memset(dst, 1, n);
	return ERR_OK;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_BOOTTIME)
		ts->tv_sec += world.late_s;
	return rc;
}

/* A card as lib/auth sees one. */
struct fake {
	EVP_PKEY *key;
	bool wants_pin;
	enum err without_pin;           /* what it answers then, ERR_OK: see wants_pin */
	bool garbage;                   /* signs something else */
	bool endless;                   /* says that its signature is longer than any */
	bool late;
	const char *pin;
	int asked, verified;
};

static void sign_input(EVP_PKEY *key, const unsigned char *input, size_t len, unsigned char *sig,
		       size_t *sig_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	*sig_len = KEY_SIGNATURE_MAX;
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	if (EVP_PKEY_is_a(key, "RSA"))
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, sig, sig_len, input, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static enum err fake_sign(void *arg, unsigned key_ref, enum key_algorithm algorithm,
			  const struct secret *pin, const unsigned char *input, size_t len,
			  unsigned char *sig, size_t *sig_len)
{
	struct fake *f = arg;

	(void)key_ref;
	(void)algorithm;
	f->asked++;
	if (!pin && f->without_pin)
		return f->without_pin;
	if (!pin && f->wants_pin)
		return ERR_DENIED;
	f->verified += pin != NULL;
	if (pin && (pin->len != strlen(f->pin) || memcmp(pin->bytes, f->pin, pin->len) != 0))
		return ERR_PIN_WRONG;
	sign_input(f->key, input, len, sig, sig_len);
	if (f->garbage)
		sig[*sig_len / 2] ^= 1;
	if (f->endless)
		*sig_len = KEY_SIGNATURE_MAX + 1;
	if (f->late)
		world.late_s += CHALLENGE_AGE_MS / 1000 + 1;
	return ERR_OK;
}

/* ---- one enrolment ---- */

static char dir[256];
static struct store *store;
static struct person taro;

struct trial {
	struct fake fake;
	struct enrol_signer signer;
	struct enrol enrol;
};

static void certificate_of(EVP_PKEY *key, int64_t from, int64_t to, struct der *ret)
{
	X509 *x = X509_new();
	unsigned char *at = ret->bytes;

	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), from));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), to));
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, keys[3], EVP_sha256()) > 0);
	ret->len = (size_t)i2d_X509(x, &at);
	X509_free(x);
}

static void begin(struct trial *t, EVP_PKEY *key)
{
	struct der cert;

	memset(&world, 0, sizeof(world));
	*t = (struct trial){ .fake = { .key = key, .wants_pin = true, .pin = "31415926" } };
	t->signer = (struct enrol_signer){ .sign = fake_sign, .arg = &t->fake };
	t->enrol = (struct enrol){ .signer = &t->signer, .person = taro, .key_ref = 0x9A };
	assert_int_equal(store_meta_get(store, "host_id", t->enrol.host_id,
					sizeof(t->enrol.host_id)),
			 ERR_OK);
	certificate_of(key, BEGINS, ENDS, &cert);
	assert_int_equal(enrol_certificate(cert.bytes, cert.len, NOW, &t->enrol.cert), ERR_OK);
}

static enum err prove(struct trial *t, const char *typed)
{
	SECRET(pin);

	assert_int_equal(secret_set(&pin, typed, strlen(typed)), ERR_OK);
	return enrol_prove(&t->enrol, &pin);
}

static enum err keep(struct trial *t, struct card_row *ret)
{
	assert_int_equal(store_begin(store), ERR_OK);

	enum err e = enrol_store(store, &t->enrol, NOW, ret);

	if (e == ERR_OK)
		assert_int_equal(store_commit(store), ERR_OK);
	else
		store_rollback(store);
	return e;
}

static int set_up(void **state)
{
	(void)state;
	fixture_dir(dir);
	store = fixture_create(dir);
	taro = fixture_person("taro", 1000);
	assert_int_equal(store_begin(store), ERR_OK);
	assert_int_equal(store_person_add(store, &taro), ERR_OK);
	return store_commit(store) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	store_close(store);
	fixture_remove(dir);
	return 0;
}

/* ---- tests ---- */

static void a_proved_key_is_pinned(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct trial t;
		struct card_row row, found;

		begin(&t, keys[i]);
		t.enrol.has_guid = i % 2;
		memset(t.enrol.guid, i % 2, sizeof(t.enrol.guid));
		snprintf(t.enrol.label, sizeof(t.enrol.label), "card %d", i);
		assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
		assert_true(t.enrol.refuses_without_pin);
		assert_int_equal(prove(&t, "31415926"), ERR_OK);
		assert_int_equal(keep(&t, &row), ERR_OK);
		assert_int_equal(store_card_by_card_id(store, &row.card_id, &found), ERR_OK);
		assert_true(found.pin_proved);
		assert_int_equal(found.state, CARD_ACTIVE);
		assert_int_equal(found.not_after, ENDS);
		assert_int_equal(found.algorithm, key_algorithms[i]);
		assert_memory_equal(found.spki_sha256, t.enrol.cert.key.spki_sha256, 32);
		assert_int_equal(found.has_guid, i % 2);
		assert_memory_equal(found.guid, t.enrol.guid, sizeof(found.guid));
		assert_string_equal(found.label, t.enrol.label);
		assert_int_equal(found.enrolled_at, NOW);
		assert_int_equal(found.changed_at, NOW);
		assert_int_equal(found.revoked_at, -1);
		assert_int_equal(found.reported_at, -1);
		assert_int_equal(found.last_used_at, -1);
	}
}

/* Refused without PIN and signed with it, both, or signed without: nothing else is a proof, and only both are of the PIN. */
static void proof_is_made_of_both_halves(void **state)
{
	struct trial t;
	struct card_row row;

	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		const bool refuses = bits & 1, with = bits & 2, without = bits & 4;

		begin(&t, keys[3]);
		t.enrol.refuses_without_pin = refuses;
		t.enrol.signed_with_pin = with;
		t.enrol.signed_without_pin = without;
		fixture_raw(dir, "DELETE FROM card");
		assert_int_equal(keep(&t, &row), (refuses && with) || without ? ERR_OK : ERR_DENIED);
		if ((refuses && with) || without)
			assert_int_equal(row.pin_proved, refuses && with);
	}
}

static void answers_too_late_or_too_long_prove_nothing(void **state)
{
	struct trial t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&t, keys[3]);
		t.fake.wants_pin = false;
		t.fake.late = i == 0;
		t.fake.endless = i == 1;
		assert_int_equal(enrol_without_pin(&t.enrol), i ? ERR_CARD_FAILED : ERR_TIMEOUT);
		assert_false(t.enrol.refuses_without_pin || t.enrol.signed_without_pin);
		assert_int_equal(prove(&t, "31415926"), i ? ERR_CARD_FAILED : ERR_TIMEOUT);
		assert_false(t.enrol.signed_with_pin);
	}
}

/* Nothing is signed that is no fresh statement. */
static void without_a_statement_no_card_is_asked(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, keys[3]);
	world.challenge_fails = ERR_CLOCK;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_CLOCK);
	assert_int_equal(prove(&t, "31415926"), ERR_CLOCK);
	assert_int_equal(t.fake.asked, 0);
	assert_false(t.enrol.refuses_without_pin || t.enrol.signed_without_pin || t.enrol.signed_with_pin);
}

/* A card that was changed meanwhile: what the first one proved is forgotten. */
static void another_try_starts_from_nothing(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, keys[3]);
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_int_equal(prove(&t, "31415926"), ERR_OK);
	assert_int_equal(prove(&t, "1"), ERR_PIN_FORMAT);
	assert_false(t.enrol.signed_with_pin);
	t.fake.without_pin = ERR_CARD_REMOVED;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_CARD_REMOVED);
	assert_false(t.enrol.refuses_without_pin);
	t.fake.without_pin = ERR_OK;
	t.fake.wants_pin = false;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_true(t.enrol.signed_without_pin);
	t.fake.without_pin = ERR_CARD_REMOVED;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_CARD_REMOVED);
	assert_false(t.enrol.signed_without_pin);
}

static enum err keep_proved(EVP_PKEY *key, int same, enum err fails, struct card_row *ret)
{
	struct trial t;

	begin(&t, key);
	t.enrol.signed_without_pin = true;
	world.same = same;
	world.fails = fails;
	return keep(&t, ret);
}

static void an_identifier_is_given_once(void **state)
{
	struct card_row first, second;

	(void)state;
	assert_int_equal(keep_proved(keys[0], 1, ERR_OK, &first), ERR_OK);
	assert_int_equal(keep_proved(keys[1], 8, ERR_OK, &second), ERR_CRYPTO);
	assert_int_equal(keep_proved(keys[1], 1, ERR_SYSTEM, &second), ERR_SYSTEM);
	assert_int_equal(keep_proved(keys[1], 7, ERR_OK, &second), ERR_OK);
	assert_string_not_equal(first.card_id.text, second.card_id.text);
}

static void a_key_that_signs_without_pin_is_never_proved(void **state)
{
	struct trial t;
	struct card_row row;

	(void)state;
	begin(&t, keys[3]);
	t.fake.wants_pin = false;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_true(t.enrol.signed_without_pin);
	assert_false(t.enrol.refuses_without_pin);
	/* Not even when it signs with PIN too. */
	assert_int_equal(prove(&t, "31415926"), ERR_OK);
	assert_int_equal(keep(&t, &row), ERR_OK);
	assert_false(row.pin_proved);
}

static void nothing_is_pinned_without_proof(void **state)
{
	struct trial t;
	struct card_row row;

	(void)state;
	begin(&t, keys[3]);
	assert_int_equal(keep(&t, &row), ERR_DENIED);
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_int_equal(keep(&t, &row), ERR_DENIED);
	assert_int_equal(prove(&t, "99999999"), ERR_PIN_WRONG);
	assert_int_equal(keep(&t, &row), ERR_DENIED);
	assert_int_equal(fixture_count(dir, "SELECT count(*) FROM card"), 0);
}

static void a_certificate_without_its_key_is_denied(void **state)
{
	struct trial t;
	struct card_row row;

	(void)state;
	begin(&t, keys[3]);
	t.fake.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_int_equal(prove(&t, "31415926"), ERR_DENIED);
	assert_false(t.enrol.signed_with_pin);
	assert_int_equal(keep(&t, &row), ERR_DENIED);
	EVP_PKEY_free(t.fake.key);
	begin(&t, keys[0]);
	t.fake.garbage = true;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_int_equal(prove(&t, "31415926"), ERR_DENIED);
}

static void an_unclear_answer_without_pin_is_no_refusal(void **state)
{
	static const enum err answers[] = { ERR_CARD_FAILED, ERR_TIMEOUT, ERR_CARD_REMOVED,
					    ERR_PCSC };
	struct trial t;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		begin(&t, keys[3]);
		t.fake.without_pin = answers[i];
		assert_int_equal(enrol_without_pin(&t.enrol), answers[i]);
		assert_false(t.enrol.refuses_without_pin || t.enrol.signed_without_pin);
	}
	begin(&t, keys[0]);
	t.fake.wants_pin = false;
	t.fake.garbage = true;
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_CARD_FAILED);
	assert_false(t.enrol.refuses_without_pin || t.enrol.signed_without_pin);
}

static void pins_that_are_not_sent(void **state)
{
	static const struct {
		const char *pin;
		bool fit;
	} pins[] = {
		{ "", false },	      { "12345", false },    { "123456", false },
		{ "1234567", false }, { "12345678", false }, { "123456789", false },
		{ "12345a", false },  { "a12345", false },   { "/23457", false },
		{ "12345/", false },  { ":23457", false },   { "12345:", false },
		{ "912345", true },   { "314159", true },    { "123457", true },
		{ "12345679", true }, { "31415926", true },  { "000000", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		SECRET(pin);
		struct trial t;

		assert_int_equal(secret_set(&pin, pins[i].pin, strlen(pins[i].pin)), ERR_OK);
		assert_int_equal(enrol_pin_unfit(&pin) == NULL, pins[i].fit);
		assert_true(pins[i].fit || strlen(enrol_pin_unfit(&pin)) > 20);
		begin(&t, keys[3]);
		t.fake.pin = pins[i].pin;
		assert_int_equal(prove(&t, pins[i].pin), pins[i].fit ? ERR_OK : ERR_PIN_FORMAT);
		assert_int_equal(t.fake.verified, pins[i].fit);
	}
}

static void the_last_try_is_kept(void **state)
{
	(void)state;
	assert_int_equal(enrol_tries(0), ERR_PIN_BLOCKED);
	assert_int_equal(enrol_tries(1), ERR_PIN_LAST_TRY);
	assert_int_equal(enrol_tries(2), ERR_OK);
	assert_int_equal(enrol_tries(-1), ERR_OK);
}

static void key_9e_is_never_asked_with_a_pin(void **state)
{
	struct trial t;

	(void)state;
	begin(&t, keys[3]);
	t.enrol.key_ref = 0x9E;
	assert_int_equal(prove(&t, "31415926"), ERR_INVALID);
	assert_int_equal(t.fake.asked, 0);
}

static void a_pinned_key_is_refused(void **state)
{
	struct trial t;
	struct card_row row, again, holder = { .id = 0 };

	(void)state;
	begin(&t, keys[3]);
	assert_int_equal(enrol_key_free(store, &t.enrol.cert.key, &holder), ERR_OK);
	assert_int_equal(holder.id, 0);
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_int_equal(prove(&t, "31415926"), ERR_OK);
	assert_int_equal(keep(&t, &row), ERR_OK);
	again.id = -7;
	assert_int_equal(keep(&t, &again), ERR_EXISTS);
	assert_int_equal(again.id, -7);
	assert_int_equal(enrol_key_free(store, &t.enrol.cert.key, &holder), ERR_EXISTS);
	assert_string_equal(holder.card_id.text, row.card_id.text);
	assert_int_equal(fixture_count(dir, "SELECT count(*) FROM card"), 1);
	/* Whoever has it, if it can't be read: not free. */
	fixture_raw(dir, "UPDATE card SET state = 'what'");
	assert_int_equal(enrol_key_free(store, &t.enrol.cert.key, &holder), ERR_STORE_CORRUPT);
}

static void who_is_not_active_gets_no_card(void **state)
{
	static const struct {
		const char *sql;
		enum err result;
	} cases[] = {
		{ "UPDATE person SET state = 'locked'", ERR_LOCKED },
		{ "UPDATE person SET state = 'removed'", ERR_BAD_STATE },
		{ "UPDATE person SET state = 'active'", ERR_OK },
	};
	struct trial t;
	struct card_row row;

	(void)state;
	begin(&t, keys[3]);
	assert_int_equal(enrol_without_pin(&t.enrol), ERR_OK);
	assert_int_equal(prove(&t, "31415926"), ERR_OK);
	/* It is the state at the time of the change that counts. */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fixture_raw(dir, cases[i].sql);
		assert_int_equal(keep(&t, &row), cases[i].result);
	}
	t.enrol.person.id = 99;
	assert_int_equal(keep(&t, &row), ERR_NOT_FOUND);
}

static void a_certificate_must_be_valid_now(void **state)
{
	struct cert_info cert;
	struct der d;

	(void)state;
	certificate_of(keys[3], BEGINS, ENDS, &d);
	assert_int_equal(enrol_certificate(d.bytes, d.len, ENDS, &cert), ERR_OK);
	assert_int_equal(enrol_certificate(d.bytes, d.len, ENDS + 1, &cert), ERR_EXPIRED);
	assert_int_equal(enrol_certificate(d.bytes, d.len, BEGINS, &cert), ERR_OK);
	assert_int_equal(enrol_certificate(d.bytes, d.len, BEGINS - 1, &cert), ERR_EXPIRED);
	assert_int_equal(enrol_certificate(d.bytes, d.len / 2, NOW, &cert), ERR_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_proved_key_is_pinned),
		TEST(a_key_that_signs_without_pin_is_never_proved),
		TEST(proof_is_made_of_both_halves),
		TEST(answers_too_late_or_too_long_prove_nothing),
		TEST(without_a_statement_no_card_is_asked),
		TEST(another_try_starts_from_nothing),
		TEST(an_identifier_is_given_once),
		TEST(nothing_is_pinned_without_proof),
		TEST(a_certificate_without_its_key_is_denied),
		TEST(an_unclear_answer_without_pin_is_no_refusal),
		TEST(pins_that_are_not_sent),
		TEST(the_last_try_is_kept),
		TEST(key_9e_is_never_asked_with_a_pin),
		TEST(a_pinned_key_is_refused),
		TEST(who_is_not_active_gets_no_card),
		TEST(a_certificate_must_be_valid_now),
	};

	fixture_drop();
	return cmocka_run_group_tests(tests, keys_begin, keys_end);
}
