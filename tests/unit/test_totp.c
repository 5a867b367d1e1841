/* SPDX-License-Identifier: Apache-2.0 */
/*
 * totp.c is taken in as source: RFC 6238's early moments lie before the clock's lower bound, and
 * every question to liboath is counted and, under valgrind, answered with undefined characters.
 */
#include <liboath/oath.h>

static int counting_validate(const char *secret, size_t secret_length, time_t now, unsigned step,
			     time_t start, unsigned digits, size_t window, int *position,
			     uint64_t *counter, int flags, oath_validate_strcmp_function cmp,
			     void *handle);

#define oath_totp_validate4_callback counting_validate
#include "../../lib/auth/totp.c"
#undef oath_totp_validate4_callback

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "unit.h"

#if defined(__SANITIZE_ADDRESS__) || !__has_include(<valgrind/memcheck.h>)
#define UNDER_VALGRIND 0
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)0)
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)0)
#else
#define UNDER_VALGRIND 1
#include <valgrind/memcheck.h>
#endif

#define RFC_SECRET "1234567890123456789012345678901234567890123456789012345678901234"
#define NOW 1800000000          /* a multiple of 30 */

static int questions;
static bool undefined_candidates;
static oath_validate_strcmp_function real_compare;

/* Hands the library's callback a candidate whose characters valgrind takes for undefined. */
static int watched_compare(void *handle, const char *candidate)
{
	char copy[CODE_MAX + 1];

	(void)snprintf(copy, sizeof(copy), "%s", candidate);
	if (undefined_candidates)
		(void)VALGRIND_MAKE_MEM_UNDEFINED(copy, sizeof(copy));
	return real_compare(handle, copy);
}

static int counting_validate(const char *secret, size_t secret_length, time_t now, unsigned step,
			     time_t start, unsigned digits, size_t window, int *position,
			     uint64_t *counter, int flags, oath_validate_strcmp_function cmp,
			     void *handle)
{
	questions++;
	real_compare = cmp;
	return oath_totp_validate4_callback(secret, secret_length, now, step, start, digits, window,
					    position, counter, flags, watched_compare, handle);
}

static const struct totp_params eight = { .algorithm = TOTP_SHA1, .digits = 8, .period = 30 };

static void seed_of(enum totp_algorithm algorithm, struct secret *seed)
{
	static const size_t lengths[] = {
		[TOTP_SHA1] = 20, [TOTP_SHA256] = 32, [TOTP_SHA512] = 64
	};

	assert_int_equal(secret_set(seed, RFC_SECRET, lengths[algorithm]), ERR_OK);
}

static void text_secret(struct secret *s, const char *text)
{
	assert_int_equal(secret_set(s, text, strlen(text)), ERR_OK);
}

/* The code of a moment by liboath's generator, which totp.c does not use. */
static void code_at(int64_t at, struct secret *code)
{
	char text[CODE_MAX + 1];

	assert_int_equal(oath_totp_generate2(RFC_SECRET, 20, (time_t)at, 30, 0, 8, 0, text),
			 OATH_OK);
	text_secret(code, text);
}

