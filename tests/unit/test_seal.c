/* SPDX-License-Identifier: Apache-2.0 */
#include "openssl_fault.h"

#include <string.h>

#include "log.h"
#include "seal.h"
#include "text.h"
#include "unit.h"

#define ROW "totp:17"

/* Made with another implementation: key 00..1F, IV 64..6F, associated data "totp:17". */
#define SEALED_HEX \
	"6465666768696a6b6c6d6e6f7929ed524cdf61a607526edae9515fcb75fa3f3a202b8a91b46212603c399dd6bf9e28c1"
#define PLAIN "12345678901234567890"

static void key_of(struct secret *key)
{
	unsigned char bytes[32];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(secret_set(key, bytes, sizeof(bytes)), ERR_OK);
}

static void key_and_text(struct secret *key, struct secret *text)
{
	key_of(key);
	assert_int_equal(secret_set(text, PLAIN, strlen(PLAIN)), ERR_OK);
}

static void assert_not_opened(const struct secret *key, const char *context,
			      const unsigned char *sealed, size_t len)
{
	SECRET(plain);

	assert_int_equal(secret_set(&plain, "before", 6), ERR_OK);
	ERR_clear_error();
	assert_int_equal(seal_open(key, context, sealed, len, &plain), ERR_STORE_CORRUPT);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(plain.len, 0);
	for (size_t i = 0; i < sizeof(plain.bytes); i++)
		assert_int_equal(plain.bytes[i], 0);
}

static void known_sealed_secret(void **state)
{
	unsigned char sealed[sizeof(SEALED_HEX) / 2];
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_of(&key);
	assert_true(text_unhex(sealed, sizeof(sealed), SEALED_HEX));
	assert_int_equal(seal_open(&key, ROW, sealed, sizeof(sealed), &plain), ERR_OK);
	assert_int_equal(plain.len, strlen(PLAIN));
	assert_memory_equal(plain.bytes, PLAIN, strlen(PLAIN));
}

static void every_length_comes_back(void **state)
{
	unsigned char sealed[SECRET_MAX + SEAL_OVERHEAD + 1];
	SECRET(key);
	SECRET(plain);
	SECRET(back);

	(void)state;
	key_of(&key);
	for (size_t n = 0; n <= SECRET_MAX; n++) {
		size_t len = 0;

		memset(plain.bytes, (int)n, n);
		plain.len = n;
		sealed[n + SEAL_OVERHEAD] = 0xA5;
		assert_int_equal(seal_close(&key, ROW, &plain, sealed, n + SEAL_OVERHEAD, &len),
				 ERR_OK);
		assert_int_equal(len, n + SEAL_OVERHEAD);
		assert_int_equal(sealed[len], 0xA5);
		assert_int_equal(seal_open(&key, ROW, sealed, len, &back), ERR_OK);
		assert_true(secret_equal(&plain, &back));
	}
}

static void every_change_is_found(void **state)
{
	unsigned char sealed[20 + SEAL_OVERHEAD + 1];
	size_t len;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_and_text(&key, &plain);
	assert_int_equal(seal_close(&key, ROW, &plain, sealed, sizeof(sealed), &len), ERR_OK);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_not_opened(&key, ROW, sealed, len);
		sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	for (size_t n = 0; n < len; n++)
		assert_not_opened(&key, ROW, sealed, n);
	sealed[len] = 0;
	assert_not_opened(&key, ROW, sealed, len + 1);
	assert_not_opened(&key, "totp:18", sealed, len);
	assert_not_opened(&key, "totp:1", sealed, len);
	key.bytes[31] ^= 1;
	assert_not_opened(&key, ROW, sealed, len);
}

/* By OpenSSL alone, of any length, to the layout of seal.h. */
static size_t seal_by_hand(const struct secret *key, const unsigned char *plain, size_t plain_len,
			   unsigned char *dst)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	memset(dst, 7, 12);
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, dst), 1);
	assert_int_equal(
		EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)ROW, sizeof(ROW) - 1), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, dst + 12, &n, plain, (int)plain_len), 1);
	assert_int_equal(n, plain_len);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, dst + 12 + n, &n), 1);
	assert_int_equal(
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, dst + 12 + plain_len), 1);
	EVP_CIPHER_CTX_free(ctx);
	return 12 + plain_len + 16;
}

static void sealed_by_hand_opens_if_it_is_a_secret(void **state)
{
	static const unsigned char plain[2 * SECRET_MAX] = "plain";
	unsigned char sealed[sizeof(plain) + SEAL_OVERHEAD];
	SECRET(key);
	SECRET(back);

	(void)state;
	key_of(&key);
	assert_int_equal(seal_open(&key, ROW, sealed,
				   seal_by_hand(&key, plain, SECRET_MAX, sealed), &back),
			 ERR_OK);
	assert_int_equal(back.len, SECRET_MAX);
	assert_memory_equal(back.bytes, plain, SECRET_MAX);
	assert_not_opened(&key, ROW, sealed, seal_by_hand(&key, plain, SECRET_MAX + 1, sealed));
	assert_not_opened(&key, ROW, sealed, seal_by_hand(&key, plain, sizeof(plain), sealed));
}

