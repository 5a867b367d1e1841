/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card's part of a login: whom it is asked about, when its PIN is asked, what it must prove. login_card.c is taken in as
 * source, so that its verifier can be replaced by one that answers anything (A4).
 */
#include "challenge.h"
#include "key.h"

static enum err forged_verify(const struct key_info *key, const void *message, size_t len, const void *sig, size_t sig_len);

static enum err watched_challenge(enum challenge_purpose purpose, const char *host_id, const char *service, const char *user,
				  struct challenge *ret);

#define key_verify forged_verify
#define challenge_make watched_challenge
#include "../../lib/auth/login_card.c"
#undef key_verify
#undef challenge_make

#include "card_world.h"
#include "stage.h"

static const enum err *forged;  /* NULL: the real verifier answers */

static enum err forged_verify(const struct key_info *key, const void *message, size_t len, const void *sig, size_t sig_len)
{
	return forged ? *forged : key_verify(key, message, len, sig, sig_len);
}

/* What a card signs for a login is of use for nothing else. */
static enum err watched_challenge(enum challenge_purpose purpose, const char *host_id, const char *service, const char *user,
				  struct challenge *ret)
{
	assert_int_equal(purpose, CHALLENGE_LOGIN);
	assert_string_equal(host_id, stage_call().host_id);
	assert_string_equal(service, stage.request.service);
	assert_string_equal(user, stage.request.user);
	return challenge_make(purpose, host_id, service, user, ret);
}

static enum err usual_login(void)
{
	return stage_login(STAGE_PIN, STAGE_PASSWORD);
}

/* -- A4: only the exact success of the verifier and of the card opens -- */

static enum err scripted_sw_answer;
static unsigned verify_sw;

static enum io transmit_with_sw(void *state, const struct transport_card *card, const uint8_t *command, size_t command_len,
				uint8_t *response, size_t *len)
{
	enum io io = world_transmit(state, card, command, command_len, response, len);

	if (command[1] == 0x20 && command_len > 5)
		*len = world_sw(response, 0, verify_sw);
	return io;
}

static struct transport scripted;
static struct card *card_process;

/* The real card process' code over a card of which only the answer to VERIFY is made up. */
static enum err exchange_with_world(void *arg, const struct card_request *rq, struct card_answer *ret, int64_t deadline)
{
	struct card_request copy = *rq;

	(void)arg;
	(void)deadline;
	if (!card_process)
		assert_int_equal(card_open(&world_host, &scripted, &card_process), ERR_OK);
	card_serve(card_process, &copy, ret);
	if (rq->op == CARD_OP_SIGN)
		scripted_sw_answer = ret->result;
	return ERR_OK;
}

static void end_world(void *arg)
{
	(void)arg;
	card_close(card_process);
	card_process = NULL;
}

static enum err login_with_world(unsigned sw)
{
	struct auth_io io = *stage_io();
	struct auth_call c = stage_call();

	io.card = exchange_with_world;
	io.card_done = end_world;
	c.io = &io;
	memset(&world, 0, sizeof(world));
	scripted = world_transport;
	scripted.transmit = transmit_with_sw;
	world.n_readers = 1;
	world_insert(0, 0x77);
	verify_sw = sw;
	stage_reset_call();
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.request.op = WIRE_AUTH;
	return auth_run(&c, &stage.result);
}

static void A4_the_verdict_starts_as_deny(void **state)
{
	static const unsigned words[] = {
		0x6300, 0x63C0, 0x63C1, 0x63C2, 0x63C3, 0x63C4, 0x63C5, 0x63C6, 0x63C7, 0x63C8, 0x63C9, 0x63CA, 0x63CB, 0x63CC,
		0x63CD, 0x63CE, 0x63CF, 0x6982, 0x6983, 0x6A80, 0x6A88, 0x6D00, 0x0000, 0xFFFF, 0x9001, 0x1000, 0x8000, 0x0090,
	};
	static const int values[] = {
		1, -1, 2, INT_MIN, INT_MAX, 0x5A3C96E1, 0x100, ERR_DENIED, ERR_CRYPTO, ERR_TIMEOUT, 0x10000, -0x80000000LL,
	};
	enum err answer = ERR_OK;

	(void)state;
	forged = &answer;
	assert_int_equal(login_with_world(0x9000), ERR_OK);
	assert_int_equal(stage.result.verdict, VERDICT_ALLOW);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_not_equal(login_with_world(words[i]), ERR_OK);
		assert_int_equal(stage.result.verdict, VERDICT_DENY);
		assert_int_not_equal(scripted_sw_answer, ERR_OK);
		assert_int_equal(stage.hashed, 0);
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		answer = (enum err)values[i];
		assert_int_not_equal(login_with_world(0x9000), ERR_OK);
		assert_int_equal(stage.result.verdict, VERDICT_DENY);
		assert_int_equal(scripted_sw_answer, ERR_OK);
		assert_int_equal(stage.hashed, 0);
	}
	assert_int_equal(stage_grants(), 1);
	forged = NULL;
}

/* No result of the card but ERR_OK, with a signature that is right, proves anything. */
static void only_success_of_the_card_is_looked_at(void **state)
{
	static const int results[] = { 1, -1, 2, INT_MAX, INT_MIN, 0x10000 };

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		taros.answer = (enum err)results[i];
		assert_int_not_equal(usual_login(), ERR_OK);
		assert_int_equal(stage.asked, 1);
	}
	for (int e = ERR_DENIED; e <= ERR_CANCELLED; e++) {
		taros.answer = (enum err)e;
		assert_int_not_equal(usual_login(), ERR_OK);
		assert_int_equal(stage.asked, 1);
	}
	/* Refused by the card without saying why: no denial of ours, which would count as told. */
	taros.answer = ERR_DENIED;
	assert_int_equal(usual_login(), ERR_CARD_FAILED);
	assert_string_equal(stage.shown, PROMPT_PIN TELL(CARD_FAILED));
}

/* -- recognition -- */