static void rfc6238_appendix_b(void **state)
{
	static const struct {
		int64_t at;
		const char *codes[3];
	} rows[] = {
		{ 59,          { "94287082", "46119246", "90693936" } },
		{ 1111111109,  { "07081804", "68084774", "25091201" } },
		{ 1111111111,  { "14050471", "67062674", "99943326" } },
		{ 1234567890,  { "89005924", "91819424", "93441116" } },
		{ 2000000000,  { "69279037", "90698825", "38618901" } },
		{ 20000000000, { "65353130", "77737706", "47863826" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int a = 0; a < 3; a++) {
			struct totp_params params = eight;
			int64_t step = -1;
			int offset = -1;
			bool any = false;
			SECRET(seed);
			SECRET(code);

			params.algorithm = (enum totp_algorithm)(TOTP_SHA1 + a);
			seed_of(params.algorithm, &seed);
			text_secret(&code, rows[i].codes[a]);
			assert_int_equal(
				try_window(&seed, params, 0, rows[i].at, &code, &any, &offset),
				ERR_OK);
			assert_true(any);
			assert_int_equal(offset, 0);
			if (rows[i].at < CLOCK_MIN) {
				assert_int_equal(totp_verify(&seed, params, 0, rows[i].at, &code,
							     &step, &offset),
						 ERR_CLOCK);
				continue;
			}
			assert_int_equal(
				totp_verify(&seed, params, 0, rows[i].at, &code, &step, &offset),
				ERR_OK);
			assert_int_equal(step, rows[i].at / 30);
			code.bytes[7] ^= 1;
			assert_int_equal(
				totp_verify(&seed, params, 0, rows[i].at, &code, &step, &offset),
				ERR_SECRET_WRONG);
		}
	}
}

static void assert_window(const struct secret *seed, unsigned window, int distance, int64_t now)
{
	int64_t step = -99;
	int offset = -99;
	bool inside = (unsigned)abs(distance) <= window;
	SECRET(code);

	code_at(now + 30 * distance, &code);
	questions = 0;
	assert_int_equal(totp_verify(seed, eight, window, now, &code, &step, &offset),
			 inside ? ERR_OK : ERR_SECRET_WRONG);
	assert_int_equal(questions, 2 * window + 1);
	assert_int_equal(offset, inside ? distance : -99);
	assert_int_equal(step, inside ? now / 30 + distance : -99);
}

/* Eight digits and a fixed seed: no step has another's code by chance. Second round: nothing was
 * learnt from the first. */
static void A46_window(void **state)
{
	static const unsigned refused[] = { TOTP_WINDOW_MAX + 1, (unsigned)-1, 1000000000,
					    0x80000000 };
	int64_t step = -99;
	int offset = -99;
	SECRET(seed);
	SECRET(code);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	for (int round = 0; round < 2; round++)
		for (unsigned w = 0; w <= TOTP_WINDOW_MAX; w++)
			for (int d = -(int)w - 1; d <= (int)w + 1; d++) {
				assert_window(&seed, w, d, NOW);
				assert_window(&seed, w, d, NOW + 29);
			}
	code_at(NOW, &code);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(totp_verify(&seed, eight, refused[i], NOW, &code, &step, &offset),
				 ERR_INVALID);
	assert_int_equal(step, -99);
}

static void malformed_codes(void **state)
{
	static const char *const codes[] = {
		"",
		"1",
		"2875270",
		"287527085",
		"28752708\n",
		" 2875270",
		"+2875270",
		"2875270a",
		"-2875270",
		("\xEF\xBC\x91" "23456"),
		"0x123456",
	};
	int64_t step;
	int offset;
	SECRET(seed);
	SECRET(code);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		text_secret(&code, codes[i]);
		assert_int_equal(totp_verify(&seed, eight, 10, NOW, &code, &step, &offset),
				 ERR_SECRET_WRONG);
	}
	/* A right code with more behind it, and its first six digits. */
	code_at(NOW, &code);
	memset(code.bytes + 8, '0', 40);
	code.len = 48;
	assert_int_equal(totp_verify(&seed, eight, 1, NOW, &code, &step, &offset),
			 ERR_SECRET_WRONG);
	code.len = 6;
	assert_int_equal(totp_verify(&seed, eight, 1, NOW, &code, &step, &offset),
			 ERR_SECRET_WRONG);
}

static void bad_parameters(void **state)
{
	static const struct totp_params params[] = {
		{ .algorithm = (enum totp_algorithm)0, .digits = 6, .period = 30 },
		{ .algorithm = (enum totp_algorithm)4, .digits = 6, .period = 30 },
		{ .algorithm = TOTP_SHA1, .digits = 5, .period = 30 },
		{ .algorithm = TOTP_SHA1, .digits = 9, .period = 30 },
		{ .algorithm = TOTP_SHA1, .digits = 6, .period = 0 },
		{ .algorithm = TOTP_SHA1, .digits = 6, .period = 14 },
		{ .algorithm = TOTP_SHA1, .digits = 6, .period = 121 },
	};
	int64_t step;
	int offset;
	SECRET(seed);
	SECRET(code);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	text_secret(&code, "123456");
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
		assert_int_equal(totp_verify(&seed, params[i], 1, NOW, &code, &step, &offset),
				 ERR_INVALID);
	for (size_t n = 0; n <= SECRET_MAX; n++) {
		seed.len = n;
		assert_int_equal(
			totp_verify(&seed, TOTP_PARAMS_DEFAULT, 1, NOW, &code, &step, &offset),
			n >= 16 && n <= 64 ? ERR_SECRET_WRONG : ERR_INVALID);
	}
}

static void clock_before_2020(void **state)
{
	static const int64_t moments[] = {
		INT64_MIN, -1, 0, 59, 1577836799, 253402300800, INT64_MAX
	};
	int64_t step;
	int offset;
	SECRET(seed);
	SECRET(code);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		text_secret(&code, "12345678");
		assert_int_equal(totp_verify(&seed, eight, 10, moments[i], &code, &step, &offset),
				 ERR_CLOCK);
	}
	code_at(1577836800, &code);
	assert_int_equal(totp_verify(&seed, eight, 0, 1577836800, &code, &step, &offset), ERR_OK);
}

