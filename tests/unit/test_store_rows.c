/* SPDX-License-Identifier: Apache-2.0 */
/* Every row there and back, its rules, and rows that someone else wrote. */
#include <dlfcn.h>

#include "store_fixture.h"
#include "store_same.h"

#define NO_STRICT "UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ') STRICT, WITHOUT', ')/*w*/ WITHOUT')," \
	" ') STRICT', ')/*s*/'), 'NOT NULL', '/*n*/')"
#define STRICT_AGAIN "UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ')/*w*/ WITHOUT', ') STRICT, WITHOUT')," \
	" ')/*s*/', ') STRICT'), '/*n*/', 'NOT NULL')"

struct context {
	char dir[256];
	struct store *s;
	struct person taro;
	struct card_row card;
};

static int64_t db_work;         /* steps of SQLite's machine */

int sqlite3_step(sqlite3_stmt *statement)
{
	static int (*real)(sqlite3_stmt *statement);
	int rc;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sqlite3_step");
	rc = real(statement);
	db_work += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
	return rc;
}

static int setup(void **state)
{
	struct context *c = fixture_begin(state, sizeof(*c));

	c->s = fixture_create(c->dir);
	c->taro = fixture_person("taro", 1000);
	assert_int_equal(store_begin(c->s), ERR_OK);
	assert_int_equal(store_person_add(c->s, &c->taro), ERR_OK);
	c->card = fixture_card(c->taro.id, 1);
	assert_int_equal(store_card_add(c->s, &c->card), ERR_OK);
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;

	store_close(c->s);
	return fixture_end(state);
}

static enum err count(const void *row, int *n)
{
	assert_non_null(row);
	return ++*n > 100 ? ERR_CANCELLED : ERR_OK;
}

static enum err count_people(const struct person *p, void *n)
{
	return count(p, n);
}

static enum err first_person(const struct person *p, void *arg)
{
	*(struct person *)arg = *p;
	return ERR_CANCELLED;
}

static enum err count_cards(const struct card_row *c, void *n)
{
	return count(c, n);
}

static enum err count_buckets(const struct bucket_row *b, void *n)
{
	return count(b, n);
}

static enum err count_tries(const struct try_row *t, void *n)
{
	return count(t, n);
}

static enum err count_sessions(const struct session_row *r, void *n)
{
	return count(r, n);
}

static enum err count_events(const struct event_row *e, void *n)
{
	return count(e, n);
}

/* -- people -- */

static void person_goes_there_and_back(void **state)
{
	struct context *c = *state;
	struct person p = fixture_person("yamada.hanako$", 4294967294), q;

	strcpy(p.staff_number, "A-10234");
	strcpy(p.name, "山田 花子");
	strcpy(p.section, "税務課");
	strcpy(p.class_name, "admin");
	strcpy(p.language, "ja");
	p.state = PERSON_LOCKED;
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	assert_true(p.id > 0 && p.created_at > 0 && p.changed_at == p.created_at);
	memset(&q, 0x5A, sizeof(q));
	assert_int_equal(store_person_by_login(c->s, "yamada.hanako$", &q), ERR_OK);
	assert_same(person, &p, &q);
	assert_int_equal(store_person_by_uid(c->s, 4294967294, &q), ERR_OK);
	assert_same(person, &p, &q);
	assert_int_equal(store_person_by_staff_number(c->s, "A-10234", &q), ERR_OK);
	assert_same(person, &p, &q);
	assert_int_equal(store_person_by_id(c->s, p.id, &q), ERR_OK);
	assert_same(person, &p, &q);
}

static void missing_person_leaves_the_result_alone(void **state)
{
	struct context *c = *state;
	struct person p, before;

	memset(&p, 0x5A, sizeof(p));
	before = p;
	assert_int_equal(store_person_by_login(c->s, "", &p), ERR_NOT_FOUND);
	assert_int_equal(store_person_by_login(c->s, "Taro", &p), ERR_NOT_FOUND);
	assert_int_equal(store_person_by_login(c->s, "taro' OR '1'='1", &p), ERR_NOT_FOUND);
	assert_int_equal(store_person_by_staff_number(c->s, "", &p), ERR_NOT_FOUND);
	assert_int_equal(store_person_by_uid(c->s, -1, &p), ERR_NOT_FOUND);
	assert_int_equal(store_person_by_id(c->s, 0, &p), ERR_NOT_FOUND);
	assert_same(person, &p, &before);
}

static void names_and_uids_are_unique_until_removed(void **state)
{
	struct context *c = *state;
	struct person p = fixture_person("taro", 2000), q = fixture_person("jiro", 1000), read;
	struct person r = fixture_person("saburo", 3000), t = fixture_person("shiro", 4000);
	int n = 0;

	assert_int_equal(store_person_add(c->s, &p), ERR_EXISTS);
	assert_int_equal(p.id, 0);
	assert_int_equal(store_person_add(c->s, &q), ERR_EXISTS);
	strcpy(r.staff_number, "7");
	strcpy(t.staff_number, "7");
	assert_int_equal(store_person_add(c->s, &r), ERR_OK);
	assert_int_equal(store_person_add(c->s, &t), ERR_EXISTS);
	c->taro.state = PERSON_REMOVED;
	assert_int_equal(store_person_update(c->s, &c->taro), ERR_OK);
	assert_int_equal(store_person_by_login(c->s, "taro", &read), ERR_NOT_FOUND);
	assert_int_equal(store_person_by_id(c->s, c->taro.id, &read), ERR_OK);
	assert_int_equal(read.state, PERSON_REMOVED);
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
	assert_int_equal(store_person_each(c->s, false, count_people, &n), ERR_OK);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(store_person_each(c->s, true, count_people, &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_int_equal(store_person_each(c->s, true, first_person, &read), ERR_CANCELLED);
	assert_string_equal(read.login, "saburo");
}

static void person_update_keeps_id_and_creation(void **state)
{
	struct context *c = *state;
	struct person p = c->taro, read;

	p.created_at = 5;
	strcpy(p.login, "taro2");
	p.state = PERSON_LOCKED;
	assert_int_equal(store_person_update(c->s, &p), ERR_OK);
	assert_int_equal(store_person_by_login(c->s, "taro2", &read), ERR_OK);
	assert_int_equal(read.created_at, c->taro.created_at);
	assert_int_equal(read.state, PERSON_LOCKED);
	assert_int_equal(store_person_set_last_class(c->s, p.id, "admin"), ERR_OK);
	assert_int_equal(store_person_by_id(c->s, p.id, &read), ERR_OK);
	assert_string_equal(read.last_class, "admin");
	assert_int_equal(store_person_set_last_class(c->s, 99, "admin"), ERR_NOT_FOUND);
	p.id = 99;
	assert_int_equal(store_person_update(c->s, &p), ERR_NOT_FOUND);
}

static void bad_people_are_not_written(void **state)
{
	static const char *const logins[] = {
		"", "-taro", ".", "..", "a/b", "a b", "taro\n", "taro'", "%n", "$(id)", "user@DOMAIN", "t\xE3\x82", "山田",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const labels[] = {
		"a\nb", "\x1b[2J", " lead", "trail ", "\xff", ("a\xE2\x80\xAE" "b"),
	};
	struct context *c = *state;
	struct person p;

	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]) - 1; i++) {
		p = fixture_person(logins[i], 5000);
		assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		p = fixture_person("jiro", 5000);
		strcpy(p.name, labels[i]);
		assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	}
	p = fixture_person("jiro", -1);
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p = fixture_person("jiro", INT64_C(4294967295));
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p = fixture_person("jiro", 5000);
	p.state = (enum person_state)0;
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p.state = (enum person_state)4;
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p = fixture_person("jiro", 5000);
	strcpy(p.language, "fr");
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p = fixture_person("jiro", 5000);
	memset(p.name, 'x', sizeof(p.name));
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p.name[65] = '\0';
	assert_int_equal(store_person_add(c->s, &p), ERR_INVALID);
	p.name[64] = '\0';
	assert_int_equal(store_person_add(c->s, &p), ERR_OK);
}

