// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "indices.h"
#include "maglev.h"

/* Fill slots with the servers of a service that are up, and with the draining ones too if asked. */
static int fill_slots(uint16_t *slots, const struct mptcplb_farm *farm,
		      const struct mptcplb_farm_service *service, const uint16_t *servers,
		      bool draining)
{
	struct maglev_backend *backends = calloc(service->server_count, sizeof(*backends));
	size_t count = 0;
	int error;

	if (!backends)
		return -ENOMEM;
	for (size_t i = 0; i < service->server_count; i++) {
		const struct mptcplb_farm_server *server = &farm->servers[service->servers[i]];

		if (server->state == MPTCPLB_FARM_UP ||
		    (draining && server->state == MPTCPLB_FARM_DRAINING))
			backends[count++] = (struct maglev_backend){
				.name = server->name,
				.weight = server->weight,
				.value = servers[service->servers[i]],
			};
	}
	error = maglev_fill(slots, backends, count);
	free(backends);
	return error;
}

static bool serves(const struct balancer_table *table, uint16_t server)
{
	return server < BALANCER_SERVERS_MAX && table->serves[server / 64] >> server % 64 & 1;
}

/*
 * Flows that nobody remembers stay where they are: where the slot led before, as long as that
 * server is there. New flows of such a slot are remembered, so a second change need not care.
 */
static void keep_homes(struct balancer_table *table, const struct balancer_table *before,
		       const bool *usable)
{
	for (size_t i = 0; i < BALANCER_MAGLEV_SIZE; i++) {
		uint16_t home = before->homes[i];

		if (serves(table, home) && usable[home])
			table->homes[i] = home;
		else
			table->homes[i] = table->slots[i];
	}
}

static uint32_t count_unsettled(const struct balancer_table *table)
{
	uint32_t count = 0;

	for (size_t i = 0; i < BALANCER_MAGLEV_SIZE; i++)
		count += table->slots[i] != table->homes[i];
	return count;
}

int table_fill(struct balancer_table *table, const struct mptcplb_farm *farm,
	       const struct mptcplb_farm_service *service, const uint16_t *servers,
	       const struct balancer_table *before, bool settle)
{
	bool usable[BALANCER_SERVERS_MAX] = { false };
	int error;

	memset(table, 0, sizeof(*table));
	indices_address(&table->service.address, &service->address);
	table->service.port = service->port;
	table->port_last = service->port_last;
	for (size_t i = 0; i < service->server_count; i++) {
		uint16_t index = servers[service->servers[i]];

		table->serves[index / 64] |= 1ULL << index % 64;
		usable[index] = farm->servers[service->servers[i]].state != MPTCPLB_FARM_DOWN;
	}
	error = fill_slots(table->slots, farm, service, servers, false);
	if (error)
		return error;
	if (settle)
		memcpy(table->homes, table->slots, sizeof(table->homes));
	else if (before)
		keep_homes(table, before, usable);
	else
		error = fill_slots(table->homes, farm, service, servers, true);
	table->unsettled = count_unsettled(table);
	/* Once set it stays: flows that were remembered while the columns differed still run. */
	table->moved = (before && before->moved) || table->unsettled;
	return error;
}
