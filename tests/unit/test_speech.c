/* SPDX-License-Identifier: Apache-2.0 */
/* The language of one call, and a sentence for each refusal. */
#include "../../lib/auth/speech.h"

#include <locale.h>

#include "stage.h"

#define WITH_CLASS(language) STAGE_POLICY "language = " language "\n"
#define WITH_BOTH(settings, class_of) \
	"[settings]\nlanguage = " settings "\n[default]\nfactors = card,totp\nlanguage = " class_of "\n"

static const char *chosen(const char *person, const char *policy, const char *system, const char *tty)
{
	struct who w = { .known = true };
	struct auth_call c;

	stage_policy(policy);
	stage_request(tty, tty);
	c = stage_call();
	c.system_language = system;
	strcpy(w.person.language, person);
	w.class_of = &stage.policy->classes[0];
	setenv("LANGUAGE", "xx", 1);
	speech_choose(&c, &w);
	return getenv("LANGUAGE");
}

static void person_then_class_then_settings_then_system(void **state)
{
	static const struct {
		const char *person, *policy, *system, *language;
	} rows[] = {
		{ "", STAGE_POLICY, "ja", "ja" }, { "", STAGE_POLICY, "en", "en" },
		{ "", WITH_BOTH("en", "auto"), "ja", "en" }, { "", WITH_BOTH("ja", "auto"), "en", "ja" },
		{ "", WITH_BOTH("auto", "auto"), "ja", "ja" },
		{ "", WITH_BOTH("en", "ja"), "en", "ja" }, { "", WITH_BOTH("ja", "en"), "ja", "en" },
		{ "en", WITH_BOTH("ja", "ja"), "ja", "en" }, { "ja", WITH_BOTH("en", "en"), "en", "ja" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(chosen(rows[i].person, rows[i].policy, rows[i].system, "pts/3"), rows[i].language);
}

/* What is left of a row of nobody does not speak. */
static void strangers_hear_the_class(void **state)
{
	struct who w = { .known = false, .person = { .language = "ja" } };
	struct auth_call c = stage_call();

	(void)state;
	stage_request(tty, "pts/3");
	w.class_of = &stage.policy->classes[0];
	speech_choose(&c, &w);
	assert_string_equal(getenv("LANGUAGE"), "en");
}

/* No kanji there. */
static void a_virtual_console_speaks_english(void **state)
{
	static const char *const consoles[] = { "tty1", "/dev/tty1", "tty63", "/dev/tty12", "tty0" };
	static const char *const others[] = { "", "tty", "/dev/tty", "ttyS0", "/dev/ttyUSB0", "pts/1", "/dev/pts/1", ":0", "ssh", "tty1a",
					      "xtty1", "/dev//tty1", "tt1", "tty1 " };

	(void)state;
	for (size_t i = 0; i < sizeof(consoles) / sizeof(consoles[0]); i++)
		assert_string_equal(chosen("ja", WITH_BOTH("ja", "ja"), "ja", consoles[i]), "en");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_string_equal(chosen("ja", WITH_BOTH("ja", "ja"), "ja", others[i]), "ja");
}

static void each_refusal_has_its_sentence(void **state)
{
	static const enum err with[] = {
		ERR_CARD_UNKNOWN, ERR_NO_CARD, ERR_CARD_REMOVED, ERR_CARD_FAILED, ERR_PIN_FORMAT, ERR_PIN_BLOCKED, ERR_PIN_LAST_TRY,
		ERR_SECRET_WRONG, ERR_CODE_REPLAYED, ERR_REVOKED, ERR_SUSPENDED, ERR_EXPIRED, ERR_LOCKED, ERR_CLOCK, ERR_STORE_FULL,
		ERR_PCSC, ERR_BUSY, ERR_TIMEOUT, ERR_STORE, ERR_CANCELLED,
	};
	static const enum err without[] = { ERR_KEY_FILE, ERR_NO_FACTOR, ERR_PROTOCOL, ERR_CONFIG, ERR_OK };
	const char *plain = speech_refusal(ERR_DENIED);

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		const char *text = speech_refusal(with[i]);

		assert_string_not_equal(text, plain);
		assert_in_range(strlen(text), 10, WIRE_TEXT_MAX - 1);
		assert_int_equal(text[strlen(text) - 1], '.');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(text, speech_refusal(with[j]));
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		assert_string_equal(speech_refusal(without[i]), plain);
	assert_string_equal(speech_refusal((enum err)12345), plain);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST(person_then_class_then_settings_then_system),
		STAGE_TEST(strangers_hear_the_class),
		STAGE_TEST(a_virtual_console_speaks_english),
		STAGE_TEST(each_refusal_has_its_sentence),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
