// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "flows.h"

#include <bpf/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "indices.h"

#define NS_PER_SECOND 1000000000ULL

struct table {
	struct balancer_bucket *buckets;
	struct balancer_flow *names;
	uint32_t count; /* of buckets */
};

static void table_close(struct table *table)
{
	if (table->buckets)
		munmap(table->buckets, table->count * sizeof(*table->buckets));
	if (table->names)
		munmap(table->names, (size_t)table->count * BALANCER_WAYS * sizeof(*table->names));
}

static void *map_memory(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static bool table_open(struct table *table, const struct dataplane_maps *maps)
{
	table->count = dataplane_buckets(maps);
	table->buckets =
		map_memory(maps->fds[DATAPLANE_FLOWS], table->count * sizeof(*table->buckets));
	table->names = map_memory(maps->fds[DATAPLANE_FLOW_NAMES],
				  (size_t)table->count * BALANCER_WAYS * sizeof(*table->names));
	if (table->buckets && table->names)
		return true;
	table_close(table);
	return false;
}

/* Another CPU may change a word at any time, so it is read once. */
static uint64_t word_load(const struct table *table, uint32_t bucket, int way)
{
	return *(const volatile __u64 *)&table->buckets[bucket].places[way].word;
}

static uint64_t time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Seconds since a packet of the flow came; a time ahead of ours counts as now. */
static uint32_t idle_seconds(uint64_t now, uint32_t seen)
{
	const uint32_t units = (uint32_t)(now >> BALANCER_SEEN_SHIFT) - seen;

	if (units > INT32_MAX)
		return 0;
	return (uint32_t)(((uint64_t)units << BALANCER_SEEN_SHIFT) / NS_PER_SECOND);
}

/* "192.0.2.1 port 443": an address of IPv6 has enough colons already. */
static const char *endpoint_text(char text[64], const struct balancer_address *address,
				 uint16_t port)
{
	char host[INDICES_TEXT_SIZE];

	snprintf(text, 64, "%s port %u", indices_address_text(address, host), port);
	return text;
}

static json_t *describe_flow(const struct dataplane_maps *maps, const struct balancer_flow *flow,
			     uint64_t word, uint32_t idle)
{
	const uint32_t index = word & BALANCER_WORD_SERVER;
	struct balancer_server server = { 0 };
	char client[64], service[64];

	bpf_map_lookup_elem(maps->fds[DATAPLANE_SERVERS], &index, &server);
	server.name[BALANCER_NAME_SIZE - 1] = '\0';
	return json_pack("{s:s, s:s, s:s, s:I}", "client",
			 endpoint_text(client, &flow->client, flow->client_port), "service",
			 endpoint_text(service, &flow->service, flow->service_port), "server",
			 server.name, "idle", (json_int_t)idle);
}

/* The name is written behind the word, and not in one step: here it must have the word's hash. */
static bool is_name_of(const struct balancer_flow *name, const struct mptcplb_core_secret *key,
		       uint64_t word)
{
	return !((balancer_flow_hash(key, name) ^ word) & BALANCER_WORD_TAG);
}

static json_t *describe_table(const struct dataplane_maps *maps, const struct table *table,
			      const struct mptcplb_core_secret *key, size_t limit)
{
	const uint64_t now = time_now();
	json_t *flows = json_array();
	size_t kept = 0, old = 0, fresh = 0;

	for (size_t i = 0; i < (size_t)table->count * BALANCER_WAYS; i++) {
		const uint32_t bucket = (uint32_t)(i / BALANCER_WAYS);
		const int way = (int)(i % BALANCER_WAYS);
		const uint64_t word = word_load(table, bucket, way);
		const struct balancer_flow name = table->names[i];

		kept += (word & BALANCER_WORD_KEPT) != 0;
		old += (word & BALANCER_WORD_OLD) != 0;
		fresh += word && !(word & (BALANCER_WORD_KEPT | BALANCER_WORD_OLD));
		if (word & BALANCER_WORD_KEPT && is_name_of(&name, key, word) &&
		    json_array_size(flows) < limit)
			json_array_append_new(
				flows,
				describe_flow(
					maps, &name, word,
					idle_seconds(now,
						     table->buckets[bucket].places[way].seen)));
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "kept", (json_int_t)kept, "new",
			 (json_int_t)fresh, "old", (json_int_t)old, "places",
			 (json_int_t)table->count * BALANCER_WAYS, "flows", flows);
}

static bool read_key(const struct dataplane_maps *maps, struct mptcplb_core_secret *key)
{
	return bpf_map_lookup_elem(maps->fds[DATAPLANE_FLOW_KEY], &(uint32_t){ 0 }, key) == 0;
}

json_t *flows_describe(const struct dataplane_maps *maps, size_t limit)
{
	struct mptcplb_core_secret key;
	struct table table;
	json_t *description;

	if (!read_key(maps, &key) || !table_open(&table, maps))
		return NULL;
	description = describe_table(maps, &table, &key, limit);
	table_close(&table);
	return description;
}

uint64_t flows_find(const struct dataplane_maps *maps, const struct balancer_flow *flow)
{
	const uint32_t mask = dataplane_buckets(maps) - 1;
	struct mptcplb_core_secret key;
	struct balancer_bucket bucket;
	uint64_t hash;

	if (!read_key(maps, &key))
		return 0;
	hash = balancer_flow_hash(&key, flow);
	for (int i = 0; i < 2 * BALANCER_WAYS; i++) {
		const uint32_t index = balancer_bucket(hash, i / BALANCER_WAYS, mask);

		if (bpf_map_lookup_elem(maps->fds[DATAPLANE_FLOWS], &index, &bucket))
			return 0;
		const uint64_t word = bucket.places[i % BALANCER_WAYS].word;
		if (word && !((word ^ hash) & BALANCER_WORD_TAG))
			return word;
	}
	return 0;
}

/* Which servers there are, by index. */
static bool read_servers(const struct dataplane_maps *maps, bool *there)
{
	struct balancer_server server;

	for (uint32_t i = 0; i < BALANCER_SERVERS_MAX; i++) {
		if (bpf_map_lookup_elem(maps->fds[DATAPLANE_SERVERS], &i, &server))
			return false;
		there[i] = server.name[0] != '\0';
	}
	return true;
}

size_t flows_age(const struct dataplane_maps *maps, uint32_t idle)
{
	const uint64_t now = time_now();
	bool there[BALANCER_SERVERS_MAX];
	struct table table;
	size_t forgotten = 0;

	if (!read_servers(maps, there) || !table_open(&table, maps))
		return 0;
	for (size_t i = 0; i < (size_t)table.count * BALANCER_WAYS; i++) {
		struct balancer_bucket *bucket = &table.buckets[i / BALANCER_WAYS];
		const int way = (int)(i % BALANCER_WAYS);
		__u64 word = word_load(&table, (uint32_t)(i / BALANCER_WAYS), way);

		if (!word || (there[word & BALANCER_WORD_SERVER] &&
			      (!idle || idle_seconds(now, bucket->places[way].seen) <= idle)))
			continue;
		/* Unless the data plane has changed it meanwhile. */
		forgotten += __atomic_compare_exchange_n(&bucket->places[way].word, &word, 0, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	table_close(&table);
	return forgotten;
}
