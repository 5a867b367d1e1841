/* SPDX-License-Identifier: Apache-2.0 */
/* Who is meant, from where, and which class applies: whatever the sources of accounts and groups answer or do not. */
#include "who.h"

#include "stage_fault.h"

#define CLASSES \
	STAGE_CHEAP \
	"[class chief]\nperson = taro\nservice = su\nfactors = card,totp\n" \
	"[class admin]\ngroup = wheel sudo\nfactors = card,password,totp\n" \
	"[class clerk]\ngroup = clerks\nfactors = card,password\n" \
	"[class branch]\nfrom = 192.0.2.0/24\nfactors = password,totp\n" \
	"[default]\nfactors = card,totp\n"

static struct who found;

static enum err find(const char *user)
{
	struct auth_call c;

	stage_request(user, user);
	stage_reset_call();
	c = stage_call();
	found = (struct who){ .uid = -77 };
	return who_find(&c, &found);
}

static const char *class_of(const char *user)
{
	assert_int_equal(find(user), ERR_OK);
	return found.class_of->name;
}

static struct person row_of(int64_t id)
{
	struct person p;

	assert_int_equal(store_person_by_id(rules_store, id, &p), ERR_OK);
	return p;
}

static void set_class(int64_t id, const char *class_name, const char *last_class)
{
	struct person p = row_of(id);

	strcpy(p.class_name, class_name);
	rules_begin();
	assert_int_equal(store_person_update(rules_store, &p), ERR_OK);
	if (last_class)
		assert_int_equal(store_person_set_last_class(rules_store, id, last_class), ERR_OK);
	rules_commit();
}

static int setup(void **state)
{
	int rc = stage_setup(state);

	stage_policy(CLASSES);
	host.groups[0] = (struct stage_group){ "wheel", 50, { "hanako", NULL }, 0 };
	host.groups[1] = (struct stage_group){ "clerks", 60, { NULL }, 0 };
	return rc;
}

#define WHO_TEST(function) cmocka_unit_test_setup_teardown(function, setup, stage_teardown)

/* -- accounts and persons -- */

static void a_registered_account_is_known(void **state)
{
	(void)state;
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.known && found.has_account);
	assert_int_equal(found.person.id, taro);
	assert_int_equal(found.uid, 1001);
	assert_int_equal(found.gid, 1001);
	assert_false(found.remote);
	assert_string_equal(found.origin, "local");
	assert_string_equal(found.address, "");
	assert_string_equal(who_from(&found), "local");
}

static void a_uid_without_a_person_is_unknown(void **state)
{
	const struct auth_call c = stage_call();
	struct who w = { .known = true, .has_account = true };

	(void)state;
	assert_int_equal(who_of_uid(&c, 1003, &w), ERR_OK);
	assert_false(w.known || w.has_account);
	assert_int_equal(w.uid, 1003);
	assert_int_equal(who_of_uid(&c, 1001, &w), ERR_OK);
	assert_true(w.known && w.has_account);
	assert_string_equal(w.person.login, "taro");
	assert_int_equal(w.gid, 1001);
}

static void another_name_of_the_uid_is_the_same_person(void **state)
{
	(void)state;
	stage_request(service, "su");
	assert_string_equal(class_of("taro"), "chief");
	assert_string_equal(class_of("alias"), "chief");
	assert_int_equal(found.person.id, taro);
	assert_true(found.known);
	stage_set_state(taro, PERSON_LOCKED);
	assert_int_equal(find("alias"), ERR_OK);
	assert_int_equal(found.person.state, PERSON_LOCKED);
	/* The groups of either name count. */
	stage_request(service, "login");
	host.groups[0].members[0] = "taro";
	assert_string_equal(class_of("alias"), "admin");
	host.groups[0].members[0] = "alias";
	assert_string_equal(class_of("alias"), "admin");
	assert_string_equal(class_of("taro"), "default");
}

