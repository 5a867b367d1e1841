/* SPDX-License-Identifier: Apache-2.0 */
#include "lockout_bucket.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool expired(const struct bucket_row *b, const struct moment *now, int64_t lock_ms)
{
	return b->failed == 0 || lockout_bucket_age_ms(&b->last, now, lock_ms) >= lock_ms;
}

/*
 * A failure of an earlier boot is at least as old as the present boot: a clock that was set back
 * over a reboot locks nobody for longer than lock_s of uptime, and still frees nobody early.
 */
int64_t lockout_bucket_age_ms(const struct moment *then, const struct moment *now, int64_t full_ms)
{
	int64_t ms = clock_elapsed_ms(then, now, full_ms);

	if (strcmp(then->boot_id, now->boot_id) != 0 && ms < now->boot_ms)
		ms = now->boot_ms;
	return ms < full_ms ? ms : full_ms;
}

/* A failure that has itself expired leaves nothing, unless later ones keep the bucket alive. */
void lockout_bucket_charge(struct bucket_row *b, const struct moment *at, const struct moment *now,
			   int64_t lock_ms)
{
	const int64_t since_at = lockout_bucket_age_ms(at, now, lock_ms);
	int64_t since_last = lock_ms;
	bool goes_on;

	if (b->failed > 0)
		since_last = lockout_bucket_age_ms(&b->last, now, lock_ms);
	goes_on = since_last < lock_ms;
	if (!goes_on && since_at < lock_ms)
		goes_on = !expired(b, at, lock_ms);
	if (goes_on)
		b->failed++;
	else
		b->failed = since_at < lock_ms ? 1 : 0;
	if (since_at < since_last)
		b->last = *at;
}

int64_t lockout_bucket_failed(const struct lockout_bucket *b, const struct moment *now)
{
	return (expired(&b->row, now, b->lock_ms) ? 0 : b->row.failed) + b->lost;
}

int64_t lockout_bucket_freed_at(const struct lockout_bucket *b, const struct moment *now)
{
	int64_t age = 0;

	if (b->lost == 0 && b->row.failed > 0)
		age = lockout_bucket_age_ms(&b->row.last, now, b->lock_ms);
	return now->real_s + (b->lock_ms - age + 999) / 1000;
}

static void write_ipv4(const void *bytes, char dst[STORE_ADDRESS_SIZE])
{
	(void)inet_ntop(AF_INET, bytes, dst, STORE_ADDRESS_SIZE);
}

/* One IPv6 customer has a /64 at least. */
static void write_network(unsigned char bytes[16], char dst[STORE_ADDRESS_SIZE])
{
	char text[INET6_ADDRSTRLEN];

	memset(bytes + 8, 0, 8);
	(void)inet_ntop(AF_INET6, bytes, text, sizeof(text));
	snprintf(dst, STORE_ADDRESS_SIZE, "%s/64", text);
}

void lockout_bucket_address(const char *address, char dst[STORE_ADDRESS_SIZE])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned char b[16];

	if (*address == '\0')
		dst[0] = '\0';
	else if (inet_pton(AF_INET, address, b) == 1)
		write_ipv4(b, dst);
	else if (inet_pton(AF_INET6, address, b) != 1)
		snprintf(dst, STORE_ADDRESS_SIZE, "other");
	else if (memcmp(b, mapped, sizeof(mapped)) == 0)
		write_ipv4(b + sizeof(mapped), dst);
	else
		write_network(b, dst);
}

void lockout_bucket_origin(const char *address, char dst[STORE_ORIGIN_SIZE])
{
	snprintf(dst, STORE_ORIGIN_SIZE, "addr:%s", address);
}
