/* SPDX-License-Identifier: Apache-2.0 */
/* What root is told of a login before it begins: the very class and ways that it gets, and nothing is changed by asking. */
#include "../../lib/auth/explain.h"

#include "stage_session.h"

#define CLASSES \
	STAGE_CHEAP "[class admin]\nperson = hanako\nservice = login\nfactors = card,totp\n" \
		    "[class far]\nwhere = remote\nfrom = 192.0.2.0/24\nfactors = password,totp\n" \
		    "[default]\nfactors = card,totp card,password password,totp\nattempts = 4\nlock = 2h\n"

static void expect_way(size_t n, const char *factors, enum wire_obstacle obstacle)
{
	const struct wire_record *r = stage_told(WIRE_RECORD_WAY, n);

	assert_non_null(r);
	assert_string_equal(r->way.factors, factors);
	assert_int_equal(r->way.obstacle, obstacle);
}

static const struct wire_class *class_told(size_t n)
{
	const struct wire_record *r = stage_told(WIRE_RECORD_CLASS, n);

	assert_non_null(r);
	return &r->class_of;
}

static void the_class_and_what_kept_the_others_out(void **state)
{
	(void)state;
	stage_policy(CLASSES);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_string_equal(class_told(0)->name, "admin");
	assert_int_equal(class_told(0)->line, 4);
	assert_int_equal(class_told(0)->stated, CONDITION_PERSON | CONDITION_SERVICE);
	assert_int_equal(class_told(0)->unmet, CONDITION_PERSON);
	assert_int_equal(class_told(1)->unmet, CONDITION_WHERE | CONDITION_FROM);
	assert_string_equal(class_told(2)->name, "default");
	assert_true(class_told(2)->applies);
	assert_int_equal(class_told(2)->attempts, 4);
	assert_int_equal(class_told(2)->lock_s, 7200);
	assert_null(stage_told(WIRE_RECORD_CLASS, 3));
	assert_false(stage_told(WIRE_RECORD_PLACE, 0)->place.remote);

	stage_at_console("hanako");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_true(class_told(0)->applies);
	assert_null(stage_told(WIRE_RECORD_CLASS, 1));

	stage_from("taro", "192.0.2.7");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_true(class_told(1)->applies);
	assert_true(stage_told(WIRE_RECORD_PLACE, 0)->place.remote);
	assert_string_equal(stage_told(WIRE_RECORD_PLACE, 0)->place.address, "192.0.2.7");
}

static void the_place_and_the_state_of_the_machine(void **state)
{
	const struct wire_record *r;

	(void)state;
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	r = stage_told(WIRE_RECORD_PLACE, 0);
	assert_ptr_equal(r, &stage.records[0]);
	assert_string_equal(r->place.origin, "local");
	assert_string_equal(r->place.address, "");
	assert_false(r->place.fallback || r->place.full);

	stage_from("taro", "192.0.2.7");
	stage.peer.config_fallback = true;
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	r = stage_told(WIRE_RECORD_PLACE, 0);
	assert_string_equal(r->place.origin, "remote");
	assert_true(r->place.fallback && !r->place.full);

	stage.peer.config_fallback = false;
	stage.store_full = true;
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	r = stage_told(WIRE_RECORD_PLACE, 0);
	assert_true(r->place.full && !r->place.fallback);
	/* As a login: from inside of somebody's session nobody stands before the machine. */
	stage_at_console("taro");
	stage.peer.audit_session = 9;
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_true(stage_told(WIRE_RECORD_PLACE, 0)->place.remote);
}

static void ways_and_what_stands_in_them(void **state)
{
	const struct wire_record *card;

	(void)state;
	stage_policy(CLASSES);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_OPEN);
	expect_way(1, "card,password", WIRE_WAY_OPEN);
	card = stage_told(WIRE_RECORD_CARD, 0);
	assert_int_equal(card->card.guid_len, 16);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(card->card.guid[i], 0x77);

	/* Over ssh a card proves itself by its key; over anything else it can't. */
	stage_from("taro", "198.51.100.1");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_OPEN);
	stage_request(service, "xrdp-sesman");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_REMOTE);
	expect_way(2, "password,totp", WIRE_WAY_OPEN);

	stage_at_console("taro");
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_NO_CARD);

	stage_at_console("hanako");
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card,password session,password card-nopin,password\n");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_NO_APP);
	expect_way(1, "card,password", WIRE_WAY_NO_PASSWORD);
	expect_way(2, "session,password", WIRE_WAY_SESSION);
	expect_way(3, "card-nopin,password", WIRE_WAY_NO_CARD);
}

