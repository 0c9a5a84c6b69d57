// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mptcplb/keyring.h>

#include "addresses.h"
#include "balancer.skel.h"
#include "counts.h"
#include "daemon.h"
#include "indices.h"
#include "outer.h"
#include "table.h"

/* Room for so many flows in a bucket on average, so that full ones are rare: see docs/balancer.md. */
#define FLOWS_PER_BUCKET 2

struct dataplane {
	struct balancer_bpf *skeleton;
	struct dataplane_maps maps;
};

/* What is loaded, as the functions below need it together. */
struct load {
	struct balancer_bpf *skeleton;
	const struct mptcplb_farm *farm;
	const struct dataplane_member *self;
	const struct dataplane_options *options;
	const struct dataplane_maps *before;
	struct indices indices;
	struct addresses addresses;
};

static const char *const map_names[DATAPLANE_MAP_COUNT] = {
	[DATAPLANE_FLOWS] = "flows",	   [DATAPLANE_FLOW_NAMES] = "flow_names",
	[DATAPLANE_FLOW_KEY] = "flow_key", [DATAPLANE_COUNTERS] = "counters",
	[DATAPLANE_TRAFFIC] = "traffic",   [DATAPLANE_SERVERS] = "servers",
	[DATAPLANE_TABLES] = "tables",	   [DATAPLANE_ERRORS] = "errors",
};

const char *dataplane_map_name(enum dataplane_map map)
{
	return map_names[map];
}

static int update(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) == 0)
		return 0;
	log_error("cannot fill the map \"%s\": %s", bpf_map__name(map), strerror(errno));
	return -1;
}

static int fill_config(const struct load *load)
{
	const struct mptcplb_farm *farm = load->farm;
	struct balancer_config config = {
		.keyring = farm->keyring,
		.own_index = BALANCER_NO_SERVER,
		.redirector = load->options->redirector,
		.tokens = load->options->tokens,
		.drop_unroutable = load->options->drop_unroutable,
	};
	int error;

	indices_address(&config.own_address, load->self->address);
	for (size_t i = 0; load->options->redirector && i < farm->server_count; i++) {
		if (!strcmp(farm->servers[i].name, load->self->name))
			config.own_index = load->indices.servers[i];
	}
	error = update(load->skeleton->maps.config, &(uint32_t){ 0 }, &config);
	mptcplb_keyring_wipe(&config.keyring);
	return error;
}

/* The table of before keeps its key: flows have their places by it. */
static int fill_flow_key(const struct load *load)
{
	uint8_t bytes[MPTCPLB_SECRET_SIZE];
	struct mptcplb_core_secret key;

	if (load->before)
		return 0;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		log_error("no random numbers: %s", strerror(errno));
		return -1;
	}
	mptcplb_core_secret_load(&key, bytes);
	return update(load->skeleton->maps.flow_key, &(uint32_t){ 0 }, &key);
}

/* How many fours of server ids there are. */
static uint32_t owners_count(const struct mptcplb_farm *farm)
{
	const uint32_t ids = 1U << farm->keyring.server_id_bits;

	return (ids + BALANCER_OWNERS - 1) / BALANCER_OWNERS;
}

static int fill_servers(const struct load *load)
{
	const struct mptcplb_farm *farm = load->farm;

	for (size_t i = 0; i < farm->server_count; i++) {
		const struct mptcplb_farm_server *server = &farm->servers[i];
		uint32_t index = load->indices.servers[i];
		struct balancer_server value = { .usable = server->state != MPTCPLB_FARM_DOWN };

		indices_address(&value.address, &server->address);
		outer_fill(&value, load->self->address, &server->address);
		strncpy(value.name, server->name, sizeof(value.name) - 1);
		if (update(load->skeleton->maps.servers, &index, &value))
			return -1;
	}
	return 0;
}

static int fill_owners(const struct load *load)
{
	const struct mptcplb_farm *farm = load->farm;
	const uint32_t count = owners_count(farm);
	struct balancer_owners *owners = malloc(count * sizeof(*owners));
	int error = owners ? 0 : -1;

	if (owners)
		memset(owners, 0xff, count * sizeof(*owners)); /* BALANCER_NO_SERVER */
	for (size_t i = 0; owners && i < farm->server_count; i++) {
		const struct mptcplb_farm_server *server = &farm->servers[i];

		for (size_t j = 0; j < server->id_count; j++)
			owners[server->ids[j] / BALANCER_OWNERS]
				.servers[server->ids[j] % BALANCER_OWNERS] =
				load->indices.servers[i];
	}
	for (uint32_t i = 0; !error && i < count; i++)
		error = update(load->skeleton->maps.owners, &i, &owners[i]);
	free(owners);
	return error;
}

