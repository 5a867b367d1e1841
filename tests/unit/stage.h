/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the decision in one process. Scripted: the machine (stage_host.h), the terminal, the cards in the readers and
 * the places to hash. Real: every rule, the store, the policy, the keys and the cards' signatures.
 */
#ifndef CARDMFA_STAGE_H
#define CARDMFA_STAGE_H

#include <liboath/oath.h>
#include <limits.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "../../lib/auth/speech.h"
#include "auth.h"
#include "conf_text.h"
#include "event.h"
#include "factor_password.h"
#include "factor_totp.h"
#include "lifecycle.h"
#include "lockout.h"
#include "rules.h"
#include "stage_host.h"
#include "store_fixture.h"
#include "unit_keys.h"

#define STAGE_CHEAP "[settings]\nargon2-memory = 19MiB\nargon2-time = 1\n"
#define STAGE_POLICY STAGE_CHEAP "[default]\nfactors = card,totp card,password\nattempts = 3\n"
#define STAGE_BOTH STAGE_CHEAP "[default]\nfactors = password,totp\nattempts = 3\n"
#define STAGE_COST ((struct pwhash_cost){ .m_kib = 19456, .t = 1 })
#define STAGE_SEED "12345678901234567890"
#define STAGE_PASSWORD "correct horse"
#define STAGE_PIN "123456"
#define STAGE_GETTY "/system.slice/system-getty.slice/getty@tty1.service"
#define STAGE_SILENT 0x8000u            /* PAM_SILENT of Linux-PAM */
#define STAGE_NONE 4294967295LL         /* no audit session, no login uid */

#define PROMPT_PIN "? PIN of your IC card: \n"
#define PROMPT_CODE "? Verification code: \n"
#define PROMPT_PASSWORD "? Password: \n"
#define PROMPT_EITHER "? Verification code or password: \n"
#define PROMPT_NEXT_CODE "? Next verification code: \n"
#define PROMPT_NEXT_EITHER "? Next verification code or password: \n"
#define PROMPT_INSERT "? Insert your IC card and press Enter: \n"
#define TELL_INSERT "i Insert your IC card (30 s).\n"
/* Sentences of speech_refusal() are shown by the name of their result. */
#define TELL(result) "e " #result "\n"
#define TELL_STRANGER TELL(CARD_UNKNOWN)
#define TELL_REFUSED TELL(DENIED)
#define TELL_FIRST "i This is your first login.\n"

struct stage_answer {
	const char *text;
	enum err result;
	void (*before)(void);   /* happens while the person types */
};

struct stage_card {
	int key;                /* of keys[] */
	uint8_t guid;           /* all 16 bytes; 0: no CHUID */
	const struct der *cert;
	const char *pin;
	int tries;
	bool pinless;           /* signs without PIN */
	bool late;              /* is put in when somebody waits for it */
	enum err seen;          /* what NEXT answers for it */
	const char *reader;     /* named with that */
	bool zeros;             /* its CHUID has a GUID of zeros */
	enum err answer;        /* what SIGN answers instead of a signature */
	bool spoilt;            /* one bit of the signature is wrong */
	void (*before_sign)(void);
	unsigned signatures;
	struct card_request last;
	struct card_row row;    /* as enrolled */
};

static struct {
	struct wire_peer peer;
	struct wire_request request;
	struct policy *policy;
	struct keyring *keys;
	bool store_full;
	/* terminal */
	struct stage_answer answers[6];
	size_t asked;
	int ask_left_ms;        /* of the last question, to its deadline */
	size_t told, tell_fails_at;     /* the N-th text can't be shown, 0: all can */
	char shown[4096];
	/* readers */
	struct stage_card *cards[4];
	size_t next;
	bool endless;           /* new cards without end */
	void (*before_next)(void);      /* happens while the readers are looked at */
	size_t exchanges, exchange_fails_at;
	enum err exchange_error;
	uint32_t longest_wait_ms;
	int exchange_left_ms;   /* of the last exchange, to its deadline */
	bool card_process, card_process_over;
	/* places to hash */
	enum err hash_result;
	void (*before_hash)(void);
	int hashing, hashed;
	int64_t group;
	/* what came out */
	struct wire_record records[WIRE_RECORDS_MAX];
	size_t n_records, record_fails_at;      /* the N-th can't be sent, 0: all can */
	bool log_moves;         /* while one is sent: no query is open, which would keep what it reads in the store's log */
	struct wire_result result;
	char log[65536];
} stage;

