// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "describe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "farm_status.h"
#include "indices.h"

static json_t *describe_server(const struct mptcplb_farm_server *server)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", server->name, "address",
			 mptcplb_farm_address_text(&server->address, address), "state",
			 mptcplb_farm_state_text(server->state), "weight",
			 (json_int_t)server->weight, "ids", farm_status_ids(server));
}

static json_t *describe_service(const struct mptcplb_farm *farm,
				const struct mptcplb_farm_service *service)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	json_t *names = json_array();

	for (size_t i = 0; i < service->server_count; i++)
		json_array_append_new(names, json_string(farm->servers[service->servers[i]].name));
	return json_pack("{s:s, s:i, s:i, s:o}", "address",
			 mptcplb_farm_address_text(&service->address, address), "port",
			 (int)service->port, "port_last", (int)service->port_last, "servers",
			 names);
}

static json_t *describe_farm(const struct mptcplb_farm *farm)
{
	json_t *services = json_array();
	json_t *servers = json_array();
	json_t *object = farm_status(farm);

	for (size_t i = 0; i < farm->service_count; i++)
		json_array_append_new(services, describe_service(farm, &farm->services[i]));
	for (size_t i = 0; i < farm->server_count; i++)
		json_array_append_new(servers, describe_server(&farm->servers[i]));
	json_object_set_new(object, "services", services);
	json_object_set_new(object, "servers", servers);
	return object;
}

json_t *describe_run(const struct run_options *options, const struct mptcplb_farm *farm,
		     const struct dataplane_member *self)
{
	const struct dataplane_options *dataplane = &options->dataplane;
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	json_t *description = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I}", "interface", options->interface,
		"config", options->config, "role",
		dataplane->redirector ? "redirector" : "balancer", "name", self->name, "source",
		mptcplb_farm_address_text(self->address, address), "tokens", dataplane->tokens,
		"on_unroutable", dataplane->drop_unroutable ? "drop" : "hash", "flows",
		(json_int_t)dataplane->flows, "idle", (json_int_t)options->idle);
	json_t *farm_part = describe_farm(farm);

	if (description && farm_part)
		json_object_update(description, farm_part);
	json_decref(farm_part);
	return description;
}

static json_t *describe_counters(const struct balancer_counters *counters)
{
	static const char *const names[BALANCER_COUNTER_COUNT] = {
#define COUNTER_NAME(symbol, name, meaning) [BALANCER_##symbol] = name,
		BALANCER_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
	};
	json_t *object = json_object();

	for (size_t i = 0; i < BALANCER_COUNTER_COUNT; i++)
		json_object_set_new(object, names[i],
				    json_integer((json_int_t)counters->values[i]));
	return object;
}

static json_t *describe_traffic(const struct balancer_traffic *traffic)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "by_token",
			 (json_int_t)traffic->packets[BALANCER_BY_TOKEN], "by_flow",
			 (json_int_t)traffic->packets[BALANCER_BY_FLOW], "by_hash",
			 (json_int_t)traffic->packets[BALANCER_BY_HASH], "bytes",
			 (json_int_t)traffic->bytes, "dropped", (json_int_t)traffic->dropped,
			 "unroutable", (json_int_t)traffic->unroutable);
}

/* The index of the server that an entry is about, or BALANCER_SERVERS_MAX. */
static uint32_t server_index(const struct dataplane_maps *maps, const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	struct balancer_server server;
	uint32_t i;

	for (i = 0; i < BALANCER_SERVERS_MAX; i++) {
		if (bpf_map_lookup_elem(maps->fds[DATAPLANE_SERVERS], &i, &server) == 0 &&
		    !strncmp(server.name, name, sizeof(server.name)))
			break;
	}
	return i;
}

/* The entry of a table's service, or NULL. */
static json_t *find_service(const json_t *services, const struct balancer_table *table)
{
	char text[INDICES_TEXT_SIZE];
	json_t *entry;
	size_t i;

	indices_address_text(&table->service.address, text);
	json_array_foreach(services, i, entry) {
		if (json_integer_value(json_object_get(entry, "port")) == table->service.port &&
		    !strcmp(json_string_value(json_object_get(entry, "address")), text))
			return entry;
	}
	return NULL;
}

static int describe_services(json_t *services, const struct dataplane_maps *maps)
{
	struct balancer_table *table = malloc(sizeof(*table));
	struct balancer_counters counters;
	int error = table ? 0 : -ENOMEM;

	for (uint32_t i = 0; !error && i < BALANCER_SERVICES_MAX; i++) {
		json_t *entry;

		if (bpf_map_lookup_elem(maps->fds[DATAPLANE_TABLES], &i, table))
			break; /* there are no more */
		entry = table->service.port ? find_service(services, table) : NULL;
		if (!entry)
			continue;
		error = counts_of_service(maps, i, &counters);
		json_object_set_new(entry, "unsettled", json_integer(table->unsettled));
		json_object_set_new(entry, "counters", describe_counters(&counters));
	}
	free(table);
	return error;
}

int describe_counts(json_t *description, const struct dataplane_maps *maps)
{
	struct balancer_counters counters;
	struct balancer_traffic traffic;
	int error = counts_of_all(maps, &counters);
	json_t *entry;
	size_t i;

	if (!error)
		json_object_set_new(description, "counters", describe_counters(&counters));
	json_array_foreach(json_object_get(description, "servers"), i, entry) {
		if (!error)
			error = counts_of_server(maps, server_index(maps, entry), &traffic);
		if (!error)
			json_object_set_new(entry, "traffic", describe_traffic(&traffic));
	}
	return error ? error : describe_services(json_object_get(description, "services"), maps);
}