/* A58: identifiers only. Whatever is copied, another key opens nothing. */
static struct der certificate(int subject_key, const char *common_name)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	struct der d;
	unsigned char *at = d.bytes;

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "UID", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x77);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	assert_int_equal(X509_set_pubkey(x, keys[subject_key]), 1);
	assert_true(X509_sign(x, keys[3], EVP_sha256()) > 0);
	d.len = (size_t)i2d_X509(x, &at);
	X509_free(x);
	return d;
}

static void A58_identifiers_alone_open_nothing(void **state)
{
	struct der real = certificate(3, "taro"), other = certificate(1, "taro");
	struct stage_card clone = stage_new_card(1, 0x77);

	(void)state;
	stage.cards[0] = &clone;
	/* GUID alone, then with the name and the serial number in a certificate for its own key, then with the real one. */
	for (int i = 0; i < 3; i++) {
		clone.cert = i == 0 ? NULL : i == 1 ? &other : &real;
		assert_int_equal(usual_login(), ERR_CARD_UNKNOWN);
		assert_string_equal(stage.shown, PROMPT_PIN TELL_STRANGER);
		assert_string_equal(stage_last_event(NULL), "login CARD_UNKNOWN");
	}
	assert_int_equal(clone.signatures, 3);
	/* No GUID: the certificate is all there is. */
	clone.guid = 0;
	clone.cert = &real;
	assert_int_equal(usual_login(), ERR_CARD_UNKNOWN);
	assert_int_equal(clone.signatures, 4);
	clone.cert = &other;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	assert_int_equal(clone.signatures, 4);
	/* The real key with another name in its certificate is the card that was enrolled. */
	other = certificate(3, "mallory");
	taros.guid = 0;
	taros.cert = &other;
	stage.cards[0] = &taros;
	assert_int_equal(usual_login(), ERR_OK);
	assert_int_equal(stage_failed(taro, "local"), 0);
}

static void a_guid_that_is_there_decides(void **state)
{
	struct der real = certificate(3, "taro");

	(void)state;
	/* Another GUID beside the real certificate: not the card that was enrolled. */
	taros.guid = 0x78;
	taros.cert = &real;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
}

static void a_card_without_guid_is_known_by_its_certificate(void **state)
{
	struct der real = certificate(4, "hanako"), padded = real, cut = real;

	(void)state;
	stage_request(user, "hanako");
	stage_password(hanako, STAGE_PASSWORD);
	hanakos.guid = 0;
	hanakos.cert = &real;
	stage.cards[0] = &hanakos;
	assert_int_equal(usual_login(), ERR_OK);
	memset(padded.bytes + padded.len, 0, 5);
	padded.len += 5;
	hanakos.cert = &padded;
	assert_int_equal(usual_login(), ERR_OK);
	cut.len--;
	hanakos.cert = &cut;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	hanakos.cert = NULL;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
}

/* Enrolled before it had a GUID, or with a key whose row has none: all zero is no GUID. */
static void a_row_without_guid_is_met_by_no_guid(void **state)
{
	struct stage_card plain = stage_new_card(0, 0), zero;

	(void)state;
	stage_enrol(&plain, taro);
	zero = plain;
	zero.guid = 0x11;
	stage.cards[0] = &zero;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_int_equal(zero.signatures, 0);
}

/* Only the cards of this name are looked at. */
static void a_card_serves_its_own_person_only(void **state)
{
	(void)state;
	stage_password(hanako, STAGE_PASSWORD);
	stage_request(user, "hanako");
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_int_equal(taros.signatures, 0);
	stage_request(user, "nobody-at-all");
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_int_equal(taros.signatures, 0);
}

static void a_card_past_its_end_is_a_strangers(void **state)
{
	(void)state;
	stage_raw("UPDATE card SET not_after = 100");
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
}

/* Of two rows that look alike the usable one counts: a card that was enrolled anew. */
static void a_revoked_row_does_not_hide_the_present_one(void **state)
{
	struct stage_card again = stage_new_card(1, 0x77);

	(void)state;
	stage_enrol(&again, taro);
	stage_move_card(&taros, CARD_REVOKED);
	stage.cards[0] = &again;
	assert_int_equal(usual_login(), ERR_OK);
}

static void the_first_usable_row_is_taken(void **state)
{
	struct stage_card twin = stage_new_card(1, 0x77);

	(void)state;
	stage_enrol(&twin, taro);
	assert_int_equal(usual_login(), ERR_OK);
	stage.cards[0] = &twin;
	assert_int_equal(usual_login(), ERR_CARD_UNKNOWN);
}

/* -- several cards, cards that come late, cards that can't be read -- */

static void the_right_card_among_others_is_found(void **state)
{
	struct stage_card strange = stage_new_card(1, 0x99), broken = stage_new_card(0, 0);

	(void)state;
	broken.seen = ERR_CARD_FAILED;
	stage.cards[0] = &strange;
	stage.cards[1] = &broken;
	stage.cards[2] = &taros;
	assert_int_equal(usual_login(), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_FIRST);
	assert_int_equal(stage.longest_wait_ms, 0);
	broken.seen = ERR_CARD_REMOVED;
	assert_int_equal(usual_login(), ERR_OK);
}

static void a_card_put_in_late_is_waited_for(void **state)
{
	(void)state;
	taros.late = true;
	assert_int_equal(usual_login(), ERR_OK);
	assert_memory_equal(stage.shown, TELL_INSERT PROMPT_PIN, strlen(TELL_INSERT PROMPT_PIN));
	assert_in_range(stage.longest_wait_ms, 25000, 30000);
	stage_policy(STAGE_POLICY "card-wait = 7s\n");
	assert_int_equal(usual_login(), ERR_OK);
	assert_memory_equal(stage.shown, "i Insert your IC card (7 s).\n", 29);
	assert_in_range(stage.longest_wait_ms, 4000, 7000);
}

static void most_of_the_login(void)
{
	stage_pass(100);
}

