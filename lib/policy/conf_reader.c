/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ini.h>

#include "l10n.h"
#include "policy.h"
#include "text.h"

#define BLANKS " \t"

struct conf_reader {
	const char *path;
	const struct conf_handler *handler;
	void *arg;
	char *data;
	size_t len, at;
	unsigned line;
	unsigned settings, handled;     /* lines that are settings; those inih gave back */
	char section[CONF_NAME_MAX + 1], key[CONF_NAME_MAX + 1];
	enum err err;
};

enum err conf_fault(const char *path, unsigned line, const char *fmt, ...)
{
	char text[1024], safe[1024], number[16] = "";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line)
		(void)snprintf(number, sizeof(number), ":%u", line);
	return fail(ERR_CONFIG, "%s%s: %s", path, number, text_escape(safe, sizeof(safe), text));
}

static bool has_bom(const char *s, size_t len)
{
	return len >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0;
}

static bool has_nul(const char *s, size_t len)
{
	return memchr(s, '\0', len) != NULL;
}

static bool has_cr(const char *s, size_t len)
{
	return memchr(s, '\r', len) != NULL;
}

static bool has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7F)
			return true;
	return false;
}

static bool is_not_utf8(const char *s, size_t len)
{
	return !text_is_utf8(s, len);
}

static bool is_long(const char *s, size_t len)
{
	(void)s;
	return len > CONF_LINE_MAX;
}

/* inih takes such a line for one more value of the key above it. */
static bool is_indented(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(BLANKS, s[i]))
		i++;
	return i && i < len && s[i] != ';' && s[i] != '#';
}

/* In this order: those after has_nul see no NUL. */
static const struct line_fault {
	bool (*found)(const char *s, size_t len);
	const char *text;
} line_faults[] = {
	{ has_bom,      N_("a byte order mark: save the file as UTF-8 without it") },
	{ has_nul,      N_("a NUL byte: save the file as plain UTF-8 text") },
	{ has_cr,       N_("a carriage return: save it with Unix line ends (sed -i 's/\\r$//')") },
	{ is_long,      N_("a line of more than 197 bytes (comments too): write shorter lines") },
	{ has_control,  N_("a control character: write plain text") },
	{ is_not_utf8,  N_("bytes that are not UTF-8: save the file as UTF-8") },
	{ is_indented,  N_("an indented line: write each 'key = value' at the start of its own line") },
};

static bool is_name(const char *s, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++) {
		bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');

		if (!letter && !(s[i] >= '0' && s[i] <= '9') && !strchr(more, s[i]))
			return false;
	}
	return len > 0;
}

static enum err take_section(struct conf_reader *r, const char *s)
{
	const char *end = strchr(s, ']');
	size_t len;

	if (!end)
		return conf_fault(
			r->path, r->line, _("a section header without ']': write it as in [default]"));
	len = (size_t)(end - s) - 1;
	end += 1 + strspn(end + 1, BLANKS);
	if (*end && *end != ';')
		return conf_fault(r->path, r->line,
			_("text after a section header: write '%s' on a line of its own"), end);
	if (!is_name(s + 1, len, " _-"))
		return conf_fault(r->path, r->line,
			_("'%s' is no section: write [settings], [machine], [class NAME] or [default]"), s);
	if (!text_copy_n(r->section, sizeof(r->section), s + 1, len))
		return conf_fault(r->path, r->line,
			_("a section name of more than %d bytes: write a shorter one"), CONF_NAME_MAX);
	return r->handler->section(r->section, r->line, r->arg);
}

/* inih ends a value at ';' after a blank, but keeps '#' and what follows in it. */
static enum err check_value(const struct conf_reader *r, const char *value)
{
	bool blank = true;

	if (*value == ';')
		return conf_fault(
			r->path, r->line, _("a value that starts with ';': write 'key = value'"));
	for (const char *p = value; *p && !(blank && *p == ';'); p++) {
		if (blank && *p == '#')
			return conf_fault(r->path, r->line,
				_("'#' after a value starts no comment: "
				"write the comment on a line of its own"));
		blank = strchr(BLANKS, *p) != NULL;
	}
	return ERR_OK;
}

static enum err take_setting(struct conf_reader *r, const char *s)
{
	const char *equals = strchr(s, '=');
	size_t len;