/* Quotes, percent signs and dollars in a label are letters like others. */
static void odd_labels_are_only_text(void **state)
{
	static const char *const labels[] = {
		"'); DROP TABLE person; --", "%n%s", "$(id)", "-rf", "../../etc", "\"", "$1", "a\\b", "?1",
	};
	struct context *c = *state;
	struct person read;

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		strcpy(c->taro.section, labels[i]);
		assert_int_equal(store_person_update(c->s, &c->taro), ERR_OK);
		assert_int_equal(store_person_by_login(c->s, "taro", &read), ERR_OK);
		assert_string_equal(read.section, labels[i]);
	}
}

/* -- cards -- */

static void card_goes_there_and_back(void **state)
{
	struct context *c = *state;
	struct card_row in = fixture_card(c->taro.id, 2), out;

	strcpy(in.label, "職員証 0123");
	in.has_guid = true;
	memset(in.guid, 7, sizeof(in.guid));
	in.not_after = INT64_C(253402300799);
	in.state = CARD_REVOKED;
	in.reason = REASON_LOST;
	in.revoked_at = NOW;
	in.reported_at = NOW - 132;
	strcpy(in.reported_by, "税務課 田中");
	in.algorithm = KEY_RSA4096;
	in.spki_len = 550;
	in.spki[1] = 0x82;
	in.spki[2] = 2;
	in.spki[3] = 34;
	memset(in.spki + in.spki_len, 0, sizeof(in.spki) - in.spki_len);
	assert_int_equal(store_card_add(c->s, &in), ERR_OK);
	assert_int_equal(store_card_by_card_id(c->s, &in.card_id, &out), ERR_OK);
	assert_same(card_row, &in, &out);
	assert_int_equal(store_card_by_spki(c->s, in.spki_sha256, &out), ERR_OK);
	assert_int_equal(out.id, in.id);
	assert_int_equal(store_card_by_id(c->s, in.id, &out), ERR_OK);
	assert_string_equal(out.card_id.text, in.card_id.text);
	assert_int_equal(store_card_by_id(c->s, 99, &out), ERR_NOT_FOUND);
	assert_int_equal(store_card_used(c->s, in.id, NOW + 5), ERR_OK);
	assert_int_equal(store_card_by_id(c->s, in.id, &out), ERR_OK);
	assert_int_equal(out.last_used_at, NOW + 5);
	assert_int_equal(store_card_used(c->s, 99, NOW), ERR_NOT_FOUND);
}

