/* SPDX-License-Identifier: Apache-2.0 */
/* pcsc.c over a libpcsclite of this program's own: the functions below are linked in its place. */
#include "../../lib/card/pcsc.h"

#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "log.h"
#include "unit.h"

#define OK 0L
#define E_INSUFFICIENT_BUFFER 0x80100008L
#define E_UNKNOWN_READER 0x80100009L
#define E_TIMEOUT 0x8010000AL
#define E_NO_SERVICE 0x8010001DL
#define E_NO_READERS 0x8010002EL
#define STATE_PRESENT 0x20UL
#define PNP "\\\\?PnP?\\Notification"

/* SCARD_READERSTATE and SCARD_IO_REQUEST as the library lays them out. */
struct state {
	const char *reader;
	void *user;
	unsigned long current, event, n_atr;
	unsigned char atr[33];
};

struct pci {
	unsigned long protocol, length;
};

long SCardEstablishContext(unsigned long scope, const void *a, const void *b, long *ret);
long SCardReleaseContext(long context);
long SCardListReaders(long context, const char *groups, char *readers, unsigned long *len);
long SCardGetStatusChange(long context, unsigned long ms, struct state *states, unsigned long n);
long SCardConnect(long context, const char *reader, unsigned long mode, unsigned long protocols,
		  long *handle, unsigned long *protocol);
long SCardReconnect(long handle, unsigned long mode, unsigned long protocols, unsigned long how,
		    unsigned long *protocol);
long SCardTransmit(long handle, const struct pci *pci, const unsigned char *in, unsigned long in_len,
		   struct pci *out_pci, unsigned char *out, unsigned long *out_len);

static struct {
	const char *list;
	unsigned long list_len;
	long list_code, state_code, establish_code;
	int state_failures;             /* so often state_code, then OK */
	unsigned long event, n_atr;
	unsigned long n_states;         /* of the last call */
	char last_reader[64];           /* of the last state of the last call */
	unsigned long last_current;
	unsigned contexts, lists;
	unsigned long mode;             /* of the last connect or reconnect: 1 exclusive, 2 shared */
	unsigned long transmit_len;
} lib;

long SCardEstablishContext(unsigned long scope, const void *a, const void *b, long *ret)
{
	assert_int_equal(scope, 2);
	assert_true(!a && !b);
	if (lib.establish_code == OK) {
		*ret = 7;
		lib.contexts++;
	}
	return lib.establish_code;
}

long SCardReleaseContext(long context)
{
	assert_int_equal(context, 7);
	lib.contexts--;
	return OK;
}

long SCardListReaders(long context, const char *groups, char *readers, unsigned long *len)
{
	assert_true(context == 7 && !groups && *len >= 16 * 129 + 1);
	lib.lists++;
	if (lib.list_code != OK)
		return lib.list_code;
	if (lib.list_len > *len)
		return E_INSUFFICIENT_BUFFER;
	memcpy(readers, lib.list, lib.list_len);
	*len = lib.list_len;
	return OK;
}

long SCardGetStatusChange(long context, unsigned long ms, struct state *states, unsigned long n)
{
	(void)ms;
	assert_true(context == 7 && n > 0);
	lib.n_states = n;
	strncpy(lib.last_reader, states[n - 1].reader, sizeof(lib.last_reader) - 1);
	lib.last_current = states[0].current;
	if (lib.state_failures > 0) {
		lib.state_failures--;
		return lib.state_code;
	}
	for (unsigned long i = 0; i < n; i++) {
		states[i].event = lib.event;
		states[i].n_atr = lib.n_atr;
		memset(states[i].atr, 0x3B, sizeof(states[i].atr));
	}
	return OK;
}

long SCardConnect(long context, const char *reader, unsigned long mode, unsigned long protocols,
		  long *handle, unsigned long *protocol)
{
	assert_true(context == 7 && protocols == 3);
	assert_string_equal(reader, "a");
	lib.mode = mode;
	*handle = 9;
	*protocol = 2;
	return OK;
}

long SCardReconnect(long handle, unsigned long mode, unsigned long protocols, unsigned long how,
		    unsigned long *protocol)
{
	assert_true(handle == 9 && protocols == 3 && how == 0 && *protocol == 2);
	lib.mode = mode;
	return OK;
}