	if (!equals)
		return conf_fault(r->path, r->line, _("'%s' has no '=': write 'key = value'"), s);
	for (len = (size_t)(equals - s); len && strchr(BLANKS, s[len - 1]); len--)
		;
	/* Login names too, in [machine]. */
	if (!is_name(s, len, "_-.$"))
		return conf_fault(
			r->path, r->line, _("'%.*s' is no key: write 'key = value'"), (int)len, s);
	if (!text_copy_n(r->key, sizeof(r->key), s, len))
		return conf_fault(r->path, r->line,
			_("a key of more than %d bytes: no setting has such a name"), CONF_NAME_MAX);
	if (!*r->section)
		return conf_fault(r->path, r->line,
			_("'%s' stands before any section: "
			"write [settings], [machine], [class NAME] or [default] above it"),
			r->key);
	r->settings++;
	return check_value(r, equals + 1);
}

/* s has len bytes and then its NUL; len may be anything, so may the bytes. */
static enum err take_line(struct conf_reader *r, const char *s, size_t len)
{
	size_t blanks;

	for (size_t i = 0; i < sizeof(line_faults) / sizeof(*line_faults); i++)
		if (line_faults[i].found(s, len))
			return conf_fault(r->path, r->line, "%s", gettext(line_faults[i].text));
	blanks = strspn(s, BLANKS);
	if (!s[blanks] || s[blanks] == ';' || s[blanks] == '#')
		return ERR_OK;
	return *s == '[' ? take_section(r, s) : take_setting(r, s);
}

static char *next_line(char *str, int num, void *stream)
{
	struct conf_reader *r = stream;
	char *start, *newline;
	size_t len;

	if (r->err || r->at == r->len)
		return NULL;
	start = r->data + r->at;
	newline = memchr(start, '\n', r->len - r->at);
	len = newline ? (size_t)(newline - start) : r->len - r->at;
	r->at += len + (newline != NULL);
	r->line++;
	start[len] = '\0';
	r->err = take_line(r, start, len);
	if (!r->err && num < CONF_LINE_MAX + 3)
		r->err = conf_fault(r->path, r->line,
			_("this inih reads lines of %d bytes only: install one that reads 200"), num);
	if (r->err)
		return NULL;
	memcpy(str, start, len);
	memcpy(str + len, "\n", 2);
	return str;
}

/* 0: inih saw another line than take_setting() did, or the handler refused. */
static int take_value(void *user, const char *section, const char *name, const char *value)
{
	struct conf_reader *r = user;

	r->handled++;
	if (r->err || r->handled != r->settings || strcmp(section, r->section) != 0 ||
	    strcmp(name, r->key) != 0)
		return 0;
	r->err = r->handler->setting(name, value, r->line, r->arg);
	return r->err == ERR_OK;
}

static void free_data(struct conf_reader *r)
{
	free(r->data);
}

/*
 * One byte more than is read at most: a file that grows is seen, and the last line has room for
 * its NUL.
 */
static enum err load(struct conf_reader *r, int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return conf_fault(r->path, 0, _("can't be read: %s"), strerror(errno));
	if (!S_ISREG(st.st_mode))
		return conf_fault(
			r->path, 0, _("is not a regular file: put the configuration there as one"));
	r->data = malloc(POLICY_FILE_MAX + 2);
	if (!r->data)
		return fail(ERR_MEMORY, "%s: out of memory", r->path);
	do {
		n = pread(fd, r->data + r->len, POLICY_FILE_MAX + 1 - r->len, (off_t)r->len);
		if (n < 0 && errno != EINTR)
			return conf_fault(r->path, 0, _("can't be read: %s"), strerror(errno));
		r->len += n > 0 ? (size_t)n : 0;
	} while (n != 0 && r->len <= POLICY_FILE_MAX);
	if (r->len > POLICY_FILE_MAX)
		return conf_fault(r->path, 0, _("has more than %d bytes: write a shorter file"),
			POLICY_FILE_MAX);
	if (r->len == 0)
		return conf_fault(
			r->path, 1, _("the file is empty: write at least [default] with its factors"));
	return ERR_OK;
}

enum err conf_read(int fd, const char *path, const struct conf_handler *handler, void *arg,
	unsigned *ret_lines)
{
	__attribute__((cleanup(free_data))) struct conf_reader r = {
		.path = path, .handler = handler, .arg = arg
	};
	enum err e = load(&r, fd);
	int rc;

	if (e)
		return e;
	rc = ini_parse_stream(next_line, &r, take_value, &r);
	if (r.err)
		return r.err;
	if (rc != 0 || r.handled != r.settings)
		return conf_fault(
			path, r.line, _("inih reads this file otherwise than it is written (%d)"), rc);
	*ret_lines = r.line;
	return ERR_OK;
}
