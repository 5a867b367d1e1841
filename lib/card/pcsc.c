/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpcsclite 1.9.9 has no time limit in any call but SCardGetStatusChange: whoever calls this runs
 * in a process that can be killed. Reader names come from a driver, ATRs from a card.
 */
#include "pcsc.h"

#include <string.h>
#include <syslog.h>
#include <winscard.h>

#include "card.h"
#include "log.h"

/* One more reader than pcscd has (16, MAX_READERNAME each) would still fit: one call is enough. */
#define LIST_SIZE 4096
#define LIST_TRIES 3
#define PNP_READER "\\\\?PnP?\\Notification"

struct pcsc {
	SCARDCONTEXT context;
	bool open;
	size_t n;
	char names[CARD_READERS_MAX][CARD_READER_SIZE];
	SCARD_READERSTATE states[CARD_READERS_MAX + 1];         /* the last one is for PNP_READER */
};

static const struct {
	LONG code;
	enum io io;
} codes[] = {
	{ SCARD_S_SUCCESS, IO_OK },
	{ SCARD_W_RESET_CARD, IO_RESET },
	{ SCARD_E_PROTO_MISMATCH, IO_STALE },
	{ SCARD_W_REMOVED_CARD, IO_REMOVED },
	{ SCARD_E_NO_SMARTCARD, IO_REMOVED },
	{ SCARD_E_UNKNOWN_READER, IO_REMOVED },
	{ SCARD_E_READER_UNAVAILABLE, IO_REMOVED },
	{ SCARD_E_SHARING_VIOLATION, IO_BUSY },
	{ SCARD_E_NO_SERVICE, IO_SERVICE },
	{ SCARD_E_SERVICE_STOPPED, IO_SERVICE },
	{ SCARD_F_COMM_ERROR, IO_SERVICE },
	{ SCARD_F_INTERNAL_ERROR, IO_SERVICE },
	{ SCARD_E_INVALID_HANDLE, IO_SERVICE },
	{ SCARD_E_NO_MEMORY, IO_SERVICE },
	{ SCARD_W_SECURITY_VIOLATION, IO_SERVICE },
};

enum io pcsc_io(long code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].io;
	return IO_CARD;
}

static enum io result(const char *call, LONG code)
{
	enum io io = pcsc_io(code);

	if (io != IO_OK)
		log_line(io == IO_RESET ? LOG_DEBUG : LOG_INFO, "%s: %08lX", call, (unsigned long)code);
	return io;
}

size_t pcsc_split_names(const char *list, size_t len, char (*names)[CARD_READER_SIZE])
{
	const char *p = list, *end = list + len, *nul;
	size_t n = 0;

	while (n < CARD_READERS_MAX && p < end && (nul = memchr(p, '\0', (size_t)(end - p)))) {
		size_t size = (size_t)(nul - p) + 1;

		if (size == 1)
			break;
		if (size <= CARD_READER_SIZE)
			memcpy(names[n++], p, size);
		p = nul + 1;
	}
	return n;
}

static void pcsc_close(void *state)
{
	struct pcsc *p = state;

	if (p->open && SCardReleaseContext(p->context) != SCARD_S_SUCCESS)
		log_line(LOG_DEBUG, "SCardReleaseContext failed");
	p->open = false;
}

static enum io pcsc_open(void *state)
{
	struct pcsc *p = state;
	enum io io;

	pcsc_close(p);
	io = result("SCardEstablishContext",
		    SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context));
	p->open = io == IO_OK;
	return p->open ? IO_OK : IO_SERVICE;
}

static LONG list_names(struct pcsc *p)
{
	char list[LIST_SIZE];
	DWORD len = sizeof(list);
	LONG code = SCardListReaders(p->context, NULL, list, &len);

	p->n = 0;
	if (code == SCARD_E_NO_READERS_AVAILABLE)
		return SCARD_S_SUCCESS;
	if (code == SCARD_S_SUCCESS)
		p->n = pcsc_split_names(list, len < sizeof(list) ? len : sizeof(list), p->names);
	return code;
}

static LONG read_states(struct pcsc *p)
{
	memset(p->states, 0, sizeof(p->states));
	for (size_t i = 0; i < p->n; i++) {
		p->states[i].szReader = p->names[i];
		p->states[i].dwCurrentState = SCARD_STATE_UNAWARE;
	}
	return p->n ? SCardGetStatusChange(p->context, 0, p->states, (DWORD)p->n) : SCARD_S_SUCCESS;
}

static struct transport_reader describe(const SCARD_READERSTATE *s)
{
	struct transport_reader r = { .event = (uint32_t)(s->dwEventState >> 16) };