static int fill_members(const struct load *load)
{
	const struct mptcplb_farm *farm = load->farm;
	struct balancer_address address;

	for (size_t i = 0; i < farm->server_count + farm->balancer_count; i++) {
		bool server = i < farm->server_count;
		uint32_t member = server ? BALANCER_MEMBER_SERVER : BALANCER_MEMBER_BALANCER;

		indices_address(&address,
				server ? &farm->servers[i].address
				       : &farm->balancers[i - farm->server_count].address);
		if (update(load->skeleton->maps.members, &address, &member))
			return -1;
	}
	return 0;
}

/* Flows of before a change are there still when the change comes only now. */
static int refuse_to_settle(const struct mptcplb_farm_service *service)
{
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	log_error("the farm file has changed where new flows of %s port %u go: expected a reload "
		  "without --settle first",
		  mptcplb_farm_address_text(&service->address, text), service->port);
	return -1;
}

static int fill_service(const struct load *load, size_t i, struct balancer_table *table,
			struct balancer_table *before)
{
	uint32_t index = load->indices.services[i];
	uint32_t old = load->indices.before[i];

	if (old == BALANCER_NO_SERVER ||
	    bpf_map_lookup_elem(load->before->fds[DATAPLANE_TABLES], &old, before))
		before = NULL;
	/* A redirector hashes nothing, so it has nothing to settle. */
	if (table_fill(table, load->farm, &load->farm->services[i], load->indices.servers, before,
		       load->options->settle || load->options->redirector)) {
		log_error("out of memory");
		return -1;
	}
	if (load->options->settle && !load->options->redirector && before &&
	    memcmp(table->slots, before->slots, sizeof(table->slots)) != 0)
		return refuse_to_settle(&load->farm->services[i]);
	return update(load->skeleton->maps.tables, &index, table);
}

static int fill_addresses(const struct load *load)
{
	int error = 0;

	for (uint32_t i = 0; !error && i < load->addresses.size; i++)
		error = update(load->skeleton->maps.addresses, &i, &load->addresses.entries[i]);
	return error;
}

static int fill_services(const struct load *load)
{
	struct balancer_table *tables = calloc(2, sizeof(*tables));
	int error = tables ? 0 : -1;

	if (!tables)
		log_error("out of memory");
	for (size_t i = 0; !error && i < load->farm->service_count; i++)
		error = fill_service(load, i, &tables[0], &tables[1]);
	free(tables);
	return error;
}

/* A power of two. */
static uint32_t buckets_for(uint32_t flows)
{
	uint32_t buckets = 1;

	while (buckets * FLOWS_PER_BUCKET < flows)
		buckets *= 2;
	return buckets;
}

static int set_sizes(const struct load *load)
{
	const struct mptcplb_farm *farm = load->farm;
	struct balancer_bpf *skeleton = load->skeleton;
	const uint32_t buckets = buckets_for(load->options->flows);
	int error;

	error = bpf_map__set_max_entries(skeleton->maps.owners, owners_count(farm));
	error |= bpf_map__set_max_entries(skeleton->maps.addresses, load->addresses.size);
	error |= bpf_map__set_max_entries(skeleton->maps.tables, load->indices.table_count);
	error |= bpf_map__set_max_entries(skeleton->maps.members,
					  (uint32_t)(farm->server_count + farm->balancer_count));
	error |= bpf_map__set_max_entries(skeleton->maps.flows, buckets);
	error |= bpf_map__set_max_entries(skeleton->maps.flow_names, buckets * BALANCER_WAYS);
	return error;
}

static struct bpf_map *map_of(const struct balancer_bpf *skeleton, enum dataplane_map map)
{
	return bpf_object__find_map_by_name(skeleton->obj, map_names[map]);
}

/* Whether a map of before is as this version makes it; all are arrays or rings, without keys. */
static bool is_alike(const struct load *load, enum dataplane_map which)
{
	const struct bpf_map *map = map_of(load->skeleton, which);
	uint32_t entries = bpf_map__max_entries(map);
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(load->before->fds[which], &info, &size))
		return false;
	if (which == DATAPLANE_FLOWS || which == DATAPLANE_TABLES)
		entries = info.max_entries; /* as the options and the farm of then had it */
	if (which == DATAPLANE_FLOW_NAMES)
		entries = dataplane_buckets(load->before) * BALANCER_WAYS;
	return info.type == bpf_map__type(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == entries;
}

/* Pinned maps may be another version's. */
static bool are_alike(const struct load *load)
{
	for (int i = 0; load->before && i < DATAPLANE_MAP_COUNT; i++) {
		if (is_alike(load, i))
			continue;
		log_error("the map \"%s\" of before is another version's: expected "
			  "\"mptcplb-balancer detach\" first",
			  map_names[i]);
		return false;
	}
	return true;
}

/* Take over what outlives a change of the farm. */
static int share_maps(const struct load *load)
{
	for (int i = 0; load->before && i < DATAPLANE_SERVERS; i++) {
		int error = bpf_map__reuse_fd(map_of(load->skeleton, i), load->before->fds[i]);

		if (error) {
			log_error("cannot go on with the map \"%s\" of before: %s", map_names[i],
				  strerror(-error));
			return -1;
		}
	}
	return 0;
}

