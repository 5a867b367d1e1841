/* SPDX-License-Identifier: Apache-2.0 */
/* A packet between the listener and a worker, in both directions. */
#include "fuzz_wire.h"

static struct wire_buf out;

static void peer(struct wire_buf *b)
{
	static struct wire_peer p;
	enum err e;

	memset(&p, UNTOUCHED, sizeof(p));
	e = wire_get_peer(b, &p);
	if (e != ERR_OK) {
		must(is_untouched(&p, sizeof(p)));
		return;
	}
	must(memchr(p.exe, '\0', sizeof(p.exe)) && memchr(p.cgroup, '\0', sizeof(p.cgroup)));
	wire_put_peer(&out, &p);
	must_be_same(&out, b);
}

static void ask(struct wire_buf *b)
{
	enum wire_ask what = 0;
	int64_t group = 7;

	if (wire_get_ask(b, &what, &group) != ERR_OK) {
		must(what == 0 && group == 7);
		return;
	}
	must(what >= WIRE_ASK_CARD && what <= WIRE_ASK_HASH_DONE);
	wire_put_ask(&out, what, group);
	must_be_same(&out, b);
}

static void given(struct wire_buf *b)
{
	enum err result = ERR_CANCELLED;

	if (wire_get_given(b, &result) != ERR_OK) {
		must(result == ERR_CANCELLED);
		return;
	}
	must(err_from_number((unsigned)result) == result);
	wire_put_given(&out, result);
	must_be_same(&out, b);
}

static void judged(struct wire_buf *b)
{
	int64_t uid = 7;

	if (wire_get_judged(b, &uid) != ERR_OK) {
		must(uid == 7);
		return;
	}
	must(uid >= -1 && uid < UINT32_MAX);
	wire_put_judged(&out, uid);
	must_be_same(&out, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct wire_kind kinds[] = {
		{ WIRE_PEER, peer },
		{ WIRE_ASK, ask },
		{ WIRE_GIVEN, given },
		{ WIRE_JUDGED, judged },
	};

	wire_feed(data, size, kinds, sizeof(kinds) / sizeof(kinds[0]));
	return 0;
}