static void names_that_nobody_has_get_a_class_like_anybody(void **state)
{
	static const char *const names[] = { "nobody-at-all", "", "..", "-x", "taro ", "TARO", "taro\n", "%n%s", "jiro" };
	char long_name[257];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(class_of(names[i]), "default");
		assert_false(found.known);
		assert_int_equal(found.has_account, !strcmp(names[i], "jiro"));
	}
	memset(long_name, 'a', 256);
	long_name[256] = '\0';
	assert_string_equal(class_of(long_name), "default");
	assert_false(found.known);
}

/* Registered, but the system knows the name no more. */
static void an_account_that_vanished_is_unknown(void **state)
{
	(void)state;
	host.vanished = "taro";
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.known);
	assert_false(found.has_account);
	assert_int_equal(found.uid, -1);
	assert_int_equal(found.gid, -1);
	host.vanished = NULL;
	host.account_rc = ENOENT;
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.known);
}

/* It says nothing of the name: neither that there is a person nor that there is none. */
static void a_source_of_accounts_that_fails_is_no_answer(void **state)
{
	static const int failures[] = { EIO, ERANGE, ENOMEM, EAGAIN };

	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		host.account_rc = failures[i];
		assert_int_equal(find("taro"), ERR_UNAVAILABLE);
		assert_int_equal(find("nobody-here"), ERR_UNAVAILABLE);
		assert_non_null(strstr(stage.log, strerror(failures[i])));
	}
}

/* The source may know the account by another name: that one counts for the groups. */
static void the_sources_own_name_counts(void **state)
{
	char long_name[300];

	(void)state;
	host.canonical = "taro@city.example";
	host.groups[0].members[0] = "taro@city.example";
	assert_string_equal(class_of("taro"), "admin");
	assert_true(found.known);
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	host.canonical = long_name;
	assert_string_equal(class_of("taro"), "default");
	assert_false(found.has_account);
	assert_false(found.known);
}

static void a_removed_person_is_unknown(void **state)
{
	(void)state;
	stage_set_state(taro, PERSON_REMOVED);
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.known);
	assert_true(found.has_account);
}

static void a_store_that_fails_leaves_nothing_assumed(void **state)
{
	(void)state;
	stage_raw("UPDATE person SET state = 'what' WHERE id = 1");
	assert_int_equal(find("taro"), ERR_STORE_CORRUPT);
	assert_int_equal(found.uid, -77);
	host.vanished = "taro";
	assert_int_equal(find("taro"), ERR_STORE_CORRUPT);
	/* A name that could be no login is not looked up. */
	assert_int_equal(find("../taro"), ERR_OK);
	assert_int_equal(find("hanako"), ERR_OK);
}

/* -- where from -- */

static void addresses(void **state)
{
	static const struct {
		const char *rhost, *address;
	} rows[] = {
		{ "192.0.2.5", "192.0.2.5" }, { "::ffff:192.0.2.5", "192.0.2.5" }, { "2001:DB8::0001", "2001:db8::1" },
		{ "a.example", "a.example" }, { "localhost", "localhost" }, { "192.0.2.5 ", "other" }, { " ", "other" },
		{ "fe80::1%eth0", "fe80::1%eth0" }, { "\x1b[2J", "\\x1B[2J" }, { "", "" },
	};
	char long_host[1001];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage_from("taro", rows[i].rhost);
		assert_int_equal(find("taro"), ERR_OK);
		assert_string_equal(found.address, rows[i].address);
		assert_true(found.remote);
		assert_string_equal(found.origin, "remote");
		assert_string_equal(who_from(&found), rows[i].address[0] ? rows[i].address : "remote");
	}
	memset(long_host, '1', 1000);
	long_host[1000] = '\0';
	stage_from("taro", long_host);
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(strlen(found.address) < STORE_ADDRESS_SIZE);
}