/* One of them is enough, whichever was enrolled last; each kind opens its own ways. */
static void any_of_several_cards_will_do(void **state)
{
	struct stage_card pinless = stage_new_card(1, 0), other = stage_new_card(0, 0x99);

	(void)state;
	pinless.pinless = true;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp card-nopin,password\n");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_OPEN);
	expect_way(1, "card-nopin,password", WIRE_WAY_NO_CARD);
	stage_enrol(&pinless, taro);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_OPEN);
	expect_way(1, "card-nopin,password", WIRE_WAY_OPEN);
	/* It says nothing to know it by. */
	assert_int_equal(stage_told(WIRE_RECORD_CARD, 1)->card.guid_len, 0);
	stage_enrol(&other, taro);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(1, "card-nopin,password", WIRE_WAY_OPEN);
	stage_move_card(&taros, CARD_REVOKED);
	stage_move_card(&other, CARD_REVOKED);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(0, "card,totp", WIRE_WAY_NO_CARD);
	expect_way(1, "card-nopin,password", WIRE_WAY_OPEN);
}

/* Far away a card is not asked for, and what a session proved is known nowhere. */
static void ways_that_are_never_offered_say_why(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = password,totp session,password card,session\n");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(1, "session,password", WIRE_WAY_SESSION);
	expect_way(2, "card,session", WIRE_WAY_SESSION);
	stage_from("taro", "192.0.2.7");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	expect_way(1, "session,password", WIRE_WAY_SESSION);
	expect_way(2, "card,session", WIRE_WAY_REMOTE);
}

/* Root asks from elsewhere: what a person proved in a session of his own is not known, and the ways beside it are. */
static void a_session_is_no_way_that_can_be_told(void **state)
{
	(void)state;
	stage_policy(SESSION_POLICY);
	session_at_console(STAGE_PASSWORD);
	session_runs("sudo", 0, "taro");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_string_equal(class_told(0)->name, "switch");
	expect_way(0, "session,totp", WIRE_WAY_SESSION);
	expect_way(1, "session,password", WIRE_WAY_SESSION);
	expect_way(2, "card,totp", WIRE_WAY_OPEN);
	expect_way(3, "card,password", WIRE_WAY_OPEN);
	/* su is explained for whom it names: root's needs nobody's factors. */
	stage_policy(SESSION_POLICY "su = caller\n");
	session_runs("su", 0, "hanako");
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_string_equal(stage_told(WIRE_RECORD_PERSON, 0)->person.login, "hanako");
}

static void who_is_no_person_has_a_class_and_no_records(void **state)
{
	static const char *const names[] = { "jiro", "nobody-at-all", "root" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		stage_at_console(names[i]);
		assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
		assert_null(stage_told(WIRE_RECORD_PERSON, 0));
		assert_null(stage_told(WIRE_RECORD_CARD, 0));
		assert_null(stage_told(WIRE_RECORD_EVENT, 0));
		assert_true(class_told(0)->applies);
		expect_way(0, "card,totp", WIRE_WAY_NO_CARD);
	}
}

/* Whose account has vanished is not known any more, not by his events either. */
static void whose_account_vanished_has_no_records(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_non_null(stage_told(WIRE_RECORD_EVENT, 0));
	host.vanished = "taro";
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_null(stage_told(WIRE_RECORD_PERSON, 0));
	assert_null(stage_told(WIRE_RECORD_EVENT, 0));
}

static void put_failures(const char *origin, int64_t failed)
{
	struct bucket_row b = { .person = taro, .failed = failed };

	assert_int_equal(clock_now(&b.last), ERR_OK);
	stage_text(b.origin, sizeof(b.origin), origin);
	rules_begin();
	assert_int_equal(store_bucket_put(rules_store, &b), ERR_OK);
	rules_commit();
}

/* Which counters would refuse this service: of the place that is asked about, and those of callers, by the limits of its own class. */
static void expect_locks(const char *service, bool local, bool remote, bool caller)
{
	const bool wanted[] = { local, remote, caller };

	stage_request(service, service);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(stage_told(WIRE_RECORD_COUNT, i)->count.locked_until != -1, wanted[i]);
}

static void locks_are_those_of_the_service_that_is_asked_about(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[class switch]\nservice = su sudo\nfactors = card,totp\nattempts = 3\n"
				 "[class far]\nservice = sshd\nfactors = password,totp\nattempts = 3\n"
				 "[default]\nfactors = card,totp\nattempts = 5\n");
	put_failures("local", 3);
	put_failures("remote", 4);
	put_failures("uid:1001", 3);
	expect_locks("sudo", true, true, true);
	expect_locks("su", true, true, true);
	expect_locks("login", false, true, false);
	expect_locks("swaylock", false, true, false);
	stage_request(rhost, "192.0.2.7");
	expect_locks("sshd", false, true, false);
	expect_locks("sudo", false, true, true);
}

