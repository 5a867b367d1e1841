/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pwhash.c is taken in as source, with its test hooks (they allow costs that are quick) and with
 * mmap() counted and made to fail: what is refused must not have allocated anything, and what is
 * released must be wiped.
 */
#ifndef CARDMFA_TEST_HOOKS
#define CARDMFA_TEST_HOOKS
#endif

#include <sys/mman.h>

static void *counted_mmap(void *at, size_t len, int prot, int flags, int fd, long offset);
static int checked_munmap(void *at, size_t len);

#define munmap(at, len) checked_munmap(at, len)
#define mmap(at, len, prot, flags, fd, offset) counted_mmap(at, len, prot, flags, fd, offset)
#include "../../lib/crypto/pwhash.c"
#undef mmap
#undef munmap

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "text.h"
#include "unit.h"

#define CHEAP ((struct pwhash_cost){ .m_kib = 8, .t = 1 })
#define PERSON "person:17"
#define SALT "c29tZXNhbHRzb21lc2FsdA"
#define TAG "K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE"
#define SAMPLE "$argon2id$v=19$m=19456,t=2,p=1$" SALT "$" TAG

static struct {
	int calls;
	bool fails, wiped;
} allocations;

static void *counted_mmap(void *at, size_t len, int prot, int flags, int fd, long offset)
{
	allocations.calls++;
	return allocations.fails ? MAP_FAILED : mmap(at, len, prot, flags, fd, offset);
}

static int checked_munmap(void *at, size_t len)
{
	const unsigned char *p = at;

	allocations.wiped = p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
	return munmap(at, len);
}

static int reset(void **state)
{
	(void)state;
	allocations.calls = 0;
	allocations.fails = false;
	return 0;
}

static void fill(struct secret *s, const char *text)
{
	assert_int_equal(secret_set(s, text, strlen(text)), ERR_OK);
}

static void key_of(struct secret *key, int first)
{
	unsigned char bytes[32];

	memset(bytes, first, sizeof(bytes));
	assert_int_equal(secret_set(key, bytes, sizeof(bytes)), ERR_OK);
}

/* RFC 9106, section 5.3, with its four lanes on one thread. */
static void rfc9106_vector(void **state)
{
	unsigned char out[32], pwd[32], salt[16], secret[8], ad[12];
	char hex[65];
	argon2_context ctx = {
		.out = out, .outlen = sizeof(out), .pwd = pwd, .pwdlen = sizeof(pwd), .salt = salt,
		.saltlen = sizeof(salt), .secret = secret, .secretlen = sizeof(secret), .ad = ad,
		.adlen = sizeof(ad), .t_cost = 3, .m_cost = 32, .lanes = 4,
	};

	(void)state;
	memset(pwd, 1, sizeof(pwd));
	memset(salt, 2, sizeof(salt));
	memset(secret, 3, sizeof(secret));
	memset(ad, 4, sizeof(ad));
	assert_int_equal(argon2id(&ctx), ERR_OK);
	text_hex(hex, out, sizeof(out));
	assert_string_equal(hex,
			    "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
	assert_int_equal(ctx.threads, 1);
	assert_true(allocations.wiped);
}

static void made_hashes_verify(void **state)
{
	char a[PWHASH_SIZE], b[PWHASH_SIZE];
	struct pwhash_cost cost;
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "correct horse");
	assert_int_equal(pwhash_make(&password, &key, PERSON, PWHASH_COST_DEFAULT, a), ERR_OK);
	assert_int_equal(strncmp(a, "$argon2id$v=19$m=65536,t=3,p=1$", 31), 0);
	assert_int_equal(strlen(a), 31 + 22 + 1 + 43);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, a), ERR_OK);
	assert_int_equal(pwhash_cost_of(a, &cost), ERR_OK);
	assert_int_equal(cost.m_kib, 65536);
	assert_int_equal(cost.t, 3);
	assert_int_equal(pwhash_make(&password, &key, PERSON, PWHASH_COST_DEFAULT, b), ERR_OK);
	assert_string_not_equal(a, b);
	fill(&password, "correct horsf");
	assert_int_equal(pwhash_verify(&password, &key, PERSON, a), ERR_SECRET_WRONG);
}

