/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numeric addresses and networks. An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) is its IPv4
 * address. No names, no zones.
 */
#ifndef CARDMFA_CIDR_H
#define CARDMFA_CIDR_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"

/* "192.0.2.5", "2001:db8::1": as a network of that one address. */
MUST_USE bool cidr_address(const char *text, struct policy_cidr *ret);

/* "192.0.2.0/24", or an address alone. False also when bits beyond the prefix are set. */
MUST_USE bool cidr_network(const char *text, struct policy_cidr *ret);

/* Is the address (cidr_address) inside? Never across families: "::/0" holds no IPv4 address. */
bool cidr_contains(const struct policy_cidr *network, const struct policy_cidr *address);

/*
 * Canonical text of its address, without the prefix; size >= INET6_ADDRSTRLEN. "" when it does
 * not fit. Returns dst.
 */
const char *cidr_address_text(const struct policy_cidr *c, char *dst, size_t size);

#endif