static void cards_and_keys_are_unique(void **state)
{
	struct context *c = *state;
	struct card_row same_id = fixture_card(c->taro.id, 2), same_key = fixture_card(c->taro.id, 3);
	struct card_row nobody = fixture_card(99, 4);
	int n = 0;

	same_id.card_id = c->card.card_id;
	memcpy(same_key.spki_sha256, c->card.spki_sha256, 32);
	assert_int_equal(store_card_add(c->s, &same_id), ERR_EXISTS);
	assert_int_equal(store_card_add(c->s, &same_key), ERR_EXISTS);
	assert_int_equal(store_card_add(c->s, &nobody), ERR_NOT_FOUND);
	same_key = fixture_card(c->taro.id, 3);
	assert_int_equal(store_card_add(c->s, &same_key), ERR_OK);
	assert_int_equal(store_card_each(c->s, 0, count_cards, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(store_card_each(c->s, c->taro.id, count_cards, &n), ERR_OK);
	assert_int_equal(n, 4);
	assert_int_equal(store_card_each(c->s, 99, count_cards, &n), ERR_OK);
	assert_int_equal(n, 4);
}

static void bad_cards_are_not_written(void **state)
{
	struct context *c = *state;
	struct card_row good = fixture_card(c->taro.id, 2), bad;

#define BAD(change) \
	do { \
		bad = good; \
		change; \
		assert_int_equal(store_card_add(c->s, &bad), ERR_INVALID); \
	} while (0)
	BAD(bad.card_id.text[8] = bad.card_id.text[8] == '2' ? '3' : '2');
	BAD(bad.card_id.text[0] = '\0');
	BAD(bad.spki_len = 31);
	BAD(bad.spki_len = 90);
	BAD(bad.spki_len = 1025);
	BAD(bad.spki[0] = 0x31);
	BAD(bad.key_ref = 0);
	BAD(bad.key_ref = 256);
	BAD(bad.algorithm = (enum key_algorithm)6);
	BAD(bad.state = (enum card_state)8);
	BAD(bad.state = CARD_REVOKED);
	BAD(bad.revoked_at = NOW);
	BAD(bad.reason = (enum card_reason)8);
	BAD(bad.not_after = -2);
	BAD(bad.person = 0);
#undef BAD
}

static enum err revoke_card(struct store *s, const struct card_row *card, enum card_state from)
{
	struct card_row c = *card;

	c.state = CARD_REVOKED;
	c.reason = REASON_STOLEN;
	c.revoked_at = NOW;
	c.reported_at = NOW - 60;
	strcpy(c.reported_by, "税務課 田中");
	return store_card_set_state(s, &c, from);
}

static void state_changes_only_from_the_expected_one(void **state)
{
	struct context *c = *state;
	struct card_row read;

	assert_int_equal(revoke_card(c->s, &c->card, CARD_SUSPENDED), ERR_BAD_STATE);
	assert_int_equal(store_card_by_id(c->s, c->card.id, &read), ERR_OK);
	assert_int_equal(read.state, CARD_ACTIVE);
	assert_int_equal(revoke_card(c->s, &c->card, CARD_ACTIVE), ERR_OK);
	assert_int_equal(store_card_by_id(c->s, c->card.id, &read), ERR_OK);
	assert_int_equal(read.state, CARD_REVOKED);
	assert_int_equal(read.reason, REASON_STOLEN);
	assert_int_equal(read.reported_at, NOW - 60);
	assert_int_equal(revoke_card(c->s, &c->card, CARD_ACTIVE), ERR_BAD_STATE);
	c->card.id = 99;
	assert_int_equal(revoke_card(c->s, &c->card, CARD_ACTIVE), ERR_NOT_FOUND);
}

/* Not even when the caller knows the state it is in. */
static void revoked_card_never_becomes_active(void **state)
{
	static const enum card_state back[] = { CARD_ISSUED, CARD_ACTIVE, CARD_SUSPENDED };
	static const enum card_state on[] = { CARD_FOUND, CARD_COLLECTED, CARD_DESTROYED };
	struct context *c = *state;
	enum card_state from = CARD_REVOKED;
	struct card_row row;

	assert_int_equal(revoke_card(c->s, &c->card, CARD_ACTIVE), ERR_OK);
	assert_int_equal(store_card_by_id(c->s, c->card.id, &row), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 3; k++) {
			struct card_row active = row;

			active.state = back[k];
			assert_int_not_equal(store_card_set_state(c->s, &active, from), ERR_OK);
			active.reason = REASON_NONE;
			active.revoked_at = -1;
			assert_int_equal(store_card_set_state(c->s, &active, from), ERR_BAD_STATE);
		}
		row.state = on[i];
		assert_int_equal(store_card_set_state(c->s, &row, from), ERR_OK);
		from = on[i];
	}
}

static void names_of_enums(void **state)
{
	(void)state;
	assert_string_equal(person_state_name(PERSON_LOCKED), "locked");
	assert_string_equal(person_state_name((enum person_state)9), "");
	assert_string_equal(card_state_name(CARD_DESTROYED), "destroyed");
	assert_string_equal(card_state_name((enum card_state)0), "");
	assert_string_equal(card_state_name((enum card_state)8), "");
	assert_string_equal(card_reason_name(REASON_NONE), "");
	assert_string_equal(card_reason_name(REASON_TRANSFERRED), "transferred");
	assert_string_equal(card_reason_name((enum card_reason)8), "");
	assert_int_equal(card_reason_from_name("damaged"), REASON_DAMAGED);
	assert_int_equal(card_reason_from_name("Damaged"), REASON_NONE);
	assert_int_equal(card_reason_from_name(""), REASON_NONE);
	assert_string_equal(key_algorithm_name(KEY_RSA2048), "rsa2048");
	assert_string_equal(key_algorithm_name(KEY_P384), "p384");
	assert_string_equal(key_algorithm_name((enum key_algorithm)6), "");
}

/* -- factors -- */

static void totp_goes_there_and_back(void **state)
{
	struct context *c = *state;
	struct totp_row in = fixture_totp(c->taro.id), out;

	memset(in.sealed + in.sealed_len, 0, sizeof(in.sealed) - in.sealed_len);
	assert_int_equal(store_totp_get(c->s, c->taro.id, &out), ERR_NOT_FOUND);
	assert_int_equal(store_totp_put(c->s, &in), ERR_OK);
	assert_int_equal(store_totp_get(c->s, c->taro.id, &out), ERR_OK);
	assert_same(totp_row, &in, &out);
	in.digits = 8;
	assert_int_equal(store_totp_put(c->s, &in), ERR_OK);
	assert_int_equal(store_totp_get(c->s, c->taro.id, &out), ERR_OK);
	assert_int_equal(out.digits, 8);
	in.digits = 9;
	assert_int_equal(store_totp_put(c->s, &in), ERR_INVALID);
	in.digits = 6;
	in.sealed_len = 27;
	assert_int_equal(store_totp_put(c->s, &in), ERR_INVALID);
	in.sealed_len = 48;
	strcpy(in.key_id, "K 1");
	assert_int_equal(store_totp_put(c->s, &in), ERR_INVALID);
	assert_int_equal(store_totp_remove(c->s, c->taro.id), ERR_OK);
	assert_int_equal(store_totp_remove(c->s, c->taro.id), ERR_NOT_FOUND);
}

static void step_is_consumed_once_and_forward(void **state)
{
	struct context *c = *state;
	struct totp_row t = fixture_totp(c->taro.id);

	assert_int_equal(store_totp_consume(c->s, c->taro.id, 101), ERR_NOT_FOUND);
	assert_int_equal(store_totp_put(c->s, &t), ERR_OK);
	assert_int_equal(store_totp_consume(c->s, c->taro.id, 100), ERR_CODE_REPLAYED);
	assert_int_equal(store_totp_consume(c->s, c->taro.id, 102), ERR_OK);
	assert_int_equal(store_totp_consume(c->s, c->taro.id, 102), ERR_CODE_REPLAYED);
	assert_int_equal(store_totp_consume(c->s, c->taro.id, 101), ERR_CODE_REPLAYED);
	assert_int_equal(store_totp_consume(c->s, c->taro.id, -1), ERR_CODE_REPLAYED);
	assert_int_equal(store_totp_get(c->s, c->taro.id, &t), ERR_OK);
	assert_int_equal(t.last_step, 102);
}

static void password_goes_there_and_back(void **state)
{
	struct context *c = *state;
	struct password_row in = { .person = c->taro.id, .key_id = "k1", .set_at = NOW }, out;

	strcpy(in.hash, "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g");
	assert_int_equal(store_password_get(c->s, c->taro.id, &out), ERR_NOT_FOUND);
	assert_int_equal(store_password_put(c->s, &in), ERR_OK);
	assert_int_equal(store_password_get(c->s, c->taro.id, &out), ERR_OK);
	assert_same(password_row, &in, &out);
	in.hash[31] = '\0';
	assert_int_equal(store_password_put(c->s, &in), ERR_INVALID);
	assert_int_equal(store_password_remove(c->s, c->taro.id), ERR_OK);
	assert_int_equal(store_password_remove(c->s, c->taro.id), ERR_NOT_FOUND);
}

/* -- counting -- */

static void bucket_starts_empty_and_counts(void **state)
{
	struct context *c = *state;
	struct bucket_row b, read;
	int n = 0;

	assert_int_equal(store_bucket_get(c->s, c->taro.id, "local", &b), ERR_OK);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.person, c->taro.id);
	assert_string_equal(b.origin, "local");
	b.failed = 3;
	b.last = fixture_moment();
	assert_int_equal(store_bucket_put(c->s, &b), ERR_OK);
	assert_int_equal(store_bucket_get(c->s, c->taro.id, "local", &read), ERR_OK);
	assert_same(bucket_row, &b, &read);
	assert_int_equal(store_bucket_get(c->s, c->taro.id, "remote", &read), ERR_OK);
	assert_int_equal(read.failed, 0);
	assert_int_equal(store_bucket_each(c->s, c->taro.id, count_buckets, &n), ERR_OK);
	assert_int_equal(n, 1);
	b.failed = 0;
	assert_int_equal(store_bucket_put(c->s, &b), ERR_OK);
	assert_int_equal(store_bucket_each(c->s, c->taro.id, count_buckets, &n), ERR_OK);
	assert_int_equal(n, 1);
	b.failed = -1;
	assert_int_equal(store_bucket_put(c->s, &b), ERR_INVALID);
	b.failed = 1;
	b.last.boot_id[8] = 'x';
	assert_int_equal(store_bucket_put(c->s, &b), ERR_INVALID);
}

