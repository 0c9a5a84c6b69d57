/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4): fill a table of slots so that each backend gets its share and few
 * slots change hands when backends come and go.
 */
#ifndef MPTCPLB_BALANCER_MAGLEV_H
#define MPTCPLB_BALANCER_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "balancer_kern_user.h"

struct maglev_backend {
	const char *name; /* what its slots depend on; unique */
	uint32_t weight; /* its share, in relation to the others'; at least 1 */
	uint16_t value; /* what is written into its slots */
};

/*
 * Fill @slots. The order of @backends is of no matter. Without any, each slot becomes
 * BALANCER_NO_SERVER. Returns 0 or -ENOMEM.
 */
int maglev_fill(uint16_t slots[BALANCER_MAGLEV_SIZE], const struct maglev_backend *backends,
		size_t count);

#endif
