/* SPDX-License-Identifier: Apache-2.0 */
/* A packet between a host and its worker, in both directions. */
#include "fuzz_wire.h"

#define HAS_NUL(array) (memchr((array), '\0', sizeof(array)) != NULL)

static struct wire_buf out;

static void request(struct wire_buf *b)
{
	static struct wire_request r;
	enum err e;

	memset(&r, UNTOUCHED, sizeof(r));
	e = wire_get_request(b, WIRE_VERSION, &r);
	if (e != ERR_OK) {
		must(is_untouched(&r, sizeof(r)));
		return;
	}
	must(r.op >= WIRE_AUTH && r.op <= WIRE_SSH_STOPPED);
	must(HAS_NUL(r.service) && HAS_NUL(r.user) && HAS_NUL(r.rhost) && HAS_NUL(r.tty) &&
	     HAS_NUL(r.auth_info));
	wire_put_request(&out, &r);
	must_be_same(&out, b);
}

static void ready(struct wire_buf *b)
{
	uint32_t ms = 7;
	enum err e = wire_get_ready(b, &ms);

	must(e == ERR_OK ? ms <= WIRE_SILENCE_MAX_MS : ms == 7);
	if (e != ERR_OK || ms == WIRE_SILENCE_MAX_MS)
		return;
	wire_put_ready(&out, ms);
	must_be_same(&out, b);
}

static void message(struct wire_buf *b)
{
	struct wire_message m;
	enum err e;

	memset(&m, UNTOUCHED, sizeof(m));
	e = wire_get_message(b, &m);
	if (e != ERR_OK) {
		must(is_untouched(&m, sizeof(m)));
		return;
	}
	must(m.style >= WIRE_PROMPT_HIDDEN && m.style <= WIRE_INFO && HAS_NUL(m.text));
	wire_put_message(&out, &m);
	must_be_same(&out, b);
}

static void answer(struct wire_buf *b)
{
	struct wire_answer a;
	enum err e;

	memset(&a, UNTOUCHED, sizeof(a));
	e = wire_get_answer(b, &a);
	if (e != ERR_OK) {
		must(is_untouched(&a, sizeof(a)));
		return;
	}
	must(a.text.len <= SECRET_MAX && (a.given || a.text.len == 0));
	wire_put_answer(&out, &a);
	must_be_same(&out, b);
}

static void result(struct wire_buf *b)
{
	struct wire_result r;
	enum err e;

	memset(&r, UNTOUCHED, sizeof(r));
	e = wire_get_result(b, &r);
	if (e != ERR_OK) {
		must(is_untouched(&r, sizeof(r)));
		return;
	}
	must(r.verdict == VERDICT_ALLOW ? r.result == ERR_OK
					: r.verdict == VERDICT_DENY && r.result != ERR_OK);
	wire_put_result(&out, &r);
	must_be_same(&out, b);
}

static void record(struct wire_buf *b)
{
	static struct wire_record r;
	enum err e;

	memset(&r, UNTOUCHED, sizeof(r));
	e = wire_get_record(b, &r);
	if (e != ERR_OK) {
		must(is_untouched(&r, sizeof(r)));
		return;
	}
	must(r.kind >= WIRE_RECORD_PERSON && r.kind <= WIRE_RECORD_KEY);
	if (r.kind == WIRE_RECORD_KEY)
		must(!strpbrk(r.key.card, " \n") && !strpbrk(r.key.options, " \n") && !strchr(r.key.key, '\n'));
	wire_put_record(&out, &r);
	must_be_same(&out, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct wire_kind kinds[] = {
		{ WIRE_REQUEST, request },
		{ WIRE_READY, ready },
		{ WIRE_MESSAGE, message },
		{ WIRE_ANSWER, answer },
		{ WIRE_RESULT, result },
		{ WIRE_RECORD, record },
	};

	wire_feed(data, size, kinds, sizeof(kinds) / sizeof(kinds[0]));
	return 0;
}
