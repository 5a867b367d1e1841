/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "l10n.h"
#include "setting_value.h"
#include "text.h"

/* A choice is stored as its place in the shape. */
_Static_assert(LANGUAGE_AUTO == 0 && LANGUAGE_JA == 1 && LANGUAGE_EN == 2, "auto|ja|en");
_Static_assert(SSH_CARD_PIN == 0 && SSH_CARD_POSSESSION == 1, "pin|possession");
_Static_assert(SU_TARGET == 0 && SU_CALLER == 1, "target|caller");
_Static_assert(WHERE_ANY == 0 && WHERE_LOCAL == 1 && WHERE_REMOTE == 2, "any|local|remote");

#define STRUCT_settings struct settings
#define STRUCT_class struct policy_class

#define CONDITION 1             /* says to whom or where a class applies */
#define INHERITED 2             /* a class without it has that of [default] */

#define LOCAL_SERVICES \
	"login gdm-password gdm-smartcard lightdm sddm xdm kde sudo sudo-i su su-l polkit-1" \
	" vlock swaylock i3lock xscreensaver gnome-screensaver screen"

/*
 * X(section, key, field, reader, flags, shape, preset, text). The bounds and choices are those of
 * the shape.
 */
#define SETTINGS(X) \
	X(settings, "language", language, CHOICE, 0, "auto|ja|en", "auto", \
	  "language of what people see; auto: the system's") \
	X(settings, "local-services", local_services, SERVICES, 0, "SERVICE ...", LOCAL_SERVICES, \
	  "PAM services at which a person can be in front of this machine; all others are remote") \
	X(settings, "address-attempts", address_attempts, NUMBER, 0, "5..1000", "30", \
	  "failures from one remote address, whatever the names, before it is refused") \
	X(settings, "address-lock", address_lock_s, SECONDS, 0, "1min..1d", "15min", \
	  "how long such an address is refused after its last failure") \
	X(settings, "argon2-memory", argon2_memory_kib, MEMORY, 0, "19MiB..256MiB", "64MiB", \
	  "memory of one password hash") \
	X(settings, "argon2-time", argon2_time, NUMBER, 0, "1..32", "3", \
	  "passes of one password hash") \
	X(settings, "issuer", issuer, ISSUER, 0, "TEXT", "", \
	  "name that the TOTP app shows; without it the host's name") \
	X(settings, "keys-user", keys_user, LOGIN, 0, "LOGIN", "cardmfa-keys", \
	  "account that sshd runs cardtool ssh-keys as; it alone may ask for others' keys") \
	X(class, "person", person, PERSONS, CONDITION, "LOGIN ...", "", \
	  "login names, and @assigned for those whom cardtool put into this class") \
	X(class, "group", group, GROUPS, CONDITION, "GROUP ...", "", \
	  "members of one of these groups") \
	X(class, "service", service, SERVICES, CONDITION, "SERVICE ...", "", \
	  "PAM services, each exactly as its file in /etc/pam.d is named") \
	X(class, "where", where, CHOICE, CONDITION, "any|local|remote", "any", \
	  "local: in front of this machine; remote: everything else") \
	X(class, "from", from, NETWORKS, CONDITION, "ADDRESS[/BITS] ...", "", \
	  "remote logins from one of these networks; an address that is not numeric is in none") \
	X(class, "factors", alternatives, FACTORS, 0, "FACTOR[,FACTOR] ...", "", \
	  "comma: and, blank: or; each alternative joins two of knowledge, possession, inherence") \
	X(class, "attempts", attempts, NUMBER, INHERITED, "1..20", "5", \
	  "failures per person and origin before that person is refused there") \
	X(class, "lock", lock_s, SECONDS, INHERITED, "1min..1d", "15min", \
	  "how long that lasts after the last failure") \
	X(class, "code-window", code_window, NUMBER, INHERITED, "0..10", "1", \
	  "time steps that a verification code may be early or late") \
	X(class, "card-wait", card_wait_s, SECONDS, INHERITED, "5s..120s", "30s", \
	  "how long to wait for a card; less than login-time") \
	X(class, "login-time", login_time_s, SECONDS, INHERITED, "20s..170s", "110s", \
	  "how long a whole login may take") \
	X(class, "pin-keep", pin_keep, NUMBER, INHERITED, "0..2", "1", \
	  "PIN tries of a card that logins never use") \
	X(class, "ssh-card", ssh_card, CHOICE, INHERITED, "pin|possession", "pin", \
	  "what a card's key proves over ssh; pin: the PIN too, which the card asks for; possession: not") \
	X(class, "reuse", reuse_s, SECONDS, INHERITED, "1min..7d", "10h", \
	  "how long the login of a session counts for `session`, and for a sudo that asks nothing") \
	X(class, "su", su, CHOICE, INHERITED, "target|caller", "target", \
	  "whose factors su asks people of this class for; caller: they may become anybody") \
	X(class, "ssh-allow", ssh_allow, SSH_ALLOW, INHERITED, "all|none|WORD ...", "all", \
	  "what keys that sshd asks cardtool for may do besides: pty, port-forwarding, agent-forwarding, X11-forwarding, user-rc") \
	X(class, "ssh-from", ssh_from, SSH_FROM, INHERITED, "any|ADDRESS[/BITS] ...", "any", \
	  "networks from which sshd takes those keys") \
	X(class, "when-full", when_full, CHOICE, INHERITED, "no|yes", "no", \
	  "yes: may log in although the store has no space") \
	X(class, "batch", batch, CHOICE, INHERITED, "no|yes", "no", \
	  "yes: cron and at jobs run") \
	X(class, "language", language, CHOICE, INHERITED, "auto|ja|en", "auto", \
	  "language of what people see; auto: that of [settings]")