/* A reader gets twenty seconds beside the wait for a card, and never more than is left of the login. */
static void each_exchange_has_its_deadline(void **state)
{
	(void)state;
	taros.late = true;
	stage.exchange_fails_at = 2;
	stage.exchange_error = ERR_PCSC;
	assert_int_equal(usual_login(), ERR_PCSC);
	assert_in_range(stage.exchange_left_ms, 42000, 50000);
	stage.exchange_fails_at = 1;
	assert_int_equal(usual_login(), ERR_PCSC);
	assert_in_range(stage.exchange_left_ms, 15000, 20000);
	stage.exchange_fails_at = 0;
	assert_int_equal(usual_login(), ERR_OK);
	assert_in_range(stage.exchange_left_ms, 15000, 20000);
	stage_type(STAGE_PIN, STAGE_PASSWORD);
	stage.answers[0].before = most_of_the_login;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_OK);
	assert_in_range(stage.exchange_left_ms, 2000, 10000);
}

static void nobody_waits_where_no_card_is_needed(void **state)
{
	(void)state;
	taros.late = true;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp password,totp\n");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_FIRST);
	assert_int_equal(stage.longest_wait_ms, 0);
}

static void a_card_that_cannot_be_read_is_said(void **state)
{
	struct stage_card broken = stage_new_card(1, 0);

	(void)state;
	broken.seen = ERR_CARD_FAILED;
	stage.cards[0] = &broken;
	assert_int_equal(usual_login(), ERR_CARD_FAILED);
	assert_memory_equal(stage.shown, "i The IC card could not be read. Take it out and insert it again (30 s).\n", 73);
	stage.cards[1] = &taros;
	taros.late = true;
	assert_int_equal(usual_login(), ERR_OK);
	/* The one behind it was taken away meanwhile: the broken one is still what is told. */
	taros.seen = ERR_CARD_REMOVED;
	taros.late = false;
	assert_int_equal(usual_login(), ERR_CARD_FAILED);
	assert_memory_equal(stage.shown, "i The IC card could not be read.", 32);
	/* One that was taken away before it was read is no broken one. */
	broken.seen = ERR_CARD_REMOVED;
	stage.cards[1] = NULL;
	assert_int_equal(usual_login(), ERR_NO_CARD);
	assert_string_equal(stage.shown, TELL_INSERT TELL(NO_CARD));
}

static void a_strangers_card_put_in_late_may_be_changed(void **state)
{
	struct stage_card strange = stage_new_card(1, 0x99);

	(void)state;
	strange.late = taros.late = true;
	stage.cards[0] = &strange;
	stage.cards[1] = &taros;
	assert_int_equal(usual_login(), ERR_OK);
	stage.cards[1] = NULL;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, TELL_INSERT PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
}

static void readers_without_end_are_left(void **state)
{
	struct stage_card broken = stage_new_card(1, 0);

	(void)state;
	broken.seen = ERR_CARD_FAILED;
	stage.cards[0] = &broken;
	stage.endless = true;
	assert_int_equal(usual_login(), ERR_CARD_FAILED);
	assert_int_equal(stage.exchanges, 4 * CARD_READERS_MAX);
	assert_string_equal(stage.shown, TELL_REFUSED);
}

static void troubles_of_the_reader_end_the_search(void **state)
{
	static const enum err ends[] = { ERR_PCSC, ERR_TIMEOUT, ERR_BUSY, ERR_INVALID, ERR_PIN_WRONG };
	struct stage_card trouble = stage_new_card(1, 0x99);

	(void)state;
	stage.cards[0] = &trouble;
	stage.cards[1] = &taros;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		trouble.seen = ends[i];
		assert_int_equal(usual_login(), ends[i]);
		assert_int_equal(stage.asked, 0);
		assert_int_equal(stage.exchanges, 1);
	}
}

static void a_silent_terminal_ends_the_search(void **state)
{
	(void)state;
	taros.late = true;
	stage.tell_fails_at = 1;
	assert_int_equal(usual_login(), ERR_UNAVAILABLE);
	assert_int_equal(stage.exchanges, 1);
}

/* -- the PIN -- */

static void the_pin_is_asked_only_with_tries_to_spare(void **state)
{
	static const struct {
		int tries;
		const char *keep;
		enum err e;
	} rows[] = {
		{ 0, "pin-keep = 0\n", ERR_PIN_BLOCKED }, { 0, "pin-keep = 2\n", ERR_PIN_BLOCKED },
		{ 1, "pin-keep = 0\n", ERR_OK }, { 1, "", ERR_PIN_LAST_TRY }, { 2, "", ERR_OK },
		{ 2, "pin-keep = 2\n", ERR_PIN_LAST_TRY }, { 3, "pin-keep = 2\n", ERR_OK },
		{ CARD_TRIES_UNKNOWN, "pin-keep = 2\n", ERR_OK },
	};
	char policy[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(policy, sizeof(policy), "%s%s", STAGE_POLICY, rows[i].keep);
		stage_policy(policy);
		taros.tries = rows[i].tries;
		assert_int_equal(usual_login(), rows[i].e);
		assert_int_equal(stage.asked, rows[i].e == ERR_OK ? 2 : 0);
		if (rows[i].e == ERR_OK)
			assert_int_equal(taros.last.floor, rows[i].keep[0] ? rows[i].keep[11] - '0' : 1);
	}
	taros.tries = 0;
	assert_int_equal(usual_login(), ERR_PIN_BLOCKED);
	assert_string_equal(stage.shown, TELL(PIN_BLOCKED));
	assert_string_equal(stage_last_event(NULL), "login OK");        /* nothing was tried */
}

static void a_pin_of_the_wrong_form_is_never_sent(void **state)
{
	static const char *const pins[] = { "", "1", "12345", "123456789", "12345a", " 123456", "123456\xFF\xFF", "\xEF\xBC\x91" };

	(void)state;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		assert_int_equal(stage_login(pins[i], STAGE_PASSWORD), ERR_PIN_FORMAT);
		assert_string_equal(stage.shown, PROMPT_PIN TELL(PIN_FORMAT));
		assert_int_equal(stage.exchanges, 1);
	}
	assert_int_equal(taros.tries, 3);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
}

