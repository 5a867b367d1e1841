/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pwhash.c is taken in as source, with its test hooks (they allow costs that are quick) and with
 * mmap() counted and made to fail: what is refused must not have allocated anything, and what is
 * released must be wiped. The salts can be made to fail, too.
 */
#ifndef CARDMFA_TEST_HOOKS
#define CARDMFA_TEST_HOOKS
#endif

#include <sys/mman.h>

#include "random.h"

static void *counted_mmap(void *at, size_t len, int prot, int flags, int fd, long offset);
static int checked_munmap(void *at, size_t len);
static enum err salt_bytes(void *dst, size_t len);

#define munmap(at, len) checked_munmap(at, len)
#define mmap(at, len, prot, flags, fd, offset) counted_mmap(at, len, prot, flags, fd, offset)
#define random_bytes(dst, len) salt_bytes(dst, len)
#include "../../lib/crypto/pwhash.c"
#undef random_bytes
#undef mmap
#undef munmap

#include "log.h"
#include "text.h"
#include "unit.h"

#define N_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define CHEAP ((struct pwhash_cost){ .m_kib = 8, .t = 1 })
#define PERSON "person:17"
#define SALT "c29tZXNhbHRzb21lc2FsdA"
#define TAG "K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE"
#define SAMPLE "$argon2id$v=19$m=19456,t=2,p=1$" SALT "$" TAG

static struct {
	int calls;
	bool fails, wiped;
} allocations;
static bool no_salt;

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

static enum err salt_bytes(void *dst, size_t len)
{
	return no_salt ? ERR_CRYPTO : random_bytes(dst, len);
}

static int reset(void **state)
{
	(void)state;
	allocations.calls = 0;
	allocations.fails = no_salt = false;
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

/*
 * Made by another implementation: one in Python after RFC 9106 that gives the vector of section 5.3.
 * The key is 32 bytes of 7, the salt 00 to 0F.
 */
static void hashes_made_elsewhere_verify(void **state)
{
	static const char *const hashes[] = {
		"$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw"
		"$7P1IhbSwu/H2UQoSwnFIu8LXP3434zXjmVg9+NKKxj0",
		"$argon2id$v=19$m=1024,t=3,p=1$AAECAwQFBgcICQoLDA0ODw"
		"$PuCmRBFjy9TYBdEmzLwjBANyZTva+lWGxOTfEEc4x9M",
	};
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "correct horse");
	for (size_t i = 0; i < N_OF(hashes); i++)
		assert_int_equal(pwhash_verify(&password, &key, PERSON, hashes[i]), ERR_OK);
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
	memset(a, 'x', sizeof(a));
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

/* The row is bound by up to 128 bytes. */
static void the_longest_context_is_bound_whole(void **state)
{
	char context[130] = "", hash[PWHASH_SIZE];
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "correct horse");
	memset(context, 'x', 128);
	assert_int_equal(pwhash_make(&password, &key, context, CHEAP, hash), ERR_OK);
	assert_int_equal(pwhash_verify(&password, &key, context, hash), ERR_OK);
	context[127] = 'y';
	assert_int_equal(pwhash_verify(&password, &key, context, hash), ERR_SECRET_WRONG);
	context[127] = context[128] = 'x';
	assert_int_equal(pwhash_make(&password, &key, context, CHEAP, hash), ERR_CRYPTO);
}

