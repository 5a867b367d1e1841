/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file: what it means, that this written anew means the same, and whom it is for. */
#include <stdarg.h>

#include "fuzz.h"
#include "policy.h"
#include "text.h"

#define TEXT_SIZE (1024 * 1024)
#define LINE_SIZE 8192

static char text[TEXT_SIZE];
static size_t text_len;
static bool too_long;           /* a line, or all */

static PRINTF_LIKE(1, 2) void put(const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	must(n >= 0);
	too_long = too_long || n > 190 || text_len + (size_t)n + 2 > sizeof(text);
	if (too_long)
		return;
	memcpy(text + text_len, line, (size_t)n);
	text[text_len + (size_t)n] = '\n';
	text_len += (size_t)n + 1;
}

static void put_words(const char *key, const struct word_list *list)
{
	char words[LINE_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < list->n; i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, " %s", list->words[i]);
	if (list->n)
		put("%s =%s", key, words);
}

static void put_networks(const struct policy_class *c)
{
	char words[LINE_SIZE], address[65], bytes[40];
	size_t len = 0;

	for (size_t i = 0; i < c->n_from; i++) {
		const uint8_t *a = c->from[i].address;

		for (int k = 0; k < 8; k++)
			snprintf(bytes + 5 * k, sizeof(bytes) - 5 * (size_t)k, "%02x%02x%s",
				 a[2 * k], a[2 * k + 1], k < 7 ? ":" : "");
		snprintf(address, sizeof(address), "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
		len += (size_t)snprintf(words + len, sizeof(words) - len, " %s/%d",
					c->from[i].family_bits == 32 ? address : bytes,
					c->from[i].prefix);
	}
	if (c->n_from)
		put("from =%s", words);
}

static void put_class(const struct policy_class *c, bool is_default)
{
	static const char *const wheres[] = { "any", "local", "remote" };
	static const char *const languages[] = { "auto", "ja", "en" };
	static const char *const ssh_cards[] = { "pin", "possession" }, *const sus[] = { "target", "caller" };
	char words[LINE_SIZE] = "", one[129];
	size_t len = 0;

	put(is_default ? "[%s]" : "[class %s]", c->name);
	put_words("person", &c->person);
	put_words("group", &c->group);
	put_words("service", &c->service);
	put_networks(c);
	if (!is_default)
		put("where = %s", wheres[c->where]);
	for (size_t i = 0; i < c->n_alternatives; i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, " %s",
					alternative_text(&c->alternatives[i], one, sizeof(one)));
	put("factors =%s", words);
	put("attempts = %u", c->attempts);
	put("lock = %lld", (long long)c->lock_s);
	put("code-window = %u", c->code_window);
	put("card-wait = %u", c->card_wait_s);
	put("login-time = %u", c->login_time_s);
	put("pin-keep = %u", c->pin_keep);
	put("ssh-card = %s", ssh_cards[c->ssh_card]);
	put("reuse = %lld", (long long)c->reuse_s);
	put("su = %s", sus[c->su]);
	put("when-full = %s", c->when_full ? "yes" : "no");
	put("batch = %s", c->batch ? "yes" : "no");
	put("language = %s", languages[c->language]);
}

static void put_policy(const struct policy *p)
{
	static const char *const languages[] = { "auto", "ja", "en" };

	text_len = 0;
	too_long = false;
	put("[settings]");
	put("language = %s", languages[p->settings.language]);
	put_words("local-services", &p->settings.local_services);
	put("address-attempts = %u", p->settings.address_attempts);
	put("address-lock = %lld", (long long)p->settings.address_lock_s);
	put("argon2-memory = %uKiB", p->settings.argon2_memory_kib);
	put("argon2-time = %u", p->settings.argon2_time);
	put("issuer = %s", p->settings.issuer);
	put("[machine]");
	for (size_t i = 0; i < p->n_machines; i++)
		put_words(p->machines[i].login, &p->machines[i].services);
	for (size_t i = 0; i < p->n_classes; i++)
		put_class(&p->classes[i], i + 1 == p->n_classes);
}

static enum err read_text(const void *bytes, size_t len, struct policy **ret)
{
	int fd = memory_file(bytes, len);
	enum err e = policy_read(fd, "FILE", ret);

	close(fd);
	return e;
}

static void check_same(const struct policy *p)
{
	static char first[TEXT_SIZE];
	struct policy *again = NULL;
	size_t first_len;

	put_policy(p);
	/* The preset of local-services has more bytes than a line may: nobody could write it so. */
	if (too_long)
		return;
	memcpy(first, text, text_len);
	first_len = text_len;
	must(read_text(first, first_len, &again) == ERR_OK);
	put_policy(again);
	must(text_len == first_len && memcmp(text, first, first_len) == 0);
	policy_free(again);
}

static void check_class(const struct policy_class *c)
{
	unsigned kinds;

	must(c->n_alternatives >= 1 && c->n_alternatives <= POLICY_ALTERNATIVES_MAX);
	for (size_t i = 0; i < c->n_alternatives; i++) {
		const struct alternative *a = &c->alternatives[i];

		must(a->n >= 1 && a->n <= POLICY_FACTORS_MAX);
		kinds = 0;
		for (size_t k = 0; k < a->n; k++)
			kinds |= factor_kinds(a->factors[k]);
		/* One that is never offered there need not join two. */
		must((kinds & (kinds - 1)) != 0 || alternative_has_card(a) || alternative_has(a, FACTOR_SESSION));
	}
	must(c->reuse_s >= 60 && c->reuse_s <= 7 * 86400);
	must(c->attempts >= 1 && c->attempts <= 20 && c->lock_s >= 60 && c->lock_s <= 86400);
	must(c->card_wait_s < c->login_time_s && c->login_time_s <= 170 && c->pin_keep <= 2);
	must(c->code_window <= 10);
}

/* Each account once, with its services and no other's. */
static void check_machines(const struct policy *p)
{
	char value[POLICY_VALUE_SIZE];

	must(p->n_machines <= POLICY_MACHINES_MAX);
	for (size_t i = 0; i < p->n_machines; i++) {
		const struct policy_machine *m = &p->machines[i];
		size_t len = 0;

		must(text_is_login(m->login) && m->services.n >= 1 && m->services.n <= POLICY_WORDS_MAX);
		must(policy_machine_value(p, i, value, sizeof(value)) == value);
		for (size_t k = 0; k < m->services.n; k++) {
			must(policy_machine_may(p, m->login, m->services.words[k]));
			len += strlen(m->services.words[k]) + 1;
		}
		must(strlen(value) == len - 1);
		must(policy_machine_may(p, m->login, "systemd-user") && !policy_machine_may(p, m->login, "-"));
		for (size_t k = 0; k < i; k++)
			must(strcmp(p->machines[k].login, m->login) != 0 && p->machines[k].line < m->line);
	}
	must(!policy_machine_may(p, "", "systemd-user"));
}

/* arg: the one group that has the person; NULL: the source fails. */
static enum err in_group(const char *group, bool *ret, void *arg)
{
	if (!arg)
		return ERR_SYSTEM;
	*ret = strcmp(group, arg) == 0;
	return ERR_OK;
}

/* Someone who meets all that class i asks for gets it or one above it. */
static void check_select(const struct policy *p, size_t i)
{
	const struct policy_class *c = &p->classes[i], *got;
	char address[65] = "", group[POLICY_NAME_SIZE * 2] = "-", hex[40];
	struct policy_facts f = {
		.login = c->person.n ? c->person.words[0] : "taro",
		.service = c->service.n ? c->service.words[0] : "login",
		.remote = c->where == WHERE_REMOTE || c->n_from > 0, .address = address,
		.assigned_class = "", .last_class = "", .in_group = in_group, .arg = group,
	};
	bool failed = true;

	if (c->n_from) {
		const uint8_t *a = c->from[0].address;

		for (int k = 0; k < 8; k++)
			snprintf(hex + 5 * k, sizeof(hex) - 5 * (size_t)k, "%02x%02x%s", a[2 * k],
				 a[2 * k + 1], k < 7 ? ":" : "");
		snprintf(address, sizeof(address), "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
		f.address = c->from[0].family_bits == 32 ? address : hex;
	}
	if (c->group.n)
		snprintf(group, sizeof(group), "%s", c->group.words[0]);
	if (strcmp(f.login, "@assigned") == 0)
		f.assigned_class = c->name;
	got = policy_select(p, &f, &failed);
	must(got >= p->classes && got < p->classes + p->n_classes && !failed);
	must(got <= c || (c->where == WHERE_LOCAL && c->n_from > 0));
	f.arg = NULL;
	f.last_class = c->name;
	got = policy_select(p, &f, &failed);
	must(got >= p->classes && got < p->classes + p->n_classes);
	must(got <= c || (c->where == WHERE_LOCAL && c->n_from > 0));
	got = policy_class_of_person(p, &f, &failed);
	must(got >= p->classes && got < p->classes + p->n_classes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	struct policy *p = NULL;
	enum err e = read_text(in.p, in.len, &p);

	must(e == ERR_OK || e == ERR_CONFIG);
	if (e == ERR_CONFIG) {
		must(p == NULL && strncmp(err_detail(), "FILE", 4) == 0);
		return 0;
	}
	must(p != NULL && p->n_classes >= 1 && p->n_classes <= POLICY_CLASSES_MAX);
	must(strcmp(p->classes[p->n_classes - 1].name, "default") == 0);
	for (size_t i = 0; i < p->n_classes; i++) {
		check_class(&p->classes[i]);
		must(policy_class_by_name(p, p->classes[i].name) == &p->classes[i]);
		check_select(p, i);
	}
	check_machines(p);
	check_same(p);
	policy_free(p);
	return 0;
}