/* -- callbacks -- */

static inline const char *stage_sentence(const char *text)
{
	for (int e = ERR_DENIED; e <= ERR_CANCELLED; e++)
		if (strcmp(text, speech_refusal((enum err)e)) == 0)
			return err_name((enum err)e);
	return text;
}

static inline void stage_show(char kind, const char *text)
{
	size_t len = strlen(stage.shown);

	text = kind == 'e' ? stage_sentence(text) : text;
	snprintf(stage.shown + len, sizeof(stage.shown) - len, "%c %s\n", kind, text);
}

static inline enum err stage_ask(void *arg, bool hidden, const char *text, struct secret *ret, int64_t deadline)
{
	const struct stage_answer *a = &stage.answers[stage.asked++];

	assert_ptr_equal(arg, &stage);
	assert_true(hidden);
	assert_true(stage.asked <= sizeof(stage.answers) / sizeof(stage.answers[0]));
	stage_show('?', text);
	stage.ask_left_ms = deadline_left(deadline);
	if (a->before)
		a->before();
	if (deadline_left(deadline) == 0)
		return ERR_TIMEOUT;
	if (a->result != ERR_OK || !a->text)
		return a->result != ERR_OK ? a->result : ERR_CONVERSATION;
	return secret_set(ret, a->text, strlen(a->text));
}

static inline enum err stage_tell(void *arg, bool error, const char *text)
{
	assert_ptr_equal(arg, &stage);
	if (++stage.told == stage.tell_fails_at)
		return ERR_UNAVAILABLE;
	stage_show(error ? 'e' : 'i', text);
	return ERR_OK;
}

static inline void stage_see(const struct stage_card *c, struct card_answer *an)
{
	an->handle = (uint8_t)(10 + c->key);
	an->tries = (int8_t)c->tries;
	an->has_guid = c->guid != 0 || c->zeros;
	memset(an->guid, c->guid, sizeof(an->guid));
	if (c->cert) {
		an->cert_len = (uint16_t)c->cert->len;
		memcpy(an->cert, c->cert->bytes, c->cert->len);
	}
	an->result = c->seen;
}

static inline void stage_next(const struct card_request *rq, struct card_answer *an)
{
	struct stage_card *c = stage.cards[stage.next];

	if (c && c->reader && strcmp(c->reader, rq->skip) == 0)
		c = stage.cards[++stage.next];

	if (rq->wait_ms > stage.longest_wait_ms)
		stage.longest_wait_ms = rq->wait_ms;
	an->result = ERR_NO_CARD;
	if (!c || (c->late && !rq->wait_ms))
		return;
	stage.next += !stage.endless;
	stage_see(c, an);
	if (c->reader)
		snprintf(an->reader, sizeof(an->reader), "%s", c->reader);
	/* The process ends; the next one looks into all readers again. */
	stage.card_process_over = an->result == ERR_BUSY && c->reader;
	if (stage.card_process_over)
		stage.next = 0;
}

static inline void stage_sign_input(const struct stage_card *c, const struct card_request *rq, struct card_answer *an)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(keys[c->key], NULL);
	size_t len = sizeof(an->signature);

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	if (EVP_PKEY_is_a(keys[c->key], "RSA"))
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, an->signature, &len, rq->input, rq->input_len), 1);
	EVP_PKEY_CTX_free(ctx);
	an->signature_len = (uint16_t)len;
	an->signature[len / 2] ^= c->spoilt;
}

static inline enum err stage_verify_pin(struct stage_card *c, const struct card_request *rq)
{
	bool right = rq->pin.len == strlen(c->pin) && !memcmp(rq->pin.bytes, c->pin, rq->pin.len);

	assert_in_range(rq->pin.len, 6, 8);
	if (c->tries != CARD_TRIES_UNKNOWN && !right)
		c->tries--;
	return right ? ERR_OK : ERR_PIN_WRONG;
}

