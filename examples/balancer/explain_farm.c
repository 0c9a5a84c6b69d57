// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Explanations by a farm file alone: what a balancer that starts with it would do. */
#include "explain.h"

#include <string.h>

#include "explain_steps.h"
#include "indices.h"
#include "table.h"

/* A farm and the indices of a balancer that starts with it, which are those of the file. */
struct start {
	const struct mptcplb_farm *farm;
	struct indices indices;
};

static bool make_config(const void *of, struct balancer_config *config)
{
	const struct start *start = of;

	*config = (struct balancer_config){
		.keyring = start->farm->keyring,
		.own_index = BALANCER_NO_SERVER,
		.tokens = 1,
	};
	return true;
}

static bool is_to_service(const struct balancer_flow *flow,
			  const struct mptcplb_farm_service *service)
{
	struct balancer_address address;

	indices_address(&address, &service->address);
	return flow->service_port >= service->port && flow->service_port <= service->port_last &&
	       !memcmp(&flow->service, &address, sizeof(address));
}

static bool make_table(const void *of, uint32_t index, const struct balancer_flow *flow,
		       struct balancer_table *table)
{
	const struct start *start = of;
	const struct mptcplb_farm *farm = start->farm;

	if (index >= farm->service_count)
		return false;
	table->service.port = 0;
	/* To fill a table takes milliseconds: of many services one alone is in question. */
	return !is_to_service(flow, &farm->services[index]) ||
	       table_fill(table, farm, &farm->services[index], start->indices.servers, NULL,
			  false) == 0;
}

static bool make_server(const void *of, uint32_t index, struct balancer_server *server)
{
	const struct start *start = of;

	if (index >= start->farm->server_count)
		return false;
	*server = (struct balancer_server){
		.usable = start->farm->servers[index].state != MPTCPLB_FARM_DOWN,
	};
	strncpy(server->name, start->farm->servers[index].name, sizeof(server->name) - 1);
	return true;
}

static uint32_t find_owner(const void *of, uint32_t server_id)
{
	const struct start *start = of;

	for (size_t i = 0; i < start->farm->server_count; i++) {
		const struct mptcplb_farm_server *server = &start->farm->servers[i];

		for (size_t j = 0; j < server->id_count; j++) {
			if (server->ids[j] == server_id)
				return start->indices.servers[i];
		}
	}
	return BALANCER_NO_SERVER;
}

json_t *explain_farm(const struct mptcplb_farm *farm, const char *question)
{
	struct start start = { .farm = farm };
	const struct explain_source source = {
		.of = &start,
		.config = make_config,
		.table = make_table,
		.server = make_server,
		.owner = find_owner,
	};
	json_t *answer = NULL;

	if (indices_assign(&start.indices, farm, NULL) == 0)
		answer = explain_steps(&source, question);
	indices_free(&start.indices);
	return answer;
}