static void who_calls_from_his_own_process(void **state)
{
	(void)state;
	stage_as_user("taro", 1001);
	stage_request(rhost, "192.0.2.5");
	assert_int_equal(find("taro"), ERR_OK);
	assert_string_equal(found.origin, "uid:1001");
	/* He could name anybody's address. */
	assert_string_equal(found.address, "");
	assert_true(found.remote);
	assert_string_equal(class_of("taro"), "default");
	/* In his local session. */
	stage_request(rhost, "");
	stage_local_session();
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.remote);
	assert_string_equal(found.origin, "uid:1001");
	host.session_remote = true;
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.remote);
	host.session_remote = false;
	host.session_active = false;
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.remote);
	host.session_active = true;
	host.session_service = "su";
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.remote);
	host.session_service = NULL;
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.remote);
}

/* Of a session that su, sudo and their like opened, or a service that is not listed, nobody knows where it is. */
static void a_session_of_a_switch_is_nowhere(void **state)
{
	static const char *const services[] = { "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "polkit-1", "unheard-of" };

	(void)state;
	stage_policy(STAGE_CHEAP "local-services = login swaylock su su-l sudo sudo-i runuser runuser-l polkit-1\n"
		     "[default]\nfactors = card,totp\n");
	stage_as_user("taro", 1001);
	stage_local_session();
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.remote);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		host.session_service = services[i];
		assert_int_equal(find("taro"), ERR_OK);
		assert_true(found.remote);
	}
}

/* At the session's lines the process is in an audit session already: getty's login is local all the same. */
static void a_session_is_where_its_login_was(void **state)
{
	(void)state;
	stage.peer.audit_session = 5;
	stage.request.op = WIRE_AUTH;
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.remote);
	stage.request.op = WIRE_ACCOUNT;
	assert_int_equal(find("taro"), ERR_OK);
	assert_true(found.remote);
	stage.request.op = WIRE_OPEN;
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.remote);
	stage.request.op = WIRE_CLOSE;
	assert_int_equal(find("taro"), ERR_OK);
	assert_false(found.remote);
}

/* -- classes -- */

static void groups_by_membership_and_by_gid(void **state)
{
	(void)state;
	assert_string_equal(class_of("hanako"), "admin");
	assert_string_equal(class_of("taro"), "default");
	host.groups[0].gid = 1001;
	assert_string_equal(class_of("taro"), "admin");
	host.groups[0] = (struct stage_group){ "wheel", 50, { NULL }, 0 };
	host.groups[1].gid = 1002;
	assert_string_equal(class_of("hanako"), "clerk");
	host.groups[0] = (struct stage_group){ "wheel", 50, { "han", "hanakox" }, 0 };
	assert_string_equal(class_of("hanako"), "clerk");
	/* Without an account no gid is a name's own. */
	host.groups[0].gid = (gid_t)-1;
	assert_string_equal(class_of("nobody-at-all"), "default");
}

static void the_address_chooses_too(void **state)
{
	(void)state;
	stage_from("taro", "192.0.2.5");
	assert_string_equal(class_of("taro"), "branch");
	stage_from("taro", "::ffff:192.0.2.5");
	assert_string_equal(class_of("taro"), "branch");
	stage_from("taro", "192.0.3.5");
	assert_string_equal(class_of("taro"), "default");
	stage_from("taro", "192.0.2.5.example");
	assert_string_equal(class_of("taro"), "default");
}

/* Who is not known gets the class of his name, and nothing of a row that an account has left behind. */
static void names_without_a_person_have_their_class(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[class named]\nperson = jiro nobody-at-all\nfactors = card,password\n"
		     "[class clerk]\nservice = login\ngroup = clerks\nfactors = card,password\n[default]\nfactors = card,totp\n");
	assert_string_equal(class_of("jiro"), "named");
	assert_string_equal(class_of("nobody-at-all"), "named");
	assert_string_equal(class_of("nobody-else"), "default");
	set_class(taro, "clerk", NULL);
	assert_string_equal(class_of("taro"), "clerk");
	host.vanished = "taro";
	assert_string_equal(class_of("taro"), "default");
	set_class(taro, "gone", NULL);
	assert_string_equal(class_of("taro"), "default");
	host.vanished = NULL;
	assert_int_equal(find("taro"), ERR_CONFIG);
	/* A name of one letter is one. */
	set_class(taro, "x", NULL);
	assert_int_equal(find("taro"), ERR_CONFIG);
}

