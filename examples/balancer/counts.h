/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a data plane has counted, for each service and each server, summed over all CPUs. */
#ifndef MPTCPLB_BALANCER_COUNTS_H
#define MPTCPLB_BALANCER_COUNTS_H

#include "dataplane.h"

/* All functions return 0 or -errno. */

/* What was counted for the service of an index, or for packets of none (BALANCER_NO_SERVER). */
int counts_of_service(const struct dataplane_maps *maps, uint32_t service,
		      struct balancer_counters *counters);

/* The same for all services, and for those of before that are gone. It never goes down. */
int counts_of_all(const struct dataplane_maps *maps, struct balancer_counters *counters);

/* What was counted for packets to the server of an index. */
int counts_of_server(const struct dataplane_maps *maps, uint32_t server,
		     struct balancer_traffic *traffic);

/*
 * Before one or more of the two below: wait until no CPU is in a program that has been replaced.
 */
void counts_wait(void);

/* Let another service, or server, start at zero with an index that no program at work counts for. */
int counts_restart_service(const struct dataplane_maps *maps, uint32_t service);
int counts_restart_server(const struct dataplane_maps *maps, uint32_t server);

#endif
