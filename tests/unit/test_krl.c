/* SPDX-License-Identifier: Apache-2.0 */
/* The list as PROTOCOL.krl lays it out, and as OpenSSH's own tool reads it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../cardtool/krl.h"
#include "digest.h"
#include "unit.h"

/* The base point of P-256, and with the other root as y. */
#define G "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKW"
#define POINT G "T+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU="
#define OTHER G "sBy9HAHlgGVxGBS1g/Bh6dQxzKmUzqExNEm/l8hArgo="
#define AT 1795253160
#define HEADER 44
#define KEYGEN "/usr/bin/ssh-keygen"

static char *bytes;
static size_t len;

static struct key_ssh key_of(const char *base64)
{
	static const char type[] = "ecdsa-sha2-nistp256";
	struct key_ssh k;

	assert_int_equal(key_ssh_read(type, sizeof(type) - 1, base64, strlen(base64), &k), ERR_OK);
	return k;
}

static void list_of(size_t n, const char *const *keys)
{
	__attribute__((cleanup(krl_free))) struct krl *k = krl_new();
	FILE *out = open_memstream(&bytes, &len);

	assert_non_null(k);
	assert_non_null(out);
	for (size_t i = 0; i < n; i++) {
		struct key_ssh key = key_of(keys[i]);

		assert_int_equal(krl_add(k, &key), ERR_OK);
	}
	krl_write(k, AT, out);
	assert_int_equal(fclose(out), 0);
}

static int teardown(void **state)
{
	(void)state;
	free(bytes);
	bytes = NULL;
	return 0;
}

static const char header[] = "SSHKRL\n\0" "\0\0\0\1" "\0\0\0\0\x6B\x01\x63\xA8" "\0\0\0\0\x6B\x01\x63\xA8" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\7cardmfa";

static void without_keys_it_is_the_header(void **state)
{
	(void)state;
	list_of(0, NULL);
	assert_int_equal(len, sizeof(header) - 1);
	assert_memory_equal(bytes, header, len);
}

static void fingerprints_stand_in_order(void **state)
{
	static const char *const orders[][2] = { { POINT, OTHER }, { OTHER, POINT } };
	static const char section[] = "\5" "\0\0\0\x48" "\0\0\0\x20";
	char first[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const size_t at = sizeof(header) - 1;

		list_of(2, orders[i]);
		assert_int_equal(len, at + 5 + 2 * 36);
		assert_memory_equal(bytes, header, at);
		assert_memory_equal(bytes + at, section, sizeof(section) - 1);
		assert_memory_equal(bytes + at + 5 + 36, section + 5, 4);
		assert_true(memcmp(bytes + at + 5 + 4, bytes + at + 5 + 40, 32) < 0);
		if (i)
			assert_memory_equal(bytes, first, len);
		memcpy(first, bytes, len);
		if (!i)
			teardown(NULL);
	}
}

static void many_keys_find_room(void **state)
{
	const char *keys[600];

	(void)state;
	for (size_t i = 0; i < 600; i++)
		keys[i] = POINT;
	list_of(600, keys);
	assert_int_equal(len, sizeof(header) - 1 + 5 + 600 * 36);
}

static void write_file(const char *path, const void *what, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(what, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static int keygen_says(const char *dir, const char *base64)
{
	char path[64], line[512], command[256];

	snprintf(path, sizeof(path), "%s/key.pub", dir);
	snprintf(line, sizeof(line), "ecdsa-sha2-nistp256 %s\n", base64);
	write_file(path, line, strlen(line));
	snprintf(command, sizeof(command), KEYGEN " -Q -f %s/krl %s/key.pub >/dev/null", dir, dir);
	return WEXITSTATUS(system(command));
}

static void ssh_keygen_agrees(void **state)
{
	char dir[] = "/tmp/cardmfa-krl-XXXXXX", path[64];
	static const char *const revoked[] = { POINT };

	(void)state;
	if (access(KEYGEN, X_OK) != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/krl", dir);
	for (size_t n = 0; n < 2; n++) {
		list_of(n, revoked);
		write_file(path, bytes, len);
		assert_int_equal(keygen_says(dir, POINT), n);
		assert_int_equal(keygen_says(dir, OTHER), 0);
		teardown(NULL);
	}
	unlink(path);
	snprintf(path, sizeof(path), "%s/key.pub", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(without_keys_it_is_the_header, teardown),
		cmocka_unit_test_teardown(fingerprints_stand_in_order, teardown),
		cmocka_unit_test_teardown(many_keys_find_room, teardown),
		cmocka_unit_test_teardown(ssh_keygen_agrees, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
