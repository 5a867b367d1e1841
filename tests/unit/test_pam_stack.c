/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_files.h"

static void phases_and_lines(void **state)
{
	struct pam_service s;
	const struct pam_line *l;

	(void)state;
	pam_files_write(pam_files_etc, "one",
			"# comment\n\n  auth\trequired \\\n# between\n   pam_a.so x \\\n  y # tail\n"
			"-session optional pam_b.so [two words] \\]\n"
			"ACCOUNT Sufficient /lib/security/pam_c.so\n");
	s = pam_files_read("one");
	assert_false(s.broken);
	assert_string_equal(s.name, "one");
	assert_int_equal(s.stacks[PHASE_AUTH].n, 1);
	l = &s.stacks[PHASE_AUTH].lines[0];
	assert_int_equal(l->number, 3);
	assert_string_equal(l->module, "pam_a.so");
	assert_string_equal(l->arguments, "x y");
	assert_string_equal(l->control, "required");
	assert_true(pam_stack_has_argument(l, "y"));
	assert_false(pam_stack_has_argument(l, "x y"));
	l = &s.stacks[PHASE_SESSION].lines[0];
	assert_true(l->quiet);
	assert_string_equal(l->arguments, "[two words] \\]");
	l = &s.stacks[PHASE_ACCOUNT].lines[0];
	assert_int_equal(l->actions.actions[CODE_SUCCESS], ACTION_DONE);
	assert_int_equal(l->actions.actions[CODE_AUTH_ERR], ACTION_IGNORE);

	char name[64];

	assert_string_equal(pam_stack_module_name(l, name, sizeof(name)), "pam_c");
	pam_stack_free(&s);
}

static void includes_stand_in_their_places(void **state)
{
	struct pam_service s;

	(void)state;
	pam_files_write(pam_files_usr, "part", "auth required pam_not_looked_at.so\n");
	pam_files_write(pam_files_etc, "part", "auth required pam_p.so\naccount required pam_q.so\n");
	pam_files_write(pam_files_usr, "inc",
			"@include part\nauth include part\nauth substack part\naccount required pam_r.so\n");
	s = pam_files_read("inc");
	assert_int_equal(s.stacks[PHASE_AUTH].n, 4);
	assert_int_equal(s.stacks[PHASE_AUTH].lines[1].level, 0);
	assert_int_equal(s.stacks[PHASE_AUTH].lines[2].kind, LINE_SUBSTACK);
	assert_int_equal(s.stacks[PHASE_AUTH].lines[3].level, 1);
	assert_int_equal(s.stacks[PHASE_ACCOUNT].n, 2);
	assert_string_equal(s.stacks[PHASE_ACCOUNT].lines[0].module, "pam_q.so");
	assert_non_null(strstr(s.stacks[PHASE_ACCOUNT].lines[0].file, "/etc/part"));
	pam_stack_free(&s);
}

static void the_first_directory_counts(void **state)
{
	struct pam_service s;

	(void)state;
	pam_files_write(pam_files_usr, "both", "auth required pam_usr.so\n");
	s = pam_files_read("both");
	assert_string_equal(s.stacks[PHASE_AUTH].lines[0].module, "pam_usr.so");
	pam_stack_free(&s);
	pam_files_write(pam_files_etc, "both", "auth required pam_etc.so\n");
	s = pam_files_read("both");
	assert_string_equal(s.stacks[PHASE_AUTH].lines[0].module, "pam_etc.so");
	pam_stack_free(&s);
}

static void phases_without_lines_are_those_of_other(void **state)
{
	struct pam_service s;

	(void)state;
	pam_files_write(pam_files_etc, "other", "auth required pam_deny.so\naccount required pam_deny.so\n");
	pam_files_write(pam_files_etc, "half", "auth required pam_a.so\n");
	s = pam_files_read("half");
	assert_string_equal(s.stacks[PHASE_AUTH].lines[0].module, "pam_a.so");
	assert_true(s.stacks[PHASE_ACCOUNT].of_other);
	assert_string_equal(s.stacks[PHASE_ACCOUNT].lines[0].module, "pam_deny.so");
	pam_stack_free(&s);
	s = pam_files_read("nowhere");
	assert_false(s.broken);
	assert_string_equal(s.path, "");
	assert_string_equal(s.stacks[PHASE_AUTH].lines[0].module, "pam_deny.so");
	pam_stack_free(&s);

	char path[128];

	snprintf(path, sizeof(path), "%s/other", pam_files_etc);
	unlink(path);
	s = pam_files_read("nowhere");
	assert_true(s.broken);
	pam_stack_free(&s);
}

