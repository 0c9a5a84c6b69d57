/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The auxiliary listener: an MPTCP socket on a loopback address that nobody connects to. One
 * half-open request of our own keeps its queue full, so it answers the SYNs that ingress hands
 * over with SYN cookies. A request dies after a minute, so a new listener takes over before that.
 */
#ifndef MPTCPLB_SERVER_AUXILIARY_H
#define MPTCPLB_SERVER_AUXILIARY_H

#include <stdbool.h>
#include <stdint.h>

#include "server_kern_user.h"

struct auxiliary {
	int listener;
	int filler; /* the client of the half-open request */
	uint16_t port; /* host byte order */
	uint64_t filled_at; /* CLOCK_MONOTONIC, ns */
};

struct auxiliaries {
	int map;
	int look; /* the program server_look */
	struct auxiliary current[SERVER_FAMILIES];
	struct auxiliary before[SERVER_FAMILIES]; /* SYNs may still be on their way to it */
	bool needed[SERVER_FAMILIES];
	int error; /* of the last turn, so that it is told once */
};

/* There are none at first; map, look and needed are the caller's to set. */
void auxiliaries_open(struct auxiliaries *auxiliaries);

/* Once a second: make new listeners when it is time, and close old ones. Says what is wrong. */
void auxiliaries_turn(struct auxiliaries *auxiliaries);

void auxiliaries_close(struct auxiliaries *auxiliaries);

#endif
