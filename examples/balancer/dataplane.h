/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The XDP program and its maps, loaded into the kernel and filled from a farm. */
#ifndef MPTCPLB_BALANCER_DATAPLANE_H
#define MPTCPLB_BALANCER_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"

#define DATAPLANE_FLOWS_DEFAULT 262144
#define DATAPLANE_FLOWS_MIN 1024
#define DATAPLANE_FLOWS_MAX 16777216

struct dataplane_options {
	bool tokens; /* false: joins are hashed like any SYN */
	bool drop_unroutable; /* false: unroutable joins are hashed like any SYN */
	uint32_t flows; /* how many joined subflows are remembered */
};

struct balancer_bpf;

/*
 * Load the program and fill its maps. @balancer, one of the farm's, gives the outer source
 * address. Returns the skeleton, to be closed with dataplane_close(), or NULL after an error
 * message. The farm is not needed any longer after that.
 */
struct balancer_bpf *dataplane_open(const struct mptcplb_farm *farm,
				    const struct mptcplb_farm_balancer *balancer,
				    const struct dataplane_options *options);

void dataplane_close(struct balancer_bpf *dataplane);

/* The file descriptor of the XDP program. */
int dataplane_program(const struct balancer_bpf *dataplane);

/* Sum the counters of all CPUs. Returns 0 or -errno. */
int dataplane_counters(const struct balancer_bpf *dataplane,
		       uint64_t counters[BALANCER_COUNTER_COUNT]);

#endif
