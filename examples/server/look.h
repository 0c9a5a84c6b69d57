/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* See a listening socket of this network namespace as the BPF programs see it. */
#ifndef MPTCPLB_SERVER_LOOK_H
#define MPTCPLB_SERVER_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "server_kern_user.h"

struct look {
	enum server_listener kind;
	uint32_t mark; /* jiffies of the last cookie that it sent; 0: never */
	uint32_t requests; /* half-open ones */
	bool plain; /* nothing was set that would make its SYN/ACKs look otherwise */
};

/* Who gets a SYN to an address and port? @program is server_look. Returns 0 or -errno. */
int look_at(int program, const struct mptcplb_farm_address *address, uint16_t port,
	    struct look *look);

#endif
