/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys sshd is told of, for whom, with what before them; and that nothing comes of asking. */
#include "../../lib/auth/ssh_keys.h"

#include "key_ssh.h"
#include "stage_fault.h"

#define ASKER 999               /* of the account "machine" */
#define POLICY STAGE_CHEAP "keys-user = machine\n[default]\nfactors = card,totp card,password\nattempts = 4\n"

static const char *key_of(const struct stage_card *card)
{
	static char lines[2][KEY_SSH_TEXT_SIZE];
	static size_t turn;
	char *line = lines[turn++ % 2];
	struct key_ssh k;

	assert_int_equal(key_ssh_from_spki(card->row.algorithm, card->row.spki, card->row.spki_len, &k), ERR_OK);
	key_ssh_text(&k, line, sizeof(lines[0]));
	return line;
}

static enum err ask(enum wire_op op, const char *user, const char *key)
{
	stage_as_user("", ASKER);
	memset(&stage.request, 0, sizeof(stage.request));
	stage_request(user, user);
	stage_request(auth_info, key);
	return stage_run(op);
}

/* The first of the records; NULL: there are none. */
static const struct wire_key *told(const char *user, const char *key)
{
	assert_int_equal(ask(WIRE_SSH_KEYS, user, key), ERR_OK);
	return stage.n_records ? &stage.records[0].key : NULL;
}

static int setup(void **state)
{
	int rc = stage_setup(state);

	stage_policy(POLICY);
	return rc;
}

#define KEYS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, stage_teardown)

static void the_key_of_a_good_card_is_told(void **state)
{
	const struct wire_key *k;
	const char *const asked[] = { "", key_of(&taros) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		k = told("taro", asked[i]);
		assert_non_null(k);
		assert_int_equal(stage.n_records, 1);
		assert_int_equal(stage.records[0].kind, WIRE_RECORD_KEY);
		assert_string_equal(k->key, key_of(&taros));
		assert_string_equal(k->card, taros.row.card_id.text);
		assert_string_equal(k->options, "");
		assert_int_equal(stage.result.verdict, VERDICT_ALLOW);
	}
	/* By another name of the same uid too. */
	assert_non_null(told("alias", key_of(&taros)));
	/* Root, through its own socket. */
	stage_at_console("");
	memset(&stage.request, 0, sizeof(stage.request));
	stage_request(user, "taro");
	assert_int_equal(stage_run(WIRE_SSH_KEYS), ERR_OK);
	assert_int_equal(stage.n_records, 1);
}

static void other_keys_and_names_get_nothing(void **state)
{
	static const char *const others[] = {
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea", "x", " ", "ecdsa-sha2-nistp256",
		"ecdsa-sha2-nistp256 ", "ecdsa-sha2-nistp256 AAAA", "ecdsa-sha2-nistp256  AAAA",
	};
	static const char *const names[] = { "hanako", "jiro", "root", "machine", "nobody-of-ours", "Taro", "taro ", "%s" };

	(void)state;
	assert_null(told("taro", key_of(&hanakos)));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(told("taro", others[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(told(names[i], key_of(&taros)));
	host.vanished = "taro";
	assert_null(told("taro", ""));
	host.vanished = NULL;
}

static void cards_and_people_that_are_not_good_get_nothing(void **state)
{
	char sql[128];

	(void)state;
	stage_set_state(taro, PERSON_LOCKED);
	assert_null(told("taro", key_of(&taros)));
	stage_set_state(taro, PERSON_ACTIVE);
	assert_non_null(told("taro", key_of(&taros)));
	snprintf(sql, sizeof(sql), "UPDATE card SET not_after = %lld", (long long)clock_real_s() - 1);
	stage_raw(sql);
	assert_null(told("taro", key_of(&taros)));
	stage_raw("UPDATE card SET not_after = 4102444800");
	assert_string_equal(told("taro", key_of(&taros))->options, "expiry-time=\"21000101000000Z\"");
	stage_move_card(&taros, CARD_SUSPENDED);
	assert_null(told("taro", ""));
	stage_move_card(&taros, CARD_ACTIVE);
	assert_non_null(told("taro", ""));
	stage_move_card(&taros, CARD_REVOKED);
	assert_null(told("taro", ""));
	stage_set_state(taro, PERSON_REMOVED);
	assert_null(told("taro", ""));
}

/* At sshd, from far away, whoever asks and wherever. */
static void the_class_is_that_of_a_login_over_ssh(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "keys-user = machine\n"
		     "[class local]\nwhere = local\nfactors = card,totp\nssh-allow = user-rc\n"
		     "[class near]\nservice = sshd\nfrom = 192.0.2.0/24\nfactors = card,totp\nssh-allow = agent-forwarding\n"
		     "[class desk]\nservice = login\nfactors = card,totp\nssh-allow = pty\n"
		     "[class staff]\ngroup = staff\nservice = sshd\nfactors = card,totp\nssh-allow = none\nssh-from = 192.0.2.0/24\n"
		     "[default]\nfactors = card,password\nssh-allow = X11-forwarding\n");
	assert_string_equal(told("taro", "")->options, "restrict,X11-forwarding");
	host.groups[0] = (struct stage_group){ .name = "staff", .gid = 50, .members = { "taro" } };
	assert_string_equal(told("taro", "")->options, "restrict,from=\"192.0.2.0/24\"");
	assert_string_equal(told("hanako", "")->options, "restrict,X11-forwarding");
	/* The class was given by an administrator and is not in the file: nothing is known. */
	stage_raw("UPDATE person SET class = 'gone'");
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_CONFIG);
	assert_int_equal(stage.n_records, 0);
}

static void all_that_are_good_no_more_are_told(void **state)
{
	static const enum card_state states[] = { CARD_SUSPENDED, CARD_REVOKED, CARD_FOUND, CARD_COLLECTED, CARD_DESTROYED };

	(void)state;
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_OK);
	assert_int_equal(stage.n_records, 0);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		stage_move_card(&taros, states[i]);
		assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_OK);
		assert_int_equal(stage.n_records, 1);
		assert_string_equal(stage.records[0].key.key, key_of(&taros));
		assert_string_equal(stage.records[0].key.options, "");
	}
	stage_set_state(hanako, PERSON_LOCKED);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_OK);
	assert_int_equal(stage.n_records, 2);
	assert_string_equal(stage.records[1].key.key, key_of(&hanakos));
	stage_set_state(hanako, PERSON_REMOVED);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_OK);
	assert_int_equal(stage.n_records, 2);
}