static inline void stage_sign(const struct card_request *rq, struct card_answer *an)
{
	struct stage_card *c = NULL;

	for (size_t i = 0; stage.cards[i]; i++)
		if (rq->handle == 10 + stage.cards[i]->key)
			c = stage.cards[i];
	assert_non_null(c);
	c->last = *rq;
	secret_wipe(&c->last.pin);
	if (c->before_sign)
		c->before_sign();
	an->result = c->answer;
	if (an->result == ERR_OK && rq->pin_mode == CARD_PIN_BYTES)
		an->result = stage_verify_pin(c, rq);
	else if (an->result == ERR_OK && !c->pinless)
		an->result = ERR_DENIED;
	an->tries = (int8_t)c->tries;
	if (an->result != ERR_OK)
		return;
	stage_sign_input(c, rq, an);
	c->signatures++;
}

static inline enum err stage_exchange(void *arg, const struct card_request *rq, struct card_answer *ret, int64_t deadline)
{
	assert_ptr_equal(arg, &stage);
	assert_false(stage.card_process_over);
	stage.card_process = true;
	stage.exchange_left_ms = deadline_left(deadline);
	if (++stage.exchanges == stage.exchange_fails_at)
		return stage.exchange_error;
	if (deadline_left(deadline) == 0)
		return ERR_TIMEOUT;
	memset(ret, 0, sizeof(*ret));
	ret->op = rq->op;
	if (rq->op == CARD_OP_NEXT && stage.before_next)
		stage.before_next();
	if (rq->op == CARD_OP_NEXT)
		stage_next(rq, ret);
	else
		stage_sign(rq, ret);
	return ERR_OK;
}

static inline void stage_card_done(void *arg)
{
	assert_ptr_equal(arg, &stage);
	stage.card_process = stage.card_process_over = false;
	/* The next one tells of every card. */
	stage.next = 0;
}

static inline enum err stage_hash_begin(void *arg, int64_t group, int64_t deadline)
{
	assert_ptr_equal(arg, &stage);
	/* No card stays open while others wait for a place. */
	assert_false(stage.card_process);
	stage.group = group;
	if (stage.before_hash)
		stage.before_hash();
	if (deadline_left(deadline) == 0)
		return ERR_BUSY;
	if (stage.hash_result == ERR_OK)
		stage.hashing++;
	return stage.hash_result;
}

static inline void stage_hash_done(void *arg)
{
	assert_ptr_equal(arg, &stage);
	assert_int_equal(stage.hashing, 1);
	stage.hashing--;
	stage.hashed++;
}

