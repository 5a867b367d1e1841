/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "text.h"

#define LINE_MAX_BYTES 1000

static void to_stderr(int level, const char *line);

static log_sink sink = to_stderr;
static int max_level = LOG_INFO;
static const char *program = "cardmfa";

void log_set_sink(log_sink s)
{
	sink = s;
}

void log_set_level(int level)
{
	max_level = level;
}

void log_set_program(const char *name)
{
	program = name;
}

/* One write(2), so that lines of several processes do not mix. */
static void to_stderr(int level, const char *line)
{
	char out[LINE_MAX_BYTES + 64];
	int n;

	if (getenv("JOURNAL_STREAM"))
		n = snprintf(out, sizeof(out), "<%d>%s\n", level, line);
	else
		n = snprintf(out, sizeof(out), "%s[%d]: %s\n", program, (int)getpid(), line);
	if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
		return;
}

void log_line(int level, const char *fmt, ...)
{
	char raw[2 * LINE_MAX_BYTES], line[LINE_MAX_BYTES];
	va_list ap;

	if (!sink || level > max_level)
		return;
	va_start(ap, fmt);
	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		raw[0] = '\0';
	va_end(ap);
	sink(level, text_escape(line, sizeof(line), raw));
}