static void pins_of_six_to_eight_digits_are_sent_as_typed(void **state)
{
	static const char *const pins[][2] = {
		{ "123456", "123456" }, { "1234567", "1234567" }, { "12345678", "12345678" },
		{ "\xEF\xBC\x91\xEF\xBC\x92" "3456", "123456" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		taros.pin = pins[i][1];
		assert_int_equal(stage_login(pins[i][0], STAGE_PASSWORD), ERR_OK);
	}
}

/* The numbers of a text, in their order. */
static size_t numbers_of(const char *text, int ret[4])
{
	size_t n = 0;

	for (const char *at = text; *at && n < 4; at++)
		if (*at >= '0' && *at <= '9' && (at == text || at[-1] < '0' || at[-1] > '9'))
			ret[n++] = atoi(at);
	return n;
}

static void a_wrong_pin_is_told_with_what_is_left(void **state)
{
	static const struct {
		int tries, keep;
		size_t n;
		int told[2];    /* usable here, left on the card */
	} rows[] = {
		{ 3, 1, 2, { 1, 2 } }, { 11, 1, 2, { 9, 10 } }, { 11, 0, 1 + 1, { 10, 10 } }, { 4, 2, 2, { 1, 3 } },
		/* None usable: only what is left. */
		{ 2, 1, 1, { 1 } }, { 3, 2, 1, { 2 } }, { 1, 0, 1, { 0 } },
		{ CARD_TRIES_UNKNOWN, 1, 0, { 0 } },
	};
	char policy[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int numbers[4];

		snprintf(policy, sizeof(policy), "%spin-keep = %d\n", STAGE_POLICY, rows[i].keep);
		stage_policy(policy);
		taros.tries = rows[i].tries;
		assert_int_equal(stage_login("654321", STAGE_PASSWORD), ERR_PIN_WRONG);
		assert_memory_equal(stage.shown, PROMPT_PIN "e Wrong PIN.", strlen(PROMPT_PIN "e Wrong PIN."));
		assert_int_equal(stage.told, 1);
		assert_int_equal(numbers_of(stage.shown, numbers), rows[i].n);
		assert_memory_equal(numbers, rows[i].told, rows[i].n * sizeof(int));
		assert_string_equal(stage_last_event(NULL), "login PIN_WRONG");
	}
	/* The card's own counter counts it, ours does not. */
	assert_int_equal(stage_failed(taro, "local"), 0);
	taros.tries = 5;
	stage.tell_fails_at = 1;
	assert_int_equal(stage_login("654321", STAGE_PASSWORD), ERR_CONVERSATION);
	assert_int_equal(stage.asked, 1);
}

static void a_card_that_blocks_within_is_told(void **state)
{
	struct event_row ev;

	(void)state;
	taros.answer = ERR_PIN_BLOCKED;
	assert_int_equal(usual_login(), ERR_PIN_BLOCKED);
	assert_string_equal(stage_last_event(&ev), "login PIN_BLOCKED");
	assert_string_equal(ev.card, taros.row.card_id.text);
	assert_string_equal(ev.person, "taro");
	taros.answer = ERR_CARD_REMOVED;
	assert_int_equal(usual_login(), ERR_CARD_REMOVED);
	assert_string_equal(stage.shown, PROMPT_PIN TELL(CARD_REMOVED));
	assert_string_equal(stage_last_event(NULL), "login CARD_REMOVED");
}

/* -- a host that shows no texts: waiting is a prompt -- */

#define PROMPT_AGAIN "? No IC card was found. Insert it and press Enter: \n"
#define PROMPT_BROKEN "? The IC card could not be read. Insert it again and press Enter: \n"

static void a_card_put_in_before_enter_is_found(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT | 1;
	taros.late = true;
	assert_int_equal(stage_login("", STAGE_PIN, STAGE_PASSWORD), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_INSERT PROMPT_PIN PROMPT_EITHER TELL_FIRST);
	/* Time for pcscd to see it, no more. */
	assert_in_range(stage.longest_wait_ms, 500, 1000);
	/* With the card there already nothing is asked. */
	taros.late = false;
	assert_int_equal(usual_login(), ERR_OK);
	assert_memory_equal(stage.shown, PROMPT_PIN, strlen(PROMPT_PIN));
	/* Other flags silence nothing. */
	stage.request.flags = ~STAGE_SILENT;
	taros.late = true;
	assert_int_equal(usual_login(), ERR_OK);
	assert_memory_equal(stage.shown, TELL_INSERT, strlen(TELL_INSERT));
}

/* No process of ours at the readers meanwhile, and no more time than the wait for a card. */
static void look_at_the_wait(void)
{
	assert_false(stage.card_process);
	assert_in_range(stage.ask_left_ms, 25000, 30000);
}

static void what_is_typed_instead_of_enter_is_dropped(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT;
	taros.late = true;
	stage_type(STAGE_PIN, NULL);
	stage.answers[0].before = look_at_the_wait;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_CONVERSATION);
	assert_string_equal(stage.shown, PROMPT_INSERT PROMPT_PIN);
	assert_int_equal(taros.signatures, 0);
	assert_int_equal(taros.tries, 3);
	assert_int_equal(stage_login(STAGE_PIN, "654321"), ERR_PIN_WRONG);
	assert_int_equal(stage_login(STAGE_PASSWORD, STAGE_PIN, STAGE_PASSWORD), ERR_OK);
}

/* ^C, and a host that has gone: at once, and nobody's failure. */
static void no_answer_to_the_waiting_ends_it(void **state)
{
	static const enum err ends[] = { ERR_CONVERSATION, ERR_UNAVAILABLE, ERR_PROTOCOL };

	(void)state;
	stage.request.flags = STAGE_SILENT;
	taros.late = true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		stage_type(NULL);
		stage.answers[0].result = ends[i];
		assert_int_equal(stage_run(WIRE_AUTH), ends[i]);
		assert_string_equal(stage.shown + strlen(PROMPT_INSERT), ends[i] == ERR_PROTOCOL ? TELL_REFUSED : "");
		assert_int_equal(stage.exchanges, 1);
	}
	assert_int_equal(stage_failures(taro), 0);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 0);
	assert_int_equal(stage_failed(taro, "local"), 0);
}