	memcpy(r.name, s->szReader, strlen(s->szReader) + 1);
	r.present = s->dwEventState & SCARD_STATE_PRESENT;
	if (r.present && s->cbAtr <= CARD_ATR_MAX && s->cbAtr <= sizeof(s->rgbAtr)) {
		r.atr_len = (uint8_t)s->cbAtr;
		memcpy(r.atr, s->rgbAtr, s->cbAtr);
	}
	return r;
}

/* A reader that goes between the two calls makes the second one fail: list again. */
static enum io pcsc_list(void *state, struct transport_reader *ret, size_t *n)
{
	struct pcsc *p = state;
	enum io io = IO_SERVICE;

	for (int i = 0; i < LIST_TRIES; i++) {
		LONG code;

		io = result("SCardListReaders", list_names(p));
		if (io != IO_OK)
			return IO_SERVICE;
		code = read_states(p);
		io = code == SCARD_E_TIMEOUT ? IO_OK : result("SCardGetStatusChange", code);
		if (io != IO_REMOVED)
			break;
	}
	if (io != IO_OK)
		return IO_SERVICE;
	for (size_t i = 0; i < p->n; i++)
		ret[i] = describe(&p->states[i]);
	*n = p->n;
	return IO_OK;
}

/* PNP_READER notices a change of the number of readers during this very call only: callers list again. */
static enum io pcsc_wait(void *state, int ms)
{
	struct pcsc *p = state;
	LONG code;

	for (size_t i = 0; i < p->n; i++)
		p->states[i].dwCurrentState = p->states[i].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
	p->states[p->n] = (SCARD_READERSTATE){ .szReader = PNP_READER };
	code = SCardGetStatusChange(p->context, (DWORD)ms, p->states, (DWORD)p->n + 1);
	if (code == SCARD_E_TIMEOUT || code == SCARD_E_UNKNOWN_READER ||
	    code == SCARD_E_READER_UNAVAILABLE)
		return IO_OK;
	return result("SCardGetStatusChange", code) == IO_OK ? IO_OK : IO_SERVICE;
}

static DWORD share_mode(bool alone)
{
	return alone ? SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED;
}

static enum io pcsc_connect(void *state, const char *reader, bool alone, struct transport_card *ret)
{
	const struct pcsc *p = state;
	SCARDHANDLE handle;
	DWORD protocol;
	enum io io = result("SCardConnect",
			    SCardConnect(p->context, reader, share_mode(alone),
					 SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &handle, &protocol));

	if (io == IO_OK)
		*ret = (struct transport_card){ .handle = handle, .protocol = protocol, .alone = alone };
	return io;
}

static enum io pcsc_reconnect(void *state, struct transport_card *card, bool reset)
{
	(void)state;
	return result("SCardReconnect",
		      SCardReconnect(card->handle, share_mode(card->alone),
				     SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
				     reset ? SCARD_RESET_CARD : SCARD_LEAVE_CARD, &card->protocol));
}

static enum io pcsc_begin(void *state, const struct transport_card *card)
{
	(void)state;
	return result("SCardBeginTransaction", SCardBeginTransaction(card->handle));
}

static enum io pcsc_end(void *state, const struct transport_card *card, bool reset)
{
	(void)state;
	return result("SCardEndTransaction",
		      SCardEndTransaction(card->handle, reset ? SCARD_RESET_CARD : SCARD_LEAVE_CARD));
}

static enum io pcsc_disconnect(void *state, const struct transport_card *card, bool reset)
{
	(void)state;
	return result("SCardDisconnect",
		      SCardDisconnect(card->handle, reset ? SCARD_RESET_CARD : SCARD_LEAVE_CARD));
}

static enum io pcsc_transmit(void *state, const struct transport_card *card, const uint8_t *command,
			     size_t command_len, uint8_t *response, size_t *len)
{
	const SCARD_IO_REQUEST *pci = card->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
	DWORD got = *len;
	enum io io;

	(void)state;
	io = result("SCardTransmit", SCardTransmit(card->handle, pci, command, command_len, NULL,
						   response, &got));
	if (io == IO_OK)
		*len = got;
	return io;
}

const struct transport *card_pcsc(void)
{
	static struct pcsc state;
	static const struct transport transport = {
		.state = &state,
		.open = pcsc_open,
		.close = pcsc_close,
		.list = pcsc_list,
		.wait = pcsc_wait,
		.connect = pcsc_connect,
		.reconnect = pcsc_reconnect,
		.begin = pcsc_begin,
		.end = pcsc_end,
		.disconnect = pcsc_disconnect,
		.transmit = pcsc_transmit,
	};

	return &transport;
}