static void every_digit_counts(void **state)
{
	int64_t step;
	int offset;
	SECRET(seed);
	SECRET(code);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	for (size_t i = 0; i < 8; i++) {
		code_at(NOW, &code);
		assert_int_equal(totp_verify(&seed, eight, 0, NOW, &code, &step, &offset), ERR_OK);
		code.bytes[i] = (unsigned char)(code.bytes[i] == '9' ? '0' : code.bytes[i] + 1);
		assert_int_equal(totp_verify(&seed, eight, 0, NOW, &code, &step, &offset), ERR_SECRET_WRONG);
	}
}

static void the_bounds_of_the_period_are_within(void **state)
{
	static const unsigned periods[] = { 15, 120 };
	int64_t step = 0;
	int offset;
	SECRET(seed);
	SECRET(code);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	for (size_t i = 0; i < 2; i++) {
		const struct totp_params params = { .algorithm = TOTP_SHA1, .digits = 8, .period = periods[i] };
		char text[CODE_MAX + 1];

		assert_int_equal(oath_totp_generate2(RFC_SECRET, 20, NOW, periods[i], 0, 8, 0, text), OATH_OK);
		text_secret(&code, text);
		assert_int_equal(totp_verify(&seed, params, 0, NOW, &code, &step, &offset), ERR_OK);
		assert_int_equal(step, NOW / periods[i]);
	}
}

/* What an app is told of seed and parameters is what is checked. */
static void uri_of_anything(void **state)
{
	static const char plain[] = "ABCXYZabcxyz0189-._~";
	static const char other[] = "@[`{/:;<=>?!\"#$&'()*+,";
	char dst[1024], name[8];
	struct totp_params params = TOTP_PARAMS_DEFAULT;
	SECRET(seed);

	(void)state;
	seed_of(TOTP_SHA512, &seed);
	params.algorithm = TOTP_SHA512;
	assert_int_equal(totp_uri(&seed, params, "city", plain, dst, sizeof(dst)), ERR_OK);
	assert_non_null(strstr(dst, "/city:ABCXYZabcxyz0189-._~?"));
	assert_non_null(strstr(dst, "&algorithm=SHA512&"));
	params.algorithm = TOTP_SHA256;
	for (const char *c = other; *c; c++) {
		const char text[2] = { *c, '\0' };

		(void)snprintf(name, sizeof(name), ":%%%02X?", (unsigned char)*c);
		assert_int_equal(totp_uri(&seed, params, "city", text, dst, sizeof(dst)), ERR_OK);
		assert_non_null(strstr(dst, name));
		assert_non_null(strstr(dst, "&algorithm=SHA256&"));
	}
	params.digits = 5;
	assert_int_equal(totp_uri(&seed, params, "city", "taro", dst, sizeof(dst)), ERR_INVALID);
	params.digits = 6;
	seed.len = 15;
	assert_int_equal(totp_uri(&seed, params, "city", "taro", dst, sizeof(dst)), ERR_INVALID);
}

static void names_as_long_as_they_fit(void **state)
{
	char name[300], dst[1024];
	SECRET(seed);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	memset(name, 'a', sizeof(name));
	for (size_t n = 250; n < sizeof(name); n++) {
		name[n] = '\0';
		assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "city", name, dst, sizeof(dst)),
				 n <= 253 ? ERR_OK : ERR_INVALID);
		name[n] = 'a';
	}
}

/* What stands behind the seed in its place is no part of it. */
static void base32_of_zeros_and_of_a_part(void **state)
{
	char whole[128], part[128];
	SECRET(seed);

	(void)state;
	assert_int_equal(secret_set(&seed, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17), ERR_OK);
	memset(whole, 'x', sizeof(whole));
	assert_int_equal(totp_base32(&seed, whole, sizeof(whole)), ERR_OK);
	assert_string_equal(whole, "AAAA AAAA AAAA AAAA AAAA AAAA AAAA");
	memset(seed.bytes + 17, 0xFF, 16);
	assert_int_equal(totp_base32(&seed, part, sizeof(part)), ERR_OK);
	assert_string_equal(part, whole);
}

