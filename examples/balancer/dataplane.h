/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The XDP program and its maps, loaded into the kernel and filled from a farm.
 *
 * Another farm is another data plane: what changes with the farm lies in maps of its own, which
 * are complete before a packet sees them, and a link takes one program's place by another's in
 * one step. What outlives a change of the farm, foremost the flows, is in maps that each data
 * plane takes over from the one before.
 */
#ifndef MPTCPLB_BALANCER_DATAPLANE_H
#define MPTCPLB_BALANCER_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include <mptcplb/farm.h>

#include "balancer_kern_user.h"

#define DATAPLANE_FLOWS_DEFAULT 262144
#define DATAPLANE_FLOWS_MIN 1024
#define DATAPLANE_FLOWS_MAX 16777216

struct dataplane_options {
	bool redirector; /* false: the role is that of a balancer */
	bool tokens; /* false: joins are hashed like any SYN */
	bool drop_unroutable; /* false: unroutable joins are hashed like any SYN */
	uint32_t flows; /* how many flows can be remembered */
	bool settle; /* what is not remembered goes where new flows go */
};

/* Which member of the farm this is: in the role redirector one of its servers. */
struct dataplane_member {
	const char *name;
	const struct mptcplb_farm_address *address; /* outer source */
};

/* The maps that a data plane takes over from the one before it. */
enum dataplane_map {
	DATAPLANE_FLOWS,
	DATAPLANE_FLOW_NAMES,
	DATAPLANE_FLOW_KEY,
	DATAPLANE_COUNTERS,
	DATAPLANE_TRAFFIC,
	DATAPLANE_ERRORS,
	/* Not shared: read, to go on with its indices and with the homes of its flows. */
	DATAPLANE_SERVERS,
	DATAPLANE_TABLES,
	DATAPLANE_MAP_COUNT,
};

/* The name of a map, in the kernel and as a pin. */
const char *dataplane_map_name(enum dataplane_map map);

/* File descriptors of the maps of a data plane, by enum dataplane_map. */
struct dataplane_maps {
	int fds[DATAPLANE_MAP_COUNT];
};

struct dataplane;

/*
 * Load the program and fill its maps. @before are those of the data plane that this one takes
 * over from; NULL: it starts afresh. Returns the data plane, to be closed with
 * dataplane_close(), or NULL after an error message. The farm is not needed any longer after that.
 */
struct dataplane *dataplane_open(const struct mptcplb_farm *farm,
				 const struct dataplane_member *self,
				 const struct dataplane_options *options,
				 const struct dataplane_maps *before);

void dataplane_close(struct dataplane *dataplane);

/* The file descriptor of the XDP program, and those of its maps; they close with it. */
int dataplane_program(const struct dataplane *dataplane);
const struct dataplane_maps *dataplane_maps(const struct dataplane *dataplane);

/* Read the settings, with the secrets: wipe the keyring. Returns 0 or -errno. */
int dataplane_config(const struct dataplane *dataplane, struct balancer_config *config);

/* The index of the server that owns an id, or BALANCER_NO_SERVER. */
uint32_t dataplane_owner(const struct dataplane *dataplane, uint32_t server_id);

/* Whether the flow table has the size that is made for so many flows. */
bool dataplane_fits(const struct dataplane_maps *maps, uint32_t flows);

/* Number of buckets of the flow table. */
uint32_t dataplane_buckets(const struct dataplane_maps *maps);

#endif
