// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mptcplb/random.h>

#include "daemon.h"
#include "pin.h"
#include "program_maps.h"
#include "server.skel.h"

/* So many joins of one token may come at once: a client joins by all of its paths together. */
#define JOIN_TOKEN_BURST 16

static struct server_address program_address(const struct mptcplb_farm_address *address)
{
	struct server_address value = { { 0, 0, htonl(0xffff), 0 } };

	if (address->version == 4)
		memcpy(&value.words[3], address->bytes, sizeof(value.words[3]));
	else
		memcpy(&value, address->bytes, sizeof(value));
	return value;
}

struct server_service program_service(const struct mptcplb_farm_service *service, uint16_t port)
{
	return (struct server_service){ .address = program_address(&service->address),
					.port = htons(port) };
}

static struct server_join_limit join_limit(uint32_t rate, uint32_t burst)
{
	struct server_join_limit limit = { 0 };

	if (rate) {
		limit.interval_ns = SERVER_SECOND_NS / rate;
		limit.burst_ns = (burst - 1) * limit.interval_ns;
	}
	return limit;
}

/* Make what chooses the slots of a flow. Returns 0 or -errno. */
static int make_flow_secret(struct server_state *state)
{
	uint8_t secret[MPTCPLB_SECRET_SIZE];
	struct mptcplb_core_secret loaded;
	int error = mptcplb_random_bytes(NULL, secret, sizeof(secret));

	if (error) {
		log_error("%s", mptcplb_strerror(error));
		return -EIO;
	}
	mptcplb_core_secret_load(&loaded, secret);
	state->flow_secret[0] = loaded.k0;
	state->flow_secret[1] = loaded.k1;
	mptcplb_wipe(secret, sizeof(secret));
	mptcplb_wipe(&loaded, sizeof(loaded));
	return 0;
}

static void set_constants(struct server_bpf *program, const struct program_options *options,
			  const struct server_state *state)
{
	const struct server_join_limit token =
		join_limit(options->joins_per_token, JOIN_TOKEN_BURST);
	const struct server_join_limit total =
		join_limit(options->joins_in_total, options->joins_in_total);
	const struct server_address own = program_address(&options->server->address);

	memcpy((void *)&program->rodata->flow_secret, state->flow_secret,
	       sizeof(state->flow_secret));
	memcpy((void *)&program->rodata->own_address, &own, sizeof(own));
	memcpy((void *)&program->rodata->join_limit_token, &token, sizeof(token));
	memcpy((void *)&program->rodata->join_limit_total, &total, sizeof(total));
	program->rodata->decapsulate_only = options->decapsulate_only;
	program->rodata->cookies_for_all = options->cookies_for_all;
	program->rodata->slot_count = options->slot_count;
	program->rodata->bucket_mask = options->bucket_count - 1;
}

static void set_sizes(struct server_bpf *program, const struct program_options *options)
{
	const struct mptcplb_farm *farm = options->farm;
	size_t i, services = 1;

	bpf_map__set_max_entries(program->maps.slots, options->slot_count);
	bpf_map__set_max_entries(program->maps.live, options->bucket_count);
	bpf_map__set_max_entries(program->maps.wake, (uint32_t)sysconf(_SC_PAGESIZE));
	/* Each service has an entry for each port and one, maybe shared, without. */
	for (i = 0; i < farm->service_count; i++)
		services += 2U + farm->services[i].port_last - farm->services[i].port;
	bpf_map__set_max_entries(program->maps.services, (uint32_t)services);
	bpf_map__set_max_entries(program->maps.members,
				 (uint32_t)(farm->balancer_count + farm->server_count));
}

/* Let packets to the ports of a service find it. A mark that is known already stays. */
static int add_service(const struct server_bpf *program, const struct mptcplb_farm_service *service,
		       int services_before)
{
	const int map = bpf_map__fd(program->maps.services);
	const struct server_mark unmarked = { 0 };
	struct server_service key = program_service(service, 0);
	int error = bpf_map_update_elem(map, &key, &unmarked, BPF_ANY);
	uint32_t port;

	for (port = service->port; !error && port <= service->port_last; port++) {
		struct server_mark mark;

		key = program_service(service, (uint16_t)port);
		if (services_before < 0 || bpf_map_lookup_elem(services_before, &key, &mark))
			mark = unmarked;
		error = bpf_map_update_elem(map, &key, &mark, BPF_ANY);
	}
	return error;
}

static int add_member(const struct server_bpf *program, const struct mptcplb_farm_address *address)
{
	const struct server_address key = program_address(address);
	const uint8_t value = 1;

	return bpf_map_update_elem(bpf_map__fd(program->maps.members), &key, &value, BPF_ANY);
}