static void uri(void **state)
{
	char dst[512], exact[128];
	SECRET(seed);

	(void)state;
	seed_of(TOTP_SHA1, &seed);
	assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT,
				  "\xE3\x81\xBF\xE3\x81\xAA\xE3\x81\xA8\xE5\xB8\x82", "taro y@host",
				  dst, sizeof(dst)),
			 ERR_OK);
	assert_string_equal(
		dst,
		"otpauth://totp/%E3%81%BF%E3%81%AA%E3%81%A8%E5%B8%82:taro%20y%40host"
		"?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=%E3%81%BF%E3%81%AA%E3%81%A8%E5%B8%82"
		"&algorithm=SHA1&digits=6&period=30");
	assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "a:b", "taro", dst, sizeof(dst)),
			 ERR_INVALID);
	assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "", "taro", dst, sizeof(dst)),
			 ERR_INVALID);
	assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "city", "", dst, sizeof(dst)),
			 ERR_INVALID);
	assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "city", "\xC3", dst, sizeof(dst)),
			 ERR_INVALID);
	assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "city", "taro", dst, sizeof(dst)),
			 ERR_OK);
	for (size_t n = 0; n <= sizeof(exact); n++)
		assert_int_equal(totp_uri(&seed, TOTP_PARAMS_DEFAULT, "city", "taro", exact, n),
				 n > strlen(dst) ? ERR_OK : ERR_INVALID);
}

static void base32(void **state)
{
	/* RFC 4648, section 10, as the tails of seeds */
	static const struct {
		const char *seed, *text;
	} rows[] = {
		{ "12345678901234567890", "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" },
		{ "123456789012345f", "GEZD GNBV GY3T QOJQ GEZD GNBV MY" },
		{ "123456789012345fo", "GEZD GNBV GY3T QOJQ GEZD GNBV MZXQ" },
		{ "123456789012345foo", "GEZD GNBV GY3T QOJQ GEZD GNBV MZXW 6" },
		{ "123456789012345foob", "GEZD GNBV GY3T QOJQ GEZD GNBV MZXW 6YQ" },
		{ "123456789012345fooba", "GEZD GNBV GY3T QOJQ GEZD GNBV MZXW 6YTB" },
	};
	char dst[160];
	SECRET(seed);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_secret(&seed, rows[i].seed);
		assert_int_equal(totp_base32(&seed, dst, sizeof(dst)), ERR_OK);
		assert_string_equal(dst, rows[i].text);
		assert_int_equal(totp_base32(&seed, dst, strlen(rows[i].text)), ERR_INVALID);
	}
	seed_of(TOTP_SHA512, &seed);
	assert_int_equal(totp_base32(&seed, dst, sizeof(dst)), ERR_OK);
	seed.len = 15;
	assert_int_equal(totp_base32(&seed, dst, sizeof(dst)), ERR_INVALID);
}

#if UNDER_VALGRIND
/* In the child under valgrind: any decision on a candidate's characters is an error there. */
static int constant_time_child(bool leaky)
{
	bool any = true;
	int found = 0;
	SECRET(seed);
	SECRET(code);

	undefined_candidates = true;
	seed_of(TOTP_SHA1, &seed);
	code_at(NOW + 30, &code);
	if (leaky) {
		char copy[2] = { '1', '\0' };

		(void)VALGRIND_MAKE_MEM_UNDEFINED(copy, 1);
		return copy[0] == '1' ? 1 : 0;
	}
	if (try_window(&seed, eight, 2, NOW, &code, &any, &found) != ERR_OK)
		return 2;
	(void)VALGRIND_MAKE_MEM_DEFINED(&any, sizeof(any));
	(void)VALGRIND_MAKE_MEM_DEFINED(&found, sizeof(found));
	return any && found == 1 ? 0 : 3;
}

static int run_under_valgrind(const char *what)
{
	char self[4096] = "";
	int status;
	pid_t pid;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	pid = fork();
	if (pid == 0) {
		(void)execlp("valgrind", "valgrind", "-q", "--log-file=/dev/null",
			     "--error-exitcode=99", self, what, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The candidate is secret; the second run shows that a leak would be seen. */
static void A51_comparison_in_constant_time(void **state)
{
	(void)state;
	assert_int_equal(run_under_valgrind("--constant-time"), 0);
	assert_int_equal(run_under_valgrind("--leaky"), 99);
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc6238_appendix_b),
		cmocka_unit_test(A46_window),
		cmocka_unit_test(malformed_codes),
		cmocka_unit_test(bad_parameters),
		cmocka_unit_test(clock_before_2020),
		cmocka_unit_test(every_digit_counts),
		cmocka_unit_test(the_bounds_of_the_period_are_within),
		cmocka_unit_test(uri_of_anything),
		cmocka_unit_test(names_as_long_as_they_fit),
		cmocka_unit_test(base32_of_zeros_and_of_a_part),
		cmocka_unit_test(uri),
		cmocka_unit_test(base32),
#if UNDER_VALGRIND
		cmocka_unit_test(A51_comparison_in_constant_time),
#endif
	};

	log_set_sink(NULL);
#if UNDER_VALGRIND
	if (argc > 1)
		return constant_time_child(strcmp(argv[1], "--leaky") == 0);
#else
	(void)argc;
	(void)argv;
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
