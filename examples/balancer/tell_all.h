/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * ICMP errors about flows that a redirector knows nothing of: any server may be the one they are
 * for, so each of the others gets a copy, as IP-in-IP from this server, which nobody sends on.
 */
#ifndef MPTCPLB_BALANCER_TELL_ALL_H
#define MPTCPLB_BALANCER_TELL_ALL_H

#include "dataplane.h"

struct tell_all;

/* Returns NULL after an error message. The maps must outlive it. */
struct tell_all *tell_all_open(const struct dataplane_maps *maps);

void tell_all_close(struct tell_all *all);

/* A descriptor that is readable when there is something to do. */
int tell_all_poll(const struct tell_all *all);

/* Send on what has come, from @self to the servers of these maps. */
void tell_all_serve(struct tell_all *all, const struct dataplane_maps *maps,
		    const struct balancer_config *self);

#endif