static inline enum err stage_record(void *arg, const struct wire_record *r)
{
	WIRE_BUF(b);

	assert_ptr_equal(arg, &stage);
	if (stage.n_records + 1 == stage.record_fails_at)
		return ERR_UNAVAILABLE;
	if (stage.log_moves) {
		fixture_raw(rules_dir, "INSERT OR REPLACE INTO known_group VALUES ('meanwhile')");
		assert_int_equal(fixture_count(rules_dir, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	}
	/* It is one that the other end takes. */
	wire_put_record(&b, r);
	assert_int_equal(wire_open(&b, &(unsigned){ 0 }, &(enum wire_type){ 0 }), ERR_OK);
	assert_true(stage.n_records < WIRE_RECORDS_MAX);
	assert_int_equal(wire_get_record(&b, &stage.records[stage.n_records++]), ERR_OK);
	return ERR_OK;
}

/* The N-th record of a kind, from 0; NULL: there are fewer. */
static inline const struct wire_record *stage_told(enum wire_record_kind kind, size_t n)
{
	for (size_t i = 0; i < stage.n_records; i++)
		if (stage.records[i].kind == kind && n-- == 0)
			return &stage.records[i];
	return NULL;
}

static inline void stage_log(int level, const char *line)
{
	size_t len = strlen(stage.log);

	if (getenv("TEST_LOG"))
		fprintf(stderr, "<%d>%s\n", level, line);
	if (len + strlen(line) + 2 < sizeof(stage.log))
		sprintf(stage.log + len, "%s\n", line);
}

/* -- what the product holds -- */

static inline void stage_policy(const char *text)
{
	policy_free(stage.policy);
	stage.policy = conf_loads(text);
}

static inline void stage_password(int64_t person, const char *text)
{
	struct password_row row;
	SECRET(password);

	assert_int_equal(secret_set(&password, text, strlen(text)), ERR_OK);
	assert_int_equal(factor_password_make(stage.keys, person, &password, STAGE_COST, clock_real_s(), &row), ERR_OK);
	rules_begin();
	assert_int_equal(store_password_put(rules_store, &row), ERR_OK);
	rules_commit();
}

static inline void stage_app(int64_t person, unsigned digits)
{
	struct totp_params params = TOTP_PARAMS_DEFAULT;
	SECRET(seed);

	params.digits = digits;
	assert_int_equal(secret_set(&seed, STAGE_SEED, strlen(STAGE_SEED)), ERR_OK);
	rules_begin();
	assert_int_equal(factor_totp_enrol(rules_store, stage.keys, person, &seed, params, 0), ERR_OK);
	rules_commit();
}

/* The code of the app, `steps` from now. Kept until the second next one. */
static inline const char *stage_code_of(unsigned digits, int steps)
{
	static char codes[2][16];
	static size_t turn;
	char *code = codes[turn++ % 2];

	assert_int_equal(oath_totp_generate(STAGE_SEED, strlen(STAGE_SEED), (time_t)(clock_real_s() + 30 * steps), 30, 0,
					    digits, code), OATH_OK);
	return code;
}

static inline const char *stage_code(void)
{
	return stage_code_of(6, 0);
}

/* A card that nobody has enrolled. */
static inline struct stage_card stage_new_card(int key, uint8_t guid)
{
	return (struct stage_card){ .key = key, .guid = guid, .pin = STAGE_PIN, .tries = 3 };
}

static inline void stage_enrol(struct stage_card *c, int64_t person)
{
	struct der spki = spki_of(keys[c->key]);
	struct key_info key;
	struct card_row row = {
		.person = person, .key_ref = 0x9A, .has_guid = c->guid != 0, .pin_proved = !c->pinless, .state = CARD_ACTIVE,
		.not_after = -1, .enrolled_at = clock_real_s(), .changed_at = clock_real_s(), .revoked_at = -1,
		.reported_at = -1, .last_used_at = -1,
	};
	const unsigned char values[7] = { (unsigned char)c->key, c->guid % 31, 3, 4, 5, 6, 7 };

	assert_int_equal(key_from_spki(spki.bytes, spki.len, &key), ERR_OK);
	row.algorithm = key.algorithm;
	row.spki_len = key.spki_len;
	memcpy(row.spki, key.spki, key.spki_len);
	memcpy(row.spki_sha256, key.spki_sha256, sizeof(row.spki_sha256));
	memset(row.guid, c->guid, sizeof(row.guid));
	assert_int_equal(card_id_make(values, &row.card_id), ERR_OK);
	rules_begin();
	assert_int_equal(store_card_add(rules_store, &row), ERR_OK);
	rules_commit();
	c->row = row;
}

static inline void stage_move_card(struct stage_card *c, enum card_state to)
{
	struct lifecycle_step step = {
		.to = to, .reason = to == CARD_REVOKED ? REASON_LOST : REASON_NONE, .reported_at = -1,
	};
	bool changed;

	rules_begin();
	assert_int_equal(lifecycle_move(rules_store, &c->row, &step, &changed), ERR_OK);
	rules_commit();
}

/* What someone with sqlite3 in his hand could do: the store is closed meanwhile. What the next open says of it. */
static inline enum err stage_tamper(const char *sql)
{
	store_close(rules_store);
	rules_store = NULL;
	fixture_raw(rules_dir, sql);
	return store_open(rules_dir, STORE_USE, RULES_LOCK_MS, &rules_store);
}

static inline void stage_raw(const char *sql)
{
	assert_int_equal(stage_tamper(sql), ERR_OK);
}

static inline int64_t stage_count(const char *sql)
{
	return fixture_count(rules_dir, sql);
}

static inline int64_t stage_grants(void)
{
	return stage_count("SELECT count(*) FROM login_grant");
}

static inline int64_t stage_failed(int64_t person, const char *origin)
{
	struct bucket_row b;

	assert_int_equal(store_bucket_get(rules_store, person, origin, &b), ERR_OK);
	return b.failed;
}

static inline int64_t stage_failures(int64_t person)
{
	struct login_stat st;

	assert_int_equal(store_login_stat_get(rules_store, person, &st), ERR_OK);
	return st.failures;
}

static inline void stage_set_state(int64_t person, enum person_state state)
{
	struct person p;

	rules_begin();
	assert_int_equal(store_person_by_id(rules_store, person, &p), ERR_OK);
	p.state = state;
	assert_int_equal(store_person_update(rules_store, &p), ERR_OK);
	rules_commit();
}

static inline enum err stage_keep_event(const struct event_row *e, void *arg)
{
	struct event_row *last = arg;

	*last = *e;
	return ERR_OK;
}

/* "login OK", "" when nothing was recorded. */
static inline const char *stage_last_event(struct event_row *ret)
{
	static const struct event_filter newest = { .last = 1 };
	static char text[96];
	struct event_row e = { .seq = 0 };

	assert_int_equal(store_event_each(rules_store, &newest, stage_keep_event, &e), ERR_OK);
	text[0] = '\0';
	if (e.seq)
		snprintf(text, sizeof(text), "%s %s", e.type, e.result);
	if (ret)
		*ret = e;
	return text;
}

/* -- where the call comes from -- */

static inline void stage_text(char *dst, size_t size, const char *text)
{
	assert_true(strlen(text) < size);
	strcpy(dst, text);
}

#define stage_request(field, text) stage_text(stage.request.field, sizeof(stage.request.field), (text))

/* A login below getty. */
static inline void stage_at_console(const char *user)
{
	stage.peer = (struct wire_peer){ .root_socket = true, .pid = 4242, .start = 77, .parent = 1, .parent_start = 1,
					 .loginuid = STAGE_NONE, .audit_session = STAGE_NONE, .exe = "/bin/login",
					 .cgroup = STAGE_GETTY };
	stage.request = (struct wire_request){ .service = "login", .tty = "/dev/tty1" };
	stage_request(user, user);
}

static inline void stage_from(const char *user, const char *rhost)
{
	stage_at_console(user);
	stage_request(service, "sshd");
	stage_request(rhost, rhost);
	stage_request(tty, "ssh");
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), "/system.slice/ssh.service");
}

