// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "outer.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

/* Hop limit of outer headers: servers are a few hops away, and loops end. */
#define OUTER_TTL 64

static void fill_ipv4(struct balancer_server *value, const uint8_t *source,
		      const uint8_t *destination)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.frag_off = htons(IP_DF), /* so the id may stay 0 (RFC 6864, section 4.1) */
		.ttl = OUTER_TTL,
	};
	uint16_t words[sizeof(ip) / 2];

	memcpy(&ip.saddr, source, sizeof(ip.saddr));
	memcpy(&ip.daddr, destination, sizeof(ip.daddr));
	memcpy(value->outer, &ip, sizeof(ip));
	memcpy(words, &ip, sizeof(ip));
	value->outer_sum = 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		value->outer_sum += words[i];
}

static void fill_ipv6(struct balancer_server *value, const uint8_t *source,
		      const uint8_t *destination)
{
	struct ip6_hdr ip = { .ip6_flow = htonl(6U << 28), .ip6_hops = OUTER_TTL };

	memcpy(&ip.ip6_src, source, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, destination, sizeof(ip.ip6_dst));
	memcpy(value->outer, &ip, sizeof(ip));
}

void outer_fill(struct balancer_server *value, const struct mptcplb_farm_address *source,
		const struct mptcplb_farm_address *destination)
{
	_Static_assert(sizeof(struct ip6_hdr) <= BALANCER_OUTER_SIZE, "room for either version");

	if (source->version == 4)
		fill_ipv4(value, source->bytes, destination->bytes);
	else
		fill_ipv6(value, source->bytes, destination->bytes);
}