static void bound_to_password_key_and_person(void **state)
{
	char hash[PWHASH_SIZE];
	SECRET(password);
	SECRET(other);
	SECRET(key);
	SECRET(other_key);

	(void)state;
	key_of(&key, 7);
	key_of(&other_key, 8);
	fill(&password, "correct horse");
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_OK);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_OK);
	assert_int_equal(pwhash_verify(&password, &other_key, PERSON, hash), ERR_SECRET_WRONG);
	assert_int_equal(pwhash_verify(&password, &key, "person:18", hash), ERR_SECRET_WRONG);
	assert_int_equal(pwhash_verify(&password, &key, "person:1", hash), ERR_SECRET_WRONG);
	for (size_t n = 0; n < password.len; n++) {
		assert_int_equal(secret_set(&other, password.bytes, n), ERR_OK);
		assert_int_equal(pwhash_verify(&other, &key, PERSON, hash), ERR_SECRET_WRONG);
	}
	assert_int_equal(secret_set(&other, "correct horse\0", 14), ERR_OK);
	assert_int_equal(pwhash_verify(&other, &key, PERSON, hash), ERR_SECRET_WRONG);
	fill(&other, "CORRECT HORSE");
	assert_int_equal(pwhash_verify(&other, &key, PERSON, hash), ERR_SECRET_WRONG);
}

static void misuse_is_refused(void **state)
{
	static const struct pwhash_cost costs[] = {
		{ 7, 1 },
		{ 0, 1 },
		{ 8, 0 },
		{ 8, 33 },
		{ PWHASH_M_MAX + 1, 1 },
		{ UINT32_MAX, UINT32_MAX },
	};
	char hash[PWHASH_SIZE] = "before", long_context[200];
	SECRET(password);
	SECRET(key);
	SECRET(empty);

	(void)state;
	key_of(&key, 7);
	fill(&password, "correct horse");
	for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
		assert_int_equal(pwhash_make(&password, &key, PERSON, costs[i], hash), ERR_CRYPTO);
		assert_int_equal(pwhash_dummy(&password, &key, costs[i]), ERR_CRYPTO);
	}
	memset(long_context, 'x', sizeof(long_context));
	long_context[sizeof(long_context) - 1] = '\0';
	assert_int_equal(pwhash_make(&empty, &key, PERSON, CHEAP, hash), ERR_INVALID);
	assert_int_equal(pwhash_make(&password, &key, "", CHEAP, hash), ERR_CRYPTO);
	assert_int_equal(pwhash_make(&password, &key, long_context, CHEAP, hash), ERR_CRYPTO);
	key.len = 31;
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_CRYPTO);
	assert_string_equal(hash, "before");
	assert_int_equal(allocations.calls, 0);
}

static void A54_argon2_strings(void **state)
{
	static const char *const strings[] = {
		"",
		"*",
		"!",
		"x",
		"$",
		"$argon2id",
		"$6$salt$tag",
		"$y$j9T$abc$def",
		"$argon2id$v=19$m=4294967296,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=4194304,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=1048577,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=99999999999999999999,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=4294967295,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=4294967297,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=33,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=0,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=16777216$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=2$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=0$" SALT "$" TAG,
		"$argon2id$v=99$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=153$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=0x99$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=16$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2i$v=19$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2d$v=19$m=19456,t=2,p=1$" SALT "$" TAG,
		"$Argon2id$v=19$m=19456,t=2,p=1$" SALT "$" TAG,
		"argon2id$v=19$m=19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=0,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=7,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=019456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=02,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=+19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=-1,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m= 19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$t=2,m=19456,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1,keyid=a$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1$$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT "$",
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT,
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT "A$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT "==$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdB$" TAG, /* left-over bits of
										 the salt */
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT
		"$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptF", /* of the tag */
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT
		"$K13EBUiG7JV-9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE", /* base64url */
		SAMPLE "=",
		SAMPLE " ",
		SAMPLE "\n",
		SAMPLE "$",
		SAMPLE "A",
		SAMPLE SAMPLE,
		" " SAMPLE,
	};
	char longest[513];
	struct pwhash_cost cost = { 1, 2 };
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "password");
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		assert_int_equal(pwhash_verify(&password, &key, PERSON, strings[i]),
				 ERR_STORE_CORRUPT);
		assert_int_equal(pwhash_cost_of(strings[i], &cost), ERR_STORE_CORRUPT);
	}
	memset(longest, '1', sizeof(longest));
	memcpy(longest, PREFIX, strlen(PREFIX));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(pwhash_verify(&password, &key, PERSON, longest), ERR_STORE_CORRUPT);
	for (size_t n = 0; n < strlen(SAMPLE); n++) {
		char cut[PWHASH_SIZE] = "";

		memcpy(cut, SAMPLE, n);
		assert_int_equal(pwhash_verify(&password, &key, PERSON, cut), ERR_STORE_CORRUPT);
	}
	assert_int_equal(cost.m_kib, 1);
	assert_int_equal(allocations.calls, 0);
	assert_int_equal(pwhash_cost_of(SAMPLE, &cost), ERR_OK);
	assert_int_equal(cost.m_kib, 19456);
	assert_int_equal(cost.t, 2);
}