static void latest_address_buckets_are_kept(void **state)
{
	struct context *c = *state;
	struct bucket_row b = { .failed = 1, .last = fixture_moment() };
	int n = 0;

	for (int i = 0; i < 10; i++) {
		snprintf(b.origin, sizeof(b.origin), "addr:192.0.2.%d", i);
		b.last.real_s = NOW + (i == 3 ? 100 : i / 2);
		assert_int_equal(store_bucket_put(c->s, &b), ERR_OK);
	}
	b.person = c->taro.id;
	b.last.real_s = 0;
	assert_int_equal(store_bucket_put(c->s, &b), ERR_OK);
	assert_int_equal(store_bucket_prune(c->s, 10), ERR_OK);
	assert_int_equal(store_bucket_each(c->s, 0, count_buckets, &n), ERR_OK);
	assert_int_equal(n, 10);
	n = 0;
	assert_int_equal(store_bucket_prune(c->s, 3), ERR_OK);
	assert_int_equal(store_bucket_each(c->s, 0, count_buckets, &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_int_equal(store_bucket_get(c->s, 0, "addr:192.0.2.3", &b), ERR_OK);
	assert_int_equal(b.failed, 1);
	assert_int_equal(store_bucket_get(c->s, c->taro.id, "addr:192.0.2.9", &b), ERR_OK);
	assert_int_equal(b.failed, 1);
	assert_int_equal(store_bucket_prune(c->s, 0), ERR_OK);
	assert_int_equal(store_bucket_prune(c->s, -1), ERR_INVALID);
	n = 0;
	assert_int_equal(store_bucket_each(c->s, 0, count_buckets, &n), ERR_OK);
	assert_int_equal(n, 0);
}

static enum err keep_try(const struct try_row *t, void *arg)
{
	*(struct try_row *)arg = *t;
	return ERR_OK;
}

static void tries_are_reserved_and_returned(void **state)
{
	struct context *c = *state;
	struct try_row t = { .person = c->taro.id, .origin = "local", .pid = 4242, .start = 99 }, read;
	int n = 0;

	t.at = fixture_moment();
	assert_int_equal(store_try_add(c->s, &t), ERR_OK);
	assert_int_equal(store_try_each(c->s, c->taro.id, "local", keep_try, &read), ERR_OK);
	assert_same(try_row, &t, &read);
	strcpy(t.origin, "remote");
	strcpy(t.address, "192.0.2.5");
	assert_int_equal(store_try_add(c->s, &t), ERR_OK);
	assert_int_equal(store_try_each(c->s, c->taro.id, "local", count_tries, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(store_try_each(c->s, 0, NULL, count_tries, &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_int_equal(store_try_remove(c->s, read.id), ERR_OK);
	assert_int_equal(store_try_remove(c->s, read.id), ERR_NOT_FOUND);
	t.pid = 0;
	assert_int_equal(store_try_add(c->s, &t), ERR_INVALID);
}

static void login_stat_goes_there_and_back(void **state)
{
	struct context *c = *state;
	struct login_stat in, out;

	assert_int_equal(store_login_stat_get(c->s, c->taro.id, &in), ERR_OK);
	assert_int_equal(in.last_at, -1);
	assert_int_equal(in.failure_at, -1);
	assert_int_equal(in.failures, 0);
	in.last_at = NOW;
	in.failures = 2;
	strcpy(in.last_from, "tty1");
	strcpy(in.failure_from, "2001:db8::1");
	assert_int_equal(store_login_stat_put(c->s, &in), ERR_OK);
	assert_int_equal(store_login_stat_get(c->s, c->taro.id, &out), ERR_OK);
	assert_same(login_stat, &in, &out);
	in.person = 99;
	assert_int_equal(store_login_stat_put(c->s, &in), ERR_NOT_FOUND);
}

static void flood_of_failures_stays_small(void **state)
{
	struct context *c = *state;

	for (int i = 0; i < 300; i++)
		assert_int_equal(store_unproved_add(c->s, "remote", "192.0.2.5", NOW), ERR_OK);
	for (int i = 0; i < 10050; i++)
		assert_int_equal(store_unproved_add(c->s, i % 2 ? "remote" : "local", NULL, NOW + 30 * i), ERR_OK);
	assert_int_equal(store_unproved_add(c->s, "", "", NOW), ERR_INVALID);
	assert_int_equal(store_unproved_add(c->s, "remote", "a\nb", NOW), ERR_INVALID);
	assert_int_equal(store_commit(c->s), ERR_OK);
	assert_int_equal(fixture_count(c->dir, "SELECT count(*) FROM unproved"), 10000);
	assert_int_equal(fixture_count(c->dir, "SELECT max(minute) FROM unproved"), (NOW + 30 * 10049) / 60);
	assert_int_equal(fixture_count(c->dir, "SELECT max(failed) FROM unproved"), 1);
}

static void failures_of_a_minute_add_up(void **state)
{
	struct context *c = *state;

	for (int i = 0; i < 300; i++)
		assert_int_equal(store_unproved_add(c->s, "remote", i == 299 ? "192.0.2.9" : "", NOW), ERR_OK);
	assert_int_equal(store_commit(c->s), ERR_OK);
	assert_int_equal(fixture_count(c->dir, "SELECT failed FROM unproved WHERE address = '192.0.2.9'"), 300);
}

/* -- grants and sessions -- */

static struct grant_row a_grant(const struct context *c)
{
	struct grant_row g = {
		.person = c->taro.id, .card = c->card.id, .factors = "card,totp", .class_name = "default",
		.service = "login", .origin = "local", .audit_session = INT64_C(4294967295), .host_pid = 77,
		.host_start = 88, .through_root = true, .withdrawn = true, .used_at = -1,
	};

	g.at = fixture_moment();
	return g;
}

static void grant_of_a_host_is_found(void **state)
{
	struct context *c = *state;
	struct grant_row g = a_grant(c), newer = a_grant(c), read;

	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, c->taro.id, "login", true, false, &read), ERR_OK);
	assert_same(grant_row, &g, &read);
	newer.card = -1;
	strcpy(newer.logind_session, "c1");
	assert_int_equal(store_grant_add(c->s, &newer), ERR_OK);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, c->taro.id, "login", true, false, &read), ERR_OK);
	assert_same(grant_row, &newer, &read);
	assert_int_equal(store_grant_used(c->s, newer.id, NOW + 1), ERR_OK);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, c->taro.id, "login", true, false, &read), ERR_OK);
	assert_int_equal(read.used_at, NOW + 1);
	assert_int_equal(store_grant_used(c->s, 99, NOW), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, "", 77, 88, c->taro.id, "login", true, false, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 89, c->taro.id, "login", true, false, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 78, 88, c->taro.id, "login", true, false, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, 99, "login", true, false, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, c->taro.id, "su", true, false, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, c->taro.id, "login", false, false, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_of_host(c->s, BOOT, 77, 88, c->taro.id, "", true, false, &read), ERR_NOT_FOUND);
	g.card = 99;
	assert_int_equal(store_grant_add(c->s, &g), ERR_NOT_FOUND);
	g = a_grant(c);
	g.factors[0] = '\0';
	assert_int_equal(store_grant_add(c->s, &g), ERR_INVALID);
}

static void session_opens_and_closes(void **state)
{
	struct context *c = *state;
	struct session_row r = {
		.person = c->taro.id, .card = c->card.id, .grant = -1, .service = "login", .tty = "tty1",
		.host_pid = 77, .host_start = 88, .state = SESSION_PENDING, .closed_at = -1,
	}, read;
	int n = 0;

	r.at = fixture_moment();
	assert_int_equal(store_session_add(c->s, &r), ERR_OK);
	assert_int_equal(store_session_of_host(c->s, BOOT, 77, 88, c->taro.id, &read), ERR_OK);
	assert_same(session_row, &r, &read);
	r.state = SESSION_OPEN;
	strcpy(r.logind_session, "3");
	assert_int_equal(store_session_update(c->s, &r), ERR_OK);
	assert_int_equal(store_session_of_host(c->s, BOOT, 77, 88, c->taro.id, &read), ERR_OK);
	assert_same(session_row, &r, &read);
	assert_int_equal(store_session_each(c->s, 0, count_sessions, &n), ERR_OK);
	assert_int_equal(store_session_each(c->s, c->taro.id, count_sessions, &n), ERR_OK);
	assert_int_equal(n, 2);
	r.state = SESSION_CLOSED;
	assert_int_equal(store_session_update(c->s, &r), ERR_INVALID);
	r.closed_at = NOW + 9;
	assert_int_equal(store_session_update(c->s, &r), ERR_OK);
	assert_int_equal(store_session_of_host(c->s, BOOT, 77, 88, c->taro.id, &read), ERR_NOT_FOUND);
	assert_int_equal(store_session_each(c->s, 0, count_sessions, &n), ERR_OK);
	assert_int_equal(n, 2);
	r.id = 99;
	assert_int_equal(store_session_update(c->s, &r), ERR_NOT_FOUND);
}

