/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as sshd names them: byte for byte what ssh-keygen writes of the same key, and certificates of it. */
#include "key_ssh.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "key.h"
#include "log.h"
#include "unit.h"
#include "unit_keys.h"

static char folder[] = "/tmp/key-ssh-XXXXXX";

static enum err read_line(const char *line, struct key_ssh *ret)
{
	const char *blank = strchr(line, ' '), *end;

	assert_non_null(blank);
	end = blank + 1 + strcspn(blank + 1, " \n");
	return key_ssh_read(line, (size_t)(blank - line), blank + 1, (size_t)(end - blank - 1), ret);
}

static struct key_ssh of_key(int i)
{
	struct der spki = spki_of(keys[i]);
	struct key_ssh k;

	assert_int_equal(key_ssh_from_spki(key_algorithms[i], spki.bytes, spki.len, &k), ERR_OK);
	return k;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* The first line that a command prints. */
static void line_of(const char *command, char *dst, size_t size)
{
	FILE *f = popen(command, "r");

	assert_non_null(f);
	assert_non_null(fgets(dst, (int)size, f));
	assert_int_equal(pclose(f), 0);
}

static void put_public(int i)
{
	FILE *f = fopen(path_of("key.pem"), "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_PUBKEY(f, keys[i]), 1);
	fclose(f);
}

static void keys_are_written_as_ssh_keygen_does(void **state)
{
	char command[512], theirs[2048], ours[KEY_SSH_TEXT_SIZE];

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct key_ssh k = of_key(i), again;

		put_public(i);
		snprintf(command, sizeof(command), "ssh-keygen -i -m PKCS8 -f %s", path_of("key.pem"));
		line_of(command, theirs, sizeof(theirs));
		theirs[strcspn(theirs, "\n")] = '\0';
		assert_string_equal(key_ssh_text(&k, ours, sizeof(ours)), theirs);
		assert_int_equal(read_line(theirs, &again), ERR_OK);
		assert_true(key_ssh_same(&k, &again));
		assert_int_equal(again.algorithm, key_algorithms[i]);
	}
}

/* P-256's base point, the key 1. */
static void a_known_key(void **state)
{
	static const char line[] = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH+Lzm5WOkQPJ3A3"
				   "2BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=";
	char text[KEY_SSH_TEXT_SIZE];
	struct key_ssh k;

	(void)state;
	assert_int_equal(read_line(line, &k), ERR_OK);
	assert_int_equal(k.algorithm, KEY_P256);
	assert_string_equal(key_ssh_text(&k, text, sizeof(text)), line);
}

static void sign_certificate(int i, const char *options)
{
	char command[1024], text[KEY_SSH_TEXT_SIZE];
	struct key_ssh k = of_key(i);
	FILE *f = fopen(path_of("user.pub"), "w");

	assert_non_null(f);
	fprintf(f, "%s taro\n", key_ssh_text(&k, text, sizeof(text)));
	fclose(f);
	snprintf(command, sizeof(command), "ssh-keygen -q -s %s/ca -I 'id of taro' -z 77 %s %s/user.pub", folder, options, folder);
	assert_int_equal(system(command), 0);
}

static void the_key_within_a_certificate_counts(void **state)
{
	char command[512], line[8192];

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct key_ssh k = of_key(i), other = of_key((i + 1) % 5), certified;

		sign_certificate(i, i % 2 ? "-n taro,hanako -V +1d -O no-pty -O force-command=/bin/true" : "");
		snprintf(command, sizeof(command), "cat %s", path_of("user-cert.pub"));
		line_of(command, line, sizeof(line));
		assert_non_null(strstr(line, "-cert-v01@openssh.com "));
		assert_int_equal(read_line(line, &certified), ERR_OK);
		assert_true(key_ssh_same(&k, &certified));
		assert_false(key_ssh_same(&other, &certified));
	}
}

static void other_kinds_are_told_apart_from_damage(void **state)
{
	static const struct {
		const char *line;
		enum err e;
	} rows[] = {
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea", ERR_NOT_FOUND },
		{ "sk-ecdsa-sha2-nistp256@openssh.com AAAA", ERR_NOT_FOUND },
		{ "ecdsa-sha2-nistp521 AAAA", ERR_NOT_FOUND },
		{ "-cert-v01@openssh.com AAAA", ERR_NOT_FOUND },
		/* Older and later forms of certificates are none that is read here. */
		{ "ssh-rsa-cert-v00@openssh.com AAAA", ERR_NOT_FOUND },
		{ "ecdsa-sha2-nistp256-cert-v02@openssh.com AAAA", ERR_NOT_FOUND },
		{ " AAAA", ERR_NOT_FOUND },
		{ "ssh-rsa ", ERR_INVALID },
		{ "ssh-rsa AAA", ERR_INVALID },
		{ "ssh-rsa ====", ERR_INVALID },
		{ "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea", ERR_INVALID },
		/* RSA of 1024 bits */
		{ "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ==", ERR_INVALID },
	};
	struct key_ssh k;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(read_line(rows[i].line, &k), rows[i].e);
}

