/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "conf_text.h"
#include "log.h"

#define DEFAULT "[default]\nfactors = card,totp\n"

/* conf/cardmfa.conf; *len is its length without the NUL. */
static char *sample(size_t *len)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], *text = calloc(1, POLICY_FILE_MAX);
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/conf/cardmfa.conf", srcdir ? srcdir : ".");
	f = fopen(path, "re");
	assert_non_null(text);
	if (!f)
		unit_fail("%s", path);
	*len = fread(text, 1, POLICY_FILE_MAX - 1, f);
	assert_true(*len > 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void shipped_file_is_the_presets(void **state)
{
	struct policy *shipped, *bare;
	struct policy_class *a, *b;
	size_t len;
	char *text = sample(&len);

	(void)state;
	shipped = conf_loads(text);
	bare = conf_loads("[default]\nfactors = card,totp card,password\n");
	assert_int_equal(shipped->n_classes, 2);
	assert_int_equal(shipped->n_machines, 0);
	a = &shipped->classes[1];
	b = &bare->classes[0];
	a->line = b->line;
	assert_memory_equal(a, b, sizeof(*a));
	assert_int_equal(shipped->settings.local_services.n, bare->settings.local_services.n);
	policy_free(shipped);
	policy_free(bare);
	free(text);
}

/*
 * Every commented-out setting of the shipped file is a right one: with all of them in force it
 * loads.
 */
static void shipped_file_with_everything_switched_on(void **state)
{
	size_t len;
	char *text = sample(&len), *loud = calloc(1, len + 1), *to = loud, alternative[129];
	struct policy *p;

	(void)state;
	assert_non_null(loud);
	for (char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (*line == ';' && line[1] != ' ' && line[1] != '\n')
			line++;
		to = mempcpy(to, line, strcspn(line, "\n"));
		*to++ = '\n';
		if (to - loud > (ptrdiff_t)len - 1)
			break;
	}
	p = conf_loads(loud);
	assert_string_equal(p->settings.issuer, "Yamada City");
	assert_int_equal(p->settings.local_services.n, 9);
	assert_int_equal(p->n_classes, 4);
	assert_string_equal(p->classes[1].name, "locker");
	assert_int_equal(p->n_machines, 2);
	assert_true(policy_machine_may(p, "backup", "cron"));
	assert_string_equal(p->classes[0].name, "admin");
	assert_int_equal(p->classes[0].attempts, 3);
	assert_int_equal(p->classes[0].lock_s, 900);
	assert_int_equal(p->classes[0].group.n, 2);
	assert_true(word_list_has(&p->classes[0].service, "login"));
	assert_string_equal(alternative_text(&p->classes[0].alternatives[0], alternative, sizeof(alternative)), "card,password,totp");
	policy_free(p);
	free(text);
	free(loud);
}

static void classes_fall_back_to_default(void **state)
{
	struct policy *p = conf_loads(
		"[settings]\nlanguage = ja\n"
		"[class a]\nperson = taro\nfactors = card\nattempts = 2\ncard-wait = 5s\n"
		"[class b]\nwhere = local\nfactors = card-nopin,password\n"
		"[default]\nfactors = card,totp\nattempts = 7\nlock = 1h\npin-keep = 2\nbatch = yes\n"
		"when-full = yes\nlanguage = en\ncode-window = 2\nlogin-time = 60s\n");
	const struct policy_class *a = policy_class_by_name(p, "a"),
				  *b = policy_class_by_name(p, "b");

	(void)state;
	assert_ptr_equal(a, &p->classes[0]);
	assert_ptr_equal(policy_class_by_name(p, "default"), &p->classes[2]);
	assert_null(policy_class_by_name(p, "c"));
	assert_null(policy_class_by_name(p, ""));
	assert_int_equal(a->line, 3);
	assert_int_equal(b->line, 8);
	assert_int_equal(a->attempts, 2);
	assert_int_equal(b->attempts, 7);
	assert_int_equal(a->card_wait_s, 5);
	assert_int_equal(b->card_wait_s, 30);
	for (int i = 0; i < 3; i++) {
		const struct policy_class *c = &p->classes[i];

		assert_int_equal(c->lock_s, 3600);
		assert_int_equal(c->pin_keep, 2);
		assert_int_equal(c->code_window, 2);
		assert_int_equal(c->login_time_s, 60);
		assert_true(c->batch && c->when_full && c->language == LANGUAGE_EN);
	}
	assert_int_equal(a->n_alternatives, 1);
	assert_int_equal(b->alternatives[0].factors[0], FACTOR_CARD_NOPIN);
	assert_int_equal(a->person.n, 1);
	assert_int_equal(b->person.n, 0);
	assert_int_equal(p->settings.language, LANGUAGE_JA);
	policy_free(p);
	policy_free(NULL);
}

static void issuer_is_the_host_without_one(void **state)
{
	struct policy *p = conf_loads(DEFAULT);
	char host[256];

	(void)state;
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(p->settings.issuer, host);
	policy_free(p);
}

/* -- [machine] -- */

static void accounts_of_the_machine_have_their_services(void **state)
{
	struct policy *p = conf_loads("[machine]\ngit = sshd\nbackup =  cron\tsshd  rsync.d\n_svc-1.x$ = a_b\nROOT = su\n"
				      "[settings]\nlanguage = ja\n[class machine]\nperson = t\nfactors = card\n" DEFAULT);
	char value[POLICY_VALUE_SIZE];

	(void)state;
	assert_int_equal(p->n_machines, 4);
	assert_int_equal(p->n_classes, 2);
	assert_int_equal(p->settings.language, LANGUAGE_JA);
	assert_string_equal(p->machines[1].login, "backup");
	assert_int_equal(p->machines[1].line, 3);
	assert_int_equal(p->machines[3].line, 5);
	assert_string_equal(policy_machine_value(p, 0, value, sizeof(value)), "sshd");
	assert_string_equal(policy_machine_value(p, 1, value, sizeof(value)), "cron sshd rsync.d");
	assert_string_equal(policy_machine_value(p, 2, value, sizeof(value)), "a_b");
	assert_true(policy_machine_may(p, "git", "sshd"));
	assert_true(policy_machine_may(p, "backup", "rsync.d"));
	assert_true(policy_machine_may(p, "_svc-1.x$", "a_b"));
	/* A user's manager comes with any of them. */
	assert_true(policy_machine_may(p, "git", "systemd-user"));
	assert_false(policy_machine_may(p, "git", "cron"));
	assert_false(policy_machine_may(p, "git", "ssh"));
	assert_false(policy_machine_may(p, "git", "sshd2"));
	assert_false(policy_machine_may(p, "git", "systemd-users"));
	assert_false(policy_machine_may(p, "git", ""));
	assert_false(policy_machine_may(p, "gi", "sshd"));
	assert_false(policy_machine_may(p, "gitx", "sshd"));
	assert_false(policy_machine_may(p, "Git", "sshd"));
	assert_false(policy_machine_may(p, "root", "su"));
	assert_false(policy_machine_may(p, "", "sshd"));
	assert_false(policy_machine_may(p, "", "systemd-user"));
	assert_false(policy_machine_may(p, "taro", "systemd-user"));
	policy_free(p);
	/* None, and a section without any. */
	p = conf_loads("[machine]\n" DEFAULT);
	assert_int_equal(p->n_machines, 0);
	assert_false(policy_machine_may(p, "git", "systemd-user"));
	policy_free(p);
}

static void A10_mistakes_about_accounts_of_the_machine(void **state)
{
	static const char *const names[] = {
		"-git", ".git", "git$x", "$", "a2345678901234567890123456789012x",
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), "[machine]\n%s = sshd\n" DEFAULT, names[i]);
		conf_refused(text, 2, "is no login name; write as in backup = cron sshd");
	}
	conf_refused("[machine]\n@assigned = sshd\n" DEFAULT, 2, "'@assigned' is no key");
	conf_refused("[machine]\ng it = sshd\n" DEFAULT, 2, "'g it' is no key");
	conf_refused("[machine]\n* = sshd\n" DEFAULT, 2, "'*' is no key");
	conf_refused("[machine]\ngit = sshd\nroot = cron\ngit = sshd\n" DEFAULT, 4, "'git' stands in line 2 already");
	conf_refused("[machine]\ngit =\n" DEFAULT, 2, "git = : write 1 to 64 words");
	conf_refused("[machine]\ngit\n" DEFAULT, 2, "");
	conf_refused("[machine]\ngit = SSHD\n" DEFAULT, 2, "git = SSHD: 'SSHD' is no PAM service");
	conf_refused("[machine]\ngit = ../sshd\n" DEFAULT, 2, "'../sshd' is no PAM service");
	conf_refused("[machine]\ngit = sshd,cron\n" DEFAULT, 2, "'sshd,cron' is no PAM service");
	conf_refused("[machine]\ngit = sshd cron sshd\n" DEFAULT, 2, "'sshd' stands there twice");
	conf_refused("[machine]\ngit = *\n" DEFAULT, 2, "'*' is no PAM service");
	/* A setting is none of its keys, nor is an account one of another section's. */
	conf_refused("[machine]\nlanguage = JA\n" DEFAULT, 2, "is no PAM service");
	conf_refused("[settings]\ngit = sshd\n" DEFAULT, 2, "there is no setting 'git'");
	conf_refused("[machine]\n[settings]\ngit = sshd\n" DEFAULT, 3, "there is no setting 'git'");
	conf_refused("[machine]\n[class a]\nperson = t\ngit = sshd\n" DEFAULT, 4, "there is no setting 'git'");
	conf_refused("[machine]\n[default]\nfactors = card\ngit = sshd\n", 4, "there is no setting 'git'");
	conf_refused("[machine]\n[machine]\n" DEFAULT, 2, "[machine] stands in line 1 already");
	conf_refused("[machine]\ngit = sshd\n[settings]\n[machine]\nroot = su\n" DEFAULT, 4, "[machine] stands in line 1 already");
	conf_refused(DEFAULT "[machine]\ngit = sshd\n", 3, "[machine] below [default] (line 1)");
	conf_refused("[Machine]\ngit = sshd\n" DEFAULT, 1, "there is no section [Machine]");
	conf_refused("[machine x]\ngit = sshd\n" DEFAULT, 1, "there is no section [machine x]");
	conf_refused("[machine]\ngit = sshd\n", 2, "there is no [default]");
}

