/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a configuration where memory runs out, and on hosts of many names. */
#include <stdlib.h>
#include <unistd.h>

#include "conf_text.h"
#include "log.h"

static struct {
	int at;                         /* the at-th request for memory fails; 0: none */
	int requests;
	const char *host;               /* NULL: it can't be asked for */
} fault;

static void *faulty_calloc(size_t n, size_t size)
{
	return ++fault.requests == fault.at ? NULL : calloc(n, size);
}

/* As gethostname(2), into an issuer. */
static int given_hostname(char *name, size_t len)
{
	assert_true(len < sizeof(((struct settings *)NULL)->issuer));
	if (!fault.host || strlen(fault.host) + 1 > len)
		return -1;
	strcpy(name, fault.host);
	return 0;
}

#define calloc faulty_calloc
#define gethostname given_hostname
#include "../../lib/policy/policy.c"
#undef BLANKS
#include "../../lib/policy/setting_value.c"
#undef calloc
#undef gethostname

#define EVERYTHING \
	"[settings]\nlocal-services = login sudo\n[machine]\nbackup = cron\n" \
	"[class a]\nperson = taro\ngroup = staff\nservice = sshd\nfrom = 192.0.2.0/24\nfactors = card,totp\n" \
	"[default]\nfactors = card,totp\n"

/* Each request in turn: nothing is read then, and never less of a class than stands in the file. */
static void without_memory_nothing_is_read(void **state)
{
	struct policy *p = NULL;
	enum err e = ERR_MEMORY;

	(void)state;
	for (fault.at = 1; e != ERR_OK && fault.at < 100; fault.at++) {
		fault.requests = 0;
		e = conf_bytes(EVERYTHING, strlen(EVERYTHING), &p);
		if (e == ERR_OK)
			break;
		assert_int_equal(e, ERR_MEMORY);
		assert_null(p);
	}
	/* The policy itself, the services that are local by themselves, and each list of the file. */
	assert_int_equal(fault.at, 1 + 1 + 1 + 1 + 4 + 1);
	assert_int_equal(p->classes[0].person.n, 1);
	policy_free(p);
	fault.at = 0;
}

static void the_hosts_name_is_the_issuer_where_it_can_be(void **state)
{
	char longest[128];
	const struct {
		const char *host, *issuer;
	} rows[] = {
		{ "yakuba", "yakuba" }, { NULL, "cardmfa" }, { "", "cardmfa" }, { "a:b", "cardmfa" }, { "a\x1B[2J", "cardmfa" },
		{ "a;b", "a;b" }, { longest, longest },
	};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[127] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy *p;

		fault.host = rows[i].host;
		p = conf_loads("[default]\nfactors = card,totp\n");
		assert_string_equal(p->settings.issuer, rows[i].issuer);
		policy_free(p);
		p = conf_loads("[settings]\nissuer = City\n[default]\nfactors = card,totp\n");
		assert_string_equal(p->settings.issuer, "City");
		policy_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_nothing_is_read),
		cmocka_unit_test(the_hosts_name_is_the_issuer_where_it_can_be),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