static void places_have_words(void **state)
{
	struct who w = { .remote = true };

	(void)state;
	assert_string_equal(who_from(&w), "remote");
	w.remote = false;
	assert_string_equal(who_from(&w), "local");
	strcpy(w.address, "a");
	assert_string_equal(who_from(&w), "a");
}

static void the_assigned_class(void **state)
{
	(void)state;
	set_class(taro, "clerk", NULL);
	assert_string_equal(class_of("taro"), "clerk");
	assert_string_equal(class_of("hanako"), "admin");
	/* Its absence loosens nothing. */
	set_class(taro, "gone", NULL);
	assert_int_equal(find("taro"), ERR_CONFIG);
	assert_int_equal(found.uid, -77);
	assert_int_equal(find("alias"), ERR_CONFIG);
	assert_int_equal(find("hanako"), ERR_OK);
	stage_request(user, "taro");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_CONFIG);
	assert_string_equal(stage.shown, "");
	assert_int_equal(stage_run(WIRE_ACCOUNT), ERR_CONFIG);
	assert_int_equal(stage_run(WIRE_OPEN), ERR_CONFIG);
	assert_int_equal(stage_run(WIRE_CLOSE), ERR_CONFIG);
	/* A removed person has none. */
	stage_set_state(taro, PERSON_REMOVED);
	assert_string_equal(class_of("taro"), "default");
}

/* -- sources of groups that fail -- */

static void the_class_is_kept_while_the_source_works(void **state)
{
	int64_t changed_at = row_of(hanako).changed_at;

	(void)state;
	assert_string_equal(row_of(hanako).last_class, "");
	assert_string_equal(class_of("hanako"), "admin");
	assert_string_equal(row_of(hanako).last_class, "admin");
	assert_string_equal(class_of("taro"), "default");
	assert_string_equal(row_of(taro).last_class, "default");
	/* Whatever the service and the place. */
	stage_from("taro", "192.0.2.5");
	assert_string_equal(class_of("taro"), "branch");
	assert_string_equal(row_of(taro).last_class, "default");
	/* It changes with the membership, and with it alone. */
	host.groups[0].members[0] = NULL;
	stage_at_console("hanako");
	assert_string_equal(class_of("hanako"), "default");
	assert_string_equal(row_of(hanako).last_class, "default");
	assert_int_equal(row_of(hanako).changed_at, changed_at);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
}

static void a_source_that_fails_never_loosens(void **state)
{
	static const int ends[] = { EIO, ENOMEM, ERANGE, EAGAIN, EACCES };

	(void)state;
	assert_string_equal(class_of("hanako"), "admin");
	assert_string_equal(class_of("taro"), "default");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		host.groups[0].rc = ends[i];
		assert_string_equal(class_of("hanako"), "admin");
		assert_non_null(strstr(stage.log, "a group source failed"));
		assert_string_equal(row_of(hanako).last_class, "admin");
		/* Known not to be one. */
		assert_string_equal(class_of("taro"), "default");
		assert_string_equal(row_of(taro).last_class, "default");
	}
	/* Never known: the strictest. */
	set_class(hanako, "", "gone");
	assert_string_equal(class_of("hanako"), "admin");
	/* While it fails nothing new is learnt. */
	host.groups[1].members[0] = "taro";
	assert_string_equal(class_of("taro"), "clerk");
	assert_string_equal(row_of(taro).last_class, "default");
	assert_null(strstr(stage.log, "no longer resolves"));
}

