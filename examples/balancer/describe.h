/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a running balancer says of itself, as JSON. Never a secret. */
#ifndef MPTCPLB_BALANCER_DESCRIBE_H
#define MPTCPLB_BALANCER_DESCRIBE_H

#include <jansson.h>

#include <mptcplb/farm.h>

#include "options.h"

/* The settings, and "services" and "servers" of the farm. NULL when out of memory. */
json_t *describe_run(const struct run_options *options, const struct mptcplb_farm *farm,
		     const struct dataplane_member *self);

/*
 * Add what was counted: "counters" of all packets, and of each of the services that describe_run()
 * has listed; "traffic" of each of its servers. Returns 0 or -errno.
 */
int describe_counts(json_t *description, const struct dataplane_maps *maps);

#endif
