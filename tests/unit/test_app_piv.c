/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/card/app.h"

#include <stdio.h>

#include "card_script.h"
#include "log.h"

#define QUERY "00200080"
#define VERIFY_123456 "0020008008313233343536ffff"
#define GET_CHUID "00cb3fff055c035fc10200"
#define GET_CERT "00cb3fff055c035fc10500"

static void secret_of(struct secret *s, const char *text, size_t len)
{
	assert_int_equal(secret_set(s, text, len), ERR_OK);
}

/* Every status word there is: success is 9000 and nothing else. */
static void A4_verify_status_words(void **state)
{
	SECRET(pin);

	(void)state;
	secret_of(&pin, "123456", 6);
	for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
		char response[5];
		struct script s = SCRIPT_OF({ .command = VERIFY_123456, .response = response });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		int left = 99;
		enum err e;

		snprintf(response, sizeof(response), "%04X", sw);
		e = app_piv.verify(&ch, &pin, &left);
		assert_int_equal(ch.sw, sw);
		assert_int_equal(s.sent, 1);
		if (sw == 0x9000)
			assert_int_equal(e, ERR_OK);
		else if (sw == 0x63C0 || sw == 0x6983 || sw == 0x6984)
			assert_true(e == ERR_PIN_BLOCKED && left == 0);
		else if ((sw & 0xFFF0) == 0x63C0)
			assert_true(e == ERR_PIN_WRONG && left == (int)(sw & 0xF));
		else if ((sw & 0xFFF0) == 0x6300)
			assert_true(e == ERR_PIN_WRONG && left == CARD_TRIES_UNKNOWN);
		else
			assert_true(e == ERR_CARD_FAILED && left == CARD_TRIES_UNKNOWN);
	}
}

static void A4_tries_status_words(void **state)
{
	(void)state;
	for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
		char response[5];
		struct script s = SCRIPT_OF({ .command = QUERY, .response = response });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		struct app_tries tries = { .left = 99 };
		int left = CARD_TRIES_UNKNOWN;

		snprintf(response, sizeof(response), "%04X", sw);
		if ((sw & 0xFFF0) == 0x63C0)
			left = (int)(sw & 0xF);
		else if (sw == 0x6983 || sw == 0x6984)
			left = 0;
		assert_int_equal(app_piv.tries(&ch, &tries), ERR_OK);
		assert_int_equal(tries.left, left);
		assert_int_equal(tries.verified, sw == 0x9000);
	}
}

static void A4_sign_status_words(void **state)
{
	uint8_t digest[32] = { 0 }, sig[KEY_SIGNATURE_MAX];
	const struct app_signing signing = { 0x9A, KEY_P256, digest, sizeof(digest) };

	(void)state;
	for (unsigned sw = 0; sw <= 0xFFFF; sw++) {
		char response[5];
		struct script s = SCRIPT_OF({ .response = response }, { .response = "6F00" });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		size_t len = 77;
		enum err e;

		snprintf(response, sizeof(response), "%04X", sw);
		e = app_piv.sign(&ch, &signing, sig, &len);
		assert_int_equal(e, sw == 0x6982 ? ERR_DENIED : ERR_CARD_FAILED);
		assert_int_equal(len, 77);
	}
}

static void A64_pin_form(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool ok;
	} rows[] = {
		{ "", 0, false }, { "1", 1, false }, { "12345", 5, false }, { "123456", 6, true },
		{ "1234567", 7, true }, { "12345678", 8, true }, { "123456789", 9, false },
		{ "1234567890123456", 16, false }, { "123456\xFF\xFF", 8, false }, { "12345\0", 6, false },
		{ "123456\0", 7, false }, { "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, false },
		{ "12345a", 6, false }, { "12345 ", 6, false }, { "12345/", 6, false }, { "12345:", 6, false },
		{ "\xEF\xBC\x91\xEF\xBC\x92", 6, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .response = "9000" });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		int left;
		SECRET(pin);

		secret_of(&pin, rows[i].bytes, rows[i].len);
		assert_int_equal(app_piv.pin_ok(&pin), rows[i].ok);
		assert_int_equal(app_piv.verify(&ch, &pin, &left), rows[i].ok ? ERR_OK : ERR_PIN_FORMAT);
		assert_int_equal(s.sent, rows[i].ok);
	}
}

static void test_pin_is_padded(void **state)
{
	struct script s = SCRIPT_OF({ .command = "0020008008313233343536" "37ff", .response = "9000" });
	struct transport t;
	struct apdu_channel ch = script_channel(&t, &s);
	int left;
	SECRET(pin);

	(void)state;
	secret_of(&pin, "1234567", 7);
	assert_int_equal(app_piv.verify(&ch, &pin, &left), ERR_OK);
	script_done(&s);
}