long SCardTransmit(long handle, const struct pci *pci, const unsigned char *in, unsigned long in_len,
		   struct pci *out_pci, unsigned char *out, unsigned long *out_len)
{
	assert_true(handle == 9 && pci->protocol == 2 && in[1] == 0xA4 && in_len == 4 && !out_pci);
	assert_int_equal(*out_len, TRANSPORT_RESPONSE_MAX);
	memset(out, 0x90, 2);
	*out_len = lib.transmit_len;
	return OK;
}

static int setup(void **state)
{
	(void)state;
	memset(&lib, 0, sizeof(lib));
	lib.list = "a\0";
	lib.list_len = 3;
	return 0;
}

static const struct transport *opened(void)
{
	const struct transport *t = card_pcsc();

	assert_int_equal(t->open(t->state), IO_OK);
	return t;
}

/* Names of every length, without their NUL, without an end: what fits is kept, nothing is read too far. */
static void A73_reader_names(void **state)
{
	static const size_t lengths[] = { 1, 127, 128, 129, 4096 };
	char (*names)[CARD_READER_SIZE] = calloc(CARD_READERS_MAX, CARD_READER_SIZE);

	(void)state;
	assert_non_null(names);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i];
		char *list = malloc(len + 3);

		assert_non_null(list);
		memset(list, 'x', len);
		memcpy(list + len, "\0b", 3);
		assert_int_equal(pcsc_split_names(list, len, names), 0);
		assert_int_equal(pcsc_split_names(list, len + 1, names), len < CARD_READER_SIZE);
		assert_int_equal(pcsc_split_names(list, len + 3, names), (len < CARD_READER_SIZE) + 1);
		assert_string_equal(names[len < CARD_READER_SIZE], "b");
		free(list);
	}
	assert_int_equal(pcsc_split_names("", 0, names), 0);
	assert_int_equal(pcsc_split_names("", 1, names), 0);
	assert_int_equal(pcsc_split_names("\xFF\xC0\0", 4, names), 1);
	assert_memory_equal(names[0], "\xFF\xC0", 3);
	free(names);
}

static void A73_more_readers_than_there_are(void **state)
{
	char list[2 * 40 + 1] = "";
	struct transport_reader readers[CARD_READERS_MAX];
	const struct transport *t;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		memcpy(list + 2 * i, "r", 2);
	lib.list = list;
	lib.list_len = sizeof(list);
	t = opened();
	assert_int_equal(t->list(t->state, readers, &n), IO_OK);
	assert_int_equal(n, CARD_READERS_MAX);
	assert_int_equal(t->wait(t->state, 1), IO_OK);
	assert_int_equal(lib.n_states, CARD_READERS_MAX + 1);
	lib.list_len = 100000;
	assert_int_equal(t->list(t->state, readers, &n), IO_SERVICE);
	t->close(t->state);
	assert_int_equal(lib.contexts, 0);
}

static void A73_atr_lengths(void **state)
{
	static const struct {
		unsigned long n;
		size_t kept;
	} rows[] = { { 0, 0 }, { 1, 1 }, { 33, 33 }, { 34, 0 }, { 0xFFFFFFFF, 0 } };
	const struct transport *t = opened();

	(void)state;
	lib.event = 0x50000 | STATE_PRESENT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct transport_reader readers[CARD_READERS_MAX];
		size_t n;

		lib.n_atr = rows[i].n;
		assert_int_equal(t->list(t->state, readers, &n), IO_OK);
		assert_true(n == 1 && readers[0].present && readers[0].event == 5);
		assert_string_equal(readers[0].name, "a");
		assert_int_equal(readers[0].atr_len, rows[i].kept);
	}
	t->close(t->state);
}

/* The reader that was just listed is gone when its state is asked: list again, three times at most. */
static void A73_list_changes_between_the_calls(void **state)
{
	struct transport_reader readers[CARD_READERS_MAX];
	const struct transport *t = opened();
	size_t n = 99;

	(void)state;
	lib.state_code = E_UNKNOWN_READER;
	lib.state_failures = 2;
	assert_int_equal(t->list(t->state, readers, &n), IO_OK);
	assert_int_equal(lib.lists, 3);
	assert_int_equal(n, 1);
	n = 99;
	lib.state_failures = 100;
	assert_int_equal(t->list(t->state, readers, &n), IO_SERVICE);
	assert_int_equal(lib.lists, 6);
	assert_int_equal(n, 99);
	t->close(t->state);
}

