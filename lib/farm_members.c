// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Servers and balancers of a farm file: names, addresses and ids are each unique in the farm. */
#include "farm_private.h"

#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>

#define WEIGHT_DEFAULT 100
#define WEIGHT_MAX 1000
/* A server needs this many nonces for each live token, else finding a free one takes long. */
#define NONCES_PER_CONNECTION 8

/* The list of a member, and where in it: an index counts servers first, then balancers. */
static const char *member_list(const struct farm *farm, uint32_t *index)
{
	if (*index < farm->raw->servers_count)
		return "servers";
	*index -= farm->raw->servers_count;
	return "balancers";
}

static size_t member_line(struct farm_load *load, uint32_t index, const char *field)
{
	const char *list = member_list(load->farm, &index);

	return farm_line(load, "%s[%u].%s", list, index, field);
}

static const char *member_name(const struct farm *farm, uint32_t index)
{
	const struct farm_raw *raw = farm->raw;

	return index < raw->servers_count ? raw->servers[index].name
					  : raw->balancers[index - raw->servers_count].name;
}

static const struct mptcplb_farm_address *member_address(const struct farm *farm, uint32_t index)
{
	const struct mptcplb_farm *public = &farm->public;

	return index < public->server_count
		       ? &public->servers[index].address
		       : &public->balancers[index - public->server_count].address;
}

static int check_name(struct farm_load *load, uint32_t index)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	const char *name = member_name(load->farm, index);
	size_t length = strlen(name);

	if (length >= 1 && length <= MPTCPLB_FARM_NAME_MAX && strspn(name, allowed) == length)
		return 0;
	return farm_fail(load, member_line(load, index, "name"),
			 "name: %s: expected 1 to %d of the characters A-Z a-z 0-9 . _ -",
			 FARM_QUOTE(name), MPTCPLB_FARM_NAME_MAX);
}