static void the_newest_event_is_told(void **state)
{
	const struct wire_record *r;
	struct event_row last;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	stage_last_event(&last);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_null(stage_told(WIRE_RECORD_EVENT, 1));
	r = stage_told(WIRE_RECORD_EVENT, 0);
	assert_int_equal(r->event.seq, last.seq);
	assert_int_equal(r->event.at, last.at);
	assert_string_equal(r->event.type, "login");
	assert_string_equal(r->event.result, "SECRET_WRONG");
	assert_string_equal(r->event.service, "login");
	assert_string_equal(r->event.card, taros.row.card_id.text);
	assert_string_equal(r->event.detail, "{\"class\":\"default\",\"wrong\":\"password\"}");
}

/* Nothing is asked, counted, remembered or granted; and the user socket gets nothing. */
static void asking_changes_nothing(void **state)
{
	static const char rows[] = "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM known_group) + "
				   "(SELECT count(*) FROM person WHERE last_class IS NOT NULL) + (SELECT count(*) FROM unproved) + "
				   "(SELECT count(*) FROM try) + (SELECT count(*) FROM bucket)";
	int64_t before = stage_count(rows);

	(void)state;
	stage_policy(STAGE_CHEAP "[class staff]\ngroup = staff\nfactors = card,totp\n[default]\nfactors = password,totp\n");
	host.groups[0] = (struct stage_group){ .name = "staff", .gid = 50, .members = { "taro" } };
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_string_equal(class_told(0)->name, "staff");
	assert_true(class_told(0)->applies);
	assert_int_equal(stage_count(rows), before);
	assert_string_equal(stage.shown, "");
	stage_as_user("taro", 1001);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_NOT_ALLOWED);
	assert_int_equal(stage.n_records, 0);
}

static struct {
	size_t sent, fails_at;
} line;

static enum err breaking_record(void *arg, const struct wire_record *r)
{
	(void)arg;
	(void)r;
	assert_true(++line.sent <= line.fails_at);
	return line.sent == line.fails_at ? ERR_UNAVAILABLE : ERR_OK;
}

/* Nothing is told after it, and the verdict stays a no, before auth_run() looks at it too. */
/* The other end may take its time. */
static void no_query_is_open_while_one_is_told(void **state)
{
	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	stage.log_moves = true;
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	assert_non_null(stage_told(WIRE_RECORD_EVENT, 0));
}

static void a_record_that_can_not_be_sent_ends_it(void **state)
{
	struct auth_call c;
	struct auth_io io;
	size_t all;

	(void)state;
	stage_policy(CLASSES);
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	assert_int_equal(stage_run(WIRE_EXPLAIN), ERR_OK);
	all = stage.n_records;
	assert_true(all > 8);
	c = stage_call();
	io = *c.io;
	io.record = breaking_record;
	c.io = &io;
	for (line.fails_at = 1; line.fails_at <= all; line.fails_at++) {
		struct wire_result r = { .verdict = VERDICT_DENY };

		line.sent = 0;
		assert_int_equal(explain_run(&c, &r), ERR_UNAVAILABLE);
		assert_int_equal(line.sent, line.fails_at);
		assert_int_equal(r.verdict, VERDICT_DENY);
	}
}

static void a_fault_at_any_step_is_no_answer(void **state)
{
	enum err e;

	(void)state;
	assert_int_equal(stage_login(STAGE_PIN, "wrong wrong"), ERR_SECRET_WRONG);
	for (size_t i = 0; i < FAULT_N_CODES; i++) {
		int n = 1;

		for (; fault_run(WIRE_EXPLAIN, n, fault_codes[i], &e); n++)
			assert_true(e >= ERR_UNAVAILABLE);
		assert_int_equal(e, ERR_OK);
		assert_true(n > 5);
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST(the_class_and_what_kept_the_others_out),
		STAGE_TEST(the_place_and_the_state_of_the_machine),
		STAGE_TEST_SECRETS(ways_and_what_stands_in_them),
		STAGE_TEST_SECRETS(any_of_several_cards_will_do),
		STAGE_TEST_SECRETS(ways_that_are_never_offered_say_why),
		STAGE_TEST_SECRETS(a_session_is_no_way_that_can_be_told),
		STAGE_TEST(who_is_no_person_has_a_class_and_no_records),
		STAGE_TEST_SECRETS(whose_account_vanished_has_no_records),
		STAGE_TEST(locks_are_those_of_the_service_that_is_asked_about),
		STAGE_TEST_SECRETS(the_newest_event_is_told),
		STAGE_TEST(asking_changes_nothing),
		STAGE_TEST_SECRETS(no_query_is_open_while_one_is_told),
		STAGE_TEST_SECRETS(a_record_that_can_not_be_sent_ends_it),
		STAGE_TEST_SECRETS(a_fault_at_any_step_is_no_answer),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
