/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one entry: which operation goes where, from which socket, and that verdict and result must agree. auth.c is taken in as
 * source, so that what it calls can answer anything (A4).
 */
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/auth/account.h"
#include "../../lib/auth/explain.h"
#include "../../lib/auth/login.h"
#include "../../lib/auth/session.h"
#include "../../lib/auth/ssh_keys.h"
#include "../../lib/auth/status.h"

static enum err called_login(const struct auth_call *c, struct wire_result *ret);
static enum err called_account(const struct auth_call *c, struct wire_result *ret);
static enum err called_open(const struct auth_call *c, struct wire_result *ret);
static enum err called_confirm(const struct auth_call *c, struct wire_result *ret);
static enum err called_close(const struct auth_call *c, struct wire_result *ret);
static enum err called_status(const struct auth_call *c, struct wire_result *ret);
static enum err called_explain(const struct auth_call *c, struct wire_result *ret);
static enum err called_keys(const struct auth_call *c, struct wire_result *ret);
static enum err called_stopped(const struct auth_call *c, struct wire_result *ret);

#define login_run called_login
#define account_run called_account
#define session_open called_open
#define session_confirm called_confirm
#define session_close called_close
#define status_run called_status
#define explain_run called_explain
#define ssh_keys_run called_keys
#define ssh_keys_run_stopped called_stopped
#include "../../lib/auth/auth.c"

#include "log.h"
#include "unit.h"

static struct {
	int called;             /* the operation whose function ran */
	enum err result;
	uint32_t verdict;
	uint32_t runtime_max_s;
} played;

static enum err answer(int op, struct wire_result *ret)
{
	/* It starts as a denial. */
	assert_int_equal(ret->verdict, VERDICT_DENY);
	assert_int_equal(ret->result, ERR_DENIED);
	played.called = op;
	ret->verdict = played.verdict;
	ret->runtime_max_s = played.runtime_max_s;
	return played.result;
}

static enum err called_login(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_AUTH, ret);
}

static enum err called_account(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_ACCOUNT, ret);
}

static enum err called_open(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_OPEN, ret);
}

static enum err called_confirm(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_CONFIRM, ret);
}

static enum err called_close(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_CLOSE, ret);
}

static enum err called_status(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_STATUS, ret);
}

static enum err called_explain(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_EXPLAIN, ret);
}

static enum err called_keys(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_SSH_KEYS, ret);
}

static enum err called_stopped(const struct auth_call *c, struct wire_result *ret)
{
	assert_non_null(c);
	return answer(WIRE_SSH_STOPPED, ret);
}

/* An account of every Debian. */
#define ASKER "daemon"
static struct policy policy = { .settings = { .keys_user = ASKER } };

static enum err run_as(int op, bool root_socket, int64_t uid, struct wire_result *ret)
{
	struct wire_peer peer = { .root_socket = root_socket, .ruid = uid };
	struct wire_request request = { .op = (enum wire_op)op };
	struct auth_call c = { .peer = &peer, .request = &request, .policy = &policy };

	*ret = (struct wire_result){ .verdict = VERDICT_ALLOW, .result = ERR_OK, .runtime_max_s = 1 };
	played.called = 0;
	return auth_run(&c, ret);
}

static enum err run(int op, bool root_socket, struct wire_result *ret)
{
	return run_as(op, root_socket, 0, ret);
}

static void each_operation_has_its_function(void **state)
{
	struct wire_result r;

	(void)state;
	played.result = ERR_OK;
	played.verdict = VERDICT_ALLOW;
	played.runtime_max_s = 28800;
	for (int op = WIRE_AUTH; op <= WIRE_SSH_STOPPED; op++) {
		assert_int_equal(run(op, true, &r), ERR_OK);
		assert_int_equal(played.called, op);
		assert_int_equal(r.verdict, VERDICT_ALLOW);
		assert_int_equal(r.result, ERR_OK);
		assert_int_equal(r.runtime_max_s, 28800);
	}
}

static void unknown_operations_are_refused(void **state)
{
	static const int ops[] = { 0, 10, 16, -1, INT_MAX, INT_MIN, 257 };
	struct wire_result r;

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		assert_int_equal(run(ops[i], true, &r), ERR_DENIED);
		assert_int_equal(played.called, 0);
		assert_int_equal(r.verdict, VERDICT_DENY);
		assert_int_equal(r.result, ERR_DENIED);
		assert_int_equal(r.runtime_max_s, 0);
	}
}