/* Whether a server had no index before. */
static bool is_new_server(const struct load *load, uint32_t index)
{
	struct balancer_server server;

	return bpf_map_lookup_elem(load->before->fds[DATAPLANE_SERVERS], &index, &server) == 0 &&
	       !server.name[0];
}

/* What was counted for somebody who is gone does not become that of the next with its index. */
static int restart_counts(const struct load *load)
{
	int error = 0;

	if (!load->before)
		return 0;
	counts_wait();
	for (size_t i = 0; !error && i < load->farm->service_count; i++) {
		if (load->indices.before[i] == BALANCER_NO_SERVER)
			error = counts_restart_service(load->before, load->indices.services[i]);
	}
	for (size_t i = 0; !error && i < load->farm->server_count; i++) {
		if (is_new_server(load, load->indices.servers[i]))
			error = counts_restart_server(load->before, load->indices.servers[i]);
	}
	if (error)
		log_error("cannot set the counters of what is new to zero: %s", strerror(-error));
	return error;
}

static int load_and_fill(struct load *load)
{
	struct balancer_bpf *skeleton = load->skeleton;
	int error;

	skeleton->rodata->redirector = load->options->redirector;
	skeleton->rodata->outer_ipv6 = load->self->address->version == 6;
	skeleton->rodata->tokens = load->options->tokens;
	skeleton->rodata->drop_unroutable = load->options->drop_unroutable;
	if (!are_alike(load) || indices_assign(&load->indices, load->farm, load->before))
		return -1;
	if (addresses_make(&load->addresses, load->farm, load->indices.services))
		return -1;
	skeleton->rodata->address_mask = load->addresses.size - 1;
	error = set_sizes(load);
	if (share_maps(load))
		return -1;
	skeleton->rodata->bucket_mask = bpf_map__max_entries(skeleton->maps.flows) - 1;
	if (!error)
		error = balancer_bpf__load(skeleton);
	if (error) {
		log_error("cannot load the XDP program: %s", strerror(-error));
		return -1;
	}
	if (fill_config(load) || fill_flow_key(load) || fill_servers(load) || fill_owners(load) ||
	    fill_members(load) || fill_addresses(load) || fill_services(load))
		return -1;
	return restart_counts(load);
}

struct dataplane *dataplane_open(const struct mptcplb_farm *farm,
				 const struct dataplane_member *self,
				 const struct dataplane_options *options,
				 const struct dataplane_maps *before)
{
	struct load load = { .farm = farm, .self = self, .options = options, .before = before };
	struct dataplane *dataplane;
	int error;

	if (farm->service_count == 0) {
		log_error("the farm has no services: nothing to balance");
		return NULL;
	}
	dataplane = calloc(1, sizeof(*dataplane));
	load.skeleton = dataplane ? balancer_bpf__open() : NULL;
	if (!load.skeleton) {
		log_error("cannot open the XDP program: %s", strerror(errno));
		free(dataplane);
		return NULL;
	}
	dataplane->skeleton = load.skeleton;
	error = load_and_fill(&load);
	indices_free(&load.indices);
	addresses_free(&load.addresses);
	if (error) {
		dataplane_close(dataplane);
		return NULL;
	}
	for (int i = 0; i < DATAPLANE_MAP_COUNT; i++)
		dataplane->maps.fds[i] = bpf_map__fd(map_of(load.skeleton, i));
	return dataplane;
}

void dataplane_close(struct dataplane *dataplane)
{
	if (dataplane)
		balancer_bpf__destroy(dataplane->skeleton);
	free(dataplane);
}

int dataplane_program(const struct dataplane *dataplane)
{
	return bpf_program__fd(dataplane->skeleton->progs.balancer);
}

const struct dataplane_maps *dataplane_maps(const struct dataplane *dataplane)
{
	return &dataplane->maps;
}

int dataplane_config(const struct dataplane *dataplane, struct balancer_config *config)
{
	memset(config, 0, sizeof(*config));
	return bpf_map_lookup_elem(bpf_map__fd(dataplane->skeleton->maps.config), &(uint32_t){ 0 },
				   config);
}

uint32_t dataplane_owner(const struct dataplane *dataplane, uint32_t server_id)
{
	const uint32_t index = server_id / BALANCER_OWNERS;
	struct balancer_owners owners;

	if (bpf_map_lookup_elem(bpf_map__fd(dataplane->skeleton->maps.owners), &index, &owners))
		return BALANCER_NO_SERVER;
	return owners.servers[server_id % BALANCER_OWNERS];
}

uint32_t dataplane_buckets(const struct dataplane_maps *maps)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(maps->fds[DATAPLANE_FLOWS], &info, &size))
		return 0;
	return info.max_entries;
}

bool dataplane_fits(const struct dataplane_maps *maps, uint32_t flows)
{
	return dataplane_buckets(maps) == buckets_for(flows);
}