/* A screen locker or another program of his own. */
static inline void stage_as_user(const char *user, int64_t uid)
{
	stage_at_console(user);
	stage.peer.root_socket = false;
	stage.peer.ruid = stage.peer.euid = uid;
	stage_request(service, "swaylock");
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), "/user.slice/user-1001.slice/session-7.scope");
}

/* The peer stands in a login session in front of this machine. */
static inline void stage_local_session(void)
{
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), "/user.slice/user-1001.slice/session-7.scope");
	stage.peer.audit_session = 7;
	host.session = "7";
	host.session_active = true;
	host.session_service = "login";
	host.session_tty = "tty1";
}

/* -- the call -- */

static inline const struct auth_io *stage_io(void)
{
	static const struct auth_io io = {
		.ask = stage_ask, .tell = stage_tell, .card = stage_exchange, .card_done = stage_card_done,
		.hash_begin = stage_hash_begin, .hash_done = stage_hash_done, .record = stage_record,
		.arg = &stage,
	};

	return &io;
}

static inline void stage_reset_call(void)
{
	stage.asked = stage.told = stage.next = stage.exchanges = stage.n_records = 0;
	stage.shown[0] = stage.log[0] = '\0';
	stage.hashed = 0;
	stage.longest_wait_ms = 0;
	stage.result = (struct wire_result){ .verdict = VERDICT_ALLOW, .result = ERR_OK };
}

static inline struct auth_call stage_call(void)
{
	return (struct auth_call){
		.store = rules_store, .keys = stage.keys, .policy = stage.policy, .io = stage_io(), .peer = &stage.peer,
		.request = &stage.request, .host_id = "00112233445566778899aabbccddeeff", .system_language = "en",
		.store_full = stage.store_full,
	};
}

