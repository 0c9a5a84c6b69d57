/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A farm in numbers: connections that come and go on its servers, their tokens, and where
 * balancers send their joins. docs/tool.md says what the model leaves out.
 */
#ifndef MPTCPLB_TOOLS_SIMULATION_H
#define MPTCPLB_TOOLS_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/allocator.h>
#include <mptcplb/core.h>
#include <mptcplb/random.h>

#include "census.h"

#define SIMULATION_EPOCH_BITS 1

struct simulation_options {
	uint32_t servers; /* connection i is on server i mod servers, whose id that is */
	uint32_t connections; /* live at any time */
	uint32_t balancers;
	uint32_t rounds; /* in each, every connection opens a join */
	uint32_t churn; /* per cent of the connections that are replaced before a further round */
	uint32_t seed;
};

/* Whose tokens they are. */
enum simulation_tokens {
	SIMULATION_RFC8684, /* a hash of a random key, so a random number */
	SIMULATION_MPTCPLB, /* the library's allocator */
};

/* How balancers route a join. */
enum simulation_routing {
	SIMULATION_HASH, /* by its addresses and ports */
	SIMULATION_LEARNED, /* by the tokens of what came through this balancer, else as above */
	SIMULATION_SHARED, /* by a table of all tokens that all balancers share; the first entry stays */
	SIMULATION_DECODE, /* by decoding the token */
	SIMULATION_ROUTINGS,
};

/* What a round came to. */
struct simulation_round {
	uint32_t round; /* from 1 */
	enum simulation_tokens tokens;
	uint64_t opened; /* connections opened for this round */
	uint64_t colliding_pairs; /* of live connections with the same token */
	uint64_t misrouted[SIMULATION_ROUTINGS]; /* joins, by routing; where it applies */
};

struct simulation {
	struct simulation_options options;
	struct mptcplb_keyring keyring;
	struct mptcplb_allocator **allocators; /* by server */
	uint32_t *tokens; /* by connection */
	struct census census;
	uint64_t random_state;
	struct mptcplb_random random; /* the same numbers, for the library */
	/* Called now and then; NULL for never. */
	void (*progress)(enum simulation_tokens tokens, uint32_t round, double done);
};

/* The fewest server_id_bits with an id for each server. */
uint32_t simulation_id_bits(uint32_t servers);

/* How many connections so many servers can have: an eighth of their nonces. */
uint64_t simulation_connections_max(uint32_t servers);

/* Bytes that a simulation takes at most, collisions aside. */
uint64_t simulation_memory(const struct simulation_options *options);

/* Get everything ready; 0 or a value of enum mptcplb_error. simulation_free() in either case. */
int simulation_start(struct simulation *simulation, const struct simulation_options *options);

/* Play a round, 1 to rounds in turn for one kind of tokens; 0 or a value of enum mptcplb_error. */
int simulation_play(struct simulation *simulation, struct simulation_round *result,
		    enum simulation_tokens tokens, uint32_t round);

void simulation_free(struct simulation *simulation);

#endif
