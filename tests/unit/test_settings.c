/* SPDX-License-Identifier: Apache-2.0 */
#include "../../lib/policy/settings.h"

#include "../../lib/policy/setting_value.h"
#include "conf_text.h"
#include "log.h"
#include "text.h"

/* Room for either object; both are freed alike. */
struct object {
	struct settings settings;
	struct policy_class class;
};

static void *of(struct object *o, const struct setting_doc *doc)
{
	return strcmp(doc->section, "class") == 0 ? (void *)&o->class : (void *)&o->settings;
}

static void free_object(struct object *o)
{
	free(o->settings.local_services.words);
	free(o->class.person.words);
	free(o->class.group.words);
	free(o->class.service.words);
	free(o->class.from);
}

static void takes(const struct setting_doc *doc, struct object *o, const char *value)
{
	char why[SETTINGS_WHY_SIZE] = "";

	if (settings_parse(settings_find(doc->section, doc->key), value, of(o, doc), why) != ERR_OK)
		unit_fail("%s = %s: %s", doc->key, value, why);
}

/* Refused with words that say something, and the object as it was. */
static void refuses(const struct setting_doc *doc, struct object *o, const char *value)
{
	char why[SETTINGS_WHY_SIZE] = "";
	struct object before;

	memcpy(&before, o, sizeof(before));
	if (settings_parse(settings_find(doc->section, doc->key), value, of(o, doc), why) !=
			ERR_CONFIG ||
	    !*why)
		unit_fail("%s = '%s' was taken", doc->key, value);
	assert_memory_equal(&before, o, sizeof(before));
}

static const struct setting_doc *doc_of(const char *section, const char *key)
{
	int i = settings_find(section, key);
	size_t n;

	if (i < 0)
		unit_fail("no setting %s", key);
	return &policy_settings_table(&n)[i];
}

static void table_is_whole(void **state)
{
	size_t n;
	const struct setting_doc *docs = policy_settings_table(&n);

	(void)state;
	assert_true(n > 0 && n <= POLICY_SETTINGS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert_true(strcmp(docs[i].section, "settings") == 0 ||
			    strcmp(docs[i].section, "class") == 0);
		assert_int_equal(settings_find(docs[i].section, docs[i].key), (int)i);
		assert_true(*docs[i].value && *docs[i].text);
	}
	assert_int_equal(settings_find("class", "issuer"), -1);
	assert_int_equal(settings_find("settings", "factors"), -1);
	assert_int_equal(settings_find("class", "Factors"), -1);
	assert_int_equal(settings_find("", ""), -1);
}