static void waiting_is_asked_a_few_times(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT;
	stage.cards[0] = NULL;
	assert_int_equal(stage_login("", "", STAGE_PIN, "", ""), ERR_NO_CARD);
	assert_string_equal(stage.shown, PROMPT_INSERT PROMPT_AGAIN PROMPT_AGAIN PROMPT_AGAIN PROMPT_AGAIN TELL(NO_CARD));
	assert_int_equal(stage.asked, 5);
	assert_int_equal(stage.exchanges, 6);
	assert_int_equal(stage_failures(taro), 0);
	/* Where it can be done without a card, nobody waits. */
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,totp password,totp\n");
	assert_int_equal(stage_login(STAGE_PASSWORD, stage_code()), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_PASSWORD PROMPT_CODE TELL_FIRST);
}

static void too_late(void)
{
	stage_pass(31);
}

static void in_time(void)
{
	stage_pass(28);
}

static void waiting_ends_with_its_time(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT;
	stage.cards[0] = NULL;
	stage_type("", "");
	stage.answers[0].before = too_late;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_NO_CARD);
	assert_string_equal(stage.shown, PROMPT_INSERT TELL(NO_CARD));
	assert_int_equal(stage.exchanges, 1);
	stage_type("", "", "");
	stage.answers[0].before = in_time;
	stage.answers[1].before = in_time;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_NO_CARD);
	assert_string_equal(stage.shown, PROMPT_INSERT PROMPT_AGAIN TELL(NO_CARD));
	assert_in_range(stage.ask_left_ms, 200, 2000);
	assert_int_equal(stage_failures(taro), 0);
}

/* The time is over when the readers have been looked at: no prompt that nobody can answer. */
static void no_prompt_behind_the_time(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT;
	stage.before_next = too_late;
	stage.cards[0] = NULL;
	assert_int_equal(usual_login(), ERR_NO_CARD);
	assert_string_equal(stage.shown, TELL(NO_CARD));
	assert_int_equal(stage.exchanges, 1);
	stage.request.flags = 0;
	assert_int_equal(usual_login(), ERR_NO_CARD);
	assert_string_equal(stage.shown, TELL(NO_CARD));
}

static void take_the_right_one(void)
{
	stage.cards[0] = &taros;
}

static void take_none(void)
{
	stage.cards[0] = NULL;
}

static void a_broken_card_is_said_in_the_prompt(void **state)
{
	struct stage_card broken = stage_new_card(1, 0);

	(void)state;
	stage.request.flags = STAGE_SILENT;
	broken.seen = ERR_CARD_FAILED;
	stage.cards[0] = &broken;
	stage_type("", STAGE_PIN, STAGE_PASSWORD);
	stage.answers[0].before = take_the_right_one;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_OK);
	assert_string_equal(stage.shown, PROMPT_BROKEN PROMPT_PIN PROMPT_EITHER TELL_FIRST);
	stage.cards[0] = &broken;
	assert_int_equal(stage_login("", "", "", "", ""), ERR_CARD_FAILED);
	assert_string_equal(stage.shown, PROMPT_BROKEN PROMPT_BROKEN PROMPT_BROKEN PROMPT_BROKEN PROMPT_BROKEN TELL_REFUSED);
	stage_type("");
	stage.answers[0].before = too_late;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_CARD_FAILED);
	/* It was taken out: none is there, then. */
	stage_type("", NULL);
	stage.answers[0].before = take_none;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_CONVERSATION);
	assert_string_equal(stage.shown, PROMPT_BROKEN PROMPT_AGAIN);
}

static void a_strangers_card_behind_the_prompt(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT;
	hanakos.late = true;
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login("", STAGE_PIN, STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_INSERT PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	assert_in_range(stage.longest_wait_ms, 500, 1000);
	assert_int_equal(hanakos.signatures, 0);
}

/* What the holder must know stands in a prompt: what is left where the PIN is asked for, why it is not where it is not. */
static void a_silent_hosts_prompt_tells_what_is_left(void **state)
{
	static const struct {
		int tries;
		const char *keep, *shown;
		enum err e;
	} rows[] = {
		{ 3, "", PROMPT_PIN, ERR_OK }, { 5, "", PROMPT_PIN, ERR_OK }, { CARD_TRIES_UNKNOWN, "", PROMPT_PIN, ERR_OK },
		{ 2, "", "? PIN of your IC card (1 try left here): \n", ERR_OK },
		{ 2, "pin-keep = 0\n", "? PIN of your IC card (2 tries left here): \n", ERR_OK },
		{ 1, "pin-keep = 0\n", "? PIN of your IC card (1 try left here): \n", ERR_OK },
		{ 3, "pin-keep = 0\n", PROMPT_PIN, ERR_OK },
		{ 3, "pin-keep = 2\n", "? PIN of your IC card (1 try left here): \n", ERR_OK },
		{ 4, "pin-keep = 2\n", PROMPT_PIN, ERR_OK },
		{ 1, "", ("? This card has only its last PIN try left, which logins never use. Ask the systems section. "
			  "Press Enter: \n"), ERR_PIN_LAST_TRY },
		{ 0, "", "? The PIN of this card is blocked. Ask the systems section. Press Enter: \n", ERR_PIN_BLOCKED },
	};
	char policy[256];

	(void)state;
	stage.request.flags = STAGE_SILENT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(policy, sizeof(policy), "%s%s", STAGE_POLICY, rows[i].keep);
		stage_policy(policy);
		taros.tries = rows[i].tries;
		assert_int_equal(usual_login(), rows[i].e);
		assert_memory_equal(stage.shown, rows[i].shown, strlen(rows[i].shown));
		assert_int_equal(stage.asked, rows[i].e == ERR_OK ? 2 : 1);
	}
	/* Not for who comes with another's card. */
	stage.cards[0] = &hanakos;
	hanakos.tries = 2;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_memory_equal(stage.shown, PROMPT_PIN, strlen(PROMPT_PIN));
}

static void the_end_of_the_login(void)
{
	assert_false(stage.card_process);
	assert_in_range(stage.ask_left_ms, 100000, 110000);
	stage_pass(111);
}

static void who_does_not_confirm_is_refused_all_the_same(void **state)
{
	(void)state;
	stage.request.flags = STAGE_SILENT;
	taros.tries = 0;
	stage_type(STAGE_PIN);
	stage.answers[0].before = the_end_of_the_login;
	assert_int_equal(stage_run(WIRE_AUTH), ERR_PIN_BLOCKED);
	assert_int_equal(stage_login(NULL), ERR_CONVERSATION);
	assert_int_equal(stage.asked, 1);
	assert_int_equal(stage.exchanges, 1);
}