static void the_expired_are_good_no_more(void **state)
{
	char sql[128];

	(void)state;
	for (int64_t past = 1; past >= -1000; past -= 1001) {
		snprintf(sql, sizeof(sql), "UPDATE card SET not_after = %lld WHERE person = %lld", (long long)(clock_real_s() - past), (long long)taro);
		stage_raw(sql);
		assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_OK);
		assert_int_equal(stage.n_records, past > 0);
	}
}

/* Of taro's, behind the cards of stage_setup(): the first `from` are there already. */
static void add_cards(size_t from, size_t to, enum card_state card_state)
{
	struct card_row row = taros.row;

	row.state = card_state;
	row.has_guid = false;
	rules_begin();
	for (size_t n = from; n < to; n++) {
		const unsigned char values[7] = { (unsigned char)(n % 31), (unsigned char)(n / 31), 30, 1, 2, 3, 4 };

		memset(row.spki_sha256, 7, sizeof(row.spki_sha256));
		memcpy(row.spki_sha256, &n, sizeof(n));
		assert_int_equal(card_id_make(values, &row.card_id), ERR_OK);
		assert_int_equal(store_card_add(rules_store, &row), ERR_OK);
	}
	rules_commit();
}

static struct {
	size_t n, fails_at;     /* fails_at 0: never */
	char last[WIRE_NAME_SIZE];
} heard;

/* Card identifiers are made in order of the cards, low values first: told once each. */
static enum err hear(void *arg, const struct wire_record *r)
{
	(void)arg;
	assert_int_equal(r->kind, WIRE_RECORD_KEY);
	assert_string_not_equal(r->key.card, heard.last);
	strcpy(heard.last, r->key.card);
	assert_true(++heard.n <= heard.fails_at || !heard.fails_at);
	return heard.n == heard.fails_at ? ERR_UNAVAILABLE : ERR_OK;
}

static enum err ask_and_hear(enum wire_op op, const char *user)
{
	struct auth_call c;
	struct auth_io io;

	stage_as_user("", ASKER);
	memset(&stage.request, 0, sizeof(stage.request));
	stage_request(user, user);
	stage_reset_call();
	stage.request.op = op;
	c = stage_call();
	io = *c.io;
	io.record = hear;
	c.io = &io;
	heard.n = 0;
	heard.last[0] = '\0';
	return auth_run(&c, &stage.result);
}