static enum err keep_ids(const struct grant_row *g, void *arg)
{
	char *ids = arg;

	snprintf(ids + strlen(ids), 512 - strlen(ids), "%lld ", (long long)g->id);
	return g->id == 0 ? ERR_INVALID : ERR_OK;
}

static const char *inside(struct store *s, const char *boot, const char *logind, int64_t person, int64_t after)
{
	static char ids[512];

	ids[0] = '\0';
	assert_int_equal(store_grant_each_inside(s, boot, logind, person, after, keep_ids, ids), ERR_OK);
	return ids;
}

static enum err stop_at_third(const struct grant_row *g, void *arg)
{
	int *n = arg;

	return ++*n == 3 && g->id ? ERR_DENIED : ERR_OK;
}

static void grants_of_a_login_session(void **state)
{
	static const char other_boot[] = "11111111-2222-4333-8444-555555555555";
	struct context *c = *state;
	struct person hanako = fixture_person("hanako", 1001);
	struct grant_row g = a_grant(c), read;
	char all[512] = "";
	int n = 0;

	assert_int_equal(store_person_add(c->s, &hanako), ERR_OK);

	/* 1: before; 2 to 71: within; 72 to 75: of nobody there. */
	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	strcpy(g.logind_session, "12");
	for (int i = 0; i < 70; i++)
		assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	for (int i = 71; i > 7; i--)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%d ", i);
	strcpy(g.logind_session, "121");
	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	strcpy(g.logind_session, "");
	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	strcpy(g.logind_session, "12");
	strcpy(g.at.boot_id, other_boot);
	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	g = a_grant(c);
	strcpy(g.logind_session, "12");
	g.person = hanako.id;
	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);

	assert_string_equal(inside(c->s, BOOT, "12", c->taro.id, 0), all);
	assert_string_equal(inside(c->s, BOOT, "12", c->taro.id, 68), "71 70 69 ");
	assert_string_equal(inside(c->s, BOOT, "12", c->taro.id, 71), "");
	assert_string_equal(inside(c->s, BOOT, "121", c->taro.id, 0), "72 ");
	assert_string_equal(inside(c->s, BOOT, "", c->taro.id, 0), "");
	assert_string_equal(inside(c->s, BOOT, "1", c->taro.id, 0), "");
	assert_string_equal(inside(c->s, other_boot, "12", c->taro.id, 0), "74 ");
	assert_string_equal(inside(c->s, BOOT, "12", hanako.id, 0), "75 ");
	assert_string_equal(inside(c->s, "", "12", c->taro.id, 0), "");
	/* What the caller says ends it. */
	assert_int_equal(store_grant_each_inside(c->s, BOOT, "12", c->taro.id, 0, stop_at_third, &n), ERR_DENIED);
	assert_int_equal(n, 3);

	assert_int_equal(store_grant_by_id(c->s, 75, &read), ERR_OK);
	assert_same(grant_row, &g, &read);
	read.id = -7;
	assert_int_equal(store_grant_by_id(c->s, 76, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_by_id(c->s, 0, &read), ERR_NOT_FOUND);
	assert_int_equal(store_grant_by_id(c->s, -1, &read), ERR_NOT_FOUND);
	assert_int_equal(read.id, -7);
}

static int64_t session_of(struct context *c, const char *boot, const char *logind, const char *service)
{
	struct session_row r = { .id = -7 };
	enum err e = store_session_of_logind(c->s, boot, logind, service, &r);

	assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
	return r.id;
}

static void session_of_a_login_session(void **state)
{
	struct context *c = *state;
	struct session_row r = {
		.person = c->taro.id, .card = -1, .grant = -1, .service = "login", .host_pid = 77, .host_start = 88,
		.logind_session = "12", .state = SESSION_OPEN, .closed_at = -1,
	}, read;
	struct person hanako = fixture_person("hanako", 1001);

	assert_int_equal(store_person_add(c->s, &hanako), ERR_OK);
	r.at = fixture_moment();
	assert_int_equal(store_session_add(c->s, &r), ERR_OK);
	assert_int_equal(store_session_of_logind(c->s, BOOT, "12", "login", &read), ERR_OK);
	assert_same(session_row, &r, &read);
	strcpy(r.service, "sudo");
	assert_int_equal(store_session_add(c->s, &r), ERR_OK);
	strcpy(r.service, "login");
	strcpy(r.logind_session, "");
	assert_int_equal(store_session_add(c->s, &r), ERR_OK);
	assert_int_equal(session_of(c, BOOT, "12", "login"), 1);
	assert_int_equal(session_of(c, BOOT, "12", "sudo"), 2);
	assert_int_equal(session_of(c, BOOT, "12", "su"), -7);
	assert_int_equal(session_of(c, BOOT, "12", ""), -7);
	assert_int_equal(session_of(c, BOOT, "1", "login"), -7);
	assert_int_equal(session_of(c, BOOT, "", "login"), -7);
	assert_int_equal(session_of(c, "11111111-2222-4333-8444-555555555555", "12", "login"), -7);
	/* The newest, closed or not, whoever's. */
	strcpy(r.logind_session, "12");
	r.person = hanako.id;
	r.state = SESSION_CLOSED;
	r.closed_at = NOW;
	assert_int_equal(store_session_add(c->s, &r), ERR_OK);
	assert_int_equal(session_of(c, BOOT, "12", "login"), 4);
}

/* Among 20,000 rows those of the session are read, and no others. */
static void a_login_session_is_found_by_index(void **state)
{
	static const char rows[] =
		"WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) ";
	struct context *c = *state;
	char sql[1024], ids[512] = "";
	struct session_row r;

	assert_int_equal(store_commit(c->s), ERR_OK);
	snprintf(sql, sizeof(sql), "%s INSERT INTO login_grant SELECT i, %lld, NULL, 'card,totp', 'default', 'login', 'local', 0, '" BOOT "', "
		 "1, 1, 7, i / 10, 77, 88, 1, 1, 1, 0, NULL FROM n", rows, (long long)c->taro.id);
	fixture_raw(c->dir, sql);
	snprintf(sql, sizeof(sql), "%s INSERT INTO session SELECT i, %lld, NULL, NULL, 'login', NULL, NULL, '" BOOT "', 1, 1, 77, 88, i / 10, "
		 "'open', NULL FROM n", rows, (long long)c->taro.id);
	fixture_raw(c->dir, sql);
	db_work = 0;
	assert_int_equal(store_grant_each_inside(c->s, BOOT, "1200", c->taro.id, 12004, keep_ids, ids), ERR_OK);
	assert_string_equal(ids, "12009 12008 12007 12006 12005 ");
	assert_int_equal(store_session_of_logind(c->s, BOOT, "1200", "login", &r), ERR_OK);
	assert_int_equal(r.id, 12009);
	assert_int_equal(store_grant_by_id(c->s, 15000, &(struct grant_row){ 0 }), ERR_OK);
	assert_in_range(db_work, 1, 400);
}

/* 20,000 of taro in one session of logind; the service, the state and the end are SQL of each one's number i. */
static void many_sessions(struct context *c, const char *service, const char *state, const char *closed_at)
{
	char sql[1024];

	assert_int_equal(store_commit(c->s), ERR_OK);
	snprintf(sql, sizeof(sql), "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
		 "INSERT INTO session SELECT i, %lld, NULL, NULL, %s, NULL, NULL, '" BOOT "', 1, 1, i, 88, '12', %s, %s FROM n",
		 (long long)c->taro.id, service, state, closed_at);
	fixture_raw(c->dir, sql);
	db_work = 0;
}

