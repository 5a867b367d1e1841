/* SPDX-License-Identifier: Apache-2.0 */
/* What cvtsudoers of sudo 1.9.13 prints. */
#include "sudoers.h"

#include <string.h>

#include "unit.h"

#define SPECS(users, options) \
	"{\"User_Specs\":[{\"User_List\":[" users "],\"Host_List\":[{\"hostname\":\"ALL\"}]," \
	"\"Cmnd_Specs\":[{\"Options\":[" options "],\"Commands\":[{\"command\":\"ALL\"}]}]}]"
#define ALIASES ",\"User_Aliases\":{\"OPS\":[{\"username\":\"taro\"},{\"useralias\":\"MORE\"},{\"username\":\"jiro\",\"negated\":true}]," \
	"\"MORE\":[{\"usergroup\":\"backup\"},{\"useralias\":\"OPS\"}]}"

struct heard {
	unsigned n;
	char text[256];
};

static void hear(const char *who, void *arg)
{
	struct heard *h = arg;
	size_t len = strlen(h->text);

	h->n++;
	if (len + strlen(who) + 2 < sizeof(h->text)) {
		strcat(h->text, who);
		strcat(h->text, " ");
	}
}

static void who_is_asked_nothing(void **state)
{
	static const struct {
		const char *json, *heard;
	} cases[] = {
		{ SPECS("{\"username\":\"backup\"}", "{\"authenticate\":false}") "}", "backup " },
		{ SPECS("{\"username\":\"backup\"}", "{\"setenv\":true}") "}", "" },
		{ SPECS("{\"username\":\"backup\"}", "{\"authenticate\":true}") "}", "" },
		{ SPECS("{\"usergroup\":\"wheel\"},{\"username\":\"ALL\"}", "{\"authenticate\":false}") "}", "%wheel ALL " },
		{ SPECS("{\"username\":\"taro\",\"negated\":true},{\"userid\":7}", "{\"authenticate\":false}") "}", "" },
		{ SPECS("{\"username\":\"backup\"}", "") ",\"Defaults\":[{\"Options\":[{\"authenticate\":false}]}]}", "backup " },
		{ SPECS("{\"username\":\"backup\"}", "{\"authenticate\":true}") ",\"Defaults\":[{\"Options\":[{\"authenticate\":false}]}]}", "" },
		{ "{}", "" },
		{ "{\"User_Specs\":7,\"Defaults\":\"x\"}", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sudoers_options o;
		struct heard h = { .text = "" };

		assert_int_equal(sudoers_parse(cases[i].json, &o, hear, &h), ERR_OK);
		assert_string_equal(h.text, cases[i].heard);
	}
}

static void aliases_are_followed_and_end(void **state)
{
	struct sudoers_options o;
	struct heard h = { .text = "" };

	(void)state;
	assert_int_equal(sudoers_parse(SPECS("{\"useralias\":\"OPS\"}", "{\"authenticate\":false}") ALIASES "}", &o, hear, &h), ERR_OK);
	assert_non_null(strstr(h.text, "taro "));
	assert_non_null(strstr(h.text, "%backup "));
	assert_null(strstr(h.text, "jiro"));
	assert_true(h.n < 20);
}

static void options_of_any_line_count(void **state)
{
	struct sudoers_options o;
	struct heard h = { .text = "" };

	(void)state;
	assert_int_equal(sudoers_parse("{\"Defaults\":[{\"Options\":[{\"pam_session\":false},{\"use_pty\":true}]},"
				       "{\"Binding\":[{\"username\":\"taro\"}],\"Options\":[{\"rootpw\":true},{\"pam_service\":\"other\"}]}]}",
				       &o, hear, &h), ERR_OK);
	assert_true(o.no_session && o.target && !o.no_account && !o.no_auth && !o.rhost);
	assert_string_equal(o.service, "other");
	assert_int_equal(sudoers_parse("{\"Defaults\":[{\"Options\":[{\"pam_session\":true},{\"targetpw\":false},{\"pam_acct_mgmt\":false},"
				       "{\"pam_rhost\":true}]}]}", &o, hear, &h), ERR_OK);
	assert_true(!o.no_session && !o.target && o.no_account && o.rhost);
	assert_string_equal(o.service, "");
	assert_int_equal(h.n, 0);
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "{", "cvtsudoers: /etc/sudoers: syntax error" };
	struct sudoers_options o;
	struct heard h = { .text = "" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(sudoers_parse(texts[i], &o, hear, &h), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_asked_nothing),
		cmocka_unit_test(aliases_are_followed_and_end),
		cmocka_unit_test(options_of_any_line_count),
		cmocka_unit_test(what_is_no_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
