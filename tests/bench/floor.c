/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor READER ALGORITHM KIB PASSES: the least that a login with card and password must do, in one process and with no
 * rule, record or check. PC/SC to READER, SELECT, VERIFY with the PIN on standard input, GENERAL AUTHENTICATE with 9A
 * (ALGORITHM 07: RSA 2048, 11: P-256), reset; then one Argon2id of KIB and PASSES. READER "-": no card. KIB 0: no hash.
 * It shares nothing with the product.
 */
#include <argon2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <winscard.h>

/* SP 800-73-4 part 2: SELECT 3.1.1, VERIFY 3.2.1, GENERAL AUTHENTICATE 3.2.4 with command chaining */
static const BYTE select_piv[] = { 0x00, 0xA4, 0x04, 0x00, 0x0B, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x00 };

#define RSA_LEN 256
#define EC_LEN 32
#define PART_MAX 255

static SCARDHANDLE card;
static DWORD protocol;

static _Noreturn void stop(const char *what, long code)
{
	fprintf(stderr, "floor: %s: %lX\n", what, (unsigned long)code);
	exit(1);
}

/* The status word of one APDU; the answer's data are not looked at. */
static unsigned transmit(const BYTE *apdu, DWORD len)
{
	BYTE answer[258];
	DWORD got = sizeof(answer);
	LONG code = SCardTransmit(card, protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1, apdu, len, NULL, answer, &got);

	if (code != SCARD_S_SUCCESS || got < 2)
		stop("SCardTransmit", code);
	return (unsigned)(answer[got - 2] << 8 | answer[got - 1]);
}

static void verify(void)
{
	BYTE apdu[13] = { 0x00, 0x20, 0x00, 0x80, 0x08 };
	char pin[16];
	unsigned sw;

	if (!fgets(pin, sizeof(pin), stdin))
		stop("no PIN on standard input", 0);
	pin[strcspn(pin, "\n")] = '\0';
	memset(apdu + 5, 0xFF, 8);
	memcpy(apdu + 5, pin, strnlen(pin, 8));
	sw = transmit(apdu, sizeof(apdu));
	if (sw != 0x9000)
		stop("VERIFY", (long)sw);
}

/* What is signed does not matter; for RSA it is in the form of PKCS #1 1.5, below every modulus. */
static size_t template(BYTE algorithm, BYTE *ret)
{
	static const BYTE rsa[] = { 0x7C, 0x82, 0x01, 0x06, 0x82, 0x00, 0x81, 0x82, 0x01, 0x00, 0x00, 0x01 };
	static const BYTE ec[] = { 0x7C, 0x24, 0x82, 0x00, 0x81, 0x20 };

	if (algorithm == 0x11) {
		memcpy(ret, ec, sizeof(ec));
		memset(ret + sizeof(ec), 0x11, EC_LEN);
		return sizeof(ec) + EC_LEN;
	}
	memcpy(ret, rsa, sizeof(rsa));
	memset(ret + sizeof(rsa), 0xFF, RSA_LEN - 2);
	ret[sizeof(rsa) + RSA_LEN - 2 - EC_LEN - 1] = 0x00;
	return sizeof(rsa) + RSA_LEN - 2;
}

static void sign(BYTE algorithm)
{
	BYTE data[300], apdu[5 + PART_MAX + 1];
	const BYTE more[] = { 0x00, 0xC0, 0x00, 0x00, 0x00 };
	size_t len = template(algorithm, data), at = 0;
	unsigned sw = 0;

	while (at < len) {
		size_t n = len - at > PART_MAX ? PART_MAX : len - at;
		BYTE last = at + n == len;

		memcpy(apdu, (const BYTE[]){ last ? 0x00 : 0x10, 0x87, algorithm, 0x9A, (BYTE)n }, 5);
		memcpy(apdu + 5, data + at, n);
		apdu[5 + n] = 0x00;
		sw = transmit(apdu, 5 + n + last);
		at += n;
	}
	while (sw >> 8 == 0x61)
		sw = transmit(more, sizeof(more));
	if (sw != 0x9000)
		stop("GENERAL AUTHENTICATE", (long)sw);
}

static void use_card(const char *reader, BYTE algorithm)
{
	SCARDCONTEXT context;
	LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	if (code == SCARD_S_SUCCESS)
		code = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
	if (code == SCARD_S_SUCCESS)
		code = SCardBeginTransaction(card);
	if (code != SCARD_S_SUCCESS)
		stop("connection", code);
	if (transmit(select_piv, sizeof(select_piv)) != 0x9000)
		stop("SELECT", 0);
	verify();
	sign(algorithm);
	code = SCardEndTransaction(card, SCARD_RESET_CARD);
	if (code == SCARD_S_SUCCESS)
		code = SCardDisconnect(card, SCARD_LEAVE_CARD);
	if (code == SCARD_S_SUCCESS)
		code = SCardReleaseContext(context);
	if (code != SCARD_S_SUCCESS)
		stop("end of the connection", code);
}

/* As the product takes it; in small pages, as libargon2 would by itself, the page faults alone cost milliseconds. */
static int take_memory(uint8_t **memory, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return ARGON2_MEMORY_ALLOCATION_ERROR;
	madvise(p, size, MADV_HUGEPAGE);
	*memory = p;
	return ARGON2_OK;
}

static void release_memory(uint8_t *memory, size_t size)
{
	munmap(memory, size);
}

static void hash(unsigned kib, unsigned passes)
{
	unsigned char tag[32], salt[16] = "nobody's salt", password[] = "quiet-Lantern-52";
	argon2_context c = {
		.out = tag, .outlen = sizeof(tag), .pwd = password, .pwdlen = sizeof(password) - 1, .salt = salt,
		.saltlen = sizeof(salt), .t_cost = passes, .m_cost = kib, .lanes = 1, .threads = 1, .version = ARGON2_VERSION_13,
		.allocate_cbk = take_memory, .free_cbk = release_memory,
	};
	int code = argon2id_ctx(&c);

	if (code != ARGON2_OK)
		stop(argon2_error_message(code), code);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		stop("usage: floor READER ALGORITHM KIB PASSES", argc);
	if (strcmp(argv[1], "-") != 0)
		use_card(argv[1], (BYTE)strtoul(argv[2], NULL, 16));
	if (strcmp(argv[3], "0") != 0)
		hash((unsigned)strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10));
	return 0;
}