/* "Not found" is an answer, unless the group was once there. */
static void a_group_that_vanished_is_a_source_that_failed(void **state)
{
	bool known;

	(void)state;
	/* sudo was never there: no failure. */
	assert_string_equal(class_of("taro"), "default");
	assert_null(strstr(stage.log, "group source"));
	assert_int_equal(store_group_known(rules_store, "wheel", &known), ERR_OK);
	assert_true(known);
	assert_int_equal(store_group_known(rules_store, "clerks", &known), ERR_OK);
	assert_true(known);
	assert_int_equal(store_group_known(rules_store, "sudo", &known), ERR_OK);
	assert_false(known);
	assert_string_equal(class_of("hanako"), "admin");
	host.groups[0].name = NULL;
	assert_string_equal(class_of("hanako"), "admin");
	assert_non_null(strstr(stage.log, "group wheel no longer resolves"));
	assert_non_null(strstr(stage.log, "a group source failed"));
	assert_string_equal(class_of("taro"), "default");
	assert_string_equal(row_of(taro).last_class, "default");
	/* ENOENT is the same. */
	host.groups[0] = (struct stage_group){ "wheel", 50, { NULL }, ENOENT };
	assert_string_equal(class_of("hanako"), "admin");
	assert_non_null(strstr(stage.log, "group wheel no longer resolves"));
	host.groups[0] = (struct stage_group){ "sudo", 50, { NULL }, ENOENT };
	assert_int_equal(stage_tamper("DELETE FROM known_group"), ERR_OK);
	assert_string_equal(class_of("jiro"), "default");
	assert_null(strstr(stage.log, "group source"));
	/* An empty one is no failure. */
	host.groups[0] = (struct stage_group){ "wheel", 50, { NULL }, 0 };
	assert_string_equal(class_of("hanako"), "default");
	assert_string_equal(row_of(hanako).last_class, "default");
}

/* Where the class was found without asking the source that fails, nothing is learnt either. */
static void a_failed_source_that_was_not_needed_teaches_nothing(void **state)
{
	(void)state;
	set_class(taro, "", "clerk");
	host.groups[0].rc = EIO;
	stage_request(service, "su");
	assert_string_equal(class_of("taro"), "chief");
	assert_string_equal(row_of(taro).last_class, "clerk");
	host.groups[0].rc = 0;
	assert_string_equal(class_of("taro"), "chief");
	assert_string_equal(row_of(taro).last_class, "default");
}

/* Whether a group was once there may be unknown too: that is a source that failed. */
static void a_store_that_fails_never_loosens(void **state)
{
	int failed = 0;

	(void)state;
	host.groups[0].name = host.groups[1].name = NULL;
	for (int n = 1; n < 60; n++) {
		struct auth_call c;
		enum err e;

		fault_apart("UPDATE person SET last_class = NULL");
		stage_reset_call();
		c = stage_call();
		fault.steps = 0;
		fault.at = n;
		fault.code = SQLITE_IOERR;
		fault.armed = true;
		e = who_find(&c, &found);
		fault.armed = false;
		if (e != ERR_OK)
			continue;
		if (strstr(stage.log, "a group source failed")) {
			assert_string_not_equal(found.class_of->name, "default");
			failed++;
		} else {
			assert_string_equal(found.class_of->name, "default");
		}
	}
	assert_true(failed >= 2);
}

/* What can't be kept is not kept; the class is the same. */
static void a_store_that_takes_nothing_is_no_matter_here(void **state)
{
	(void)state;
	rules_begin();
	assert_string_equal(class_of("hanako"), "admin");
	store_rollback(rules_store);
	assert_string_equal(row_of(hanako).last_class, "");
}

/* -- who asks through sudo and su -- */

/* A set-uid host that this uid started. */
static const char *asked_by(int64_t ruid, const char *service, enum wire_op op, const char *user)
{
	stage.peer.ruid = ruid;
	stage_request(service, service);
	stage.request.op = op;
	assert_int_equal(find(user), ERR_OK);
	return found.login;
}