static void shapes_are_the_agreed_ones(void **state)
{
	static const struct { const char *section, *key, *value; } rows[] = {
		{ "settings", "language", "auto|ja|en" },
		{ "settings", "address-attempts", "5..1000" },
		{ "settings", "address-lock", "1min..1d" },
		{ "settings", "argon2-memory", "19MiB..256MiB" },
		{ "settings", "argon2-time", "1..32" }, { "class", "where", "any|local|remote" },
		{ "class", "attempts", "1..20" }, { "class", "lock", "1min..1d" },
		{ "class", "code-window", "0..10" },
		{ "class", "card-wait", "5s..120s" }, { "class", "login-time", "20s..170s" },
		{ "class", "pin-keep", "0..2" }, { "class", "ssh-card", "pin|possession" },
		{ "class", "when-full", "no|yes" },
		{ "class", "batch", "no|yes" },
		{ "class", "language", "auto|ja|en" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(doc_of(rows[i].section, rows[i].key)->value, rows[i].value);
}

static void presets(void **state)
{
	struct object o = { 0 };

	(void)state;
	assert_int_equal(settings_preset("settings", &o.settings), ERR_OK);
	assert_int_equal(settings_preset("class", &o.class), ERR_OK);
	assert_int_equal(o.settings.language, LANGUAGE_AUTO);
	assert_int_equal(o.settings.local_services.n, 18);
	assert_int_equal(o.settings.address_attempts, 30);
	assert_int_equal(o.settings.address_lock_s, 900);
	assert_int_equal(o.settings.argon2_memory_kib, 65536);
	assert_int_equal(o.settings.argon2_time, 3);
	assert_string_equal(o.settings.issuer, "");
	assert_int_equal(o.class.attempts, 5);
	assert_int_equal(o.class.lock_s, 900);
	assert_int_equal(o.class.code_window, 1);
	assert_int_equal(o.class.card_wait_s, 30);
	assert_int_equal(o.class.login_time_s, 110);
	assert_int_equal(o.class.pin_keep, 1);
	assert_false(o.class.when_full);
	assert_false(o.class.batch);
	assert_int_equal(o.class.language, LANGUAGE_AUTO);
	assert_int_equal(o.class.where, WHERE_ANY);
	assert_int_equal(o.class.person.n + o.class.group.n + o.class.service.n + o.class.n_from +
				 o.class.n_alternatives,
		0);
	free_object(&o);
}

static void fields_get_their_values(void **state)
{
	static const struct {
		const char *section, *key, *value;
		size_t offset, size;
		int64_t expected;
	} rows[] = {
#define S(key, value, field, expected) { "settings", key, value, offsetof(struct object, settings.field), \
	sizeof(((struct object *)NULL)->settings.field), expected }
#define C(key, value, field, expected) { "class", key, value, offsetof(struct object, class.field), \
	sizeof(((struct object *)NULL)->class.field), expected }
		S("language", "ja", language, LANGUAGE_JA),
		S("language", "en", language, LANGUAGE_EN),
		S("address-attempts", "1000", address_attempts, 1000),
		S("address-lock", "1d", address_lock_s, 86400),
		S("argon2-memory", "19MiB", argon2_memory_kib, 19456),
		S("argon2-memory", "19456KiB", argon2_memory_kib, 19456),
		S("argon2-memory", "256MiB", argon2_memory_kib, 262144),
		S("argon2-time", "32", argon2_time, 32),
		C("where", "local", where, WHERE_LOCAL), C("where", "remote", where, WHERE_REMOTE),
		C("attempts", "20", attempts, 20), C("lock", "2h", lock_s, 7200),
		C("lock", "60", lock_s, 60),
		C("code-window", "0", code_window, 0), C("code-window", "10", code_window, 10),
		C("card-wait", "2min", card_wait_s, 120),
		C("login-time", "170s", login_time_s, 170), C("pin-keep", "0", pin_keep, 0),
		C("ssh-card", "pin", ssh_card, SSH_CARD_PIN), C("ssh-card", "possession", ssh_card, SSH_CARD_POSSESSION),
		C("when-full", "yes", when_full, 1), C("batch", "yes", batch, 1),
		C("batch", "no", batch, 0),
		C("language", "en", language, LANGUAGE_EN),
#undef S
#undef C
	};
	struct object o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned char *field = (unsigned char *)&o + rows[i].offset;
		int64_t value = 0;

		memset(&o, 0xA5, sizeof(o));
		takes(doc_of(rows[i].section, rows[i].key), &o, rows[i].value);
		memcpy(&value, field, rows[i].size);
		assert_int_equal(value, rows[i].expected);
		memset(field, 0xA5, rows[i].size);      /* nothing else was touched */
		for (size_t j = 0; j < sizeof(o); j++)
			assert_int_equal(((unsigned char *)&o)[j], 0xA5);
	}
}

/*
 * Every setting with bounds: both are taken, one step beyond each is not, nor anything that only
 * starts like a value.
 */
