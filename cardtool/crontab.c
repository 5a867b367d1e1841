/* SPDX-License-Identifier: Apache-2.0 */
#include "crontab.h"

#include <ctype.h>
#include <string.h>

#include "text.h"

#define BLANKS " \t"
#define TIME_FIELDS 5

/* NAME=VALUE, with blanks around the sign and quotes around the name. */
static bool is_variable(const char *at)
{
	size_t name;

	at += *at == '"' || *at == '\'';
	name = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	if (name == 0 || isdigit((unsigned char)*at))
		return false;
	at += name;
	at += *at == '"' || *at == '\'';
	return at[strspn(at, BLANKS)] == '=';
}

static const char *next_field(const char *at)
{
	at += strcspn(at, BLANKS "\r\n");
	return at + strspn(at, BLANKS);
}

bool crontab_job(const char *line, char *user, size_t size)
{
	const char *at = line + strspn(line, BLANKS);
	unsigned times = *at == '@' ? 1 : TIME_FIELDS;

	/* RHEL: a minus before the line keeps it out of the log. */
	at += *at == '-';
	if (!*at || strchr("#\r\n", *at) || is_variable(at))
		return false;
	for (unsigned i = 0; i < times; i++)
		at = next_field(at);
	if (!user)
		return *at && !strchr("\r\n", *at);
	return text_copy_n(user, size, at, strcspn(at, BLANKS "\r\n")) && *user && *next_field(at) && !strchr("\r\n", *next_field(at));
}
