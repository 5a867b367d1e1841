/* SPDX-License-Identifier: Apache-2.0 */
#include "authorized_keys.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static bool add(char *dst, size_t size, size_t *len, const char *text, size_t n)
{
	if (n >= size - *len)
		return false;
	memcpy(dst + *len, text, n);
	*len += n;
	dst[*len] = '\0';
	return true;
}

static bool expand(const char *pattern, size_t n, const char *login, int64_t uid, const char *home, char *dst, size_t size)
{
	size_t len = 0;
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)uid);
	*dst = '\0';
	if (pattern[0] != '/' && (n < 2 || strncmp(pattern, "%h", 2) != 0) &&
	    !(add(dst, size, &len, home, strlen(home)) && add(dst, size, &len, "/", 1)))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *word = NULL;

		if (pattern[i] == '%' && i + 1 < n)
			word = pattern[i + 1] == 'h' ? home : pattern[i + 1] == 'u' ? login : pattern[i + 1] == 'U' ? number :
			       pattern[i + 1] == '%' ? "%" : NULL;
		if (!(word ? add(dst, size, &len, word, strlen(word)) : add(dst, size, &len, pattern + i, 1)))
			return false;
		i += word != NULL;
	}
	return true;
}

bool authorized_keys_path(const char **patterns, const char *login, int64_t uid, const char *home, char *dst, size_t size)
{
	const char *at = *patterns + strspn(*patterns, " ");
	size_t n = strcspn(at, " ");

	*patterns = at + n;
	return n > 0 && !(n == 4 && strncmp(at, "none", 4) == 0) && expand(at, n, login, uid, home, dst, size);
}

static bool is_type(const char *word, size_t len)
{
	static const char *const begin[] = { "ssh-", "ecdsa-", "sk-" };

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (len > strlen(begin[i]) && strncmp(word, begin[i], strlen(begin[i])) == 0 && !memchr(word, '=', len))
			return true;
	return false;
}

/* Behind options, in whose quotes blanks may stand. */
static const char *behind_options(const char *at)
{
	bool quoted = false;

	for (; *at && (quoted || (*at != ' ' && *at != '\t')); at++) {
		if (*at == '\\' && at[1] == '"')
			at++;
		else if (*at == '"')
			quoted = !quoted;
	}
	return at + strspn(at, " \t");
}

static uint64_t mix(uint64_t h, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 1099511628211u;
	return (h ^ ' ') * 1099511628211u;
}

uint64_t authorized_keys_mark(const char *line)
{
	const char *type = line + strspn(line, " \t"), *key;
	size_t type_len = strcspn(type, " \t\r\n"), len;
	uint64_t h;

	if (*type == '#')
		return 0;
	if (!is_type(type, type_len)) {
		type = behind_options(type);
		type_len = strcspn(type, " \t\r\n");
	}
	key = type + type_len + strspn(type + type_len, " \t");
	len = strcspn(key, " \t\r\n");
	if (!is_type(type, type_len) || len == 0)
		return 0;
	h = mix(mix(14695981039346656037u, type, type_len), key, len);
	return h ? h : 1;
}
