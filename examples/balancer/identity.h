/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which of a farm's members this one is. */
#ifndef MPTCPLB_BALANCER_IDENTITY_H
#define MPTCPLB_BALANCER_IDENTITY_H

#include <stdbool.h>

#include <mptcplb/farm.h>

#include "dataplane.h"

/*
 * The balancer, or in the role redirector the server, called @name; without a name (NULL) the
 * one with an address of @interface, or else, with a warning, the only one. False after an error
 * message.
 */
bool identity_find(struct dataplane_member *self, const struct mptcplb_farm *farm, bool redirector,
		   const char *name, const char *interface);

#endif