/* One look at the store gives a page: none is left out at its ends. */
static void pages_join(void **state)
{
	static const size_t sizes[] = { 1, 255, 256, 257, 511, 512, 513 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add_cards(i ? sizes[i - 1] : 0, sizes[i], CARD_SUSPENDED);
		assert_int_equal(ask_and_hear(WIRE_SSH_STOPPED, ""), ERR_OK);
		assert_int_equal(heard.n, sizes[i]);
	}
	/* Behind a record that could not be sent none is. */
	for (heard.fails_at = 1; heard.fails_at <= 513; heard.fails_at += 128)
		assert_int_equal(ask_and_hear(WIRE_SSH_STOPPED, ""), ERR_UNAVAILABLE);
	heard.fails_at = 0;
}

/* As many of one person as an answer may hold. */
static void more_cards_than_an_answer_holds(void **state)
{
	(void)state;
	add_cards(0, WIRE_RECORDS_MAX - 1, CARD_ACTIVE);
	assert_int_equal(ask_and_hear(WIRE_SSH_KEYS, "taro"), ERR_OK);
	assert_int_equal(heard.n, WIRE_RECORDS_MAX);
	add_cards(WIRE_RECORDS_MAX, WIRE_RECORDS_MAX + 2, CARD_ACTIVE);
	assert_int_equal(ask_and_hear(WIRE_SSH_KEYS, "taro"), ERR_OK);
	assert_int_equal(heard.n, WIRE_RECORDS_MAX);
}

/* The same for names that exist and for those that do not. */
static void ordinary_users_get_nothing(void **state)
{
	static const int64_t uids[] = { 1001, 1002, 1003, 1000, 0, 65534, -1 };
	static const char *const names[] = { "taro", "nobody-of-ours", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++)
		for (size_t j = 0; j < 3; j++)
			for (int op = WIRE_SSH_KEYS; op <= WIRE_SSH_STOPPED; op++) {
				stage_as_user("", uids[i]);
				memset(&stage.request, 0, sizeof(stage.request));
				stage_request(user, names[j]);
				stage.peer.euid = ASKER;
				assert_int_equal(stage_run((enum wire_op)op), ERR_NOT_ALLOWED);
				assert_int_equal(stage.n_records, 0);
			}
	/* Where the account is not, nobody is it. */
	host.vanished = "machine";
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_NOT_ALLOWED);
	host.vanished = NULL;
	host.account_rc = EIO;
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_NOT_ALLOWED);
	host.account_rc = 0;
	stage_policy(STAGE_POLICY);
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_NOT_ALLOWED);
}

static void only_a_name_and_a_key_are_asked_by(void **state)
{
	char *const fields[] = { stage.request.service, stage.request.rhost, stage.request.tty };

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		for (int op = WIRE_SSH_KEYS; op <= WIRE_SSH_STOPPED; op++) {
			stage_as_user("", ASKER);
			memset(&stage.request, 0, sizeof(stage.request));
			stage_request(user, op == WIRE_SSH_KEYS ? "taro" : "");
			strcpy(fields[i], "x");
			assert_int_equal(stage_run((enum wire_op)op), ERR_NOT_ALLOWED);
			memset(fields[i], 0, 2);
			stage.request.flags = 1;
			assert_int_equal(stage_run((enum wire_op)op), ERR_NOT_ALLOWED);
			assert_int_equal(stage.n_records, 0);
		}
	assert_int_equal(ask(WIRE_SSH_KEYS, "", ""), ERR_NOT_ALLOWED);
	assert_int_equal(ask(WIRE_SSH_KEYS, "", key_of(&taros)), ERR_NOT_ALLOWED);
	assert_int_equal(ask(WIRE_SSH_KEYS, "x", ""), ERR_OK);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "x", ""), ERR_NOT_ALLOWED);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", "x"), ERR_NOT_ALLOWED);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "taro", ""), ERR_NOT_ALLOWED);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", key_of(&taros)), ERR_NOT_ALLOWED);
}

/* In no table anything is written, and none can be: the store is open to look at only. */
static void asking_changes_nothing(void **state)
{
	static const char changes[] = "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM known_group) + "
				      "(SELECT count(*) FROM person WHERE last_class IS NOT NULL) + (SELECT count(*) FROM unproved)";
	int64_t before;

	(void)state;
	stage_policy(STAGE_CHEAP "keys-user = machine\n[class staff]\ngroup = staff\nfactors = card,totp\n[default]\nfactors = password,totp\n");
	host.groups[0] = (struct stage_group){ .name = "staff", .gid = 50, .members = { "taro" } };
	before = stage_count(changes);
	store_close(rules_store);
	assert_int_equal(store_open(rules_dir, STORE_LOOK, RULES_LOCK_MS, &rules_store), ERR_OK);
	for (size_t i = 0; i < 2; i++) {
		struct auth_call c;

		stage_as_user("", ASKER);
		memset(&stage.request, 0, sizeof(stage.request));
		stage_request(user, i ? "" : "taro");
		stage_reset_call();
		stage.request.op = i ? WIRE_SSH_STOPPED : WIRE_SSH_KEYS;
		c = stage_call();
		assert_int_equal(auth_run(&c, &stage.result), ERR_OK);
		assert_int_equal(stage.n_records, i ? 0 : 1);
		assert_string_equal(stage.log, "");
	}
	rules_reopen();
	assert_int_equal(stage_count(changes), before);
	assert_true(auth_only_tells(WIRE_SSH_KEYS) && auth_only_tells(WIRE_SSH_STOPPED));
}

