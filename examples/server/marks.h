/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel takes the third ACK of a SYN cookie only for a listener that sent a cookie itself in
 * the last two minutes. The listeners of the services send none, so once a minute each is made to:
 * cookies are on for all for a moment, in which it gets a SYN of ours.
 */
#ifndef MPTCPLB_SERVER_MARKS_H
#define MPTCPLB_SERVER_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "listening.h"
#include "look.h"

struct mark {
	const struct mptcplb_farm_service *service;
	uint16_t port; /* one of the service's */
	struct look look;
	uint32_t jiffies; /* the last mark that was seen */
	uint64_t seen_at; /* when it was not older than that; 0: not known */
	bool told; /* that its listener is no MPTCP socket */
};

struct marks {
	int map;
	int look; /* the program server_look */
	struct mark *marks;
	size_t count;
	struct listening listening;
	uint64_t looked_at;
	int error; /* of the last pulse, so that it is told once */
};

/*
 * For each port of the services that @server answers on; what @map, the services of the BPF
 * programs, knows of their marks is taken over. Returns 0 or -errno.
 */
int marks_open(struct marks *marks, int map, int look, const struct mptcplb_farm *farm,
	       const struct mptcplb_farm_server *server);

/* Once a second: see which marks are there, and renew old ones. Says what is wrong. */
void marks_refresh(struct marks *marks);

/* How many ports have a listener whose mark ingress trusts. */
size_t marks_ready(const struct marks *marks);

void marks_close(struct marks *marks);

#endif