static void as_many_accounts_of_the_machine_as_there_is_room_for(void **state)
{
	char text[8192] = "[machine]\n", line[80], value[POLICY_VALUE_SIZE], services[1024] = "";
	struct policy *p;

	(void)state;
	for (int i = 0; i < 64; i++) {
		snprintf(line, sizeof(line), "%s%03d", i ? " s" : "s", i);
		if (i < 30)
			strcat(services, line);
		snprintf(line, sizeof(line), "account-%03d-of-this-machine-only = sshd s%d\n", i, i);
		strcat(text, line);
	}
	strcat(text, DEFAULT);
	p = conf_loads(text);
	assert_int_equal(p->n_machines, 64);
	assert_true(policy_machine_may(p, "account-063-of-this-machine-only", "s63"));
	assert_false(policy_machine_may(p, "account-063-of-this-machine-only", "s62"));
	assert_string_equal(p->classes[0].name, "default");
	policy_free(p);
	snprintf(text + strlen(text) - strlen(DEFAULT), 200, "account-064-of-this-machine-only = sshd\n" DEFAULT);
	conf_refused(text, 66, "more than 64 accounts in [machine]");
	snprintf(text, sizeof(text), "[machine]\ngit = %s\n" DEFAULT, services);
	p = conf_loads(text);
	assert_string_equal(policy_machine_value(p, 0, value, sizeof(value)), services);
	policy_free(p);
}

