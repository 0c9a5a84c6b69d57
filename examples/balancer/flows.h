/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The flow table of a data plane, seen from user space, which maps it into its memory: the data
 * plane goes on to use it meanwhile.
 */
#ifndef MPTCPLB_BALANCER_FLOWS_H
#define MPTCPLB_BALANCER_FLOWS_H

#include <jansson.h>

#include "dataplane.h"

/*
 * How many flows are remembered, and up to @limit of them with their servers, as JSON: the totals
 * "kept", "new" (a SYN alone was seen), "old" (from before a change of the farm) and "places", and
 * the array "flows". NULL when out of memory or when a map cannot be read.
 */
json_t *flows_describe(const struct dataplane_maps *maps, size_t limit);

/* What is remembered of one flow: its word in the table, or 0. Its service_index must be set. */
uint64_t flows_find(const struct dataplane_maps *maps, const struct balancer_flow *flow);

/*
 * Forget the flows of which no packet has come for so many seconds (0: none for that), and those
 * of servers that are gone. Returns how many.
 */
size_t flows_age(const struct dataplane_maps *maps, uint32_t idle);

#endif