static int fill_maps(const struct server_bpf *program, const struct program_options *options,
		     int services_before)
{
	const struct mptcplb_farm *farm = options->farm;
	size_t i, added = 0;
	int error = 0;

	for (i = 0; !error && i < farm->service_count; i++) {
		if (!mptcplb_farm_serves(farm, &farm->services[i], options->server))
			continue;
		error = add_service(program, &farm->services[i], services_before);
		added++;
	}
	for (i = 0; !error && i < farm->balancer_count; i++)
		error = add_member(program, &farm->balancers[i].address);
	for (i = 0; !error && i < farm->server_count; i++)
		error = add_member(program, &farm->servers[i].address);
	if (!error && !added)
		log_warning("server \"%s\" has no service in the farm file: nothing to do",
			    options->server->name);
	return error;
}

/* Load, with maps of before if there are some that fit. Returns 0 or -errno. */
static int load(struct server_bpf *program, const struct program_options *options,
		const struct program_maps *before)
{
	struct server_state state = { .layout = SERVER_LAYOUT };
	const bool shared = before->count > 0;
	int error;

	error = shared ? program_maps_share(before, program, &state) : make_flow_secret(&state);
	if (error)
		return error;
	set_constants(program, options, &state);
	error = server_bpf__load(program);
	if (!error)
		error = fill_maps(program, options, program_maps_fd(before, "services"));
	if (!error && !shared)
		error = program_set_state(program, &state);
	mptcplb_wipe(&state, sizeof(state));
	return error;
}

struct server_bpf *program_load(const struct program_options *options,
				const struct program_before *before, bool *taken_over)
{
	struct server_bpf *program = server_bpf__open();
	struct program_maps maps;
	int error;

	if (!program) {
		log_error("cannot open the BPF programs: %s", strerror(errno));
		return NULL;
	}
	set_sizes(program, options);
	program_maps_find(&maps, program, before);
	*taken_over = maps.count > 0;
	error = load(program, options, &maps);
	program_maps_close(&maps);
	if (error) {
		log_error("cannot load the BPF programs: %s", strerror(-error));
		server_bpf__destroy(program);
		return NULL;
	}
	return program;
}

int program_pin(const struct server_bpf *program, const char *directory)
{
	const struct bpf_map *map;

	if (pin_directory(directory))
		return -1;
	bpf_object__for_each_map(map, program->obj)
	{
		if (program_maps_kept(map) &&
		    pin_replace(directory, bpf_map__name(map), bpf_map__fd(map)))
			return -1;
	}
	return 0;
}

int program_state(const struct server_bpf *program, struct server_state *state)
{
	const uint32_t zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(program->maps.state), &zero, state);
}

int program_set_state(const struct server_bpf *program, const struct server_state *state)
{
	const uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(program->maps.state), &zero, state, BPF_ANY);
}

/* A search gives up after so many times the mean, or SERVER_SEARCH_TRIES_MAX keys. */
#define SEARCH_MEANS 16

int program_allow_search(const struct server_bpf *program, const struct mptcplb_farm *farm,
			 const struct mptcplb_farm_server *server)
{
	struct server_search search = { .keyring = farm->keyring };
	const uint64_t space = 1ULL << (farm->keyring.server_id_bits + farm->keyring.epoch_bits);
	const uint32_t zero = 0;
	uint64_t tries;
	int error;

	while (search.id_count < SERVER_SEARCH_IDS_MAX && search.id_count < server->id_count) {
		search.ids[search.id_count] = server->ids[search.id_count];
		search.id_count++;
	}
	tries = SEARCH_MEANS * space / search.id_count;
	search.tries_max =
		tries < SERVER_SEARCH_TRIES_MAX ? (uint32_t)tries : SERVER_SEARCH_TRIES_MAX;
	error = bpf_map_update_elem(bpf_map__fd(program->maps.searches), &zero, &search, BPF_ANY);
	mptcplb_wipe(&search, sizeof(search));
	return error;
}

int program_counters(const struct server_bpf *program, uint64_t counters[SERVER_COUNTER_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values;
	uint32_t i;
	int cpu, error = 0;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (i = 0; !error && i < SERVER_COUNTER_COUNT; i++) {
		error = bpf_map_lookup_elem(bpf_map__fd(program->maps.counters), &i, values);
		counters[i] = 0;
		for (cpu = 0; cpu < cpus; cpu++)
			counters[i] += values[cpu];
	}
	free(values);
	return error;
}