static void A10_unknown_settings_in_the_file(void **state)
{
	(void)state;
	/* misspelt */
	conf_refused("[default]\nfactors = card\natempts = 5\n", 3,
		"there is no setting 'atempts' in this section: did you mean 'attempts'?");
	conf_refused("[default]\nFactors = card\n", 2, "did you mean 'factors'?");
	conf_refused("[setings]\nlanguage = ja\n" DEFAULT, 1,
		"there is no section [setings]: write [settings], [machine], [class NAME] or [default]");
	conf_refused("[Default]\nfactors = card\n", 1, "there is no section [Default]");
	conf_refused("[class]\nfactors = card\n" DEFAULT, 1, "there is no section [class]");
	conf_refused("[ default ]\nfactors = card\n", 1, "there is no section [ default ]");
	conf_refused("[default]\nfactors = card\nfail-open = yes\n", 3,
		"there is no setting 'fail-open'");
	conf_refused("[default]\nfactors = card,topt\n", 2,
		"factors = card,topt: 'topt' is no factor; did you mean 'totp'?");
	conf_refused(
		"[default]\nfactors = uid,password\n", 2, "'uid' is not available in this version");
	conf_refused("[default]\nfactors = recovery\n", 2,
		"'recovery' is not available in this version");
	/* where it has no effect */
	conf_refused("attempts = 5\n" DEFAULT, 1, "'attempts' stands before any section");
	conf_refused("[settings]\nattempts = 5\n" DEFAULT, 2,
		"write 'attempts' in a [class NAME] or [default]");
	conf_refused("[default]\nfactors = card\nissuer = x\n", 3, "write 'issuer' in [settings]");
	conf_refused("[class a]\nperson = t\nfactors = card\n[settings]\nattempts = 5\n" DEFAULT, 5,
		"write 'attempts' in a [class NAME] or [default]");
	/* what could stand there instead */
	conf_refused("[settings]\ninclude = x\n" DEFAULT, 2, "write one of: language local-services");
	conf_refused("[class a]\ninclude = x\n" DEFAULT, 2, "write one of: person group service where from factors");
	conf_refused("[default]\ninclude = x\n", 2, "write one of: factors attempts");
	conf_refused("[default]\nfactors = card\nwhere = local\n", 3,
		"'where' has no effect in [default]");
	conf_refused("[default]\nfactors = card\ngroup = sudo\n", 3,
		"'group' has no effect in [default]");
	conf_refused("[class a]\nwhere = local\nfrom = 192.0.2.0/24\nfactors = card\n" DEFAULT, 3,
		"'from' has no effect with 'where = local'");
	conf_refused("[class a]\nwhere = local\nservice = sshd\nfactors = password,totp\n" DEFAULT,
		3, "'where = local' never holds");
	conf_refused(
		"[class a]\nfactors = card\n" DEFAULT, 1, "[class a] would be everybody's class");
	conf_refused("[class a]\nwhere = any\nfactors = card\n" DEFAULT, 1,
		"[class a] would be everybody's class");
	/* twice */
	conf_refused("[default]\nfactors = card\nattempts = 5\nattempts = 5\n", 4,
		"'attempts' stands in line 3 already");
	conf_refused("[settings]\n[settings]\n" DEFAULT, 2, "[settings] stands in line 1 already");
	conf_refused("[class a]\nperson = t\nfactors = card\n[class a]\n" DEFAULT, 4,
		"class 'a' stands in line 1 already");
	conf_refused(DEFAULT DEFAULT, 3, "[default] below [default] (line 1)");
	conf_refused(
		"[class a]\nperson = t t\nfactors = card\n" DEFAULT, 2, "'t' stands there twice");
	/* out of range, trailing garbage */
	conf_refused("[default]\nfactors = card\nattempts = 21\n", 3,
		"attempts = 21: write a value within 1..20");
	conf_refused("[default]\nfactors = card\nattempts = 5x\n", 3,
		"attempts = 5x: write a value within 1..20");
	conf_refused("[default]\nfactors = card\nlock = 15mins\n", 3,
		"lock = 15mins: write a value within 1min..1d");
	conf_refused("[default]\nfactors = card\nattempts =\n", 3, "nothing after '='");
	conf_refused("[default]\nfactors =\n", 2, "nothing after '='");
	conf_refused("[default]\nfactors = ;card\n", 2, "nothing after '='");
	conf_refused("[default]\nfactors = card\nbatch = maybe\n", 3, "write one of no|yes");
	conf_refused("[default]\nfactors = card\nlogin-time = 20s\n", 3,
		"card-wait (30s) leaves no time of login-time (20s)");
	conf_refused("[default]\nfactors = card\nlogin-time = 60s\ncard-wait = 60s\n", 4,
		"leaves no time of login-time");
	conf_refused(
		"[class a]\nperson = t\nfactors = card\ncard-wait = 1min\n"
		"[default]\nfactors = card\nlogin-time = 60s\n",
		4, "[class a]: card-wait (60s)");
	conf_refused("[settings]\nlocal-services = login sshd\n" DEFAULT, 2,
		"'sshd' serves remote logins only");
	/* In a class behind the first one, too. */
	conf_refused("[class a]\nservice = su\nfactors = card,password\n"
		"[class b]\nwhere = local\nfrom = 192.0.2.0/24\nfactors = card\n" DEFAULT, 6,
		"'from' has no effect with 'where = local'");
	conf_refused("[class a]\nservice = su\nfactors = card,password\n"
		"[class b]\nperson = t\ncard-wait = 60s\nlogin-time = 60s\nfactors = card\n" DEFAULT, 6,
		"[class b]: card-wait (60s)");
	conf_refused("[settings]\nlocal-services = remote login\n" DEFAULT, 2,
		"'remote' serves remote logins only");
	conf_refused("[settings]\nlocal-services = xrdp-sesman\n" DEFAULT, 2,
		"'xrdp-sesman' serves remote logins only");
}

