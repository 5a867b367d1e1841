/* SPDX-License-Identifier: Apache-2.0 */
#include "challenge.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "clock.h"
#include "key.h"
#include "random.h"
#include "rules.h"

#define HOST "0123456789abcdef0123456789abcdef"
#define NONCE_AT (21 + 2 + 1 + 2 + 32 + 2 + 5 + 2 + 4 + 2)     /* of make("login", "taro") */
#define NONCE_LEN 32

static struct challenge make(const char *service, const char *user)
{
	struct challenge c;

	assert_int_equal(challenge_make(CHALLENGE_LOGIN, HOST, service, user, &c), ERR_OK);
	return c;
}

static void the_statement_is_framed(void **state)
{
	static const char front[] = "cardmfa challenge v1\0" "\0\1" "\1"
		"\0\40" HOST "\0\5" "login" "\0\4" "taro" "\0\40";
	struct challenge c = make("login", "taro");
	int64_t seconds = 0;

	(void)state;
	assert_int_equal(sizeof(front) - 1, NONCE_AT);
	assert_memory_equal(c.message, front, NONCE_AT);
	assert_int_equal(c.len, NONCE_AT + NONCE_LEN + 2 + 8);
	assert_memory_equal(c.message + NONCE_AT + NONCE_LEN, "\0\10", 2);
	for (size_t i = 0; i < 8; i++)
		seconds = seconds << 8 | c.message[c.len - 8 + i];
	assert_in_range(seconds, clock_real_s() - 5, clock_real_s());
}

/* Parts can't flow into each other. */
static void shifted_parts_differ(void **state)
{
	struct challenge a = make("login", "taro"), b = make("logint", "aro");

	(void)state;
	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(a.message, b.message, NONCE_AT);
}

static void bad_parts_are_refused(void **state)
{
	char long_part[130];
	struct challenge c = { .len = 1 };

	(void)state;
	memset(long_part, 'a', sizeof(long_part) - 1);
	long_part[sizeof(long_part) - 1] = '\0';
	assert_int_equal(challenge_make(CHALLENGE_LOGIN, "", "login", "taro", &c), ERR_INVALID);
	assert_int_equal(challenge_make(CHALLENGE_LOGIN, HOST, NULL, "taro", &c), ERR_INVALID);
	assert_int_equal(challenge_make(CHALLENGE_LOGIN, HOST, "login", "", &c), ERR_INVALID);
	assert_int_equal(challenge_make(CHALLENGE_LOGIN, HOST, "login", long_part, &c),
			 ERR_INVALID);
	assert_int_equal(challenge_make(0, HOST, "login", "taro", &c), ERR_INVALID);
	assert_int_equal(challenge_make(CHALLENGE_PIN_TRY + 1, HOST, "login", "taro", &c),
			 ERR_INVALID);
	assert_int_equal(c.len, 1);
	long_part[128] = '\0';
	assert_int_equal(challenge_make(CHALLENGE_ENROL, long_part, long_part, long_part, &c),
			 ERR_OK);
}

static void an_old_challenge_is_not_looked_at(void **state)
{
	struct challenge c = make("login", "taro"), none = { .made_boot_ms = clock_boot_ms() };

	(void)state;
	assert_int_equal(challenge_fresh(&c), ERR_OK);
	c.made_boot_ms = clock_boot_ms() - CHALLENGE_AGE_MS + 5000;
	assert_int_equal(challenge_fresh(&c), ERR_OK);
	c.made_boot_ms = clock_boot_ms() - CHALLENGE_AGE_MS - 1;
	assert_int_equal(challenge_fresh(&c), ERR_TIMEOUT);
	c.made_boot_ms = clock_boot_ms() + 5000;
	assert_int_equal(challenge_fresh(&c), ERR_TIMEOUT);
	assert_int_equal(challenge_fresh(&none), ERR_TIMEOUT);
}

static int compare_nonces(const void *a, const void *b)
{
	return memcmp(a, b, NONCE_LEN);
}

static void assert_distinct(unsigned char *nonces, size_t n)
{
	qsort(nonces, n, NONCE_LEN, compare_nonces);
	for (size_t i = 1; i < n; i++)
		assert_memory_not_equal(nonces + (i - 1) * NONCE_LEN, nonces + i * NONCE_LEN,
					NONCE_LEN);
}