static void every_range_holds(void **state)
{
	static const char *const junk[] = {
		"", "x", "5x", "x5", "5 5", "+5", "-5", "5.0", "5,0", "0x5", "05", "1e1", "5;",
		"\xEF\xBC\x95", "99999999999999999999", "5 min",
		"15Min", "15m", "15minmin", "min", "64MB", "64mib", "64 MiB", "MiB",
		"18446744073709551617", "4294967301", "64TiB",
		"9007199254740993GiB", "%n",
	};
	size_t n, ranges = 0;
	const struct setting_doc *docs = policy_settings_table(&n);
	struct object o = { 0 };
	char low[16], value[32];
	const char *high;
	int end;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		high = strstr(docs[i].value, "..");
		if (!high || strchr(docs[i].value, ' '))
			continue;
		ranges++;
		high += 2;
		assert_true(text_copy_n(
			low, sizeof(low), docs[i].value, (size_t)(high - 2 - docs[i].value)));
		takes(&docs[i], &o, low);
		takes(&docs[i], &o, high);
		takes(&docs[i], &o, docs[i].preset);
		(void)snprintf(value, sizeof(value), "%ld%s", strtol(low, NULL, 10) - 1,
			low + strspn(low, "0123456789"));
		refuses(&docs[i], &o, value);
		(void)snprintf(value, sizeof(value), "%ld%n", strtol(high, NULL, 10) + 1, &end);
		(void)snprintf(value + end, sizeof(value) - (size_t)end, "%s",
			high + strspn(high, "0123456789"));
		refuses(&docs[i], &o, value);
		for (size_t j = 0; j < sizeof(junk) / sizeof(*junk); j++)
			refuses(&docs[i], &o, junk[j]);
	}
	refuses(doc_of("settings", "argon2-memory"), &o, "65536");
	assert_int_equal(ranges, 11);
}

static void amounts_of_memory(void **state)
{
	static const struct { const char *text; int64_t kib; } rows[] = {
		{ "0KiB", 0 }, { "1KiB", 1 }, { "3MiB", 3072 }, { "1GiB", 1048576 }, { "8796093022207GiB", 9223372036853727232 },
		{ "999999999999999KiB", 999999999999999 },
	};
	static const char *const bad[] = { "", "1", "KiB", "1kiB", "1KiBx", "1 KiB", "8796093022208GiB", "1000000000000000KiB" };
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(value_kib(rows[i].text, 0, INT64_MAX, &n));
		assert_int_equal(n, rows[i].kib);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(value_kib(bad[i], 0, INT64_MAX, &n));
}

static void every_choice_holds(void **state)
{
	static const char *const junk[] = { "", "a", "aut", "auto|ja", "|", "AUTO", "Yes", "true", "1", "yesno",
					    "yes no", "anylocal", "n" };
	size_t n, choices = 0, len;
	const struct setting_doc *docs = policy_settings_table(&n);
	struct object o = { 0 };
	char value[16];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (!strchr(docs[i].value, '|') || strchr(docs[i].value, ' '))
			continue;
		choices++;
		for (const char *at = docs[i].value; *at; at += len + (at[len] == '|')) {
			len = strcspn(at, "|");
			assert_true(text_copy_n(value, sizeof(value), at, len));
			takes(&docs[i], &o, value);
		}
		for (size_t j = 0; j < sizeof(junk) / sizeof(*junk); j++)
			refuses(&docs[i], &o, junk[j]);
	}
	assert_int_equal(choices, 7);
}

#define LONGEST_WORD "a2345678901234567890123456789012345678901234567890123456789012345"