/* Who can write one of them decides: also those without a line, of another phase, of `other`, or that break it all. */
static void every_file_that_is_read_is_named(void **state)
{
	static const char *const names[] = { "files", "comments", "of-password", "other" };
	struct pam_service s;

	(void)state;
	pam_files_write(pam_files_etc, "comments", "# nothing\n");
	pam_files_write(pam_files_etc, "of-password", "password required pam_deny.so\n");
	pam_files_write(pam_files_etc, "other", "auth required pam_deny.so\n");
	pam_files_write(pam_files_etc, "files", "@include comments\nauth required pam_a.so\npassword include of-password\n");
	s = pam_files_read("files");
	assert_int_equal(s.n_files, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < s.n_files; i++) {
		assert_memory_equal(s.files[i], pam_files_etc, strlen(pam_files_etc));
		assert_string_equal(strrchr(s.files[i], '/') + 1, names[i]);
	}
	pam_stack_free(&s);
	pam_files_write(pam_files_etc, "files", "@include comments\n@include nowhere\n");
	s = pam_files_read("files");
	assert_true(s.broken);
	assert_int_equal(s.n_files, 2);
	pam_stack_free(&s);
}

static void what_libpam_refuses_is_broken(void **state)
{
	static const struct {
		const char *text;
		bool broken;            /* the service, else its first auth line */
	} cases[] = {
		{ "auth required pam_a.so \\\n", true },
		{ "@include nothing\n", true },
		{ "@include\n", true },
		{ "@include loop\n", true },
		{ "auth include nothing\n", false },
		{ "auth substack nothing\n", false },
		{ "auth required\n", false },
		{ "auth\n", false },
		{ "bogus required pam_a.so\n", false },
		{ "auth include\n", false },
	};

	(void)state;
	pam_files_write(pam_files_etc, "loop", "@include loop\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pam_files_write(pam_files_etc, "bad", cases[i].text);

		struct pam_service s = pam_files_read("bad");
		const struct pam_stack *auth = &s.stacks[PHASE_AUTH];

		assert_int_equal(s.broken, cases[i].broken);
		if (s.broken)
			assert_non_null(strstr(s.why, "bad:") ? s.why : strstr(s.why, "loop:"));
		else
			assert_int_equal(auth->lines[auth->n - 1].kind, LINE_BROKEN);
		pam_stack_free(&s);
	}
}

/* 10^15 files, were they all read. */
static void files_that_include_each_other_often_end(void **state)
{
	struct pam_service s;
	char text[512] = "";

	(void)state;
	for (int i = 0; i < 10; i++)
		strcat(text, "auth include often\n@include often\n");
	pam_files_write(pam_files_etc, "often", text);
	assert_int_equal(pam_stack_read(pam_files_dirs, "often", &s), ERR_MEMORY);
}

static void an_endless_line_is_refused(void **state)
{
	char text[3 * PAM_LINE_MAX];
	struct pam_service s;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "auth required pam_", 18);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	pam_files_write(pam_files_etc, "long", text);
	s = pam_files_read("long");
	assert_true(s.broken);
	pam_stack_free(&s);
}

static void controls(void **state)
{
	struct pam_control c;

	(void)state;
	assert_true(pam_control_parse("success=1 default=ignore", true, &c));
	assert_int_equal(c.actions[CODE_SUCCESS], 1);
	assert_int_equal(c.actions[CODE_AUTH_ERR], ACTION_IGNORE);
	assert_true(pam_control_parse("default=die success = ok", true, &c));
	assert_int_equal(c.actions[CODE_SUCCESS], ACTION_OK);
	assert_int_equal(c.actions[CODE_IGNORE], ACTION_DIE);
	assert_true(pam_control_parse("success=ok", true, &c));
	assert_int_equal(c.actions[CODE_AUTH_ERR], ACTION_BAD);
	assert_true(pam_control_parse("REQUISITE", false, &c));
	assert_int_equal(c.actions[CODE_AUTH_ERR], ACTION_DIE);
	for (const char *const *bad = (const char *const[]){ "success=0", "succes=ok", "success=okay?", "success", "success=", NULL };
	     *bad; bad++) {
		c.actions[CODE_SUCCESS] = ACTION_OK;
		assert_false(pam_control_parse(*bad, true, &c));
		assert_int_equal(c.actions[CODE_SUCCESS], ACTION_BAD);
	}
	/* Without brackets libpam reads it all the same. */
	assert_true(pam_control_parse("success=done", false, &c));
	assert_int_equal(c.actions[CODE_SUCCESS], ACTION_DONE);
	assert_false(pam_control_parse("requird", false, &c));
	assert_string_equal(pam_control_code_name(CODE_MODULE_UNKNOWN), "module_unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_and_lines),
		cmocka_unit_test(includes_stand_in_their_places),
		cmocka_unit_test(the_first_directory_counts),
		cmocka_unit_test(phases_without_lines_are_those_of_other),
		cmocka_unit_test(every_file_that_is_read_is_named),
		cmocka_unit_test(what_libpam_refuses_is_broken),
		cmocka_unit_test(files_that_include_each_other_often_end),
		cmocka_unit_test(an_endless_line_is_refused),
		cmocka_unit_test(controls),
	};

	return cmocka_run_group_tests(tests, pam_files_begin, pam_files_end);
}
