// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool simulate: what random tokens cost a farm, and what ours do. */
#include "tool.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "simulation.h"

static const struct {
	enum simulation_tokens tokens;
	const char *tokens_name;
	const char *routing_name;
} schemes[SIMULATION_ROUTINGS] = {
	[SIMULATION_HASH] = { SIMULATION_RFC8684, "rfc8684", "hash" },
	[SIMULATION_LEARNED] = { SIMULATION_RFC8684, "rfc8684", "learned" },
	[SIMULATION_SHARED] = { SIMULATION_RFC8684, "rfc8684", "shared" },
	[SIMULATION_DECODE] = { SIMULATION_MPTCPLB, "mptcplb", "decode" },
};

#define TOKENS 4294967296.0

/* Pairs of equal numbers among random ones of 32 bits. */
static double expected_pairs(const struct simulation_options *options,
			     enum simulation_tokens tokens)
{
	double connections = options->connections;

	return tokens == SIMULATION_RFC8684 ? connections * (connections - 1) / 2 / TOKENS : 0;
}

/* Connections whose token another one had before: all, but for as many as there are tokens. */
static double expected_repeats(const struct simulation_options *options)
{
	return options->connections + TOKENS * expm1(options->connections * log1p(-1 / TOKENS));
}

static double expected_misrouted(const struct simulation_options *options,
				 enum simulation_routing routing)
{
	double by_hash = options->connections * (1 - 1.0 / options->servers);

	switch (routing) {
	case SIMULATION_HASH:
		return by_hash;
	case SIMULATION_LEARNED:
		return by_hash * (1 - 1.0 / options->balancers);
	case SIMULATION_SHARED:
		return expected_repeats(options);
	default:
		return 0;
	}
}

static void print_json(json_t *object)
{
	print_json_line(object);
	json_decref(object);
}

static void print_options(const struct simulation_options *options, bool json)
{
	uint32_t id_bits = simulation_id_bits(options->servers);
	uint64_t memory = simulation_memory(options);

	if (json) {
		print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:I}", "servers",
				     (json_int_t)options->servers, "connections",
				     (json_int_t)options->connections, "balancers",
				     (json_int_t)options->balancers, "rounds",
				     (json_int_t)options->rounds, "churn",
				     (json_int_t)options->churn, "seed", (json_int_t)options->seed,
				     "server_id_bits", (json_int_t)id_bits, "epoch_bits",
				     SIMULATION_EPOCH_BITS, "memory", (json_int_t)memory));
		return;
	}
	printf("%" PRIu32 " servers, %" PRIu32 " connections, %" PRIu32 " balancers, churn %" PRIu32
	       " %%, seed %" PRIu32 "\nserver_id_bits %" PRIu32 ", epoch_bits %d, %" PRIu64
	       " MiB of memory\n\n",
	       options->servers, options->connections, options->balancers, options->churn,
	       options->seed, id_bits, SIMULATION_EPOCH_BITS, memory >> 20);
	printf("%5s  %-8s  %-8s  %10s  %10s  %10s  %10s  %10s  %11s\n", "ROUND", "TOKENS",
	       "ROUTING", "OPENED", "COLLISIONS", "EXPECTED", "MISROUTED", "EXPECTED", "OF ALL");
}

static void print_routing(const struct simulation_options *options,
			  const struct simulation_round *result, enum simulation_routing routing,
			  bool json)
{
	double pairs = expected_pairs(options, result->tokens);
	double misrouted = expected_misrouted(options, routing);

	if (json) {
		print_json(json_pack(
			"{s:I, s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:f}", "round",
			(json_int_t)result->round, "tokens", schemes[routing].tokens_name,
			"routing", schemes[routing].routing_name, "opened",
			(json_int_t)result->opened, "collisions",
			(json_int_t)result->colliding_pairs, "collisions_expected", pairs, "joins",
			(json_int_t)options->connections, "misrouted",
			(json_int_t)result->misrouted[routing], "misrouted_expected", misrouted));
		return;
	}
	printf("%5" PRIu32 "  %-8s  %-8s  %10" PRIu64 "  %10" PRIu64 "  %10.0f  %10" PRIu64
	       "  %10.0f  %10.5f%%\n",
	       result->round, schemes[routing].tokens_name, schemes[routing].routing_name,
	       result->opened, result->colliding_pairs, pairs, result->misrouted[routing],
	       misrouted, 100.0 * (double)result->misrouted[routing] / options->connections);
}

static void show_progress(enum simulation_tokens tokens, uint32_t round, double done)
{
	fprintf(stderr, "\r%s tokens, round %" PRIu32 ": %3.0f %%  ",
		tokens == SIMULATION_RFC8684 ? "rfc8684" : "mptcplb", round, 100 * done);
}

static void end_progress(const struct simulation *simulation)
{
	if (simulation->progress)
		fprintf(stderr, "\r%40s\r", "");
}

static int play(struct simulation *simulation, bool json)
{
	static const enum simulation_tokens both[] = { SIMULATION_RFC8684, SIMULATION_MPTCPLB };
	const struct simulation_options *options = &simulation->options;
	struct simulation_round result;

	print_options(options, json);
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		for (uint32_t round = 1; round <= options->rounds; round++) {
			int error = simulation_play(simulation, &result, both[i], round);

			end_progress(simulation);
			if (error)
				return fail("simulate: %s", mptcplb_strerror(error));
			for (int routing = 0; routing < SIMULATION_ROUTINGS; routing++) {
				if (schemes[routing].tokens == both[i])
					print_routing(options, &result, routing, json);
			}
			fflush(stdout);
		}
	}
	return TOOL_FINE;
}

int cmd_simulate(const struct arguments *arguments)
{
	const struct simulation_options options = {
		.servers = arguments->servers,
		.connections = arguments->connections,
		.balancers = arguments->balancers,
		.rounds = arguments->rounds,
		.churn = arguments->churn,
		.seed = arguments->seed,
	};
	uint64_t most = simulation_connections_max(options.servers);
	struct simulation simulation;
	int result, error;

	if (options.connections > most)
		return fail("simulate: %" PRIu32 " servers have nonces for %" PRIu64
			    " connections: expected at most so many, not %" PRIu32,
			    options.servers, most, options.connections);
	error = simulation_start(&simulation, &options);
	if (isatty(STDERR_FILENO))
		simulation.progress = show_progress;
	result = error ? fail("simulate: %s: it needs %" PRIu64 " MiB", mptcplb_strerror(error),
			      simulation_memory(&options) >> 20)
		       : play(&simulation, arguments->given & OPTION_JSON);
	simulation_free(&simulation);
	return result;
}