/* Nothing of a key or certificate can be missing, be added or stand for another. */
static void damaged_keys_are_refused_or_others(void **state)
{
	char command[512], line[8192], changed[8200];

	(void)state;
	for (int certificate = 0; certificate < 2; certificate++) {
		struct key_ssh k = of_key(3), got;
		size_t begin, len;

		if (certificate) {
			sign_certificate(3, "");
			snprintf(command, sizeof(command), "cut -d' ' -f1,2 %s", path_of("user-cert.pub"));
			line_of(command, line, sizeof(line));
		} else {
			key_ssh_text(&k, line, sizeof(line));
		}
		line[strcspn(line, "\n")] = '\0';
		begin = strcspn(line, " ") + 1;
		len = strlen(line);
		assert_int_equal(read_line(line, &got), ERR_OK);
		/* Whole groups of four, so that the length is what is wrong. */
		for (size_t n = begin; n < len; n += 4) {
			memcpy(changed, line, n);
			changed[n] = '\0';
			assert_int_equal(read_line(changed, &got), ERR_INVALID);
		}
		snprintf(changed, sizeof(changed), "%sAAAA", line);
		assert_int_equal(read_line(changed, &got), ERR_INVALID);
		/* Changes of a letter: another key, or none; in the lengths never the same one. */
		for (size_t n = begin; n < begin + 150 && !certificate && line[n] != '='; n++) {
			memcpy(changed, line, len + 1);
			changed[n] = line[n] == 'A' ? 'B' : 'A';
			assert_true(read_line(changed, &got) != ERR_OK || !key_ssh_same(&k, &got));
		}
	}
}

/* -- blobs made by hand -- */

struct blob {
	size_t len;
	unsigned char bytes[16384];
};

static void add_raw(struct blob *b, const void *p, size_t len)
{
	memcpy(b->bytes + b->len, p, len);
	b->len += len;
}

static void add_string(struct blob *b, const void *p, size_t len)
{
	const unsigned char n[] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8), (unsigned char)len };

	add_raw(b, n, sizeof(n));
	add_raw(b, p, len);
}

static enum err read_blob(const char *type, const struct blob *b, struct key_ssh *ret)
{
	static char text[4 * sizeof(b->bytes)];
	int n = EVP_EncodeBlock((unsigned char *)text, b->bytes, (int)b->len);

	return key_ssh_read(type, strlen(type), text, (size_t)n, ret);
}

static struct blob begun(const char *type)
{
	struct blob b = { .len = 0 };

	add_string(&b, type, strlen(type));
	return b;
}

static struct blob rsa_blob(size_t e_len, unsigned char first, size_t n_len)
{
	struct blob b = begun("ssh-rsa");
	unsigned char e[1024] = { 1, 0, 1 }, n[1024];

	memset(n, 0xC5, sizeof(n));
	n[0] = first;
	add_string(&b, e, e_len);
	add_string(&b, n, n_len);
	return b;
}

static struct blob ec_blob(const char *curve, size_t point)
{
	struct blob b = begun("ecdsa-sha2-nistp256");
	unsigned char q[200] = { 4 };

	add_string(&b, curve, strlen(curve));
	add_string(&b, q, point);
	return b;
}

static void fields_of_other_sizes_are_malformed(void **state)
{
	static const struct {
		size_t e_len;
		unsigned char first;
		size_t n_len;
		enum err e;
	} rsa[] = {
		{ 3, 0, 257, ERR_OK }, { 3, 0, 385, ERR_OK }, { 3, 0, 513, ERR_OK }, { 5, 0, 513, ERR_OK },
		{ 6, 0, 513, ERR_INVALID }, { 600, 0, 257, ERR_INVALID }, { 3, 1, 257, ERR_INVALID }, { 3, 0x80, 256, ERR_INVALID },
		{ 3, 0, 256, ERR_INVALID }, { 3, 0, 258, ERR_INVALID }, { 3, 0, 0, ERR_INVALID }, { 3, 0, 66, ERR_INVALID }, { 3, 0, 98, ERR_INVALID },
	};
	static const struct {
		const char *curve;
		size_t point;
		enum err e;
	} ec[] = {
		{ "nistp256", 65, ERR_OK }, { "nistp256", 64, ERR_INVALID }, { "nistp256", 97, ERR_INVALID }, { "nistp256", 33, ERR_INVALID },
		{ "nistp384", 65, ERR_INVALID }, { "nistp25", 65, ERR_INVALID }, { "nistp2566", 65, ERR_INVALID }, { "", 65, ERR_INVALID },
	};
	struct key_ssh k;

	(void)state;
	for (size_t i = 0; i < sizeof(rsa) / sizeof(rsa[0]); i++) {
		struct blob b = rsa_blob(rsa[i].e_len, rsa[i].first, rsa[i].n_len);

		assert_int_equal(read_blob("ssh-rsa", &b, &k), rsa[i].e);
	}
	for (size_t i = 0; i < sizeof(ec) / sizeof(ec[0]); i++) {
		struct blob b = ec_blob(ec[i].curve, ec[i].point);

		assert_int_equal(read_blob("ecdsa-sha2-nistp256", &b, &k), ec[i].e);
	}
}