/* -- signatures -- */

static void the_card_is_asked_for_what_was_enrolled(void **state)
{
	(void)state;
	assert_int_equal(usual_login(), ERR_OK);
	assert_int_equal(taros.last.op, CARD_OP_SIGN);
	assert_int_equal(taros.last.key_ref, 0x9A);
	assert_int_equal(taros.last.algorithm, KEY_P256);
	assert_int_equal(taros.last.pin_mode, CARD_PIN_BYTES);
	assert_int_equal(taros.last.input_len, 32);
}

static void each_algorithm_opens(void **state)
{
	struct stage_card rsa = stage_new_card(0, 0x66);

	(void)state;
	stage_enrol(&rsa, taro);
	stage.cards[0] = &rsa;
	assert_int_equal(usual_login(), ERR_OK);
	assert_int_equal(rsa.last.input_len, 256);
	rsa.spoilt = true;
	assert_int_equal(usual_login(), ERR_CARD_UNKNOWN);
	stage_password(hanako, STAGE_PASSWORD);
	stage_request(user, "hanako");
	stage.cards[0] = &hanakos;
	assert_int_equal(usual_login(), ERR_OK);
	assert_int_equal(hanakos.last.input_len, 48);
	hanakos.spoilt = true;
	assert_int_equal(usual_login(), ERR_CARD_UNKNOWN);
}

static void no_two_logins_are_signed_alike(void **state)
{
	uint8_t before[32];

	(void)state;
	assert_int_equal(usual_login(), ERR_OK);
	memcpy(before, taros.last.input, sizeof(before));
	assert_int_equal(usual_login(), ERR_OK);
	assert_memory_not_equal(before, taros.last.input, sizeof(before));
}

static void slow_card(void)
{
	stage_pass(61);
}

static void slow_but_in_time(void)
{
	stage_pass(59);
}

static void a_signature_that_comes_late_is_not_looked_at(void **state)
{
	(void)state;
	taros.before_sign = slow_card;
	assert_int_equal(usual_login(), ERR_TIMEOUT);
	assert_int_equal(taros.signatures, 1);
	assert_int_equal(stage.asked, 1);
	taros.before_sign = slow_but_in_time;
	assert_int_equal(usual_login(), ERR_OK);
}

static void the_process_at_the_card_may_fail(void **state)
{
	static const enum err ends[] = { ERR_PCSC, ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_PROTOCOL, ERR_BUSY };

	(void)state;
	stage.exchange_fails_at = 2;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		stage.exchange_error = ends[i];
		assert_int_equal(usual_login(), ends[i]);
		assert_int_equal(stage.asked, 1);
	}
	/* The PIN may have been used. */
	assert_int_equal(stage_failures(taro), 5);
	assert_int_equal(stage_count("SELECT count(*) FROM event"), 5);
	assert_int_equal(stage_failed(taro, "local"), 0);
}

/* A91: what the row says of key, kind and algorithm is checked again, and nothing in it means "any". */
static void A91_rows_that_were_changed(void **state)
{
	static const char *const changes[] = {
		"UPDATE card SET spki_sha256 = zeroblob(32) WHERE id = 1",
		"UPDATE card SET spki = (SELECT spki FROM card WHERE id = 2) WHERE id = 1",
		"UPDATE card SET spki = substr(spki, 1, 60) WHERE id = 1",
		"UPDATE card SET spki = x'' WHERE id = 1",
		"UPDATE card SET algorithm = 'rsa2048' WHERE id = 1",
		"UPDATE card SET algorithm = 'p384' WHERE id = 1",
		"UPDATE card SET algorithm = '' WHERE id = 1",
		"UPDATE card SET state = '' WHERE id = 1",
		"UPDATE card SET state = 'ACTIVE' WHERE id = 1",
		"UPDATE card SET state = 'issued' WHERE id = 1",
		"UPDATE card SET state = 'found' WHERE id = 1",
		"UPDATE card SET state = 'revoked' WHERE id = 1",
		"UPDATE card SET person = 2 WHERE id = 1",
		"UPDATE card SET pin_proved = 2 WHERE id = 1",
		"UPDATE card SET pin_proved = 0 WHERE id = 1",
		"UPDATE card SET key_ref = 0 WHERE id = 1",
		"UPDATE card SET guid = x'77' WHERE id = 1",
		"UPDATE card SET guid = NULL WHERE id = 1",
		"UPDATE card SET card_id = '' WHERE id = 1",
		"UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'card'",
		"UPDATE person SET state = '' WHERE id = 1",
		"UPDATE person SET state = 'locked' WHERE id = 1",
		"UPDATE person SET state = 'removed' WHERE id = 1",
		"UPDATE person SET uid = 4 WHERE id = 1",
		"UPDATE person SET uid = -1 WHERE id = 1",
		"UPDATE person SET class = 'any' WHERE id = 1",
		"DELETE FROM person WHERE id = 1",
		"DELETE FROM card WHERE id = 1",
		"UPDATE password SET hash = '*'",
		"UPDATE password SET hash = ''",
		"UPDATE password SET key_id = ''",
		"UPDATE password SET person = 2",
		/* Too long, too many, too new; and what would act by itself. */
		"UPDATE person SET name = hex(zeroblob(100000)) WHERE id = 1",
		"UPDATE card SET label = hex(zeroblob(100000)) WHERE id = 1",
		"UPDATE password SET hash = hash || hex(zeroblob(300))",
		("DROP INDEX person_uid; INSERT INTO person (login, uid, state, created_at, changed_at) "
		 "SELECT 'another', uid, state, created_at, changed_at FROM person WHERE id = 1"),
		"DELETE FROM sqlite_schema WHERE name = 'card_no_return'",
		"CREATE TRIGGER again AFTER UPDATE ON card BEGIN UPDATE card SET state = 'active'; END",
		"CREATE VIEW other AS SELECT * FROM person",
		"PRAGMA user_version = 0",
		"PRAGMA user_version = 99",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (i > 0)
			assert_int_equal(stage_setup_secrets(state), 0);
		if (stage_tamper(changes[i]) == ERR_OK)
			assert_int_not_equal(usual_login(), ERR_OK);
		assert_int_equal(stage_grants(), 0);
		if (i + 1 < sizeof(changes) / sizeof(changes[0]))
			assert_int_equal(stage_teardown(state), 0);
	}
}