/* Request by request: what anybody may ask, and what sshd's account may in the place of that: others' questions take none of its room. */
static void each_asker_has_its_rights(void **state)
{
	const struct passwd *pw = getpwnam(ASKER);
	const int64_t keys = pw ? (int64_t)pw->pw_uid : -1;
	const int64_t uids[] = { keys, 1001, 0, -1, keys + (1LL << 32) };
	struct wire_result r;

	(void)state;
	assert_true(keys > 0);
	assert_int_equal(auth_keys_uid(&policy), keys);
	played.result = ERR_OK;
	played.verdict = VERDICT_ALLOW;
	for (int op = WIRE_AUTH; op <= WIRE_SSH_STOPPED; op++)
		for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
			bool may = i == 0 ? op >= WIRE_SSH_KEYS : op == WIRE_AUTH || op == WIRE_ACCOUNT || op == WIRE_STATUS;

			assert_int_equal(run_as(op, false, uids[i], &r), may ? ERR_OK : ERR_NOT_ALLOWED);
			assert_int_equal(played.called, may ? op : 0);
			assert_int_equal(r.verdict == VERDICT_ALLOW, may);
			/* The socket says more than the uid: su comes as root with the real uid of its caller. */
			assert_int_equal(run_as(op, true, uids[i], &r), ERR_OK);
		}
}

/* root as `keys-user` needs no such right, and an account that is not there is nobody's. */
static void no_account_no_right(void **state)
{
	static const char *const names[] = { "root", "no-such-account-here", "" };
	struct wire_result r;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(policy.settings.keys_user, names[i]);
		for (int64_t uid = -1; uid <= 1; uid++)
			assert_int_equal(run_as(WIRE_SSH_KEYS, false, uid, &r), ERR_NOT_ALLOWED);
	}
	assert_int_equal(auth_keys_uid(&policy), -1);
	strcpy(policy.settings.keys_user, ASKER);
}

static void what_only_tells_is_told_apart(void **state)
{
	(void)state;
	for (int op = 0; op <= WIRE_SSH_STOPPED + 1; op++)
		assert_int_equal(auth_only_tells((enum wire_op)op), op >= WIRE_STATUS && op <= WIRE_SSH_STOPPED);
}

static void A4_only_both_together_allow(void **state)
{
	static const int results[] = { 0, 1, -1, 2, INT_MIN, INT_MAX, ERR_DENIED, ERR_STORE, 0x100, 0x10000 };
	uint32_t verdicts[40] = { VERDICT_ALLOW, VERDICT_DENY, 0, 1, 2, 0xFFFFFFFF, ~VERDICT_ALLOW, 0x5A3C };
	struct wire_result r;

	(void)state;
	for (size_t bit = 0; bit < 32; bit++)
		verdicts[8 + bit] = VERDICT_ALLOW ^ (1u << bit);
	for (int op = WIRE_AUTH; op <= WIRE_SSH_STOPPED; op++)
		for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
			for (size_t j = 0; j < 40; j++) {
				bool allowed = results[i] == 0 && j == 0;

				played.result = (enum err)results[i];
				played.verdict = verdicts[j];
				assert_int_equal(run(op, true, &r) == ERR_OK, allowed);
				assert_int_equal(r.verdict == VERDICT_ALLOW, allowed);
				assert_int_equal(r.result == ERR_OK, allowed);
				/* A failure keeps its name. */
				if (results[i] != 0)
					assert_int_equal(r.result, (enum err)results[i]);
			}
}

/* Flipping any one to three bits of the denial, of zero or of all ones gives no allowance. */
static void A4_patterns_are_far_apart(void **state)
{
	static const uint32_t from[] = { VERDICT_DENY, 0, 0xFFFFFFFF };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(__builtin_popcount(from[i] ^ VERDICT_ALLOW) > 3);
}

static char told[256];

static enum err hear(void *arg, bool error, const char *text)
{
	assert_ptr_equal(arg, told);
	assert_true(error);
	assert_string_equal(told, "");
	snprintf(told, sizeof(told), "%s: %s", getenv("LANGUAGE"), text);
	return ERR_CONVERSATION;
}

/* In the system's language, where it can be shown; whoever asks. */
static void a_fault_is_told_to_who_logs_in(void **state)
{
	static const struct {
		enum wire_op op;
		const char *tty, *told;
	} rows[] = {
		{ WIRE_AUTH, "pts/1", "ja: The login service is out of order. Ask the systems section." },
		{ WIRE_AUTH, "/dev/tty1", "en: The login service is out of order. Ask the systems section." },
		{ WIRE_ACCOUNT, "pts/1", "" }, { WIRE_OPEN, "pts/1", "" }, { WIRE_CONFIRM, "pts/1", "" },
		{ WIRE_CLOSE, "pts/1", "" },
	};
	const struct auth_io io = { .tell = hear, .arg = told };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_request request = { .op = rows[i].op };

		snprintf(request.tty, sizeof(request.tty), "%s", rows[i].tty);
		told[0] = '\0';
		auth_tell_fault(&io, &request, "ja");
		assert_string_equal(told, rows[i].told);
	}
}

int main(void)
{
	const struct CMUnitTest list[] = {
		cmocka_unit_test(each_operation_has_its_function),
		cmocka_unit_test(unknown_operations_are_refused),
		cmocka_unit_test(each_asker_has_its_rights),
		cmocka_unit_test(no_account_no_right),
		cmocka_unit_test(what_only_tells_is_told_apart),
		cmocka_unit_test(A4_only_both_together_allow),
		cmocka_unit_test(A4_patterns_are_far_apart),
		cmocka_unit_test(a_fault_is_told_to_who_logs_in),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