static void sudo_opens_in_the_name_of_its_caller(void **state)
{
	static const char *const services[] = { "sudo", "sudo-i" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (enum wire_op op = WIRE_OPEN; op <= WIRE_CLOSE; op++) {
			assert_string_equal(asked_by(1001, services[i], op, "root"), "taro");
			assert_true(found.known);
			assert_string_equal(who_target(&(struct auth_call){ .request = &stage.request }, &found), "root");
			assert_string_equal(asked_by(1001, services[i], op, "taro"), "taro");
			assert_null(who_target(&(struct auth_call){ .request = &stage.request }, &found));
			assert_string_equal(asked_by(1003, services[i], op, "taro"), "jiro");
			assert_false(found.known);
			/* A uid without a name. */
			assert_string_equal(asked_by(4242, services[i], op, "taro"), "");
			assert_false(found.has_account);
			assert_string_equal(asked_by(0, services[i], op, "taro"), "taro");
		}
		/* It names him itself then. */
		assert_string_equal(asked_by(1001, services[i], WIRE_AUTH, "hanako"), "hanako");
		assert_string_equal(asked_by(1001, services[i], WIRE_ACCOUNT, "hanako"), "hanako");
		assert_string_equal(asked_by(1001, services[i], WIRE_STATUS, "hanako"), "hanako");
		assert_string_equal(asked_by(1001, services[i], WIRE_EXPLAIN, "hanako"), "hanako");
	}
	assert_string_equal(asked_by(1001, "sudo-other", WIRE_OPEN, "hanako"), "hanako");
	assert_string_equal(asked_by(1001, "polkit-1", WIRE_OPEN, "hanako"), "hanako");
	stage.peer.root_socket = false;
	assert_string_equal(asked_by(1001, "sudo", WIRE_OPEN, "hanako"), "hanako");
}

static void su_asks_whom_the_callers_class_says(void **state)
{
	static const char *const services[] = { "su", "su-l" };

	(void)state;
	stage_policy(STAGE_CHEAP "[class chief]\nperson = taro jiro root\nfactors = card,password\nsu = caller\n[default]\nfactors = card,totp\n");
	for (size_t i = 0; i < 2; i++) {
		for (enum wire_op op = WIRE_AUTH; op <= WIRE_CLOSE; op++) {
			assert_string_equal(asked_by(1001, services[i], op, "hanako"), "taro");
			assert_true(found.known);
			assert_string_equal(found.class_of->name, "chief");
			/* His class says nothing of it; he is no registered person; he is root, or nobody. */
			assert_string_equal(asked_by(1002, services[i], op, "taro"), "taro");
			assert_string_equal(asked_by(1003, services[i], op, "hanako"), "hanako");
			assert_string_equal(asked_by(0, services[i], op, "hanako"), "hanako");
			assert_string_equal(asked_by(4242, services[i], op, "hanako"), "hanako");
		}
	}
	assert_string_equal(asked_by(1001, "sudo", WIRE_AUTH, "hanako"), "hanako");
	assert_string_equal(asked_by(1001, "runuser", WIRE_AUTH, "hanako"), "hanako");
	(void)rules_person("root", 0);
	assert_string_equal(asked_by(0, "su", WIRE_AUTH, "hanako"), "hanako");
	stage.peer.root_socket = false;
	assert_string_equal(asked_by(1001, "su", WIRE_AUTH, "hanako"), "hanako");
	/* Nobody is asked in place of a caller of whom nothing can be told. */
	stage.peer.root_socket = true;
	set_class(taro, "gone", NULL);
	assert_int_equal(find("hanako"), ERR_CONFIG);
	assert_int_equal(found.uid, -77);
}