static void sections_stand_where_they_must(void **state)
{
	char text[8192];
	size_t len = 0;
	struct policy *p;

	(void)state;
	conf_refused("[settings]\nlanguage = ja\n", 2, "there is no [default]");
	conf_refused("; nothing\n\n", 2, "there is no [default]");
	conf_refused("[class a]\nperson = t\nfactors = card\n", 3, "there is no [default]");
	conf_refused(DEFAULT "[class a]\nperson = t\nfactors = card\n", 3,
		"[class a] below [default] (line 1), which stands once and last");
	conf_refused(DEFAULT "[settings]\n", 3, "[settings] below [default]");
	conf_refused("[default]\n", 1, "this section has no 'factors'");
	conf_refused("[class a]\nperson = t\n" DEFAULT, 1, "this section has no 'factors'");
	conf_refused(
		"[class default]\nfactors = card\n" DEFAULT, 1, "'default' is no name for a class");
	conf_refused("[class A]\n" DEFAULT, 1, "'A' is no name for a class");
	conf_refused("[class 1a]\n" DEFAULT, 1, "'1a' is no name for a class");
	conf_refused("[class a_b]\n" DEFAULT, 1, "'a_b' is no name for a class");
	conf_refused("[class a ]\n" DEFAULT, 1, "'a ' is no name for a class");
	conf_refused("[class  a]\n" DEFAULT, 1, "' a' is no name for a class");
	conf_refused("[class ]\n" DEFAULT, 1, "'' is no name for a class");
	conf_refused(
		"[class a23456789012345678901234567890123]\n" DEFAULT, 1, "is no name for a class");
	p = conf_loads(
		"[class a2345678901234567890123456789-12]\nperson = t\nfactors = card\n" DEFAULT);
	assert_int_equal(strlen(p->classes[0].name), 32);
	policy_free(p);
	for (int i = 1; i < POLICY_CLASSES_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"[class c%d]\nperson = p%d\nfactors = card\n", i, i);
	strcpy(text + len, DEFAULT);
	p = conf_loads(text);
	assert_int_equal(p->n_classes, POLICY_CLASSES_MAX);
	policy_free(p);
	strcpy(text + len, "[class last]\nperson = x\nfactors = card\n" DEFAULT);
	conf_refused(text, 3 * (POLICY_CLASSES_MAX - 1) + 4, "more than 64 classes");
}

/* One class `a` before a good [default]; `line` 0: it loads. */
static void two_kinds_are_joined(void **state)
{
	static const struct { const char *conditions, *factors; bool loads; } rows[] = {
		{ "person = t", "card", true },
		{ "person = t", "card,totp card,password", true },
		{ "person = t", "password,totp", true },
		{ "person = t", "session,password", true },
		{ "person = t", "card-nopin,password", true },
		{ "person = t", "password", false },
		{ "person = t", "totp", false },
		{ "person = t", "session", false },
		{ "person = t", "card-nopin", false },
		{ "person = t", "session,totp", true },
		{ "person = t", "card-nopin,totp", false },
		{ "person = t", "card-nopin,session,totp", true },
		{ "person = t", "card,totp session", false },
		/* where a session begins, none has begun */
		{ "service = login", "session,totp", false },
		{ "service = login sshd cron", "session,password", false },
		{ "service = remote", "session,password", false },
		{ "service = crond", "session,password", false },
		{ "service = atd", "session,password", false },
		{ "service = systemd-user", "session,password", false },
		{ "service = login sshd", "session card,totp", true },
		{ "service = login sudo", "session,totp", true },
		{ "service = login sudo", "session", false },
		{ "person = t", "card,totp password", false },
		{ "person = t", "card totp", false },
		/* a card at a remote login: by sshd only */
		{ "where = remote", "card,totp", true },
		{ "where = remote\nservice = sshd", "card,totp", true },
		{ "where = remote\nservice = sudo sshd", "card,totp", true },
		{ "where = remote\nservice = sudo", "card,totp", false },
		{ "where = remote\nservice = sudo", "card,totp card-nopin,password", false },
		{ "where = remote\nservice = sudo", "card,totp session,password", true },
		{ "where = remote\nservice = sudo", "card-nopin,totp session,password", true },
		{ "where = remote\nservice = sudo", "card,totp session,totp", true },
		{ "from = 192.0.2.0/24\nservice = sudo", "card", false },
		{ "from = 192.0.2.0/24", "card", true },
		{ "where = local\nservice = login", "card", true },
		{ "where = local\nservice = login sshd", "card", true },
		{ "service = vsftpd", "card,password", false },
		{ "service = vsftpd", "card,password password,totp", true },
		{ "service = vsftpd login", "card,password", true },
		{ "service = sshd", "card-nopin,password", true },
		/* The PIN is not seen here: a class may refuse to count it. */
		{ "service = sshd", "card,totp", true },
		{ "service = sshd\nssh-card = pin", "card,totp", true },
		{ "service = sshd\nssh-card = possession", "card,totp", false },
		{ "service = sshd\nssh-card = possession", "card,password", true },
		{ "service = sshd\nssh-card = possession", "card,totp,password", true },
		{ "service = sshd\nssh-card = possession", "card", false },
		{ "service = sshd\nssh-card = possession", "password,totp", true },
		/* within a session what was known may be joined to it */
		{ "group = staff\nssh-card = possession", "card,session card,password", true },
		{ "group = staff\nssh-card = possession", "card,totp", false },
		{ "where = local\nssh-card = possession", "card,totp", true },
		{ "service = login\nssh-card = possession", "card,totp", true },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		(void)snprintf(text, sizeof(text), "[class a]\nfactors = %s\n%s\n" DEFAULT,
			rows[i].factors, rows[i].conditions);
		if (rows[i].loads)
			policy_free(conf_loads(text));
		else
			conf_refused(text, 2, ": ");
	}
	conf_refused("[default]\nfactors = card,totp session\n", 2, "'session' asks nothing by itself");
	conf_refused("[default]\nfactors = card,totp\nssh-card = possession\n", 2, "over ssh 'card,totp' proves possession twice");
	/* What [default] says of it holds for classes that do not. */
	conf_refused("[class a]\nservice = sshd\nfactors = card,totp\n[default]\nfactors = card,password\nssh-card = possession\n", 3,
		"over ssh 'card,totp' proves possession twice");
	conf_refused("[class a]\nwhere = remote\nservice = su\nfactors = card\n" DEFAULT, 4,
		"none of these can be asked for where this class applies");
}

