/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a running balancer says of itself, as JSON. */
#ifndef MPTCPLB_BALANCER_DESCRIBE_H
#define MPTCPLB_BALANCER_DESCRIBE_H

#include <jansson.h>

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"

/* "services" and "servers" of a farm. Never a secret. NULL when out of memory. */
json_t *describe_farm(const struct mptcplb_farm *farm);

/* An object of counters by name, or NULL when out of memory. */
json_t *describe_counters(const uint64_t counters[BALANCER_COUNTER_COUNT]);

#endif