static void test_select(void **state)
{
	static const struct {
		const char *response;
		enum err result;
	} rows[] = {
		{ "9000", ERR_OK }, { "61114F0600001000010079074F05A0000003089000", ERR_OK },
		{ "6A82", ERR_NOT_FOUND }, { "6D00", ERR_NOT_FOUND }, { "6985", ERR_CARD_FAILED },
		{ "6283", ERR_CARD_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .command = "00a4040009a0000003080000100000",
					      .response = rows[i].response });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);

		assert_int_equal(app_piv.select(&ch), rows[i].result);
		script_done(&s);
	}
}

static void test_guid(void **state)
{
	static const struct {
		const char *response;
		bool has;
	} rows[] = {
		{ "533B3019D4E739DA739CED39CE739D836858210842108421C84210C3EB"
		  "34100102030405060708090A0B0C0D0E0F10350832303330303130313E00FE009000", true },
		{ "531234100102030405060708090A0B0C0D0E0F109000", true },
		{ "531234100102030405060708090A0B0C0D0E0F100000FF9000", true },
		{ "6A82", false }, { "6A88", false }, { "6982", false }, { "9000", false },
		{ "5312341000000000000000000000000000000000" "9000", false },
		{ "531134" "0F0102030405060708090A0B0C0D0E0F9000", false },
		{ "532434100102030405060708090A0B0C0D0E0F1034100102030405060708090A0B0C0D0E0F109000", false },
		{ "541234100102030405060708090A0B0C0D0E0F109000", false },
		{ "531234100102030405060708090A0B0C0D0E0F9000", false },
		{ "531234110102030405060708090A0B0C0D0E0F109000", false },
		{ "531234100102030405060708090A0B0C0D0E0F10019000", false },
		{ "53803410" "9000", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .command = GET_CHUID, .response = rows[i].response });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		uint8_t guid[16];
		bool has = !rows[i].has;

		assert_int_equal(app_piv.guid(&ch, &has, guid), ERR_OK);
		assert_int_equal(has, rows[i].has);
		if (has)
			assert_int_equal(guid[15], 0x10);
	}
}

static void test_guid_failures(void **state)
{
	static const char *const rows[] = { "6F00", "6D00", "6985", "0000", "FFFF", "6282" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .response = rows[i] });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		uint8_t guid[16];
		bool has = true;

		assert_int_equal(app_piv.guid(&ch, &has, guid), ERR_CARD_FAILED);
		assert_true(has);
	}
}

static void A71_certificate_containers(void **state)
{
	static const struct {
		const char *response;
		enum err result;
		size_t len;
	} rows[] = {
		{ "530A7003AABBCC710100FE009000", ERR_OK, 3 },
		{ "53057003AABBCC9000", ERR_OK, 3 },
		{ "530A7003AABBCC710100FE000000FFFF9000", ERR_OK, 3 },
		{ "53077000710100FE009000", ERR_OK, 0 },
		{ "53009000", ERR_OK, 0 },
		{ "6A82", ERR_OK, 0 },
		{ "530A7003AABBCC710101FE009000", ERR_CARD_FAILED, 0 },
		{ "530A7003AABBCC710180FE009000", ERR_CARD_FAILED, 0 },
		{ "530A70031F8B08710101FE009000", ERR_CARD_FAILED, 0 },
		{ "53097003AABBCC7100FE009000", ERR_CARD_FAILED, 0 },
		{ "530B7003AABBCC71020000FE009000", ERR_CARD_FAILED, 0 },
		{ "530D7003AABBCC710100710101FE009000", ERR_CARD_FAILED, 0 },
		{ "530F7003AABBCC7003AABBCC710100FE009000", ERR_CARD_FAILED, 0 },
		{ "53057004AABBCC9000", ERR_CARD_FAILED, 0 },
		{ "53067003AABBCC9000", ERR_CARD_FAILED, 0 },
		{ "53057003AABBCC019000", ERR_CARD_FAILED, 0 },
		{ "9000", ERR_CARD_FAILED, 0 },
		{ "6F00", ERR_CARD_FAILED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .command = GET_CERT, .response = rows[i].response });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		uint8_t *buf = malloc(CARD_CERT_MAX);
		size_t len = 0;

		assert_non_null(buf);
		assert_int_equal(app_piv.certificate(&ch, 0x9A, buf, &len), rows[i].result);
		assert_int_equal(len, rows[i].len);
		if (len)
			assert_memory_equal(buf, "\xAA\xBB\xCC", 3);
		free(buf);
	}
}

