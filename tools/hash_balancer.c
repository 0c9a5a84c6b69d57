// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "hash_balancer.h"

#include <string.h>

static const struct mptcplb_farm_service *find_service(const struct mptcplb_farm *farm,
						       const struct endpoint *endpoint)
{
	for (size_t i = 0; i < farm->service_count; i++) {
		const struct mptcplb_farm_service *service = &farm->services[i];
		uint16_t length = service->address.version == 4 ? 4 : 16;

		if (service->port == endpoint->port && length == endpoint->address_length &&
		    memcmp(service->address.bytes, endpoint->address, length) == 0)
			return service;
	}
	return NULL;
}

static bool takes_part(const struct mptcplb_farm *farm, const struct mptcplb_farm_service *service,
		       const struct mptcplb_farm_server *server)
{
	return server->state == MPTCPLB_FARM_UP &&
	       (!service || mptcplb_farm_serves(farm, service, server));
}

const struct mptcplb_farm_server *hash_balancer(const struct mptcplb_farm *farm,
						const struct flow *flow)
{
	/* a fixed secret, so that every run gives the same servers */
	static const struct mptcplb_core_secret secret = { 0, 0 };
	const struct mptcplb_farm_service *service = find_service(farm, &flow->destination);
	uint32_t count = 0;
	uint32_t chosen;

	for (size_t i = 0; i < farm->server_count; i++)
		count += takes_part(farm, service, &farm->servers[i]);
	if (count == 0)
		return NULL;
	chosen = (uint32_t)((uint64_t)flow_hash(&secret, flow) * count >> 32);
	for (size_t i = 0; i < farm->server_count; i++) {
		if (takes_part(farm, service, &farm->servers[i]) && chosen-- == 0)
			return &farm->servers[i];
	}
	return NULL;
}
