/* SPDX-License-Identifier: Apache-2.0 */
/* What a class says to sshd of a key: its two settings, and the options of a line of authorized_keys (sshd(8)). */
#include "setting_value.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cidr.h"
#include "l10n.h"
#include "text.h"

/* As sshd writes them, in the order in which they are written. */
static const struct {
	enum policy_ssh_allow bit;
	const char *word;
} allowed[] = {
	{ SSH_ALLOW_PTY, "pty" },
	{ SSH_ALLOW_PORT_FORWARDING, "port-forwarding" },
	{ SSH_ALLOW_AGENT_FORWARDING, "agent-forwarding" },
	{ SSH_ALLOW_X11_FORWARDING, "X11-forwarding" },
	{ SSH_ALLOW_USER_RC, "user-rc" },
};
#define N_ALLOWED (sizeof(allowed) / sizeof(*allowed))

static uint32_t bit_of(const char *word, size_t len)
{
	for (size_t i = 0; i < N_ALLOWED; i++)
		if (strlen(allowed[i].word) == len && memcmp(allowed[i].word, word, len) == 0)
			return allowed[i].bit;
	return 0;
}

enum err value_ssh_allow(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	struct policy_class *c = object;
	const char *at = value, *word;
	uint32_t bits = 0, bit;
	size_t len;

	(void)rule;
	if (strcmp(value, "all") == 0)
		bits = SSH_ALLOW_ALL;
	else if (strcmp(value, "none") != 0)
		while (value_next_word(&at, &word, &len)) {
			bit = bit_of(word, len);
			if (!bit || (bits & bit)) {
				(void)snprintf(why, size, _("write all, none, or each once of pty port-forwarding "
					"agent-forwarding X11-forwarding user-rc"));
				return ERR_CONFIG;
			}
			bits |= bit;
		}
	c->ssh_allow = bits;
	return ERR_OK;
}

/* With `separator` before what is not the first. */
static void append(char *dst, size_t size, const char *separator, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void append(char *dst, size_t size, const char *separator, const char *fmt, ...)
{
	size_t len = strlen(dst);
	va_list ap;

	(void)snprintf(dst + len, size - len, "%s", len ? separator : "");
	len = strlen(dst);
	va_start(ap, fmt);
	(void)vsnprintf(dst + len, size - len, fmt, ap);
	va_end(ap);
}

static void append_words(uint32_t bits, const char *separator, char *dst, size_t size)
{
	for (size_t i = 0; i < N_ALLOWED; i++)
		if (bits & allowed[i].bit)
			append(dst, size, separator, "%s", allowed[i].word);
}

void value_write_ssh_allow(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	const struct policy_class *c = object;

	(void)rule;
	if (c->ssh_allow == SSH_ALLOW_ALL || c->ssh_allow == 0)
		(void)snprintf(dst, size, "%s", c->ssh_allow ? "all" : "none");
	append_words(c->ssh_allow, " ", dst, size);
}

enum err value_ssh_from(
	const struct value_rule *rule, const char *value, void *object, char *why, size_t size)
{
	struct policy_networks list = { .n = 0 };
	struct policy_class *c = object;
	const char *at = value, *word;
	size_t len;

	(void)rule;
	while (strcmp(value, "any") != 0 && value_next_word(&at, &word, &len)) {
		if (list.n == POLICY_SSH_FROM_MAX) {
			(void)snprintf(why, size, _("write at most %d networks"), POLICY_SSH_FROM_MAX);
			return ERR_CONFIG;
		}
		if (!value_network(word, len, &list.at[list.n++], why, size))
			return ERR_CONFIG;
	}
	c->ssh_from = list;
	return ERR_OK;
}

static void append_networks(const struct policy_networks *list, const char *separator, char *dst, size_t size)
{
	char address[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < list->n; i++)
		append(dst, size, i ? separator : "", "%s/%u", cidr_address_text(&list->at[i], address, sizeof(address)),
			(unsigned)list->at[i].prefix);
}

void value_write_ssh_from(const struct value_rule *rule, const void *object, char *dst, size_t size)
{
	const struct policy_class *c = object;

	(void)rule;
	if (c->ssh_from.n == 0)
		(void)snprintf(dst, size, "any");
	append_networks(&c->ssh_from, " ", dst, size);
}

/* "2026-11-20T08:31:07Z" without what is between the digits. */
static void append_expiry(int64_t not_after, char *dst, size_t size)
{
	char utc[24], digits[24] = "";
	size_t n = 0;

	text_utc_time(utc, sizeof(utc), not_after);
	for (const char *at = utc; *at; at++)
		if (*at >= '0' && *at <= '9')
			digits[n++] = *at;
	append(dst, size, ",", "expiry-time=\"%sZ\"", digits);
}

const char *policy_ssh_options(const struct policy_class *c, int64_t not_after, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s", c->ssh_allow == SSH_ALLOW_ALL ? "" : "restrict");
	append_words(c->ssh_allow, ",", dst, size);
	if (c->ssh_from.n) {
		append(dst, size, ",", "from=\"");
		append_networks(&c->ssh_from, ",", dst, size);
		append(dst, size, "", "\"");
	}
	if (not_after >= 0)
		append_expiry(not_after, dst, size);
	return dst;
}