static void test_no_reader_and_no_service(void **state)
{
	struct transport_reader readers[CARD_READERS_MAX];
	const struct transport *t = opened();
	size_t n = 99;

	(void)state;
	lib.list_code = E_NO_READERS;
	assert_int_equal(t->list(t->state, readers, &n), IO_OK);
	assert_int_equal(n, 0);
	assert_int_equal(t->wait(t->state, 1), IO_OK);
	assert_int_equal(lib.n_states, 1);
	assert_string_equal(lib.last_reader, PNP);
	lib.list_code = E_NO_SERVICE;
	assert_int_equal(t->list(t->state, readers, &n), IO_SERVICE);
	lib.establish_code = E_NO_SERVICE;
	assert_int_equal(t->open(t->state), IO_SERVICE);
	assert_int_equal(lib.contexts, 0);
	t->close(t->state);
}

static void test_waits_from_what_was_seen(void **state)
{
	struct transport_reader readers[CARD_READERS_MAX];
	const struct transport *t = opened();
	size_t n;

	(void)state;
	lib.event = 0x30000 | STATE_PRESENT | 2;
	assert_int_equal(t->list(t->state, readers, &n), IO_OK);
	assert_int_equal(lib.last_current, 0);
	lib.state_code = E_TIMEOUT;
	lib.state_failures = 1;
	assert_int_equal(t->wait(t->state, 1), IO_OK);
	assert_int_equal(lib.last_current, 0x30000 | STATE_PRESENT);
	assert_int_equal(lib.n_states, 2);
	lib.state_code = E_NO_SERVICE;
	lib.state_failures = 1;
	assert_int_equal(t->wait(t->state, 1), IO_SERVICE);
	t->close(t->state);
}

static void test_transmit(void **state)
{
	const struct transport *t = opened();
	struct transport_card card;
	uint8_t response[TRANSPORT_RESPONSE_MAX];
	size_t len = sizeof(response);

	(void)state;
	lib.transmit_len = 2;
	assert_int_equal(t->connect(t->state, "a", false, &card), IO_OK);
	assert_int_equal(t->transmit(t->state, &card, (const uint8_t[]){ 0, 0xA4, 4, 0 }, 4, response,
				     &len), IO_OK);
	assert_int_equal(len, 2);
	t->close(t->state);
}

/* Who has the reader alone keeps it through a reconnect. */
static void test_alone_stays_alone(void **state)
{
	const struct transport *t = opened();
	struct transport_card card;

	(void)state;
	for (int alone = 0; alone < 2; alone++) {
		assert_int_equal(t->connect(t->state, "a", alone, &card), IO_OK);
		assert_int_equal(lib.mode, alone ? 1 : 2);
		lib.mode = 0;
		assert_int_equal(t->reconnect(t->state, &card, false), IO_OK);
		assert_int_equal(lib.mode, alone ? 1 : 2);
	}
	t->close(t->state);
}

static void test_codes(void **state)
{
	static const struct {
		long code;
		enum io io;
	} rows[] = {
		{ 0, IO_OK }, { 0x80100068, IO_RESET }, { 0x8010000F, IO_STALE }, { 0x80100069, IO_REMOVED },
		{ 0x8010000C, IO_REMOVED }, { 0x80100009, IO_REMOVED }, { 0x80100017, IO_REMOVED },
		{ 0x8010000B, IO_BUSY }, { 0x80100016, IO_CARD }, { 0x80100066, IO_CARD },
		{ 0x80100008, IO_CARD }, { 0x8010001D, IO_SERVICE }, { 0x80100013, IO_SERVICE },
		{ 0x80100003, IO_SERVICE }, { 0x8010006A, IO_SERVICE }, { 1, IO_CARD }, { -1, IO_CARD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(pcsc_io(rows[i].code), rows[i].io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(A73_reader_names, setup),
		cmocka_unit_test_setup(A73_more_readers_than_there_are, setup),
		cmocka_unit_test_setup(A73_atr_lengths, setup),
		cmocka_unit_test_setup(A73_list_changes_between_the_calls, setup),
		cmocka_unit_test_setup(test_no_reader_and_no_service, setup),
		cmocka_unit_test_setup(test_waits_from_what_was_seen, setup),
		cmocka_unit_test_setup(test_transmit, setup),
		cmocka_unit_test_setup(test_alone_stays_alone, setup),
		cmocka_unit_test_setup(test_codes, setup),
	};

	log_set_sink(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
