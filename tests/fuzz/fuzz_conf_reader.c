/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as lines, before anybody asks what they mean. */
#include "../../lib/policy/conf_reader.h"
#include "fuzz.h"
#include "text.h"

#define TEXT_SIZE (4 * FUZZ_INPUT_MAX)

/* What was read, written anew. */
struct seen {
	unsigned line;
	size_t len, skipped;
	char text[TEXT_SIZE];
};

static void add(struct seen *s, const char *line, unsigned number)
{
	size_t len = strlen(line);

	must(number > s->line);
	s->line = number;
	if (s->len + len + 2 > sizeof(s->text)) {
		s->skipped++;
		return;
	}
	memcpy(s->text + s->len, line, len);
	s->text[s->len + len] = '\n';
	s->len += len + 1;
}

static enum err section(const char *name, unsigned line, void *arg)
{
	char text[CONF_LINE_MAX + 8];

	must(*name && strlen(name) <= CONF_NAME_MAX && !strpbrk(name, "[]=;#\t\r\n"));
	snprintf(text, sizeof(text), "[%s]", name);
	add(arg, text, line);
	return ERR_OK;
}

static enum err setting(const char *key, const char *value, unsigned line, void *arg)
{
	char text[CONF_LINE_MAX + 8];
	size_t len = strlen(value);

	must(*key && strlen(key) <= CONF_NAME_MAX && !strpbrk(key, "[]=;# \t\r\n"));
	must(len == 0 || (!strchr(" \t", value[0]) && !strchr(" \t", value[len - 1])));
	must(*value != ';' && !strstr(value, " ;") && !strpbrk(value, "\r\n"));
	must(text_is_utf8(value, len) && strlen(key) + len + 1 <= CONF_LINE_MAX);
	snprintf(text, sizeof(text), "%s=%s", key, value);
	add(arg, text, line);
	return ERR_OK;
}

static enum err read_into(const void *bytes, size_t len, struct seen *s, unsigned *lines)
{
	static const struct conf_handler handler = { section, setting };
	int fd = memory_file(bytes, len);
	enum err e = conf_read(fd, "FILE", &handler, s, lines);

	close(fd);
	return e;
}

static unsigned count_lines(const struct input *in)
{
	unsigned n = in->len > 0 && in->p[in->len - 1] != '\n';

	for (size_t i = 0; i < in->len; i++)
		n += in->p[i] == '\n';
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen first, second;
	struct input in = fuzz_input(data, size);
	unsigned lines = 0, again = 0;
	enum err e;

	first = (struct seen){ .line = 0 };
	e = read_into(in.p, in.len, &first, &lines);
	must(e == ERR_OK || e == ERR_CONFIG);
	if (e == ERR_CONFIG) {
		must(lines == 0 && strncmp(err_detail(), "FILE:", 5) == 0);
		return 0;
	}
	must(lines == count_lines(&in) && first.line <= lines);
	if (first.skipped || first.len == 0)
		return 0;
	second = (struct seen){ .line = 0 };
	must(read_into(first.text, first.len, &second, &again) == ERR_OK);
	must(second.len == first.len && memcmp(second.text, first.text, first.len) == 0);
	return 0;
}