/* The second half of the nonces comes from a child forked after the first ones. */
static void nonces_never_repeat(void **state)
{
	const size_t n = rules_long() ? 1000000 : 20000;
	unsigned char *nonces = mmap(NULL, n * NONCE_LEN, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct challenge c;
	int status;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(nonces, MAP_FAILED);
	c = make("login", "taro");
	pid = fork();
	assert_true(pid >= 0);
	for (size_t i = pid == 0 ? n / 2 : 0; i < (pid == 0 ? n : n / 2); i++) {
		if (challenge_make(CHALLENGE_LOGIN, HOST, "login", "taro", &c) != ERR_OK)
			abort();
		memcpy(nonces + i * NONCE_LEN, c.message + NONCE_AT, NONCE_LEN);
	}
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_distinct(nonces, n);
	munmap(nonces, n * NONCE_LEN);
}

#ifdef CARDMFA_TEST_HOOKS
/* The card has no say in it: nothing of it is among the arguments. */
static void A55_nonce(void **state)
{
	struct challenge c = { .len = 1 };

	random_hook_fail(1);
	assert_int_equal(challenge_make(CHALLENGE_LOGIN, HOST, "login", "taro", &c), ERR_CRYPTO);
	assert_int_equal(c.len, 1);
	random_hook_fail(0);
	nonces_never_repeat(state);
}
#endif

/* -- a card in software -- */

static EVP_PKEY *new_key(struct key_info *ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	int len;

	assert_non_null(key);
	len = i2d_PUBKEY(key, &der);
	assert_true(len > 0);
	assert_int_equal(key_from_spki(der, (size_t)len, ret), ERR_OK);
	OPENSSL_free(der);
	return key;
}

static void sign(EVP_PKEY *key, const struct challenge *c, unsigned char *sig, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	*len = KEY_SIGNATURE_MAX;
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, len, c->message, c->len), 1);
	EVP_MD_CTX_free(ctx);
}

/* The statement we ask for, with the nonce and time of another one. */
static struct challenge with_random_of(struct challenge c, const struct challenge *other)
{
	const size_t tail = NONCE_LEN + 2 + 8;

	memcpy(c.message + c.len - tail, other->message + other->len - tail, tail);
	return c;
}

static void A67_domain_separation(void **state)
{
	static const struct {
		enum challenge_purpose purpose;
		const char *host, *service, *user;
	} others[] = {
		{ CHALLENGE_ENROL, HOST, "login", "taro" },
		{ CHALLENGE_PIN_TRY, HOST, "login", "taro" },
		{ CHALLENGE_LOGIN, "1123456789abcdef0123456789abcdef", "login", "taro" },
		{ CHALLENGE_LOGIN, HOST, "sudo", "taro" },
		{ CHALLENGE_LOGIN, HOST, "login", "hanako" },
		{ CHALLENGE_LOGIN, HOST, "login", "tarot" },
	};
	unsigned char sig[KEY_SIGNATURE_MAX];
	struct challenge asked = make("login", "taro"), c;
	struct key_info info;
	EVP_PKEY *key = new_key(&info);
	size_t len;

	(void)state;
	sign(key, &asked, sig, &len);
	assert_int_equal(key_verify(&info, asked.message, asked.len, sig, len), ERR_OK);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(challenge_make(others[i].purpose, others[i].host,
						others[i].service,
						others[i].user, &c), ERR_OK);
		c = with_random_of(c, &asked);
		sign(key, &c, sig, &len);
		assert_int_equal(key_verify(&info, c.message, c.len, sig, len), ERR_OK);
		assert_int_equal(key_verify(&info, asked.message, asked.len, sig, len), ERR_DENIED);
	}
	c = asked;
	c.message[strlen("cardmfa challenge v")] = '2';
	sign(key, &c, sig, &len);
	assert_int_equal(key_verify(&info, asked.message, asked.len, sig, len), ERR_DENIED);
	c = make("login", "taro");
	sign(key, &c, sig, &len);
	assert_int_equal(key_verify(&info, asked.message, asked.len, sig, len), ERR_DENIED);
	asked.made_boot_ms -= CHALLENGE_AGE_MS + 1;
	assert_int_equal(challenge_fresh(&asked), ERR_TIMEOUT);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(the_statement_is_framed),
		cmocka_unit_test(shifted_parts_differ),
		cmocka_unit_test(bad_parts_are_refused),
		cmocka_unit_test(an_old_challenge_is_not_looked_at),
		cmocka_unit_test(A67_domain_separation),
#ifdef CARDMFA_TEST_HOOKS
		cmocka_unit_test(A55_nonce),
#else
		cmocka_unit_test(nonces_never_repeat),
#endif
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
