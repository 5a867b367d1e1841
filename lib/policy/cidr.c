/* SPDX-License-Identifier: Apache-2.0 */
#include "cidr.h"

#include <arpa/inet.h>
#include <string.h>

#include "text.h"

static const uint8_t mapped_prefix[12] = { [10] = 0xFF, [11] = 0xFF };

bool cidr_address(const char *text, struct policy_cidr *ret)
{
	struct policy_cidr c = { .family_bits = 32, .prefix = 32 };

	if (inet_pton(AF_INET, text, c.address) != 1) {
		if (inet_pton(AF_INET6, text, c.address) != 1)
			return false;
		c.family_bits = c.prefix = 128;
	}
	if (c.family_bits == 128 && memcmp(c.address, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		memmove(c.address, c.address + sizeof(mapped_prefix), 4);
		memset(c.address + 4, 0, 12);
		c.family_bits = c.prefix = 32;
	}
	*ret = c;
	return true;
}

/* The first `bits` bits of both are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	uint8_t mask = (uint8_t)(0xFF00U >> (bits % 8));

	return memcmp(a, b, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

static bool is_zero_after(const struct policy_cidr *c)
{
	for (unsigned i = c->prefix; i < c->family_bits; i++)
		if (c->address[i / 8] & (0x80U >> (i % 8)))
			return false;
	return true;
}

bool cidr_network(const char *text, struct policy_cidr *ret)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	struct policy_cidr c;
	int64_t written, prefix;

	if (!slash)
		return cidr_address(text, ret);
	if (!text_copy_n(address, sizeof(address), text, (size_t)(slash - text)) ||
	    !cidr_address(address, &c))
		return false;
	written = strchr(address, ':') ? 128 : 32;
	if (!text_to_i64(slash + 1, 0, written, &prefix))
		return false;
	prefix -= written - c.family_bits;      /* "::ffff:192.0.2.0/120" is 192.0.2.0/24 */
	if (prefix < 0)
		return false;
	c.prefix = (uint8_t)prefix;
	if (!is_zero_after(&c))
		return false;
	*ret = c;
	return true;
}

bool cidr_contains(const struct policy_cidr *network, const struct policy_cidr *address)
{
	return network->family_bits == address->family_bits &&
	       same_prefix(network->address, address->address, network->prefix);
}

const char *cidr_address_text(const struct policy_cidr *c, char *dst, size_t size)
{
	if (!inet_ntop(c->family_bits == 32 ? AF_INET : AF_INET6, c->address, dst, (socklen_t)size))
		*dst = '\0';
	return dst;
}