/* However often sudo ran in it: a row each, and the login's stands before all of them. */
static void the_login_of_a_busy_session_is_found_by_index(void **state)
{
	struct context *c = *state;
	struct session_row r;

	many_sessions(c, "iif(i = 7, 'login', 'sudo')", "'closed'", "1");
	assert_int_equal(store_session_of_logind(c->s, BOOT, "12", "login", &r), ERR_OK);
	assert_int_equal(r.id, 7);
	assert_int_equal(store_session_of_logind(c->s, BOOT, "12", "sshd", &r), ERR_NOT_FOUND);
	assert_in_range(db_work, 1, 400);
}

static enum err count_session(const struct session_row *r, void *arg)
{
	(void)r;
	++*(int *)arg;
	return ERR_OK;
}

static void open_sessions_are_found_by_index(void **state)
{
	struct context *c = *state;
	int n = 0;

	many_sessions(c, "'sudo'", "iif(i = 7, 'open', 'closed')", "iif(i = 7, NULL, 1)");
	assert_int_equal(store_session_each(c->s, c->taro.id, count_session, &n), ERR_OK);
	assert_int_equal(store_session_each(c->s, 0, count_session, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_in_range(db_work, 1, 400);
}

/* -- events and groups -- */

static enum err last_event(const struct event_row *e, void *arg)
{
	struct event_row *last = arg;

	assert_true(e->seq > last->seq);
	*last = *e;
	return ERR_OK;
}

/* Asked with the writers' lock held, of a card that somebody tries in vain. */
static void recent_events_of_a_card_are_found_by_index(void **state)
{
	const struct event_filter recent = { .card = "AAAA-AAAA", .type = "login", .since = NOW };
	struct context *c = *state;
	struct event_row last = { .seq = 0 };
	char sql[1024];

	assert_int_equal(store_commit(c->s), ERR_OK);
	snprintf(sql, sizeof(sql), "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
		 "INSERT INTO event SELECT i, %lld, 'login', 'OK', 'taro', iif(i %% 2, 'AAAA-AAAA', NULL), 0, NULL, NULL, NULL, '{}' FROM n",
		 (long long)NOW - 1);
	fixture_raw(c->dir, sql);
	db_work = 0;
	assert_int_equal(store_event_each(c->s, &recent, last_event, &last), ERR_OK);
	assert_int_equal(last.seq, 0);
	assert_in_range(db_work, 1, 400);
}

static void events_are_filtered_in_order(void **state)
{
	static const struct {
		struct event_filter filter;
		int count;
	} cases[] = {
		{ { .person = NULL }, 20 },
		{ { .person = "taro" }, 10 },
		{ { .person = "" }, 0 },
		{ { .person = "taro", .type = "login" }, 10 },
		{ { .type = "revoke" }, 0 },
		{ { .card = "AAAA-AAAA" }, 0 },
		{ { .since = NOW + 5 }, 15 },
		{ { .since = NOW + 5, .until = NOW + 6 }, 2 },
		{ { .last = 3 }, 3 },
		{ { .last = 30 }, 20 },
		{ { .person = "taro", .until = NOW + 4, .last = 2 }, 2 },
		{ { .failed = true }, 2 },
		{ { .person = "taro", .failed = true }, 1 },
		{ { .failed = true, .last = 1 }, 1 },
		{ { .failed = true, .until = NOW + 5 }, 0 },
		{ { .from = 5 }, 16 },
		{ { .from = 5, .to = 6 }, 2 },
		{ { .to = 4, .last = 3 }, 3 },
		{ { .first = 3 }, 3 },
		{ { .from = 19, .first = 3 }, 2 },
		{ { .person = "taro", .since = NOW + 5, .until = NOW + 12, .from = 9, .to = 20, .first = 9 }, 3 },
		{ { .since = NOW + 5, .until = NOW + 6, .from = 1, .to = 20 }, 2 },
	};
	struct context *c = *state;
	struct event_filter newest = { .last = 3 }, oldest = { .person = "jiro", .from = 5, .first = 2 };
	struct event_row e = { .seq = 0 }, last = { .seq = 0 };

	for (int i = 0; i < 20; i++) {
		e = fixture_event(i % 2 ? "jiro" : "taro");
		e.at = NOW + i;
		e.actor = i % 3 ? 1000 : -1;
		if (i >= 18)
			snprintf(e.result, sizeof(e.result), "SECRET_WRONG");
		assert_int_equal(store_event_add(c->s, &e), ERR_OK);
		assert_int_equal(e.seq, i + 1);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = 0;

		assert_int_equal(store_event_each(c->s, &cases[i].filter, count_events, &n), ERR_OK);
		assert_int_equal(n, cases[i].count);
	}
	assert_int_equal(store_event_each(c->s, &newest, last_event, &last), ERR_OK);
	assert_same(event_row, &last, &e);
	last.seq = 0;
	assert_int_equal(store_event_each(c->s, &oldest, last_event, &last), ERR_OK);
	assert_int_equal(last.seq, 8);
}

static void the_ends_of_a_list_are_told(void **state)
{
	static const struct {
		struct event_filter filter;
		int64_t from, to;
	} cases[] = {
		{ { .person = NULL }, 1, 20 },
		{ { .person = "taro" }, 1, 19 },
		{ { .person = "saburo" }, 0, 0 },
		{ { .person = "saburo", .last = 3 }, 0, 0 },
		{ { .since = NOW + 5, .until = NOW + 8 }, 6, 9 },
		{ { .last = 3 }, 18, 20 },
		{ { .last = 30 }, 1, 20 },
		{ { .person = "taro", .until = NOW + 9, .last = 2 }, 7, 9 },
		{ { .to = 9, .last = 2 }, 8, 9 },
	};
	struct context *c = *state;
	struct event_row e;

	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			int64_t from = 77, to = 77;

			assert_int_equal(store_event_ends(c->s, &cases[i].filter, &from, &to), ERR_OK);
			assert_int_equal(from, k ? cases[i].from : 0);
			assert_int_equal(to, k ? cases[i].to : 0);
		}
		for (int i = 0; !k && i < 20; i++) {
			e = fixture_event(i % 2 ? "jiro" : "taro");
			e.at = NOW + i;
			assert_int_equal(store_event_add(c->s, &e), ERR_OK);
		}
	}
}

