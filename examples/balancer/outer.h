/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The header that goes in front of packets to a server. */
#ifndef MPTCPLB_BALANCER_OUTER_H
#define MPTCPLB_BALANCER_OUTER_H

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"

/* Prepare it for packets from @source to @server's address; both are of one IP version. */
void outer_fill(struct balancer_server *value, const struct mptcplb_farm_address *source,
		const struct mptcplb_farm_address *destination);

#endif