static void A90_hostile_names_in_lists(void **state)
{
	static const char *const never[] = {
		"..", "../../etc/passwd", "a/b", "/", "a'b", "a\"b", "%n%s", "$(id)", "`id`", "-rf",
		"a\\b", "a;b", "a,b", "a:b", "a=b",
		"taro\x1B[2J", "a\xE2\x80\xAE" "b", "\xFF", "x' OR 1=1 --", "*", "?",
		"taro hanako taro", "a\xE3\x80\x80" "b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const struct { const char *section, *key; } lists[] = {
		{ "class", "person" }, { "class", "group" }, { "class", "service" },
		{ "settings", "local-services" },
	};
	struct object o = { 0 };
	char huge[1001];

	(void)state;
	memset(huge, 'a', 1000);
	huge[1000] = '\0';
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		const struct setting_doc *doc = doc_of(lists[i].section, lists[i].key);

		for (size_t j = 0; j < sizeof(never) / sizeof(*never); j++)
			refuses(doc, &o, never[j]);
		refuses(doc, &o, huge);
	}
	refuses(doc_of("class", "person"), &o, "user@DOMAIN");
	refuses(doc_of("class", "person"), &o, "@other");
	refuses(doc_of("class", "service"), &o, "Login");
	refuses(doc_of("class", "service"), &o, "a{");
	refuses(doc_of("class", "group"), &o, "A[");
	refuses(doc_of("class", "group"), &o, "a{");
	refuses(doc_of("settings", "keys-user"), &o, "-rf");
	refuses(doc_of("settings", "keys-user"), &o, "a b");
	refuses(doc_of("settings", "keys-user"), &o, "root:x");
	refuses(doc_of("settings", "keys-user"), &o, "@assigned");
	refuses(doc_of("settings", "keys-user"), &o, huge);
	takes(doc_of("class", "person"), &o, "taro Hanako.Y @assigned");
	takes(doc_of("class", "group"), &o,
		"sudo admins@city.example \xE7\xA8\x8E\xE5\x8B\x99\xE8\xAA\xB2");
	takes(doc_of("class", "group"), &o, "Az aZ \xE6\x80\xBB");
	takes(doc_of("class", "group"), &o, LONGEST_WORD);
	takes(doc_of("class", "service"), &o, "sudo-i polkit-1 org.gnome.screensaver kde_x az");
	free_object(&o);
}

static void lists_are_split_at_blanks(void **state)
{
	struct object o = { 0 };
	char many[512] = "";
	size_t len = 0;

	(void)state;
	takes(doc_of("class", "service"), &o, "su");
	takes(doc_of("class", "service"), &o, "\tsudo \t sudo-i  ");
	assert_int_equal(o.class.service.n, 2);
	assert_string_equal(o.class.service.words[0], "sudo");
	assert_string_equal(o.class.service.words[1], "sudo-i");
	assert_true(word_list_has(&o.class.service, "sudo-i"));
	assert_false(word_list_has(&o.class.service, "sudo-"));
	assert_false(word_list_has(&o.class.service, ""));
	for (int i = 0; i <= POLICY_WORDS_MAX; i++) {
		if (i == POLICY_WORDS_MAX)
			takes(doc_of("class", "service"), &o, many);
		len += (size_t)snprintf(many + len, sizeof(many) - len, "s%d ", i);
	}
	refuses(doc_of("class", "service"), &o, many);
	assert_int_equal(o.class.service.n, POLICY_WORDS_MAX);
	free_object(&o);
}

static void networks_are_read(void **state)
{
	struct object o = { 0 };
	char many[1024] = "";
	size_t len = 0;

	(void)state;
	takes(doc_of("class", "from"), &o, "192.0.2.7");
	takes(doc_of("class", "from"), &o, "10.0.0.0/8 2001:db8::/32 ::ffff:192.0.2.0/120");
	assert_int_equal(o.class.n_from, 3);
	assert_int_equal(o.class.from[0].prefix, 8);
	assert_int_equal(o.class.from[1].family_bits, 128);
	assert_int_equal(o.class.from[2].family_bits, 32);
	assert_int_equal(o.class.from[2].prefix, 24);
	refuses(doc_of("class", "from"), &o, "10.0.0.1/8");
	refuses(doc_of("class", "from"), &o, "10.0.0.0/8 example.org");
	refuses(doc_of("class", "from"), &o, "10.0.0.0/8,10.1.0.0/16");
	for (int i = 0; i <= POLICY_WORDS_MAX; i++) {
		if (i == POLICY_WORDS_MAX)
			takes(doc_of("class", "from"), &o, many);
		len += (size_t)snprintf(many + len, sizeof(many) - len, "10.%d.0.0/16 ", i);
	}
	refuses(doc_of("class", "from"), &o, many);
	assert_int_equal(o.class.n_from, POLICY_WORDS_MAX);
	free_object(&o);
}