struct groups {
	const char *of;                 /* the person's group */
	enum err answer;                /* of the source */
	unsigned asked;
};

static enum err in_group(const char *group, bool *ret, void *arg)
{
	struct groups *g = arg;

	g->asked++;
	if (g->answer == ERR_OK)
		*ret = strcmp(group, g->of) == 0;
	return g->answer;
}

static struct policy_facts facts_of(struct groups *g)
{
	return (struct policy_facts){
		.login = "taro", .service = "login", .address = "", .assigned_class = "",
		.last_class = "", .in_group = in_group, .arg = g,
	};
}

static void selects(const struct policy *p, const struct policy_facts *f, const char *name)
{
	bool failed = true;

	assert_string_equal(policy_select(p, f, &failed)->name, name);
	assert_false(failed);
}

static void a_class_applies_where_it_says(void **state)
{
	struct policy *p = conf_loads("[class here]\nwhere = local\nfactors = card,password\n"
				      "[class there]\nwhere = remote\nservice = sshd\nfactors = password,totp\n"
				      "[default]\nfactors = password,totp\n");
	struct groups g = { .of = "" };
	struct policy_facts f = facts_of(&g);

	(void)state;
	f.service = "sshd";
	selects(p, &f, "here");
	f.remote = true;
	selects(p, &f, "there");
	f.service = "login";
	selects(p, &f, "default");
	policy_free(p);
}

static void addresses_are_numeric_or_none(void **state)
{
	static const struct {
		const char *rhost, *address;
	} rows[] = { { NULL, "" }, { "", "" }, { "a.example", "" }, { "192.0.2.1", "192.0.2.1" }, { "2001:DB8::1", "2001:db8::1" } };
	char dst[65];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strcpy(dst, "before");
		assert_ptr_equal(policy_address(rows[i].rhost, dst, sizeof(dst)), dst);
		assert_string_equal(dst, rows[i].address);
	}
}

static void first_class_that_applies(void **state)
{
	struct policy *p = conf_loads(
		"[class root]\nperson = root\nfactors = card,password,totp\n"
		"[class admin]\ngroup = sudo wheel\nservice = sudo su\nfactors = card,password\n"
		"[class office]\nfrom = 192.0.2.0/24 2001:db8::/32\nservice = sshd\nfactors = card\n"
		"[class far]\nwhere = remote\nfactors = card,totp\n"
		"[class kiosk]\nwhere = local\nperson = kiosk hanako\ngroup = desk\nfactors = card-nopin,password\n"
		DEFAULT);
	struct groups g = { .of = "none" };
	struct policy_facts f = facts_of(&g);

	(void)state;
	selects(p, &f, "default");
	assert_int_equal(g.asked, 0);   /* no class asks for a group here */
	f.login = "root";
	selects(p, &f, "root");
	f.login = "Root";
	selects(p, &f, "default");
	f.login = "taro";
	f.service = "sudo";
	selects(p, &f, "default");
	g.of = "wheel";
	selects(p, &f, "admin");
	f.service = "login";
	selects(p, &f, "default");
	f.service = "sshd";
	f.remote = true;
	selects(p, &f, "far");
	f.address = "192.0.2.77";
	selects(p, &f, "office");
	f.address = "::ffff:192.0.2.77";
	selects(p, &f, "office");
	f.address = "2001:db8::1";
	selects(p, &f, "office");
	f.address = "192.0.3.1";
	selects(p, &f, "far");
	f.address = "office.example.org";
	selects(p, &f, "far");
	f.address = "192.0.2.77";
	f.remote = false;
	selects(p, &f, "default");
	f.login = "hanako";
	selects(p, &f, "default");      /* person, but not in the group */
	g.of = "desk";
	selects(p, &f, "kiosk");
	f.remote = true;
	f.address = "";
	selects(p, &f, "far");
	policy_free(p);
}

static void A26_service_aliases(void **state)
{
	static const char *const pairs[][2] = {
		{ "sudo", "sudo-i" }, { "su", "su-l" }, { "login", "remote" },
		{ "gdm-password", "gdm-smartcard" },
	};
	char text[256];
	struct groups g = { .of = "none" };
	struct policy_facts f = facts_of(&g);

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		for (int one = 0; one < 2; one++) {
			struct policy *p;

			(void)snprintf(text, sizeof(text),
				"[class a]\nservice = %s\nfactors = card,password password,totp\n"
				"[class b]\nperson = taro\nfactors = card\n" DEFAULT,
				pairs[i][one]);
			p = conf_loads(text);
			f.service = pairs[i][one];
			selects(p, &f, "a");
			f.service = pairs[i][!one];
			/* No class names it: the first that has no list of services. */
			selects(p, &f, "b");
			f.service = "unknown";
			selects(p, &f, "b");
			f.service = "";
			selects(p, &f, "b");
			policy_free(p);
		}
}

static void assigned_class_stands_for_person_and_group(void **state)
{
	struct policy *p =
		conf_loads("[class strict]\nwhere = remote\nfactors = card,password,totp\n"
			   "[class admin]\ngroup = sudo\nservice = sudo\nfactors = card,password\n"
			   "[class desk]\nperson = @assigned\nfactors = card\n" DEFAULT);
	struct groups g = { .of = "none" };
	struct policy_facts f = facts_of(&g);

	(void)state;
	selects(p, &f, "default");
	f.login = "@assigned";
	selects(p, &f, "desk");         /* no login has this name: text_is_login() */
	f.login = "taro";
	f.assigned_class = "desk";
	selects(p, &f, "desk");
	f.remote = true;
	selects(p, &f, "strict");       /* an assignment never passes over a class above */
	f.remote = false;
	f.assigned_class = "admin";
	selects(p, &f, "default");      /* its service still counts */
	f.service = "sudo";
	selects(p, &f, "admin");
	assert_int_equal(g.asked, 0);
	f.assigned_class = "gone";
	selects(p, &f, "default");
	assert_null(policy_class_by_name(p, f.assigned_class));
	f.assigned_class = "default";
	g.of = "sudo";
	selects(p, &f, "admin");
	policy_free(p);
}