#define CHOICE          .parse = value_choice, .write = value_write_choice
#define NUMBER          .parse = value_number, .write = value_write_number, .measure = text_to_i64
#define SECONDS         .parse = value_number, .write = value_write_seconds, .measure = text_to_seconds
#define MEMORY          .parse = value_number, .write = value_write_kib, .measure = value_kib
#define ISSUER          .parse = value_issuer, .write = value_write_issuer
#define PERSONS         .parse = value_words, .write = value_write_words, .words = &value_persons
#define GROUPS          .parse = value_words, .write = value_write_words, .words = &value_groups
#define SERVICES        .parse = value_words, .write = value_write_words, .words = &value_services
#define NETWORKS        .parse = value_networks, .write = value_write_networks
#define LOGIN           .parse = value_login, .write = value_write_issuer
#define SSH_ALLOW       .parse = value_ssh_allow, .write = value_write_ssh_allow
#define SSH_FROM        .parse = value_ssh_from, .write = value_write_ssh_from
#define FACTORS         .parse = value_factors, .write = value_write_factors

static const struct setting_doc docs[] = {
#define X(section, key, field, reader, flags, shape, preset, text) \
	{ #section, key, shape, preset, text },
	SETTINGS(X)
#undef X
};

static const struct setting_row {
	struct value_rule rule;
	unsigned flags;
} rows[] = {
#define X(section_, key_, field_, reader_, flags_, shape_, preset_, text_) { \
	.rule = { reader_, .shape = shape_, .offset = offsetof(STRUCT_##section_, field_), \
		  .size = sizeof(((STRUCT_##section_ *)NULL)->field_) }, \
	.flags = flags_ },
	SETTINGS(X)
#undef X
};

#define N_ROWS ((int)(sizeof(rows) / sizeof(*rows)))
_Static_assert(sizeof(rows) / sizeof(*rows) <= POLICY_SETTINGS_MAX, "POLICY_SETTINGS_MAX");

const struct setting_doc *policy_settings_table(size_t *n)
{
	*n = sizeof(docs) / sizeof(*docs);
	return docs;
}

int settings_find(const char *section, const char *key)
{
	for (int i = 0; i < N_ROWS; i++)
		if (strcmp(docs[i].section, section) == 0 && strcmp(docs[i].key, key) == 0)
			return i;
	return -1;
}

bool settings_is_condition(int i)
{
	return rows[i].flags & CONDITION;
}

enum err settings_parse(int i, const char *value, void *object, char why[SETTINGS_WHY_SIZE])
{
	if (!*value) {
		(void)snprintf(
			why, SETTINGS_WHY_SIZE, _("nothing after '='; write %s"), rows[i].rule.shape);
		return ERR_CONFIG;
	}
	return rows[i].rule.parse(&rows[i].rule, value, object, why, SETTINGS_WHY_SIZE);
}

enum err settings_preset(const char *section, void *object)
{
	char why[SETTINGS_WHY_SIZE];
	enum err e;

	for (int i = 0; i < N_ROWS; i++) {
		if (strcmp(docs[i].section, section) != 0 || !*docs[i].preset)
			continue;
		e = settings_parse(i, docs[i].preset, object, why);
		if (e)
			return fail(e, "preset of %s: %s", docs[i].key, why);
	}
	return ERR_OK;
}

void settings_inherit(int i, struct policy_class *to, const struct policy_class *from)
{
	const struct value_rule *rule = &rows[i].rule;

	if (rows[i].flags & INHERITED)
		memcpy((char *)to + rule->offset, (const char *)from + rule->offset, rule->size);
}

const char *settings_text(int i, const void *object, char *dst, size_t size)
{
	dst[0] = '\0';
	rows[i].rule.write(&rows[i].rule, object, dst, size);
	return dst;
}

static bool is_of(int i, const char *section)
{
	bool is_default = strcmp(section, "default") == 0;

	return strcmp(docs[i].section, is_default ? "class" : section) == 0 &&
	       !(is_default && settings_is_condition(i));
}

static const char *list_keys(const char *section, char *dst, size_t size)
{
	size_t len = (size_t)snprintf(dst, size, _("write one of:"));

	for (int i = 0; i < N_ROWS && len < size; i++)
		if (is_of(i, section))
			len += (size_t)snprintf(dst + len, size - len, " %s", docs[i].key);
	return dst;
}

const char *settings_suggest(const char *section, const char *key, char *dst, size_t size)
{
	/* At most two letters wrong; of equals the one that belongs here. */
	unsigned distance, rank, best = 6;
	int nearest = -1;

	for (int i = 0; i < N_ROWS; i++) {
		distance = text_distance(docs[i].key, key);
		rank = 2 * distance + !is_of(i, section);
		if (rank < best && 2 * distance <= strlen(key)) {
			best = rank;
			nearest = i;
		}
	}
	if (nearest < 0)
		return list_keys(section, dst, size);
	if (is_of(nearest, section))
		(void)snprintf(dst, size, _("did you mean '%s'?"), docs[nearest].key);
	else if (strcmp(docs[nearest].section, "settings") == 0)
		(void)snprintf(dst, size, _("write '%s' in [settings]"), docs[nearest].key);
	else if (settings_is_condition(nearest))
		(void)snprintf(dst, size, _("write '%s' in a [class NAME]"), docs[nearest].key);
	else
		(void)snprintf(dst, size, _("write '%s' in a [class NAME] or [default]"), docs[nearest].key);
	return dst;
}