static void events_are_append_only(void **state)
{
	struct context *c = *state;
	struct event_row e = fixture_event("taro");
	sqlite3 *db = NULL;

	strcpy(e.card, c->card.card_id.text);
	assert_int_equal(store_event_add(c->s, &e), ERR_OK);
	assert_int_equal(store_commit(c->s), ERR_OK);
	assert_int_equal(sqlite3_open(fixture_path(c->dir, "store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM event", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	assert_int_equal(sqlite3_exec(db, "UPDATE event SET result = 'DENIED'", NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
	assert_int_equal(store_begin(c->s), ERR_OK);
	strcpy(e.detail, "[]");
	assert_int_equal(store_event_add(c->s, &e), ERR_INVALID);
	strcpy(e.detail, "{\"a\":\"\n\"}");
	assert_int_equal(store_event_add(c->s, &e), ERR_INVALID);
	strcpy(e.detail, "{\"a\":\"\xff\"}");
	assert_int_equal(store_event_add(c->s, &e), ERR_INVALID);
}

static void group_is_known_once_added(void **state)
{
	struct context *c = *state;
	bool known = true;

	assert_int_equal(store_group_known(c->s, "sudo", &known), ERR_OK);
	assert_false(known);
	assert_int_equal(store_group_add(c->s, "sudo"), ERR_OK);
	assert_int_equal(store_group_add(c->s, "sudo"), ERR_OK);
	assert_int_equal(store_group_known(c->s, "sudo", &known), ERR_OK);
	assert_true(known);
	assert_int_equal(store_group_add(c->s, ""), ERR_INVALID);
}

/* -- rows that someone else wrote -- */

static enum err get_person(struct context *c)
{
	struct person p;

	return store_person_by_id(c->s, 1, &p);
}

static enum err get_card(struct context *c)
{
	struct card_row row;

	return store_card_by_id(c->s, 1, &row);
}

static enum err get_totp(struct context *c)
{
	struct totp_row t;

	return store_totp_get(c->s, 1, &t);
}

static enum err get_password(struct context *c)
{
	struct password_row p;

	return store_password_get(c->s, 1, &p);
}

static enum err get_bucket(struct context *c)
{
	int n = 0;

	return store_bucket_each(c->s, 1, count_buckets, &n);
}

static enum err get_try(struct context *c)
{
	int n = 0;

	return store_try_each(c->s, 0, NULL, count_tries, &n);
}

static enum err get_stat(struct context *c)
{
	struct login_stat st;

	return store_login_stat_get(c->s, 1, &st);
}

static enum err get_grant(struct context *c)
{
	struct grant_row g;

	return store_grant_of_host(c->s, BOOT, 77, 88, 1, "login", true, false, &g);
}

static enum err get_session(struct context *c)
{
	int n = 0;

	return store_session_each(c->s, 0, count_sessions, &n);
}

static enum err get_event(struct context *c)
{
	struct event_filter all = { .last = 0 };
	int n = 0;

	return store_event_each(c->s, &all, count_events, &n);
}

static enum err get_meta(struct context *c)
{
	char id[64];

	return store_meta_get(c->s, "host_id", id, sizeof(id));
}

static const struct {
	const char *sql;
	enum err (*get)(struct context *c);
} hostile[] = {
	{ "UPDATE person SET login = ''", get_person },
	{ "UPDATE person SET login = NULL", get_person },
	{ "UPDATE person SET login = x'7461726f'", get_person },
	{ "UPDATE person SET login = 'ta' || char(0) || 'ro'", get_person },
	{ "UPDATE person SET login = '../taro'", get_person },
	{ "UPDATE person SET login = replace(hex(zeroblob(20)), '0', 'a')", get_person },
	{ "UPDATE person SET uid = -1", get_person },
	{ "UPDATE person SET uid = 4294967295", get_person },
	{ "UPDATE person SET uid = 1.5", get_person },
	{ "UPDATE person SET uid = 'abc'", get_person },
	{ "UPDATE person SET uid = NULL", get_person },
	{ "UPDATE person SET name = ''", get_person },
	{ "UPDATE person SET name = CAST(x'ff' AS TEXT)", get_person },
	{ "UPDATE person SET name = 'a' || char(10) || 'b'", get_person },
	{ "UPDATE person SET name = 'a' || char(8238) || 'b'", get_person },
	{ "UPDATE person SET name = hex(zeroblob(500))", get_person },
	{ "UPDATE person SET name = hex(zeroblob(30000))", get_person },
	{ "UPDATE person SET name = hex(zeroblob(500000))", get_person },
	{ "UPDATE person SET state = 'root'", get_person },
	{ "UPDATE person SET state = ''", get_person },
	{ "UPDATE person SET state = NULL", get_person },
	{ "UPDATE person SET state = 1", get_person },
	{ "UPDATE person SET class = ''", get_person },
	{ "UPDATE person SET language = 'fr'", get_person },
	{ "UPDATE person SET created_at = -5", get_person },
	{ "UPDATE person SET changed_at = 9223372036854775807", get_person },
	{ "UPDATE card SET card_id = '7K2M-9QXX'", get_card },
	{ "UPDATE card SET card_id = lower(card_id)", get_card },
	{ "UPDATE card SET card_id = ''", get_card },
	{ "UPDATE card SET app = 'piw'", get_card },
	{ "UPDATE card SET app = NULL", get_card },
	{ "UPDATE card SET key_ref = 0", get_card },
	{ "UPDATE card SET key_ref = 4294967450", get_card },
	{ "UPDATE card SET algorithm = 'rsa1024'", get_card },
	{ "UPDATE card SET algorithm = NULL", get_card },
	{ "UPDATE card SET spki = substr(spki, 1, 60)", get_card },
	{ "UPDATE card SET spki = x''", get_card },
	{ "UPDATE card SET spki = NULL", get_card },
	{ "UPDATE card SET spki = zeroblob(2000)", get_card },
	{ "UPDATE card SET spki = 'text'", get_card },
	{ "UPDATE card SET spki_sha256 = x'00'", get_card },
	{ "UPDATE card SET guid = x'00'", get_card },
	{ "UPDATE card SET guid = x''", get_card },
	{ "UPDATE card SET pin_proved = 2", get_card },
	{ "UPDATE card SET pin_proved = NULL", get_card },
	{ "UPDATE card SET state = 'Active'", get_card },
	{ "UPDATE card SET state = 'revoked'", get_card },
	{ "UPDATE card SET state = NULL", get_card },
	{ "UPDATE card SET revoked_at = 5", get_card },
	{ "UPDATE card SET reason = ''", get_card },
	{ "UPDATE card SET not_after = -1", get_card },
	{ "UPDATE card SET not_after = 'never'", get_card },
	{ "UPDATE card SET reported_by = ''", get_card },
	{ "UPDATE totp SET key_id = ''", get_totp },
	{ "UPDATE totp SET key_id = '../k1'", get_totp },
	{ "UPDATE totp SET sealed = x'00'", get_totp },
	{ "UPDATE totp SET sealed = zeroblob(129)", get_totp },
	{ "UPDATE totp SET algorithm = 'md5'", get_totp },
	{ "UPDATE totp SET digits = 1", get_totp },
	{ "UPDATE totp SET period = 0", get_totp },
	{ "UPDATE totp SET last_step = NULL", get_totp },
	{ "UPDATE totp SET last_step = -1", get_totp },
	{ "UPDATE totp SET last_step = '9'||'x'", get_totp },
	{ "UPDATE password SET hash = ''", get_password },
	{ "UPDATE password SET hash = NULL", get_password },
	{ "UPDATE password SET hash = hex(zeroblob(400))", get_password },
	{ "UPDATE password SET hash = CAST(hash AS BLOB)", get_password },
	{ "UPDATE password SET set_at = NULL", get_password },
	{ "UPDATE bucket SET failed = -1", get_bucket },
	{ "UPDATE bucket SET failed = NULL", get_bucket },
	{ "UPDATE bucket SET failed = 'none'", get_bucket },
	{ "UPDATE bucket SET failed = 0.5", get_bucket },
	{ "UPDATE bucket SET boot_id = ''", get_bucket },
	{ "UPDATE bucket SET boot_id = upper(boot_id)", get_bucket },
	{ "UPDATE bucket SET boot_ms = -1", get_bucket },
	{ "UPDATE bucket SET real_s = 9223372036854775807", get_bucket },
	{ "UPDATE bucket SET origin = ''", get_bucket },
	{ "UPDATE try SET pid = 0", get_try },
	{ "UPDATE try SET pid = 4294967296", get_try },
	{ "UPDATE try SET start = -1", get_try },
	{ "UPDATE try SET person = NULL", get_try },
	{ "UPDATE try SET address = ''", get_try },
	{ "UPDATE try SET boot_id = NULL", get_try },
	{ "UPDATE login_stat SET failures = -1", get_stat },
	{ "UPDATE login_stat SET last_at = -1", get_stat },
	{ "UPDATE login_stat SET last_from = char(27) || '[2J'", get_stat },
	{ "UPDATE login_grant SET factors = ''", get_grant },
	{ "UPDATE login_grant SET class = NULL", get_grant },
	{ "UPDATE login_grant SET audit_session = -1", get_grant },
	{ "UPDATE login_grant SET uid = 'root'", get_grant },
	{ "UPDATE login_grant SET used_at = -1", get_grant },
	{ "UPDATE login_grant SET withdrawn = 2", get_grant },
	{ "UPDATE login_grant SET real_s = NULL", get_grant },
	{ "UPDATE session SET state = 'x'", get_session },
	{ "UPDATE session SET state = NULL WHERE state IS NOT NULL; UPDATE session SET state = 'opened'", get_session },
	{ "UPDATE session SET closed_at = 5", get_session },
	{ "UPDATE session SET service = ''", get_session },
	{ "UPDATE session SET tty = hex(zeroblob(100))", get_session },
	{ "UPDATE event SET type = ''", get_event },
	{ "UPDATE event SET detail = ''", get_event },
	{ "UPDATE event SET detail = '{' || char(10) || '}'", get_event },
	{ "UPDATE event SET detail = '{' || hex(zeroblob(2000)) || '}'", get_event },
	{ "UPDATE event SET card = '7K2M-9QXX'", get_event },
	{ "UPDATE event SET actor = -1", get_event },
	{ "UPDATE event SET person = 'a b'", get_event },
	{ "UPDATE meta SET value = ''", get_meta },
};

static void fill_every_table(struct context *c)
{
	struct totp_row t = fixture_totp(c->taro.id);
	struct password_row p = { .person = c->taro.id, .key_id = "k1", .set_at = NOW };
	struct bucket_row b = { .person = c->taro.id, .origin = "local", .failed = 1 };
	struct try_row try = { .person = c->taro.id, .origin = "local", .pid = 7, .start = 8 };
	struct login_stat st = { .person = c->taro.id, .last_at = NOW, .failure_at = -1 };
	struct grant_row g = a_grant(c);
	struct session_row r = {
		.person = c->taro.id, .card = -1, .grant = -1, .service = "login", .host_pid = 7, .host_start = 8,
		.state = SESSION_OPEN, .closed_at = -1,
	};
	struct event_row e = fixture_event("taro");

	strcpy(p.hash, "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g");
	b.last = try.at = r.at = fixture_moment();
	assert_int_equal(store_totp_put(c->s, &t), ERR_OK);
	assert_int_equal(store_password_put(c->s, &p), ERR_OK);
	assert_int_equal(store_bucket_put(c->s, &b), ERR_OK);
	assert_int_equal(store_try_add(c->s, &try), ERR_OK);
	assert_int_equal(store_login_stat_put(c->s, &st), ERR_OK);
	assert_int_equal(store_unproved_add(c->s, "remote", "192.0.2.5", NOW), ERR_OK);
	assert_int_equal(store_grant_add(c->s, &g), ERR_OK);
	assert_int_equal(store_session_add(c->s, &r), ERR_OK);
	assert_int_equal(store_event_add(c->s, &e), ERR_OK);
	assert_int_equal(store_group_add(c->s, "sudo"), ERR_OK);
	assert_int_equal(store_commit(c->s), ERR_OK);
	assert_int_equal(store_check(c->s), ERR_OK);
}

static void hostile_rows_are_refused(void **state)
{
	struct context *c = *state;
	char saved[512], path[512];

	fill_every_table(c);
	store_close(c->s);
	c->s = NULL;
	snprintf(saved, sizeof(saved), "%s/saved", c->dir);
	snprintf(path, sizeof(path), "%s/store.db", c->dir);
	fixture_copy(path, saved);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		enum err e;

		fixture_raw(c->dir, NO_STRICT);
		fixture_raw(c->dir, hostile[i].sql);
		fixture_raw(c->dir, STRICT_AGAIN);
		c->s = fixture_open(c->dir);
		e = hostile[i].get(c);
		if (e != ERR_STORE_CORRUPT)
			print_error("%s: %s\n", hostile[i].sql, err_name(e));
		assert_int_equal(e, ERR_STORE_CORRUPT);
		assert_int_equal(store_check(c->s), ERR_STORE_CORRUPT);
		store_close(c->s);
		c->s = NULL;
		fixture_restore(c->dir, saved);
	}
	c->s = fixture_open(c->dir);
	assert_int_equal(store_check(c->s), ERR_OK);
}

static void check_finds_what_no_function_reads(void **state)
{
	static const char *const sql[] = {
		"UPDATE unproved SET failed = 0", "UPDATE unproved SET minute = 'x'", "UPDATE unproved SET origin = ''",
		"UPDATE known_group SET name = ''", "DELETE FROM meta WHERE key = 'host_id'",
		"UPDATE meta SET value = 'xyz' WHERE key = 'host_id'", "DELETE FROM person",
		"INSERT INTO meta VALUES (char(10), 'x')",
	};
	struct context *c = *state;
	char saved[512], path[512];

	fill_every_table(c);
	store_close(c->s);
	c->s = NULL;
	snprintf(saved, sizeof(saved), "%s/saved", c->dir);
	snprintf(path, sizeof(path), "%s/store.db", c->dir);
	fixture_copy(path, saved);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		fixture_raw(c->dir, NO_STRICT);
		fixture_raw(c->dir, sql[i]);
		fixture_raw(c->dir, STRICT_AGAIN);
		if (fixture_verdict(c->dir) != ERR_STORE_CORRUPT)
			print_error("%s\n", sql[i]);
		assert_int_equal(fixture_verdict(c->dir), ERR_STORE_CORRUPT);
		fixture_restore(c->dir, saved);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(person_goes_there_and_back),
		T(missing_person_leaves_the_result_alone),
		T(names_and_uids_are_unique_until_removed),
		T(person_update_keeps_id_and_creation),
		T(bad_people_are_not_written),
		T(odd_labels_are_only_text),
		T(card_goes_there_and_back),
		T(cards_and_keys_are_unique),
		T(bad_cards_are_not_written),
		T(state_changes_only_from_the_expected_one),
		T(revoked_card_never_becomes_active),
		cmocka_unit_test(names_of_enums),
		T(totp_goes_there_and_back),
		T(step_is_consumed_once_and_forward),
		T(password_goes_there_and_back),
		T(bucket_starts_empty_and_counts),
		T(latest_address_buckets_are_kept),
		T(tries_are_reserved_and_returned),
		T(login_stat_goes_there_and_back),
		T(failures_of_a_minute_add_up),
		T(flood_of_failures_stays_small),
		T(grant_of_a_host_is_found),
		T(session_opens_and_closes),
		T(grants_of_a_login_session),
		T(session_of_a_login_session),
		T(a_login_session_is_found_by_index),
		T(the_login_of_a_busy_session_is_found_by_index),
		T(open_sessions_are_found_by_index),
		T(events_are_filtered_in_order),
		T(the_ends_of_a_list_are_told),
		T(recent_events_of_a_card_are_found_by_index),
		T(events_are_append_only),
		T(group_is_known_once_added),
		T(hostile_rows_are_refused),
		T(check_finds_what_no_function_reads),
#undef T
	};

	fixture_drop();
	return cmocka_run_group_tests_name("store_rows", tests, NULL, NULL);
}