/* The other end may take its time. */
static void no_query_is_open_while_one_is_told(void **state)
{
	(void)state;
	add_cards(0, 3, CARD_ACTIVE);
	add_cards(3, 6, CARD_SUSPENDED);
	stage.log_moves = true;
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_OK);
	assert_true(stage.n_records > 2);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_OK);
	assert_true(stage.n_records > 2);
}

static void a_listener_that_went_away_ends_it(void **state)
{
	(void)state;
	stage_move_card(&hanakos, CARD_SUSPENDED);
	stage.record_fails_at = 1;
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_UNAVAILABLE);
	stage.record_fails_at = 1;
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_UNAVAILABLE);
}

/* Of its own accord too, before auth_run() looks at both. */
static void the_verdict_stands_on_no_when_it_fails(void **state)
{
	(void)state;
	stage_raw("UPDATE card SET algorithm = 'rsa2048', state = 'suspended' WHERE person = 1");
	stage_raw("UPDATE card SET algorithm = 'rsa2048' WHERE person = 2");
	for (size_t i = 0; i < 2; i++) {
		struct wire_result r = { .verdict = VERDICT_DENY, .result = ERR_DENIED };
		struct auth_call c;

		stage_as_user("", ASKER);
		memset(&stage.request, 0, sizeof(stage.request));
		stage_request(user, i ? "" : "hanako");
		stage_reset_call();
		c = stage_call();
		assert_int_equal(i ? ssh_keys_run_stopped(&c, &r) : ssh_keys_run(&c, &r), ERR_INVALID);
		assert_int_equal(r.verdict, VERDICT_DENY);
	}
}

/* A row that is no key of its algorithm: a list that lacks one must not look whole. */
static void a_row_that_can_not_be_read_is_no_answer(void **state)
{
	(void)state;
	stage_move_card(&hanakos, CARD_SUSPENDED);
	stage_raw("UPDATE card SET algorithm = 'rsa2048'");
	assert_int_equal(ask(WIRE_SSH_KEYS, "taro", ""), ERR_INVALID);
	assert_int_equal(stage.result.verdict, VERDICT_DENY);
	assert_int_equal(ask(WIRE_SSH_STOPPED, "", ""), ERR_INVALID);
	assert_int_equal(stage.n_records, 0);
}

static void a_fault_at_any_step_is_no_answer(void **state)
{
	static const enum wire_op ops[] = { WIRE_SSH_KEYS, WIRE_SSH_STOPPED };
	enum err e;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		assert_int_equal(ask(ops[k], k ? "" : "taro", ""), ERR_OK);
		for (size_t i = 0; i < FAULT_N_CODES; i++) {
			int n = 1;

			for (; fault_run(ops[k], n, fault_codes[i], &e); n++)
				assert_true(e >= ERR_UNAVAILABLE);
			assert_int_equal(e, ERR_OK);
			assert_true(n > 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		KEYS_TEST(the_key_of_a_good_card_is_told),
		KEYS_TEST(other_keys_and_names_get_nothing),
		KEYS_TEST(cards_and_people_that_are_not_good_get_nothing),
		KEYS_TEST(the_class_is_that_of_a_login_over_ssh),
		KEYS_TEST(all_that_are_good_no_more_are_told),
		KEYS_TEST(the_expired_are_good_no_more),
		KEYS_TEST(pages_join),
		KEYS_TEST(more_cards_than_an_answer_holds),
		KEYS_TEST(ordinary_users_get_nothing),
		KEYS_TEST(only_a_name_and_a_key_are_asked_by),
		KEYS_TEST(asking_changes_nothing),
		KEYS_TEST(no_query_is_open_while_one_is_told),
		KEYS_TEST(a_listener_that_went_away_ends_it),
		KEYS_TEST(the_verdict_stands_on_no_when_it_fails),
		KEYS_TEST(a_row_that_can_not_be_read_is_no_answer),
		KEYS_TEST(a_fault_at_any_step_is_no_answer),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