static void failing_groups_never_loosen(void **state)
{
	struct policy *p = conf_loads(
		"[class top]\ngroup = top\nservice = sudo\nfactors = card,password,totp\n"
		"[class admin]\ngroup = sudo wheel\nservice = sudo\nfactors = card,password\n"
		"[class ops]\ngroup = ops\nfactors = card,totp\n"
		"[class here]\nperson = taro\nwhere = local\nfactors = card\n" DEFAULT);
	static const struct { const char *last, *sudo, *login; } rows[] = {
		{ "top", "top", "ops" }, { "admin", "admin", "ops" }, { "ops", "ops", "ops" },
		{ "here", "here", "here" },
		{ "default", "here", "here" }, { "", "top", "ops" }, { "gone", "top", "ops" },
	};
	struct groups g = { .of = "none", .answer = ERR_UNAVAILABLE };
	struct policy_facts f = facts_of(&g);
	bool failed;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		f.last_class = rows[i].last;
		f.service = "sudo";
		failed = false;
		assert_string_equal(policy_select(p, &f, &failed)->name, rows[i].sudo);
		assert_true(failed);
		f.service = "login";
		failed = false;
		assert_string_equal(policy_select(p, &f, &failed)->name, rows[i].login);
		assert_true(failed);
	}
	g.answer = ERR_NOT_FOUND;       /* an answer: there is no such group */
	f.last_class = "top";
	selects(p, &f, "here");
	policy_free(p);
}

static void class_to_remember_is_of_the_person_alone(void **state)
{
	struct policy *p = conf_loads(
		"[class ssh]\nservice = sshd\nfactors = card\n"
		"[class admin]\ngroup = sudo\nservice = sudo\nfactors = card,password\n"
		"[class ops]\nperson = taro\ngroup = ops\nwhere = remote\nfactors = card,totp\n" DEFAULT);
	static const struct { const char *group, *class; } rows[] = {
		{ "none", "default" }, { "sudo", "admin" }, { "ops", "ops" },
	};
	struct groups g = { 0 };
	struct policy_facts f = facts_of(&g);
	bool failed = true;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		g.of = rows[i].group;
		assert_string_equal(policy_class_of_person(p, &f, &failed)->name, rows[i].class);
		assert_false(failed);
	}
	/* A class of other people is not remembered, whatever the group. */
	f.login = "jiro";
	assert_string_equal(policy_class_of_person(p, &f, &failed)->name, "default");
	f.login = "taro";
	g.answer = ERR_TIMEOUT;
	(void)policy_class_of_person(p, &f, &failed);
	assert_true(failed);
	policy_free(p);
}

/* Refused without a line: the file itself is not one to read. */
static void fd_refused(int fd, const char *words)
{
	struct policy *p = NULL;

	assert_int_equal(policy_read(fd, CONF_PATH, &p), ERR_CONFIG);
	assert_null(p);
	if (strncmp(err_detail(), CONF_PATH ": ", strlen(CONF_PATH) + 2) != 0 ||
	    !strstr(err_detail(), words))
		unit_fail("expected '%s', got '%s'", words, err_detail());
	if (fd >= 0)
		assert_int_equal(close(fd), 0);
}

static char *repeat(const char *s, size_t times)
{
	size_t len = strlen(s);
	char *text = malloc(len * times + sizeof(DEFAULT));

	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * len, s, len);
	strcpy(text + len * times, DEFAULT);
	return text;
}

/* What an open descriptor can be; who may own and write the file is asked where it is opened. */
static void A88_configuration_extremes(void **state)
{
	char path[] = "/tmp/test_policy.XXXXXX", *text;
	int ends[2], fd;

	(void)state;
	fd_refused(-1, "can't be read: Bad file descriptor");
	conf_refused("", 1, "the file is empty");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, DEFAULT, sizeof(DEFAULT) - 1), sizeof(DEFAULT) - 1);
	assert_int_equal(close(fd), 0);
	fd_refused(open(path, O_WRONLY | O_CLOEXEC), "can't be read");
	fd_refused(open(path, O_PATH | O_CLOEXEC), "can't be read");
	assert_int_equal(unlink(path), 0);
	fd_refused(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "is not a regular file");
	fd_refused(open("/dev/zero", O_RDONLY | O_CLOEXEC), "is not a regular file");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fd_refused(ends[0], "is not a regular file");   /* at once: nothing was written to it */
	assert_int_equal(close(ends[1]), 0);
	conf_bytes_refused("[default]\nfactors = card\0,totp\n", 31, 2, "a NUL byte");
	conf_bytes_refused("\xFF\xFE[\0d\0]\0", 8, 1, "a NUL byte");
	conf_refused("[default]\r\nfactors = card\r\n", 1, "a carriage return");
	conf_refused("\xEF\xBB\xBF" DEFAULT, 1, "a byte order mark");
	text = repeat("x", 1 << 20);
	conf_bytes_refused(text, POLICY_FILE_MAX, 1, "a line of more than 197 bytes");
	fd_refused(conf_fd(text, strlen(text)), "has more than 262144 bytes");
	free(text);
	text = repeat("\n", 1000000);
	fd_refused(conf_fd(text, strlen(text)), "has more than 262144 bytes");
	free(text);
	text = repeat("\n", POLICY_FILE_MAX - strlen(DEFAULT));
	policy_free(conf_loads(text));
	free(text);
	text = repeat("\n", POLICY_FILE_MAX - strlen(DEFAULT) + 1);
	fd_refused(conf_fd(text, strlen(text)), "has more than 262144 bytes");
	free(text);
	conf_refused("[default]\nfactors = card\ninclude = " CONF_PATH "\n", 3,
		"there is no setting 'include'");
}

