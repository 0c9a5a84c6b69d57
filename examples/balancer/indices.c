// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "indices.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

void indices_address(struct balancer_address *to, const struct mptcplb_farm_address *from)
{
	*to = (struct balancer_address){ .words = { 0, 0, 0xffff, 0 } };
	if (from->version == 4) {
		to->words[3] = mptcplb_core_be32(from->bytes);
		return;
	}
	for (int i = 0; i < 4; i++)
		to->words[i] = mptcplb_core_be32(from->bytes + 4 * i);
}

const char *indices_address_text(const struct balancer_address *address,
				 char text[INDICES_TEXT_SIZE])
{
	const bool ipv4 = !address->words[0] && !address->words[1] && address->words[2] == 0xffff;
	uint32_t words[4];

	for (int i = 0; i < 4; i++)
		words[i] = htonl(address->words[i]);
	if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? &words[3] : words, text,
		       INDICES_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

/* Give the lowest free index to each of @count places that has none yet. */
static int fill_in(uint16_t *places, size_t count, bool *used, uint32_t limit, const char *what)
{
	uint32_t next = 0;

	for (size_t i = 0; i < count; i++) {
		if (places[i] != BALANCER_NO_SERVER)
			continue;
		while (next < limit && used[next])
			next++;
		if (next == limit) {
			log_error("no index is left for another %s: there are %u", what, limit);
			return -1;
		}
		used[next] = true;
		places[i] = (uint16_t)next;
	}
	return 0;
}

static int assign_servers(struct indices *indices, const struct mptcplb_farm *farm,
			  const struct dataplane_maps *before)
{
	bool used[BALANCER_SERVERS_MAX] = { false };

	for (uint32_t i = 0; before && i < BALANCER_SERVERS_MAX; i++) {
		struct balancer_server server;

		if (bpf_map_lookup_elem(before->fds[DATAPLANE_SERVERS], &i, &server) ||
		    !server.name[0])
			continue;
		used[i] = true;
		server.name[BALANCER_NAME_SIZE - 1] = '\0';
		for (size_t j = 0; j < farm->server_count; j++) {
			if (!strcmp(farm->servers[j].name, server.name))
				indices->servers[j] = (uint16_t)i;
		}
	}
	return fill_in(indices->servers, farm->server_count, used, BALANCER_SERVERS_MAX, "server");
}

/* Whether a table is that of a service. */
static bool is_table_of(const struct balancer_table *table,
			const struct mptcplb_farm_service *service)
{
	struct balancer_address address;

	indices_address(&address, &service->address);
	return table->service.port == service->port &&
	       !memcmp(&table->service.address, &address, sizeof(address));
}

static int assign_services(struct indices *indices, const struct mptcplb_farm *farm,
			   const struct dataplane_maps *before)
{
	bool used[BALANCER_SERVICES_MAX] = { false };
	struct balancer_table *table = malloc(sizeof(*table));

	if (!table) {
		log_error("out of memory");
		return -1;
	}
	for (uint32_t i = 0; before && i < BALANCER_SERVICES_MAX; i++) {
		if (bpf_map_lookup_elem(before->fds[DATAPLANE_TABLES], &i, table))
			break;
		used[i] = table->service.port != 0;
		for (size_t j = 0; used[i] && j < farm->service_count; j++) {
			if (is_table_of(table, &farm->services[j])) {
				indices->services[j] = (uint16_t)i;
				indices->before[j] = (uint16_t)i;
			}
		}
	}
	free(table);
	return fill_in(indices->services, farm->service_count, used, BALANCER_SERVICES_MAX,
		       "service");
}

static uint16_t *make_places(size_t count)
{
	uint16_t *places = malloc(count * sizeof(*places));

	for (size_t i = 0; places && i < count; i++)
		places[i] = BALANCER_NO_SERVER;
	return places;
}

int indices_assign(struct indices *indices, const struct mptcplb_farm *farm,
		   const struct dataplane_maps *before)
{
	indices->servers = make_places(farm->server_count);
	indices->services = make_places(farm->service_count);
	indices->before = make_places(farm->service_count);
	indices->table_count = 0;
	if (!indices->servers || !indices->services || !indices->before) {
		log_error("out of memory");
		return -1;
	}
	if (assign_servers(indices, farm, before) || assign_services(indices, farm, before))
		return -1;
	for (size_t i = 0; i < farm->service_count; i++) {
		if (indices->services[i] >= indices->table_count)
			indices->table_count = indices->services[i] + 1U;
	}
	return 0;
}

void indices_free(struct indices *indices)
{
	free(indices->servers);
	free(indices->services);
	free(indices->before);
}
