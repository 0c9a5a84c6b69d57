/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The addresses that services are on: see struct balancer_ports. */
#ifndef MPTCPLB_BALANCER_ADDRESSES_H
#define MPTCPLB_BALANCER_ADDRESSES_H

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"

struct addresses {
	struct balancer_ports *entries;
	uint32_t size; /* how many entries: a power of two */
};

/*
 * Make the table; @services are the indices of the farm's services. Returns 0, or -1 after an
 * error message; addresses_free() in any case.
 */
int addresses_make(struct addresses *addresses, const struct mptcplb_farm *farm,
		   const uint16_t *services);

void addresses_free(struct addresses *addresses);

#endif
