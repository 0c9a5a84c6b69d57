/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Load the BPF programs for a server of a farm. */
#ifndef MPTCPLB_SERVER_PROGRAM_H
#define MPTCPLB_SERVER_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "server_kern_user.h"

struct server_bpf;

struct program_options {
	const struct mptcplb_farm *farm;
	const struct mptcplb_farm_server *server;
	uint32_t slot_count;
	uint32_t bucket_count; /* a power of two */
	bool decapsulate_only;
	bool cookies_for_all;
	uint32_t joins_per_token; /* MP_JOIN SYNs a second, at most; 0: no limit */
	uint32_t joins_in_total;
};

/* Whose maps a program goes on with. Neither: it gets new ones. */
struct program_before {
	const struct server_bpf *program; /* the one that runs; NULL: none */
	const char *pin; /* where an earlier agent may have left some; NULL: nowhere */
};

/*
 * Returns NULL after an error message; free it with server_bpf__destroy(). *taken_over tells
 * whether it goes on with the keys and counts of the one before. Pins of another layout are left
 * where they are, and not used.
 */
struct server_bpf *program_load(const struct program_options *options,
				const struct program_before *before, bool *taken_over);

/* Pin the maps in place of what is there. Returns 0, or -1 after an error message. */
int program_pin(const struct server_bpf *program, const char *directory);

/* What is told the next agent. Returns 0 or -errno. */
int program_state(const struct server_bpf *program, struct server_state *state);
int program_set_state(const struct server_bpf *program, const struct server_state *state);

/* The key of a service's port in the map of services. */
struct server_service program_service(const struct mptcplb_farm_service *service, uint16_t port);

/*
 * Have the programs search for keys themselves when a slot is empty. They stop on their own when
 * they lose track of live tokens, so this is done again after each live_refresh(). Returns 0 or
 * -errno.
 */
int program_allow_search(const struct server_bpf *program, const struct mptcplb_farm *farm,
			 const struct mptcplb_farm_server *server);

/* Add the counters of all CPUs up. Returns 0 or -errno. */
int program_counters(const struct server_bpf *program, uint64_t counters[SERVER_COUNTER_COUNT]);

#endif