static void test_signing_frames(void **state)
{
	static const struct {
		enum key_algorithm algorithm;
		size_t len, parts;
		const char *first;      /* begin of the first part */
	} rows[] = {
		{ KEY_P256, 32, 1, "0087119a267c2482008120" },
		{ KEY_P384, 48, 1, "0087149a367c3482008130" },
		{ KEY_RSA2048, 256, 2, "1087079aff7c820106820081820100" },
		{ KEY_RSA3072, 384, 2, "1087059aff7c820186820081820180" },
		{ KEY_RSA4096, 512, 3, "1087169aff7c820206820081820200" },
	};
	static uint8_t input[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char hex[2 * 261 + 1] = "", *at = hex + strlen(rows[i].first);
		struct script s = SCRIPT_OF({ .command = hex, .response = "6982" });
		const struct app_signing signing = { 0x9A, rows[i].algorithm, input, rows[i].len };
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		uint8_t sig[KEY_SIGNATURE_MAX];
		size_t len;

		memcpy(hex, rows[i].first, strlen(rows[i].first) + 1);
		text_hex(at, input, rows[i].parts > 1 ? 245 : rows[i].len);
		if (rows[i].parts == 1)
			memcpy(at + 2 * rows[i].len, "00", 3);
		assert_int_equal(app_piv.sign(&ch, &signing, sig, &len), ERR_DENIED);
		assert_int_equal(s.sent, 1);
	}
}

static void test_only_our_keys_and_sizes(void **state)
{
	static const struct {
		uint8_t key_ref;
		enum key_algorithm algorithm;
		size_t len;
		bool ok;
	} rows[] = {
		{ 0x9A, KEY_P256, 32, true }, { 0x9E, KEY_P256, 32, true }, { 0x9C, KEY_P256, 32, false },
		{ 0x9B, KEY_P256, 32, false }, { 0x80, KEY_P256, 32, false }, { 0x9A, KEY_P256, 31, false },
		{ 0x9A, KEY_P256, 48, false }, { 0x9A, KEY_P384, 32, false }, { 0x9A, KEY_RSA2048, 255, false },
		{ 0x9A, KEY_RSA2048, 512, false }, { 0x9A, KEY_RSA4096, 512, true }, { 0x9A, 0, 32, false },
		{ 0x9A, 6, 32, false },
	};
	static uint8_t input[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct app_signing signing = { rows[i].key_ref, rows[i].algorithm, input, rows[i].len };

		assert_int_equal(app_piv.signing_ok(&signing), rows[i].ok);
	}
	assert_true(app_piv.pinless(0x9E));
	assert_false(app_piv.pinless(0x9A));
}

static void A60_signature_framing(void **state)
{
	static const struct {
		const char *response;
		bool ok;
	} rows[] = {
		{ "7C0A8208300602010102010190" "00", true },
		{ "7C0B820830060201010201019000", false },
		{ "7C0A82083006020101020101009000", false },
		{ "7C0C8208300602010102010182009000", false },
		{ "7C0A8108300602010102010190" "00", false },
		{ "7D0A8208300602010102010190" "00", false },
		{ "82083006020101020101" "9000", false },
		{ "7C0282009000", false },
		{ "7C009000", false },
		{ "9000", false },
		{ "7C09820730050201010201" "9000", false },
	};
	uint8_t digest[32] = { 0 };
	const struct app_signing signing = { 0x9A, KEY_P256, digest, sizeof(digest) };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script s = SCRIPT_OF({ .response = rows[i].response });
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		uint8_t sig[KEY_SIGNATURE_MAX];
		size_t len = 0;

		assert_int_equal(app_piv.sign(&ch, &signing, sig, &len), rows[i].ok ? ERR_OK : ERR_CARD_FAILED);
		assert_int_equal(len, rows[i].ok ? 8 : 0);
	}
}

/* RSA: of the modulus' size to the byte. The signature comes in two parts of at most 256 bytes. */
static void A60_rsa_signature_sizes(void **state)
{
	static uint8_t input[256];
	const struct app_signing signing = { 0x9A, KEY_RSA2048, input, sizeof(input) };

	(void)state;
	for (size_t n = 240; n <= 272; n++) {
		char head[32];
		const struct line lines[] = {
			{ .response = "9000" },
			{ .response = head },
			{ .response = "6100", .fill = n / 2 },
			{ .response = "9000", .fill = n - n / 2 },
		};
		struct script s = { .lines = lines, .n = 4 };
		struct transport t;
		struct apdu_channel ch = script_channel(&t, &s);
		uint8_t sig[KEY_SIGNATURE_MAX];
		size_t len = 0;

		snprintf(head, sizeof(head), "7C82%04zX8282%04zX6100", n + 4, n);
		assert_int_equal(app_piv.sign(&ch, &signing, sig, &len),
				 n == 256 ? ERR_OK : ERR_CARD_FAILED);
		assert_int_equal(len, n == 256 ? 256 : 0);
		script_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(A4_verify_status_words),
		cmocka_unit_test(A4_tries_status_words),
		cmocka_unit_test(A4_sign_status_words),
		cmocka_unit_test(A64_pin_form),
		cmocka_unit_test(test_pin_is_padded),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_guid),
		cmocka_unit_test(test_guid_failures),
		cmocka_unit_test(A71_certificate_containers),
		cmocka_unit_test(test_signing_frames),
		cmocka_unit_test(test_only_our_keys_and_sizes),
		cmocka_unit_test(A60_signature_framing),
		cmocka_unit_test(A60_rsa_signature_sizes),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
