// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Services of a farm file: each an address and port, answered by some or all servers. */
#include "farm_private.h"

#include <stdlib.h>
#include <string.h>

static int compare_indices(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* Look up the servers that a service names. */
static int load_named(struct farm_load *load, uint32_t index, uint32_t *servers)
{
	const struct farm_raw_service *raw = &load->farm->raw->services[index];

	for (uint32_t i = 0; i < raw->servers_count; i++) {
		const struct farm_name *found = farm_name_find(load->farm, raw->servers[i]);

		if (!found || found->index >= load->farm->public.server_count)
			return farm_fail(
				load, farm_line(load, "services[%u].servers[%u]", index, i),
				"services[%u].servers: %s is no server: expected the name of one",
				index, FARM_QUOTE(raw->servers[i]));
		servers[i] = found->index;
	}
	qsort(servers, raw->servers_count, sizeof(*servers), compare_indices);
	for (uint32_t i = 1; i < raw->servers_count; i++) {
		if (servers[i] == servers[i - 1])
			return farm_fail(load, farm_line(load, "services[%u].servers", index),
					 "services[%u].servers: '%s' is there twice", index,
					 load->farm->public.servers[servers[i]].name);
	}
	return 0;
}

static int load_ports(struct farm_load *load, uint32_t index, struct mptcplb_farm_service *service)
{
	const struct farm_raw_service *raw = &load->farm->raw->services[index];
	uint32_t last = raw->port_last ? *raw->port_last : raw->port;

	if (raw->port < 1 || raw->port > UINT16_MAX)
		return farm_fail(load, farm_line(load, "services[%u].port", index),
				 "port: %u is out of range: expected 1 to %d", raw->port,
				 UINT16_MAX);
	if (last < raw->port || last > UINT16_MAX)
		return farm_fail(load, farm_line(load, "services[%u].port_last", index),
				 "port_last: %u is out of range: expected %u to %d", last,
				 raw->port, UINT16_MAX);
	service->port = (uint16_t)raw->port;
	service->port_last = (uint16_t)last;
	return 0;
}

static int load_service(struct farm_load *load, uint32_t index,
			struct mptcplb_farm_service *service)
{
	const struct farm_raw_service *raw = &load->farm->raw->services[index];
	uint32_t *servers;

	if (farm_address_parse(load, farm_line(load, "services[%u].address", index),
			       &service->address, raw->address) < 0 ||
	    load_ports(load, index, service) < 0)
		return -1;
	if (!raw->servers) {
		service->servers = load->farm->every_server;
		service->server_count = load->farm->public.server_count;
		return 0;
	}
	servers = calloc(raw->servers_count, sizeof(*servers));
	if (!servers)
		return farm_fail_memory(load);
	service->servers = servers;
	service->server_count = raw->servers_count;
	return load_named(load, index, servers);
}

struct service_order {
	const struct mptcplb_farm_service *service;
	uint32_t index;
};

static int compare_services(const void *a, const void *b)
{
	const struct service_order *x = a;
	const struct service_order *y = b;
	int order = farm_address_compare(&x->service->address, &y->service->address);

	if (order)
		return order;
	if (x->service->port != y->service->port)
		return x->service->port < y->service->port ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static int check_unique(struct farm_load *load)
{
	const struct mptcplb_farm *public = &load->farm->public;
	struct service_order *sorted = calloc(public->service_count, sizeof(*sorted));
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	int error = 0;

	if (!sorted)
		return farm_fail_memory(load);
	for (uint32_t i = 0; i < public->service_count; i++)
		sorted[i] = (struct service_order){ &public->services[i], i };
	qsort(sorted, public->service_count, sizeof(*sorted), compare_services);
	for (size_t i = 1; i < public->service_count && !error; i++) {
		const struct mptcplb_farm_service *a = sorted[i - 1].service;
		const struct mptcplb_farm_service *b = sorted[i].service;

		/* In the order of their first ports, ranges that overlap have a neighbour that does. */
		if (a->port_last >= b->port && farm_address_compare(&a->address, &b->address) == 0)
			error = farm_fail(
				load, farm_line(load, "services[%u].address", sorted[i].index),
				"services[%u]: %s port %u is already on line %zu: expected another",
				sorted[i].index, mptcplb_farm_address_text(&a->address, text),
				(unsigned int)b->port,
				farm_line(load, "services[%u].address", sorted[i - 1].index));
	}
	free(sorted);
	return error;
}

int farm_services_load(struct farm_load *load)
{
	struct farm *farm = load->farm;
	struct mptcplb_farm *public = &farm->public;
	uint32_t count = farm->raw->services_count;
	struct mptcplb_farm_service *services;

	if (count == 0)
		return 0;
	services = calloc(count, sizeof(*services));
	farm->every_server = calloc(public->server_count, sizeof(*farm->every_server));
	public->services = services;
	if (!services || !farm->every_server)
		return farm_fail_memory(load);
	for (uint32_t i = 0; i < public->server_count; i++)
		farm->every_server[i] = i;
	public->service_count = count;
	for (uint32_t i = 0; i < count; i++) {
		if (load_service(load, i, &services[i]) < 0)
			return -1;
	}
	return check_unique(load);
}