/* libargon2 looks at more than is known here. */
static void what_libargon2_refuses_is_a_failure(void **state)
{
	unsigned char out[32], pwd[8] = { 1 }, salt[7] = { 2 };
	argon2_context ctx = {
		.out = out, .outlen = sizeof(out), .pwd = pwd, .pwdlen = sizeof(pwd), .salt = salt,
		.saltlen = sizeof(salt), .t_cost = 1, .m_cost = 8, .lanes = 1,
	};

	(void)state;
	assert_int_equal(argon2id(&ctx), ERR_CRYPTO);
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
	for (size_t i = 0; i < N_OF(costs); i++) {
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
		"$argon2id$v=19$m=1945:,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=1945a,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=:,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m= 19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=,p=1$" SALT "$" TAG,
		"19456,t=2,p=1$" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2" SALT "$" TAG,
		"$argon2id$v=19$m=19456,t=2,p=1$" SALT TAG,
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
	for (size_t i = 0; i < N_OF(strings); i++) {
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

static void costs_within_bounds_are_read(void **state)
{
	static const struct pwhash_cost costs[] = {
		{ 8, 1 }, { 19456, 2 }, { 20480, 10 }, { 100000, 30 }, { 262144, 32 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(costs); i++) {
		char hash[PWHASH_SIZE];
		struct pwhash_cost cost;

		(void)snprintf(hash, sizeof(hash), PREFIX "%u,t=%u,p=1$" SALT "$" TAG,
			       costs[i].m_kib, costs[i].t);
		assert_int_equal(pwhash_cost_of(hash, &cost), ERR_OK);
		assert_int_equal(cost.m_kib, costs[i].m_kib);
		assert_int_equal(cost.t, costs[i].t);
	}
}

static void numbers_have_one_to_seven_digits(void **state)
{
	static const char *const none[] = { "", ",", "0", "01", "+1", "12345678", "99999999999" };
	const char *s = "1234567,";
	uint32_t n = 42;

	(void)state;
	for (size_t i = 0; i < N_OF(none); i++) {
		const char *at = none[i];

		assert_false(take_number(&at, &n));
		assert_ptr_equal(at, none[i]);
		assert_int_equal(n, 42);
	}
	assert_true(take_number(&s, &n));
	assert_string_equal(s, ",");
	assert_int_equal(n, 1234567);
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

/* Neither a result nor memory comes out of a failure. */
static void failures_leave_nothing(void **state)
{
	static const unsigned char salt[SALT_LEN] = "salt";
	uint8_t *memory = NULL;
	SECRET(password);
	SECRET(key);
	SECRET(tag);

	(void)state;
	key_of(&key, 7);
	fill(&password, "password");
	allocations.fails = true;
	assert_int_equal(derive(&password, &key, PERSON, CHEAP, salt, &tag), ERR_MEMORY);
	assert_int_equal(tag.len, 0);
	assert_int_equal(take_memory(&memory, 4096), ARGON2_MEMORY_ALLOCATION_ERROR);
	assert_null(memory);
	allocations.fails = false;
	assert_int_equal(take_memory(&memory, 4096), ARGON2_OK);
	assert_non_null(memory);
	release_memory(memory, 4096);
}

static void no_hash_without_a_salt(void **state)
{
	char hash[PWHASH_SIZE] = "before";
	SECRET(password);
	SECRET(key);

	(void)state;
	key_of(&key, 7);
	fill(&password, "password");
	no_salt = true;
	assert_int_equal(pwhash_make(&password, &key, PERSON, CHEAP, hash), ERR_CRYPTO);
	assert_string_equal(hash, "before");
	assert_int_equal(allocations.calls, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(rfc9106_vector, reset),
		cmocka_unit_test_setup(hashes_made_elsewhere_verify, reset),
		cmocka_unit_test_setup(made_hashes_verify, reset),
		cmocka_unit_test_setup(bound_to_password_key_and_person, reset),
		cmocka_unit_test_setup(the_longest_context_is_bound_whole, reset),
		cmocka_unit_test_setup(what_libargon2_refuses_is_a_failure, reset),
		cmocka_unit_test_setup(misuse_is_refused, reset),
		cmocka_unit_test_setup(A54_argon2_strings, reset),
		cmocka_unit_test_setup(costs_within_bounds_are_read, reset),
		cmocka_unit_test_setup(numbers_have_one_to_seven_digits, reset),
		cmocka_unit_test_setup(A54_no_memory, reset),
		cmocka_unit_test_setup(failures_leave_nothing, reset),
		cmocka_unit_test_setup(no_hash_without_a_salt, reset),
		cmocka_unit_test_setup(A51_hash_variants, reset),
		cmocka_unit_test_setup(dummy_does_the_same_work, reset),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