static void position_of_the_descriptor_does_not_matter(void **state)
{
	int fd = conf_fd(DEFAULT, sizeof(DEFAULT) - 1);
	struct policy *p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lseek(fd, i, SEEK_END) > 0, 1);
		assert_int_equal(policy_read(fd, CONF_PATH, &p), ERR_OK);
		policy_free(p);
	}
	assert_int_equal(close(fd), 0);
}

/* xorshift64: the same mutations each time. */
static uint64_t draw(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed % below;
}

static size_t put(char *text, size_t len, size_t max, size_t at, const char *piece, size_t n)
{
	if (len + n > max)
		return len;
	memmove(text + at + n, text + at, len - at);
	memcpy(text + at, piece, n);
	return len + n;
}

static size_t mutate(char *text, size_t len, size_t max, uint64_t *seed)
{
	static const char *const pieces[] = {
		"[class a]\n", "[default]\n", "[settings]\n", "\n", "=", " ", ",", ";", "#",
		"factors = ", "card", "card-nopin", "totp", "password",
		"session", "where = remote\n", "where = local\n", "service = sudo\n",
		"service = sshd\n", "from = ::/0\n", "person = taro\n",
		"attempts = 20\n", "login-time = 20s\n", "card-wait = 19s\n", "999999999999", "5x",
		"\r", "\xEF\xBB\xBF", "\xE3\x80\x80", "%n",
		"factors = session,totp\n", "factors = card\n",
		"[class b]\nwhere = remote\nservice = su\nfactors = card session,password\n",
	};
	size_t at = draw(seed, len), n = draw(seed, 40);
	const char *piece;
	char copy[64];

	switch (draw(seed, 5)) {
	case 0:
		text[at] = (char)draw(seed, 256);
		return len;
	case 1:
		n = n < len - at - 1 ? n : len - at - 1;
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	case 2:
		n = n < len - at ? n : len - at;
		memcpy(copy, text + at, n);
		return put(text, len, max, draw(seed, len), copy, n);
	default:
		piece = pieces[draw(seed, sizeof(pieces) / sizeof(*pieces))];
		return put(text, len, max, at, piece, strlen(piece));
	}
}

/* By its own reckoning: the kinds as the standards count them. */
static bool joins_two(const struct alternative *a)
{
	bool know = false, have = false;

	for (size_t i = 0; i < a->n; i++) {
		know |= a->factors[i] == FACTOR_CARD || a->factors[i] == FACTOR_PASSWORD || a->factors[i] == FACTOR_SESSION;
		have |= a->factors[i] != FACTOR_PASSWORD;
	}
	return know && have && !(a->n == 1 && a->factors[0] == FACTOR_SESSION);
}

static void check_loaded(const struct policy *p)
{
	assert_in_range(p->n_classes, 1, POLICY_CLASSES_MAX);
	assert_string_equal(p->classes[p->n_classes - 1].name, "default");
	for (size_t i = 0; i < p->n_classes; i++) {
		const struct policy_class *c = &p->classes[i];
		bool enough = false;

		assert_ptr_equal(policy_class_by_name(p, c->name), c);
		for (size_t j = 0; j < c->n_alternatives; j++) {
			bool card = c->alternatives[j].factors[0] == FACTOR_CARD ||
				    c->alternatives[j].factors[0] == FACTOR_CARD_NOPIN;
			bool local = c->where != WHERE_REMOTE && c->n_from == 0;

			enough |= joins_two(&c->alternatives[j]);
			assert_true(joins_two(&c->alternatives[j]) || c->alternatives[j].factors[0] == FACTOR_SESSION ||
				    (card && (!local || c->service.n)));
		}
		assert_true(enough);
		assert_in_range(c->attempts, 1, 20);
		assert_in_range(c->lock_s, 60, 86400);
		assert_in_range(c->login_time_s, 20, 170);
		assert_in_range(c->card_wait_s, 5, c->login_time_s - 1);
		assert_in_range(c->code_window, 0, 10);
		assert_in_range(c->pin_keep, 0, 2);
	}
}

static void mutations_never_load_less_than_two_kinds(void **state)
{
	unsigned rounds = getenv("CARDMFA_LONG") ? 2000000 : 20000, loaded = 0;
	static const char seed_text[] =
		"[class a]\nservice = su sshd\nwhere = remote\nfactors = card session,password\nattempts = 3\n"
		"[default]\nfactors = card,totp card,password\nlock = 15min\n";
	size_t len, max = 8192, n;
	char *text = sample(&len), *copy = malloc(max);
	uint64_t seed = 0x9E3779B97F4A7C15;
	int fd = conf_fd("", 0);

	(void)state;
	assert_non_null(copy);
	for (unsigned i = 0; i < rounds; i++) {
		struct policy *p = NULL;
		enum err e;

		n = i % 2 ? len : sizeof(seed_text) - 1;
		memcpy(copy, i % 2 ? text : seed_text, n);
		for (uint64_t times = 1 + draw(&seed, 4); times && n > 1; times--)
			n = mutate(copy, n, max, &seed);
		assert_int_equal(pwrite(fd, copy, n, 0), (ssize_t)n);
		assert_int_equal(ftruncate(fd, (off_t)n), 0);
		e = policy_read(fd, CONF_PATH, &p);
		if (e == ERR_OK) {
			loaded++;
			check_loaded(p);
			policy_free(p);
			continue;
		}
		assert_int_equal(e, ERR_CONFIG);
		assert_null(p);
		assert_memory_equal(err_detail(), CONF_PATH ":", strlen(CONF_PATH) + 1);
	}
	assert_true(loaded > rounds / 20 && loaded < rounds);
	assert_int_equal(close(fd), 0);
	free(text);
	free(copy);
}

static void shown(const struct policy *p, const char *class, const char *key, const char *value, unsigned line)
{
	const struct policy_class *c = class ? policy_class_by_name(p, class) : NULL;
	static char text[POLICY_VALUE_SIZE];
	unsigned from;
	size_t n;
	const struct setting_doc *docs = policy_settings_table(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(docs[i].key, key) == 0 && strcmp(docs[i].section, class ? "class" : "settings") == 0) {
			assert_string_equal(policy_value(p, c, i, text, sizeof(text), &from), value);
			assert_int_equal(from, line);
			return;
		}
	unit_fail("no setting %s", key);
}