static void what_stands_behind_a_key_is_malformed(void **state)
{
	struct blob plain = ec_blob("nistp256", 65), large = begun("ecdsa-sha2-nistp256");
	unsigned char rest[9000] = { 0 };
	struct key_ssh k;

	(void)state;
	add_raw(&plain, rest, 1);
	assert_int_equal(read_blob("ecdsa-sha2-nistp256", &plain, &k), ERR_INVALID);
	add_raw(&large, rest, KEY_SSH_BLOB_MAX - large.len + 1);
	assert_int_equal(read_blob("ecdsa-sha2-nistp256", &large, &k), ERR_INVALID);
}

/* A certificate of any length up to the limit; nothing behind its signature. */
static void certificates_have_an_end(void **state)
{
	static const unsigned char zeros[9000];
	const char *type = "ecdsa-sha2-nistp256-cert-v01@openssh.com";

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct blob b = begun(type), key = ec_blob("nistp256", 65);
		const size_t head = 4 + strlen("ecdsa-sha2-nistp256");
		struct key_ssh k;

		add_string(&b, "nonce", 5);
		add_raw(&b, key.bytes + head, key.len - head);
		/* serial, type, key id, principals, times, options, extensions, reserved, authority: all empty */
		add_raw(&b, zeros, 8 + 4 + 4 + 4 + 8 + 8 + 4 + 4 + 4 + 4);
		/* The signature fills it up to the limit, or beyond. */
		add_string(&b, zeros, i < 2 ? 64 : KEY_SSH_BLOB_MAX - b.len - 4 + (i == 3));
		if (i == 1)
			add_raw(&b, zeros, 1);
		assert_int_equal(read_blob(type, &b, &k), i % 2 ? ERR_INVALID : ERR_OK);
	}
}

static void lengths_beyond_the_end_are_malformed(void **state)
{
	static const unsigned char lengths[][4] = { { 0x80, 0, 0, 8 }, { 1, 0, 0, 8 }, { 0, 1, 0, 8 }, { 0, 0, 1, 8 }, { 0xFF, 0xFF, 0xFF, 0xFF } };
	const char *type = "ecdsa-sha2-nistp256";

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct blob b = ec_blob("nistp256", 65);
		struct key_ssh k;

		memcpy(b.bytes + 4 + strlen(type), lengths[i], 4);
		assert_int_equal(read_blob(type, &b, &k), ERR_INVALID);
	}
}

static void base64_is_padded_to_whole_groups(void **state)
{
	static const char *const bad[] = { "AAAA====", "AAAAA===", "AAAAA", "AAAAAA=", "=", "==", "A===", "" };
	static const char *const behind[] = { "", "A", "AA", "AAA", "=", "==", "===", "====", "A===", "AA==", "AAA=" };
	char line[KEY_SSH_TEXT_SIZE];
	struct key_ssh k;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(key_ssh_read("ssh-rsa", 7, bad[i], strlen(bad[i]), &k), ERR_INVALID);
	/* Whole groups of RSA-2048, and something behind them. */
	k = of_key(0);
	assert_int_equal(strlen(key_ssh_text(&k, line, sizeof(line))), 8 + 372);
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		snprintf(line + 8 + 372, sizeof(line) - 8 - 372, "%s", behind[i]);
		assert_int_equal(read_line(line, &k), behind[i][0] ? ERR_INVALID : ERR_OK);
	}
}

static void keys_are_the_same_in_all_or_not(void **state)
{
	struct key_ssh a = of_key(3), b = a;

	(void)state;
	assert_true(key_ssh_same(&a, &b));
	b.algorithm = KEY_P384;
	assert_false(key_ssh_same(&a, &b));
	b = a;
	b.len++;
	assert_false(key_ssh_same(&a, &b));
	b = a;
	b.fields[b.len - 1] ^= 1;
	assert_false(key_ssh_same(&a, &b));
}

