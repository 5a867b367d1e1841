/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "log.h"

#define N_(text) text

static const struct {
	enum err code;
	const char *name, *text;
} table[] = {
#define X(name, number, text) { ERR_##name, #name, text },
	ERR_LIST(X)
#undef X
};

static char detail[1024];

const char *err_text(enum err e)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == e)
			return table[i].text;
	return "unknown error";
}

const char *err_name(enum err e)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == e)
			return table[i].name;
	return "UNKNOWN";
}

enum err err_from_number(unsigned number)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((unsigned)table[i].code == number)
			return table[i].code;
	return ERR_PROTOCOL;
}

/* The person was judged: a notice. The machinery failed: an error, damage an alert. */
static int level_of(enum err e)
{
	if (e == ERR_STORE_CORRUPT || e == ERR_STORE_FULL || e == ERR_KEY_FILE)
		return LOG_ALERT;
	if (e >= ERR_UNAVAILABLE && e < ERR_USAGE)
		return LOG_ERR;
	return LOG_NOTICE;
}

enum err fail(enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(detail, sizeof(detail), fmt, ap) < 0)
		detail[0] = '\0';
	va_end(ap);
	log_line(level_of(e), "%s: %s", err_name(e), detail);
	return e;
}

const char *err_detail(void)
{
	return detail;
}
