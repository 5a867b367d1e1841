/* SPDX-License-Identifier: Apache-2.0 */
#include "crontab.h"

#include "unit.h"

static void jobs_and_what_is_none(void **state)
{
	static const char *const jobs[] = {
		"* * * * * true", "  0\t4 * * 1-5 backup --all\n", "@reboot true", "@daily\ttrue\n", "-*/15 * * * * true", "1 2 3 4 5 x=y",
	};
	static const char *const none[] = {
		"", "\n", "\r\n", "   ", "# * * * * * true", "\t#x", "MAILTO=root", "PATH = /bin", "\"NAME\"=x", "'A' =y", "* * * * *\n", "@reboot",
		"0 4 * *\n", "-",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		assert_true(crontab_job(jobs[i], NULL, 0));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(crontab_job(none[i], NULL, 0));
}

static void the_sixth_field_is_the_user(void **state)
{
	char user[8];

	(void)state;
	assert_true(crontab_job("17 * * * *\tbackup  cd / && true\n", user, sizeof(user)));
	assert_string_equal(user, "backup");
	assert_true(crontab_job("@hourly root true", user, sizeof(user)));
	assert_string_equal(user, "root");
	assert_false(crontab_job("17 * * * * root\n", user, sizeof(user)));
	assert_false(crontab_job("17 * * * *\n", user, sizeof(user)));
	assert_false(crontab_job("SHELL=/bin/sh", user, sizeof(user)));
	assert_false(crontab_job("* * * * * somebody-long true", user, sizeof(user)));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(jobs_and_what_is_none), cmocka_unit_test(the_sixth_field_is_the_user) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
