// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "simulation.h"

#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

/* Nonces for each live connection, below which finding a free one takes long. */
#define NONCES_PER_CONNECTION 8
#define BATCH 1024
#define PROGRESS_STEP (1U << 20)

/* splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014) */
static uint64_t draw(struct simulation *simulation)
{
	uint64_t z = simulation->random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static uint32_t draw_below(struct simulation *simulation, uint32_t limit)
{
	return (uint32_t)((draw(simulation) >> 32) * limit >> 32);
}

static int fill_random(void *context, uint8_t *buffer, size_t length)
{
	while (length > 0) {
		uint64_t number = draw(context);
		size_t part = length < sizeof(number) ? length : sizeof(number);

		for (size_t i = 0; i < part; i++)
			buffer[i] = (uint8_t)(number >> 8 * i);
		buffer += part;
		length -= part;
	}
	return 0;
}

uint32_t simulation_id_bits(uint32_t servers)
{
	uint32_t bits = MPTCPLB_SERVER_ID_BITS_MIN;

	while (1ULL << bits < servers)
		bits++;
	return bits;
}

static uint64_t nonces_of_server(uint32_t servers)
{
	return 1ULL << (MPTCPLB_TOKEN_BITS - SIMULATION_EPOCH_BITS - simulation_id_bits(servers));
}

uint64_t simulation_connections_max(uint32_t servers)
{
	return nonces_of_server(servers) / NONCES_PER_CONNECTION * servers;
}

uint64_t simulation_memory(const struct simulation_options *options)
{
	/* the allocators keep two bits for each nonce */
	return CENSUS_MEMORY + options->connections * sizeof(uint32_t) +
	       options->servers * nonces_of_server(options->servers) / 4;
}

static int create_allocators(struct simulation *simulation)
{
	struct mptcplb_allocator_options options = {
		.size = sizeof(options),
		.server_id_count = 1,
		.quarantine = 1,
		.random = &simulation->random,
	};
	int error = MPTCPLB_OK;

	simulation->allocators =
		calloc(simulation->options.servers, sizeof(struct mptcplb_allocator *));
	if (!simulation->allocators)
		return MPTCPLB_ERR_MEMORY;
	for (uint32_t i = 0; i < simulation->options.servers && !error; i++) {
		options.server_ids = &i;
		error = mptcplb_allocator_create(&simulation->allocators[i], &simulation->keyring,
						 &options);
	}
	return error;
}

int simulation_start(struct simulation *simulation, const struct simulation_options *options)
{
	uint8_t secret[MPTCPLB_SECRET_SIZE];
	int error;

	*simulation = (struct simulation){ .options = *options, .random_state = options->seed };
	simulation->random =
		(struct mptcplb_random){ sizeof(simulation->random), fill_random, simulation };
	fill_random(simulation, secret, sizeof(secret));
	error = mptcplb_keyring_init(&simulation->keyring, SIMULATION_EPOCH_BITS,
				     simulation_id_bits(options->servers));
	if (!error)
		error = mptcplb_keyring_add(&simulation->keyring, 0, secret);
	if (error)
		return error;
	simulation->tokens = calloc(options->connections, sizeof(*simulation->tokens));
	if (!simulation->tokens || !census_start(&simulation->census))
		return MPTCPLB_ERR_MEMORY;
	return create_allocators(simulation);
}

static void tell_progress(const struct simulation *simulation,
			  const struct simulation_round *result, uint32_t connection, double base)
{
	if (simulation->progress && connection % PROGRESS_STEP == 0)
		simulation->progress(result->tokens, result->round,
				     base + 0.5 * connection /
						     (double)simulation->options.connections);
}

static int close_connection(struct simulation *simulation, uint32_t connection)
{
	struct mptcplb_token_parts parts;
	int error =
		mptcplb_token_decode(&simulation->keyring, &parts, simulation->tokens[connection]);

	return error ? error
		     : mptcplb_allocator_release(
			       simulation->allocators[connection % simulation->options.servers],
			       &parts);
}

static int open_connection(struct simulation *simulation, enum simulation_tokens tokens,
			   uint32_t connection)
{
	uint32_t server = connection % simulation->options.servers;
	struct mptcplb_token_parts parts;

	if (tokens == SIMULATION_MPTCPLB)
		return mptcplb_allocator_take(simulation->allocators[server], &simulation->keyring,
					      &simulation->tokens[connection], &parts);
	simulation->tokens[connection] = (uint32_t)draw(simulation);
	return MPTCPLB_OK;
}

static void end_quarantine_period(struct simulation *simulation)
{
	for (uint32_t i = 0; i < simulation->options.servers; i++)
		mptcplb_allocator_tick(simulation->allocators[i]);
}

/* Open all connections, or in later rounds some anew. */
static int open_connections(struct simulation *simulation, struct simulation_round *result)
{
	int error = MPTCPLB_OK;

	for (uint32_t i = 0; i < simulation->options.connections && !error; i++) {
		tell_progress(simulation, result, i, 0);
		if (result->round > 1) {
			if (draw_below(simulation, 100) >= simulation->options.churn)
				continue;
			if (result->tokens == SIMULATION_MPTCPLB)
				error = close_connection(simulation, i);
		}
		if (!error)
			error = open_connection(simulation, result->tokens, i);
		result->opened++;
	}
	if (result->tokens == SIMULATION_MPTCPLB)
		end_quarantine_period(simulation);
	return error;
}

/* Connection and join come to balancers, and a hash sends the join to a server, by chance. */
static void route_by_chance(struct simulation *simulation, struct simulation_round *result,
			    uint32_t connection)
{
	const struct simulation_options *options = &simulation->options;
	bool same_balancer = draw_below(simulation, options->balancers) == 0;

	if (draw_below(simulation, options->servers) == connection % options->servers)
		return;
	result->misrouted[SIMULATION_HASH]++;
	if (!same_balancer)
		result->misrouted[SIMULATION_LEARNED]++;
}

static void route_by_token(const struct simulation *simulation, struct simulation_round *result,
			   uint32_t first, uint32_t count)
{
	struct mptcplb_token_parts parts[BATCH];
	int errors[BATCH];

	mptcplb_token_decode_batch(&simulation->keyring, parts, errors, simulation->tokens + first,
				   count);
	for (uint32_t i = 0; i < count; i++) {
		if (errors[i] || parts[i].server_id != (first + i) % simulation->options.servers)
			result->misrouted[SIMULATION_DECODE]++;
	}
}

/* Count equal tokens, and open a join for each connection. */
static int open_joins(struct simulation *simulation, struct simulation_round *result)
{
	uint32_t connections = simulation->options.connections;

	census_clear(&simulation->census);
	for (uint32_t i = 0; i < connections; i++) {
		tell_progress(simulation, result, i, 0.5);
		if (!census_add(&simulation->census, simulation->tokens[i]))
			return MPTCPLB_ERR_MEMORY;
		if (result->tokens == SIMULATION_RFC8684)
			route_by_chance(simulation, result, i);
		else if (i % BATCH == 0)
			route_by_token(simulation, result, i,
				       connections - i < BATCH ? connections - i : BATCH);
	}
	result->misrouted[SIMULATION_SHARED] = simulation->census.repeat_count;
	result->colliding_pairs = census_pairs(&simulation->census);
	return MPTCPLB_OK;
}

int simulation_play(struct simulation *simulation, struct simulation_round *result,
		    enum simulation_tokens tokens, uint32_t round)
{
	int error;

	*result = (struct simulation_round){ .round = round, .tokens = tokens };
	error = open_connections(simulation, result);
	return error ? error : open_joins(simulation, result);
}

void simulation_free(struct simulation *simulation)
{
	for (uint32_t i = 0; simulation->allocators && i < simulation->options.servers; i++)
		mptcplb_allocator_destroy(simulation->allocators[i]);
	free(simulation->allocators);
	free(simulation->tokens);
	census_free(&simulation->census);
	mptcplb_keyring_wipe(&simulation->keyring);
}