static int compare_names(const void *a, const void *b)
{
	const struct farm_name *x = a;
	const struct farm_name *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int load_names(struct farm_load *load)
{
	struct farm *farm = load->farm;
	uint32_t count = farm->raw->servers_count + farm->raw->balancers_count;

	farm->names = calloc(count, sizeof(*farm->names));
	if (!farm->names)
		return farm_fail_memory(load);
	for (uint32_t i = 0; i < count; i++) {
		if (check_name(load, i) < 0)
			return -1;
		farm->names[i] = (struct farm_name){ member_name(farm, i), i };
	}
	qsort(farm->names, count, sizeof(*farm->names), compare_names);
	for (uint32_t i = 1; i < count; i++) {
		const struct farm_name *twin = &farm->names[i - 1];

		if (strcmp(twin->name, farm->names[i].name) == 0)
			return farm_fail(load, member_line(load, farm->names[i].index, "name"),
					 "name: '%s' is already on line %zu: expected another",
					 twin->name, member_line(load, twin->index, "name"));
	}
	return 0;
}

const struct farm_name *farm_name_find(const struct farm *farm, const char *name)
{
	size_t low = 0;
	size_t high = farm->public.server_count + farm->public.balancer_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, farm->names[middle].name);

		if (order == 0)
			return &farm->names[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct member_address {
	const struct mptcplb_farm_address *address;
	uint32_t index;
};

static int compare_addresses(const void *a, const void *b)
{
	const struct member_address *x = a;
	const struct member_address *y = b;
	int order = farm_address_compare(x->address, y->address);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* A balancer sends to all servers from one address, and servers take packets from each other. */
static int check_versions(struct farm_load *load)
{
	struct farm *farm = load->farm;
	const uint32_t count = farm->raw->servers_count + farm->raw->balancers_count;
	const unsigned int version = member_address(farm, 0)->version;
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	for (uint32_t i = 1; i < count; i++) {
		if (member_address(farm, i)->version != version)
			return farm_fail(
				load, member_line(load, i, "address"),
				"address: %s of %s is IPv%u, that of %s on line %zu is IPv%u: "
				"expected one version for all servers and balancers",
				mptcplb_farm_address_text(member_address(farm, i), text),
				member_name(farm, i),
				(unsigned int)member_address(farm, i)->version,
				member_name(farm, 0), member_line(load, 0, "address"), version);
	}
	return 0;
}

static int check_addresses(struct farm_load *load)
{
	struct farm *farm = load->farm;
	uint32_t count = farm->raw->servers_count + farm->raw->balancers_count;
	struct member_address *sorted = calloc(count, sizeof(*sorted));
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	int error = 0;

	if (!sorted)
		return farm_fail_memory(load);
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = (struct member_address){ member_address(farm, i), i };
	qsort(sorted, count, sizeof(*sorted), compare_addresses);
	for (uint32_t i = 1; i < count && !error; i++) {
		const struct member_address *twin = &sorted[i - 1];

		if (farm_address_compare(twin->address, sorted[i].address) == 0)
			error = farm_fail(
				load, member_line(load, sorted[i].index, "address"),
				"address: %s of %s is also that of %s on line %zu: expected another",
				mptcplb_farm_address_text(twin->address, text),
				member_name(farm, sorted[i].index), member_name(farm, twin->index),
				member_line(load, twin->index, "address"));
	}
	free(sorted);
	return error;
}

static int compare_owners(const void *a, const void *b)
{
	const struct farm_owner *x = a;
	const struct farm_owner *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (x->server != y->server)
		return x->server < y->server ? -1 : 1;
	return (x->position > y->position) - (x->position < y->position);
}

static int check_owners(struct farm_load *load)
{
	const struct farm *farm = load->farm;

	for (size_t i = 1; i < farm->owner_count; i++) {
		const struct farm_owner *first = &farm->owners[i - 1];
		const struct farm_owner *second = &farm->owners[i];

		if (first->id == second->id)
			return farm_fail(
				load,
				farm_line(load, "servers[%u].ids[%u]", second->server,
					  second->position),
				"ids: %u of %s is already owned by %s on line %zu: expected another",
				second->id, farm->raw->servers[second->server].name,
				farm->raw->servers[first->server].name,
				farm_line(load, "servers[%u].ids[%u]", first->server,
					  first->position));
	}
	return 0;
}

static int load_owners(struct farm_load *load)
{
	struct farm *farm = load->farm;
	const struct farm_raw *raw = farm->raw;
	uint32_t limit = 1U << farm->public.keyring.server_id_bits;
	size_t count = 0;

	for (uint32_t i = 0; i < raw->servers_count; i++)
		count += raw->servers[i].ids_count;
	farm->owners = calloc(count, sizeof(*farm->owners));
	if (!farm->owners)
		return farm_fail_memory(load);
	for (uint32_t i = 0; i < raw->servers_count; i++) {
		for (uint32_t j = 0; j < raw->servers[i].ids_count; j++) {
			uint32_t id = raw->servers[i].ids[j];

			if (id >= limit)
				return farm_fail(
					load, farm_line(load, "servers[%u].ids[%u]", i, j),
					"ids: %u of %s does not fit into %u server_id_bits: "
					"expected 0 to %u",
					id, raw->servers[i].name,
					farm->public.keyring.server_id_bits, limit - 1);
			farm->owners[farm->owner_count++] = (struct farm_owner){ id, i, j };
		}
	}
	qsort(farm->owners, farm->owner_count, sizeof(*farm->owners), compare_owners);
	return check_owners(load);
}

static int compare_ids(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return (*x > *y) - (*x < *y);
}

static int check_server(struct farm_load *load, uint32_t index,
			const struct mptcplb_farm_server *server)
{
	uint64_t nonces = (uint64_t)mptcplb_keyring_nonce_count(&load->farm->public.keyring) *
			  server->id_count;

	if (server->weight < 1 || server->weight > WEIGHT_MAX)
		return farm_fail(load, farm_line(load, "servers[%u].weight", index),
				 "weight: %u of %s is out of range: expected 1 to %d",
				 server->weight, server->name, WEIGHT_MAX);
	if (nonces < (uint64_t)NONCES_PER_CONNECTION * server->peak_connections)
		return farm_fail(
			load, farm_line(load, "servers[%u].peak_connections", index),
			"peak_connections: %u of %s is more than its ids (%zu) allow: expected "
			"at most %llu, or more ids, or fewer server_id_bits",
			server->peak_connections, server->name, server->id_count,
			(unsigned long long)(nonces / NONCES_PER_CONNECTION));
	return 0;
}

static int load_servers(struct farm_load *load)
{
	struct mptcplb_farm *public = &load->farm->public;
	const struct farm_raw *raw = load->farm->raw;
	struct mptcplb_farm_server *servers = calloc(raw->servers_count, sizeof(*servers));

	if (!servers)
		return farm_fail_memory(load);
	public->servers = servers;
	public->server_count = raw->servers_count;
	for (uint32_t i = 0; i < raw->servers_count; i++) {
		const struct farm_raw_server *from = &raw->servers[i];
		struct mptcplb_farm_server *server = &servers[i];

		server->name = from->name;
		server->ids = from->ids;
		server->id_count = from->ids_count;
		server->state = (enum mptcplb_farm_state)from->state;
		server->weight = from->weight ? *from->weight : WEIGHT_DEFAULT;
		server->peak_connections = from->peak_connections ? *from->peak_connections : 0;
		if (farm_address_parse(load, farm_line(load, "servers[%u].address", i),
				       &server->address, from->address) < 0 ||
		    check_server(load, i, server) < 0)
			return -1;
	}
	return 0;
}

static int load_balancers(struct farm_load *load)
{
	struct mptcplb_farm *public = &load->farm->public;
	const struct farm_raw *raw = load->farm->raw;
	struct mptcplb_farm_balancer *balancers;

	if (raw->balancers_count == 0)
		return 0;
	balancers = calloc(raw->balancers_count, sizeof(*balancers));
	if (!balancers)
		return farm_fail_memory(load);
	public->balancers = balancers;
	public->balancer_count = raw->balancers_count;
	for (uint32_t i = 0; i < raw->balancers_count; i++) {
		balancers[i].name = raw->balancers[i].name;
		if (farm_address_parse(load, farm_line(load, "balancers[%u].address", i),
				       &balancers[i].address, raw->balancers[i].address) < 0)
			return -1;
	}
	return 0;
}

int farm_members_load(struct farm_load *load)
{
	struct farm_raw *raw = load->farm->raw;

	if (load_names(load) < 0 || load_servers(load) < 0 || load_balancers(load) < 0 ||
	    check_versions(load) < 0 || check_addresses(load) < 0 || load_owners(load) < 0)
		return -1;
	/* Only now: until here positions in a list of ids led to their lines. */
	for (uint32_t i = 0; i < raw->servers_count; i++)
		qsort(raw->servers[i].ids, raw->servers[i].ids_count, sizeof(uint32_t),
		      compare_ids);
	return 0;
}
