// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "farm_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* Whether packets can be sent to it: not "any", not a group, not IPv4 in the dress of IPv6. */
static int is_unicast(const struct mptcplb_farm_address *address)
{
	struct in6_addr in6;

	if (address->version == 4)
		return address->bytes[0] != 0 && address->bytes[0] < 224;
	memcpy(&in6, address->bytes, sizeof(in6));
	return !IN6_IS_ADDR_UNSPECIFIED(&in6) && !IN6_IS_ADDR_MULTICAST(&in6) &&
	       !IN6_IS_ADDR_V4MAPPED(&in6);
}

int farm_address_parse(struct farm_load *load, size_t line, struct mptcplb_farm_address *address,
		       const char *text)
{
	*address = (struct mptcplb_farm_address){ 0 };
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		address->version = 4;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		address->version = 6;
	else
		return farm_fail(load, line, "address: %s is not an address: expected IPv4 or IPv6",
				 FARM_QUOTE(text));
	if (!is_unicast(address))
		return farm_fail(load, line, "address: %s is not the address of one host",
				 FARM_QUOTE(text));
	return 0;
}

int farm_address_compare(const struct mptcplb_farm_address *a, const struct mptcplb_farm_address *b)
{
	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

const char *mptcplb_farm_address_text(const struct mptcplb_farm_address *address,
				      char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE])
{
	if (!inet_ntop(address->version == 4 ? AF_INET : AF_INET6, address->bytes, text,
		       MPTCPLB_FARM_ADDRESS_TEXT_SIZE))
		text[0] = '\0';
	return text;
}
