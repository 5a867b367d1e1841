/* SPDX-License-Identifier: Apache-2.0 */
/* A packet between cardmfa-card and who started it; 'Q' first: a request, else an answer. */
#include <sys/socket.h>

#include "card_link.h"
#include "clock.h"
#include "fuzz.h"

static int pair[2] = { -1, -1 };

/* What was read writes the same bytes. */
static void must_come_back(const uint8_t *data, size_t size)
{
	static uint8_t back[64 * 1024];

	must(recv(pair[1], back, sizeof(back), MSG_DONTWAIT) == (ssize_t)size);
	must(memcmp(back, data, size) == 0);
}

static void request(const uint8_t *data, size_t size)
{
	static struct card_request r;
	enum err e;

	memset(&r, UNTOUCHED, sizeof(r));
	e = card_link_get_request(pair[0], &r, deadline_in(1000));
	if (e != ERR_OK) {
		must(e == ERR_PROTOCOL && is_untouched(&r, sizeof(r)));
		return;
	}
	must(r.op >= CARD_OP_NEXT && r.op <= CARD_OP_LIST);
	must(r.pin.len <= SECRET_MAX && r.input_len <= sizeof(r.input));
	must(memchr(r.skip, '\0', sizeof(r.skip)) != NULL);
	must(card_link_send_request(pair[0], &r, deadline_in(1000)) == ERR_OK);
	must_come_back(data, size);
}

static void answer(const uint8_t *data, size_t size)
{
	static struct card_answer a;
	enum err e;

	memset(&a, UNTOUCHED, sizeof(a));
	e = card_link_get_answer(pair[0], &a, deadline_in(1000));
	if (e != ERR_OK) {
		must(e == ERR_PROTOCOL && is_untouched(&a, sizeof(a)));
		return;
	}
	must(a.op >= CARD_OP_NEXT && a.op <= CARD_OP_LIST);
	must(err_from_number((unsigned)a.result) == a.result);
	must(a.tries >= CARD_TRIES_UNKNOWN && a.atr_len <= sizeof(a.atr));
	must(a.cert_len <= sizeof(a.cert) && a.signature_len <= sizeof(a.signature));
	must(a.n_readers <= CARD_READERS_MAX);
	must(card_link_send_answer(pair[0], &a, deadline_in(1000)) == ERR_OK);
	must_come_back(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);

	if (pair[0] < 0)
		must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	if (in.len == 0 || in.len > 32 * 1024)
		return 0;
	must(send(pair[1], data, size, MSG_DONTWAIT) == (ssize_t)size);
	if (data[0] == 'Q')
		request(data, size);
	else
		answer(data, size);
	return 0;
}