static void names_of_rows_have_a_limit(void **state)
{
	static char name[SECRET_MAX + 2];
	unsigned char sealed[64];
	size_t len;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_and_text(&key, &plain);
	memset(name, 'n', SECRET_MAX);
	assert_int_equal(seal_close(&key, name, &plain, sealed, sizeof(sealed), &len), ERR_OK);
	assert_int_equal(seal_open(&key, name, sealed, len, &plain), ERR_OK);
	name[SECRET_MAX] = 'n';
	assert_int_equal(seal_close(&key, name, &plain, sealed, sizeof(sealed), &len), ERR_CRYPTO);
	assert_int_equal(seal_open(&key, name, sealed, len, &plain), ERR_CRYPTO);
	assert_int_equal(plain.len, 0);
}

/* More than a secret holds is not even looked at. */
static void overlong_secret_is_not_sealed(void **state)
{
	static unsigned char sealed[2 * SECRET_MAX];
	size_t len = 99;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_of(&key);
	plain.len = SECRET_MAX + 1;
	assert_int_equal(seal_close(&key, ROW, &plain, sealed, sizeof(sealed), &len), ERR_CRYPTO);
	assert_int_equal(len, 99);
	plain.len = 0;
}

/* The N-th call fails, N = 1, 2, 3 and so on, until none is left that could. */
static void no_failure_of_openssl_seals(void **state)
{
	enum err e;
	int n = 1;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_and_text(&key, &plain);
	for (;; n++) {
		unsigned char sealed[64] = "before";
		size_t len = 99;

		ERR_clear_error();
		openssl_fault_start(n);
		e = seal_close(&key, ROW, &plain, sealed, sizeof(sealed), &len);
		if (!openssl_fault_met())
			break;
		assert_int_equal(e, ERR_CRYPTO);
		assert_int_equal(ERR_peek_error(), 0);
		assert_int_equal(len, 99);
		assert_string_equal(sealed, "before");
	}
	assert_int_equal(e, ERR_OK);
	assert_true(n > 8);
}

static void no_failure_of_openssl_opens(void **state)
{
	unsigned char sealed[sizeof(SEALED_HEX) / 2];
	enum err e;
	int n = 1;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_of(&key);
	assert_true(text_unhex(sealed, sizeof(sealed), SEALED_HEX));
	for (;; n++) {
		assert_int_equal(secret_set(&plain, "before", 6), ERR_OK);
		ERR_clear_error();
		openssl_fault_start(n);
		e = seal_open(&key, ROW, sealed, sizeof(sealed), &plain);
		if (!openssl_fault_met())
			break;
		/* The last one judges the tag. */
		assert_int_equal(e, n == 8 ? ERR_STORE_CORRUPT : ERR_CRYPTO);
		assert_int_equal(ERR_peek_error(), 0);
		assert_int_equal(plain.len, 0);
	}
	assert_int_equal(e, ERR_OK);
	assert_int_equal(plain.len, strlen(PLAIN));
	assert_int_equal(n, 9);
}

static void part_of_a_text_is_refused(void **state)
{
	unsigned char sealed[64];
	size_t len = 99;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_and_text(&key, &plain);
	openssl_fault.less = 1;
	assert_int_equal(seal_close(&key, ROW, &plain, sealed, sizeof(sealed), &len), ERR_CRYPTO);
	assert_int_equal(len, 99);
	openssl_fault.less = 0;
	assert_int_equal(seal_close(&key, ROW, &plain, sealed, sizeof(sealed), &len), ERR_OK);
	openssl_fault.less = 1;
	assert_not_opened(&key, ROW, sealed, len);
	openssl_fault.less = 0;
}

static void misuse_is_refused(void **state)
{
	static unsigned char long_one[SECRET_MAX + SEAL_OVERHEAD + 1];
	unsigned char sealed[64];
	size_t len = 99;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_and_text(&key, &plain);
	assert_int_equal(seal_close(&key, ROW, &plain, sealed, 20 + SEAL_OVERHEAD - 1, &len),
			 ERR_CRYPTO);
	assert_int_equal(seal_close(&key, "", &plain, sealed, sizeof(sealed), &len), ERR_CRYPTO);
	key.len = 31;
	assert_int_equal(seal_close(&key, ROW, &plain, sealed, sizeof(sealed), &len), ERR_CRYPTO);
	assert_int_equal(len, 99);
	key.len = 32;
	assert_not_opened(&key, ROW, long_one, sizeof(long_one));
}

static void same_plain_text_seals_differently(void **state)
{
	unsigned char a[64], b[64];
	size_t len;
	SECRET(key);
	SECRET(plain);

	(void)state;
	key_and_text(&key, &plain);
	assert_int_equal(seal_close(&key, ROW, &plain, a, sizeof(a), &len), ERR_OK);
	assert_int_equal(seal_close(&key, ROW, &plain, b, sizeof(b), &len), ERR_OK);
	assert_memory_not_equal(a, b, 12);
	assert_memory_not_equal(a + 12, b + 12, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sealed_secret),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(every_change_is_found),
		cmocka_unit_test(sealed_by_hand_opens_if_it_is_a_secret),
		cmocka_unit_test(names_of_rows_have_a_limit),
		cmocka_unit_test(overlong_secret_is_not_sealed),
		cmocka_unit_test(no_failure_of_openssl_seals),
		cmocka_unit_test(no_failure_of_openssl_opens),
		cmocka_unit_test(part_of_a_text_is_refused),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(same_plain_text_seals_differently),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
