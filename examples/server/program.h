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

/* Returns NULL after an error message; free it with server_bpf__destroy(). */
struct server_bpf *program_load(const struct program_options *options);

/* The key of a service in the map of services. */
struct server_service program_service(const struct mptcplb_farm_service *service);

/* Add the counters of all CPUs up. Returns 0 or -errno. */
int program_counters(const struct server_bpf *program, uint64_t counters[SERVER_COUNTER_COUNT]);

#endif
