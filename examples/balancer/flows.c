// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "flows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "indices.h"

#define BATCH 4096

struct batch {
	struct balancer_flow flows[BATCH];
	struct balancer_memory memories[BATCH];
};

/* Called with each batch of a map's entries. */
typedef void (*batch_fn)(void *context, const struct batch *batch, uint32_t count);

/* Go over a map once; what changes meanwhile may be missed. Returns 0 or -errno. */
static int walk(int map, batch_fn use, void *context)
{
	struct batch *batch = malloc(sizeof(*batch));
	void *in = NULL;
	uint32_t position;
	int error = batch ? 0 : -ENOMEM;

	while (!error) {
		uint32_t count = BATCH;

		error = bpf_map_lookup_batch(map, in, &position, batch->flows, batch->memories,
					     &count, NULL);
		if (!error || error == -ENOENT)
			use(context, batch, count);
		in = &position;
	}
	free(batch);
	return error == -ENOENT ? 0 : error;
}

static uint32_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

struct listing {
	const struct dataplane_maps *maps;
	json_t *flows;
	size_t limit;
	size_t count;
	const char *state;
};

/* "192.0.2.1 port 443": an address of IPv6 has enough colons already. */
static const char *endpoint_text(char text[64], const struct balancer_address *address,
				 uint16_t port)
{
	char host[INDICES_TEXT_SIZE];

	snprintf(text, 64, "%s port %u", indices_address_text(address, host), port);
	return text;
}

static json_t *describe_flow(const struct listing *listing, const struct balancer_flow *flow,
			     const struct balancer_memory *memory)
{
	struct balancer_server server = { 0 };
	char client[64], service[64];

	bpf_map_lookup_elem(listing->maps->fds[DATAPLANE_SERVERS], &memory->server, &server);
	server.name[BALANCER_NAME_SIZE - 1] = '\0';
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "client",
			 endpoint_text(client, &flow->client, flow->client_port), "service",
			 endpoint_text(service, &flow->service, flow->service_port), "server",
			 server.name, "state", listing->state, "idle",
			 (json_int_t)(seconds_now() - memory->seen));
}

static void list(void *context, const struct batch *batch, uint32_t count)
{
	struct listing *listing = context;

	listing->count += count;
	for (uint32_t i = 0; i < count && json_array_size(listing->flows) < listing->limit; i++)
		json_array_append_new(listing->flows, describe_flow(listing, &batch->flows[i],
								    &batch->memories[i]));
}

json_t *flows_describe(const struct dataplane_maps *maps, size_t limit)
{
	struct listing kept = { maps, json_array(), limit, 0, "kept" };
	struct listing pending = { maps, kept.flows, limit, 0, "pending" };

	if (walk(maps->fds[DATAPLANE_FLOWS], list, &kept) ||
	    walk(maps->fds[DATAPLANE_PENDING], list, &pending)) {
		json_decref(kept.flows);
		return NULL;
	}
	return json_pack("{s:I, s:I, s:o}", "kept", (json_int_t)kept.count, "pending",
			 (json_int_t)pending.count, "flows", kept.flows);
}

struct ageing {
	int map;
	uint32_t idle;
	uint32_t now;
	size_t forgotten;
};

static void age(void *context, const struct batch *batch, uint32_t count)
{
	struct ageing *ageing = context;

	for (uint32_t i = 0; i < count; i++) {
		if (ageing->now - batch->memories[i].seen > ageing->idle &&
		    batch->memories[i].seen <= ageing->now &&
		    bpf_map_delete_elem(ageing->map, &batch->flows[i]) == 0)
			ageing->forgotten++;
	}
}

size_t flows_age(const struct dataplane_maps *maps, uint32_t idle)
{
	struct ageing ageing = { maps->fds[DATAPLANE_FLOWS], idle, seconds_now(), 0 };

	(void)walk(ageing.map, age, &ageing);
	return ageing.forgotten;
}
