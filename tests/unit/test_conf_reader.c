/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "conf_text.h"
#include "log.h"

/* What the machine does otherwise than expected. */
static struct {
	bool no_memory;
	size_t most;            /* bytes of one read; 0: all that are asked for */
	size_t interrupted_at, fails_at;        /* reads; 0: never */
	size_t reads;
	int line_size;          /* of inih; 0: its own */
	int result;             /* of inih, where its own is 0 */
	enum { AS_WRITTEN, OTHER_SECTION, OTHER_KEY, VALUE_TWICE, VALUE_LOST } inih;
} machine;

/* Memory has been used before. */
static void *used_malloc(size_t size)
{
	void *p = machine.no_memory ? NULL : malloc(size);

	return p ? memset(p, '\n', size) : NULL;
}

static ssize_t hard_pread(int fd, void *dst, size_t size, off_t at)
{
	assert_true(size > 0);
	assert_int_equal(at + (off_t)size, POLICY_FILE_MAX + 1);
	if (++machine.reads == machine.interrupted_at || machine.reads == machine.fails_at) {
		errno = machine.reads == machine.fails_at ? EIO : EINTR;
		return -1;
	}
	return pread(fd, dst, machine.most && machine.most < size ? machine.most : size, at);
}

struct inih {
	ini_reader reader;
	ini_handler handler;
	void *stream, *user;
};

static char *inih_reads(char *str, int num, void *arg)
{
	const struct inih *i = arg;

	return i->reader(str, machine.line_size ? machine.line_size : num, i->stream);
}

static int inih_hands(void *arg, const char *section, const char *name, const char *value)
{
	const struct inih *i = arg;

	switch (machine.inih) {
	case OTHER_SECTION:
		return i->handler(i->user, "other", name, value);
	case OTHER_KEY:
		return i->handler(i->user, section, "other", value);
	case VALUE_LOST:
		return 1;
	case VALUE_TWICE:
		return i->handler(i->user, section, name, value) && i->handler(i->user, section, name, value);
	default:
		return i->handler(i->user, section, name, value);
	}
}

static int other_inih(ini_reader reader, void *stream, ini_handler handler, void *user)
{
	struct inih i = { reader, handler, stream, user };
	int rc = ini_parse_stream(inih_reads, &i, inih_hands, &i);

	return rc ? rc : machine.result;
}

#define malloc used_malloc
#define pread hard_pread
#define ini_parse_stream other_inih
#include "../../lib/policy/conf_reader.c"
#undef malloc
#undef pread
#undef ini_parse_stream

/* What the handler was given, a line each; and after how many calls it refuses. */
struct seen {
	char text[4096];
	int left;
};

static enum err note(struct seen *s, const char *text)
{
	size_t len = strlen(s->text);

	assert_true(len + strlen(text) < sizeof(s->text));
	strcpy(s->text + len, text);
	return s->left-- ? ERR_OK : ERR_INVALID;
}

static enum err see_section(const char *name, unsigned line, void *arg)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%u[%s]\n", line, name);
	return note(arg, text);
}

static enum err see_setting(const char *key, const char *value, unsigned line, void *arg)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%u %s=<%s>\n", line, key, value);
	return note(arg, text);
}

static enum err read_text(const char *text, size_t len, struct seen *seen, unsigned *lines)
{
	static const struct conf_handler handler = { see_section, see_setting };
	int fd = conf_fd(text, len);
	enum err e = conf_read(fd, "x.conf", &handler, seen, lines);

	assert_int_equal(close(fd), 0);
	return e;
}

static void reads(const char *text, const char *expected, unsigned expected_lines)
{
	struct seen seen = { .left = -1 };
	unsigned lines = 0;

	if (read_text(text, strlen(text), &seen, &lines) != ERR_OK)
		unit_fail("%s", err_detail());
	assert_string_equal(seen.text, expected);
	assert_int_equal(lines, expected_lines);
}

static void refuses_bytes(const char *text, size_t len, const char *message)
{
	struct seen seen = { .left = -1 };
	unsigned lines = 77;

	assert_int_equal(read_text(text, len, &seen, &lines), ERR_CONFIG);
	if (!strstr(err_detail(), message))
		unit_fail("expected '%s', got '%s'", message, err_detail());
	assert_int_equal(lines, 77);
}

static void refuses(const char *text, const char *message)
{
	refuses_bytes(text, strlen(text), message);
}

static void whole_files_are_handed_on(void **state)
{
	(void)state;
	reads("[a]\nk = v\n", "1[a]\n2 k=<v>\n", 2);
	reads("\n \t\n; c\n# c\n  ; c\n\t# c\n[a]\n", "7[a]\n", 7);
	reads("[a]\n[b c]\n[a]", "1[a]\n2[b c]\n3[a]\n", 3);
	reads("[azAZ09]\nazAZ09 = v\n", "1[azAZ09]\n2 azAZ09=<v>\n", 2);
	reads("[a] ; why\n[b]\t\n[c];\n", "1[a]\n2[b]\n3[c]\n", 3);
}

