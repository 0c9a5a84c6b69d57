// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "addresses.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "indices.h"

/* Entries of 128 KiB: enough for a farm, and a bound for what addresses on purpose could cost. */
#define SIZE_MAX_ENTRIES (1U << 14)

/* The entry of an address, made if need be; NULL when it is too far from where it is looked for. */
static struct balancer_ports *find(struct addresses *addresses,
				   const struct balancer_address *address)
{
	static const struct balancer_address none;
	const uint32_t mask = addresses->size - 1;

	for (uint32_t i = 0; i < BALANCER_PROBES; i++) {
		struct balancer_ports *entry =
			&addresses->entries[(balancer_address_slot(address, mask) + i) & mask];

		if (!memcmp(&entry->address, &none, sizeof(none)))
			entry->address = *address;
		if (!memcmp(&entry->address, address, sizeof(*address)))
			return entry;
	}
	return NULL;
}

static bool fill(struct addresses *addresses, const struct mptcplb_farm *farm,
		 const uint16_t *services)
{
	for (size_t i = 0; i < farm->service_count; i++) {
		const struct mptcplb_farm_service *service = &farm->services[i];
		struct balancer_address address;
		struct balancer_ports *entry;

		indices_address(&address, &service->address);
		entry = find(addresses, &address);
		if (!entry)
			return false;
		for (uint32_t port = service->port; port <= service->port_last; port++)
			entry->services[port] = (uint16_t)(services[i] + 1);
	}
	return true;
}

int addresses_make(struct addresses *addresses, const struct mptcplb_farm *farm,
		   const uint16_t *services)
{
	for (addresses->size = 2; addresses->size <= SIZE_MAX_ENTRIES; addresses->size *= 2) {
		free(addresses->entries);
		addresses->entries = calloc(addresses->size, sizeof(*addresses->entries));
		if (!addresses->entries) {
			log_error("out of memory");
			return -1;
		}
		if (fill(addresses, farm, services))
			return 0;
	}
	log_error("the addresses of the services do not fit the table: expected fewer");
	return -1;
}

void addresses_free(struct addresses *addresses)
{
	free(addresses->entries);
	addresses->entries = NULL;
}