/* Nothing typed stands in a log or on the screen. */
static inline void stage_no_secrets(void)
{
	for (size_t i = 0; i < stage.asked; i++) {
		const char *text = stage.answers[i].text;

		if (!text || strlen(text) < 6)
			continue;
		assert_null(strstr(stage.log, text));
		assert_null(strstr(stage.shown, text));
	}
}

/* Runs the call and checks what holds for every one. */
static inline enum err stage_run(enum wire_op op)
{
	int64_t grants = stage_grants();
	struct auth_call c;
	enum err e;

	stage_reset_call();
	stage.request.op = op;
	c = stage_call();
	e = auth_run(&c, &stage.result);
	assert_int_equal(stage.result.result, e);
	assert_int_equal(stage.result.verdict, e == ERR_OK ? VERDICT_ALLOW : VERDICT_DENY);
	assert_int_equal(stage_grants() - grants, op == WIRE_AUTH && e == ERR_OK);
	assert_int_equal(stage.hashing, 0);
	assert_false(stage.card_process);
	stage_no_secrets();
	/* No transaction is left open. */
	assert_int_equal(store_begin(rules_store), ERR_OK);
	store_rollback(rules_store);
	return e;
}

/*
 * The call, prepared each time, once for each of its readings of the clock, which fails: never allowed. How many
 * readings a call makes that meets no failure.
 */
static inline int stage_without_clock(enum wire_op op, void (*prepare)(void))
{
	for (int n = 1;; n++) {
		enum err e;

		prepare();
		host.moments = 0;
		host.moment_fails_at = n;
		e = stage_run(op);
		host.moment_fails_at = 0;
		if (host.moments < n) {
			assert_int_equal(e, ERR_OK);
			return n - 1;
		}
		assert_int_equal(e, ERR_CLOCK);
	}
}

/* Answers in their order; NULL: no answer. */
static inline void stage_answers(const char *const typed[6])
{
	for (size_t i = 0; i < 6; i++)
		stage.answers[i] = (struct stage_answer){ .text = typed[i] };
}

static inline enum err stage_answered(const char *const typed[6])
{
	stage_answers(typed);
	return stage_run(WIRE_AUTH);
}

#define stage_type(...) stage_answers((const char *const[6]){ __VA_ARGS__ })
#define stage_login(...) stage_answered((const char *const[6]){ __VA_ARGS__ })

/* -- fixtures -- */

static int64_t taro, hanako;
static struct stage_card taros, hanakos;

static inline int stage_setup(void **state)
{
	int rc = rules_setup(state);

	memset(&stage, 0, sizeof(stage));
	memset(&host, 0, sizeof(host));
	/* A code's half minute has just begun: none ends between two logins. */
	host.real_s = 30 - clock_real_s() % 30;
	log_set_sink(stage_log);
	stage.keys = rules_keyring(1);
	stage_policy(STAGE_POLICY);
	taro = rules_person("taro", 1001);
	hanako = rules_person("hanako", 1002);
	taros = stage_new_card(3, 0x77);
	hanakos = stage_new_card(4, 0x88);
	stage_enrol(&taros, taro);
	stage_enrol(&hanakos, hanako);
	stage_at_console("taro");
	stage.cards[0] = &taros;
	return rc;
}

/* The same with code and password of taro. */
static inline int stage_setup_secrets(void **state)
{
	int rc = stage_setup(state);

	stage_password(taro, STAGE_PASSWORD);
	stage_app(taro, 6);
	return rc;
}

static inline int stage_teardown(void **state)
{
	policy_free(stage.policy);
	stage.policy = NULL;
	keyring_free(stage.keys);
	return rules_teardown(state);
}

#define STAGE_TEST(function) cmocka_unit_test_setup_teardown(function, stage_setup, stage_teardown)
#define STAGE_TEST_SECRETS(function) cmocka_unit_test_setup_teardown(function, stage_setup_secrets, stage_teardown)

/* First in main(). RSA-2048, two P-256 (key 1 is never enrolled) and P-384: large RSA keys take their time. */
static inline bool stage_start(void)
{
	rules_drop_root();
	keys[0] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	keys[1] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	keys[3] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	keys[4] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	return keys[0] && keys[1] && keys[3] && keys[4];
}

#endif
