/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a balancer that knows nothing of MPTCP would do. */
#ifndef MPTCPLB_TOOLS_HASH_BALANCER_H
#define MPTCPLB_TOOLS_HASH_BALANCER_H

#include <mptcplb/farm.h>

#include "flow.h"

/*
 * The server that a hash of addresses and ports gives: each server that is up and answers on the
 * flow's destination (or, when that is no service, each that is up) has the same share. NULL when
 * there is none.
 */
const struct mptcplb_farm_server *hash_balancer(const struct mptcplb_farm *farm,
						const struct flow *flow);

#endif
