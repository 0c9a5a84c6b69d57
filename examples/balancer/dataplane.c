// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>

#include "balancer.skel.h"
#include "daemon.h"
#include "maglev.h"

/* Joins of which only the SYN was seen: about a round trip's worth of them. */
#define PENDING_ENTRIES 16384

static uint32_t ipv4_of(const struct mptcplb_farm_address *address)
{
	return mptcplb_core_be32(address->bytes);
}

static bool is_ipv4(const char *what, const char *name, const struct mptcplb_farm_address *address)
{
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	if (address->version == 4)
		return true;
	log_error("%s %s has the address %s, but this balancer handles IPv4 only", what, name,
		  mptcplb_farm_address_text(address, text));
	return false;
}

static bool is_suitable(const struct mptcplb_farm *farm,
			const struct mptcplb_farm_balancer *balancer)
{
	if (farm->service_count == 0) {
		log_error("the farm has no services: nothing to balance");
		return false;
	}
	if (farm->server_count > BALANCER_SERVERS_MAX) {
		log_error("the farm has %zu servers, but this balancer handles at most %d",
			  farm->server_count, BALANCER_SERVERS_MAX);
		return false;
	}
	if (!is_ipv4("balancer", balancer->name, &balancer->address))
		return false;
	for (size_t i = 0; i < farm->server_count; i++) {
		if (!is_ipv4("server", farm->servers[i].name, &farm->servers[i].address))
			return false;
	}
	for (size_t i = 0; i < farm->service_count; i++) {
		if (!is_ipv4("a", "service", &farm->services[i].address))
			return false;
	}
	return true;
}

static int update(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) == 0)
		return 0;
	log_error("cannot fill the map \"%s\": %s", bpf_map__name(map), strerror(errno));
	return -1;
}

static int fill_config(struct balancer_bpf *dataplane, const struct mptcplb_farm *farm,
		       const struct mptcplb_farm_balancer *balancer)
{
	struct balancer_config config = {
		.keyring = farm->keyring,
		.source = ipv4_of(&balancer->address),
	};
	int error = update(dataplane->maps.config, &(uint32_t){ 0 }, &config);

	mptcplb_keyring_wipe(&config.keyring);
	return error;
}

static int fill_servers(struct balancer_bpf *dataplane, const struct mptcplb_farm *farm)
{
	for (uint32_t i = 0; i < farm->server_count; i++) {
		const struct mptcplb_farm_server *server = &farm->servers[i];
		struct balancer_server value = {
			.address = ipv4_of(&server->address),
			.down = server->state == MPTCPLB_FARM_DOWN,
		};

		if (update(dataplane->maps.servers, &i, &value))
			return -1;
		for (size_t j = 0; j < server->id_count; j++) {
			if (update(dataplane->maps.owners, &server->ids[j], &i))
				return -1;
		}
	}
	return 0;
}

static int fill_table(struct balancer_table *table, const struct mptcplb_farm *farm,
		      const struct mptcplb_farm_service *service)
{
	struct maglev_backend *backends = calloc(service->server_count, sizeof(*backends));
	size_t count = 0;
	int error;

	if (!backends)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	for (size_t i = 0; i < service->server_count; i++) {
		uint32_t index = service->servers[i];
		const struct mptcplb_farm_server *server = &farm->servers[index];

		table->serves[index / 64] |= 1ULL << index % 64;
		if (server->state == MPTCPLB_FARM_UP)
			backends[count++] = (struct maglev_backend){
				.name = server->name,
				.weight = server->weight,
				.value = (uint16_t)index,
			};
	}
	error = maglev_fill(table->slots, backends, count);
	free(backends);
	return error;
}

static int fill_services(struct balancer_bpf *dataplane, const struct mptcplb_farm *farm)
{
	struct balancer_table *table = malloc(sizeof(*table));
	int error = table ? 0 : -ENOMEM;

	for (uint32_t i = 0; !error && i < farm->service_count; i++) {
		const struct mptcplb_farm_service *service = &farm->services[i];
		struct balancer_service key = { .address = ipv4_of(&service->address) };

		error = fill_table(table, farm, service);
		if (error)
			break;
		error = update(dataplane->maps.tables, &i, table);
		if (!error)
			error = update(dataplane->maps.services, &key, &i);
		key.port = service->port;
		if (!error)
			error = update(dataplane->maps.services, &key, &i);
	}
	free(table);
	if (error == -ENOMEM)
		log_error("out of memory");
	return error;
}

static int set_sizes(struct balancer_bpf *dataplane, const struct mptcplb_farm *farm,
		     uint32_t flows)
{
	size_t ids = 0;
	int error;

	for (size_t i = 0; i < farm->server_count; i++)
		ids += farm->servers[i].id_count;
	error = bpf_map__set_max_entries(dataplane->maps.servers, (uint32_t)farm->server_count);
	error |= bpf_map__set_max_entries(dataplane->maps.owners, (uint32_t)ids);
	error |= bpf_map__set_max_entries(dataplane->maps.tables, (uint32_t)farm->service_count);
	/* each with its port, and its address */
	error |= bpf_map__set_max_entries(dataplane->maps.services,
					  2 * (uint32_t)farm->service_count);
	error |= bpf_map__set_max_entries(dataplane->maps.flows, flows);
	error |= bpf_map__set_max_entries(dataplane->maps.pending, PENDING_ENTRIES);
	return error;
}

struct balancer_bpf *dataplane_open(const struct mptcplb_farm *farm,
				    const struct mptcplb_farm_balancer *balancer,
				    const struct dataplane_options *options)
{
	struct balancer_bpf *dataplane;
	int error;

	if (!is_suitable(farm, balancer))
		return NULL;
	dataplane = balancer_bpf__open();
	if (!dataplane) {
		log_error("cannot open the XDP program: %s", strerror(errno));
		return NULL;
	}
	dataplane->rodata->tokens = options->tokens;
	dataplane->rodata->drop_unroutable = options->drop_unroutable;
	error = set_sizes(dataplane, farm, options->flows);
	if (!error)
		error = balancer_bpf__load(dataplane);
	if (error)
		log_error("cannot load the XDP program: %s", strerror(-error));
	else if (!fill_config(dataplane, farm, balancer) && !fill_servers(dataplane, farm) &&
		 !fill_services(dataplane, farm))
		return dataplane;
	dataplane_close(dataplane);
	return NULL;
}

void dataplane_close(struct balancer_bpf *dataplane)
{
	balancer_bpf__destroy(dataplane);
}

int dataplane_program(const struct balancer_bpf *dataplane)
{
	return bpf_program__fd(dataplane->progs.balancer);
}

int dataplane_counters(const struct balancer_bpf *dataplane,
		       uint64_t counters[BALANCER_COUNTER_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values;
	int error = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < BALANCER_COUNTER_COUNT && !error; i++) {
		error = bpf_map_lookup_elem(bpf_map__fd(dataplane->maps.counters), &i, values);
		counters[i] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			counters[i] += values[cpu];
	}
	free(values);
	return error;
}