static void values_are_what_inih_takes(void **state)
{
	(void)state;
	reads("[a]\nk=v\nk2 \t= \t v  w \t\nk3=\nk4 = \nk5 = v ;c\nk6 = v;c\nk7 = v#c\nk8 = a=b\nk9 = 2001:db8::/32\nk10 = v ; # c\n",
		"1[a]\n2 k=<v>\n3 k2=<v  w>\n4 k3=<>\n5 k4=<>\n6 k5=<v>\n7 k6=<v;c>\n8 k7=<v#c>\n9 k8=<a=b>\n"
		"10 k9=<2001:db8::/32>\n11 k10=<v>\n",
		11);
	reads("[a]\nk = \xE5\xB1\xB1\xE7\x94\xB0\xE5\xB8\x82",
		"1[a]\n2 k=<\xE5\xB1\xB1\xE7\x94\xB0\xE5\xB8\x82>\n", 2);
}

/* Each of these inih 55 cuts, joins or drops without a word. */
static void what_inih_would_change_is_refused(void **state)
{
	(void)state;
	refuses("[a]\nk = v\n  w\n", "x.conf:3: an indented line");
	refuses("[a]\n\tk = v\n", "x.conf:2: an indented line");
	refuses("[a] k = v\n", "x.conf:1: text after a section header");
	refuses("[a\nk = v\n", "x.conf:1: a section header without ']'");
	refuses("[a ;b]\n", "x.conf:1: '[a ;b]' is no section");
	refuses("[]\n", "x.conf:1: '[]' is no section");
	refuses("[a]\nk: v\n", "x.conf:2: 'k: v' has no '='");
	refuses("[a]\nk: v = w\n", "x.conf:2: 'k: v' is no key");
	refuses("[a]\nk ;c = v\n", "x.conf:2: 'k ;c' is no key");
	refuses("[a]\n= v\n", "x.conf:2: '' is no key");
	refuses("[a]\nfactors\n", "x.conf:2: 'factors' has no '='");
	refuses("[a]\nk = v # c\n", "x.conf:2: '#' after a value starts no comment");
	refuses("[a]\nk = v\t#c\n", "x.conf:2: '#' after a value");
	refuses("[a]\nk =#c\n", "x.conf:2: '#' after a value");
	refuses("[a]\nk =;c\n", "x.conf:2: a value that starts with ';'");
	refuses("k = v\n[a]\n", "x.conf:1: 'k' stands before any section");
	refuses("[a]\nk = v\x0B\n", "x.conf:2: a control character");
	refuses("[a]\nk = \x1B[2J\n", "x.conf:2: a control character");
	refuses("[a]\nk = v\x7F\n", "x.conf:2: a control character");
	refuses("[a]\r\nk = v\r\n", "x.conf:1: a carriage return");
	refuses("[a]\nk = v\rk = w\n", "x.conf:2: a carriage return");
	refuses("\xEF\xBB\xBF[a]\nk = v\n", "x.conf:1: a byte order mark");
	refuses("[a]\n\xEF\xBB\xBFk = v\n", "x.conf:2: a byte order mark");
	refuses("\xEF\xBB\xBF\n[a]\n", "x.conf:1: a byte order mark");
	refuses("[a]\n\x01k = v\n", "x.conf:2: a control character");
	refuses("[a]\nk = v;c # d\n", "x.conf:2: '#' after a value");
	/* neighbours of letters and digits */
	refuses("[a]\nk{ = v\n", "x.conf:2: 'k{' is no key");
	refuses("[a]\nk[ = v\n", "x.conf:2: 'k[' is no key");
	refuses("[a]\nk: = v\n", "x.conf:2: 'k:' is no key");
	refuses("[a{]\n", "x.conf:1: '[a{]' is no section");
	refuses("[a\xC3\xA9]\n", "x.conf:1: '[a\xC3\xA9]' is no section");
	refuses("[a]\nk = \x8E\x52\x93\x63\n", "x.conf:2: bytes that are not UTF-8");
	refuses("; \xC0\xAF\n", "x.conf:1: bytes that are not UTF-8");
	refuses_bytes("[a]\nk = v\0w\n", 12, "x.conf:2: a NUL byte");
	refuses_bytes("; \0\n[a]\n", 8, "x.conf:1: a NUL byte");
	refuses_bytes("[\0a\0]\0\n\0", 8, "x.conf:1: a NUL byte");
	refuses_bytes("[a]\nk = v\0", 10, "x.conf:2: a NUL byte");
}