static void alternatives_are_read(void **state)
{
	struct object o = { 0 };

	(void)state;
	takes(doc_of("class", "factors"), &o, "card,totp  card,password\tpassword,totp");
	assert_int_equal(o.class.n_alternatives, 3);
	assert_int_equal(o.class.alternatives[1].factors[1], FACTOR_PASSWORD);
	refuses(doc_of("class", "factors"), &o, "card,totp card,totp");
	refuses(doc_of("class", "factors"), &o, "password,totp totp,password");
	refuses(doc_of("class", "factors"), &o, "card, totp");
	refuses(doc_of("class", "factors"), &o, "card totp,card");
	refuses(doc_of("class", "factors"), &o, "uid");
	takes(doc_of("class", "factors"), &o,
		"card card,totp card,password card,session card,totp,password card,totp,session "
		"card,password,session card-nopin");
	assert_int_equal(o.class.n_alternatives, POLICY_ALTERNATIVES_MAX);
	refuses(doc_of("class", "factors"), &o,
		"card card,totp card,password card,session card,totp,password card,totp,session "
		"card,password,session card-nopin password,totp");
}

static void issuers(void **state)
{
	struct object o = { 0 };
	char text[130];

	(void)state;
	takes(doc_of("settings", "issuer"), &o, "\xE5\xB1\xB1\xE7\x94\xB0\xE5\xB8\x82 IT");
	assert_string_equal(o.settings.issuer, "\xE5\xB1\xB1\xE7\x94\xB0\xE5\xB8\x82 IT");
	refuses(doc_of("settings", "issuer"), &o, "a:b");
	refuses(doc_of("settings", "issuer"), &o, "a\xE2\x80\xAE" "b");
	memset(text, 'a', 129);
	text[129] = '\0';
	refuses(doc_of("settings", "issuer"), &o, text);
	text[128] = '\0';
	takes(doc_of("settings", "issuer"), &o, text);
}

static void only_what_falls_back_is_inherited(void **state)
{
	struct policy_class from, to;
	size_t n, same = 0;
	const struct setting_doc *docs = policy_settings_table(&n);

	(void)state;
	memset(&from, 0xA5, sizeof(from));
	for (size_t i = 0; i < n; i++) {
		bool copied;

		if (strcmp(docs[i].section, "class") != 0)
			continue;
		memset(&to, 0, sizeof(to));
		settings_inherit((int)i, &to, &from);
		copied = memchr(&to, 0xA5, sizeof(to)) != NULL;
		assert_int_equal(copied,
			!settings_is_condition((int)i) && strcmp(docs[i].key, "factors") != 0);
		same += copied;
	}
	assert_int_equal(same, 14);
}

static void suggestions(void **state)
{
	static const struct { const char *section, *key, *words; } rows[] = {
		{ "class", "atempts", "did you mean 'attempts'?" },
		{ "class", "Factors", "did you mean 'factors'?" },
		{ "class", "card_wait", "did you mean 'card-wait'?" },
		{ "class", "services", "did you mean 'service'?" },
		{ "default", "lcok", "did you mean 'lock'?" },
		{ "settings", "isuer", "did you mean 'issuer'?" },
		{ "class", "issuer", "write 'issuer' in [settings]" },
		{ "default", "argon2-memroy", "write 'argon2-memory' in [settings]" },
		{ "settings", "attempts", "write 'attempts' in a [class NAME] or [default]" },
		{ "settings", "person", "write 'person' in a [class NAME]" },
		{ "default", "include", "write one of: factors attempts lock" },
		{ "settings", "fail-open", "write one of: language local-services" },
	};
	char text[SETTINGS_WHY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!strstr(settings_suggest(rows[i].section, rows[i].key, text, sizeof(text)),
			    rows[i].words))
			unit_fail("[%s] %s: %s", rows[i].section, rows[i].key, text);
	assert_null(strstr(settings_suggest("default", "x", text, sizeof(text)), "person"));
	for (size_t size = 1; size < 200; size++) {
		memset(text, '#', sizeof(text));
		assert_true(strlen(settings_suggest("class", "include", text, size)) < size);
		for (size_t i = size; i < sizeof(text); i++)
			assert_int_equal(text[i], '#');
	}
}