/* The source of accounts or groups says nothing of him: then nothing is assumed, and a class that he had stays. */
static void a_caller_whose_sources_fail(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[class switch]\nservice = su\ngroup = wheel\nfactors = card,totp\nsu = caller\n"
		     "[default]\nfactors = card,password\n");
	assert_string_equal(asked_by(1002, "su", WIRE_AUTH, "taro"), "hanako");
	host.groups[0].rc = EIO;
	assert_string_equal(asked_by(1002, "su", WIRE_AUTH, "taro"), "hanako");
	host.groups[0].rc = 0;
	host.vanished = "hanako";
	assert_string_equal(asked_by(1002, "su", WIRE_AUTH, "taro"), "taro");
	assert_string_equal(asked_by(1002, "sudo", WIRE_OPEN, "taro"), "");
	assert_false(found.known || found.has_account);
	host.vanished = NULL;
	host.account_rc = EIO;
	assert_int_equal(find("taro"), ERR_UNAVAILABLE);
	stage_request(service, "su");
	assert_int_equal(find("taro"), ERR_UNAVAILABLE);
	assert_int_equal(found.uid, -77);
}

static void uid_1_is_a_caller(void **state)
{
	(void)state;
	assert_string_equal(asked_by(1, "sudo", WIRE_OPEN, "taro"), "");
}

/* -- sshd -- */

static void sshd_is_told_by_program_uid_and_socket(void **state)
{
	static const struct {
		const char *exe, *service;
		int64_t ruid;
		bool root_socket, ssh;
	} rows[] = {
		{ "/usr/sbin/sshd", "sshd", 0, true, true },
		{ "/usr/lib/openssh/sshd-session", "sshd", 0, true, true },
		{ "/usr/libexec/openssh/sshd-session", "sshd", 0, true, true },
		{ "/usr/sbin/dropbear", "sshd", 0, true, false },
		{ "", "sshd", 0, true, false },
		{ "/usr/sbin/sshd", "sshd2", 0, true, false },
		{ "/usr/sbin/sshd", "login", 0, true, false },
		{ "/usr/sbin/sshd", "sshd", 1001, true, false },
		{ "/usr/sbin/sshd", "sshd", 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage_from("taro", "192.0.2.5");
		stage_text(stage.peer.exe, sizeof(stage.peer.exe), rows[i].exe);
		stage_request(service, rows[i].service);
		stage.peer.ruid = rows[i].ruid;
		stage.peer.root_socket = rows[i].root_socket;
		assert_int_equal(find("taro"), ERR_OK);
		assert_int_equal(found.ssh, rows[i].ssh);
		assert_true(found.remote);
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		WHO_TEST(a_registered_account_is_known),
		WHO_TEST(a_uid_without_a_person_is_unknown),
		WHO_TEST(another_name_of_the_uid_is_the_same_person),
		WHO_TEST(names_that_nobody_has_get_a_class_like_anybody),
		WHO_TEST(an_account_that_vanished_is_unknown),
		WHO_TEST(a_source_of_accounts_that_fails_is_no_answer),
		WHO_TEST(the_sources_own_name_counts),
		WHO_TEST(a_removed_person_is_unknown),
		WHO_TEST(a_store_that_fails_leaves_nothing_assumed),
		WHO_TEST(addresses),
		WHO_TEST(who_calls_from_his_own_process),
		WHO_TEST(a_session_is_where_its_login_was),
		WHO_TEST(a_session_of_a_switch_is_nowhere),
		WHO_TEST(groups_by_membership_and_by_gid),
		WHO_TEST(the_address_chooses_too),
		WHO_TEST(names_without_a_person_have_their_class),
		WHO_TEST(places_have_words),
		WHO_TEST(the_assigned_class),
		WHO_TEST(the_class_is_kept_while_the_source_works),
		WHO_TEST(a_source_that_fails_never_loosens),
		WHO_TEST(a_group_that_vanished_is_a_source_that_failed),
		WHO_TEST(a_failed_source_that_was_not_needed_teaches_nothing),
		WHO_TEST(a_store_that_fails_never_loosens),
		WHO_TEST(a_store_that_takes_nothing_is_no_matter_here),
		WHO_TEST(sudo_opens_in_the_name_of_its_caller),
		WHO_TEST(su_asks_whom_the_callers_class_says),
		WHO_TEST(a_caller_whose_sources_fail),
		WHO_TEST(uid_1_is_a_caller),
		WHO_TEST(sshd_is_told_by_program_uid_and_socket),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
