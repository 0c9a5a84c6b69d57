// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "describe.h"

static json_t *describe_server(const struct mptcplb_farm_server *server)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:I}", "name", server->name, "address",
			 mptcplb_farm_address_text(&server->address, address), "state",
			 mptcplb_farm_state_text(server->state), "weight",
			 (json_int_t)server->weight);
}

static json_t *describe_service(const struct mptcplb_farm *farm,
				const struct mptcplb_farm_service *service)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	json_t *names = json_array();

	for (size_t i = 0; i < service->server_count; i++)
		json_array_append_new(names, json_string(farm->servers[service->servers[i]].name));
	return json_pack("{s:s, s:i, s:o}", "address",
			 mptcplb_farm_address_text(&service->address, address), "port",
			 (int)service->port, "servers", names);
}

json_t *describe_farm(const struct mptcplb_farm *farm)
{
	json_t *services = json_array();
	json_t *servers = json_array();

	for (size_t i = 0; i < farm->service_count; i++)
		json_array_append_new(services, describe_service(farm, &farm->services[i]));
	for (size_t i = 0; i < farm->server_count; i++)
		json_array_append_new(servers, describe_server(&farm->servers[i]));
	return json_pack("{s:o, s:o}", "services", services, "servers", servers);
}

json_t *describe_counters(const uint64_t counters[BALANCER_COUNTER_COUNT])
{
	static const char *const names[BALANCER_COUNTER_COUNT] = {
#define COUNTER_NAME(symbol, name, meaning) [BALANCER_##symbol] = name,
		BALANCER_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
	};
	json_t *object = json_object();

	for (size_t i = 0; i < BALANCER_COUNTER_COUNT; i++)
		json_object_set_new(object, names[i], json_integer((json_int_t)counters[i]));
	return object;
}