static void text_is(const char *section, const char *key, const char *value, const char *shown)
{
	const struct setting_doc *doc = doc_of(section, key);
	static char text[POLICY_VALUE_SIZE], again[POLICY_VALUE_SIZE];
	struct object o = { 0 };
	int i = settings_find(section, key);

	takes(doc, &o, value);
	assert_string_equal(settings_text(i, of(&o, doc), text, sizeof(text)), shown);
	/* What it shows is read as the same. */
	takes(doc, &o, text);
	assert_string_equal(settings_text(i, of(&o, doc), again, sizeof(again)), shown);
	for (size_t size = 1; size < 40; size++)
		assert_true(strlen(settings_text(i, of(&o, doc), text, size)) < size);
	free_object(&o);
}

static void values_are_shown_as_they_are_written(void **state)
{
	static const struct { const char *section, *key, *value, *shown; } list[] = {
		{ "settings", "language", "ja", "ja" }, { "settings", "local-services", "sudo   login", "sudo login" },
		{ "settings", "address-attempts", "77", "77" }, { "settings", "address-lock", "900", "15min" },
		{ "settings", "address-lock", "1d", "1d" }, { "settings", "address-lock", "90s", "90s" },
		{ "settings", "address-lock", "2h", "2h" }, { "settings", "argon2-memory", "65536KiB", "64MiB" },
		{ "settings", "argon2-memory", "20000KiB", "20000KiB" }, { "settings", "argon2-time", "4", "4" },
		{ "settings", "issuer", "\xE5\xB8\x82\xE5\xBD\xB9\xE6\x89\x80 A", "\xE5\xB8\x82\xE5\xBD\xB9\xE6\x89\x80 A" },
		{ "class", "person", "taro @assigned", "taro @assigned" }, { "class", "group", "staff", "staff" },
		{ "class", "where", "remote", "remote" }, { "class", "where", "any", "any" },
		{ "class", "from", "192.0.2.7 2001:DB8::/32", "192.0.2.7/32 2001:db8::/32" },
		{ "class", "factors", "card,totp card,password", "card,totp card,password" },
		{ "class", "pin-keep", "0", "0" }, { "class", "when-full", "yes", "yes" }, { "class", "ssh-card", "possession", "possession" }, { "class", "batch", "no", "no" },
		{ "class", "card-wait", "60s", "1min" }, { "settings", "keys-user", "backup", "backup" },
		{ "class", "ssh-allow", "none", "none" }, { "class", "ssh-allow", "all", "all" }, { "class", "ssh-allow", "pty", "pty" },
		{ "class", "ssh-allow", "user-rc pty", "pty user-rc" }, { "class", "ssh-from", "any", "any" },
		{ "class", "ssh-from", "192.0.2.7 2001:DB8::/32", "192.0.2.7/32 2001:db8::/32" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		text_is(list[i].section, list[i].key, list[i].value, list[i].shown);
}

/* No row without: the empty object and the presets can be shown, too. */
static void every_row_can_be_shown(void **state)
{
	const struct setting_doc *docs;
	static char text[POLICY_VALUE_SIZE];
	struct object o = { 0 };
	size_t n;

	(void)state;
	docs = policy_settings_table(&n);
	for (size_t i = 0; i < n; i++)
		assert_ptr_equal(settings_text((int)i, of(&o, &docs[i]), text, sizeof(text)), text);
	assert_int_equal(settings_preset("settings", &o.settings), ERR_OK);
	assert_int_equal(settings_preset("class", &o.class), ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(settings_text((int)i, of(&o, &docs[i]), text, sizeof(text)), docs[i].preset);
	free_object(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_whole),
		cmocka_unit_test(shapes_are_the_agreed_ones),
		cmocka_unit_test(presets),
		cmocka_unit_test(fields_get_their_values),
		cmocka_unit_test(every_range_holds),
		cmocka_unit_test(amounts_of_memory),
		cmocka_unit_test(every_choice_holds),
		cmocka_unit_test(A90_hostile_names_in_lists),
		cmocka_unit_test(lists_are_split_at_blanks),
		cmocka_unit_test(networks_are_read),
		cmocka_unit_test(alternatives_are_read),
		cmocka_unit_test(issuers),
		cmocka_unit_test(only_what_falls_back_is_inherited),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(values_are_shown_as_they_are_written),
		cmocka_unit_test(every_row_can_be_shown),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