static void A91_bits_of_a_pinned_key_that_flipped(void **state)
{
	const size_t step = rules_long() ? 1 : 7;
	char hex[2 * KEY_SPKI_MAX + 1], sql[sizeof(hex) + 64];

	(void)state;
	for (size_t i = 0; i < taros.row.spki_len; i += step) {
		unsigned char spki[KEY_SPKI_MAX];

		memcpy(spki, taros.row.spki, taros.row.spki_len);
		spki[i] ^= (unsigned char)(1 << (i % 8));
		text_hex(hex, spki, taros.row.spki_len);
		snprintf(sql, sizeof(sql), "UPDATE card SET spki = x'%s' WHERE id = 1", hex);
		stage_raw(sql);
		assert_int_equal(usual_login(), ERR_STORE_CORRUPT);
	}
	text_hex(hex, taros.row.spki, taros.row.spki_len);
	snprintf(sql, sizeof(sql), "UPDATE card SET spki = x'%s' WHERE id = 1", hex);
	stage_raw(sql);
	assert_int_equal(usual_login(), ERR_OK);
}

/* -- cards without PIN -- */

#define NOPIN STAGE_CHEAP "[default]\nfactors = card-nopin,password\n"

static void make_pinless(void)
{
	stage_raw("UPDATE card SET pin_proved = 0 WHERE id = 1");
	taros.pinless = true;
}

static void a_card_without_pin_is_no_card(void **state)
{
	(void)state;
	make_pinless();
	assert_int_equal(usual_login(), ERR_NO_FACTOR);
	assert_string_equal(stage.shown, TELL_REFUSED);
	assert_int_equal(taros.signatures, 0);
	stage_policy(NOPIN);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	assert_int_equal(stage.asked, 1);
	assert_memory_equal(stage.shown, PROMPT_PASSWORD, strlen(PROMPT_PASSWORD));
	assert_int_equal(taros.last.pin_mode, CARD_PIN_NONE);
	assert_int_equal(taros.last.pin.len, 0);
	assert_int_equal(stage_count("SELECT count(*) FROM login_grant WHERE factors = 'card-nopin,password'"), 1);
	assert_int_equal(stage_login("wrong-password"), ERR_SECRET_WRONG);
	taros.spoilt = true;
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_CARD_UNKNOWN);
	/* Nothing of the card's counter was touched: no event of its own. */
	assert_string_equal(stage_last_event(NULL), "login SECRET_WRONG");
	taros.spoilt = false;
	taros.pinless = false;
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_CARD_FAILED);
}

/* A stranger meets the prompts of the class: no PIN where the class has none. */
static void strangers_are_asked_what_the_class_asks(void **state)
{
	(void)state;
	stage.cards[0] = &hanakos;
	stage_policy(NOPIN);
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD TELL_STRANGER);
	stage_policy(STAGE_CHEAP "[default]\nfactors = card-nopin,password card,totp\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
	assert_int_equal(hanakos.signatures, 0);
}

static void each_kind_of_card_has_its_alternative(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card-nopin,password card,totp\n");
	assert_int_equal(stage_login(STAGE_PIN, STAGE_PASSWORD), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_CODE TELL(SECRET_WRONG));
	assert_int_equal(stage_login(STAGE_PIN, stage_code()), ERR_OK);
	stage_pass(60);
	make_pinless();
	assert_int_equal(stage_login(stage_code()), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD TELL(SECRET_WRONG));
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_OK);
	stage_policy(NOPIN);
	stage_raw("UPDATE card SET pin_proved = 1 WHERE id = 1");
	assert_int_equal(stage_login(STAGE_PASSWORD), ERR_NO_FACTOR);
}

/* -- the conversation at the PIN -- */

static void no_answer_to_the_pin_prompt(void **state)
{
	static const enum err ends[] = { ERR_CONVERSATION, ERR_UNAVAILABLE, ERR_PROTOCOL };
	struct stage_card strange = stage_new_card(1, 0x99);

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		stage.cards[0] = i < 3 ? &taros : &strange;
		stage_type(NULL, STAGE_PASSWORD);
		stage.answers[0].result = ends[i % 3];
		assert_int_equal(stage_run(WIRE_AUTH), ends[i % 3]);
		assert_int_equal(stage.asked, 1);
		assert_int_equal(stage.exchanges, i < 3 ? 1 : 2);
	}
	assert_int_equal(stage_failures(taro), 0);
}

/* -- readers that another program holds -- */

static struct stage_card held_in(const char *reader)
{
	struct stage_card c = stage_new_card(1, 0x11);

	c.seen = ERR_BUSY;
	c.reader = reader;
	return c;
}

static void the_card_beside_a_held_reader_is_found(void **state)
{
	struct stage_card held = held_in("r");

	(void)state;
	stage.cards[0] = &held;
	stage.cards[1] = &taros;
	assert_int_equal(usual_login(), ERR_OK);
	stage.cards[0] = &taros;
	stage.cards[1] = &held;
	assert_int_equal(usual_login(), ERR_OK);
}

/* His card may be in the reader that is held: no stranger's face, no waiting for another one. */
static void without_his_card_elsewhere_a_held_reader_is_said(void **state)
{
	struct stage_card held = held_in("r"), second = held_in("s");

	(void)state;
	stage.cards[0] = &held;
	assert_int_equal(usual_login(), ERR_BUSY);
	assert_string_equal(stage.shown, TELL(BUSY));
	assert_int_equal(stage.exchanges, 2);
	/* Less time for the second look. */
	assert_in_range(stage.exchange_left_ms, 2000, 10000);
	stage.cards[1] = &hanakos;
	assert_int_equal(usual_login(), ERR_BUSY);
	assert_string_equal(stage.shown, TELL(BUSY));
	stage.cards[1] = &second;
	assert_int_equal(usual_login(), ERR_BUSY);
	assert_int_equal(stage.exchanges, 2);
}

