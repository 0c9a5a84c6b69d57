// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void set_endpoint(struct endpoint *endpoint, const struct mptcplb_packet_ip *ip,
			 const uint8_t *address, uint16_t port)
{
	*endpoint = (struct endpoint){ .port = port, .address_length = ip->address_length };
	memcpy(endpoint->address, address, ip->address_length);
}

void flow_of_packet(struct flow *flow, const struct mptcplb_packet *packet, bool reversed)
{
	set_endpoint(reversed ? &flow->destination : &flow->source, &packet->ip, packet->ip.source,
		     packet->source_port);
	set_endpoint(reversed ? &flow->source : &flow->destination, &packet->ip,
		     packet->ip.destination, packet->destination_port);
}

static bool endpoint_equal(const struct endpoint *left, const struct endpoint *right)
{
	return left->port == right->port && left->address_length == right->address_length &&
	       memcmp(left->address, right->address, sizeof(left->address)) == 0;
}

bool flow_equal(const struct flow *left, const struct flow *right)
{
	return endpoint_equal(&left->source, &right->source) &&
	       endpoint_equal(&left->destination, &right->destination);
}

static uint32_t hash_endpoint(const struct mptcplb_core_secret *secret,
			      const struct endpoint *endpoint, uint32_t hash)
{
	for (uint16_t i = 0; i < endpoint->address_length; i += 4)
		hash = (uint32_t)mptcplb_core_siphash(
			secret, hash ^ mptcplb_core_be32(endpoint->address + i));
	return hash;
}

uint32_t flow_hash(const struct mptcplb_core_secret *secret, const struct flow *flow)
{
	uint32_t hash = hash_endpoint(secret, &flow->source, flow->source.address_length);

	hash = hash_endpoint(secret, &flow->destination, hash);
	return (uint32_t)mptcplb_core_siphash(
		secret, hash ^ ((uint32_t)flow->source.port << 16 | flow->destination.port));
}

const char *endpoint_address_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
	return inet_ntop(endpoint->address_length == 4 ? AF_INET : AF_INET6, endpoint->address,
			 text, ENDPOINT_TEXT_SIZE);
}

const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
	char address[ENDPOINT_TEXT_SIZE];
	bool brackets = endpoint->address_length != 4;

	snprintf(text, ENDPOINT_TEXT_SIZE, "%s%.45s%s:%u", brackets ? "[" : "",
		 endpoint_address_text(endpoint, address), brackets ? "]" : "", endpoint->port);
	return text;
}
