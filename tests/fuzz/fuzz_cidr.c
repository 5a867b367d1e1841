/* SPDX-License-Identifier: Apache-2.0 */
/* A network and an address, each up to a newline. */
#include <arpa/inet.h>

#include "../../lib/policy/cidr.h"
#include "fuzz.h"

static bool same(const struct policy_cidr *a, const struct policy_cidr *b)
{
	return a->family_bits == b->family_bits && a->prefix == b->prefix &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static void check_form(const struct policy_cidr *c)
{
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 8];
	struct policy_cidr again;

	must(c->family_bits == 32 || c->family_bits == 128);
	must(c->prefix <= c->family_bits && cidr_contains(c, c));
	(void)cidr_address_text(c, text, sizeof(text));
	snprintf(whole, sizeof(whole), "%s/%u", text, c->prefix);
	must(cidr_network(whole, &again) && same(&again, c));
	must(cidr_address_text(c, text, 2) == text && strlen(text) < 2);
}

static void check_address(const char *text, const struct policy_cidr *network)
{
	char shown[65], again[65];
	struct policy_cidr c, as_network;

	memset(&c, UNTOUCHED, sizeof(c));
	if (!cidr_address(text, &c)) {
		must(is_untouched(&c, sizeof(c)));
		must(*policy_address(text, shown, sizeof(shown)) == '\0');
		return;
	}
	check_form(&c);
	must(c.prefix == c.family_bits);
	must(cidr_network(text, &as_network) && same(&c, &as_network));
	(void)policy_address(text, shown, sizeof(shown));
	must(strcmp(policy_address(shown, again, sizeof(again)), shown) == 0 && *shown);
	must(!network || !cidr_contains(network, &c) || network->family_bits == c.family_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	char *network = take_text(&in), *address = take_text(&in);
	struct policy_cidr c;
	bool is;

	memset(&c, UNTOUCHED, sizeof(c));
	is = cidr_network(network, &c);
	if (is)
		check_form(&c);
	else
		must(is_untouched(&c, sizeof(c)));
	check_address(network, NULL);
	check_address(address, is ? &c : NULL);
	free(network);
	free(address);
	return 0;
}