static void long_lines_and_names_are_refused(void **state)
{
	char text[512], name[64], expected[512];

	(void)state;
	for (int len = CONF_LINE_MAX - 1; len <= CONF_LINE_MAX + 4; len++) {
		(void)snprintf(text, sizeof(text), "[a]\nk=%0*d\nl=1\n", len - 2, 7);
		(void)snprintf(
			expected, sizeof(expected), "1[a]\n2 k=<%0*d>\n3 l=<1>\n", len - 2, 7);
		if (len <= CONF_LINE_MAX)
			reads(text, expected, 3);
		else
			refuses(text, "x.conf:2: a line of more than 197 bytes");
		(void)snprintf(text, sizeof(text), "[a]\n;%0*d\nl=1\n", len - 1, 7);
		if (len <= CONF_LINE_MAX)
			reads(text, "1[a]\n3 l=<1>\n", 3);
		else
			refuses(text, "x.conf:2: a line of more than 197 bytes");
	}
	for (int len = CONF_NAME_MAX - 1; len <= CONF_NAME_MAX + 2; len++) {
		memset(name, 'n', (size_t)len);
		name[len] = '\0';
		(void)snprintf(text, sizeof(text), "[%s]\n%s=1\n", name, name);
		(void)snprintf(expected, sizeof(expected), "1[%s]\n2 %s=<1>\n", name, name);
		if (len <= CONF_NAME_MAX)
			reads(text, expected, 2);
		else
			refuses(text, "x.conf:1: a section name of more than 49 bytes");
		(void)snprintf(text, sizeof(text), "[a]\n%s=1\n", name);
		if (len > CONF_NAME_MAX)
			refuses(text, "x.conf:2: a key of more than 49 bytes");
	}
}

static void what_the_handler_refuses_ends_the_reading(void **state)
{
	static const char text[] = "[a]\nk=1\nl=2\n[b]\nm=3\n";
	unsigned lines;

	(void)state;
	for (int calls = 0; calls < 5; calls++) {
		struct seen seen = { .left = calls };
		int newlines = 0;

		assert_int_equal(read_text(text, strlen(text), &seen, &lines), ERR_INVALID);
		for (const char *p = seen.text; *p; p++)
			newlines += *p == '\n';
		assert_int_equal(newlines, calls + 1);
	}
}

static void messages_are_safe_to_show(void **state)
{
	(void)state;
	refuses("[a]\n\xE2\x80\xAEk\n", "x.conf:2: '\\xE2\\x80\\xAEk' has no '='");
	refuses("[a]\n%n%s%s\n", "x.conf:2: '%n%s%s' has no '='");
}

/* What another inih would make of the file is not what the person wrote, and read, there. */
static void another_reading_is_refused(void **state)
{
	static const char text[] = "[a]\nk = v\n";
	static const char *const seen_before[] = {
		[OTHER_SECTION] = "1[a]\n", [OTHER_KEY] = "1[a]\n", [VALUE_TWICE] = "1[a]\n2 k=<v>\n", [VALUE_LOST] = "1[a]\n",
	};
	unsigned lines;

	(void)state;
	for (int i = OTHER_SECTION; i <= VALUE_LOST; i++) {
		struct seen seen = { .left = -1 };

		machine.inih = i;
		assert_int_equal(read_text(text, strlen(text), &seen, &lines), ERR_CONFIG);
		assert_non_null(strstr(err_detail(), "x.conf:2: inih reads this file otherwise than it is written"));
		assert_string_equal(seen.text, seen_before[i]);
	}
	machine.inih = AS_WRITTEN;
	machine.result = -1;
	refuses(text, "x.conf:2: inih reads this file otherwise than it is written (-1)");
	machine.result = 0;
	machine.line_size = CONF_LINE_MAX + 2;
	refuses(text, "x.conf:1: this inih reads lines of 199 bytes only");
	machine.line_size = CONF_LINE_MAX + 3;
	reads(text, "1[a]\n2 k=<v>\n", 2);
	machine.line_size = 0;
}

static void a_file_comes_in_pieces_or_not_at_all(void **state)
{
	static const char text[] = "[a]\nk = v\nl = w";
	static const char read_as[] = "1[a]\n2 k=<v>\n3 l=<w>\n";
	char *large = calloc(1, POLICY_FILE_MAX + 1);
	struct seen seen = { .left = -1 };
	unsigned lines;

	(void)state;
	reads(text, read_as, 3);
	machine.most = 1;
	reads(text, read_as, 3);
	for (machine.interrupted_at = 1; machine.interrupted_at < 4; machine.interrupted_at++) {
		machine.reads = 0;
		reads(text, read_as, 3);
	}
	machine.reads = 0;
	machine.fails_at = 4;
	refuses(text, "x.conf: can't be read: Input/output error");
	machine.interrupted_at = machine.fails_at = 0;
	/* It grows while it is read: the byte too many comes alone. */
	memset(large, '\n', POLICY_FILE_MAX + 1);
	machine.most = POLICY_FILE_MAX;
	refuses_bytes(large, POLICY_FILE_MAX + 1, "x.conf: has more than 262144 bytes");
	machine.most = 0;
	machine.no_memory = true;
	assert_int_equal(read_text(text, strlen(text), &seen, &lines), ERR_MEMORY);
	machine.no_memory = false;
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_files_are_handed_on),
		cmocka_unit_test(values_are_what_inih_takes),
		cmocka_unit_test(what_inih_would_change_is_refused),
		cmocka_unit_test(long_lines_and_names_are_refused),
		cmocka_unit_test(what_the_handler_refuses_ends_the_reading),
		cmocka_unit_test(messages_are_safe_to_show),
		cmocka_unit_test(another_reading_is_refused),
		cmocka_unit_test(a_file_comes_in_pieces_or_not_at_all),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