static void A54_no_memory(void **state)
{
	char hash[PWHASH_SIZE];
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "password");
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_OK);
	allocations.fails = true;
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_MEMORY);
	assert_int_equal(pwhash_dummy(&password, &key, CHEAP), ERR_MEMORY);
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_MEMORY);
	assert_int_equal(allocations.calls, 4);
}

/* Each character of a right hash replaced by each other one, in both cases: nothing of it lets
 * anyone in. */
static void A51_hash_variants(void **state)
{
	char hash[PWHASH_SIZE], longer[PWHASH_SIZE + 2];
	SECRET(password);
	SECRET(key);
	int right = 0;

	(void)state;
	key_of(&key, 7);
	fill(&password, "password");
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_OK);
	for (size_t i = 0; hash[i]; i++) {
		char was = hash[i];

		for (int c = 0; c < 256; c++) {
			hash[i] = (char)c;
			right += hash[i] != was &&
				 pwhash_verify(&password, &key, PERSON, hash) == ERR_OK;
		}
		hash[i] = was;
	}
	assert_int_equal(right, 0);
	for (size_t n = 0; n < strlen(hash); n++) {
		(void)snprintf(longer, sizeof(longer), "%.*s", (int)n, hash);
		assert_int_equal(pwhash_verify(&password, &key, PERSON, longer), ERR_STORE_CORRUPT);
	}
	(void)snprintf(longer, sizeof(longer), "%sA", hash);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, longer), ERR_STORE_CORRUPT);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_OK);
}

static void dummy_does_the_same_work(void **state)
{
	char hash[PWHASH_SIZE];
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "password");
	assert_int_equal(pwhash_make(&password, &key, PERSON, PWHASH_COST_DEFAULT, hash), ERR_OK);
	(void)reset(NULL);
	assert_int_equal(pwhash_dummy(&password, &key, PWHASH_COST_DEFAULT), ERR_OK);
	assert_int_equal(allocations.calls, 1);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_OK);
	assert_int_equal(allocations.calls, 2);
}

static void hook_counts_real_verifications(void **state)
{
	char path[] = "/tmp/cardmfa-pwhash-XXXXXX", hash[PWHASH_SIZE];
	int fd = mkstemp(path);
	struct stat st;
	SECRET(password);
	SECRET(key);

	(void)state;
	assert_true(fd >= 0);
	key_of(&key, 7);
	fill(&password, "password");
	pwhash_hook_count(path);
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_OK);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_OK);
	fill(&password, "wrong");
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_SECRET_WRONG);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, "*"), ERR_STORE_CORRUPT);
	assert_int_equal(pwhash_dummy(&password, &key, CHEAP), ERR_OK);
	pwhash_hook_count(NULL);
	assert_int_equal(pwhash_verify(&password, &key, PERSON, hash), ERR_SECRET_WRONG);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 2);
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rfc9106_vector, reset),
		cmocka_unit_test_setup(made_hashes_verify, reset),
		cmocka_unit_test_setup(bound_to_password_key_and_person, reset),
		cmocka_unit_test_setup(misuse_is_refused, reset),
		cmocka_unit_test_setup(A54_argon2_strings, reset),
		cmocka_unit_test_setup(A54_no_memory, reset),
		cmocka_unit_test_setup(A51_hash_variants, reset),
		cmocka_unit_test_setup(dummy_does_the_same_work, reset),
		cmocka_unit_test_setup(hook_counts_real_verifications, reset),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