static void pins_that_are_not_of_their_algorithm_are_refused(void **state)
{
	struct key_ssh k;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct der spki = spki_of(keys[i]);

		for (int j = 0; j < 5; j++)
			assert_int_equal(key_ssh_from_spki(key_algorithms[j], spki.bytes, spki.len, &k), i == j ? ERR_OK : ERR_INVALID);
		for (size_t n = 0; n < spki.len; n++)
			assert_int_equal(key_ssh_from_spki(key_algorithms[i], spki.bytes, n, &k), ERR_INVALID);
	}
	assert_int_equal(key_ssh_from_spki((enum key_algorithm)0, "", 0, &k), ERR_INVALID);
	struct der good = spki_of(keys[3]);

	assert_int_equal(key_ssh_from_spki((enum key_algorithm)9, good.bytes, good.len, &k), ERR_INVALID);
	/* Unused bits in the string of bits; a point that is not uncompressed. */
	good.bytes[good.len - 66] = 1;
	assert_int_equal(key_ssh_from_spki(KEY_P256, good.bytes, good.len, &k), ERR_INVALID);
	good.bytes[good.len - 66] = 0;
	good.bytes[good.len - 65] = 2;
	assert_int_equal(key_ssh_from_spki(KEY_P256, good.bytes, good.len, &k), ERR_INVALID);
	/* No count of unused bits. */
	good.bytes[good.len - 65] = 4;
	memmove(good.bytes + good.len - 66, good.bytes + good.len - 65, 65);
	good.len--;
	good.bytes[1]--;
	good.bytes[good.len - 66]--;
	assert_int_equal(key_ssh_from_spki(KEY_P256, good.bytes, good.len, &k), ERR_INVALID);
	/* A third number behind those of RSA, in every length that holds it. */
	good = spki_of(keys[0]);
	memcpy(good.bytes + good.len, "\x02\x01\x01", 3);
	good.len += 3;
	good.bytes[3] += 3;
	good.bytes[22] += 3;
	good.bytes[27] += 3;
	assert_int_equal(key_ssh_from_spki(KEY_RSA2048, good.bytes, good.len, &k), ERR_INVALID);
}

/* No card is enrolled with such a key, whatever its row says: its line would be longer than any other, or not be read again. */
static void rsa_numbers_have_the_size_of_enrolled_ones(void **state)
{
	static const struct {
		int n_bits, e_bits;
		enum err e;
	} rows[] = {
		{ 4096, 17, ERR_OK }, { 4096, 31, ERR_OK }, { 4096, 32, ERR_OK }, { 4096, 33, ERR_INVALID }, { 4096, 40, ERR_INVALID },
		{ 4095, 17, ERR_INVALID }, { 4089, 17, ERR_INVALID }, { 4088, 17, ERR_INVALID }, { 4097, 17, ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		BIGNUM *n = BN_new(), *e = BN_new();
		char text[KEY_SSH_TEXT_SIZE];
		struct key_ssh k, again;
		struct der spki;

		/* The least of that size. */
		assert_int_equal(BN_set_bit(n, 0) && BN_set_bit(n, rows[i].n_bits - 1), 1);
		assert_int_equal(BN_rand(e, rows[i].e_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
		spki = rsa_spki(n, e);
		assert_int_equal(key_ssh_from_spki(KEY_RSA4096, spki.bytes, spki.len, &k), rows[i].e);
		if (rows[i].e == ERR_OK) {
			assert_int_equal(read_line(key_ssh_text(&k, text, sizeof(text)), &again), ERR_OK);
			assert_true(key_ssh_same(&k, &again));
		}
		BN_free(n);
		BN_free(e);
	}
}

static int begin(void **state)
{
	char command[256];

	if (keys_begin(state) || !mkdtemp(folder))
		return 1;
	snprintf(command, sizeof(command), "ssh-keygen -q -t ed25519 -N '' -f %s/ca", folder);
	return system(command) != 0;
}

static int end(void **state)
{
	static const char *const names[] = { "ca", "ca.pub", "key.pem", "user.pub", "user-cert.pub" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path_of(names[i]));
	return keys_end(state) | rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_written_as_ssh_keygen_does),
		cmocka_unit_test(a_known_key),
		cmocka_unit_test(the_key_within_a_certificate_counts),
		cmocka_unit_test(other_kinds_are_told_apart_from_damage),
		cmocka_unit_test(damaged_keys_are_refused_or_others),
		cmocka_unit_test(fields_of_other_sizes_are_malformed),
		cmocka_unit_test(what_stands_behind_a_key_is_malformed),
		cmocka_unit_test(certificates_have_an_end),
		cmocka_unit_test(lengths_beyond_the_end_are_malformed),
		cmocka_unit_test(base64_is_padded_to_whole_groups),
		cmocka_unit_test(keys_are_the_same_in_all_or_not),
		cmocka_unit_test(pins_that_are_not_of_their_algorithm_are_refused),
		cmocka_unit_test(rsa_numbers_have_the_size_of_enrolled_ones),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