static void values_have_a_source(void **state)
{
	struct policy *p = conf_loads("[settings]\n"            /* 1 */
				      "argon2-time = 4\n"
				      "\n"
				      "[class far]\n"           /* 4 */
				      "where = remote\n"
				      "factors = password,totp\n"
				      "attempts = 3\n"
				      "[default]\n"             /* 8 */
				      "factors = card,totp\n"
				      "lock = 30min\n"
				      "attempts = 7\n");

	(void)state;
	shown(p, NULL, "argon2-time", "4", 2);
	shown(p, NULL, "argon2-memory", "64MiB", 0);
	shown(p, "far", "where", "remote", 5);
	shown(p, "far", "factors", "password,totp", 6);
	shown(p, "far", "attempts", "3", 7);
	shown(p, "far", "lock", "30min", 10);
	shown(p, "far", "card-wait", "30s", 0);
	shown(p, "far", "person", "", 0);
	shown(p, "default", "attempts", "7", 11);
	/* A condition is never had from elsewhere. */
	shown(p, "default", "where", "any", 0);
	policy_free(p);
	/* Whatever stands between: each section has its own. */
	p = conf_loads("[class a]\nperson = t\nfactors = card\n"                         /* 1 */
		       "[settings]\nlanguage = ja\n"                                     /* 4 */
		       "[class b]\nwhere = remote\nfactors = card\nattempts = 3\n"       /* 6 */
		       "[class z]\nperson = u\nfactors = card,totp\nlanguage = en\n"     /* 10 */
		       DEFAULT);
	shown(p, NULL, "language", "ja", 5);
	shown(p, "a", "person", "t", 2);
	shown(p, "a", "language", "auto", 0);
	shown(p, "b", "attempts", "3", 9);
	shown(p, "b", "where", "remote", 7);
	shown(p, "z", "factors", "card,totp", 12);
	shown(p, "z", "language", "en", 13);
	shown(p, "default", "factors", "card,totp", 15);
	policy_free(p);
}

static enum err member_of_staff(const char *group, bool *ret, void *arg)
{
	(void)arg;
	*ret = strcmp(group, "staff") == 0;
	return ERR_OK;
}

#define EVERY_CONDITION (CONDITION_SERVICE | CONDITION_WHERE | CONDITION_FROM | CONDITION_PERSON | CONDITION_GROUP)

static enum err nobody_in(const char *group, bool *ret, void *arg)
{
	(void)group;
	(void)arg;
	*ret = false;
	return ERR_OK;
}

/* Each condition by itself, and what policy_select makes of the same. */
static void unmet_conditions_are_named(void **state)
{
	struct policy *p = conf_loads("[class all]\nperson = taro\ngroup = staff\nservice = sshd\nwhere = remote\n"
				      "from = 192.0.2.0/24\nfactors = password,totp\n[default]\nfactors = card,totp\n");
	const struct policy_class *c = &p->classes[0];
	static const struct {
		unsigned unmet;
		const char *login, *service, *address;
		bool remote, staff;
	} rows[] = {
		{ 0, "taro", "sshd", "192.0.2.7", true, true },
		{ CONDITION_PERSON, "jiro", "sshd", "192.0.2.7", true, true },
		{ CONDITION_SERVICE, "taro", "login", "192.0.2.7", true, true },
		{ CONDITION_FROM, "taro", "sshd", "198.51.100.1", true, true },
		{ CONDITION_WHERE | CONDITION_FROM, "taro", "sshd", "", false, true },
		{ CONDITION_GROUP, "taro", "sshd", "192.0.2.7", true, false },
		{ EVERY_CONDITION, "jiro", "login", "", false, false },
	};

	(void)state;
	assert_int_equal(policy_stated(c), EVERY_CONDITION);
	assert_int_equal(policy_stated(&p->classes[1]), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy_facts f = {
			.login = rows[i].login, .service = rows[i].service, .remote = rows[i].remote, .address = rows[i].address,
			.assigned_class = "", .last_class = "", .in_group = rows[i].staff ? member_of_staff : nobody_in,
		};
		bool failed = true;

		assert_int_equal(policy_unmet(p, c, &f, &failed), rows[i].unmet);
		assert_false(failed);
		assert_ptr_equal(policy_select(p, &f, &failed), rows[i].unmet ? &p->classes[1] : c);
		f.assigned_class = "all";
		assert_int_equal(policy_unmet(p, c, &f, &failed), rows[i].unmet & ~(unsigned)(CONDITION_PERSON | CONDITION_GROUP));
	}
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_file_is_the_presets),
		cmocka_unit_test(shipped_file_with_everything_switched_on),
		cmocka_unit_test(classes_fall_back_to_default),
		cmocka_unit_test(issuer_is_the_host_without_one),
		cmocka_unit_test(A10_unknown_settings_in_the_file),
		cmocka_unit_test(accounts_of_the_machine_have_their_services),
		cmocka_unit_test(A10_mistakes_about_accounts_of_the_machine),
		cmocka_unit_test(as_many_accounts_of_the_machine_as_there_is_room_for),
		cmocka_unit_test(sections_stand_where_they_must),
		cmocka_unit_test(two_kinds_are_joined),
		cmocka_unit_test(a_class_applies_where_it_says),
		cmocka_unit_test(addresses_are_numeric_or_none),
		cmocka_unit_test(first_class_that_applies),
		cmocka_unit_test(A26_service_aliases),
		cmocka_unit_test(assigned_class_stands_for_person_and_group),
		cmocka_unit_test(failing_groups_never_loosen),
		cmocka_unit_test(class_to_remember_is_of_the_person_alone),
		cmocka_unit_test(A88_configuration_extremes),
		cmocka_unit_test(position_of_the_descriptor_does_not_matter),
		cmocka_unit_test(values_have_a_source),
		cmocka_unit_test(unmet_conditions_are_named),
		cmocka_unit_test(mutations_never_load_less_than_two_kinds),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