/* A name with another answer than that it is held means nothing. */
static void only_a_held_reader_is_left_out(void **state)
{
	struct stage_card broken = stage_new_card(1, 0x11);

	(void)state;
	broken.seen = ERR_CARD_FAILED;
	broken.reader = "r";
	stage.cards[0] = &broken;
	stage.cards[1] = &taros;
	taros.late = true;
	assert_int_equal(usual_login(), ERR_OK);
	assert_non_null(strstr(stage.shown, "could not be read"));
}

/* A row without a GUID holds zeros, which are no GUID of anybody's. */
static void a_guid_of_zeros_is_nobodys(void **state)
{
	struct stage_card zeros = stage_new_card(1, 0), plain = stage_new_card(0, 0);

	(void)state;
	stage_enrol(&plain, taro);
	zeros.zeros = true;
	stage.cards[0] = &zeros;
	assert_int_equal(usual_login(), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_EITHER TELL_STRANGER);
}

/* What a session proved is not known here, with the card as little as without. */
static void an_alternative_with_session_stays_closed(void **state)
{
	(void)state;
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,session card,password\n");
	assert_int_equal(stage_login(STAGE_PIN, "wrong-password"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PIN PROMPT_PASSWORD TELL(SECRET_WRONG));
	stage_policy(STAGE_CHEAP "[default]\nfactors = card,session card-nopin,password\n");
	stage.cards[0] = &hanakos;
	assert_int_equal(stage_login("wrong-password"), ERR_SECRET_WRONG);
	assert_string_equal(stage.shown, PROMPT_PASSWORD TELL_STRANGER);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		STAGE_TEST_SECRETS(the_card_beside_a_held_reader_is_found),
		STAGE_TEST_SECRETS(without_his_card_elsewhere_a_held_reader_is_said),
		STAGE_TEST_SECRETS(only_a_held_reader_is_left_out),
		STAGE_TEST_SECRETS(a_guid_of_zeros_is_nobodys),
		STAGE_TEST_SECRETS(an_alternative_with_session_stays_closed),
		STAGE_TEST_SECRETS(A4_the_verdict_starts_as_deny),
		STAGE_TEST_SECRETS(only_success_of_the_card_is_looked_at),
		STAGE_TEST_SECRETS(A58_identifiers_alone_open_nothing),
		STAGE_TEST_SECRETS(a_guid_that_is_there_decides),
		STAGE_TEST_SECRETS(a_card_without_guid_is_known_by_its_certificate),
		STAGE_TEST_SECRETS(a_row_without_guid_is_met_by_no_guid),
		STAGE_TEST_SECRETS(a_card_serves_its_own_person_only),
		STAGE_TEST_SECRETS(a_card_past_its_end_is_a_strangers),
		STAGE_TEST_SECRETS(a_revoked_row_does_not_hide_the_present_one),
		STAGE_TEST_SECRETS(the_first_usable_row_is_taken),
		STAGE_TEST_SECRETS(the_right_card_among_others_is_found),
		STAGE_TEST_SECRETS(a_card_put_in_late_is_waited_for),
		STAGE_TEST_SECRETS(each_exchange_has_its_deadline),
		STAGE_TEST_SECRETS(nobody_waits_where_no_card_is_needed),
		STAGE_TEST_SECRETS(a_card_that_cannot_be_read_is_said),
		STAGE_TEST_SECRETS(a_strangers_card_put_in_late_may_be_changed),
		STAGE_TEST_SECRETS(readers_without_end_are_left),
		STAGE_TEST_SECRETS(troubles_of_the_reader_end_the_search),
		STAGE_TEST_SECRETS(a_silent_terminal_ends_the_search),
		STAGE_TEST_SECRETS(the_pin_is_asked_only_with_tries_to_spare),
		STAGE_TEST_SECRETS(a_pin_of_the_wrong_form_is_never_sent),
		STAGE_TEST_SECRETS(pins_of_six_to_eight_digits_are_sent_as_typed),
		STAGE_TEST_SECRETS(a_wrong_pin_is_told_with_what_is_left),
		STAGE_TEST_SECRETS(a_card_that_blocks_within_is_told),
		STAGE_TEST_SECRETS(a_card_put_in_before_enter_is_found),
		STAGE_TEST_SECRETS(what_is_typed_instead_of_enter_is_dropped),
		STAGE_TEST_SECRETS(no_answer_to_the_waiting_ends_it),
		STAGE_TEST_SECRETS(waiting_is_asked_a_few_times),
		STAGE_TEST_SECRETS(waiting_ends_with_its_time),
		STAGE_TEST_SECRETS(no_prompt_behind_the_time),
		STAGE_TEST_SECRETS(a_broken_card_is_said_in_the_prompt),
		STAGE_TEST_SECRETS(a_strangers_card_behind_the_prompt),
		STAGE_TEST_SECRETS(a_silent_hosts_prompt_tells_what_is_left),
		STAGE_TEST_SECRETS(who_does_not_confirm_is_refused_all_the_same),
		STAGE_TEST_SECRETS(the_card_is_asked_for_what_was_enrolled),
		STAGE_TEST_SECRETS(each_algorithm_opens),
		STAGE_TEST_SECRETS(no_two_logins_are_signed_alike),
		STAGE_TEST_SECRETS(a_signature_that_comes_late_is_not_looked_at),
		STAGE_TEST_SECRETS(the_process_at_the_card_may_fail),
		STAGE_TEST_SECRETS(A91_rows_that_were_changed),
		STAGE_TEST_SECRETS(A91_bits_of_a_pinned_key_that_flipped),
		STAGE_TEST_SECRETS(a_card_without_pin_is_no_card),
		STAGE_TEST_SECRETS(strangers_are_asked_what_the_class_asks),
		STAGE_TEST_SECRETS(each_kind_of_card_has_its_alternative),
		STAGE_TEST_SECRETS(no_answer_to_the_pin_prompt),
	};

	if (!stage_start())
		return 1;
	return cmocka_run_group_tests(list, NULL, NULL);
}
