/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a data plane remembers of flows, seen from user space. */
#ifndef MPTCPLB_BALANCER_FLOWS_H
#define MPTCPLB_BALANCER_FLOWS_H

#include <jansson.h>

#include "dataplane.h"

/*
 * How many flows are remembered, and up to @limit of them with their servers, as JSON: the totals
 * "kept" and "pending", and the array "flows". NULL when out of memory or when a map cannot be
 * read.
 */
json_t *flows_describe(const struct dataplane_maps *maps, size_t limit);

/* Forget the flows of which no packet has come for so many seconds. Returns how many. */
size_t flows_age(const struct dataplane_maps *maps, uint32_t idle);

#endif
